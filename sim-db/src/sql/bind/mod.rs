//! Binding: names resolved, types inferred, plans shaped.

pub mod call;
pub mod coerce;
pub mod dml;
pub mod expr;
pub mod from;
pub mod group;
pub mod naming;
pub mod operator;
pub mod query;
pub mod resolve;
pub mod scope;
pub mod select;
pub mod types;

use super::catalog::Env;
use super::expr::Expr;
use super::plan::Plan;
use crate::engine::LockMode;
use crate::error::Result;
use crate::value::{DataType, Oid, oid};
use scope::Scope;
use sqlparser::ast;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    // Names of the fields of anonymous rows of sub-selects: JSON shows them. Keyed by a number of our own above all OIDs
    // that a session can make.
    static RECORDS: RefCell<Vec<Vec<Arc<str>>>> = const { RefCell::new(Vec::new()) };
}

/// First number of the row types that have names but no catalog entry.
const RECORD_BASE: Oid = 0xF000_0000;

/// A row type with these field names, without an entry in the catalog.
pub fn named_record(names: Vec<Arc<str>>) -> Oid {
    RECORDS.with_borrow_mut(|records| {
        let at = records.iter().position(|known| *known == names).unwrap_or_else(|| {
            records.push(names);
            records.len() - 1
        });
        RECORD_BASE + at as Oid
    })
}

/// The field names of such a type.
pub fn record_names(type_oid: Oid) -> Option<Vec<Arc<str>>> {
    RECORDS.with_borrow(|records| records.get(type_oid.checked_sub(RECORD_BASE)? as usize).cloned())
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Typed {
    /// Expression.
    pub expr: Expr,
    /// Type; `unknown` for a literal or parameter that no context has typed yet.
    pub data_type: DataType,
}

impl Typed {
    /// An expression of a type without a modifier.
    pub fn new(expr: Expr, oid: Oid) -> Self {
        Self { expr, data_type: DataType::of(oid) }
    }
}

/// An output column of a query.
#[derive(Clone, Debug)]
pub struct OutputColumn {
    /// Name.
    pub name: Arc<str>,
    /// Type.
    pub data_type: DataType,
    /// Table it comes from, 0 for none.
    pub table_oid: Oid,
    /// Number in that table.
    pub attribute: i16,
}

/// A bound query.
pub struct Bound {
    /// Plan.
    pub plan: Plan,
    /// Columns.
    pub columns: Vec<OutputColumn>,
}

/// A common table expression in scope.
#[derive(Clone)]
pub struct CteBinding {
    name: Arc<str>,
    id: usize,
    columns: Vec<OutputColumn>,
    /// The plan, to be used in place when it is read once from the same level.
    plan: Option<Arc<Plan>>,
    work_table: bool,
    level: usize,
    uses: usize,
}

/// Binds the expressions and queries of one statement.
pub struct Binder {
    /// Catalog and settings.
    pub env: Arc<Env>,
    /// Types of the parameters; 0 is not known yet.
    pub params: Rc<RefCell<Vec<Oid>>>,
    /// Whether parameters may appear at all.
    pub params_allowed: bool,
    scopes: Vec<Scope>,
    ctes: Vec<CteBinding>,
    /// Table locks to take before the statement runs, in the order in which it names the tables.
    pub locks: Vec<(Oid, LockMode)>,
    /// Views and tables read, for dependencies.
    pub depends: Vec<Oid>,
    next_frame: usize,
    next_once: usize,
    next_table: usize,
    /// Whether the statement changes data, for read-only transactions: the command's name.
    pub writes: Option<&'static str>,
    /// Whether it locks rows.
    pub locks_rows: Option<&'static str>,
    view_depth: usize,
    /// Rows of tables, where a session can tell.
    pub session: Option<crate::engine::Session>,
}

impl Binder {
    /// A binder for one statement.
    pub fn new(env: Arc<Env>, parameter_types: &[Oid], params_allowed: bool) -> Self {
        Self {
            env,
            params: Rc::new(RefCell::new(parameter_types.to_vec())),
            params_allowed,
            scopes: Vec::new(),
            ctes: Vec::new(),
            locks: Vec::new(),
            depends: Vec::new(),
            next_frame: 0,
            next_once: 0,
            next_table: 0,
            writes: None,
            locks_rows: None,
            view_depth: 0,
            session: None,
        }
    }

    pub(crate) fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("expressions are bound within a scope")
    }

    /// Takes a table lock before the statement runs.
    pub fn lock(&mut self, table: Oid, mode: LockMode) {
        match self.locks.iter_mut().find(|(known, _)| *known == table) {
            Some((_, held)) => *held = (*held).max(mode),
            None => self.locks.push((table, mode)),
        }
        self.depends.push(table);
    }

    /// About how many rows a table has; 0 where nobody can tell.
    pub(crate) fn table_rows(&self, table: Oid) -> u64 {
        self.session
            .as_ref()
            .map_or(0, |session| session.engine().table_size(crate::engine::TableId(table)).0)
    }

    pub(crate) fn new_frame(&mut self) -> usize {
        self.next_frame += 1;
        self.next_frame - 1
    }

    /// Runs `bind` in a new scope over nothing but `scope`.
    pub(crate) fn with_scope<T>(
        &mut self,
        scope: Scope,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.scopes.push(scope);
        let result = bind(self);
        self.scopes.pop();
        result
    }
}

/// Binds a condition of a domain: `VALUE` is the only column.
///
/// # Errors
///
/// Those of binding.
pub fn bind_domain_check(check: &ast::Expr, base: DataType, env: &Arc<Env>) -> Result<Expr> {
    let mut binder = Binder::new(env.clone(), &[], false);
    let mut scope = Scope::default();
    scope.columns.push(scope::ScopeColumn {
        name: "value".into(),
        data_type: base,
        expr: Expr::Column(0),
        table_oid: 0,
        attribute: 0,
    });
    binder.with_scope(scope, |binder| {
        let bound = binder.bind_expr(check)?;
        binder.coerce_condition(bound, "CHECK")
    })
}

/// Binds an expression over the columns of one table: checks, index expressions, generated columns.
///
/// # Errors
///
/// Those of binding.
pub fn bind_over_table(
    expr: &ast::Expr,
    table: &Arc<super::catalog::Table>,
    env: &Arc<Env>,
) -> Result<Typed> {
    let mut binder = Binder::new(env.clone(), &[], false);
    let mut scope = Scope {
        no_aggregates: Some("check constraints"),
        no_windows: Some("check constraints"),
        ..Scope::default()
    };
    scope.add(from::table_relation(table, None, 0, 0, env));
    binder.with_scope(scope, |binder| binder.bind_expr(expr))
}

/// Binds an expression without columns (defaults) and brings it to a type as an assignment does.
///
/// # Errors
///
/// Those of binding; 42804 when the types do not fit.
pub fn bind_default(expr: &ast::Expr, column: &str, data_type: DataType, env: &Arc<Env>) -> Result<Expr> {
    let mut binder = Binder::new(env.clone(), &[], false);
    let scope = Scope {
        no_aggregates: Some("DEFAULT expressions"),
        no_windows: Some("DEFAULT expressions"),
        ..Scope::default()
    };
    binder.with_scope(scope, |binder| {
        let bound = binder.bind_expr(expr)?;
        binder.assign(bound, data_type, column, true)
    })
}

/// Whether a type is one of those that stand for rows.
pub fn is_record(type_oid: Oid, env: &Env) -> bool {
    type_oid == oid::RECORD || type_oid >= RECORD_BASE || env.category(type_oid) == 'C'
}
