//! Standard input, output and error inside of a run.
//!
//! What is written becomes facts, line by line, with the node and the time; nothing waits for a terminal. Input is
//! at its end: a run depends on its tape alone.

use super::{AsyncRead, AsyncWrite, ReadBuf};
use crate::runtime::Handle;
use sim_runtime::executor::try_current;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Standard input: at its end.
#[derive(Debug)]
pub struct Stdin(());

/// Standard output: lines become facts of kind `stdout`.
#[derive(Debug, Default)]
pub struct Stdout(Lines);

/// Standard error: lines become facts of kind `stderr`.
#[derive(Debug, Default)]
pub struct Stderr(Lines);

/// Standard input.
pub fn stdin() -> Stdin {
    Stdin(())
}

/// Standard output.
pub fn stdout() -> Stdout {
    Stdout::default()
}

/// Standard error.
pub fn stderr() -> Stderr {
    Stderr::default()
}

/// The beginning of a line that is not whole yet.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn write(
        &mut self,
        bytes: &[u8],
        kind: &'static str,
        real: impl FnOnce(&[u8]) -> io::Result<()>,
    ) -> io::Result<usize> {
        if Handle::current().core.is_shut_down() {
            return Err(crate::runtime::shutting_down());
        }
        if try_current().is_none_or(|world| world.is_ambient()) {
            // Nobody reports on this run: printed, as any program would.
            sim_host::outside(|| real(bytes))?;
            return Ok(bytes.len());
        }
        for byte in bytes {
            if *byte == b'\n' {
                self.flush(kind);
            } else {
                self.0.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self, kind: &'static str) {
        let line = std::mem::take(&mut self.0);
        if let Some(world) = try_current() {
            world.trace.digest_bytes(&line);
            world.fact(kind, &[], || String::from_utf8_lossy(&line).into_owned());
        }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

macro_rules! output {
    ($name:ident, $kind:literal, $real:expr) => {
        impl AsyncWrite for $name {
            fn poll_write(
                mut self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(self.0.write(buf, $kind, |bytes| $real.write_all(bytes)))
            }

            fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                if !self.0.0.is_empty() {
                    self.0.flush($kind);
                }
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_flush(cx)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if !self.0.0.is_empty() {
                    self.0.flush($kind);
                }
            }
        }
    };
}

output!(Stdout, "stdout", io::stdout());
output!(Stderr, "stderr", io::stderr());
