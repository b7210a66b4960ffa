//! What holds for any sequence of calls, cuts, losses and crashes.

use std::io::ErrorKind;

use proptest::prelude::*;

use super::Side::{self, Client, Server};
use super::script::Script;

#[derive(Debug, Clone)]
enum Step {
    Write(Side, usize),
    Read(Side),
    Pass(u64),
    Block(Side),
    Heal(Side),
    Lose(usize),
    Trips(u64),
    Finish(Side),
    Close(Side),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Client), Just(Server)]
}

fn step(closes: bool) -> impl Strategy<Value = Step> {
    let close = u32::from(closes);
    prop_oneof![
        8 => (side(), 1usize..20_000).prop_map(|(s, n)| Step::Write(s, n)),
        6 => side().prop_map(Step::Read),
        4 => (0u64..3_000_000).prop_map(Step::Pass),
        1 => (0u64..4_000_000_000).prop_map(Step::Pass),
        1 => side().prop_map(Step::Block),
        2 => side().prop_map(Step::Heal),
        1 => (1usize..4).prop_map(Step::Lose),
        1 => (0u64..9_000_000).prop_map(Step::Trips),
        close => side().prop_map(Step::Finish),
        close => side().prop_map(Step::Close),
    ]
}

/// The n-th byte a side writes.
fn byte(side: Side, n: usize) -> u8 {
    (n.wrapping_mul(31) >> 3) as u8 ^ side as u8
}

#[derive(Default)]
struct Seen {
    written: [usize; 2],
    read: [usize; 2],
    failed: [Option<ErrorKind>; 2],
    closed: [bool; 2],
}

impl Seen {
    fn run(&mut self, s: &mut Script, step: &Step) {
        match *step {
            Step::Write(side, n) if !self.closed[side as usize] => {
                let from = self.written[side as usize];
                let bytes: Vec<u8> = (from..from + n).map(|n| byte(side, n)).collect();
                match s.write(side, &bytes) {
                    Ok(n) => self.written[side as usize] += n,
                    Err(ErrorKind::WouldBlock) => {}
                    Err(error) => self.failed[side as usize] = Some(error),
                }
            }
            Step::Read(side) if !self.closed[side as usize] => match s.read(side) {
                Ok(bytes) => {
                    let from = &mut self.read[side as usize];
                    for b in bytes {
                        assert_eq!(b, byte(side.other(), *from), "byte {from} read by {side:?}");
                        *from += 1;
                    }
                }
                Err(ErrorKind::WouldBlock) => {}
                Err(error) => self.failed[side as usize] = Some(error),
            },
            Step::Pass(ns) => s.pass(ns),
            Step::Block(side) if !s.w.blocked[side as usize] => s.block(side),
            Step::Heal(side) if s.w.blocked[side as usize] => s.heal(side),
            Step::Lose(n) => s.w.losses = vec![true; n],
            Step::Trips(ns) => s.w.trips = vec![ns, ns / 7, ns / 3],
            Step::Finish(side) if !self.closed[side as usize] => {
                let _ = s.c.shutdown_write(&mut s.w, side);
            }
            Step::Close(side) if !self.closed[side as usize] => {
                self.closed[side as usize] = true;
                s.close(side);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody closes and every outage is short: every byte arrives exactly once, in order.
    #[test]
    fn faults_that_heal_lose_nothing(steps in prop::collection::vec(step(false), 0..60)) {
        let mut s = Script::open();
        let mut seen = Seen::default();
        for step in &steps {
            seen.run(&mut s, step);
        }
        for side in [Client, Server] {
            seen.run(&mut s, &Step::Heal(side));
        }
        for _ in 0..200 {
            s.settle();
            seen.run(&mut s, &Step::Read(Client));
            seen.run(&mut s, &Step::Read(Server));
        }
        prop_assert_eq!(seen.failed, [None, None]);
        prop_assert_eq!(seen.read, [seen.written[1], seen.written[0]]);
    }

    /// With closes anywhere: what is read is a prefix of what was written, and a reader that saw a clean end
    /// saw everything, unless its peer or itself was told of an error.
    #[test]
    fn a_stream_ends_whole_or_with_an_error(steps in prop::collection::vec(step(true), 0..60)) {
        let mut s = Script::open();
        let mut seen = Seen::default();
        for step in &steps {
            seen.run(&mut s, step);
        }
        for side in [Client, Server] {
            seen.run(&mut s, &Step::Heal(side));
        }
        for _ in 0..200 {
            s.settle();
            for side in [Client, Server] {
                seen.run(&mut s, &Step::Read(side));
            }
        }
        for side in [Client, Server] {
            let (me, peer) = (side as usize, side.other() as usize);
            if seen.closed[peer] && !seen.closed[me] && seen.failed[me].is_none() && s.c.end(side).peer_done {
                prop_assert_eq!(seen.read[me], seen.written[peer], "{:?} saw a clean end", side);
            }
        }
        prop_assert_eq!(s.settle(), 0, "something still pending");
    }
}
