//! A transactional store without SQL, on the same engine.
//!
//! For code under test that only wants tables, transactions and their anomalies: a
//! [`Database`], [`Table`]s of [`Record`]s, and [`Transaction`]s whose operations behave
//! as the corresponding SQL statement would: isolation levels, row locks, unique keys
//! with names (23505), deadlocks (40P01), serialization failures (40001). Every
//! operation is a round trip: other sessions may run before it reaches the store and
//! before its answer is back ([`SwitchPoint`](crate::engine::SwitchPoint)).
//!
//! ```
//! use sim_db::{engine::IsolationLevel, error::Result, record, typed::{Database, Table}};
//!
//! record! {
//!     struct Order {
//!         id: i64,
//!         paid: bool,
//!     }
//! }
//!
//! /// Pays an order once, however many try: the second waits for the first, then sees what it did.
//! async fn pay(database: &Database, orders: &Table<Order>, id: i64) -> Result<bool> {
//!     let transaction = database.begin(IsolationLevel::ReadCommitted).await?;
//!     match transaction.select_for_update(orders, id).await? {
//!         Some(order) if !order.paid => {
//!             transaction.update(orders, id, |order| order.paid = true).await?;
//!             transaction.commit().await?;
//!             Ok(true)
//!         }
//!         _ => Ok(false),
//!     }
//! }
//! ```

mod column;
mod database;
mod observed;
mod record;
mod table;
mod transaction;

pub use column::{Column, ToKey};
pub use database::Database;
pub use record::Record;
pub use table::{Table, TableBuilder};
pub use transaction::Transaction;
