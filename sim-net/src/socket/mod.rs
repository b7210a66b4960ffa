//! Sockets as applications hold them.
//!
//! | file | concept |
//! |---|---|
//! | [`listener`] | `TcpListener` |
//! | [`stream`] | `TcpStream` |
//! | [`halves`] | its halves |
//! | [`setup`] | `TcpSocket`: options before connecting or listening |
//! | [`target`] | where to connect to: an address, or a name and a port |

pub mod halves;
pub mod listener;
pub mod setup;
pub mod stream;
pub mod target;

pub use halves::{ReadHalf, WriteHalf};
pub use listener::{Incoming, TcpListener};
pub use setup::TcpSocket;
pub use stream::TcpStream;
pub use target::{Target, resolve};

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use sim_runtime::executor::World;

/// One place in a socket where another task may be let first.
///
/// An operation that is ready at once passes a switch point: on several threads, another task could run
/// here. When no other task is ready there is nobody to switch to, and the operation goes on.
#[derive(Debug, Default)]
pub(crate) struct Switch(AtomicBool);

impl Switch {
    /// Whether the operation should give way now; true at most once per operation.
    #[inline]
    pub(crate) fn gives_way(&self, world: &World, context: &Context<'_>) -> bool {
        if self.0.load(Ordering::Relaxed) {
            self.0.store(false, Ordering::Relaxed);
            return false;
        }
        if !world.others_ready() {
            return false;
        }
        self.0.store(true, Ordering::Relaxed);
        context.waker().wake_by_ref();
        true
    }

    /// The operation had to wait after all: that was its switch point.
    #[inline]
    pub(crate) fn passed(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
