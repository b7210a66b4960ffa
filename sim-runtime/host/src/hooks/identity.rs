//! Who this is: process and thread id, the machine's name and kernel.

use std::ffi::{c_char, c_int};

use libc::{pid_t, size_t, utsname};

use super::{failed, next};
use crate::gate::ask;

/// The machine's process id, which is its only thread's id too.
pub(super) fn process_id() -> Option<pid_t> {
    ask(|inside| inside.machine.process_id() as pid_t)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getpid() -> pid_t {
    // SAFETY: takes no arguments.
    process_id().unwrap_or_else(|| unsafe { next::getpid() })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn gettid() -> pid_t {
    // SAFETY: takes no arguments.
    process_id().unwrap_or_else(|| unsafe { next::syscall(libc::SYS_gettid, 0, 0, 0, 0, 0, 0) as pid_t })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn gethostname(out: *mut c_char, size: size_t) -> c_int {
    let Some(name) = ask(|inside| inside.machine.host_name()) else {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { next::gethostname(out, size) };
    };
    if name.len() >= size {
        return failed(libc::ENAMETOOLONG);
    }
    // SAFETY: the caller gives room for `size` bytes, the name and its NUL are no more.
    unsafe {
        out.cast::<u8>().copy_from_nonoverlapping(name.as_ptr(), name.len());
        out.add(name.len()).write(0);
    }
    0
}

fn put(field: &mut [c_char], text: &[u8]) {
    field.fill(0);
    let room = field.len() - 1;
    for (slot, byte) in field[..room].iter_mut().zip(text) {
        *slot = *byte as c_char;
    }
}

/// One kernel for everybody, so that a run is the same on the next machine.
#[unsafe(no_mangle)]
unsafe extern "C" fn uname(out: *mut utsname) -> c_int {
    let Some(name) = ask(|inside| inside.machine.host_name()) else {
        // SAFETY: the caller's argument, unchanged.
        return unsafe { next::uname(out) };
    };
    // SAFETY: the caller gives room for a utsname, of which all zeros is a valid value.
    let out = unsafe {
        out.write_bytes(0, 1);
        &mut *out
    };
    put(&mut out.sysname, b"Linux");
    put(&mut out.nodename, &name);
    put(&mut out.release, b"6.1.0");
    put(&mut out.version, b"#1 SMP");
    put(&mut out.machine, std::env::consts::ARCH.as_bytes());
    0
}
