//! Whether a file is there and what it is: the `stat` family, `access`, `readlink`, `realpath`.
//!
//! Open descriptors are not asked about: whoever has one was allowed to open it.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint};

use libc::{size_t, ssize_t, stat as Status, statx as ExtendedStatus};

use super::{failed, files, next};
use crate::machine::{Errno, Refused};

type Text = *const c_char;
const HERE: c_int = libc::AT_FDCWD;

/// Whether looking at `name` is refused. No name, or an empty one, stands for the open descriptor.
unsafe fn looking_is_refused(folder: c_int, name: Text) -> Option<Errno> {
    // SAFETY: the caller of the hook gives a C string, or null.
    if !crate::is_inside() || name.is_null() || unsafe { CStr::from_ptr(name) }.is_empty() {
        return None;
    }
    // SAFETY: the caller of the hook gives a C string.
    let path = unsafe { files::path(folder, name) };
    files::reading_is_refused(&path, &Refused::Look { path: &path })
}

/// The C library's `stat` structure is the kernel's on 64-bit machines.
unsafe fn status(folder: c_int, name: Text, out: *mut Status, flags: c_int) -> c_int {
    // SAFETY: the caller of the hook gives a C string and room for a stat.
    unsafe {
        if let Some(errno) = looking_is_refused(folder, name) {
            return failed(errno);
        }
        let [folder, flags] = [folder, flags].map(c_long::from);
        next::syscall(libc::SYS_newfstatat, folder, name as c_long, out as c_long, flags, 0, 0) as c_int
    }
}

/// Defines hooks that end in [`status`].
macro_rules! hooks {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) asks ($($asked:expr),*);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> c_int {
            // SAFETY: the caller's arguments, unchanged.
            unsafe { status($($asked),*) }
        }
    )*};
}

const ITSELF: c_int = libc::AT_SYMLINK_NOFOLLOW;

hooks! {
    fn stat(name: Text, out: *mut Status) asks (HERE, name, out, 0);
    fn stat64(name: Text, out: *mut Status) asks (HERE, name, out, 0);
    fn lstat(name: Text, out: *mut Status) asks (HERE, name, out, ITSELF);
    fn lstat64(name: Text, out: *mut Status) asks (HERE, name, out, ITSELF);
    fn fstatat(folder: c_int, name: Text, out: *mut Status, flags: c_int) asks (folder, name, out, flags);
    fn fstatat64(folder: c_int, name: Text, out: *mut Status, flags: c_int) asks (folder, name, out, flags);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn statx(
    folder: c_int,
    name: Text,
    flags: c_int,
    mask: c_uint,
    out: *mut ExtendedStatus,
) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        if let Some(errno) = looking_is_refused(folder, name) {
            return failed(errno);
        }
        let [folder, flags] = [folder, flags].map(c_long::from);
        next::syscall(libc::SYS_statx, folder, name as c_long, flags, mask.into(), out as c_long, 0) as c_int
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn access(name: Text, mode: c_int) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { looking_is_refused(HERE, name).map_or_else(|| next::access(name, mode), failed) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn faccessat(folder: c_int, name: Text, mode: c_int, flags: c_int) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        looking_is_refused(folder, name).map_or_else(|| next::faccessat(folder, name, mode, flags), failed)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readlink(name: Text, out: *mut c_char, size: size_t) -> ssize_t {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        match looking_is_refused(HERE, name) {
            Some(errno) => failed(errno) as ssize_t,
            None => next::readlink(name, out, size),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realpath(name: Text, out: *mut c_char) -> *mut c_char {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        if let Some(errno) = looking_is_refused(HERE, name) {
            failed(errno);
            return std::ptr::null_mut();
        }
        next::realpath(name, out)
    }
}
