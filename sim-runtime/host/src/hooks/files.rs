//! Files: who may open, make and remove which; `/dev/urandom`.
//!
//! A path that a backtrace needs is let through without asking, so that a panic inside a run prints
//! as it does elsewhere. What tells of control groups does not exist: `available_parallelism` would
//! take the host's processor quota from it.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libc::{iovec, mode_t, off_t, size_t, ssize_t};

use super::{entropy, failed, next, output, refused, socket_bytes};
use crate::gate::{ask, outside};
use crate::machine::{Errno, Refused};

static EXECUTABLE: OnceLock<Option<PathBuf>> = OnceLock::new();

/// Looks up the program's own path, once.
pub(super) fn find_executable() {
    outside(|| EXECUTABLE.get_or_init(|| std::env::current_exe().ok()));
}

/// What a caller gave as a path, made absolute where it was relative to an open directory.
pub(super) unsafe fn path(folder: c_int, name: *const c_char) -> PathBuf {
    // SAFETY: the caller of the hook gives a C string.
    let name = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    if folder == libc::AT_FDCWD || name.is_absolute() {
        return name.to_owned();
    }
    let of = outside(|| fs::read_link(format!("/proc/self/fd/{folder}")));
    of.map_or_else(|_| name.to_owned(), |of| of.join(name))
}

/// What std and backtrace symbolisers read: the executable, libraries and debug information.
fn is_of_a_backtrace(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let extension = path.extension().unwrap_or_default().as_bytes();
    matches!(path.to_str(), Some("/proc/self/exe" | "/proc/self/maps"))
        || EXECUTABLE.get().and_then(Option::as_deref) == Some(path)
        || path.starts_with("/usr/lib/debug")
        || matches!(extension, b"so" | b"debug" | b"dwp" | b"dwo" | b"o")
        || name.windows(4).any(|part| part == b".so.")
}

/// Tells of the host's processor quota.
fn is_of_control_groups(path: &Path) -> bool {
    path.starts_with("/sys/fs/cgroup")
        || matches!(path.to_str(), Some("/proc/self/cgroup" | "/proc/self/mountinfo"))
}

fn is_entropy(path: &Path) -> bool {
    matches!(path.to_str(), Some("/dev/urandom" | "/dev/random"))
}

/// Asks whether `path` may be read or looked at, unless that is plain.
pub(super) fn reading_is_refused(path: &Path, what: &Refused<'_>) -> Option<Errno> {
    if is_of_control_groups(path) {
        return Some(libc::ENOENT);
    }
    if is_of_a_backtrace(path) || is_entropy(path) { None } else { refused(what) }
}

/// Whether opening is refused; also notes a descriptor of `/dev/urandom` that `open` then gives.
unsafe fn opened(folder: c_int, name: *const c_char, flags: c_int, open: impl FnOnce() -> c_int) -> c_int {
    if !crate::is_inside() {
        return open();
    }
    // SAFETY: the caller of the hook gives a C string.
    let path = unsafe { path(folder, name) };
    let writes = flags & libc::O_ACCMODE != libc::O_RDONLY
        || flags & (libc::O_CREAT | libc::O_TRUNC) != 0
        || flags & libc::O_TMPFILE == libc::O_TMPFILE;
    let no = if !writes {
        reading_is_refused(&path, &Refused::Read { path: &path })
    } else if path == Path::new("/dev/null") {
        None
    } else {
        refused(&Refused::Write { path: &path })
    };
    if let Some(errno) = no {
        return failed(errno);
    }
    let fd = open();
    if fd >= 0 && is_entropy(&path) {
        ask(|inside| inside.entropy_files.borrow_mut().push(fd));
    }
    fd
}

/// Makes a change below `name`, if the machine lets it.
unsafe fn changed(folder: c_int, name: *const c_char, change: impl FnOnce() -> c_int) -> c_int {
    if crate::is_inside() {
        // SAFETY: the caller of the hook gives a C string.
        let path = unsafe { path(folder, name) };
        if let Some(errno) = refused(&Refused::Write { path: &path }) {
            return failed(errno);
        }
    }
    change()
}

/// Defines hooks that differ in their names and arguments only.
macro_rules! hooks {
    ($check:ident: $(fn $name:ident($($argument:ident: $kind:ty),*) checks ($($checked:expr),*);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> c_int {
            // SAFETY: the caller's arguments, unchanged, in both calls; its paths are C strings.
            unsafe { $check($($checked),*, || next::$name($($argument),*)) }
        }
    )*};
}

type Text = *const c_char;
const HERE: c_int = libc::AT_FDCWD;
const CREATES: c_int = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;

hooks! { opened:
    fn open(name: Text, flags: c_int, mode: mode_t) checks (HERE, name, flags);
    fn open64(name: Text, flags: c_int, mode: mode_t) checks (HERE, name, flags);
    fn openat(folder: c_int, name: Text, flags: c_int, mode: mode_t) checks (folder, name, flags);
    fn openat64(folder: c_int, name: Text, flags: c_int, mode: mode_t) checks (folder, name, flags);
    fn creat(name: Text, mode: mode_t) checks (HERE, name, CREATES);
}

hooks! { changed:
    fn unlink(name: Text) checks (HERE, name);
    fn unlinkat(folder: c_int, name: Text, flags: c_int) checks (folder, name);
    fn mkdir(name: Text, mode: mode_t) checks (HERE, name);
    fn rmdir(name: Text) checks (HERE, name);
    fn symlink(target: Text, name: Text) checks (HERE, name);
    fn link(from: Text, name: Text) checks (HERE, name);
    fn linkat(from_folder: c_int, from: Text, folder: c_int, name: Text, flags: c_int) checks (folder, name);
    fn truncate(name: Text, size: off_t) checks (HERE, name);
    fn truncate64(name: Text, size: off_t) checks (HERE, name);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: Text, to: Text) -> c_int {
    // SAFETY: the caller gives two C strings.
    unsafe { changed(HERE, from, || changed(HERE, to, || next::rename(from, to))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opendir(name: Text) -> *mut c_void {
    if crate::is_inside() {
        // SAFETY: the caller gives a C string.
        let path = unsafe { path(HERE, name) };
        if let Some(errno) = reading_is_refused(&path, &Refused::Read { path: &path }) {
            failed(errno);
            return std::ptr::null_mut();
        }
    }
    // SAFETY: the caller's argument, unchanged.
    unsafe { next::opendir(name) }
}

/// Whether a read of this descriptor is a read of the machine's entropy.
fn is_entropy_file(fd: c_int) -> bool {
    ask(|inside| inside.entropy_files.borrow().contains(&fd)).unwrap_or(false)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, out: *mut c_void, size: size_t) -> ssize_t {
    // SAFETY: the caller gives room for `size` bytes.
    unsafe {
        if is_entropy_file(fd) && entropy::fill(out, size) {
            return size as ssize_t;
        }
        socket_bytes::receive_bytes(fd, out, size, 0)
            .map_or_else(|| next::read(fd, out, size), |(received, _)| received)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readv(fd: c_int, start: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller gives `count` parts, each with room for its length.
    unsafe {
        let parts = || output::parts(start, usize::try_from(count).unwrap_or(0));
        if is_entropy_file(fd) {
            let filled = parts().iter().filter(|part| entropy::fill(part.iov_base, part.iov_len));
            return filled.map(|part| part.iov_len as ssize_t).sum();
        }
        if crate::is_inside()
            && let Some((received, _)) = socket_bytes::receive_parts(fd, start, parts().len(), 0)
        {
            return received;
        }
        next::readv(fd, start, count)
    }
}
