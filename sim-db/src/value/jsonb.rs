//! `jsonb` documents: keys unique and sorted as PostgreSQL stores them (by length, then bytes).

use super::Numeric;
use std::cmp::Ordering;
use std::sync::Arc;

/// A `jsonb` document.
#[derive(Clone, Debug)]
pub enum Jsonb {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number of any precision.
    Number(Numeric),
    /// A string.
    String(Arc<str>),
    /// An array.
    Array(Vec<Jsonb>),
    /// An object: keys unique, ordered by [`Jsonb::key_order`].
    Object(Vec<(Arc<str>, Jsonb)>),
}

impl Jsonb {
    /// The order in which PostgreSQL keeps keys: shorter first, then by bytes.
    pub fn key_order(left: &str, right: &str) -> Ordering {
        left.len().cmp(&right.len()).then_with(|| left.as_bytes().cmp(right.as_bytes()))
    }

    /// An object of `pairs`; of equal keys the last one stays.
    pub fn object(pairs: Vec<(Arc<str>, Self)>) -> Self {
        let mut kept: Vec<(Arc<str>, Self)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            match kept.binary_search_by(|(other, _)| Self::key_order(other, &key)) {
                Ok(at) => kept[at].1 = value,
                Err(at) => kept.insert(at, (key, value)),
            }
        }
        Self::Object(kept)
    }

    /// The member called `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members
                .binary_search_by(|(other, _)| Self::key_order(other, key))
                .ok()
                .map(|at| &members[at].1),
            _ => None,
        }
    }

    /// The element at `index` of an array; negative counts from the end.
    pub fn element(&self, index: i64) -> Option<&Self> {
        match self {
            Self::Array(elements) => {
                let at = if index < 0 { index + elements.len() as i64 } else { index };
                elements.get(usize::try_from(at).ok()?)
            }
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::String(_) => 1,
            Self::Number(_) => 2,
            Self::Bool(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
        }
    }
}

impl PartialEq for Jsonb {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Jsonb {}

impl PartialOrd for Jsonb {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jsonb {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Array(a), Self::Array(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Self::Object(a), Self::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
                for ((key, value), (other_key, other_value)) in a.iter().zip(b) {
                    let order = Self::key_order(key, other_key).then_with(|| value.cmp(other_value));
                    if order != Ordering::Equal {
                        return order;
                    }
                }
                Ordering::Equal
            }),
            // An empty array sorts below everything: a quirk of the server that its indexes depend on.
            (Self::Array(a), _) if a.is_empty() => Ordering::Less,
            (_, Self::Array(b)) if b.is_empty() => Ordering::Greater,
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl std::hash::Hash for Jsonb {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(b) => b.hash(state),
            Self::Number(n) => n.hash(state),
            Self::String(s) => s.hash(state),
            Self::Array(elements) => elements.hash(state),
            Self::Object(members) => members.hash(state),
        }
    }
}
