//! `CREATE TABLE`, `CREATE TABLE AS`, `CREATE VIEW`.

use super::super::bind::types::{fold, qualified, resolve, serial};
use super::super::bind::{Binder, bind_default, bind_over_table};
use super::super::catalog::{
    Check, Column, Identity, Relation, Sequence, StoredExpr, Table, TablePersistence, View, store,
};
use super::super::connection::Connection;
use super::super::error::{error, error_at_ident, unsupported};
use super::guard::Guard;
use crate::engine::{Persistence, SequenceDefinition, SequenceId, TableDefinition, TableId};
use crate::error::Result;
use crate::value::{DataType, Oid, Value, oid};
use sqlparser::ast::{self, ColumnOption, GeneratedAs};
use std::sync::Arc;

/// Constraints found while columns were read, to be made once the table is there.
pub(super) struct Pending {
    pub name: Option<String>,
    pub column: Option<usize>,
    pub constraint: PendingKind,
}

pub(super) enum PendingKind {
    Check(ast::Expr),
    Key { primary: bool, columns: Vec<String>, deferrable: Option<bool>, nulls_not_distinct: bool },
    Foreign(Box<ast::ForeignKeyConstraint>),
}

/// `DEFERRABLE` and `INITIALLY DEFERRED`.
pub(super) fn deferral(characteristics: Option<&ast::ConstraintCharacteristics>) -> Option<bool> {
    let characteristics = characteristics?;
    let initially = matches!(characteristics.initially, Some(ast::DeferrableInitial::Deferred));
    (characteristics.deferrable == Some(true) || initially).then_some(initially)
}

/// The names of an index's plain columns.
pub(super) fn column_names(columns: &[ast::IndexColumn]) -> Result<Vec<String>> {
    columns
        .iter()
        .map(|column| match &column.column.expr {
            ast::Expr::Identifier(ident) => Ok(fold(ident)),
            other => Err(unsupported(format!("{other} in a constraint"))),
        })
        .collect()
}

/// Bounds of a sequence of a type.
pub(crate) fn sequence_bounds(data_type: Oid) -> (i64, i64) {
    match data_type {
        oid::INT2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        oid::INT4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

fn identity_options(
    options: Option<&Vec<ast::SequenceOptions>>,
    data_type: Oid,
) -> Result<SequenceDefinition> {
    let mut definition =
        SequenceDefinition { maximum: sequence_bounds(data_type).1, ..SequenceDefinition::default() };
    let int = |expr: &ast::Expr| -> Result<i64> {
        expr.to_string().parse().map_err(|_| error(b"22023", format!("invalid sequence option {expr}")))
    };
    let mut start = None;
    for option in options.into_iter().flatten() {
        match option {
            ast::SequenceOptions::IncrementBy(expr, _) => definition.increment = int(expr)?,
            ast::SequenceOptions::MinValue(Some(expr)) => definition.minimum = int(expr)?,
            ast::SequenceOptions::MaxValue(Some(expr)) => definition.maximum = int(expr)?,
            ast::SequenceOptions::StartWith(expr, _) => start = Some(int(expr)?),
            ast::SequenceOptions::Cycle(no) => definition.cycle = !no,
            _ => {}
        }
    }
    definition.start =
        start.unwrap_or(if definition.increment < 0 { definition.maximum } else { definition.minimum });
    Ok(definition)
}

impl Connection {
    /// Reads a column's definition; its constraints are put off, its sequence is made.
    pub(super) async fn read_column(
        &mut self,
        definition: &ast::ColumnDef,
        place: usize,
        table_name: &str,
        table_oid: Oid,
        schema: Oid,
        pending: &mut Vec<Pending>,
    ) -> Result<Column> {
        let env = self.env();
        let serial_type = serial(&definition.data_type);
        let data_type = match serial_type {
            Some(oid) => DataType::of(oid),
            None => resolve(&definition.data_type, &env)?,
        };
        if data_type.oid == oid::UNKNOWN || env.category(data_type.oid) == 'P' {
            let name = fold(&definition.name);
            use crate::value::text::TypeCatalog;
            let message = format!("column \"{name}\" has pseudo-type {}", env.type_name(data_type.oid));
            return Err(error(b"42P16", message));
        }
        let name = fold(&definition.name);
        if ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"].contains(&name.as_str()) {
            let message = format!("column name \"{name}\" conflicts with a system column name");
            return Err(error_at_ident(&definition.name, b"42701", message));
        }
        let mut column = Column {
            name: name.clone().into(),
            data_type,
            not_null: serial_type.is_some(),
            default: None,
            generated: None,
            identity: None,
            sequence: None,
            dropped: false,
            missing: Value::Null,
        };
        let sequence_base = format!("{table_name}_{name}_seq");
        if let Some(type_oid) = serial_type {
            let definition =
                SequenceDefinition { maximum: sequence_bounds(type_oid).1, ..SequenceDefinition::default() };
            let sequence = self
                .make_sequence(schema, &sequence_base, type_oid, definition, Some((table_oid, place)))
                .await?;
            let quoted = super::super::catalog::env::quote_identifier(&sequence.name);
            let text = format!("nextval('{}'::regclass)", quoted.replace('\'', "''"));
            column.default = Some(StoredExpr::new(parse_expr(&text)?));
            column.sequence = Some(sequence.oid);
        }
        for option in &definition.options {
            let constraint_name = option.name.as_ref().map(fold);
            let mut add = |constraint| {
                pending.push(Pending { name: constraint_name.clone(), column: Some(place), constraint })
            };
            match &option.option {
                ColumnOption::Null => {}
                ColumnOption::NotNull => column.not_null = true,
                ColumnOption::Default(expr) => {
                    bind_default(expr, &name, data_type, &env).map_err(|mut raised| {
                        if raised.sqlstate == "42703" {
                            raised.message = "cannot use column reference in DEFAULT expression".to_owned();
                            raised.sqlstate = crate::error::SqlState(*b"0A000");
                        }
                        raised
                    })?;
                    column.default = Some(StoredExpr::new(expr.clone()));
                }
                ColumnOption::PrimaryKey(key) => {
                    column.not_null = true;
                    add(PendingKind::Key {
                        primary: true,
                        columns: vec![name.clone()],
                        deferrable: deferral(key.characteristics.as_ref()),
                        nulls_not_distinct: false,
                    });
                }
                ColumnOption::Unique(key) => add(PendingKind::Key {
                    primary: false,
                    columns: vec![name.clone()],
                    deferrable: deferral(key.characteristics.as_ref()),
                    nulls_not_distinct: key.nulls_distinct == ast::NullsDistinctOption::NotDistinct,
                }),
                ColumnOption::Check(check) => add(PendingKind::Check((*check.expr).clone())),
                ColumnOption::ForeignKey(key) => {
                    let mut key = key.clone();
                    key.columns = vec![definition.name.clone()];
                    add(PendingKind::Foreign(Box::new(key)));
                }
                ColumnOption::Collation(_) | ColumnOption::Comment(_) => {}
                ColumnOption::Generated { generated_as, sequence_options, generation_expr, .. } => {
                    match generation_expr {
                        Some(expr) => column.generated = Some(StoredExpr::new(expr.clone())),
                        None => {
                            if !matches!(data_type.oid, oid::INT2 | oid::INT4 | oid::INT8) {
                                return Err(error(
                                    b"22023",
                                    "identity column type must be smallint, integer, or bigint",
                                ));
                            }
                            column.identity = Some(match generated_as {
                                GeneratedAs::Always => Identity::Always,
                                _ => Identity::ByDefault,
                            });
                            column.not_null = true;
                            let options = identity_options(sequence_options.as_ref(), data_type.oid)?;
                            let sequence = self
                                .make_sequence(
                                    schema,
                                    &sequence_base,
                                    data_type.oid,
                                    options,
                                    Some((table_oid, place)),
                                )
                                .await?;
                            column.sequence = Some(sequence.oid);
                        }
                    }
                }
                other => return Err(unsupported(format!("column option {other}"))),
            }
        }
        Ok(column)
    }

    /// Makes a sequence under a free name.
    pub(crate) async fn make_sequence(
        &mut self,
        schema: Oid,
        base: &str,
        data_type: Oid,
        definition: SequenceDefinition,
        owner: Option<(Oid, usize)>,
    ) -> Result<Arc<Sequence>> {
        let mut name = self.free_name(schema, base, &|_| false);
        while !self.claim_name(schema, &name, Guard::Relation).await? {
            name = self.free_name(schema, base, &|_| false);
        }
        let oid = self.session.engine().next_oid();
        self.session.create_sequence(SequenceId(oid), definition);
        let sequence = Arc::new(Sequence { oid, schema, name, data_type, definition, owner });
        store::put_relation(&self.session, Relation::Sequence(sequence.clone()));
        Ok(sequence)
    }

    pub(super) async fn create_table(&mut self, create: &ast::CreateTable) -> Result<String> {
        if create.partition_by.is_some() || create.partition_of.is_some() {
            return Err(unsupported("partitioned tables"));
        }
        if create.inherits.is_some() {
            return Err(unsupported("INHERITS"));
        }
        if create.clone.is_some() {
            return Err(unsupported("CREATE TABLE CLONE"));
        }
        let (schema_name, name, ident) = qualified(&create.name)?;
        let schema =
            if create.temporary { self.temporary() } else { self.target_schema(schema_name.as_deref())? };
        let tag = if create.query.is_some() { "CREATE TABLE AS" } else { "CREATE TABLE" };
        if !self.claim_name(schema, &name, Guard::Type).await? {
            if create.if_not_exists {
                self.skip_notice(b"42P07", format!("relation \"{name}\" already exists, skipping"));
                return Ok(tag.to_owned());
            }
            return Err(error_at_ident(ident, b"42P07", format!("relation \"{name}\" already exists")));
        }
        if let Some(query) = &create.query {
            return self.create_table_as(create, query, schema, &name).await;
        }
        let engine = self.session.engine();
        let (table_oid, row_type) = (engine.next_oid(), engine.next_oid());
        let mut pending = Vec::new();
        let mut columns: Vec<Column> = Vec::new();
        let mut copied = None;
        if let Some(ast::CreateTableLikeKind::Parenthesized(like) | ast::CreateTableLikeKind::Plain(like)) =
            &create.like
        {
            let (source_schema, source_name, _) = qualified(&like.name)?;
            let missing = || error(b"42P01", format!("relation \"{source_name}\" does not exist"));
            match self.env().find_relation(source_schema.as_deref(), &source_name) {
                Some(super::super::catalog::env::Found::User(Relation::Table(table))) => copied = Some(table),
                _ => return Err(missing()),
            }
        }
        if let Some(source) = &copied {
            for (_, column) in source.live_columns() {
                columns.push(Column {
                    default: None,
                    generated: None,
                    identity: None,
                    sequence: None,
                    missing: Value::Null,
                    ..column.clone()
                });
            }
        }
        for definition in &create.columns {
            let column_name = fold(&definition.name);
            if columns.iter().any(|column| *column.name == *column_name) {
                let message = format!("column \"{column_name}\" specified more than once");
                return Err(error_at_ident(&definition.name, b"42701", message));
            }
            let column =
                self.read_column(definition, columns.len(), &name, table_oid, schema, &mut pending).await?;
            columns.push(column);
        }
        for constraint in &create.constraints {
            pending.push(read_constraint(constraint)?);
        }
        let persistence = if create.temporary {
            TablePersistence::Temporary
        } else if create.unlogged {
            TablePersistence::Unlogged
        } else {
            TablePersistence::Permanent
        };
        self.make_table(table_oid, schema, &name, row_type, columns, persistence);
        // Keys before foreign keys, so that a table may refer to itself.
        let (foreign, others): (Vec<Pending>, Vec<Pending>) =
            pending.into_iter().partition(|p| matches!(p.constraint, PendingKind::Foreign(_)));
        for constraint in others.into_iter().chain(foreign) {
            self.add_constraint(table_oid, constraint, true, true).await?;
        }
        self.check_generated(table_oid)?;
        Ok(tag.to_owned())
    }

    pub(super) fn make_table(
        &mut self,
        oid: Oid,
        schema: Oid,
        name: &str,
        row_type: Oid,
        columns: Vec<Column>,
        persistence: TablePersistence,
    ) {
        self.session.create_table(TableDefinition {
            id: TableId(oid),
            name: name.into(),
            persistence: match persistence {
                TablePersistence::Permanent => Persistence::Permanent,
                TablePersistence::Unlogged => Persistence::Unlogged,
                TablePersistence::Temporary => Persistence::Temporary,
            },
        });
        self.put_table(Table {
            oid,
            schema,
            name: name.into(),
            row_type,
            columns,
            indexes: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            persistence,
        });
    }

    fn check_generated(&mut self, oid: Oid) -> Result<()> {
        let table = Arc::new(self.table_now(oid)?);
        let env = self.env();
        for (_, column) in table.live_columns() {
            if let Some(expr) = &column.generated {
                let bound = bind_over_table(&expr.ast, &table, &env)?;
                if bound.expr.any(&|part| {
                    matches!(part, super::super::expr::Expr::Call(call)
                        if call.function.volatility != super::super::function::Volatility::Immutable)
                }) {
                    return Err(error(b"42P17", "generation expression is not immutable"));
                }
            }
        }
        Ok(())
    }

    async fn create_table_as(
        &mut self,
        create: &ast::CreateTable,
        query: &ast::Query,
        schema: Oid,
        name: &str,
    ) -> Result<String> {
        let env = self.env();
        let mut binder = Binder::new(env.clone(), &[], false);
        let mut bound = binder.bind_query(query)?;
        binder.settle_columns(&mut bound)?;
        for (table, mode) in binder.locks.clone() {
            self.session.lock_table(TableId(table), mode, crate::engine::WaitPolicy::Wait).await?;
        }
        let engine = self.session.engine();
        let (table_oid, row_type) = (engine.next_oid(), engine.next_oid());
        let columns = bound
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| Column {
                name: create
                    .columns
                    .get(at)
                    .map_or_else(|| column.name.clone(), |given| fold(&given.name).into()),
                data_type: column.data_type,
                not_null: false,
                default: None,
                generated: None,
                identity: None,
                sequence: None,
                dropped: false,
                missing: Value::Null,
            })
            .collect();
        let snapshot = self.session.statement_snapshot().await?;
        let mut exec = self.exec(Some(snapshot), env);
        let rows = super::super::exec::collect(&Arc::new(bound.plan), &mut exec, usize::MAX).await?;
        let persistence =
            if create.temporary { TablePersistence::Temporary } else { TablePersistence::Permanent };
        self.make_table(table_oid, schema, name, row_type, columns, persistence);
        let count = rows.len();
        for row in rows {
            self.session.insert(TableId(table_oid), row).await?;
        }
        self.session.advance_command();
        Ok(format!("SELECT {count}"))
    }

    pub(super) async fn create_view(&mut self, create: &ast::CreateView) -> Result<String> {
        if create.materialized {
            return Err(unsupported("CREATE MATERIALIZED VIEW"));
        }
        let (schema_name, name, ident) = qualified(&create.name)?;
        let schema =
            if create.temporary { self.temporary() } else { self.target_schema(schema_name.as_deref())? };
        let env = self.env();
        let mut binder = Binder::new(env.clone(), &[], false);
        let mut bound = binder.bind_query(&create.query)?;
        binder.settle_columns(&mut bound)?;
        let mut columns: Vec<(Arc<str>, DataType)> =
            bound.columns.iter().map(|column| (column.name.clone(), column.data_type)).collect();
        for (column, given) in columns.iter_mut().zip(&create.columns) {
            column.0 = fold(&given.name).into();
        }
        let taken = !self.claim_name(schema, &name, Guard::Type).await?;
        let existing = self.env().catalog.relation(schema, &name).cloned();
        let (oid, row_type) = match existing {
            Some(Relation::View(view)) if create.or_replace => {
                let prefix_same = view.columns.iter().zip(&columns).all(|(a, b)| a == b);
                if columns.len() < view.columns.len() {
                    return Err(error(b"42P16", "cannot drop columns from view"));
                }
                if !prefix_same {
                    let changed = view.columns.iter().zip(&columns).find(|(a, b)| a != b);
                    let message = match changed {
                        Some((old, new)) if old.0 != new.0 => {
                            format!("cannot change name of view column \"{}\" to \"{}\"", old.0, new.0)
                        }
                        Some((old, _)) => format!("cannot change data type of view column \"{}\"", old.0),
                        None => "cannot change view".to_owned(),
                    };
                    return Err(error(b"42P16", message));
                }
                self.session
                    .lock_table(
                        TableId(view.oid),
                        crate::engine::LockMode::AccessExclusive,
                        crate::engine::WaitPolicy::Wait,
                    )
                    .await?;
                (view.oid, view.row_type)
            }
            Some(other) if create.or_replace => {
                return Err(error(b"42809", format!("\"{}\" is not a view", other.name())));
            }
            _ if taken => {
                return Err(error_at_ident(ident, b"42P07", format!("relation \"{name}\" already exists")));
            }
            _ => (self.session.engine().next_oid(), self.session.engine().next_oid()),
        };
        let view = View {
            oid,
            schema,
            name: name.into(),
            row_type,
            columns,
            query: Arc::new((*create.query).clone()),
            depends: binder.depends,
        };
        store::put_relation(&self.session, Relation::View(Arc::new(view)));
        Ok("CREATE VIEW".to_owned())
    }
}

/// A table constraint, to be made.
pub(super) fn read_constraint(constraint: &ast::TableConstraint) -> Result<Pending> {
    let (name, constraint) = match constraint {
        ast::TableConstraint::Check(check) => {
            (check.name.as_ref(), PendingKind::Check((*check.expr).clone()))
        }
        ast::TableConstraint::PrimaryKey(key) => (
            key.name.as_ref(),
            PendingKind::Key {
                primary: true,
                columns: column_names(&key.columns)?,
                deferrable: deferral(key.characteristics.as_ref()),
                nulls_not_distinct: false,
            },
        ),
        ast::TableConstraint::Unique(key) => (
            key.name.as_ref(),
            PendingKind::Key {
                primary: false,
                columns: column_names(&key.columns)?,
                deferrable: deferral(key.characteristics.as_ref()),
                nulls_not_distinct: key.nulls_distinct == ast::NullsDistinctOption::NotDistinct,
            },
        ),
        ast::TableConstraint::ForeignKey(key) => {
            (key.name.as_ref(), PendingKind::Foreign(Box::new(key.clone())))
        }
        other => return Err(unsupported(format!("constraint {other}"))),
    };
    Ok(Pending { name: name.map(fold), column: None, constraint })
}

/// Parses an expression of our own making.
pub(super) fn parse_expr(text: &str) -> Result<ast::Expr> {
    super::super::parse::parse_conflict_target(text)?
        .pop()
        .ok_or_else(|| crate::error::DatabaseError::internal("an expression that is empty"))
}

/// A new check, stored.
pub(super) fn make_check(oid: Oid, name: Arc<str>, expr: ast::Expr, validated: bool) -> Check {
    Check { oid, name, expr: StoredExpr::new(expr), validated }
}
