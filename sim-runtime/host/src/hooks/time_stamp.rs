//! The time stamp counter of x86-64: `rdtsc` and `rdtscp`, instructions that ask nobody.
//!
//! The kernel can refuse them to a thread; they arrive as SIGSEGV then, and the handler answers in the processor's
//! place: inside of a run with the machine's nanoseconds, a counter of 1 GHz. Where the real clock is asked meanwhile
//! (the vDSO reads the counter) it answers with the real one. Where the kernel does not do this, the counter stays real.
//!
//! A thread that leaves a run gets the counter back when it first reads it: asking the kernel twice a run was two fifths
//! of the time of a small one.

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_ulong, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use libc::{sigaction, siginfo_t, ucontext_t};

use crate::gate::{ask, entered};

/// From `linux/prctl.h`, which the libc crate does not have.
const PR_SET_TSC: c_int = 26;
const PR_TSC_ENABLE: c_ulong = 1;
const PR_TSC_SIGSEGV: c_ulong = 2;
/// From `asm-generic/siginfo.h`: sent by the kernel, without an address.
const SI_KERNEL: c_int = 0x80;
/// The vDSO has a few pages; it starts at a page.
const VDSO_LENGTH: usize = 4 << 12;

/// Who handled SIGSEGV before: std, which tells of stacks that overflow.
static BEFORE: OnceLock<sigaction> = OnceLock::new();
static VDSO: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Refuses the counter to this thread, which is inside a run now.
pub(crate) fn refuse() {
    static INSTALLED: Once = Once::new();
    if !REFUSED.replace(true) {
        INSTALLED.call_once(install);
        set(PR_TSC_SIGSEGV);
    }
}

fn set(mode: c_ulong) {
    // SAFETY: changes what one instruction does on this thread. An error (an old kernel, a sandbox) leaves it as it was.
    unsafe { libc::prctl(PR_SET_TSC, mode, 0, 0, 0) };
}

fn install() {
    // SAFETY: reads the auxiliary vector.
    VDSO.store(unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize, Ordering::Relaxed);
    let mut before = MaybeUninit::<sigaction>::uninit();
    // SAFETY: all zero is an empty mask, no flags, and no handler yet; the handler has the type that SA_SIGINFO
    // asks for, and the old action is written when the call succeeds.
    unsafe {
        let mut action: sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handle as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        // As std: on the other stack, or a thread whose stack has overflowed could not be told so.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        if libc::sigaction(libc::SIGSEGV, ptr::null(), before.as_mut_ptr()) != 0 {
            return;
        }
        // Known before the first signal can come.
        let _ = BEFORE.set(before.assume_init());
        libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut());
    }
}

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands both over to a handler with SA_SIGINFO.
    let (code, registers) = unsafe {
        let context = &mut *context.cast::<ucontext_t>();
        ((*info).si_code, &mut context.uc_mcontext.gregs)
    };
    let at = registers[libc::REG_RIP as usize] as usize;
    let length = if code == SI_KERNEL { reads_counter(at) } else { None };
    let Some(length) = length else { return hand_on(signal, info, context) };
    if entered().is_null() {
        set(PR_TSC_ENABLE);
        REFUSED.set(false);
        return;
    }
    let vdso = VDSO.load(Ordering::Relaxed);
    let for_the_clock = vdso != 0 && (vdso..vdso + VDSO_LENGTH).contains(&at);
    // The machine may read the real clock, and this stack is too small for a second signal.
    set(PR_TSC_ENABLE);
    let virtual_count = if for_the_clock { None } else { ask(|inside| inside.machine.monotonic_ns()) };
    let count = virtual_count.unwrap_or_else(|| {
        // SAFETY: every x86-64 processor has the instruction, and this thread may use it now.
        unsafe { core::arch::x86_64::_rdtsc() }
    });
    set(PR_TSC_SIGSEGV);
    registers[libc::REG_RAX as usize] = i64::from(count as u32);
    registers[libc::REG_RDX as usize] = (count >> 32) as i64;
    if length == RDTSCP.len() {
        // The processor's number: a run has one.
        registers[libc::REG_RCX as usize] = 0;
    }
    registers[libc::REG_RIP as usize] += length as c_long;
}

const RDTSC: [u8; 2] = [0x0f, 0x31];
const RDTSCP: [u8; 3] = [0x0f, 0x01, 0xf9];

/// The length of the instruction there, when it is one of the two.
fn reads_counter(at: usize) -> Option<usize> {
    let byte = |offset: usize| {
        // SAFETY: the processor has just decoded the instruction that starts there, and each byte is read only
        // when the one before it says that the instruction goes on.
        unsafe { ptr::read((at + offset) as *const u8) }
    };
    match byte(0) {
        0x0f => match byte(1) {
            0x31 => Some(RDTSC.len()),
            0x01 if byte(2) == RDTSCP[2] => Some(RDTSCP.len()),
            _ => None,
        },
        _ => None,
    }
}

/// Another fault: for whoever handled them before.
fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let before = BEFORE.get();
    match before {
        Some(before) if ![libc::SIG_DFL, libc::SIG_IGN].contains(&before.sa_sigaction) => {
            // SAFETY: it was registered as this signal's handler; without SA_SIGINFO it ignores what it gets too much.
            unsafe {
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    std::mem::transmute(before.sa_sigaction);
                handler(signal, info, context);
            }
        }
        _ => {
            // SAFETY: the default action is well formed; the instruction faults again when this returns, and ends the process.
            unsafe {
                let mut action: sigaction = MaybeUninit::zeroed().assume_init();
                action.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const action, ptr::null_mut());
            }
        }
    }
}
