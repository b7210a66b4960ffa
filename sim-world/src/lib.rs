//! What every test of a backend needs around the service: third parties, people and clients, configuration.
//!
//! Each is usable alone, speaks real HTTP over the simulated network from a node of its own, and is cheap to
//! clone: the scenario scripts it, properties look into its books without touching the wire. Nothing inside the
//! service under test is replaced.
//!
//! | module | what |
//! |---|---|
//! | [`payments`] | a payment provider: idempotency keys, captures, refunds, webhooks, test and live mode |
//! | [`identity`] | an identity provider: logins, signed tokens, refresh rotation, roles, revocation |
//! | [`mail`] | a mail service that keeps what it is sent |
//! | [`queue`] | an at-least-once queue: visibility time, redelivery, dead letters |
//! | [`browser`] | a person's device: cookies, tabs, double clicks, abandoned requests |
//! | [`client`] | a client that retries: time limits, back-off, hedging, idempotency keys |
//! | [`config`] | environments of a fleet, flags and rollouts, and a property that finds drift |
//! | [`http`] | to send and to serve requests: for a third party of your own |
//! | [`hyper`] | hyper 1.x on simulated streams |
//!
//! # Faults
//!
//! Third parties misbehave when a script says so, or when the plan of faults ([`sim_runtime::fault::Plan`])
//! allows it; the kinds stand in the table of each module.

pub mod browser;
pub mod client;
pub mod config;
mod event;
pub mod http;
pub mod hyper;
pub mod identity;
pub mod mail;
pub mod payments;
pub mod queue;
mod shared;

pub use browser::Browser;
pub use client::Client;
pub use config::Fleet;
pub use identity::Identity;
pub use mail::Mail;
pub use payments::Payments;
pub use queue::Queue;
