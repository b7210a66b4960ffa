//! The names of things: transactions, rows, tables, sessions.

use std::fmt;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

identifier!(
    /// A transaction or subtransaction that wrote; 0 is none. Never wraps.
    Xid(u64)
);
identifier!(
    /// A table's storage; the SQL layer uses the table's OID.
    TableId(u32)
);
identifier!(
    /// An index; the SQL layer uses the index's OID.
    IndexId(u32)
);
identifier!(
    /// A sequence; the SQL layer uses the sequence's OID.
    SequenceId(u32)
);
identifier!(
    /// A session's process number, as `pg_backend_pid()` tells it.
    Pid(i32)
);

impl Xid {
    /// No transaction.
    pub const NONE: Xid = Xid(0);

    /// Whether this names a transaction.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// Where a row version is: page and line pointer (from 1), as `ctid`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid {
    /// page, from 0
    pub block: u32,
    /// line pointer in the page, from 1
    pub offset: u16,
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.block, self.offset)
    }
}

/// The command counter of a transaction.
pub type CommandId = u32;
