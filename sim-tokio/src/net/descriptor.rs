//! File descriptors of simulated sockets.
//!
//! Some crates want one, to set options of a socket (tonic, tokio-postgres) or to carry it through std and back
//! (redis). So a simulated socket has a real one that is connected to nothing, made when it is first asked
//! for; while std has it, the simulated one waits under its number.

use sim_runtime::executor::with_current;
use socket2::{Domain, Socket, Type};
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

/// What the descriptor would be on a real machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Tcp,
    Udp,
    UnixStream,
    UnixDatagram,
}

/// A descriptor that is made when asked for.
pub(super) struct Descriptor {
    kind: Kind,
    fd: OnceLock<OwnedFd>,
}

impl std::fmt::Debug for Descriptor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Descriptor").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Descriptor {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, fd: OnceLock::new() }
    }

    pub(super) fn from_fd(kind: Kind, fd: OwnedFd) -> Self {
        Self { kind, fd: OnceLock::from(fd) }
    }

    pub(super) fn get(&self) -> &OwnedFd {
        self.fd.get_or_init(|| {
            let (domain, kind) = match self.kind {
                Kind::Tcp => (Domain::IPV4, Type::STREAM),
                Kind::Udp => (Domain::IPV4, Type::DGRAM),
                Kind::UnixStream => (Domain::UNIX, Type::STREAM),
                Kind::UnixDatagram => (Domain::UNIX, Type::DGRAM),
            };
            sim_host::outside(|| Socket::new(domain, kind, None))
                .expect("the host has room for one more descriptor")
                .into()
        })
    }

    pub(super) fn into_fd(self) -> OwnedFd {
        self.get();
        self.fd.into_inner().expect("made just now")
    }
}

#[derive(Default)]
struct Parked(RefCell<BTreeMap<RawFd, Box<dyn Any>>>);

/// Keeps a simulated socket while std has its descriptor.
pub(super) fn park<T: 'static>(fd: &impl AsRawFd, socket: T) {
    let before = with_current(|world| {
        let parked = world.extension(Parked::default);
        parked.0.borrow_mut().insert(fd.as_raw_fd(), Box::new(socket))
    });
    drop(before);
}

/// Takes back the simulated socket whose descriptor std had.
pub(super) fn unpark<T: 'static>(fd: &impl AsRawFd) -> io::Result<T> {
    let found = with_current(|world| {
        let parked = world.extension(Parked::default);
        parked.0.borrow_mut().remove(&fd.as_raw_fd())
    });
    found.and_then(|socket| socket.downcast().ok()).map(|socket| *socket).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "a socket of the host cannot enter the simulation: only one that came out of it by into_std can come back",
        )
    })
}
