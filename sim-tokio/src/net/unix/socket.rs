//! A Unix socket that is bound before it connects or listens.

use super::datagram::UnixDatagram;
use super::listener::UnixListener;
use super::unix_stream::UnixStream;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A Unix socket that is neither connected nor listening.
#[derive(Debug)]
pub struct UnixSocket {
    datagram: bool,
    path: Mutex<Option<PathBuf>>,
}

impl UnixSocket {
    /// A socket for datagrams.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn new_datagram() -> io::Result<UnixSocket> {
        Ok(Self { datagram: true, path: Mutex::new(None) })
    }

    /// A socket for streams.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn new_stream() -> io::Result<UnixSocket> {
        Ok(Self { datagram: false, path: Mutex::new(None) })
    }

    fn take_path(&self) -> Option<PathBuf> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn expect(&self, datagram: bool, call: &str) -> io::Result<()> {
        if self.datagram == datagram {
            return Ok(());
        }
        let kind = if self.datagram { "datagram" } else { "stream" };
        Err(io::Error::other(format!("{call} cannot be called on a {kind} socket")))
    }

    /// Binds a path of the running task's node.
    ///
    /// # Errors
    ///
    /// None before the socket is used.
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.as_ref().to_owned());
        Ok(())
    }

    /// Listens at the bound path.
    ///
    /// # Errors
    ///
    /// If it is a datagram socket, or as [`UnixListener::bind`].
    #[track_caller]
    pub fn listen(self, _backlog: u32) -> io::Result<UnixListener> {
        self.expect(false, "listen")?;
        let unbound =
            || io::Error::new(io::ErrorKind::InvalidInput, "a socket listens at a path: bind it first");
        UnixListener::bind(self.take_path().ok_or_else(unbound)?)
    }

    /// Connects to the listener at a path.
    ///
    /// # Errors
    ///
    /// If it is a datagram socket, or as [`UnixStream::connect`].
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        self.expect(false, "connect")?;
        UnixStream::connect(path).await
    }

    /// The socket as one for datagrams.
    ///
    /// # Errors
    ///
    /// If it is a stream socket, or as [`UnixDatagram::bind`].
    #[track_caller]
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        self.expect(true, "datagram")?;
        match self.take_path() {
            Some(path) => UnixDatagram::bind(path),
            None => UnixDatagram::unbound(),
        }
    }
}
