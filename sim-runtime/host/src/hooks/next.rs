//! The C library's own functions: the next definition after ours in link order, by `dlsym(RTLD_NEXT)`.
//!
//! Only functions that every supported glibc (2.17 and later) exports are here. Younger ones
//! (`getrandom`, `gettid`, `stat`, `statx`, `arc4random`) go to the kernel by `syscall`: where the C library
//! lacks them std would not call them, but finds ours.

use std::ffi::{c_char, c_int, c_long, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{
    addrinfo, clockid_t, cpu_set_t, fd_set, iovec, mode_t, msghdr, nfds_t, off_t, pid_t, pollfd,
    posix_spawn_file_actions_t, posix_spawnattr_t, pthread_attr_t, pthread_t, sigset_t, size_t, sockaddr,
    socklen_t, ssize_t, time_t, timespec, timeval, useconds_t, utsname,
};

/// The start routine of a thread.
pub(super) type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Path = *const c_char;
type Strings = *const *mut c_char;

/// Gets the real function, once found from an atomic.
#[inline]
fn find(found: &AtomicPtr<c_void>, name: &'static str) -> *mut c_void {
    let function = found.load(Ordering::Relaxed);
    if function.is_null() { look_up(found, name) } else { function }
}

#[cold]
fn look_up(found: &AtomicPtr<c_void>, name: &'static str) -> *mut c_void {
    // SAFETY: every name ends in NUL, by the macro below.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()) };
    found.store(function, Ordering::Relaxed);
    function
}

macro_rules! signature {
    ([$signature:ty] $($rest:tt)*) => { $signature };
    ([] ($($kind:ty),*) $(-> $answer:ty)?) => { unsafe extern "C" fn($($kind),*) $(-> $answer)? };
}

macro_rules! next_functions {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty $(= $signature:ty)?;)*) => {
        #[allow(non_upper_case_globals, reason = "named after the functions they hold")]
        mod found {
            use super::{AtomicPtr, c_void, ptr};
            $(pub(super) static $name: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());)*
        }

        $(
            #[inline]
            pub(super) unsafe fn $name($($argument: $kind),*) -> $answer {
                let function = find(&found::$name, concat!(stringify!($name), "\0"));
                if function.is_null() {
                    missing();
                }
                // SAFETY: the symbol has this type in the C library's headers; the caller vouches for the arguments.
                unsafe {
                    let function = std::mem::transmute::<*mut c_void, signature!([$($signature)?] ($($kind),*) -> $answer)>(function);
                    function($($argument),*)
                }
            }
        )*

        pub(super) fn find_all() {
            $(find(&found::$name, concat!(stringify!($name), "\0"));)*
        }
    };
}

/// No supported C library lacks any of these.
#[cold]
fn missing() -> ! {
    std::process::abort()
}

next_functions! {
    fn clock_gettime(clock: clockid_t, out: *mut timespec) -> c_int;
    fn gettimeofday(out: *mut timeval, zone: *mut c_void) -> c_int;
    fn time(out: *mut time_t) -> time_t;
    fn timespec_get(out: *mut timespec, base: c_int) -> c_int;

    fn nanosleep(wanted: *const timespec, left: *mut timespec) -> c_int;
    fn clock_nanosleep(clock: clockid_t, flags: c_int, wanted: *const timespec, left: *mut timespec) -> c_int;
    fn pthread_join(thread: pthread_t, value: *mut *mut c_void) -> c_int;
    fn sched_yield() -> c_int;
    fn raise(signal: c_int) -> c_int;
    fn kill(process: pid_t, signal: c_int) -> c_int;
    fn usleep(microseconds: useconds_t) -> c_int;
    fn sleep(seconds: c_uint) -> c_uint;
    fn poll(files: *mut pollfd, count: nfds_t, timeout_ms: c_int) -> c_int;
    fn ppoll(files: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int;
    fn select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval) -> c_int;

    fn sched_getaffinity(process: pid_t, size: size_t, mask: *mut cpu_set_t) -> c_int;
    fn sched_getcpu() -> c_int;
    fn sysconf(name: c_int) -> c_long;
    fn get_nprocs() -> c_int;
    fn get_nprocs_conf() -> c_int;

    fn getpid() -> pid_t;
    fn uname(out: *mut utsname) -> c_int;
    fn gethostname(out: *mut c_char, size: size_t) -> c_int;

    fn getenv(name: *const c_char) -> *mut c_char;
    fn secure_getenv(name: *const c_char) -> *mut c_char;
    fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int;
    fn unsetenv(name: *const c_char) -> c_int;
    fn putenv(assignment: *mut c_char) -> c_int;
    fn clearenv() -> c_int;

    fn getaddrinfo(host: Path, service: Path, hints: *const addrinfo, out: *mut *mut addrinfo) -> c_int;
    fn freeaddrinfo(list: *mut addrinfo) -> ();

    fn pthread_create(thread: *mut pthread_t, attributes: *const pthread_attr_t, start: Start, argument: *mut c_void) -> c_int;
    fn fork() -> pid_t;
    fn posix_spawn(process: *mut pid_t, path: Path, actions: *const posix_spawn_file_actions_t, attributes: *const posix_spawnattr_t, arguments: Strings, environment: Strings) -> c_int;
    fn posix_spawnp(process: *mut pid_t, path: Path, actions: *const posix_spawn_file_actions_t, attributes: *const posix_spawnattr_t, arguments: Strings, environment: Strings) -> c_int;
    fn execve(path: Path, arguments: Strings, environment: Strings) -> c_int;
    fn execvp(path: Path, arguments: Strings) -> c_int;
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_create(size: c_int) -> c_int;

    fn open(path: Path, flags: c_int, mode: mode_t) -> c_int = unsafe extern "C" fn(Path, c_int, ...) -> c_int;
    fn open64(path: Path, flags: c_int, mode: mode_t) -> c_int = unsafe extern "C" fn(Path, c_int, ...) -> c_int;
    fn openat(folder: c_int, path: Path, flags: c_int, mode: mode_t) -> c_int = unsafe extern "C" fn(c_int, Path, c_int, ...) -> c_int;
    fn openat64(folder: c_int, path: Path, flags: c_int, mode: mode_t) -> c_int = unsafe extern "C" fn(c_int, Path, c_int, ...) -> c_int;
    fn creat(path: Path, mode: mode_t) -> c_int;
    fn opendir(path: Path) -> *mut c_void;
    fn access(path: Path, mode: c_int) -> c_int;
    fn faccessat(folder: c_int, path: Path, mode: c_int, flags: c_int) -> c_int;
    fn readlink(path: Path, out: *mut c_char, size: size_t) -> ssize_t;
    fn realpath(path: Path, out: *mut c_char) -> *mut c_char;
    fn unlink(path: Path) -> c_int;
    fn unlinkat(folder: c_int, path: Path, flags: c_int) -> c_int;
    fn rename(from: Path, to: Path) -> c_int;
    fn mkdir(path: Path, mode: mode_t) -> c_int;
    fn rmdir(path: Path) -> c_int;
    fn symlink(target: Path, path: Path) -> c_int;
    fn link(from: Path, to: Path) -> c_int;
    fn linkat(from_folder: c_int, from: Path, to_folder: c_int, to: Path, flags: c_int) -> c_int;
    fn truncate(path: Path, size: off_t) -> c_int;
    fn truncate64(path: Path, size: off_t) -> c_int;
    fn read(fd: c_int, out: *mut c_void, size: size_t) -> ssize_t;
    fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t;
    fn write(fd: c_int, bytes: *const c_void, size: size_t) -> ssize_t;
    fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t;
    fn close(fd: c_int) -> c_int;
    fn dup(fd: c_int) -> c_int;
    fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int = unsafe extern "C" fn(c_int, c_int, ...) -> c_int;

    fn bind(fd: c_int, address: *const sockaddr, size: socklen_t) -> c_int;
    fn listen(fd: c_int, backlog: c_int) -> c_int;
    fn connect(fd: c_int, address: *const sockaddr, size: socklen_t) -> c_int;
    fn accept(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int;
    fn accept4(fd: c_int, address: *mut sockaddr, size: *mut socklen_t, flags: c_int) -> c_int;
    fn getsockname(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int;
    fn getpeername(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int;
    fn shutdown(fd: c_int, how: c_int) -> c_int;
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, out: *mut c_int) -> c_int;
    fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, size: *mut socklen_t) -> c_int;
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, size: socklen_t) -> c_int;
    fn send(fd: c_int, bytes: *const c_void, size: size_t, flags: c_int) -> ssize_t;
    fn recv(fd: c_int, out: *mut c_void, size: size_t, flags: c_int) -> ssize_t;
    fn recvfrom(fd: c_int, out: *mut c_void, size: size_t, flags: c_int, address: *mut sockaddr, address_size: *mut socklen_t) -> ssize_t;
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    fn sendto(fd: c_int, bytes: *const c_void, size: size_t, flags: c_int, address: *const sockaddr, address_size: socklen_t) -> ssize_t;
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;

    fn syscall(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long) -> c_long = unsafe extern "C" fn(c_long, ...) -> c_long;
}
