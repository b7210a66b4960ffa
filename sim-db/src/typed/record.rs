//! Structs as rows.

use crate::value::Value;

/// A struct that is a row; [`record!`](crate::record) implements it.
pub trait Record: Sized + 'static {
    /// The columns' names, in order.
    const COLUMNS: &'static [&'static str];

    /// The row.
    fn to_row(&self) -> Vec<Value>;

    /// The struct of a row.
    fn from_row(row: &[Value]) -> Self;
}

/// Defines a struct whose fields are the columns of a typed table.
///
/// ```
/// sim_db::record! {
///     /// A payment.
///     #[derive(Clone, Debug, PartialEq)]
///     pub struct Charge {
///         /// the order it pays
///         pub order: i64,
///         pub cents: i64,
///         pub note: Option<String>,
///     }
/// }
/// use sim_db::typed::Record;
/// assert_eq!(Charge::COLUMNS, ["order", "cents", "note"]);
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_visibility:vis $field:ident : $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility struct $name {
            $($(#[$field_meta])* $field_visibility $field: $type),*
        }

        impl $crate::typed::Record for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn to_row(&self) -> Vec<$crate::value::Value> {
                vec![$($crate::typed::Column::to_value(&self.$field)),*]
            }

            fn from_row(row: &[$crate::value::Value]) -> Self {
                let mut columns = row.iter();
                Self {
                    $($field: $crate::typed::Column::from_value(
                        columns.next().expect("a row has every column of its record"),
                    )),*
                }
            }
        }
    };
}
