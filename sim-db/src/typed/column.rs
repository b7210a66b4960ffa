//! Rust types as columns.

use std::sync::Arc;

use crate::value::Value;

/// A type that can be a column.
pub trait Column: Sized {
    /// Into the store.
    fn to_value(&self) -> Value;

    /// Out of the store.
    ///
    /// # Panics
    /// If the value is of another type: the row was written as another record.
    fn from_value(value: &Value) -> Self;
}

macro_rules! column {
    ($($rust:ty => $variant:ident),*) => {$(
        impl Column for $rust {
            fn to_value(&self) -> Value {
                Value::$variant(*self)
            }

            fn from_value(value: &Value) -> Self {
                match value {
                    Value::$variant(inner) => *inner,
                    other => wrong_type(stringify!($rust), other),
                }
            }
        }
    )*};
}

column!(bool => Bool, i16 => Int2, i32 => Int4, i64 => Int8, f64 => Float8, [u8; 16] => Uuid);

#[cold]
fn wrong_type(wanted: &str, found: &Value) -> ! {
    panic!("a column of type {wanted} holds {found:?}: the table was created for another record")
}

impl Column for u32 {
    fn to_value(&self) -> Value {
        Value::Int8(i64::from(*self))
    }

    fn from_value(value: &Value) -> Self {
        let number = value.as_i64().and_then(|n| u32::try_from(n).ok());
        number.unwrap_or_else(|| wrong_type("u32", value))
    }
}

impl Column for u64 {
    /// # Panics
    /// Beyond `i64::MAX`, which no column holds.
    fn to_value(&self) -> Value {
        Value::Int8(i64::try_from(*self).expect("a u64 column holds at most i64::MAX"))
    }

    fn from_value(value: &Value) -> Self {
        let number = value.as_i64().and_then(|n| u64::try_from(n).ok());
        number.unwrap_or_else(|| wrong_type("u64", value))
    }
}

impl Column for String {
    fn to_value(&self) -> Value {
        Value::Text(self.as_str().into())
    }

    fn from_value(value: &Value) -> Self {
        value.as_str().unwrap_or_else(|| wrong_type("String", value)).to_owned()
    }
}

impl Column for Arc<str> {
    fn to_value(&self) -> Value {
        Value::Text(Arc::clone(self))
    }

    fn from_value(value: &Value) -> Self {
        match value {
            Value::Text(text) => Arc::clone(text),
            other => wrong_type("Arc<str>", other),
        }
    }
}

impl Column for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Bytea(self.as_slice().into())
    }

    fn from_value(value: &Value) -> Self {
        match value {
            Value::Bytea(bytes) => bytes.to_vec(),
            other => wrong_type("Vec<u8>", other),
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Column::to_value)
    }

    fn from_value(value: &Value) -> Self {
        if value.is_null() { None } else { Some(T::from_value(value)) }
    }
}

/// What a key is looked up by: a column's value, or a tuple of them.
pub trait ToKey {
    /// The values, in the order of the key's columns.
    fn to_key(&self) -> Vec<Value>;
}

impl<T: Column> ToKey for T {
    fn to_key(&self) -> Vec<Value> {
        vec![self.to_value()]
    }
}

impl ToKey for &str {
    fn to_key(&self) -> Vec<Value> {
        vec![Value::Text((*self).into())]
    }
}

impl<A: Column, B: Column> ToKey for (A, B) {
    fn to_key(&self) -> Vec<Value> {
        vec![self.0.to_value(), self.1.to_value()]
    }
}

impl<A: Column, B: Column, C: Column> ToKey for (A, B, C) {
    fn to_key(&self) -> Vec<Value> {
        vec![self.0.to_value(), self.1.to_value(), self.2.to_value()]
    }
}
