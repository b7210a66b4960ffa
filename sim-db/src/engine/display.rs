//! Values in messages.

use std::fmt;

use crate::value::{
    Value,
    text::{BuiltinTypes, TextContext, TextStyle, output},
};

/// A value as 23505's DETAIL shows it.
pub(crate) struct ValueText<'a>(pub(crate) &'a Value);

impl fmt::Display for ValueText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&output(self.0, 0, TextContext::new(&TextStyle::default(), &BuiltinTypes)))
    }
}
