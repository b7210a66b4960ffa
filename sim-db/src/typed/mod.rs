//! A transactional store without SQL, on the same engine.
//!
//! For code under test that only wants tables, transactions and their anomalies: a
//! [`Database`], [`Table`]s of [`Record`]s, and [`Transaction`]s whose operations behave
//! as the corresponding SQL statement would: isolation levels, row locks, unique keys
//! with names (23505), deadlocks (40P01), serialization failures (40001). Every
//! operation is a round trip: other sessions may run before it reaches the store and
//! before its answer is back ([`SwitchPoint`](crate::engine::SwitchPoint)).

mod column;
mod database;
mod record;
mod table;
mod transaction;

pub use column::{Column, ToKey};
pub use database::Database;
pub use record::Record;
pub use table::{Table, TableBuilder};
pub use transaction::Transaction;
