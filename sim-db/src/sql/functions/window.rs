//! Window functions that are not aggregates.

use crate::sql::function::{Function, Kind};
use crate::value::oid::*;

/// A window function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFunction {
    /// Number of the row in its partition.
    RowNumber,
    /// Rank with gaps.
    Rank,
    /// Rank without gaps.
    DenseRank,
    /// `(rank - 1) / (rows - 1)`.
    PercentRank,
    /// Share of the partition up to the row's peers.
    CumeDist,
    /// Bucket number.
    Ntile,
    /// A row before.
    Lag,
    /// A row after.
    Lead,
    /// The frame's first row.
    FirstValue,
    /// The frame's last row.
    LastValue,
    /// The frame's n-th row.
    NthValue,
}

use WindowFunction as W;

macro_rules! windows {
    ($($name:literal ($($arg:ident),*) -> $result:ident = $function:expr;)*) => {
        pub(super) static FUNCTIONS: &[Function] = &[$(
            Function::of($name, &[$($arg),*], $result, Kind::Window($function)).with_nulls(),
        )*];
    };
}

windows! {
    "row_number"() -> INT8 = W::RowNumber;
    "rank"() -> INT8 = W::Rank;
    "dense_rank"() -> INT8 = W::DenseRank;
    "percent_rank"() -> FLOAT8 = W::PercentRank;
    "cume_dist"() -> FLOAT8 = W::CumeDist;
    "ntile"(INT4) -> INT4 = W::Ntile;
    "lag"(ANYELEMENT) -> ANYELEMENT = W::Lag;
    "lag"(ANYELEMENT, INT4) -> ANYELEMENT = W::Lag;
    "lag"(ANYELEMENT, INT4, ANYELEMENT) -> ANYELEMENT = W::Lag;
    "lead"(ANYELEMENT) -> ANYELEMENT = W::Lead;
    "lead"(ANYELEMENT, INT4) -> ANYELEMENT = W::Lead;
    "lead"(ANYELEMENT, INT4, ANYELEMENT) -> ANYELEMENT = W::Lead;
    "first_value"(ANYELEMENT) -> ANYELEMENT = W::FirstValue;
    "last_value"(ANYELEMENT) -> ANYELEMENT = W::LastValue;
    "nth_value"(ANYELEMENT, INT4) -> ANYELEMENT = W::NthValue;
}
