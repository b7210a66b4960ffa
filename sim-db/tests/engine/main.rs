//! The engine, driven by several sessions whose futures are polled by hand.

mod deadlock;
mod property;
mod read_committed;
mod row_lock;
mod script;
mod serializable;
mod snapshot_levels;
mod table_lock;
mod transaction;
mod unique;
mod world;
