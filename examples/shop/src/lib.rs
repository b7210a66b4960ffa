//! A shop: customers order products, pay, and get what they paid for once.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | settings, from the environment |
//! | [`server`] | the program: listens, works in the background, ends on ctrl-c |
//! | [`routes`] | HTTP in, JSON out |
//! | [`checkout`] | an order's way through stock and payment |
//! | [`worker`] | finishes what requests left unfinished |
//! | [`store`] | what the shop remembers; every method is one transaction |
//! | [`inventory`], [`provider`] | the services that the shop calls |
//!
//! An order is *placed*, then *reserved* when the inventory holds its lines, then *paying* while the payment
//! provider has been asked and has not answered, and in the end *paid* or *cancelled*. What the inventory holds is settled after that.
//! Each step is written down before the next begins, and may be repeated, so that whoever finds an order half-way can go on with it.

pub mod checkout;
pub mod config;
pub mod error;
pub mod inventory;
pub mod model;
pub mod provider;
pub mod routes;
pub mod server;
pub mod store;
pub mod worker;

pub use server::{serve, start};
