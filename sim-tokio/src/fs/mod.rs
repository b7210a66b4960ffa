//! tokio's files: real ones, in the running node's own folder, seen by std and tokio alike.
//!
//! Each call is a switch point and then happens at once; what a [`File`] writes is handed to a task of its own, as
//! on tokio, so that data not flushed is not yet there. What lies outside of the node's folder is refused by the
//! run, whoever asks.

mod directory;
mod file;
mod file_times;
mod open_options;

pub use directory::{DirBuilder, DirEntry, ReadDir, read_dir};
pub use file::File;
pub use file_times::FileTimes;
pub use open_options::OpenOptions;

use crate::runtime::Handle;
use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// Does what would block: after a switch point, at once.
pub(crate) async fn run<T>(f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if Handle::current().core.is_shut_down() {
        return Err(io::Error::other("background task failed"));
    }
    crate::task::yield_now().await;
    f()
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) -> $output:ty = $call:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// As std's function of that name.
        ///
        /// # Panics
        ///
        /// If there is no current runtime.
        pub async fn $name($($argument: impl AsRef<$kind>),*) -> io::Result<$output> {
            $(let $argument = $argument.as_ref().to_owned();)*
            run(move || $call($(&$argument),*)).await
        }
    )*};
}

calls! {
    /// The absolute path without links.
    canonicalize(path: Path) -> PathBuf = std::fs::canonicalize;
    /// Copies a file's content and permissions; the number of bytes.
    copy(from: Path, to: Path) -> u64 = std::fs::copy;
    /// Makes a directory.
    create_dir(path: Path) -> () = std::fs::create_dir;
    /// Makes a directory and those above it.
    create_dir_all(path: Path) -> () = std::fs::create_dir_all;
    /// Gives a file another name besides.
    hard_link(original: Path, link: Path) -> () = std::fs::hard_link;
    /// What is known of a file.
    metadata(path: Path) -> Metadata = std::fs::metadata;
    /// A file's content.
    read(path: Path) -> Vec<u8> = std::fs::read;
    /// Where a link leads.
    read_link(path: Path) -> PathBuf = std::fs::read_link;
    /// A file's content as text.
    read_to_string(path: Path) -> String = std::fs::read_to_string;
    /// Removes an empty directory.
    remove_dir(path: Path) -> () = std::fs::remove_dir;
    /// Removes a directory with all in it.
    remove_dir_all(path: Path) -> () = std::fs::remove_dir_all;
    /// Removes a file.
    remove_file(path: Path) -> () = std::fs::remove_file;
    /// Gives a file another name.
    rename(from: Path, to: Path) -> () = std::fs::rename;
    /// Makes a symbolic link.
    symlink(original: Path, link: Path) -> () = std::os::unix::fs::symlink;
    /// What is known of a link itself.
    symlink_metadata(path: Path) -> Metadata = std::fs::symlink_metadata;
    /// Whether there is something.
    try_exists(path: Path) -> bool = Path::try_exists;
    /// Makes or replaces a file.
    write(path: Path, contents: [u8]) -> () = std::fs::write;
}

/// Sets permissions.
///
/// # Errors
///
/// As std's function of that name.
///
/// # Panics
///
/// If there is no current runtime.
pub async fn set_permissions(path: impl AsRef<Path>, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run(move || std::fs::set_permissions(path, perm)).await
}
