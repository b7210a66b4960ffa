//! The simulated network: packets, links, TCP, UDP, names, request-level faults.
//!
//! Applications use [`TcpListener`] and [`TcpStream`]; scenarios break things through [`net`].
//!
//! Pure parts, without clock, tape or tasks of their own:
//!
//! * [`link`]: one direction between two nodes: latency, loss, bandwidth, cuts and other rules
//! * [`tcp`]: a connection as a state machine
//! * [`request`]: requests read from the bytes of connections, and faults on them
//!
//! and what ties them to a run:
//!
//! * `network`: the state behind all sockets
//! * [`socket`], [`udp`], [`unix`]: sockets as applications hold them
//! * [`descriptor`]: the same sockets as std and C know them, by number
//! * [`names`]: what a resolver answers
//! * [`control`]: what a scenario does to the network

pub mod control;
pub mod descriptor;
mod error;
pub mod link;
pub mod names;
mod network;
pub mod request;
pub mod socket;
pub mod tcp;
pub mod udp;
pub mod unix;

pub use control::{Guard, Machine, Net, WhenDown, net};
pub use descriptor::plug_in;
pub use link::Latency;
pub use socket::{ReadHalf, TcpListener, TcpSocket, TcpStream, WriteHalf};
pub use tcp::Keepalive;
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};
