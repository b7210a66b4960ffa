//! DDL: changes of the catalog, and of the engine's tables, indexes and sequences with it.

mod alter;
mod constraint;
mod create;
mod drop;
mod guard;
mod index;
mod object;

use super::catalog::env::Found;
use super::catalog::{Relation, Table, store};
use super::connection::{Connection, unsupported_statement};
use super::error::{error, error_at_ident};
use super::parse::DdlStatement;
use crate::engine::{LockMode, ObjectKey, TableId, WaitPolicy};
use crate::error::{Result, Severity};
use crate::value::Oid;
use guard::Guard;
use sqlparser::ast;
use std::sync::Arc;

impl Connection {
    /// Runs DDL that `sqlparser` read.
    pub(crate) async fn run_ddl(&mut self, statement: &ast::Statement) -> Result<String> {
        match statement {
            ast::Statement::CreateTable(create) => self.create_table(create).await,
            ast::Statement::CreateIndex(create) => self.create_index(create).await,
            ast::Statement::CreateView(create) => self.create_view(create).await,
            ast::Statement::AlterTable(alter) => self.alter_table(alter).await,
            other => Err(unsupported_statement(other)),
        }
    }

    /// Runs DDL that was read here.
    pub(crate) async fn run_own_ddl(&mut self, statement: &DdlStatement) -> Result<String> {
        match statement {
            DdlStatement::Drop { kind, if_exists, names, cascade } => {
                self.run_drop(*kind, *if_exists, names, *cascade).await
            }
            DdlStatement::Alter { kind, if_exists, tag } => self.run_alter(kind, *if_exists, tag).await,
            other => self.create_object(other).await,
        }
    }

    /// The schema that a new object goes into.
    pub(crate) fn target_schema(&mut self, schema: Option<&str>) -> Result<Oid> {
        let env = self.env();
        match schema {
            Some("pg_temp") => Ok(self.temporary()),
            Some(name) => {
                let oid = env.schema(name)?;
                if oid == super::catalog::PG_CATALOG {
                    return Err(error(b"42501", "permission denied for schema pg_catalog"));
                }
                Ok(oid)
            }
            None => env.create_in.ok_or_else(|| error(b"3F000", "no schema has been selected to create in")),
        }
    }

    /// The session's schema of temporary objects.
    pub(crate) fn temporary(&mut self) -> Oid {
        if let Some(oid) = self.temporary_schema {
            return oid;
        }
        let oid = self.session.engine().next_oid();
        let name: Arc<str> = format!("pg_temp_{}", self.session.pid().0).into();
        store::put_schema(&self.session, name.clone(), Some(super::catalog::Schema { oid, name }));
        self.temporary_schema = Some(oid);
        oid
    }

    /// Takes the session's temporary tables away.
    pub(crate) fn drop_temporary(&mut self) {
        let Some(schema) = self.temporary_schema else { return };
        let env = self.env();
        for relation in env.catalog.relations().filter(|relation| relation.schema() == schema) {
            store::remove_relation(&self.session, relation);
            match relation {
                Relation::Table(table) => drop(self.session.drop_table(TableId(table.oid))),
                Relation::Sequence(sequence) => {
                    self.session.drop_sequence(crate::engine::SequenceId(sequence.oid))
                }
                _ => {}
            }
        }
    }

    /// Takes a relation's name for this transaction; `false` if there is such a relation already.
    ///
    /// As in PostgreSQL the look comes first and the catalog's unique index, which waits for others, after it. So who
    /// loses a race gets that index's error, `IF NOT EXISTS` or not.
    ///
    /// # Errors
    ///
    /// 23505 of `guard`, 40P01, 57014.
    pub(crate) async fn claim_name(&mut self, schema: Oid, name: &str, guard: Guard) -> Result<bool> {
        if self.env().catalog.relation(schema, name).is_some() {
            return Ok(false);
        }
        let key = ObjectKey { class: store::CLASS_RELATION, namespace: schema, name: name.into() };
        self.session.lock_object(&key).await?;
        if self.env().catalog.relation(schema, name).is_some() {
            return Err(guard.violation(schema, name));
        }
        Ok(true)
    }

    /// Refuses to change what a table is like while checks of its rows are put off.
    ///
    /// # Errors
    ///
    /// 55006.
    pub(crate) fn refuse_pending(&self, table: &Table, command: &str) -> Result<()> {
        let is_pending = self.deferred.iter().any(|check| check.table == table.oid)
            || self.session.has_pending_checks(TableId(table.oid));
        if is_pending {
            let message =
                format!("cannot {command} \"{}\" because it has pending trigger events", table.name);
            return Err(error(b"55006", message));
        }
        Ok(())
    }

    /// A free relation name made of parts: `t_col_key`, `t_col_key1` …
    pub(crate) fn free_name(&mut self, schema: Oid, base: &str, taken: &dyn Fn(&str) -> bool) -> Arc<str> {
        let env = self.env();
        let mut number = 0;
        loop {
            let name = if number == 0 { shorten(base) } else { shorten(&format!("{base}{number}")) };
            if env.catalog.relation(schema, &name).is_none() && !taken(&name) {
                return name.into();
            }
            number += 1;
        }
    }

    /// A table by name, locked.
    pub(crate) async fn locked_table(
        &mut self,
        name: &ast::ObjectName,
        mode: LockMode,
    ) -> Result<Option<Arc<Table>>> {
        let (schema, table_name, ident) = super::bind::types::qualified(name)?;
        loop {
            let env = self.env();
            let found = env.find_relation(schema.as_deref(), &table_name);
            let table = match found {
                None => return Ok(None),
                Some(Found::User(Relation::Table(table))) => table,
                Some(Found::User(other)) => {
                    let message = format!("\"{}\" is not a table", other.name());
                    return Err(error_at_ident(ident, b"42809", message));
                }
                Some(Found::System(table)) => {
                    return Err(error(
                        b"42501",
                        format!("permission denied: \"{}\" is a system catalog", table.name),
                    ));
                }
            };
            self.session.lock_table(TableId(table.oid), mode, WaitPolicy::Wait).await?;
            if self.session.catalog_version() == env.catalog.version {
                return Ok(Some(table));
            }
        }
    }

    /// The newest state of a table that this statement is changing.
    pub(crate) fn table_now(&mut self, oid: Oid) -> Result<Table> {
        self.env().catalog.table(oid).map(|table| (**table).clone()).ok_or_else(|| {
            crate::error::DatabaseError::internal("a table that vanished while it was altered")
        })
    }

    /// Stores a changed table.
    pub(crate) fn put_table(&mut self, table: Table) {
        store::put_relation(&self.session, Relation::Table(Arc::new(table)));
    }

    /// A notice that something was left out.
    pub(crate) fn skip_notice(&self, code: &'static [u8; 5], message: String) {
        self.notice(Severity::Notice, code, message);
    }
}

/// A name cut to what PostgreSQL stores.
pub(crate) fn shorten(name: &str) -> String {
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}
