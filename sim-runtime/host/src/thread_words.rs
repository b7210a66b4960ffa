//! A word that some crate keeps in a thread-local, found by what it does.
//!
//! Some crates seed a thread-local generator from a counter that all threads of the process share
//! (`futures::select!` does, for its fairness): the second run of a process then differs from the
//! first although each has a fresh thread. The generator is private, but it lies in the thread's
//! static storage at an offset that is the same for every thread, and its step is known. So: look
//! which word changes as that step would change it, once; and set that word at the start of
//! each run.
//!
//! If nothing or more than one word fits, nothing is touched.

use std::cell::Cell;

thread_local! {
    /// A known word in the static storage of the program itself, to measure offsets from.
    static ANCHOR: Cell<u64> = const { Cell::new(0) };
}

/// A word at the same offset in the static storage of every thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadWord {
    from_anchor: isize,
}

impl ThreadWord {
    /// Looks for the one word of this thread's static storage that `step` changes from `x` to `next(x)`.
    ///
    /// `step` is called several times.
    pub fn find(mut step: impl FnMut(), next: impl Fn(u64) -> u64) -> Option<Self> {
        // A lazily initialised word is there only after the first step.
        step();
        let (start, count) = storage()?;
        let mut candidates: Vec<usize> = (0..count).collect();
        for _ in 0..2 {
            let before = words(start, count);
            step();
            let after = words(start, count);
            candidates.retain(|at| {
                before[*at] != 0 && before[*at] != after[*at] && after[*at] == next(before[*at])
            });
        }
        let [at] = candidates[..] else { return None };
        let found = start as usize + at * size_of::<u64>();
        Some(Self { from_anchor: found.wrapping_sub(anchor()).cast_signed() })
    }

    /// Sets the word on this thread. The crate that owns it must have used it on this thread before.
    pub fn set(self, value: u64) {
        let address = anchor().wrapping_add_signed(self.from_anchor) as *mut u64;
        // SAFETY: `find` saw an aligned, initialised word of this program's static thread storage at this offset
        // from the anchor, which lies in the same storage; storage of one program has one layout on all threads, and lives
        // as long as the thread. Only this thread reaches it, and no reference to it is held: its owner's step is not running.
        unsafe { address.write_volatile(value) };
    }
}

fn anchor() -> usize {
    ANCHOR.with(|anchor| std::ptr::from_ref(anchor) as usize)
}

fn words(start: *const u64, count: usize) -> Vec<u64> {
    // SAFETY: `storage` answered `count` words of this thread's live static storage, which nobody else writes; they may be
    // of any type, so they are read as plain bits, volatile, one by one.
    (0..count).map(|at| unsafe { start.add(at).read_volatile() }).collect()
}

/// First aligned word and number of words of this thread's static storage of the module that the anchor is in.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn storage() -> Option<(*const u64, usize)> {
    struct Search {
        anchor: usize,
        found: Option<(usize, usize)>,
    }
    unsafe extern "C" fn look(
        module: *mut libc::dl_phdr_info,
        size: libc::size_t,
        search: *mut libc::c_void,
    ) -> libc::c_int {
        // SAFETY: the loader calls this with a live description, and with the pointer given below.
        let (module, search) = unsafe { (&*module, &mut *search.cast::<Search>()) };
        if size < size_of::<libc::dl_phdr_info>() || module.dlpi_tls_data.is_null() {
            return 0;
        }
        // SAFETY: the description says where its headers are and how many.
        let headers = unsafe { std::slice::from_raw_parts(module.dlpi_phdr, module.dlpi_phnum.into()) };
        let start = module.dlpi_tls_data as usize;
        for header in headers.iter().filter(|header| header.p_type == libc::PT_TLS) {
            let length = usize::try_from(header.p_memsz).unwrap_or(0);
            if (start..start + length).contains(&search.anchor) {
                search.found = Some((start, length));
                return 1;
            }
        }
        0
    }
    let mut search = Search { anchor: anchor(), found: None };
    // SAFETY: `look` matches the signature, and `search` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    let (start, length) = search.found?;
    let aligned = start.next_multiple_of(align_of::<u64>());
    Some((aligned as *const u64, (length - (aligned - start)) / size_of::<u64>()))
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn storage() -> Option<(*const u64, usize)> {
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    thread_local! {
        /// Not const: lazily initialised, as those that are to be found.
        static LAZY: Cell<u64> = Cell::new(start());
    }

    fn start() -> u64 {
        std::thread::panicking().into()
    }

    fn step() {
        LAZY.set(LAZY.get() * 3 + 1);
    }

    #[test]
    fn a_word_is_found_by_what_it_does_and_set_on_any_thread() {
        let word = ThreadWord::find(step, |before| before * 3 + 1).expect("there is one such word");
        let set = move || {
            step();
            word.set(7);
            LAZY.get()
        };
        assert_eq!(set(), 7);
        assert_eq!(std::thread::spawn(set).join().expect("no panic"), 7);
    }

    #[test]
    fn a_step_that_nothing_takes_finds_nothing() {
        assert_eq!(ThreadWord::find(|| (), |before| before * 3 + 1), None);
    }
}
