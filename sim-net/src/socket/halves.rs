//! The halves of a stream, for a task each.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};

use super::TcpStream;
use crate::network::with_if_running;

/// The reading half of a stream.
#[derive(Debug)]
pub struct ReadHalf(Arc<TcpStream>);

/// The writing half of a stream. Dropping it ends writing.
#[derive(Debug)]
pub struct WriteHalf(Option<Arc<TcpStream>>);

impl ReadHalf {
    pub(super) fn of(stream: Arc<TcpStream>) -> ReadHalf {
        ReadHalf(stream)
    }

    /// The whole stream.
    pub fn stream(&self) -> &TcpStream {
        &self.0
    }

    /// Joins two halves again.
    ///
    /// # Errors
    /// The halves, when they are not of the same stream.
    pub fn reunite(self, write: WriteHalf) -> Result<TcpStream, (ReadHalf, WriteHalf)> {
        if !std::ptr::eq(&raw const *self.0, write.stream()) {
            return Err((self, write));
        }
        write.forget();
        Ok(Arc::into_inner(self.0).expect("both halves of a stream are all there is of it"))
    }
}

impl WriteHalf {
    pub(super) fn of(stream: Arc<TcpStream>) -> WriteHalf {
        WriteHalf(Some(stream))
    }

    /// The whole stream.
    pub fn stream(&self) -> &TcpStream {
        self.0.as_ref().expect("taken only when the half is given up")
    }

    /// Gives the half up without ending writing.
    pub fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        if let Some(stream) = &self.0 {
            // An error means that writing had ended already.
            with_if_running(|state, world| {
                let id = stream.id;
                let _ = state.on_socket(world, id, |tcp, path| tcp.shutdown_write(path, id.side));
            });
        }
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_read_into(context, into, false)
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write_from(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream()).poll_close(context)
    }
}
