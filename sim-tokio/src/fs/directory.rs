//! Directories.

use super::run;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

/// What is in a directory.
///
/// # Errors
///
/// As std's function of that name.
///
/// # Panics
///
/// If there is no current runtime.
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    run(move || {
        let mut entries: Vec<_> = std::fs::read_dir(path)?.collect();
        // The host's order is no one's choice.
        entries.sort_by_key(|entry| entry.as_ref().ok().map(std::fs::DirEntry::file_name));
        Ok(ReadDir { entries: entries.into() })
    })
    .await
}

/// The entries of a directory, in the order of their names.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct ReadDir {
    entries: VecDeque<io::Result<std::fs::DirEntry>>,
}

impl ReadDir {
    /// The next entry.
    ///
    /// # Errors
    ///
    /// As std's iterator.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        std::future::poll_fn(|cx| self.poll_next_entry(cx)).await
    }

    /// Polls for the next entry.
    pub fn poll_next_entry(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Option<DirEntry>>> {
        let next = self.entries.pop_front().transpose();
        Poll::Ready(next.map(|entry| entry.map(|entry| DirEntry(Arc::new(entry)))))
    }
}

/// An entry of a directory.
pub struct DirEntry(Arc<std::fs::DirEntry>);

impl DirEntry {
    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.0.path()
    }

    /// Its name.
    pub fn file_name(&self) -> OsString {
        self.0.file_name()
    }

    /// Its number on the disk.
    pub fn ino(&self) -> u64 {
        self.0.ino()
    }

    /// What is known of it.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let entry = self.0.clone();
        run(move || entry.metadata()).await
    }

    /// Whether it is a file, a directory or a link.
    ///
    /// # Errors
    ///
    /// As std's.
    pub async fn file_type(&self) -> io::Result<FileType> {
        let entry = self.0.clone();
        run(move || entry.file_type()).await
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Makes directories.
#[derive(Debug, Default)]
pub struct DirBuilder {
    recursive: bool,
    mode: Option<u32>,
}

impl DirBuilder {
    /// With default permissions, one directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether those above are made too.
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.recursive = recursive;
        self
    }

    /// The permissions.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    /// Makes it.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Panics
    ///
    /// If there is no current runtime.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(self.recursive);
        if let Some(mode) = self.mode {
            builder.mode(mode);
        }
        let path = path.as_ref().to_owned();
        run(move || builder.create(path)).await
    }
}
