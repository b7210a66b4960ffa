//! The environment: `getenv` and its writers.
//!
//! Reading `environ` itself (`std::env::vars`) still shows the host's: data has no gate.

use std::ffi::{CStr, c_char, c_int};

use super::{failed, next};
use crate::gate::{Inside, ask};
use crate::machine::Variable;

/// std reads these once for the whole process, so no run may decide them.
const OF_THE_HOST: [&[u8]; 2] = [b"RUST_BACKTRACE", b"RUST_LIB_BACKTRACE"];

/// The machine's answer as the pointer C expects; `None` for the host's.
unsafe fn look_up(name: *const c_char) -> Option<*mut c_char> {
    ask(|inside| {
        // SAFETY: the caller of the hook gives a C string.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        if OF_THE_HOST.contains(&name) {
            return None;
        }
        match inside.machine.variable(name) {
            Variable::Real => None,
            Variable::Absent => Some(std::ptr::null_mut()),
            Variable::Value(value) => Some(keep(inside, value)),
        }
    })
    .flatten()
}

/// Keeps a value until the run ends and gives its bytes.
fn keep(inside: &Inside, value: std::ffi::CString) -> *mut c_char {
    let mut values = inside.values.borrow_mut();
    if let Some(kept) = values.get(&value) {
        return kept.as_ptr().cast_mut();
    }
    // The bytes are on the heap and stay there when the owner moves into the set.
    let bytes = value.as_ptr().cast_mut();
    values.insert(value);
    bytes
}

/// Whether the machine took the change.
unsafe fn changed(name: &[u8], value: Option<&[u8]>) -> bool {
    ask(|inside| inside.machine.set_variable(name, value)).unwrap_or(false)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's C string, unchanged.
    unsafe { look_up(name).unwrap_or_else(|| next::getenv(name)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn secure_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's C string, unchanged.
    unsafe { look_up(name).unwrap_or_else(|| next::secure_getenv(name)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    if crate::is_inside() {
        // SAFETY: the caller gives two C strings.
        let (bytes, value) = unsafe { (CStr::from_ptr(name).to_bytes(), CStr::from_ptr(value).to_bytes()) };
        if bytes.is_empty() || bytes.contains(&b'=') {
            return failed(libc::EINVAL);
        }
        // SAFETY: the caller's C string.
        if overwrite == 0 && !unsafe { getenv(name) }.is_null() {
            return 0;
        }
        // SAFETY: no pointers are passed.
        if unsafe { changed(bytes, Some(value)) } {
            return 0;
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { next::setenv(name, value, overwrite) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    // SAFETY: the caller gives a C string.
    unsafe {
        if crate::is_inside() && changed(CStr::from_ptr(name).to_bytes(), None) {
            return 0;
        }
        next::unsetenv(name)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn putenv(assignment: *mut c_char) -> c_int {
    // SAFETY: the caller gives a C string.
    unsafe {
        if crate::is_inside() {
            let bytes = CStr::from_ptr(assignment).to_bytes();
            let equals = bytes.iter().position(|byte| *byte == b'=');
            let (name, value) = equals.map_or((bytes, None), |at| (&bytes[..at], Some(&bytes[at + 1..])));
            if changed(name, value) {
                return 0;
            }
        }
        next::putenv(assignment)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clearenv() -> c_int {
    if crate::is_inside() {
        return failed(libc::ENOMEM);
    }
    // SAFETY: takes no arguments.
    unsafe { next::clearenv() }
}
