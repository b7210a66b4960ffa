//! What packets do when they arrive.

use std::io::ErrorKind;

use super::connection::Connection;
use super::end::{Phase, Readiness, Side};
use super::limits::{RETRY_NS_MIN, next_retry_at};
use super::pipe::{Ending, Kind, NEVER, Segment};
use super::wire::{Event, Timer, Welcome, Wire};

impl Connection {
    /// A timer this connection asked for is due.
    #[inline]
    pub fn on_timer(&mut self, wire: &mut impl Wire, side: Side, timer: Timer) {
        match timer {
            Timer::Arrival => self.arrive(wire, side),
            Timer::Window => {
                self.pipe_mut(side).update_pending = false;
                self.flush(wire, side);
                if self.pipe(side).wants_room {
                    self.room(wire, side);
                }
            }
            Timer::Room => {
                self.pipe_mut(side).room_armed = false;
                self.room(wire, side);
            }
            Timer::GiveUp => self.give_up(wire, side),
            Timer::Keepalive => self.keepalive(wire, side),
        }
    }

    fn room(&mut self, wire: &mut impl Wire, side: Side) {
        let now = wire.now();
        let pipe = self.pipe_mut(side);
        if !pipe.wants_room {
            return;
        }
        if pipe.room(now) >= pipe.worthwhile_room() {
            pipe.wants_room = false;
            wire.ready(side, Readiness::WRITE);
        } else {
            self.await_room(wire, side);
        }
    }

    /// Delivers what is due of the packets `from` sent.
    #[inline]
    pub(super) fn arrive(&mut self, wire: &mut impl Wire, from: Side) {
        let now = wire.now();
        let to = from.other();
        while let Some(segment) = self.pipes[from as usize].due(now) {
            if !wire.up(to) {
                self.path_lost(wire, from);
                return;
            }
            self.take(wire, from, segment);
        }
    }

    #[inline]
    fn take(&mut self, wire: &mut impl Wire, from: Side, segment: Segment) {
        let to = from.other();
        let end = &mut self.ends[to as usize];
        end.heard_ns = wire.now();
        match (segment.kind, end.phase) {
            (Kind::Data, Phase::Open) => {
                let data_after_close =
                    end.read_shut && (!end.owned || self.pipes[to as usize].ending != Ending::Open);
                if data_after_close {
                    self.pipe_mut(from).discard();
                    self.refuse_late_data(wire, to);
                } else {
                    let pipe = &mut self.pipes[from as usize];
                    let was_empty = pipe.readable() == 0;
                    pipe.deliver();
                    if was_empty {
                        wire.ready(to, Readiness::READ);
                    }
                }
            }
            (Kind::Fin, Phase::Open) => {
                end.peer_done = true;
                self.pipe_mut(from).deliver();
                wire.ready(to, Readiness::READ);
                self.close_if_both_done();
            }
            (Kind::Syn, _) => self.on_syn(wire, segment),
            (Kind::SynAck, Phase::SynSent) => {
                self.pipe_mut(from).deliver();
                let round_trip = wire.now() - self.opened_ns;
                self.retry_ns = RETRY_NS_MIN.max(round_trip.min(RETRY_NS_MIN * 5) * 3);
                self.end_mut(to).phase = Phase::Open;
                wire.event(to, Event::Connected);
                self.transmit(wire, to, Kind::Ack, 0);
                wire.ready(to, Readiness::WRITE);
            }
            (_, Phase::SynReceived) if segment.kind != Kind::Reset => {
                self.on_last_handshake_packet(wire, segment)
            }
            (Kind::Reset, Phase::SynSent | Phase::SynReceived | Phase::Open) => {
                self.pipe_mut(from).deliver();
                self.on_reset(wire, to);
            }
            (Kind::Ack | Kind::SynAck, Phase::Open) | (Kind::Reset, _) => self.pipe_mut(from).deliver(),
            (_, Phase::Closed | Phase::Gone | Phase::SynSent | Phase::SynReceived) => {
                self.pipe_mut(from).discard();
                self.answer_with_reset(wire, to);
            }
        }
    }

    fn on_syn(&mut self, wire: &mut impl Wire, segment: Segment) {
        match wire.welcome() {
            Welcome::Accept => {
                let now = wire.now();
                self.pipe_mut(Side::Client).deliver();
                let end = self.end_mut(Side::Server);
                end.phase = Phase::SynReceived;
                end.owned = true;
                end.heard_ns = now;
                self.transmit(wire, Side::Server, Kind::SynAck, 0);
                if wire.trip_ns(Side::Server).is_none() {
                    self.arm_give_up(wire, Side::Client);
                }
            }
            Welcome::Refuse => {
                self.pipe_mut(Side::Client).discard();
                self.answer_with_reset(wire, Side::Server);
            }
            Welcome::Full => {
                self.pipe_mut(Side::Client).stick(wire.now());
                self.arm_give_up(wire, Side::Client);
                let leaves = next_retry_at(segment.sent_ns, super::limits::SYN_RETRY_NS, wire.now() + 1);
                self.resend(wire, Side::Client, leaves);
            }
        }
    }

    fn on_last_handshake_packet(&mut self, wire: &mut impl Wire, segment: Segment) {
        self.end_mut(Side::Server).phase = Phase::Open;
        if wire.enqueue() {
            wire.event(Side::Server, Event::Connected);
            if segment.kind == Kind::Ack {
                self.pipe_mut(Side::Client).deliver();
            } else {
                self.take(wire, Side::Client, segment);
            }
        } else {
            self.pipe_mut(Side::Client).discard();
            self.end_mut(Side::Server).owned = false;
            self.abort(wire, Side::Server);
        }
    }

    /// Data for an end whose application no longer reads: both sides learn that it was not taken.
    fn refuse_late_data(&mut self, wire: &mut impl Wire, side: Side) {
        self.abort(wire, side);
        if self.end(side).owned {
            self.end_mut(side).error = Some(ErrorKind::ConnectionReset);
            wire.ready(side, Readiness::BOTH);
        }
    }

    fn on_reset(&mut self, wire: &mut impl Wire, side: Side) {
        let end = self.end(side);
        let error = match end.phase {
            Phase::SynSent => ErrorKind::ConnectionRefused,
            _ if end.peer_done => ErrorKind::BrokenPipe,
            _ => ErrorKind::ConnectionReset,
        };
        wire.event(side, Event::Reset);
        if end.phase == Phase::SynReceived {
            self.end_mut(side).owned = false;
        }
        self.fail(wire, side, error);
    }

    /// The end is over, for a reason its application will be told.
    pub(super) fn fail(&mut self, wire: &mut impl Wire, side: Side, error: ErrorKind) {
        self.pipe_mut(side).drop_outgoing();
        let end = self.end_mut(side);
        end.phase = Phase::Closed;
        end.error = end.owned.then_some(error);
        wire.ready(side, Readiness::BOTH);
    }

    /// A machine that does not know the connection says so.
    fn answer_with_reset(&mut self, wire: &mut impl Wire, side: Side) {
        if self.end(side.other()).alive() {
            self.transmit(wire, side, Kind::Reset, 0);
        }
    }

    /// Once both `FIN`s have arrived nothing is left of the connection but unread bytes.
    fn close_if_both_done(&mut self) {
        if self.ends.iter().all(|end| end.peer_done) {
            for end in &mut self.ends {
                if end.phase == Phase::Open {
                    end.phase = Phase::Closed;
                }
            }
        }
    }

    /// Sends again what waits in `side`'s pipe, leaving at `leaves_ns`.
    pub(super) fn resend(&mut self, wire: &mut impl Wire, side: Side, leaves_ns: u64) {
        let stuck: Vec<(u64, u32)> =
            self.pipe_mut(side).stuck().map(|segment| (segment.sent_ns, segment.bytes)).collect();
        let mut last = 0;
        let mut fates = Vec::with_capacity(stuck.len());
        for (sent, bytes) in stuck {
            let Some(at) = self.fate(wire, side, sent, leaves_ns, bytes as usize) else { break };
            last = at.max(last);
            fates.push(last);
        }
        let back = wire.trip_ns(side.other());
        for (segment, at) in self.pipe_mut(side).stuck().zip(&fates) {
            segment.arrives_ns = *at;
            if segment.kind != Kind::Ack {
                segment.acked_ns = back.map_or(NEVER, |trip| at + trip);
            }
        }
        self.pipe_mut(side).set_last_arrival(last);
        for at in fates {
            wire.timer(at, side, Timer::Arrival);
        }
    }
}
