//! A connection within one thread: two ends, each what the other writes.
//!
//! For a client in the same process, without a network: tests of the session, the differential test, a tool
//! that hands SQL to its own store. Single-threaded on purpose, as the store is.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use futures::io::{AsyncRead, AsyncWrite};

/// One direction.
#[derive(Debug)]
struct Lane {
    bytes: VecDeque<u8>,
    bytes_max: usize,
    writer_gone: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn new(bytes_max: usize) -> Rc<RefCell<Lane>> {
        Rc::new(RefCell::new(Lane {
            bytes: VecDeque::new(),
            bytes_max,
            writer_gone: false,
            reader_gone: false,
            reader: None,
            writer: None,
        }))
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

/// One end. Dropping it closes both directions.
#[derive(Debug)]
pub struct Pipe {
    incoming: Rc<RefCell<Lane>>,
    outgoing: Rc<RefCell<Lane>>,
}

/// Two connected ends; each direction holds at most `bytes_max` unread bytes.
pub fn pipe(bytes_max: usize) -> (Pipe, Pipe) {
    let (there, back) = (Lane::new(bytes_max), Lane::new(bytes_max));
    (Pipe { incoming: back.clone(), outgoing: there.clone() }, Pipe { incoming: there, outgoing: back })
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut lane = self.incoming.borrow_mut();
        if lane.bytes.is_empty() {
            if lane.writer_gone || buffer.is_empty() {
                return Poll::Ready(Ok(0));
            }
            lane.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let n = io::Read::read(&mut lane.bytes, buffer)?;
        lane.wake_writer();
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut lane = self.outgoing.borrow_mut();
        if lane.reader_gone || lane.writer_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = lane.bytes_max - lane.bytes.len();
        if room == 0 {
            lane.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        let n = room.min(bytes.len());
        lane.bytes.extend(&bytes[..n]);
        lane.wake_reader();
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut lane = self.outgoing.borrow_mut();
        lane.writer_gone = true;
        lane.wake_reader();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut outgoing = self.outgoing.borrow_mut();
        outgoing.writer_gone = true;
        outgoing.wake_reader();
        drop(outgoing);
        let mut incoming = self.incoming.borrow_mut();
        incoming.reader_gone = true;
        incoming.wake_writer();
    }
}
