//! Threads, processes and event loops: refused, or real.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use libc::{pid_t, posix_spawn_file_actions_t, posix_spawnattr_t, pthread_attr_t, pthread_t};

use super::next::{self, Start};
use super::{failed, refused};
use crate::gate::{ask, outside};
use crate::machine::{Errno, Refused, Waited};
use crate::turns::{End, Foreign, Guest};

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
    if ask(|inside| inside.machine.hosts_threads()) == Some(true) {
        // SAFETY: the caller's arguments.
        return unsafe { guest_thread(thread, attributes, start, argument) };
    }
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

/// A thread's start, until it begins.
struct Beginning {
    foreign: Foreign,
    start: Start,
    argument: *mut c_void,
}

/// Threads that are simulated and have not been joined.
static THREADS: Mutex<BTreeMap<pthread_t, End>> = Mutex::new(BTreeMap::new());

fn threads<T>(f: impl FnOnce(&mut BTreeMap<pthread_t, End>) -> T) -> T {
    outside(|| f(&mut THREADS.lock().unwrap_or_else(PoisonError::into_inner)))
}

extern "C" fn begin(beginning: *mut c_void) -> *mut c_void {
    // SAFETY: `guest_thread` made it for this call alone.
    let Beginning { foreign, start, argument } = *unsafe { Box::from_raw(beginning.cast::<Beginning>()) };
    if foreign.begin() { start(argument) } else { std::ptr::null_mut() }
}

unsafe fn guest_thread(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let (guest, foreign) = Guest::foreign();
    let beginning = Box::into_raw(Box::new(Beginning { foreign, start, argument }));
    // SAFETY: the caller's pointers; the new thread owns the beginning.
    let code = outside(|| unsafe { next::pthread_create(thread, attributes, begin, beginning.cast()) });
    if code != 0 {
        // SAFETY: no thread was made to take it.
        drop(unsafe { Box::from_raw(beginning) });
        return code;
    }
    // SAFETY: written by the call above.
    let name = unsafe { *thread };
    threads(|threads| threads.insert(name, guest.end()));
    ask(|inside| inside.machine.thread_started(guest));
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_join(thread: pthread_t, value: *mut *mut c_void) -> c_int {
    if crate::is_inside()
        && let Some(end) = threads(|threads| threads.remove(&thread))
    {
        let still_waiting = || !end.has_come();
        while still_waiting() {
            let waited = ask(|inside| inside.machine.blocking_wait(end.word(), None, &still_waiting));
            if waited != Some(Waited::Woken) {
                break;
            }
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { next::pthread_join(thread, value) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_yield() -> c_int {
    if ask(|inside| inside.machine.blocking_yield()).is_some() {
        return 0;
    }
    // SAFETY: takes no arguments.
    unsafe { next::sched_yield() }
}
