//! What TCP and Unix streams have in common: reading, writing and readiness of a simulated connection.

use crate::io::{Interest, ReadBuf, Ready};
use crate::task::coop;
use futures::io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

/// What is known of a stream's readiness.
///
/// As on tokio, a stream counts as ready until an operation finds that it is not: an accepted one is
/// taken to be readable, and one that was writable stays so until a write does not go through.
#[derive(Debug)]
pub(super) struct Readiness {
    read: AtomicBool,
    write: AtomicBool,
}

impl Readiness {
    pub(super) fn new(read: bool) -> Self {
        Self { read: AtomicBool::new(read), write: AtomicBool::new(false) }
    }
}

/// A stream with what is known of its readiness.
#[derive(Clone, Copy)]
pub(super) struct Connected<'a> {
    pub(super) raw: &'a sim_net::TcpStream,
    pub(super) known: &'a Readiness,
}

impl Connected<'_> {
    fn readable(self) -> bool {
        self.known.read.load(Ordering::Relaxed)
    }

    fn writable(self) -> bool {
        self.known.write.load(Ordering::Relaxed)
    }

    /// Notes that an operation would have blocked.
    fn seen<T>(flag: &AtomicBool, result: io::Result<T>) -> io::Result<T> {
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            flag.store(false, Ordering::Relaxed);
        }
        result
    }

    pub(super) fn try_read(self, buf: &mut [u8]) -> io::Result<usize> {
        Self::seen(&self.known.read, self.raw.try_read(buf))
    }

    pub(super) fn try_write(self, buf: &[u8]) -> io::Result<usize> {
        Self::seen(&self.known.write, self.raw.try_write(buf))
    }

    pub(super) fn take_error(self) -> io::Result<Option<io::Error>> {
        self.raw.take_error()
    }

    /// After a poll that answered nothing: it gave way, or it found nothing.
    fn polled<T>(self, poll: Poll<T>) -> Poll<T> {
        if poll.is_pending() {
            let (readable, writable) = self.raw.readiness();
            self.known.read.fetch_and(readable, Ordering::Relaxed);
            self.known.write.fetch_and(writable, Ordering::Relaxed);
        }
        poll
    }

    pub(super) fn poll_read_ready(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.readable() {
            ready!(self.raw.poll_read_ready(cx))?;
            self.known.read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_write_ready(self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.writable() {
            ready!(self.raw.poll_write_ready(cx))?;
            self.known.write.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

pub(super) fn poll_read(
    of: Connected<'_>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let coop = ready!(coop::poll_proceed(cx));
    let mut stream = of.raw;
    let count = ready!(of.polled(Pin::new(&mut stream).poll_read(cx, buf.initialize_unfilled())))?;
    buf.advance(count);
    coop.made_progress();
    Poll::Ready(Ok(()))
}

pub(super) fn poll_peek(
    of: Connected<'_>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    let coop = ready!(coop::poll_proceed(cx));
    let count = ready!(of.polled(of.raw.poll_peek(cx, buf.initialize_unfilled())))?;
    buf.advance(count);
    coop.made_progress();
    Poll::Ready(Ok(count))
}

pub(super) fn poll_write(of: Connected<'_>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    let coop = ready!(coop::poll_proceed(cx));
    let mut stream = of.raw;
    let count = ready!(of.polled(Pin::new(&mut stream).poll_write(cx, bytes)))?;
    coop.made_progress();
    Poll::Ready(Ok(count))
}

/// As one write of all parts together: a stream has no bounds between them.
pub(super) fn poll_write_vectored(
    of: Connected<'_>,
    cx: &mut Context<'_>,
    parts: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    poll_write(of, cx, &joined(parts))
}

fn joined(parts: &[IoSlice<'_>]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.iter().copied()).collect()
}

pub(super) fn poll_shutdown(of: Connected<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut stream = of.raw;
    Pin::new(&mut stream).poll_close(cx)
}

pub(super) fn try_read_vectored(of: Connected<'_>, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let mut bytes = vec![0; parts.iter().map(|part| part.len()).sum()];
    let count = of.try_read(&mut bytes)?;
    let mut left = &bytes[..count];
    for part in parts {
        let (here, rest) = left.split_at(part.len().min(left.len()));
        part[..here.len()].copy_from_slice(here);
        left = rest;
    }
    Ok(count)
}

pub(super) fn try_write_vectored(of: Connected<'_>, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    of.try_write(&joined(parts))
}

#[cfg(feature = "io-util")]
pub(super) fn try_read_buf<B: bytes::BufMut>(of: Connected<'_>, buf: &mut B) -> io::Result<usize> {
    fill(buf, |bytes| of.try_read(bytes))
}

/// Reads into a growing buffer by way of a plain one.
pub(super) fn fill<B: bytes::BufMut>(
    buf: &mut B,
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    let room = buf.chunk_mut().len().max(64).min(buf.remaining_mut());
    let mut bytes = vec![0; room];
    let count = read(&mut bytes)?;
    buf.put_slice(&bytes[..count]);
    Ok(count)
}

pub(super) async fn ready(of: Connected<'_>, interest: Interest) -> io::Result<Ready> {
    std::future::poll_fn(|cx| {
        let mut ready = Ready::EMPTY;
        if interest.is_readable() && of.poll_read_ready(cx)?.is_ready() {
            ready |= Ready::READABLE;
            let mut context = Context::from_waker(Waker::noop());
            // Not asked when nothing is there: it would keep the waker.
            if of.raw.readiness().0
                && let Poll::Ready(Ok(0) | Err(_)) = of.raw.poll_peek(&mut context, &mut [0])
            {
                ready |= Ready::READ_CLOSED;
            }
        }
        if interest.is_writable() && of.poll_write_ready(cx)?.is_ready() {
            ready |= Ready::WRITABLE;
        }
        if ready.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(ready))
    })
    .await
}

/// Does `f` if the stream is ready for it.
pub(super) fn try_io<R>(
    of: Connected<'_>,
    interest: Interest,
    f: impl FnOnce() -> io::Result<R>,
) -> io::Result<R> {
    let mut context = Context::from_waker(Waker::noop());
    let (readable, writable) = of.raw.readiness();
    // What has become ready since is known now; nothing waits, so no waker is kept.
    if readable {
        let _ = of.poll_read_ready(&mut context);
    }
    if writable {
        let _ = of.poll_write_ready(&mut context);
    }
    let (read, write) = (interest.is_readable(), interest.is_writable());
    if !(read && of.readable() || write && of.writable()) {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let done = f();
    match (read, write) {
        (true, false) => Connected::seen(&of.known.read, done),
        (false, true) => Connected::seen(&of.known.write, done),
        _ => done,
    }
}

/// Does `f` when the stream is ready for it, until it does not say that it would block.
pub(super) async fn async_io<R>(
    of: Connected<'_>,
    interest: Interest,
    mut f: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    loop {
        ready(of, interest).await?;
        match try_io(of, interest, &mut f) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => crate::task::yield_now().await,
            done => return done,
        }
    }
}

/// The methods that both kinds of stream have, on a type with a method `raw`.
macro_rules! reading {
    () => {
        /// Waits for any of the states of interest.
        ///
        /// # Errors
        ///
        /// When the connection is of an earlier life of the node.
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            stream::ready(self.raw(), interest).await
        }

        /// Waits until reading would not block.
        ///
        /// # Errors
        ///
        /// When the connection is of an earlier life of the node.
        pub async fn readable(&self) -> io::Result<()> {
            self.ready(Interest::READABLE).await.map(drop)
        }

        /// Reads what is there.
        ///
        /// # Errors
        ///
        /// `WouldBlock` when nothing is.
        pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.raw().try_read(buf)
        }

        /// Reads what is there, into several buffers.
        ///
        /// # Errors
        ///
        /// `WouldBlock` when nothing is.
        pub fn try_read_vectored(&self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
            stream::try_read_vectored(self.raw(), bufs)
        }

        /// Reads what is there and adds it to `buf`.
        ///
        /// # Errors
        ///
        /// `WouldBlock` when nothing is.
        #[cfg(feature = "io-util")]
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            stream::try_read_buf(self.raw(), buf)
        }
    };
}

macro_rules! writing {
    () => {
        /// Waits until writing would not block.
        ///
        /// # Errors
        ///
        /// When the connection is of an earlier life of the node.
        pub async fn writable(&self) -> io::Result<()> {
            stream::ready(self.raw(), Interest::WRITABLE).await.map(drop)
        }

        /// Writes what there is room for.
        ///
        /// # Errors
        ///
        /// `WouldBlock` when there is none.
        pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
            self.raw().try_write(buf)
        }

        /// Writes what there is room for, from several buffers.
        ///
        /// # Errors
        ///
        /// `WouldBlock` when there is none.
        pub fn try_write_vectored(&self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
            stream::try_write_vectored(self.raw(), bufs)
        }
    };
}

macro_rules! whole {
    () => {
        /// Ready when reading would not block.
        pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.raw().poll_read_ready(cx)
        }

        /// Ready when writing would not block.
        pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.raw().poll_write_ready(cx)
        }

        /// Does `f` if the stream is ready for it.
        ///
        /// # Errors
        ///
        /// `WouldBlock` when it is not, or what `f` answers.
        pub fn try_io<R>(&self, interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
            stream::try_io(self.raw(), interest, f)
        }

        /// Does `f` when the stream is ready for it.
        ///
        /// # Errors
        ///
        /// What `f` answers, but for `WouldBlock`.
        pub async fn async_io<R>(
            &self,
            interest: Interest,
            f: impl FnMut() -> io::Result<R>,
        ) -> io::Result<R> {
            stream::async_io(self.raw(), interest, f).await
        }

        /// The pending error, which is then forgotten.
        ///
        /// # Errors
        ///
        /// When the connection is of an earlier life of the node.
        pub fn take_error(&self) -> io::Result<Option<io::Error>> {
            self.raw().take_error()
        }
    };
}

macro_rules! async_read {
    ($name:ty) => {
        impl AsyncRead for $name {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                stream::poll_read(self.raw(), cx, buf)
            }
        }
    };
}

macro_rules! async_write {
    ($name:ty) => {
        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                stream::poll_write(self.raw(), cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                stream::poll_write_vectored(self.raw(), cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                stream::poll_shutdown(self.raw(), cx)
            }
        }
    };
}

/// The four halves of a stream type, and what joins two of them again.
macro_rules! halves {
    ($stream:ident, $address:ty) => {
        /// The reading half of a borrowed stream.
        #[derive(Debug)]
        pub struct ReadHalf<'a>(pub(in crate::net) &'a $stream);

        /// The writing half of a borrowed stream.
        #[derive(Debug)]
        pub struct WriteHalf<'a>(pub(in crate::net) &'a $stream);

        /// The reading half of a stream.
        #[derive(Debug)]
        pub struct OwnedReadHalf(pub(in crate::net) Arc<$stream>);

        /// The writing half of a stream. Dropping it ends writing.
        #[derive(Debug)]
        pub struct OwnedWriteHalf(pub(in crate::net) Option<Arc<$stream>>);

        /// Two halves were not of the same stream.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl fmt::Display for ReuniteError {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("tried to reunite halves that are not from the same socket")
            }
        }

        impl std::error::Error for ReuniteError {}

        impl ReadHalf<'_> {
            fn raw(&self) -> stream::Connected<'_> {
                self.0.raw()
            }

            stream::reading!();
            halves!(addresses $address);
        }

        impl WriteHalf<'_> {
            fn raw(&self) -> stream::Connected<'_> {
                self.0.raw()
            }

            /// Waits for any of the states of interest.
            ///
            /// # Errors
            ///
            /// When the connection is of an earlier life of the node.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                stream::ready(self.raw(), interest).await
            }

            stream::writing!();
            halves!(addresses $address);
        }

        impl OwnedReadHalf {
            fn raw(&self) -> stream::Connected<'_> {
                self.0.raw()
            }

            /// Joins the two halves of a stream again.
            ///
            /// # Errors
            ///
            /// The halves, if they are not of the same stream.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                let same = other.0.as_ref().is_some_and(|write| Arc::ptr_eq(&self.0, write));
                if !same {
                    return Err(ReuniteError(self, other));
                }
                other.forget();
                Ok(Arc::into_inner(self.0).expect("two halves are all there is of a stream"))
            }

            stream::reading!();
            halves!(addresses $address);
        }

        impl OwnedWriteHalf {
            fn stream(&self) -> &$stream {
                self.0.as_deref().expect("taken only when the half is given up")
            }

            fn raw(&self) -> stream::Connected<'_> {
                self.stream().raw()
            }

            /// Joins the two halves of a stream again.
            ///
            /// # Errors
            ///
            /// The halves, if they are not of the same stream.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                other.reunite(self)
            }

            /// Gives the half up without ending writing.
            pub fn forget(mut self) {
                self.0 = None;
            }

            /// Waits for any of the states of interest.
            ///
            /// # Errors
            ///
            /// When the connection is of an earlier life of the node.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                stream::ready(self.raw(), interest).await
            }

            stream::writing!();
            halves!(addresses $address);
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if let Some(stream) = self.0.take() {
                    stream.end_writing();
                }
            }
        }

        stream::async_read!(ReadHalf<'_>);
        stream::async_read!(OwnedReadHalf);
        stream::async_write!(WriteHalf<'_>);
        stream::async_write!(OwnedWriteHalf);

        impl AsRef<$stream> for ReadHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        impl AsRef<$stream> for WriteHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        impl AsRef<$stream> for OwnedReadHalf {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }

        impl AsRef<$stream> for OwnedWriteHalf {
            fn as_ref(&self) -> &$stream {
                self.stream()
            }
        }
    };
    (addresses $address:ty) => {
        /// The address of the other end.
        ///
        /// # Errors
        ///
        /// When the connection is over.
        pub fn peer_addr(&self) -> io::Result<$address> {
            self.as_ref().peer_addr()
        }

        /// Its own address.
        ///
        /// # Errors
        ///
        /// When the connection is of an earlier life of the node.
        pub fn local_addr(&self) -> io::Result<$address> {
            self.as_ref().local_addr()
        }
    };
}

pub(super) use {async_read, async_write, halves, reading, whole, writing};
