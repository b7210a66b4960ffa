//! `futures::select!` starts at a random branch: here the tape's entropy decides which.
//!
//! Its generator is a thread-local of the crate `futures`, seeded from a counter of the whole process, so it would
//! tell runs of one process apart. See [`sim_host::thread_words`] for how it is set.

use crate::tape::Tape;
use futures::FutureExt;
use futures::future::ready;
use sim_host::thread_words::ThreadWord;
use std::sync::OnceLock;

/// Seeds the generator of this thread from the tape. Where it was not found (another version of
/// the crate, another platform) it stays as it is, and runs that use it leak state.
pub(super) fn seed_select(tape: &Tape) {
    static GENERATOR: OnceLock<Option<ThreadWord>> = OnceLock::new();
    let generator = GENERATOR.get_or_init(|| ThreadWord::find(|| _ = step(), xorshift));
    if let Some(generator) = generator {
        step();
        generator.set(tape.word("futures.select") | 1);
    }
}

/// One step of the generator, and which of two ready branches it chose.
fn step() -> bool {
    let choose = async {
        let (mut first, mut second) = (ready(true), ready(false));
        futures::select! { chosen = first => chosen, chosen = second => chosen }
    };
    choose.now_or_never().expect("both branches are ready")
}

/// The step of the generator: xorshift with 12, 25, 27.
fn xorshift(mut x: u64) -> u64 {
    x ^= x >> 12;
    x ^= x << 25;
    x ^ (x >> 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tape_chooses_alike_on_every_thread() {
        let chosen = |seed| {
            let on_fresh_thread = move || {
                seed_select(&Tape::seeded(seed, false));
                (0..100).map(|_| step()).collect::<Vec<_>>()
            };
            sim_host::threads::run_on_fresh_thread("select", 1 << 20, on_fresh_thread).expect("no panic")
        };
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
    }
}
