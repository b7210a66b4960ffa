//! Datagrams: lost, late, twice, out of order, cut short; never damaged.
//!
//! | file | concept |
//! |---|---|
//! | [`table`] | the sockets of a run and what is in flight between them |
//! | [`socket`] | `UdpSocket` as applications hold it |

pub mod socket;
pub(crate) mod table;

pub use socket::UdpSocket;
pub(crate) use table::Sockets;
