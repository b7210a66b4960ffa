//! The inventory's protocol, version 1: messages, client and server.

tonic::include_proto!("inventory.v1");
