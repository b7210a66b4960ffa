//! An open file.
//!
//! As on tokio, a write is taken into a buffer and carried out by a task beside the caller: it is complete only
//! after a flush, and its error is told by the next call. Programs that forget the flush are found.

use super::{FileTimes, OpenOptions, run};
use crate::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use crate::runtime::Handle;
use crate::task::{JoinHandle, coop};
use std::fmt;
use std::fs::{Metadata, Permissions};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::Location;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

/// Bytes a single read or write moves at most, unless set otherwise.
const BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// An open file of the running node.
pub struct File {
    std: Arc<std::fs::File>,
    state: State,
    /// What a write failed with, to be told by the next call.
    failed: Option<io::Error>,
    /// Read, and not yet asked for.
    read: Vec<u8>,
    /// A read was answered, if only by the end of the file.
    answered: bool,
    buffer_bytes: usize,
    position: u64,
}

enum State {
    Idle,
    Busy(JoinHandle<Done>),
}

/// What a task beside the caller has done.
enum Done {
    Read(io::Result<Vec<u8>>),
    Wrote(io::Result<()>),
    Sought(io::Result<u64>),
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Panics
    ///
    /// If there is no current runtime.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref().to_owned();
        run(move || std::fs::File::open(path)).await.map(File::from_std)
    }

    /// Makes or empties a file, for writing.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Panics
    ///
    /// If there is no current runtime.
    pub async fn create(path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref().to_owned();
        run(move || std::fs::File::create(path)).await.map(File::from_std)
    }

    /// Makes a file that must not be there, for reading and writing.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Panics
    ///
    /// If there is no current runtime.
    pub async fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let path = path.as_ref().to_owned();
        run(move || std::fs::File::create_new(path)).await.map(File::from_std)
    }

    /// How to open a file.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// A file that std has opened.
    pub fn from_std(std: std::fs::File) -> File {
        File {
            std: Arc::new(std),
            state: State::Idle,
            failed: None,
            read: Vec::new(),
            answered: false,
            buffer_bytes: BUFFER_BYTES,
            position: 0,
        }
    }

    /// Waits for the task beside the caller, and keeps what it has done.
    async fn complete(&mut self) {
        std::future::poll_fn(|cx| self.poll_settle(cx)).await;
    }

    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Busy(task) = &mut self.state else { return Poll::Ready(()) };
        let done = ready!(Pin::new(task).poll(cx));
        self.state = State::Idle;
        match done {
            Ok(Done::Read(Ok(bytes))) => {
                self.read = bytes;
                self.answered = true;
            }
            Ok(Done::Sought(Ok(position))) => self.position = position,
            Ok(Done::Wrote(Ok(()))) => {}
            Ok(Done::Read(Err(error)) | Done::Sought(Err(error)) | Done::Wrote(Err(error))) => {
                self.failed = Some(error);
            }
            Err(_) => self.failed = Some(io::Error::other("background task failed")),
        }
        Poll::Ready(())
    }

    #[track_caller]
    fn start(&mut self, f: impl FnOnce(&std::fs::File) -> Done + Send + 'static) {
        let std = self.std.clone();
        let task = async move { f(&std) };
        self.state = State::Busy(Handle::current().core.spawn(task, Location::caller()));
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    ///
    /// As std's, or what an earlier write failed with.
    pub async fn sync_all(&self) -> io::Result<()> {
        let std = self.settled().await?;
        run(move || std.sync_all()).await
    }

    /// Brings the content to the disk.
    ///
    /// # Errors
    ///
    /// As std's, or what an earlier write failed with.
    pub async fn sync_data(&self) -> io::Result<()> {
        let std = self.settled().await?;
        run(move || std.sync_data()).await
    }

    /// The file, after what is under way: its task needs the run to go on.
    async fn settled(&self) -> io::Result<Arc<std::fs::File>> {
        while let State::Busy(task) = &self.state
            && !task.is_finished()
        {
            crate::task::yield_now().await;
        }
        Ok(self.std.clone())
    }

    /// Cuts or extends the file.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        let std = self.settled().await?;
        run(move || std.set_len(size)).await
    }

    /// What is known of the file.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let std = self.std.clone();
        run(move || std.metadata()).await
    }

    /// Another handle to the same open file.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn try_clone(&self) -> io::Result<File> {
        let std = self.settled().await?;
        let buffer_bytes = self.buffer_bytes;
        let cloned = run(move || std.try_clone()).await?;
        Ok(File { buffer_bytes, ..File::from_std(cloned) })
    }

    /// The file for std, after what is under way.
    pub async fn into_std(mut self) -> std::fs::File {
        self.complete().await;
        Arc::try_unwrap(self.std).expect("nothing is under way")
    }

    /// The file for std, if nothing is under way.
    ///
    /// # Errors
    ///
    /// The file itself, if something is.
    pub fn try_into_std(mut self) -> Result<std::fs::File, Self> {
        match Arc::try_unwrap(self.std) {
            Ok(std) => Ok(std),
            Err(std) => {
                self.std = std;
                Err(self)
            }
        }
    }

    /// Sets permissions.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        let std = self.std.clone();
        run(move || std.set_permissions(perm)).await
    }

    /// Sets times.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn set_times(&self, times: FileTimes) -> io::Result<()> {
        let std = self.settled().await?;
        run(move || std.set_times(times.0)).await
    }

    /// Sets when it was last written.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let std = self.settled().await?;
        run(move || std.set_modified(time)).await
    }

    /// Bytes a single read or write moves at most.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn set_max_buf_size(&mut self, max_buf_size: usize) {
        assert!(max_buf_size > 0, "`max_buf_size` must be greater than 0");
        self.buffer_bytes = max_buf_size;
    }

    /// Bytes a single read or write moves at most. Default 2 MiB.
    pub fn max_buf_size(&self) -> usize {
        self.buffer_bytes
    }
}

impl AsyncRead for File {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let coop = ready!(coop::poll_proceed(cx));
        let this = &mut *self;
        loop {
            ready!(this.poll_settle(cx));
            if let Some(error) = this.failed.take() {
                coop.made_progress();
                return Poll::Ready(Err(error));
            }
            if std::mem::take(&mut this.answered) || !this.read.is_empty() || buf.remaining() == 0 {
                let count = this.read.len().min(buf.remaining());
                buf.put_slice(&this.read[..count]);
                this.read.drain(..count);
                coop.made_progress();
                return Poll::Ready(Ok(()));
            }
            let room = buf.remaining().min(this.buffer_bytes);
            this.start(move |mut std| {
                let mut bytes = vec![0; room];
                Done::Read(std.read(&mut bytes).map(|count| {
                    bytes.truncate(count);
                    bytes
                }))
            });
        }
    }
}

impl File {
    /// What was read ahead is behind the position that writes and seeks are relative to.
    fn give_back(&mut self) -> i64 {
        let ahead = self.read.len() as i64;
        self.read.clear();
        self.answered = false;
        ahead
    }
}

impl AsyncWrite for File {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let coop = ready!(coop::poll_proceed(cx));
        let this = &mut *self;
        ready!(this.poll_settle(cx));
        if let Some(error) = this.failed.take() {
            coop.made_progress();
            return Poll::Ready(Err(error));
        }
        let ahead = this.give_back();
        let bytes = buf[..buf.len().min(this.buffer_bytes)].to_vec();
        let count = bytes.len();
        this.start(move |mut std| {
            Done::Wrote((|| {
                if ahead != 0 {
                    std.seek(SeekFrom::Current(-ahead))?;
                }
                std.write_all(&bytes)
            })())
        });
        coop.made_progress();
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let most = self.buffer_bytes;
        let bytes: Vec<u8> = bufs.iter().flat_map(|part| part.iter().copied()).take(most).collect();
        self.poll_write(cx, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_settle(cx));
        Poll::Ready(self.failed.take().map_or(Ok(()), Err))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl AsyncSeek for File {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        if let State::Busy(task) = &self.state
            && !task.is_finished()
        {
            return Err(io::Error::other(
                "other file operation is pending, call poll_complete before start_seek",
            ));
        }
        // It has ended: what it says can be had without waiting.
        let mut context = Context::from_waker(std::task::Waker::noop());
        let _ = crate::runtime::seam::unconstrained(|| self.poll_settle(&mut context));
        let ahead = self.give_back();
        self.start(move |mut std| {
            Done::Sought(match position {
                SeekFrom::Current(by) => std.seek(SeekFrom::Current(by - ahead)),
                other => std.seek(other),
            })
        });
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let coop = ready!(coop::poll_proceed(cx));
        ready!(self.poll_settle(cx));
        coop.made_progress();
        match self.failed.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Ready(Ok(self.position)),
        }
    }
}

impl From<std::fs::File> for File {
    fn from(std: std::fs::File) -> Self {
        Self::from_std(std)
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        Self::from_std(fd.into())
    }
}

#[allow(clippy::missing_fields_in_debug, reason = "as tokio shows it")]
impl fmt::Debug for File {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("tokio::fs::File").field("std", &self.std).finish()
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.std.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.std.as_raw_fd()
    }
}

impl FromRawFd for File {
    #[allow(unsafe_code, reason = "the trait's method is unsafe")]
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller owns the descriptor, as it promises.
        Self::from_std(unsafe { std::fs::File::from_raw_fd(fd) })
    }
}
