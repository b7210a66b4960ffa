//! Descriptors of the host: there is no reactor for them.

use super::{Interest, Ready};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

/// A descriptor of the host, which a simulation does not wait for: making one fails.
pub struct AsyncFd<T: AsRawFd> {
    inner: T,
}

/// The descriptor is ready.
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    fd: &'a AsyncFd<T>,
}

/// The descriptor is ready, and borrowed mutably.
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    fd: &'a mut AsyncFd<T>,
}

/// The operation would block.
#[derive(Debug)]
pub struct TryIoError(());

/// A descriptor could not be registered; gives it back.
pub struct AsyncFdRegisterError<T> {
    inner: T,
    cause: io::Error,
}

/// The name it had at first.
pub type AsyncFdTryNewError<T> = AsyncFdRegisterError<T>;

fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "a descriptor of the host cannot be waited for inside of a simulation",
    )
}

impl<T: AsRawFd> AsyncFd<T> {
    /// Fails: there is no reactor.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<Self> {
        Self::with_interest(inner, Interest::READABLE)
    }

    /// Fails: there is no reactor.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn with_interest(_inner: T, _interest: Interest) -> io::Result<Self> {
        let _ = crate::runtime::Handle::current().io();
        Err(unsupported())
    }

    /// Fails: there is no reactor.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn try_new(inner: T) -> Result<Self, AsyncFdRegisterError<T>> {
        Self::try_with_interest(inner, Interest::READABLE)
    }

    /// Fails: there is no reactor.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn try_with_interest(inner: T, _interest: Interest) -> Result<Self, AsyncFdRegisterError<T>> {
        let _ = crate::runtime::Handle::current().io();
        Err(AsyncFdRegisterError { inner, cause: unsupported() })
    }

    /// Fails: there is no reactor.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    ///
    /// # Safety
    ///
    /// None is needed here; the signature is tokio's.
    #[allow(unsafe_code, reason = "the signature is tokio's")]
    #[track_caller]
    pub unsafe fn register(inner: T) -> Result<Self, AsyncFdRegisterError<T>> {
        Self::try_new(inner)
    }

    /// Fails: there is no reactor.
    ///
    /// # Errors
    ///
    /// Always.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    ///
    /// # Safety
    ///
    /// None is needed here; the signature is tokio's.
    #[allow(unsafe_code, reason = "the signature is tokio's")]
    #[track_caller]
    pub unsafe fn register_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<Self, AsyncFdRegisterError<T>> {
        Self::try_with_interest(inner, interest)
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn async_io<R>(
        &self,
        _interest: Interest,
        _f: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn async_io_mut<R>(
        &mut self,
        _interest: Interest,
        _f: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn try_io<R>(&self, _interest: Interest, _f: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn try_io_mut<R>(
        &mut self,
        _interest: Interest,
        _f: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        Err(unsupported())
    }

    /// The descriptor's owner.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The descriptor's owner.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// The descriptor's owner.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Never ready.
    pub fn poll_read_ready<'a>(
        &'a self,
        _cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        Poll::Ready(Err(unsupported()))
    }

    /// Never ready.
    pub fn poll_write_ready<'a>(
        &'a self,
        _cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        Poll::Ready(Err(unsupported()))
    }

    /// Never ready.
    pub fn poll_read_ready_mut<'a>(
        &'a mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        Poll::Ready(Err(unsupported()))
    }

    /// Never ready.
    pub fn poll_write_ready_mut<'a>(
        &'a mut self,
        _cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        Poll::Ready(Err(unsupported()))
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn ready(&self, _interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn ready_mut(&mut self, _interest: Interest) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn readable<'a>(&'a self) -> io::Result<AsyncFdReadyGuard<'a, T>> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn readable_mut<'a>(&'a mut self) -> io::Result<AsyncFdReadyMutGuard<'a, T>> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn writable<'a>(&'a self) -> io::Result<AsyncFdReadyGuard<'a, T>> {
        Err(unsupported())
    }

    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub async fn writable_mut<'a>(&'a mut self) -> io::Result<AsyncFdReadyMutGuard<'a, T>> {
        Err(unsupported())
    }
}

impl<T> AsyncFdRegisterError<T> {
    /// The owner and why it could not be registered.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> fmt::Display for AsyncFdRegisterError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(formatter)
    }
}

impl<T> fmt::Debug for AsyncFdRegisterError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(formatter)
    }
}

impl<T> std::error::Error for AsyncFdRegisterError<T> {}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl<T: AsRawFd + AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AsyncFd").field("inner", &self.inner).finish()
    }
}

macro_rules! guard {
    ($name:ident) => {
        impl<T: AsRawFd> $name<'_, T> {
            /// Says that the descriptor is not ready after all.
            pub fn clear_ready(&mut self) {}

            /// Says which states the descriptor is not in after all.
            pub fn clear_ready_matching(&mut self, _ready: Ready) {}

            /// Keeps what is known.
            pub fn retain_ready(&mut self) {}

            /// What is known.
            pub fn ready(&self) -> Ready {
                Ready::EMPTY
            }
        }
    };
}

impl<'a, T: AsRawFd> AsyncFdReadyGuard<'a, T> {
    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn try_io<R>(
        &mut self,
        _f: impl FnOnce(&'a AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        Err(TryIoError(()))
    }

    /// The descriptor.
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.fd
    }

    /// The descriptor's owner.
    pub fn get_inner(&self) -> &'a T {
        self.fd.get_ref()
    }
}

impl<T: AsRawFd> AsyncFdReadyMutGuard<'_, T> {
    /// Never ready.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn try_io<R>(
        &mut self,
        _f: impl FnOnce(&mut AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        Err(TryIoError(()))
    }

    /// The descriptor.
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.fd
    }

    /// The descriptor.
    pub fn get_mut(&mut self) -> &mut AsyncFd<T> {
        self.fd
    }

    /// The descriptor's owner.
    pub fn get_inner(&self) -> &T {
        self.fd.get_ref()
    }

    /// The descriptor's owner.
    pub fn get_inner_mut(&mut self) -> &mut T {
        self.fd.get_mut()
    }
}

guard!(AsyncFdReadyGuard);
guard!(AsyncFdReadyMutGuard);
