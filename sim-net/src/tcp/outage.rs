//! Cuts, heals, crashes, and giving up.
//!
//! Nothing polls. While a path works, retransmission and keepalive timers cannot change anything, so none
//! exist; they are armed when the path breaks and look again when they fire. A quiet healthy run therefore
//! has no pending timers of ours and can be recognised as stalled.

use std::io::ErrorKind;

use super::connection::Connection;
use super::end::{Phase, Side};
use super::limits::{CONNECT_LIMIT_NS, RETRANSMIT_LIMIT_NS, SYN_ACK_LIMIT_NS, next_retry_at};
use super::wire::{Event, Timer, Wire};

impl Connection {
    /// The link that carries `side`'s packets stopped working: what is in flight waits, and so do the
    /// acknowledgements of what the other side sent.
    pub fn link_blocked(&mut self, wire: &mut impl Wire, side: Side) {
        self.path_lost(wire, side);
        let other = side.other();
        if self.pipe_mut(other).stick_acknowledgements(wire.now()) {
            self.arm_give_up(wire, other);
        }
        if self.end(other).phase == Phase::SynSent {
            self.arm_give_up(wire, other);
        }
        self.arm_keepalive(wire, Side::Client);
        self.arm_keepalive(wire, Side::Server);
    }

    /// What `side` has in flight will not arrive until something heals.
    pub(super) fn path_lost(&mut self, wire: &mut impl Wire, side: Side) {
        if self.pipe_mut(side).stick(wire.now()) {
            wire.event(side, Event::Stuck);
            self.arm_give_up(wire, side);
        }
    }

    /// The link that carries `side`'s packets works again, or the machine they go to does. `kept`: the
    /// packets were only held, so they leave now and not at the next retransmission.
    pub fn link_open(&mut self, wire: &mut impl Wire, side: Side, kept: bool) {
        let now = wire.now();
        let first = self.first_retry_ns(side);
        let oldest = self.pipe_mut(side).stuck().next().map(|segment| segment.sent_ns);
        if let Some(oldest) = oldest {
            let leaves = if kept { now } else { next_retry_at(oldest, first, now) };
            self.resend(wire, side, leaves);
        }
        let other = side.other();
        let round_trip = wire.trip_ns(other).zip(wire.trip_ns(side)).map(|(there, back)| there + back);
        if let Some(round_trip) = round_trip {
            // A retransmission is answered only when both directions work.
            for side in [side, other] {
                let first = self.first_retry_ns(side);
                for segment in self.pipe_mut(side).unheard() {
                    let heard = next_retry_at(segment.sent_ns, first, now) + round_trip;
                    segment.acked_ns = heard.max(segment.arrives_ns);
                }
            }
        }
        for side in [side, other] {
            if self.end(side).alive() {
                self.flush(wire, side);
                if self.pipe(side).wants_room {
                    self.await_room(wire, side);
                }
            }
        }
    }

    /// The machine of `side` died: it forgets the connection and sends nothing.
    pub fn vanish(&mut self, wire: &mut impl Wire, side: Side) {
        self.pipe_mut(side).drop_unsent();
        self.pipe_mut(side.other()).drop_unread();
        let end = self.end_mut(side);
        end.phase = Phase::Gone;
        end.owned = false;
        end.error = None;
        if self.end(side.other()).phase == Phase::SynSent {
            self.arm_give_up(wire, side.other());
        }
        self.arm_keepalive(wire, side.other());
    }

    /// How long `side` waits for an answer to what it sent.
    fn patience_ns(&self, side: Side) -> u64 {
        let end = self.end(side);
        let default = match end.phase {
            Phase::SynSent => CONNECT_LIMIT_NS,
            Phase::SynReceived => SYN_ACK_LIMIT_NS,
            _ => RETRANSMIT_LIMIT_NS,
        };
        end.user_timeout_ns.unwrap_or(default)
    }

    fn waiting_since(&self, side: Side) -> Option<u64> {
        match self.end(side).phase {
            Phase::SynSent => Some(self.opened_ns),
            _ => self.pipe(side).waiting_since(),
        }
    }

    pub(super) fn arm_give_up(&mut self, wire: &mut impl Wire, side: Side) {
        if self.pipe(side).give_up_armed {
            return;
        }
        if let Some(since) = self.waiting_since(side) {
            self.pipe_mut(side).give_up_armed = true;
            wire.timer((since + self.patience_ns(side)).max(wire.now()), side, Timer::GiveUp);
        }
    }

    /// Looks whether `side` has waited too long for an answer.
    pub(super) fn give_up(&mut self, wire: &mut impl Wire, side: Side) {
        self.pipe_mut(side).give_up_armed = false;
        if !self.end(side).alive() {
            return;
        }
        let Some(since) = self.waiting_since(side) else { return };
        if since + self.patience_ns(side) > wire.now() {
            self.arm_give_up(wire, side);
        } else {
            self.time_out(wire, side);
        }
    }

    fn time_out(&mut self, wire: &mut impl Wire, side: Side) {
        wire.event(side, Event::TimedOut);
        let error = if wire.unreachable(side) { ErrorKind::HostUnreachable } else { ErrorKind::TimedOut };
        if self.end(side).phase == Phase::SynReceived {
            self.end_mut(side).owned = false;
        }
        self.fail(wire, side, error);
    }

    /// Sets or clears probing of the idle connection.
    pub fn set_keepalive(&mut self, wire: &mut impl Wire, side: Side, keepalive: Option<super::Keepalive>) {
        self.end_mut(side).keepalive = keepalive;
        self.arm_keepalive(wire, side);
    }

    /// Sets or clears the longest time data may stay unacknowledged.
    pub fn set_user_timeout(&mut self, wire: &mut impl Wire, side: Side, timeout_ns: Option<u64>) {
        self.end_mut(side).user_timeout_ns = timeout_ns.filter(|&ns| ns > 0);
        self.pipe_mut(side).give_up_armed = false;
        if self.waiting_since(side).is_some_and(|_| self.end(side).phase != Phase::SynSent) {
            self.arm_give_up(wire, side);
        }
    }

    /// Arms the keepalive of `side` for when it would notice that the peer is dead; nothing when it is not.
    fn arm_keepalive(&mut self, wire: &mut impl Wire, side: Side) {
        let end = self.end(side);
        let (Some(keepalive), Phase::Open, false) = (end.keepalive, end.phase, end.keepalive_armed) else {
            return;
        };
        let Some(wait) = self.probe_wait(wire, side, keepalive) else { return };
        let at = (self.end(side).heard_ns + keepalive.idle_ns).max(wire.now()) + wait;
        self.end_mut(side).keepalive_armed = true;
        wire.timer(at, side, Timer::Keepalive);
    }

    /// How long after the first probe the peer's death is certain: none when probes are answered.
    fn probe_wait(&self, wire: &impl Wire, side: Side, keepalive: super::Keepalive) -> Option<u64> {
        let there = wire.trip_ns(side).filter(|_| wire.up(side.other()));
        let round_trip = there.and_then(|there| Some(there + wire.trip_ns(side.other())?));
        match round_trip {
            Some(_) if self.end(side.other()).alive() => None,
            Some(round_trip) => Some(round_trip),
            None => Some(keepalive.interval_ns.saturating_mul(u64::from(keepalive.probes))),
        }
    }

    /// The keepalive of `side` is due.
    pub(super) fn keepalive(&mut self, wire: &mut impl Wire, side: Side) {
        self.end_mut(side).keepalive_armed = false;
        let end = self.end(side);
        let (Some(keepalive), Phase::Open) = (end.keepalive, end.phase) else { return };
        let Some(wait) = self.probe_wait(wire, side, keepalive) else { return };
        let certain = end.heard_ns.saturating_add(keepalive.idle_ns).saturating_add(wait);
        if certain > wire.now() {
            self.arm_keepalive(wire, side);
        } else if wire.trip_ns(side).is_some()
            && wire.trip_ns(side.other()).is_some()
            && wire.up(side.other())
        {
            wire.event(side, Event::Reset);
            let error = ErrorKind::ConnectionReset;
            self.fail(wire, side, error);
        } else {
            self.time_out(wire, side);
        }
    }
}
