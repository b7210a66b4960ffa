//! The catalog: what tables, indexes, types and the rest are, as this session sees them now.
//!
//! The objects live in the engine's object store, so that DDL is transactional without our doing; a [`Catalog`] is a
//! session's view of them, read anew whenever the engine's catalog version moves, and shared by plans.

pub mod env;
pub mod object;
pub mod store;
pub mod system;

pub use env::Env;
pub use object::*;
pub use store::Catalog;

use crate::value::Oid;

/// OID of schema `pg_catalog`.
pub const PG_CATALOG: Oid = 11;
/// OID of schema `public`.
pub const PUBLIC: Oid = 2200;
/// OID of schema `information_schema`.
pub const INFORMATION_SCHEMA: Oid = 13_183;
/// OID of the only role.
pub const OWNER: Oid = 10;
