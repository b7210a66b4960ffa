//! The link shortener among the others: customers, an identity provider, a payment provider, several nodes.

mod configuration;
mod payments;
mod quota;
mod stack;
mod third_party;
