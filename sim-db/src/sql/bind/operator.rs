//! Operators: which function a symbol is for its operands.

use super::coerce::no_operator;
use super::resolve::{Resolution, choose_operator};
use super::{Binder, Typed};
use crate::error::Result;
use crate::sql::cast::{self, CastContext, CastMethod};
use crate::sql::error::error;
use crate::sql::expr::{Expr, Quantified};
use crate::sql::function::{self, Function};
use crate::value::{DataType, Oid, oid};
use sqlparser::ast::{BinaryOperator, UnaryOperator};

/// The symbol of an operator.
pub(crate) fn symbol(operator: &BinaryOperator) -> String {
    match operator {
        BinaryOperator::PGCustomBinaryOperator(parts) => parts.last().cloned().unwrap_or_default(),
        BinaryOperator::Custom(text) => text.clone(),
        BinaryOperator::NotEq => "<>".to_owned(),
        other => other.to_string(),
    }
}

/// The symbol of a prefix operator.
pub(crate) fn prefix_symbol(operator: UnaryOperator) -> &'static str {
    match operator {
        UnaryOperator::Plus => "+",
        UnaryOperator::Minus => "-",
        UnaryOperator::BitwiseNot => "~",
        UnaryOperator::PGSquareRoot => "|/",
        UnaryOperator::PGCubeRoot => "||/",
        UnaryOperator::PGAbs => "@",
        UnaryOperator::Not => "NOT",
        _ => "?",
    }
}

impl Binder {
    /// Finds the operator for operand types.
    ///
    /// # Errors
    ///
    /// 42883 when there is none, 42725 when several fit.
    pub(crate) fn operator(
        &mut self,
        symbol: &str,
        types: &[Oid],
    ) -> Result<(&'static Function, Vec<Oid>, Oid)> {
        let types: Vec<Oid> =
            types.iter().map(|t| if *t >= super::RECORD_BASE { oid::RECORD } else { *t }).collect();
        let functions = function::named(symbol);
        match choose_operator(functions, &types, &self.env) {
            Resolution::Found { function, types, result } => Ok((function, types, result)),
            Resolution::Ambiguous => {
                use crate::value::text::TypeCatalog;
                let shape = match types.as_slice() {
                    [left, right] => {
                        format!("{} {symbol} {}", self.env.type_name(*left), self.env.type_name(*right))
                    }
                    [only] => format!("{symbol} {}", self.env.type_name(*only)),
                    _ => symbol.to_owned(),
                };
                Err(error(b"42725", format!("operator is not unique: {shape}")).with_hint(
                    "Could not choose a best candidate operator. You might need to add explicit type casts.",
                ))
            }
            Resolution::Missing => match types.as_slice() {
                [left, right] => Err(no_operator(symbol, Some(*left), *right, self)),
                [only] => Err(no_operator(symbol, None, *only, self)),
                _ => Err(error(b"42883", format!("operator does not exist: {symbol}"))),
            },
        }
    }

    /// Applies an operator to operands.
    ///
    /// # Errors
    ///
    /// 42883, 42725, those of reading literals.
    pub(crate) fn apply_operator(&mut self, symbol: &str, operands: Vec<Typed>) -> Result<Typed> {
        let given: Vec<Oid> = operands.iter().map(|operand| operand.data_type.oid).collect();
        let (function, types, result) = self.operator(symbol, &given)?;
        let mut args = Vec::with_capacity(operands.len());
        for (operand, wanted) in operands.into_iter().zip(&types) {
            args.push(self.coerce(operand, DataType::of(*wanted), CastContext::Implicit)?);
        }
        Ok(Typed::new(Expr::call(function, args, types, result), result))
    }

    /// `left op ANY (array)`.
    ///
    /// # Errors
    ///
    /// 42809 when the right side is no array, 42883 when there is no operator.
    pub(crate) fn quantified(&mut self, symbol: &str, left: Typed, array: Typed, all: bool) -> Result<Typed> {
        let mut array = array;
        if array.data_type.oid == oid::UNKNOWN {
            // An untyped array takes its element type from the left side.
            let element = if left.data_type.oid == oid::UNKNOWN { oid::TEXT } else { left.data_type.oid };
            let element = self.env.base_type(DataType::of(element)).oid;
            let element = if element == oid::VARCHAR { oid::TEXT } else { element };
            let wanted = self
                .env
                .array_of(element)
                .ok_or_else(|| error(b"42809", "op ANY/ALL (array) requires array on right side"))?;
            let expr = self.coerce(array, DataType::of(wanted), CastContext::Implicit)?;
            array = Typed::new(expr, wanted);
        }
        let base = self.env.base_type(array.data_type).oid;
        let Some(element) = self.env.element_of(base) else {
            return Err(error(b"42809", "op ANY/ALL (array) requires array on right side"));
        };
        let (function, types, result) = self.operator(symbol, &[left.data_type.oid, element])?;
        if result != oid::BOOL {
            return Err(error(b"42809", "op ANY/ALL (array) requires operator to yield boolean"));
        }
        let left = self.coerce(left, DataType::of(types[0]), CastContext::Implicit)?;
        let element_cast = if types[1] == element {
            None
        } else {
            let method = cast::find(element, types[1], CastContext::Implicit, &self.env)
                .unwrap_or(CastMethod::Relabel);
            (method != CastMethod::Relabel).then_some((element, DataType::of(types[1]), method))
        };
        let quantified =
            Quantified { function, types: types.into(), left, array: array.expr, all, element_cast };
        Ok(Typed::new(Expr::Quantified(Box::new(quantified)), oid::BOOL))
    }

    /// A comparison of rows: pairwise for `=` and `<>`, first difference for the others.
    ///
    /// # Errors
    ///
    /// 42601 for rows of different lengths, 42883.
    pub(crate) fn compare_rows(
        &mut self,
        symbol: &str,
        left: Vec<Typed>,
        right: Vec<Typed>,
    ) -> Result<Typed> {
        if left.len() != right.len() {
            return Err(error(b"42601", "unequal number of entries in row expressions"));
        }
        if left.is_empty() {
            return Err(error(b"0A000", "cannot compare rows of zero length"));
        }
        let pairs: Vec<(Typed, Typed)> = left.into_iter().zip(right).collect();
        let expr = match symbol {
            "=" | "<>" => {
                let mut parts = Vec::new();
                for (a, b) in pairs {
                    parts.push(self.apply_operator(symbol, vec![a, b])?.expr);
                }
                if symbol == "=" { Expr::and(parts) } else { Expr::Or(parts) }
            }
            "<" | "<=" | ">" | ">=" => {
                // a < x OR (a = x AND (b < y OR …))
                let strict = &symbol[..1];
                let mut result: Option<Expr> = None;
                for (at, (a, b)) in pairs.into_iter().enumerate().rev() {
                    let last = result.is_none();
                    let _ = at;
                    let here = if last { symbol } else { strict };
                    let less = self.apply_operator(here, vec![a.clone(), b.clone()])?.expr;
                    result = Some(match result {
                        None => less,
                        Some(rest) => {
                            let equal = self.apply_operator("=", vec![a, b])?.expr;
                            Expr::Or(vec![less, Expr::And(vec![equal, rest])])
                        }
                    });
                }
                result.expect("at least one pair")
            }
            other => return Err(error(b"42883", format!("operator does not exist: record {other} record"))),
        };
        Ok(Typed::new(expr, oid::BOOL))
    }
}
