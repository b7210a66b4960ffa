//! A Unix stream connection within a node.

use super::address::SocketAddr;
use super::credentials::UCred;
use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use crate::net::stream::{self, Connected, Readiness};
use crate::runtime::Handle;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One end of a Unix stream connection.
pub struct UnixStream {
    raw: Arc<sim_net::unix::UnixStream>,
    known: Readiness,
    descriptor: Descriptor,
}

impl UnixStream {
    pub(in crate::net) fn new(raw: sim_net::unix::UnixStream, accepted: bool) -> Self {
        Self { raw: Arc::new(raw), known: Readiness::new(accepted), descriptor: Descriptor::new() }
    }

    fn socket(&self) -> Socket {
        Socket::UnixStream(self.raw.clone())
    }

    pub(super) fn raw(&self) -> Connected<'_> {
        Connected { raw: self.raw.stream(), known: &self.known }
    }

    /// Connects to the listener at a path of the running task's node.
    ///
    /// # Errors
    ///
    /// As [`sim_net::unix::UnixStream::connect`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        Handle::current().io()?;
        let raw = sim_net::unix::UnixStream::connect(path).await?;
        Ok(Self::new(raw, false))
    }

    /// Connects to the listener at an address.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::connect`].
    ///
    /// # Panics
    ///
    /// As [`UnixStream::connect`].
    pub async fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        Self::connect(path_of(socket_addr)?).await
    }

    /// Two connected ends.
    ///
    /// # Errors
    ///
    /// None here.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        Handle::current().io()?;
        let (one, other) = sim_net::unix::UnixStream::pair()?;
        Ok((Self::new(one, false), Self::new(other, false)))
    }

    /// A stream of std, made in this run.
    ///
    /// # Errors
    ///
    /// If it is a stream of the host, or was never connected.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        Handle::current().io()?;
        match descriptor::socket(&stream)? {
            Socket::UnixStream(raw) => {
                let descriptor = Descriptor::of(stream.into(), Socket::UnixStream(raw.clone()));
                Ok(Self { raw, known: Readiness::new(false), descriptor })
            }
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The stream as std has it.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixStream> {
        let socket = self.socket();
        Ok(self.descriptor.into_fd(|| socket).into())
    }

    /// Its own address: of its listener, or none.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        SocketAddr::of(self.raw.local_path())
    }

    /// The address of the other end: of the listener, or none.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        SocketAddr::of(self.raw.peer_path())
    }

    /// Who is at the other end.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        Ok(UCred::own())
    }

    stream::reading!();
    stream::writing!();
    stream::whole!();

    /// Two halves that borrow the stream.
    pub fn split<'a>(&'a mut self) -> (ReadHalf<'a>, WriteHalf<'a>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Two halves that tasks of their own may use.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let shared = Arc::new(self);
        (OwnedReadHalf(shared.clone()), OwnedWriteHalf(Some(shared)))
    }

    /// Ends writing; an error means that it had ended already.
    pub(super) fn end_writing(&self) {
        if sim_runtime::executor::try_current().is_some() {
            let _ = self.raw.shutdown(Shutdown::Write);
        }
    }
}

/// The path that stands for an address: an abstract name begins with a NUL byte.
pub(super) fn path_of(address: &SocketAddr) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    if let Some(path) = address.as_pathname() {
        return Ok(path.to_owned());
    }
    let unnamed = || io::Error::new(io::ErrorKind::InvalidInput, "an unnamed address is nowhere");
    let name = address.as_abstract_name().ok_or_else(unnamed)?;
    Ok(std::ffi::OsString::from_vec([&[0], name].concat()).into())
}

stream::async_read!(UnixStream);
stream::async_write!(UnixStream);

impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UnixStream")
            .field("local", &self.raw.local_path())
            .field("peer", &self.raw.peer_path())
            .finish_non_exhaustive()
    }
}

impl AsRef<Self> for UnixStream {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}
