//! Indexes: made in the catalog and in the engine.

use super::super::bind::bind_over_table;
use super::super::bind::types::{fold, qualified};
use super::super::catalog::{Env, Index, IndexPart, Relation, StoredExpr, Table, store};
use super::super::connection::Connection;
use super::super::context::Exec;
use super::super::error::{error, error_at_ident, unsupported};
use super::super::eval::{eval, holds};
use super::super::expr::Expr;
use super::super::function::Volatility;
use super::guard::Guard;
use crate::engine::{
    ComputeKey, IndexDefinition, IndexId, Key, KeyOrder, KeySource, LockMode, TableId, Uniqueness,
};
use crate::error::Result;
use crate::value::{Row, Value};
use sqlparser::ast;
use std::sync::Arc;

/// Keys of an index with expressions or a predicate.
struct Computed {
    exprs: Vec<Expr>,
    predicate: Option<Expr>,
    columns: Vec<usize>,
    /// Values of columns that rows written earlier do not have.
    missing: Vec<Value>,
    env: Arc<Env>,
}

impl ComputeKey for Computed {
    fn key(&self, row: &Row) -> Result<Option<Key>> {
        let mut exec = Exec::detached(self.env.clone());
        let mut values = row.to_vec();
        for value in self.missing.iter().skip(values.len()) {
            values.push(value.clone());
        }
        if let Some(predicate) = &self.predicate
            && !holds(predicate, &values, &mut exec)?
        {
            return Ok(None);
        }
        let key =
            self.exprs.iter().map(|expr| eval(expr, &values, &mut exec)).collect::<Result<Vec<Value>>>()?;
        Ok(Some(Key::new(key)))
    }

    fn columns(&self) -> &[usize] {
        &self.columns
    }
}

/// What the engine is told of an index.
pub(super) fn engine_definition(table: &Table, index: &Index, env: &Arc<Env>) -> Result<IndexDefinition> {
    let shared = Arc::new(table.clone());
    let plain = index.plain_columns();
    let has_missing = table.columns.iter().any(|column| !column.missing.is_null());
    let source = match &plain {
        Some(columns) if index.predicate.is_none() && !has_missing => {
            KeySource::Columns(columns.clone().into())
        }
        _ => {
            let mut exprs = Vec::new();
            for part in &index.parts {
                exprs.push(match part {
                    IndexPart::Column(at) => Expr::Column(*at),
                    IndexPart::Expression(expr) => bind_over_table(&expr.ast, &shared, env)?.expr,
                });
            }
            let predicate = match &index.predicate {
                Some(predicate) => Some(bind_over_table(&predicate.ast, &shared, env)?.expr),
                None => None,
            };
            let mut columns = Vec::new();
            for expr in exprs.iter().chain(&predicate) {
                if expr.any(&|part| matches!(part, Expr::Call(call) if call.function.volatility != Volatility::Immutable)) {
                    return Err(error(b"42P17", "functions in index expression must be marked IMMUTABLE"));
                }
                expr.columns(&mut columns);
            }
            columns.sort_unstable();
            columns.dedup();
            let missing = table.columns.iter().map(|column| column.missing.clone()).collect();
            let env = env.clone();
            KeySource::Computed(Arc::new(Computed { exprs, predicate, columns, missing, env }))
        }
    };
    let names: Vec<String> = index
        .parts
        .iter()
        .map(|part| match part {
            IndexPart::Column(at) => table.columns[*at].name.to_string(),
            IndexPart::Expression(expr) => expr.text.to_string(),
        })
        .collect();
    Ok(IndexDefinition {
        id: IndexId(index.oid),
        table: TableId(table.oid),
        name: index.name.clone(),
        key_text: names.join(", ").into(),
        source,
        order: index.order.clone().into(),
        unique: match (index.unique, index.deferrable) {
            (false, _) => Uniqueness::NotUnique,
            (true, None) => Uniqueness::Immediate,
            (true, Some(initially_deferred)) => Uniqueness::Deferrable { initially_deferred },
        },
        nulls_not_distinct: index.nulls_not_distinct,
        plain: plain.is_some() && index.predicate.is_none(),
    })
}

impl Connection {
    /// Builds an index, and adds it to the table.
    pub(super) fn build_index(&mut self, table: &mut Table, index: Index) -> Result<()> {
        let env = self.env();
        let definition = engine_definition(table, &index, &env)?;
        self.session.create_index(definition).map_err(|raised| {
            if raised.sqlstate == "23505" && raised.table.is_none() {
                return raised.with_table("public", &table.name);
            }
            raised
        })?;
        let entry = Relation::Index {
            oid: index.oid,
            table: table.oid,
            schema: table.schema,
            name: index.name.clone(),
        };
        store::put_relation(&self.session, entry);
        table.indexes.push(index);
        Ok(())
    }

    pub(super) async fn create_index(&mut self, create: &ast::CreateIndex) -> Result<String> {
        if create.concurrently && self.in_block {
            return Err(error(b"25001", "CREATE INDEX CONCURRENTLY cannot run inside a transaction block"));
        }
        let mode = if create.concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share };
        let found = self.locked_table(&create.table_name, mode).await?;
        let (_, table_name, ident) = qualified(&create.table_name)?;
        let Some(table) = found else {
            return Err(error_at_ident(ident, b"42P01", format!("relation \"{table_name}\" does not exist")));
        };
        self.refuse_pending(&table, "CREATE INDEX")?;
        let env = self.env();
        let mut parts = Vec::new();
        let mut order = Vec::new();
        let mut words = Vec::new();
        for column in &create.columns {
            let (descending, nulls_first) = super::super::bind::query::direction(&column.column.options)?;
            order.push(KeyOrder { descending, nulls_first });
            let expr = super::super::bind::expr::strip(&column.column.expr);
            if let ast::Expr::Identifier(ident) = expr {
                let name = fold(ident);
                let at = table.column(&name).ok_or_else(|| {
                    error_at_ident(ident, b"42703", format!("column \"{name}\" does not exist"))
                })?;
                words.push(name);
                parts.push(IndexPart::Column(at));
                continue;
            }
            if let ast::Expr::Collate { expr: inner, .. } = expr
                && let ast::Expr::Identifier(ident) = &**inner
                && let Some(at) = table.column(&fold(ident))
            {
                words.push(fold(ident));
                parts.push(IndexPart::Column(at));
                continue;
            }
            bind_over_table(expr, &table, &env)?;
            words.push(match expr {
                ast::Expr::Function(_) => super::super::bind::naming::column_name(expr),
                _ => "expr".to_owned(),
            });
            parts.push(IndexPart::Expression(StoredExpr::new(expr.clone())));
        }
        let method = match &create.using {
            None | Some(ast::IndexType::BTree) => "btree".to_owned(),
            Some(other) => other.to_string().to_lowercase(),
        };
        if !["btree", "hash", "gin", "gist", "brin", "spgist"].contains(&method.as_str()) {
            return Err(error(b"42704", format!("access method \"{method}\" does not exist")));
        }
        if create.unique && method != "btree" {
            return Err(error(
                b"0A000",
                format!("access method \"{method}\" does not support unique indexes"),
            ));
        }
        let name: Arc<str> = match &create.name {
            Some(name) => {
                let (_, name, ident) = qualified(name)?;
                if !self.claim_name(table.schema, &name, Guard::Relation).await? {
                    if create.if_not_exists {
                        self.skip_notice(b"42P07", format!("relation \"{name}\" already exists, skipping"));
                        return Ok("CREATE INDEX".to_owned());
                    }
                    return Err(error_at_ident(
                        ident,
                        b"42P07",
                        format!("relation \"{name}\" already exists"),
                    ));
                }
                name.into()
            }
            None => {
                let base = format!("{}_{}_idx", table.name, words.join("_"));
                self.free_name(table.schema, &base, &|_| false)
            }
        };
        let mut include = Vec::new();
        for ident in &create.include {
            let column = fold(ident);
            include.push(table.column(&column).ok_or_else(|| {
                error_at_ident(ident, b"42703", format!("column \"{column}\" does not exist"))
            })?);
        }
        let predicate = match &create.predicate {
            Some(predicate) => {
                bind_over_table(predicate, &table, &env)?;
                Some(StoredExpr::new(predicate.clone()))
            }
            None => None,
        };
        if parts.is_empty() {
            return Err(unsupported("an index without columns"));
        }
        let index = Index {
            oid: self.session.engine().next_oid(),
            name,
            parts,
            order,
            include,
            unique: create.unique,
            primary: false,
            predicate,
            constraint: None,
            deferrable: None,
            nulls_not_distinct: create.nulls_distinct == Some(false),
            method: method.into(),
        };
        let mut table = self.table_now(table.oid)?;
        self.build_index(&mut table, index)?;
        self.put_table(table);
        Ok("CREATE INDEX".to_owned())
    }
}
