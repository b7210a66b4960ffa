//! What can be locked.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::engine::{
    id::{TableId, Tid, Xid},
    mode::{AdvisoryKey, LockMode},
};

/// A lockable thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LockTag {
    /// a table
    Table(TableId),
    /// a row: only held by the first of those who wait for its holder
    Row(TableId, Tid),
    /// a transaction or subtransaction: held by itself, waited for by others
    Transaction(Xid),
    /// an advisory lock
    Advisory(AdvisoryKey),
    /// the name of a catalog object, as a hash
    Object(u64),
}

impl LockTag {
    /// As PostgreSQL names it in a deadlock report. `database` is the database's OID.
    pub(crate) fn describe(self, database: u32) -> String {
        match self {
            LockTag::Table(table) => format!("relation {table} of database {database}"),
            LockTag::Row(table, tid) => {
                format!("tuple {tid} of relation {table} of database {database}")
            }
            LockTag::Transaction(xid) => format!("transaction {xid}"),
            LockTag::Advisory(AdvisoryKey::One(key)) => {
                let (high, low) = ((key as u64 >> 32) as u32, key as u32);
                format!("advisory lock [{database},{high},{low},1]")
            }
            LockTag::Advisory(AdvisoryKey::Two(a, b)) => {
                format!("advisory lock [{database},{},{},2]", a as u32, b as u32)
            }
            LockTag::Object(hash) => format!("object {} of class 0 of database {database}", hash as u32),
        }
    }
}

/// A small fixed hash: lock tags are short and trusted, and no map of them is ever iterated undecided.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TagHasher(u64);

pub(crate) type TagHash = BuildHasherDefault<TagHasher>;

impl Hasher for TagHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }

    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.write_u64(n as u64);
    }
}

/// How long a hold lasts: a subtransaction's depth (0 is the transaction), or the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// until the (sub)transaction of this depth ends
    Level(u32),
    /// until it is released
    Session,
}

/// One mode a session holds of one tag, and on whose behalf how often.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) tag: LockTag,
    pub(crate) mode: LockMode,
    first: (Owner, u32),
    more: Vec<(Owner, u32)>,
}

impl Held {
    pub(crate) fn new(tag: LockTag, mode: LockMode, owner: Owner) -> Held {
        Held { tag, mode, first: (owner, 1), more: Vec::new() }
    }

    /// One more hold.
    pub(crate) fn add(&mut self, owner: Owner, count: u32) {
        if self.first.0 == owner || self.first.1 == 0 {
            self.first = (owner, self.first.1 + count);
        } else if let Some(found) = self.more.iter_mut().find(|(o, _)| *o == owner) {
            found.1 += count;
        } else {
            self.more.push((owner, count));
        }
    }

    /// One hold less; `false` if that owner had none.
    pub(crate) fn remove(&mut self, owner: Owner) -> bool {
        let all = std::iter::once(&mut self.first).chain(self.more.iter_mut());
        for (found, count) in all {
            if *found == owner && *count > 0 {
                *count -= 1;
                return true;
            }
        }
        false
    }

    /// Drops every hold that `gone` says is over.
    pub(crate) fn retain(&mut self, gone: impl Fn(Owner) -> bool) {
        if gone(self.first.0) {
            self.first.1 = 0;
        }
        self.more.retain(|(owner, _)| !gone(*owner));
    }

    /// What subtransactions of this depth or deeper hold becomes that of the one above.
    pub(crate) fn hand_up(&mut self, depth: u32) {
        let is_inner = |owner: Owner| matches!(owner, Owner::Level(level) if level >= depth);
        let mut count = 0;
        if is_inner(self.first.0) {
            count += std::mem::take(&mut self.first.1);
        }
        self.more.retain(|(owner, n)| {
            let inner = is_inner(*owner);
            count += if inner { *n } else { 0 };
            !inner
        });
        if count > 0 {
            self.add(Owner::Level(depth - 1), count);
        }
    }

    /// Whether nobody holds it any more.
    pub(crate) fn is_free(&self) -> bool {
        self.first.1 == 0 && self.more.iter().all(|(_, count)| *count == 0)
    }
}
