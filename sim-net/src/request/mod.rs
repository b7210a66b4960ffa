//! Requests, read from the bytes of a connection, and faults that act on whole requests.
//!
//! No other simulator has these: a lost packet is a delay on a stream, a reset hits whatever is under way,
//! but the faults that break services are about requests: the answer was lost *after* the work was done, a
//! gateway delivered twice, one request overtook another. The reader sits where bytes enter the simulated
//! network. It never changes one: without a fault the wire is what it is without a reader. A fault
//! swallows bytes from the first one of a request or response and ends the connection, keeps bytes back, or
//! repeats a request on a connection of its own, so applications see what a real client or server would see
//! (a reset, a timeout, a duplicate) and never a malformed stream.
//!
//! Pure parts, bytes in and events out:
//!
//! | file | concept |
//! |---|---|
//! | [`event`] | what a reader reports, and where in the bytes |
//! | [`http1`] | HTTP/1.1, with keep-alive and pipelining |
//! | [`chunked`] | where a chunked body ends |
//! | [`http2`] | HTTP/2 frames |
//! | `hpack`, `huffman` | its header blocks |
//! | [`postgres`] | PostgreSQL's protocol: statements |
//! | [`reader`] | which of these a connection speaks |
//!
//! and the faults:
//!
//! | file | concept |
//! |---|---|
//! | [`matching`] | which requests are meant |
//! | [`rule`] | what happens to them, how often it did |
//! | [`tracking`] | the exchanges of one connection |

pub mod chunked;
pub mod event;
mod hpack;
pub mod http1;
pub mod http2;
mod huffman;
pub mod matching;
pub mod postgres;
pub mod reader;
pub mod rule;
pub(crate) mod tracking;

pub use event::{Event, Head, Mark};
pub use matching::Match;
pub use reader::Reader;
pub use rule::{Action, Ending, RequestGuard, Until};
pub(crate) use tracking::{Requests, Tracked};
