//! How many processors there are, and on which one this is: always the first.

use std::ffi::{c_int, c_long};

use libc::{cpu_set_t, pid_t, size_t};

use super::{failed, next};
use crate::gate::ask;

fn processors() -> Option<usize> {
    ask(|inside| inside.machine.processors().max(1))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_getaffinity(process: pid_t, size: size_t, mask: *mut cpu_set_t) -> c_int {
    let Some(processors) = processors() else {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { next::sched_getaffinity(process, size, mask) };
    };
    if size == 0 || processors > size.saturating_mul(8) {
        return failed(libc::EINVAL);
    }
    let mask = mask.cast::<u8>();
    // SAFETY: the caller gives room for `size` bytes, and `processors` bits fit in them.
    unsafe {
        mask.write_bytes(0, size);
        for processor in 0..processors {
            *mask.add(processor / 8) |= 1 << (processor % 8);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sysconf(name: c_int) -> c_long {
    let counted = matches!(name, libc::_SC_NPROCESSORS_ONLN | libc::_SC_NPROCESSORS_CONF);
    match counted.then(processors).flatten() {
        Some(processors) => processors as c_long,
        // SAFETY: the caller's argument, unchanged.
        None => unsafe { next::sysconf(name) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn get_nprocs() -> c_int {
    // SAFETY: takes no arguments.
    processors().map_or_else(|| unsafe { next::get_nprocs() }, |processors| processors as c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn get_nprocs_conf() -> c_int {
    // SAFETY: takes no arguments.
    processors().map_or_else(|| unsafe { next::get_nprocs_conf() }, |processors| processors as c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_getcpu() -> c_int {
    // SAFETY: takes no arguments.
    processors().map_or_else(|| unsafe { next::sched_getcpu() }, |_| 0)
}
