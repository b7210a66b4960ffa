//! A byte stream cut into messages.
//!
//! Every wait here may be dropped and begun anew without losing bytes: what was read stays in the buffer, what
//! was sent is counted off. The session depends on it when it waits for a message and for something else at once.

use std::{future::poll_fn, pin::Pin, task::Poll};

use futures::io::{AsyncRead, AsyncWrite};

use super::{backend::Output, frontend, malformed::Malformed};

const READ_BYTES: usize = 8_192;

/// Why no further message comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The client closed, or the stream failed: nobody is there to be told.
    Gone,
    /// The bytes are no protocol: a FATAL error is owed.
    Violation(Malformed),
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Channel<S> {
    stream: S,
    incoming: Vec<u8>,
    at: usize,
    /// Messages for the client; [`Channel::flush`] sends them.
    pub out: Output,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// Nothing read, nothing to send.
    pub fn new(stream: S) -> Self {
        Self { stream, incoming: Vec::new(), at: 0, out: Output::default() }
    }

    fn available(&self) -> &[u8] {
        &self.incoming[self.at..]
    }

    /// Whether bytes of a further message have been read already.
    pub fn has_input(&self) -> bool {
        self.at < self.incoming.len()
    }

    /// Waits until at least `n` unread bytes are there.
    async fn fill(&mut self, n: usize) -> Result<(), End> {
        while self.incoming.len() - self.at < n {
            if self.at > 0 {
                self.incoming.drain(..self.at);
                self.at = 0;
            }
            let wanted = (n - self.incoming.len()).max(READ_BYTES);
            // Grown as bytes arrive and not to what a length field claims.
            let room = wanted.min(READ_BYTES.max(self.incoming.len()));
            let stream = &mut self.stream;
            let incoming = &mut self.incoming;
            let read = poll_fn(|context| {
                let before = incoming.len();
                incoming.resize(before + room, 0);
                let poll = Pin::new(&mut *stream).poll_read(context, &mut incoming[before..]);
                let read = if let Poll::Ready(Ok(read)) = poll { read } else { 0 };
                incoming.truncate(before + read);
                poll
            })
            .await;
            if !matches!(read, Ok(1..)) {
                return Err(End::Gone);
            }
        }
        Ok(())
    }

    /// Waits until a whole start-up packet is there and takes its body.
    ///
    /// # Errors
    /// [`End::Gone`], also for a length that no start-up packet has.
    pub async fn startup_packet(&mut self, bytes_max: usize) -> Result<Vec<u8>, End> {
        self.fill(4).await?;
        let length = self.length_at(0);
        if length < 8 || length > bytes_max + 4 {
            return Err(End::Gone);
        }
        self.fill(length).await?;
        let body = self.available()[4..length].to_vec();
        self.at += length;
        Ok(body)
    }

    fn length_at(&self, offset: usize) -> usize {
        let bytes = &self.available()[offset..];
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
    }

    /// Waits until a whole message is there; the next [`Channel::take`] takes it.
    ///
    /// # Errors
    /// [`End`]; a length out of range is [`End::Gone`], because PostgreSQL ends such a session without a word.
    pub async fn ready(&mut self) -> Result<(), End> {
        self.ready_with(frontend::length_max).await
    }

    /// As [`Channel::ready`], for the answer to an authentication request.
    ///
    /// # Errors
    /// [`End`]; another message than `p` is a violation.
    pub async fn ready_password(&mut self) -> Result<(), End> {
        self.ready_with(|tag| match tag {
            b'p' => Ok(65_535),
            other => {
                Err(Malformed::protocol(format!("expected password response, got message type {other}")))
            }
        })
        .await
    }

    async fn ready_with(&mut self, length_max: impl Fn(u8) -> Result<usize, Malformed>) -> Result<(), End> {
        self.fill(1).await?;
        let bytes_max = length_max(self.available()[0]).map_err(End::Violation)?;
        self.fill(5).await?;
        let length = self.length_at(1);
        if length < 4 || length > bytes_max {
            return Err(End::Gone);
        }
        self.fill(1 + length).await
    }

    /// Takes the message that [`Channel::ready`] waited for: its type and its body.
    ///
    /// # Panics
    /// Without a successful [`Channel::ready`] before it.
    pub fn take(&mut self) -> (u8, &[u8]) {
        let length = self.length_at(1);
        let start = self.at;
        self.at += 1 + length;
        (self.incoming[start], &self.incoming[start + 5..start + 1 + length])
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// [`End::Gone`] when the client cannot be reached; what waited is dropped.
    pub async fn flush(&mut self) -> Result<(), End> {
        while !self.out.pending().is_empty() {
            let (stream, out) = (&mut self.stream, &self.out);
            let written = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, out.pending())).await;
            match written {
                Ok(n @ 1..) => self.out.sent(n),
                _ => {
                    self.out.clear();
                    return Err(End::Gone);
                }
            }
        }
        let stream = &mut self.stream;
        poll_fn(|context| Pin::new(&mut *stream).poll_flush(context)).await.map_err(|_| End::Gone)
    }

    /// Closes the sending side.
    pub async fn close(&mut self) {
        let stream = &mut self.stream;
        // A client that is gone needs no good-bye.
        let _ = poll_fn(|context| Pin::new(&mut *stream).poll_close(context)).await;
    }
}
