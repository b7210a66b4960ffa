//! A PostgreSQL-compatible store on virtual time.
