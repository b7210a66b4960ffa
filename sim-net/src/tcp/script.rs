//! A world of one connection for tests: a clock, two links with switches, a listener that says what it is told.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;

use super::{Connection, Event, Readiness, Side, Timer, Welcome, Wire};
use crate::link::Passage;

pub const TRIP_NS: u64 = 1_000_000;

pub struct World {
    pub now: u64,
    pub blocked: [bool; 2],
    pub up: [bool; 2],
    pub unreachable: bool,
    pub welcome: Welcome,
    pub listening: bool,
    pub accepted: bool,
    pub trips: Vec<u64>,
    pub losses: Vec<bool>,
    pub ready: [Readiness; 2],
    pub events: Vec<(Side, Event)>,
    timers: BTreeMap<(u64, u64), (Side, Timer)>,
    seq: u64,
}

impl Wire for World {
    fn now(&self) -> u64 {
        self.now
    }
    fn pass(&mut self, from: Side, at_ns: u64, _bytes: usize) -> Passage {
        if self.blocked[from as usize] {
            return Passage::Blocked;
        }
        if self.losses.pop() == Some(true) {
            return Passage::Lost;
        }
        Passage::Arrives(at_ns + self.trips.pop().unwrap_or(TRIP_NS))
    }
    fn trip_ns(&self, from: Side) -> Option<u64> {
        (!self.blocked[from as usize]).then_some(TRIP_NS)
    }
    fn unreachable(&self, _from: Side) -> bool {
        self.unreachable
    }
    fn up(&self, side: Side) -> bool {
        self.up[side as usize]
    }
    fn timer(&mut self, at_ns: u64, side: Side, timer: Timer) {
        assert!(at_ns >= self.now, "a timer in the past");
        self.timers.insert((at_ns, self.seq), (side, timer));
        self.seq += 1;
    }
    fn ready(&mut self, side: Side, readiness: Readiness) {
        let r = &mut self.ready[side as usize];
        r.read |= readiness.read;
        r.write |= readiness.write;
    }
    fn welcome(&mut self) -> Welcome {
        self.welcome
    }
    fn enqueue(&mut self) -> bool {
        self.accepted = self.listening;
        self.listening
    }
    fn event(&mut self, side: Side, event: Event) {
        self.events.push((side, event));
    }
}

pub struct Script {
    pub c: Connection,
    pub w: World,
}

impl Script {
    pub fn new() -> Script {
        let at = |last: u8| SocketAddr::from(([10, 0, 0, last], 80));
        let none = Readiness { read: false, write: false };
        Script {
            c: Connection::new(at(1), at(2)),
            w: World {
                now: 0,
                blocked: [false; 2],
                up: [true; 2],
                unreachable: false,
                welcome: Welcome::Accept,
                listening: true,
                accepted: false,
                trips: vec![],
                losses: vec![],
                ready: [none; 2],
                events: vec![],
                timers: BTreeMap::new(),
                seq: 0,
            },
        }
    }

    /// A connection with its handshake done.
    pub fn open() -> Script {
        let mut s = Script::new();
        s.c.open(&mut s.w);
        s.settle();
        assert_eq!(s.c.connected(Side::Client), Ok(()));
        assert!(s.w.accepted);
        s
    }

    /// Runs timers up to and including `until`.
    pub fn until(&mut self, until: u64) {
        while let Some(entry) = self.w.timers.first_entry().filter(|e| e.key().0 <= until) {
            let ((at, _), (side, timer)) = entry.remove_entry();
            self.w.now = at;
            self.c.on_timer(&mut self.w, side, timer);
        }
        self.w.now = self.w.now.max(until);
    }

    /// Runs timers for `ns` more.
    pub fn pass(&mut self, ns: u64) {
        self.until(self.w.now + ns);
    }

    /// Runs until nothing is pending; returns how long that took.
    pub fn settle(&mut self) -> u64 {
        let start = self.w.now;
        while let Some((&(at, _), _)) = self.w.timers.first_key_value() {
            self.until(at);
        }
        self.w.now - start
    }

    pub fn pending(&self) -> usize {
        self.w.timers.len()
    }

    pub fn write(&mut self, side: Side, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.c.write(&mut self.w, side, bytes)
    }

    pub fn read(&mut self, side: Side) -> Result<Vec<u8>, ErrorKind> {
        let mut buffer = [0; 4096];
        let n = self.c.read(&mut self.w, side, &mut buffer)?;
        Ok(buffer[..n].to_vec())
    }

    pub fn close(&mut self, side: Side) {
        self.c.close(&mut self.w, side);
    }

    pub fn block(&mut self, side: Side) {
        self.w.blocked[side as usize] = true;
        self.c.link_blocked(&mut self.w, side);
    }

    pub fn heal(&mut self, side: Side) {
        self.w.blocked[side as usize] = false;
        self.c.link_open(&mut self.w, side, false);
    }

    pub fn crash(&mut self, side: Side) {
        self.w.up[side as usize] = false;
        self.c.vanish(&mut self.w, side);
    }

    pub fn boot(&mut self, side: Side) {
        self.w.up[side as usize] = true;
        self.c.link_open(&mut self.w, side.other(), false);
    }
}
