//! Schemas, sequences, types, domains, extensions, comments.

use super::super::bind::types::resolve;
use super::super::catalog::{Comment, Relation, Schema, Sequence, StoredExpr, TypeBody, UserType, store};
use super::super::connection::Connection;
use super::super::error::{error, unsupported};
use super::super::parse::{DdlStatement, Name, SequenceChange};
use super::create::sequence_bounds;
use super::guard::Guard;
use crate::engine::{ObjectKey, SequenceDefinition, SequenceId};
use crate::error::Result;
use crate::value::{Oid, oid};
use std::sync::Arc;

/// Applies changes to a sequence's parameters.
pub(super) fn apply_change(
    definition: &mut SequenceDefinition,
    change: &SequenceChange,
    data_type: Oid,
    fresh: bool,
) -> Result<()> {
    let (low, high) = sequence_bounds(data_type);
    if let Some(increment) = change.increment {
        if increment == 0 {
            return Err(error(b"22023", "INCREMENT must not be zero"));
        }
        definition.increment = increment;
    }
    let up = definition.increment > 0;
    match change.minimum {
        Some(Some(minimum)) => definition.minimum = minimum,
        Some(None) => definition.minimum = if up { 1 } else { low },
        None if fresh => definition.minimum = if up { 1 } else { low },
        None => {}
    }
    match change.maximum {
        Some(Some(maximum)) => definition.maximum = maximum,
        Some(None) => definition.maximum = if up { high } else { -1 },
        None if fresh => definition.maximum = if up { high } else { -1 },
        None => {}
    }
    if definition.minimum >= definition.maximum {
        let message =
            format!("MINVALUE ({}) must be less than MAXVALUE ({})", definition.minimum, definition.maximum);
        return Err(error(b"22023", message));
    }
    match change.start {
        Some(start) => definition.start = start,
        None if fresh => definition.start = if up { definition.minimum } else { definition.maximum },
        None => {}
    }
    if definition.start < definition.minimum {
        let message = format!(
            "START value ({}) cannot be less than MINVALUE ({})",
            definition.start, definition.minimum
        );
        return Err(error(b"22023", message));
    }
    if definition.start > definition.maximum {
        let message = format!(
            "START value ({}) cannot be greater than MAXVALUE ({})",
            definition.start, definition.maximum
        );
        return Err(error(b"22023", message));
    }
    if let Some(cycle) = change.cycle {
        definition.cycle = cycle;
    }
    Ok(())
}

impl Connection {
    fn type_taken(&mut self, schema: Oid, name: &str) -> bool {
        let env = self.env();
        env.catalog.user_type(schema, name).is_some()
            || matches!(env.catalog.relation(schema, name), Some(Relation::Table(_) | Relation::View(_)))
    }

    async fn make_type(&mut self, name: &Name, body: TypeBody) -> Result<()> {
        let schema = self.target_schema(name.schema.as_deref())?;
        let key = ObjectKey { class: store::CLASS_TYPE, namespace: schema, name: name.name.as_str().into() };
        if self.type_taken(schema, &name.name) {
            return Err(error(b"42710", format!("type \"{}\" already exists", name.name)));
        }
        self.session.lock_object(&key).await?;
        if self.type_taken(schema, &name.name) {
            return Err(Guard::Type.violation(schema, &name.name));
        }
        let engine = self.session.engine();
        let array = engine.next_oid();
        let user_type =
            UserType { oid: engine.next_oid(), schema, name: name.name.as_str().into(), array, body };
        store::put_type(&self.session, user_type);
        Ok(())
    }

    pub(super) async fn create_object(&mut self, statement: &DdlStatement) -> Result<String> {
        match statement {
            DdlStatement::CreateSchema(name, if_not_exists) => {
                let key = ObjectKey { class: store::CLASS_SCHEMA, namespace: 0, name: name.as_str().into() };
                if self.env().catalog.schema(name).is_some() {
                    if *if_not_exists {
                        self.skip_notice(b"42P06", format!("schema \"{name}\" already exists, skipping"));
                        return Ok("CREATE SCHEMA".to_owned());
                    }
                    return Err(error(b"42P06", format!("schema \"{name}\" already exists")));
                }
                self.session.lock_object(&key).await?;
                if self.env().catalog.schema(name).is_some() {
                    return Err(Guard::Schema.violation(0, name));
                }
                if name.starts_with("pg_") {
                    return Err(error(b"42939", format!("unacceptable schema name \"{name}\""))
                        .with_detail("The prefix \"pg_\" is reserved for system schemas."));
                }
                let oid = self.session.engine().next_oid();
                let schema_name: Arc<str> = name.as_str().into();
                store::put_schema(
                    &self.session,
                    schema_name.clone(),
                    Some(Schema { oid, name: schema_name }),
                );
                Ok("CREATE SCHEMA".to_owned())
            }
            DdlStatement::CreateSequence { name, if_not_exists, temporary, parameters } => {
                let schema =
                    if *temporary { self.temporary() } else { self.target_schema(name.schema.as_deref())? };
                if !self.claim_name(schema, &name.name, Guard::Relation).await? {
                    if *if_not_exists {
                        self.skip_notice(
                            b"42P07",
                            format!("relation \"{}\" already exists, skipping", name.name),
                        );
                        return Ok("CREATE SEQUENCE".to_owned());
                    }
                    return Err(error(b"42P07", format!("relation \"{}\" already exists", name.name)));
                }
                let env = self.env();
                let data_type = match &parameters.data_type {
                    Some(data_type) => resolve(data_type, &env)?.oid,
                    None => oid::INT8,
                };
                if !matches!(data_type, oid::INT2 | oid::INT4 | oid::INT8) {
                    return Err(error(b"22023", "sequence type must be smallint, integer, or bigint"));
                }
                let mut definition = SequenceDefinition::default();
                apply_change(&mut definition, parameters, data_type, true)?;
                let owner = self.owner_of(parameters)?.flatten();
                let oid = self.session.engine().next_oid();
                self.session.create_sequence(SequenceId(oid), definition);
                let sequence =
                    Sequence { oid, schema, name: name.name.as_str().into(), data_type, definition, owner };
                store::put_relation(&self.session, Relation::Sequence(Arc::new(sequence)));
                Ok("CREATE SEQUENCE".to_owned())
            }
            DdlStatement::CreateEnum(name, labels) => {
                let mut values = Vec::new();
                for (at, label) in labels.iter().enumerate() {
                    if label.len() > 63 {
                        return Err(error(b"42602", format!("invalid enum label \"{label}\"")));
                    }
                    if labels[..at].contains(label) {
                        return Err(error(
                            b"23505",
                            "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"",
                        ));
                    }
                    values.push((
                        self.session.engine().next_oid(),
                        at as f32 + 1.0,
                        Arc::from(label.as_str()),
                    ));
                }
                self.make_type(name, TypeBody::Enum(values)).await?;
                Ok("CREATE TYPE".to_owned())
            }
            DdlStatement::CreateComposite(name, fields) => {
                let env = self.env();
                let mut resolved = Vec::new();
                for (field, data_type) in fields {
                    resolved.push((Arc::from(field.as_str()), resolve(data_type, &env)?));
                }
                self.make_type(name, TypeBody::Composite(resolved)).await?;
                Ok("CREATE TYPE".to_owned())
            }
            DdlStatement::CreateDomain { name, data_type, not_null, default, checks } => {
                let env = self.env();
                let base = resolve(data_type, &env)?;
                let mut stored = Vec::new();
                for (given, check) in checks {
                    super::super::bind::bind_domain_check(check, base, &env)?;
                    let number = stored.len();
                    let check_name = given.clone().unwrap_or_else(|| {
                        let suffix = if number == 0 { String::new() } else { number.to_string() };
                        format!("{}_check{suffix}", name.name)
                    });
                    stored.push((Arc::from(check_name.as_str()), StoredExpr::new(check.clone())));
                }
                let default = default.clone().map(StoredExpr::new);
                self.make_type(name, TypeBody::Domain { base, not_null: *not_null, default, checks: stored })
                    .await?;
                Ok("CREATE DOMAIN".to_owned())
            }
            DdlStatement::CreateExtension(name, if_not_exists) => {
                const KNOWN: &[&str] = &[
                    "plpgsql",
                    "pgcrypto",
                    "uuid-ossp",
                    "citext",
                    "hstore",
                    "pg_trgm",
                    "btree_gist",
                    "btree_gin",
                    "unaccent",
                ];
                if !KNOWN.contains(&name.as_str()) {
                    return Err(error(b"0A000", format!("extension \"{name}\" is not available")));
                }
                if self.env().catalog.extensions().iter().any(|known| **known == **name) || name == "plpgsql"
                {
                    if *if_not_exists {
                        self.skip_notice(b"42710", format!("extension \"{name}\" already exists, skipping"));
                        return Ok("CREATE EXTENSION".to_owned());
                    }
                    return Err(error(b"42710", format!("extension \"{name}\" already exists")));
                }
                let key =
                    ObjectKey { class: store::CLASS_EXTENSION, namespace: 0, name: name.as_str().into() };
                self.session.put_object(key, Arc::new(()));
                Ok("CREATE EXTENSION".to_owned())
            }
            DdlStatement::Comment { kind, name, text } => self.comment(kind, name, text.as_deref()),
            DdlStatement::Drop { .. } | DdlStatement::Alter { .. } => Err(unsupported("this statement")),
        }
    }

    /// The column that `OWNED BY` names.
    pub(super) fn owner_of(&mut self, change: &SequenceChange) -> Result<Option<Option<(Oid, usize)>>> {
        match &change.owned_by {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some((table, column))) => match self.relation(table)? {
                Relation::Table(found) => {
                    let at = found.column(column).ok_or_else(|| {
                        error(
                            b"42703",
                            format!("column \"{column}\" of relation \"{}\" does not exist", found.name),
                        )
                    })?;
                    Ok(Some(Some((found.oid, at))))
                }
                other => {
                    Err(error(b"42809", format!("sequence cannot be owned by relation \"{}\"", other.name())))
                }
            },
        }
    }

    fn comment(&mut self, kind: &str, name: &Name, text: Option<&str>) -> Result<String> {
        let env = self.env();
        let (object, column) = match kind.split_once(' ') {
            Some(("column", column)) => match self.relation(name)? {
                Relation::Table(table) => {
                    let at = table.column(column).ok_or_else(|| {
                        error(
                            b"42703",
                            format!("column \"{column}\" of relation \"{}\" does not exist", table.name),
                        )
                    })?;
                    (table.oid, at as i32 + 1)
                }
                other => (other.oid(), 0),
            },
            Some(("constraint", _)) => (self.relation(name)?.oid(), -1),
            _ => match kind {
                "table" | "view" | "index" | "sequence" => (self.relation(name)?.oid(), 0),
                "schema" => (env.schema(&name.name)?, 0),
                "type" | "domain" => {
                    let found = env.find_type(name.schema.as_deref(), &name.name);
                    (
                        found.ok_or_else(|| {
                            error(b"42704", format!("type \"{}\" does not exist", name.name))
                        })?,
                        0,
                    )
                }
                _ => return Ok("COMMENT".to_owned()),
            },
        };
        let key =
            ObjectKey { class: store::CLASS_COMMENT, namespace: object, name: column.to_string().into() };
        match text {
            Some(text) => {
                self.session.put_object(key, Arc::new(Comment { object, column, text: text.into() }))
            }
            None => self.session.remove_object(&key),
        }
        Ok("COMMENT".to_owned())
    }
}
