//! Threads, processes and event loops: refused, or real.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{pid_t, posix_spawn_file_actions_t, posix_spawnattr_t, pthread_attr_t, pthread_t};

use super::next::{self, Start};
use super::{failed, refused};
use crate::machine::{Errno, Refused};

type Strings = *const *mut c_char;

unsafe fn refused_program(path: *const c_char) -> Option<Errno> {
    if !crate::is_inside() {
        return None;
    }
    // SAFETY: the caller of the hook gives a C string.
    let program = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    refused(&Refused::Process { program: Some(program) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    // The error number is the result here, and errno stays as it is.
    // SAFETY: the caller's arguments, unchanged.
    refused(&Refused::Thread)
        .unwrap_or_else(|| unsafe { next::pthread_create(thread, attributes, start, argument) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fork() -> pid_t {
    match refused(&Refused::Process { program: None }) {
        Some(errno) => failed(errno),
        // SAFETY: takes no arguments.
        None => unsafe { next::fork() },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawn(
    process: *mut pid_t,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        refused_program(path)
            .unwrap_or_else(|| next::posix_spawn(process, path, actions, attributes, arguments, environment))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    process: *mut pid_t,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        refused_program(path)
            .unwrap_or_else(|| next::posix_spawnp(process, path, actions, attributes, arguments, environment))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { refused_program(path).map_or_else(|| next::execve(path, arguments, environment), failed) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn execvp(path: *const c_char, arguments: Strings) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { refused_program(path).map_or_else(|| next::execvp(path, arguments), failed) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_create1(flags: c_int) -> c_int {
    // SAFETY: the caller's argument, unchanged.
    refused(&Refused::Reactor { call: "epoll_create1" })
        .map_or_else(|| unsafe { next::epoll_create1(flags) }, failed)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_create(size: c_int) -> c_int {
    // SAFETY: the caller's argument, unchanged.
    refused(&Refused::Reactor { call: "epoll_create" })
        .map_or_else(|| unsafe { next::epoll_create(size) }, failed)
}
