//! The address of a Unix socket.

use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::path::Path;

/// The address of a Unix socket: a path, an abstract name, or none.
#[derive(Clone)]
pub struct SocketAddr(std::os::unix::net::SocketAddr);

impl SocketAddr {
    pub(in crate::net) fn of(path: Option<&Path>) -> io::Result<Self> {
        let address = match path.map(|path| (path, path.as_os_str().as_encoded_bytes())) {
            None => std::os::unix::net::SocketAddr::from_pathname("")?,
            Some((_, [0, name @ ..])) => std::os::unix::net::SocketAddr::from_abstract_name(name)?,
            Some((path, _)) => std::os::unix::net::SocketAddr::from_pathname(path)?,
        };
        Ok(Self(address))
    }

    /// Whether the socket has no address.
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// The path, if it is one.
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// The abstract name, if it is one.
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.as_abstract_name()
    }
}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<std::os::unix::net::SocketAddr> for SocketAddr {
    fn from(value: std::os::unix::net::SocketAddr) -> Self {
        SocketAddr(value)
    }
}

impl From<SocketAddr> for std::os::unix::net::SocketAddr {
    fn from(value: SocketAddr) -> Self {
        value.0
    }
}
