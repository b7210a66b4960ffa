//! The functions and operators, one file a subject.

pub mod aggregate;
mod arithmetic;
mod array;
mod binary;
pub mod comparison;
mod datetime;
mod format_datetime;
mod format_number;
mod interval_ops;
pub mod json;
pub mod json_build;
mod json_path_ops;
mod math;
pub mod pattern;
mod range;
pub mod sequence;
mod set;
mod string;
mod system;
mod wait;
pub mod window;

use super::function::Function;

/// Every function and operator.
pub fn all() -> Vec<&'static Function> {
    let [int4, int8, int2, others] = arithmetic::groups();
    [
        int4,
        int8,
        int2,
        others,
        aggregate::FUNCTIONS,
        array::FUNCTIONS,
        binary::FUNCTIONS,
        comparison::FUNCTIONS,
        datetime::FUNCTIONS,
        datetime::fields(),
        format_datetime::FUNCTIONS,
        format_number::FUNCTIONS,
        interval_ops::FUNCTIONS,
        json::FUNCTIONS,
        json_build::FUNCTIONS,
        json_path_ops::FUNCTIONS,
        math::FUNCTIONS,
        math::floats(),
        pattern::FUNCTIONS,
        pattern::operators(),
        range::FUNCTIONS,
        range::constructors(),
        sequence::FUNCTIONS,
        set::FUNCTIONS,
        string::FUNCTIONS,
        system::FUNCTIONS,
        wait::FUNCTIONS,
        wait::advisory(),
        window::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Names of the fields of a row type; none when it has no names.
pub fn field_names(type_oid: crate::value::Oid, env: &super::catalog::Env) -> Vec<std::sync::Arc<str>> {
    json_build::field_names(type_oid, 0, env)
}

pub use system::index_text;
