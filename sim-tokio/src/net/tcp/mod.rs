//! TCP: halves of a stream; the rest is in [`net`](super).

pub(super) mod listener;
pub(super) mod socket;
pub(super) mod split;
pub(super) mod tcp_stream;

pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
