//! Names in scope while a query is bound.

use super::types::fold;
use crate::error::Result;
use crate::sql::catalog::Table;
use crate::sql::error::{error, error_at_ident};
use crate::sql::expr::Expr;
use crate::sql::function::Function;
use crate::value::{DataType, Oid};
use sqlparser::ast;
use std::sync::Arc;

/// A column that a name may mean.
#[derive(Clone, Debug)]
pub struct ScopeColumn {
    /// Name.
    pub name: Arc<str>,
    /// Type.
    pub data_type: DataType,
    /// How it is read: mostly a slot; a coalesce for the merged column of a full join.
    pub expr: Expr,
    /// Table it comes from, 0 for none.
    pub table_oid: Oid,
    /// Number in that table, 0 for none.
    pub attribute: i16,
}

/// A relation in `FROM`.
#[derive(Clone, Debug)]
pub struct ScopeRelation {
    /// Alias, or the table's name.
    pub alias: Arc<str>,
    /// Whether the alias was given (then the schema is no longer a qualifier).
    pub aliased: bool,
    /// Schema name of a table.
    pub schema: Option<Arc<str>>,
    /// Columns, in order.
    pub columns: Vec<ScopeColumn>,
    /// The table, when it is one.
    pub table: Option<Arc<Table>>,
    /// First slot.
    pub start: usize,
    /// Slots.
    pub width: usize,
    /// Its place among the query's relations.
    pub id: usize,
    /// Row type for a whole-row reference.
    pub row_type: Oid,
    /// Whether it is on the nullable side of an outer join.
    pub nullable: bool,
    /// A function that returns one plain value: the alias alone means the value.
    pub scalar: bool,
    /// A sub-select or view that reads tables whose rows it does not lock.
    pub unlocked: bool,
}

/// One aggregate call.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateCall {
    /// Which.
    pub function: &'static Function,
    /// Arguments.
    pub args: Vec<Expr>,
    /// Their types.
    pub types: Arc<[Oid]>,
    /// Result type.
    pub result: Oid,
    /// `DISTINCT`.
    pub distinct: bool,
    /// `ORDER BY`: expression, descending, nulls first.
    pub order: Vec<(Expr, bool, bool)>,
    /// `FILTER`.
    pub filter: Option<Expr>,
}

/// A bound of a window frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// `UNBOUNDED PRECEDING` or `FOLLOWING`.
    Unbounded,
    /// `n PRECEDING`.
    Preceding(Expr),
    /// `CURRENT ROW`.
    Current,
    /// `n FOLLOWING`.
    Following(Expr),
}

/// Unit of a window frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// Values of the order key.
    Range,
    /// Groups of peers.
    Groups,
}

/// A window.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// `PARTITION BY`.
    pub partition: Vec<Expr>,
    /// `ORDER BY`: expression, descending, nulls first.
    pub order: Vec<(Expr, bool, bool)>,
    /// Unit of the frame.
    pub unit: FrameUnit,
    /// Start of the frame.
    pub start: Bound,
    /// End of the frame.
    pub end: Bound,
}

/// One window-function call.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    /// The function, which may be an aggregate.
    pub call: AggregateCall,
    /// Its window.
    pub window: Window,
}

/// One set-returning call of a select list.
#[derive(Clone, Debug, PartialEq)]
pub struct SetCall {
    /// The call.
    pub expr: Expr,
    /// Result type.
    pub result: Oid,
}

/// What a query level has in scope, and what its expressions were found to hold.
#[derive(Default)]
pub struct Scope {
    /// Relations.
    pub relations: Vec<ScopeRelation>,
    /// Columns for `*` and for names without a qualifier: merged by `USING`.
    pub columns: Vec<ScopeColumn>,
    /// Slots taken so far.
    pub width: usize,
    /// Frame through which inner queries read this level's row.
    pub frame: Option<usize>,
    /// Where the select list, and what comes behind it, names each slot outside of aggregates.
    pub places: Vec<(usize, sqlparser::tokenizer::Span)>,
    /// Aggregates found.
    pub aggregates: Vec<AggregateCall>,
    /// Window functions found.
    pub windows: Vec<WindowCall>,
    /// Set-returning functions found.
    pub sets: Vec<SetCall>,
    /// Named windows.
    pub named_windows: Vec<(String, ast::WindowSpec)>,
    /// Why aggregates are not allowed just now: the clause's name.
    pub no_aggregates: Option<&'static str>,
    /// Why window functions are not allowed just now.
    pub no_windows: Option<&'static str>,
    /// Whether set-returning functions are allowed just now.
    pub sets_allowed: bool,
    /// Inside an aggregate's arguments.
    pub inside_aggregate: bool,
    /// Not visible to what is bound now: a derived table that is not `LATERAL`.
    pub hidden: bool,
    /// Output columns that `ORDER BY` and `GROUP BY` may name.
    pub excluded: Option<Arc<str>>,
}

/// What a name was found to mean at one level.
pub enum Lookup {
    /// This column.
    Column(ScopeColumn),
    /// A whole row: relation's place.
    Row(usize),
    /// Nothing here.
    None,
}

impl Scope {
    /// A name without a qualifier.
    ///
    /// # Errors
    ///
    /// 42702 when two columns have it.
    pub fn find(&self, ident: &ast::Ident) -> Result<Lookup> {
        let name = fold(ident);
        let mut matches = self.columns.iter().filter(|column| *column.name == *name);
        let found = matches.next().cloned();
        if found.is_some() && matches.next().is_some() {
            return Err(error_at_ident(ident, b"42702", format!("column reference \"{name}\" is ambiguous")));
        }
        Ok(match found {
            Some(column) => Lookup::Column(column),
            None => match self.relations.iter().position(|relation| *relation.alias == *name) {
                Some(at) => Lookup::Row(at),
                None => Lookup::None,
            },
        })
    }

    /// The relation that a qualifier means.
    ///
    /// # Errors
    ///
    /// 42P09 when two have the name.
    pub fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<usize>> {
        let mut matches = self.relations.iter().enumerate().filter(|(_, relation)| {
            *relation.alias == *name
                && schema.is_none_or(|schema| !relation.aliased && relation.schema.as_deref() == Some(schema))
        });
        let found = matches.next().map(|(at, _)| at);
        if found.is_some() && matches.next().is_some() {
            return Err(error(b"42P09", format!("table reference \"{name}\" is ambiguous")));
        }
        Ok(found)
    }

    /// A column of a relation.
    ///
    /// # Errors
    ///
    /// 42702 when the relation has two columns of the name.
    pub fn column_of(&self, relation: usize, ident: &ast::Ident) -> Result<Option<ScopeColumn>> {
        let name = fold(ident);
        let mut matches = self.relations[relation].columns.iter().filter(|column| *column.name == *name);
        let found = matches.next().cloned();
        if found.is_some() && matches.next().is_some() {
            return Err(error_at_ident(ident, b"42702", format!("column reference \"{name}\" is ambiguous")));
        }
        Ok(found)
    }

    /// Adds a relation: its columns become visible.
    pub fn add(&mut self, relation: ScopeRelation) {
        self.width = self.width.max(relation.start + relation.width);
        self.columns.extend(relation.columns.iter().cloned());
        self.relations.push(relation);
    }
}
