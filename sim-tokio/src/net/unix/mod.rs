//! Unix sockets, within a simulated node.

pub(super) mod address;
pub(super) mod credentials;
pub mod datagram;
pub(super) mod listener;
pub(super) mod socket;
pub(super) mod split;
pub(super) mod unix_stream;

pub use address::SocketAddr;
pub use credentials::UCred;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};

/// A user's number.
#[allow(non_camel_case_types, reason = "tokio's name")]
pub type uid_t = u32;
/// A group's number.
#[allow(non_camel_case_types, reason = "tokio's name")]
pub type gid_t = u32;
/// A process' number.
#[allow(non_camel_case_types, reason = "tokio's name")]
pub type pid_t = i32;
