//! What a function or operator is, and where all of them are found.

use super::context::Exec;
use crate::error::Result;
use crate::value::{Oid, Value};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;

/// A future that borrows the execution.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Body of a function that waits.
pub type AsyncBody = for<'a> fn(&'a mut Exec, Vec<Value>) -> BoxFuture<'a, Result<Value>>;

/// How a function is called.
#[derive(Clone, Copy)]
pub enum Kind {
    /// From values.
    Scalar(fn(&mut Exec, &[Value]) -> Result<Value>),
    /// From values and the types of the arguments.
    Typed(fn(&mut Exec, &[Value], &[Oid]) -> Result<Value>),
    /// May wait.
    Async(AsyncBody),
    /// Returns rows of `columns`.
    Set(fn(&mut Exec, &[Value], &[Oid]) -> Result<Vec<Vec<Value>>>, &'static [(&'static str, Oid)]),
    /// An aggregate.
    Aggregate(super::functions::aggregate::Aggregate),
    /// A window function.
    Window(super::functions::window::WindowFunction),
}

/// Whether a call may be evaluated early, once, or never be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volatility {
    /// Depends on its arguments alone.
    Immutable,
    /// Constant within a statement.
    Stable,
    /// May differ at every call.
    Volatile,
}

/// A function or an operator (operators are functions named by their symbol).
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Argument types; of a variadic function the last one is the element type.
    pub args: &'static [Oid],
    /// Whether the last argument may be given any number of times.
    pub variadic: bool,
    /// Names of the arguments, for `name => value`.
    pub names: &'static [&'static str],
    /// How many trailing arguments have a default (`NULL`, or 0 for numbers).
    pub defaults: usize,
    /// Result type.
    pub result: Oid,
    /// `NULL` in, `NULL` out.
    pub strict: bool,
    /// Volatility.
    pub volatility: Volatility,
    /// Body.
    pub kind: Kind,
}

impl Function {
    /// A strict immutable scalar function.
    pub const fn scalar(
        name: &'static str,
        args: &'static [Oid],
        result: Oid,
        body: fn(&mut Exec, &[Value]) -> Result<Value>,
    ) -> Self {
        Self::of(name, args, result, Kind::Scalar(body))
    }

    /// As [`Function::scalar`], of any kind.
    pub const fn of(name: &'static str, args: &'static [Oid], result: Oid, kind: Kind) -> Self {
        Self {
            name,
            args,
            variadic: false,
            names: &[],
            defaults: 0,
            result,
            strict: true,
            volatility: Volatility::Immutable,
            kind,
        }
    }

    /// Called with `NULL`s too.
    pub const fn with_nulls(mut self) -> Self {
        self.strict = false;
        self
    }

    /// Takes its last argument any number of times.
    pub const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    /// Constant within a statement.
    pub const fn stable(mut self) -> Self {
        self.volatility = Volatility::Stable;
        self
    }

    /// Evaluated at every call.
    pub const fn volatile(mut self) -> Self {
        self.volatility = Volatility::Volatile;
        self
    }

    /// Names and number of defaults of the arguments.
    pub const fn named(mut self, names: &'static [&'static str], defaults: usize) -> Self {
        self.names = names;
        self.defaults = defaults;
        self
    }

    /// Whether it is an aggregate.
    pub fn is_aggregate(&self) -> bool {
        matches!(self.kind, Kind::Aggregate(_))
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?}", self.name, self.args)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

static REGISTRY: OnceLock<HashMap<&'static str, Vec<&'static Function>>> = OnceLock::new();

fn registry() -> &'static HashMap<&'static str, Vec<&'static Function>> {
    REGISTRY.get_or_init(|| {
        let mut by_name: HashMap<&'static str, Vec<&'static Function>> = HashMap::new();
        for function in super::functions::all() {
            by_name.entry(function.name).or_default().push(function);
        }
        by_name
    })
}

/// The functions of a name.
pub fn named(name: &str) -> &'static [&'static Function] {
    registry().get(name).map_or(&[], Vec::as_slice)
}

/// Every function, in a fixed order.
pub fn every() -> Vec<&'static Function> {
    super::functions::all()
}
