//! What third parties, browsers, clients and configuration do, and that planted defects are found with them.
#![allow(clippy::disallowed_methods, reason = "what the code under test does")]

mod browser;
mod client;
mod config;
mod http;
mod identity;
mod mail;
mod payments;
mod planted;
mod queue;
mod run;
