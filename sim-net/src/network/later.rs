//! What request-level faults do later: releases, resets, repetitions.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use sim_runtime::executor::World;

use super::calls::{Dial, SocketId};
use super::queue::Due;
use super::state::State;
use crate::request::rule::after;
use crate::request::tracking::{Pending, Repetition};
use crate::request::{Tracked, Until};
use crate::tcp::Side;

impl State {
    /// Ends a connection in the name of the network, behind what `side` has sent so far and `delay`.
    pub(crate) fn reset_behind(&mut self, world: &Rc<World>, key: (u32, u32), side: Side, delay: Duration) {
        let arrived = self.on_conn(world, key, |tcp, path| tcp.last_arrival_ns(path, side));
        let at = after(arrived.unwrap_or(world.now()), delay);
        self.later(at, Pending::Reset { key });
    }

    pub(crate) fn later(&mut self, at_ns: u64, pending: Pending) {
        let number = self.requests.later(pending);
        self.shared.queue.at(at_ns, Due::Request { number });
    }

    pub(crate) fn hold(
        &mut self,
        world: &Rc<World>,
        key: (u32, u32),
        side: Side,
        until: Until,
        label: String,
    ) {
        let passed = match until {
            Until::Passed(delay) => Some(delay),
            _ => None,
        };
        let hold = self.requests.hold(key, side, until, label);
        self.on_conn(world, key, |tcp, path| tcp.set_held(path, side, true));
        if let Some(delay) = passed {
            self.later(after(world.now(), delay), Pending::Release { hold });
        }
    }

    /// Releases at `at_ns` what is held until something that happened now.
    pub(crate) fn let_go(&mut self, at_ns: u64, label: &str, happened: impl Fn(&Until) -> bool) {
        let holds = self.requests.holds.iter().filter(|hold| hold.label != label && happened(&hold.until));
        let holds: Vec<u64> = holds.map(|hold| hold.id).collect();
        for hold in holds {
            self.later(at_ns, Pending::Release { hold });
        }
    }

    pub(crate) fn request_signal(&mut self, world: &Rc<World>, name: &str) {
        self.let_go(world.now(), "", |until| matches!(until, Until::Signal(wanted) if wanted == name));
    }

    fn release(&mut self, world: &Rc<World>, id: u64) {
        let Some(at) = self.requests.holds.iter().position(|hold| hold.id == id) else { return };
        let hold = self.requests.holds.remove(at);
        let still = self.requests.holds.iter().any(|other| other.key == hold.key && other.side == hold.side);
        world.fact("http", &[5, id], || format!("{}: goes on", hold.label));
        if !still {
            self.on_conn(world, hold.key, |tcp, path| tcp.set_held(path, hold.side, false));
        }
    }

    pub(crate) fn release_all_requests(&mut self, world: &Rc<World>) {
        let holds: Vec<u64> = self.requests.holds.iter().map(|hold| hold.id).collect();
        for hold in holds {
            self.release(world, hold);
        }
    }

    /// A rule ends; one that never acted says so.
    pub(crate) fn end_request_rule(&mut self, world: &Rc<World>, id: u64) {
        if let Some(rule) = self.requests.remove_rule(id)
            && rule.fired == 0
        {
            world.fact("http", &[6, id], || {
                format!("a rule never acted: {:?} on {:?}", rule.action, rule.matches)
            });
        }
    }

    /// Something a request-level fault planned is due.
    pub(crate) fn request_due(&mut self, world: &Rc<World>, number: u64) {
        match self.requests.pending.remove(&number) {
            Some(Pending::Reset { key }) => self.reset_both(world, key),
            Some(Pending::Release { hold }) => self.release(world, hold),
            Some(Pending::Repeat { from, to, bytes, label, operation }) => {
                // Nobody waits for this one: a dial that fails is a repetition that did not happen.
                let Ok(id) = self.dial(world, from, to, Dial::default()) else { return };
                if let Some(conn) = self.socket(id) {
                    let mut tracked = Tracked::new(None);
                    tracked.repetition = Some(Repetition { bytes, sent: 0, label, operation });
                    conn.requests = Some(Box::new(tracked));
                    conn.unattended = true;
                }
            }
            None => {}
        }
    }

    /// Goes on with connections that the network itself made.
    pub(crate) fn attend(&mut self, world: &Rc<World>) {
        while let Some((index, generation)) = self.shared.unattended.pop() {
            let id = SocketId { run: self.run, index, generation, side: Side::Client };
            if !self.repeat_goes_on(world, id) {
                self.on_conn(world, id.key(), |tcp, path| {
                    tcp.abort(path, Side::Client);
                    tcp.close(path, Side::Client);
                });
            }
        }
    }

    /// Whether the repetition is still under way.
    fn repeat_goes_on(&mut self, world: &Rc<World>, id: SocketId) -> bool {
        match self.on_socket(world, id, |tcp, _| tcp.connected(Side::Client)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return true,
            Err(_) => return false,
            Ok(()) => {}
        }
        loop {
            let Some(tracked) = self.socket(id).and_then(|conn| conn.requests.as_mut()) else { return false };
            let Some(repetition) = &mut tracked.repetition else { return false };
            if repetition.sent == repetition.bytes.len() {
                break;
            }
            let rest = repetition.bytes[repetition.sent..].to_vec();
            let (label, operation) = (repetition.label.clone(), repetition.operation);
            match self.write_read_along(world, id, &rest) {
                Ok(sent) => {
                    if let Some(r) =
                        self.socket(id).and_then(|c| c.requests.as_mut()).and_then(|t| t.repetition.as_mut())
                    {
                        r.sent += sent;
                    }
                    world.about(operation, || {
                        world.fact("http", &[7, sent as u64], || format!("{label}: delivered again"));
                    });
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        let mut buffer = [0; 4_096];
        loop {
            match self.read(world, id, &mut buffer, false) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        // Its answer was sent and has arrived: nothing more is wanted.
        let answered = self.socket(id).and_then(|c| c.requests.as_ref()).is_some_and(|t| t.answered > 0);
        let in_flight = self.socket(id).is_some_and(|conn| conn.tcp.pipe(Side::Server).on_wire() > 0);
        !answered || in_flight
    }
}
