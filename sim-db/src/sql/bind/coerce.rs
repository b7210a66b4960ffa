//! Bringing expressions to types: literals are read at once, parameters take the type asked of them.

use super::{Binder, Typed};
use crate::error::{DatabaseError, Result};
use crate::sql::cast::{self, CastContext, CastMethod};
use crate::sql::error::{error, error_at};
use crate::sql::expr::{Cast, Expr};
use crate::value::text::{TypeCatalog, TypeKind};
use crate::value::{DataType, Oid, Value, oid, text};
use sqlparser::ast;
use sqlparser::ast::Spanned;

impl Binder {
    /// Sets the type of a parameter.
    pub(crate) fn type_parameter(&mut self, index: usize, type_oid: Oid) {
        if let Some(known) = self.params.borrow_mut().get_mut(index)
            && *known == 0
        {
            *known = self.env.base_type(DataType::of(type_oid)).oid;
        }
    }

    fn literal(&mut self, value: &Value, target: DataType, explicit: bool) -> Result<Expr> {
        let Value::Text(content) = value else { return Ok(Expr::Const(Value::Null)) };
        if let Some(TypeKind::Domain(_)) = self.env.kind(target.oid) {
            let base = self.env.base_type(target);
            let inner = self.literal(value, base, explicit)?;
            return Ok(Expr::CheckDomain(Box::new(inner), target.oid));
        }
        let interval = if target.oid == oid::INTERVAL { target.typmod } else { -1 };
        let read = text::input(content, DataType { oid: target.oid, typmod: interval }, self.env.text())?;
        crate::value::typmod::apply(read, target, explicit).map(Expr::Const)
    }

    /// Brings an expression to a type, if a cast exists in the context.
    ///
    /// # Errors
    ///
    /// Those of reading a literal.
    pub(crate) fn try_coerce(
        &mut self,
        given: Typed,
        target: DataType,
        context: CastContext,
    ) -> Result<Result<Expr, Typed>> {
        let explicit = context == CastContext::Explicit;
        if given.data_type.oid == oid::UNKNOWN {
            match &given.expr {
                Expr::Const(value) => {
                    if target.oid == oid::UNKNOWN || target.oid == oid::ANY {
                        return Ok(Ok(given.expr));
                    }
                    if value.is_null() {
                        let null = Expr::Const(Value::Null);
                        return Ok(Ok(match self.env.kind(target.oid) {
                            Some(TypeKind::Domain(_)) => Expr::CheckDomain(Box::new(null), target.oid),
                            _ => null,
                        }));
                    }
                    if target.oid == oid::RECORD {
                        return Err(error(b"0A000", "input of anonymous composite types is not implemented"));
                    }
                    let value = value.clone();
                    return self.literal(&value, target, explicit).map(Ok);
                }
                Expr::Param(index) => {
                    let index = *index;
                    self.type_parameter(index, target.oid);
                    let known = self.params.borrow()[index];
                    let typed = Typed::new(Expr::Param(index), known);
                    if known == oid::UNKNOWN || known == 0 {
                        return Ok(Ok(typed.expr));
                    }
                    return self.try_coerce(typed, target, context);
                }
                _ => {}
            }
        }
        let source = given.data_type;
        if source.oid == target.oid && (target.typmod < 0 || target.typmod == source.typmod) {
            return Ok(Ok(given.expr));
        }
        if source.oid >= super::RECORD_BASE && (target.oid == oid::RECORD || target.oid == source.oid) {
            return Ok(Ok(given.expr));
        }
        let from = if source.oid >= super::RECORD_BASE { oid::RECORD } else { source.oid };
        let Some(method) = cast::find(from, target.oid, context, &self.env) else { return Ok(Err(given)) };
        if method == CastMethod::Relabel && target.typmod < 0 {
            return Ok(Ok(Expr::Cast(Box::new(Cast {
                input: given.expr,
                source: from,
                target,
                method,
                explicit,
            }))));
        }
        let cast = Cast { input: given.expr, source: from, target, method, explicit };
        Ok(Ok(Expr::Cast(Box::new(cast))))
    }

    /// As [`Binder::try_coerce`], 42846 when there is no such cast.
    ///
    /// # Errors
    ///
    /// 42846, those of reading a literal.
    pub(crate) fn coerce(&mut self, given: Typed, target: DataType, context: CastContext) -> Result<Expr> {
        let source = given.data_type.oid;
        self.try_coerce(given, target, context)?.map_err(|_| {
            let (from, to) = (self.env.type_name(source), self.env.type_name(target.oid));
            error(b"42846", format!("cannot cast type {from} to {to}"))
        })
    }

    /// An expression for a column: 42804 when it does not fit.
    ///
    /// # Errors
    ///
    /// 42804, those of reading a literal.
    pub(crate) fn assign(
        &mut self,
        given: Typed,
        target: DataType,
        column: &str,
        is_default: bool,
    ) -> Result<Expr> {
        let source = given.data_type.oid;
        self.try_coerce(given, target, CastContext::Assignment)?.map_err(|_| {
            let (from, to) = (self.env.type_name(source), self.env.type_name(target.oid));
            let message = if is_default {
                format!("column \"{column}\" is of type {to} but default expression is of type {from}")
            } else {
                format!("column \"{column}\" is of type {to} but expression is of type {from}")
            };
            error(b"42804", message).with_hint("You will need to rewrite or cast the expression.")
        })
    }

    /// A condition: 42804 when it is not boolean.
    ///
    /// # Errors
    ///
    /// 42804.
    pub(crate) fn coerce_condition(&mut self, given: Typed, clause: &str) -> Result<Expr> {
        let source = given.data_type.oid;
        self.try_coerce(given, DataType::of(oid::BOOL), CastContext::Implicit)?.map_err(|_| {
            let name = self.env.type_name(source);
            error(b"42804", format!("argument of {clause} must be type boolean, not type {name}"))
        })
    }

    /// An expression whose type is known: an unknown literal or parameter becomes text.
    ///
    /// # Errors
    ///
    /// None in practice: any unknown literal is text.
    pub(crate) fn settle(&mut self, given: Typed) -> Result<Typed> {
        if given.data_type.oid != oid::UNKNOWN {
            return Ok(given);
        }
        let expr = self.coerce(given, DataType::of(oid::TEXT), CastContext::Implicit)?;
        Ok(Typed::new(expr, oid::TEXT))
    }

    /// Brings expressions to one type (`CASE`, `COALESCE`, `ARRAY`, `VALUES`).
    ///
    /// # Errors
    ///
    /// 42804 naming the construct.
    pub(crate) fn unify(&mut self, given: Vec<Typed>, construct: &str) -> Result<(Vec<Expr>, DataType)> {
        let types: Vec<Oid> = given.iter().map(|typed| typed.data_type.oid).collect();
        let common = super::resolve::common_type(&types, &self.env).map_err(|(first, other)| {
            let (first, other) = (self.env.type_name(first), self.env.type_name(other));
            error(b"42804", format!("{construct} types {first} and {other} cannot be matched"))
        })?;
        let typmod = match given.first() {
            Some(first) if given.iter().all(|t| t.data_type == first.data_type) => first.data_type.typmod,
            _ => -1,
        };
        let target = DataType::of(common);
        let mut exprs = Vec::with_capacity(given.len());
        for typed in given {
            let source = typed.data_type.oid;
            let expr = self.try_coerce(typed, target, CastContext::Implicit)?.map_err(|_| {
                let (from, to) = (self.env.type_name(source), self.env.type_name(common));
                error(b"42846", format!("{construct} could not convert type {from} to {to}"))
            })?;
            exprs.push(expr);
        }
        Ok((exprs, DataType { oid: common, typmod }))
    }
}

/// Adds the place of an expression to an error that has none.
pub(crate) fn located(raised: DatabaseError, expr: &ast::Expr) -> DatabaseError {
    if raised.position.is_some() {
        return raised;
    }
    match crate::sql::error::position(expr.span().start) {
        Some(position) => raised.at(position),
        None => raised,
    }
}

/// 42883 for an operator that no operand types fit.
pub(crate) fn no_operator(symbol: &str, left: Option<Oid>, right: Oid, binder: &Binder) -> DatabaseError {
    let name = |type_oid: Oid| {
        if type_oid >= super::RECORD_BASE { "record".to_owned() } else { binder.env.type_name(type_oid) }
    };
    let shape = match left {
        Some(left) => format!("{} {symbol} {}", name(left), name(right)),
        None => format!("{symbol} {}", name(right)),
    };
    error_at(sqlparser::tokenizer::Span::empty(), b"42883", format!("operator does not exist: {shape}")).with_hint(
        "No operator matches the given name and argument types. You might need to add explicit type casts.",
    )
}
