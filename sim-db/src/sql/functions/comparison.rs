//! Comparison operators: the total order of values, `NULL`s kept out by strictness.

use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::{Oid, Value};

macro_rules! comparisons {
    ($(($left:expr, $right:expr)),* $(,)?) => {
        pub(super) static FUNCTIONS: &[Function] = &[$(
            Function::scalar("=", &[$left, $right], BOOL, |_, a| Ok(Value::Bool(a[0] == a[1]))),
            Function::scalar("<>", &[$left, $right], BOOL, |_, a| Ok(Value::Bool(a[0] != a[1]))),
            Function::scalar("<", &[$left, $right], BOOL, |_, a| Ok(Value::Bool(a[0] < a[1]))),
            Function::scalar("<=", &[$left, $right], BOOL, |_, a| Ok(Value::Bool(a[0] <= a[1]))),
            Function::scalar(">", &[$left, $right], BOOL, |_, a| Ok(Value::Bool(a[0] > a[1]))),
            Function::scalar(">=", &[$left, $right], BOOL, |_, a| Ok(Value::Bool(a[0] >= a[1]))),
        )*];
    };
}

comparisons! {
    (INT4, INT4), (INT8, INT8), (INT2, INT2), (INT2, INT4), (INT4, INT2), (INT2, INT8), (INT8, INT2), (INT4, INT8),
    (INT8, INT4), (TEXT, TEXT), (BOOL, BOOL), (FLOAT4, FLOAT4), (FLOAT8, FLOAT8), (FLOAT4, FLOAT8), (FLOAT8, FLOAT4),
    (NUMERIC, NUMERIC), (BPCHAR, BPCHAR), (NAME, NAME), (NAME, TEXT), (TEXT, NAME), (CHAR, CHAR), (BYTEA, BYTEA),
    (DATE, DATE), (TIME, TIME), (TIMETZ, TIMETZ), (TIMESTAMP, TIMESTAMP), (TIMESTAMPTZ, TIMESTAMPTZ),
    (INTERVAL, INTERVAL), (UUID, UUID), (JSONB, JSONB), (OID, OID), (OIDVECTOR, OIDVECTOR), (INET, INET),
    (MACADDR, MACADDR), (ANYARRAY, ANYARRAY), (RECORD, RECORD), (ANYENUM, ANYENUM), (ANYRANGE, ANYRANGE),
    (XID, XID), (TID, TID),
}

/// The operator that gives the same answer with its operands changed about.
pub fn commuted(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "=" => "=",
        "<>" => "<>",
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        _ => return None,
    })
}

/// The comparison of two values of a type, for sorts, groups and `IN`.
pub fn operator_for(operator: &str, type_oid: Oid) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == operator && function.args == [type_oid, type_oid])
}
