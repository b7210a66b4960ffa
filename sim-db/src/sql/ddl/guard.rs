//! The unique indexes of the system catalogs, which decide between two transactions that make the same name.

use crate::error::DatabaseError;
use crate::value::Oid;

/// The catalog index that a new object's name meets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Indexes and sequences have no row type, and a new name of a table meets this one too.
    Relation,
    /// Tables and views, whose row type is entered before themselves; and types.
    Type,
    /// Schemas.
    Schema,
}

impl Guard {
    /// 23505, as PostgreSQL words it.
    pub(crate) fn violation(self, schema: Oid, name: &str) -> DatabaseError {
        let (index, catalog, key) = match self {
            Self::Relation => (
                "pg_class_relname_nsp_index",
                "pg_class",
                format!("Key (relname, relnamespace)=({name}, {schema})"),
            ),
            Self::Type => (
                "pg_type_typname_nsp_index",
                "pg_type",
                format!("Key (typname, typnamespace)=({name}, {schema})"),
            ),
            Self::Schema => ("pg_namespace_nspname_index", "pg_namespace", format!("Key (nspname)=({name})")),
        };
        DatabaseError::unique_violation(index, &key).with_table("pg_catalog", catalog)
    }
}
