//! `DROP` and `TRUNCATE`.

use super::super::catalog::env::Found;
use super::super::catalog::{PUBLIC, Relation, Table, TypeBody, store};
use super::super::connection::Connection;
use super::super::error::{error, error_at};
use super::super::parse::{DropKind, Name};
use crate::engine::{IndexId, LockMode, ObjectKey, SequenceId, TableId, WaitPolicy};
use crate::error::{DatabaseError, Result, SqlState};
use crate::value::Oid;
use std::sync::Arc;

fn word(kind: DropKind) -> &'static str {
    match kind {
        DropKind::Table => "table",
        DropKind::View => "view",
        DropKind::Index => "index",
        DropKind::Sequence => "sequence",
        DropKind::Type | DropKind::Domain => "type",
        DropKind::Schema => "schema",
        DropKind::Extension => "extension",
    }
}

fn depends(what: &str, detail: String) -> DatabaseError {
    DatabaseError::new(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot drop {what} because other objects depend on it"),
    )
    .with_detail(detail)
    .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

impl Connection {
    pub(super) async fn run_drop(
        &mut self,
        kind: DropKind,
        if_exists: bool,
        names: &[Name],
        cascade: bool,
    ) -> Result<String> {
        let tag = match kind {
            DropKind::Domain => "DROP DOMAIN".to_owned(),
            _ => format!("DROP {}", word(kind).to_uppercase()),
        };
        match kind {
            DropKind::Schema => {
                for name in names {
                    self.drop_schema(&name.name, if_exists, cascade).await?;
                }
                return Ok(tag);
            }
            DropKind::Type | DropKind::Domain => {
                for name in names {
                    self.drop_type(name, if_exists, cascade).await?;
                }
                return Ok(tag);
            }
            DropKind::Extension => {
                for name in names {
                    if !self.env().catalog.extensions().iter().any(|known| **known == *name.name) {
                        if !if_exists {
                            return Err(error(
                                b"42704",
                                format!("extension \"{}\" does not exist", name.name),
                            ));
                        }
                        self.skip_notice(
                            b"00000",
                            format!("extension \"{}\" does not exist, skipping", name.name),
                        );
                        continue;
                    }
                    let key = ObjectKey {
                        class: store::CLASS_EXTENSION,
                        namespace: 0,
                        name: name.name.as_str().into(),
                    };
                    self.session.remove_object(&key);
                }
                return Ok(tag);
            }
            _ => {}
        }
        let mut doomed: Vec<Relation> = Vec::new();
        for name in names {
            let found = self.env().find_relation(name.schema.as_deref(), &name.name);
            let relation = match found {
                Some(Found::User(relation)) => relation,
                Some(Found::System(table)) => {
                    return Err(error(
                        b"42501",
                        format!("permission denied: \"{}\" is a system catalog", table.name),
                    ));
                }
                None => {
                    if let Some(schema) = &name.schema
                        && self.env().catalog.schema(schema).is_none()
                    {
                        if if_exists {
                            self.skip_notice(
                                b"00000",
                                format!("schema \"{schema}\" does not exist, skipping"),
                            );
                            continue;
                        }
                        return Err(error(b"3F000", format!("schema \"{schema}\" does not exist")));
                    }
                    let message = format!("{} \"{}\" does not exist", word(kind), name.display());
                    if if_exists {
                        self.skip_notice(b"00000", format!("{message}, skipping"));
                        continue;
                    }
                    let code = if kind == DropKind::Index { b"42704" } else { b"42P01" };
                    return Err(error_at(name.span, code, message).clone());
                }
            };
            let right = matches!(
                (kind, &relation),
                (DropKind::Table, Relation::Table(_))
                    | (DropKind::View, Relation::View(_))
                    | (DropKind::Index, Relation::Index { .. })
                    | (DropKind::Sequence, Relation::Sequence(_))
            );
            if !right {
                return Err(error(b"42809", format!("\"{}\" is not a {}", relation.name(), word(kind)))
                    .with_hint(format!(
                        "Use DROP {} to remove a {}.",
                        relation.kind().to_uppercase(),
                        relation.kind()
                    )));
            }
            doomed.push(relation);
        }
        for relation in &doomed {
            let lock = match relation {
                Relation::Index { table, .. } => *table,
                other => other.oid(),
            };
            self.session.lock_table(TableId(lock), LockMode::AccessExclusive, WaitPolicy::Wait).await?;
        }
        let oids: Vec<Oid> = doomed.iter().map(Relation::oid).collect();
        for relation in doomed {
            self.drop_relation(&relation, &oids, cascade).await?;
        }
        Ok(tag)
    }

    /// Drops a relation; what depends on it goes too (`cascade`, or it is dropped in the same statement), or refuses.
    async fn drop_relation(&mut self, relation: &Relation, together: &[Oid], cascade: bool) -> Result<()> {
        let env = self.env();
        let Some(relation) = env.catalog.relation_by_oid(relation.oid()).cloned() else { return Ok(()) };
        let what = format!("{} {}", relation.kind(), relation.name());
        // Views over it.
        for other in env.catalog.relations() {
            let Relation::View(view) = other else { continue };
            if view.depends.contains(&relation.oid()) && view.oid != relation.oid() {
                if !cascade && !together.contains(&view.oid) {
                    return Err(depends(&what, format!("view {} depends on {what}", view.name)));
                }
                if cascade && !together.contains(&view.oid) {
                    self.skip_notice(b"00000", format!("drop cascades to view {}", view.name));
                }
                Box::pin(self.drop_relation(other, together, cascade)).await?;
            }
        }
        match &relation {
            Relation::Table(table) => self.drop_table(table, together, cascade, &what).await?,
            Relation::Sequence(sequence) => {
                for other in env.catalog.relations() {
                    let Relation::Table(table) = other else { continue };
                    let uses = table.columns.iter().position(|column| column.sequence == Some(sequence.oid));
                    if let Some(at) = uses {
                        let column = &table.columns[at].name;
                        if table.columns[at].identity.is_some() {
                            let message = format!(
                                "cannot drop sequence {} because column {column} of table {} requires it",
                                sequence.name, table.name
                            );
                            return Err(DatabaseError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
                        }
                        if !cascade {
                            let detail = format!(
                                "default value for column {column} of table {} depends on {what}",
                                table.name
                            );
                            return Err(depends(&what, detail));
                        }
                        let mut changed = self.table_now(table.oid)?;
                        changed.columns[at].default = None;
                        changed.columns[at].sequence = None;
                        self.put_table(changed);
                    }
                }
                self.session.drop_sequence(SequenceId(sequence.oid));
                store::remove_relation(&self.session, &relation);
            }
            Relation::View(_) => store::remove_relation(&self.session, &relation),
            Relation::Index { oid, table, .. } => {
                let mut table = self.table_now(*table)?;
                if let Some(index) = table.indexes.iter().find(|index| index.oid == *oid)
                    && index.constraint.is_some()
                {
                    let message = format!(
                        "cannot drop index {} because constraint {} on table {} requires it",
                        index.name, index.name, table.name
                    );
                    return Err(DatabaseError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                        .with_hint(format!(
                            "You can drop constraint {} on table {} instead.",
                            index.name, table.name
                        )));
                }
                table.indexes.retain(|index| index.oid != *oid);
                self.session.drop_index(IndexId(*oid));
                store::remove_relation(&self.session, &relation);
                self.put_table(table);
            }
        }
        Ok(())
    }

    async fn drop_table(
        &mut self,
        table: &Arc<Table>,
        together: &[Oid],
        cascade: bool,
        what: &str,
    ) -> Result<()> {
        self.refuse_pending(table, "DROP TABLE")?;
        let env = self.env();
        for (child, at) in env.catalog.referencing(table.oid) {
            if child.oid == table.oid {
                continue;
            }
            let key = &child.foreign_keys[*at];
            if !cascade && !together.contains(&child.oid) {
                let detail = format!("constraint {} on table {} depends on {what}", key.name, child.name);
                return Err(depends(what, detail));
            }
            if together.contains(&child.oid) {
                // It goes in this statement; its key must not outlive the target meanwhile.
            } else {
                self.session
                    .lock_table(TableId(child.oid), LockMode::AccessExclusive, WaitPolicy::Wait)
                    .await?;
                self.skip_notice(
                    b"00000",
                    format!("drop cascades to constraint {} on table {}", key.name, child.name),
                );
            }
            let mut changed = self.table_now(child.oid)?;
            changed.foreign_keys.retain(|known| known.oid != key.oid);
            self.put_table(changed);
        }
        for index in &table.indexes {
            let entry = Relation::Index {
                oid: index.oid,
                table: table.oid,
                schema: table.schema,
                name: index.name.clone(),
            };
            store::remove_relation(&self.session, &entry);
        }
        for column in &table.columns {
            if let Some(sequence) = column.sequence.and_then(|oid| env.catalog.sequence(oid)) {
                self.session.drop_sequence(SequenceId(sequence.oid));
                store::remove_relation(&self.session, &Relation::Sequence(sequence.clone()));
            }
        }
        self.session.drop_table(TableId(table.oid))?;
        store::remove_relation(&self.session, &Relation::Table(table.clone()));
        Ok(())
    }

    async fn drop_schema(&mut self, name: &str, if_exists: bool, cascade: bool) -> Result<()> {
        let env = self.env();
        let Some(schema) = env.catalog.schema(name).cloned() else {
            if if_exists {
                self.skip_notice(b"00000", format!("schema \"{name}\" does not exist, skipping"));
                return Ok(());
            }
            return Err(error(b"3F000", format!("schema \"{name}\" does not exist")));
        };
        let members: Vec<Relation> = env
            .catalog
            .relations()
            .filter(|relation| relation.schema() == schema.oid && !matches!(relation, Relation::Index { .. }))
            .cloned()
            .collect();
        let types: Vec<_> = env.catalog.types().filter(|t| t.schema == schema.oid).cloned().collect();
        if !cascade && (!members.is_empty() || !types.is_empty()) {
            let first = members.first().map_or_else(
                || format!("type {name}.{}", types[0].name),
                |relation| format!("{} {name}.{}", relation.kind(), relation.name()),
            );
            return Err(depends(&format!("schema {name}"), format!("{first} depends on schema {name}")));
        }
        let oids: Vec<Oid> = members.iter().map(Relation::oid).collect();
        for relation in &members {
            self.session
                .lock_table(TableId(relation.oid()), LockMode::AccessExclusive, WaitPolicy::Wait)
                .await?;
            self.drop_relation(relation, &oids, true).await?;
        }
        for user_type in types {
            store::remove_type(&self.session, &user_type);
        }
        let built_in = schema.oid == PUBLIC;
        if built_in {
            store::put_schema(&self.session, name.into(), None);
        } else {
            let key = ObjectKey { class: store::CLASS_SCHEMA, namespace: 0, name: name.into() };
            self.session.remove_object(&key);
        }
        Ok(())
    }

    async fn drop_type(&mut self, name: &Name, if_exists: bool, cascade: bool) -> Result<()> {
        let env = self.env();
        let found = env
            .find_type(name.schema.as_deref(), &name.name)
            .and_then(|oid| env.catalog.type_by_oid(oid))
            .cloned();
        let Some(user_type) = found else {
            if if_exists {
                self.skip_notice(b"00000", format!("type \"{}\" does not exist, skipping", name.display()));
                return Ok(());
            }
            return Err(error(b"42704", format!("type \"{}\" does not exist", name.display())));
        };
        let what = format!("type {}", user_type.name);
        let uses = |oid: Oid| oid == user_type.oid || oid == user_type.array;
        for relation in env.catalog.relations() {
            let Relation::Table(table) = relation else { continue };
            for (at, column) in table.columns.iter().enumerate() {
                if column.dropped || !uses(column.data_type.oid) {
                    continue;
                }
                if !cascade {
                    let detail = format!("column {} of table {} depends on {what}", column.name, table.name);
                    return Err(depends(&what, detail));
                }
                self.session
                    .lock_table(TableId(table.oid), LockMode::AccessExclusive, WaitPolicy::Wait)
                    .await?;
                self.skip_notice(
                    b"00000",
                    format!("drop cascades to column {} of table {}", column.name, table.name),
                );
                self.drop_column_at(table.oid, at, true).await?;
            }
        }
        for other in env.catalog.types() {
            if let TypeBody::Domain { base, .. } = &other.body
                && uses(base.oid)
                && !cascade
            {
                return Err(depends(&what, format!("type {} depends on {what}", other.name)));
            }
        }
        store::remove_type(&self.session, &user_type);
        Ok(())
    }

    pub(crate) async fn run_truncate(
        &mut self,
        names: &[Name],
        restart: bool,
        cascade: bool,
    ) -> Result<String> {
        let mut tables: Vec<Arc<Table>> = Vec::new();
        for name in names {
            match self.relation(name)? {
                Relation::Table(table) => {
                    self.session
                        .lock_table(TableId(table.oid), LockMode::AccessExclusive, WaitPolicy::Wait)
                        .await?;
                    self.refuse_pending(&table, "TRUNCATE")?;
                    tables.push(table);
                }
                other => return Err(error(b"42809", format!("\"{}\" is not a table", other.name()))),
            }
        }
        let env = self.env();
        let mut at = 0;
        while at < tables.len() {
            let table = tables[at].clone();
            at += 1;
            for (child, key) in env.catalog.referencing(table.oid) {
                if tables.iter().any(|known| known.oid == child.oid) {
                    continue;
                }
                if !cascade && !tables.iter().any(|known| known.oid == child.oid) {
                    let listed = names.iter().any(|name| *name.name == *child.name);
                    if listed {
                        continue;
                    }
                    let _ = key;
                    return Err(error(
                        b"0A000",
                        "cannot truncate a table referenced in a foreign key constraint",
                    )
                    .with_detail(format!("Table \"{}\" references \"{}\".", child.name, table.name))
                    .with_hint(format!(
                        "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                        child.name
                    )));
                }
                self.session
                    .lock_table(TableId(child.oid), LockMode::AccessExclusive, WaitPolicy::Wait)
                    .await?;
                self.skip_notice(b"00000", format!("truncate cascades to table \"{}\"", child.name));
                self.refuse_pending(child, "TRUNCATE")?;
                tables.push(child.clone());
            }
        }
        for table in &tables {
            // Its indexes are made anew, under a lock of their own.
            self.session.lock_table(TableId(table.oid), LockMode::Share, WaitPolicy::Wait).await?;
            self.session.truncate_table(TableId(table.oid))?;
            if restart {
                for sequence in table.columns.iter().filter_map(|column| column.sequence) {
                    if let Some(sequence) = env.catalog.sequence(sequence) {
                        let start = sequence.definition.start;
                        self.session.alter_sequence(
                            SequenceId(sequence.oid),
                            sequence.definition,
                            Some(start),
                        );
                    }
                }
            }
        }
        self.session.advance_command();
        Ok("TRUNCATE TABLE".to_owned())
    }
}
