//! A connection and the calls an application makes on one of its ends.
//!
//! Errors are those of a Linux socket, measured against real loopback sockets by the conformance suite:
//! a reset is reported once as `ConnectionReset` (to a read or a write, whichever comes first), after
//! which reads say end-of-file and writes `BrokenPipe`; bytes that arrived before the reset stay readable.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::end::{End, Linger, Phase, Readiness, Side};
use super::limits::{RECEIVE_BUFFER_BYTES, RETRY_NS_MIN, SEGMENT_BYTES_MAX, SEND_BUFFER_BYTES, SYN_RETRY_NS};
use super::pipe::{Ending, Kind, NEVER, Pipe, Segment};
use super::wire::{Event, Timer, Wire};
use crate::link::Passage;

/// Both ends and both directions of one connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) ends: [End; 2],
    pub(super) pipes: [Pipe; 2],
    pub(super) retry_ns: u64,
    pub(super) opened_ns: u64,
}

impl Connection {
    /// A connection about to be opened from `client` to `server`.
    pub fn new(client: SocketAddr, server: SocketAddr) -> Connection {
        let pipe = || Pipe::new(SEND_BUFFER_BYTES, RECEIVE_BUFFER_BYTES);
        Connection {
            ends: [End::new(client), End::new(server)],
            pipes: [pipe(), pipe()],
            retry_ns: RETRY_NS_MIN,
            opened_ns: 0,
        }
    }

    /// One end.
    pub fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    /// One end, to set options.
    pub fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    /// The direction whose sender is `side`.
    pub fn pipe(&self, side: Side) -> &Pipe {
        &self.pipes[side as usize]
    }

    pub(super) fn pipe_mut(&mut self, side: Side) -> &mut Pipe {
        &mut self.pipes[side as usize]
    }

    /// Sets the size of `side`'s send buffer in bytes.
    pub fn set_send_buffer(&mut self, side: Side, bytes: u32) {
        self.pipe_mut(side).send_limit = bytes.max(1);
    }

    /// Sets the size of `side`'s receive buffer in bytes.
    pub fn set_receive_buffer(&mut self, side: Side, bytes: u32) {
        self.pipe_mut(side.other()).receive_limit = bytes.max(1);
    }

    /// Sends the `SYN`. The client's end belongs to the caller from here on.
    pub fn open(&mut self, wire: &mut impl Wire) {
        self.opened_ns = wire.now();
        let end = self.end_mut(Side::Client);
        end.phase = Phase::SynSent;
        end.owned = true;
        wire.event(Side::Client, Event::Connecting);
        if wire.unreachable(Side::Client) {
            self.fail(wire, Side::Client, ErrorKind::HostUnreachable);
            return;
        }
        self.transmit(wire, Side::Client, Kind::Syn, 0);
    }

    /// How the connect is going.
    ///
    /// # Errors
    /// `WouldBlock` while it is under way; otherwise why it failed, once.
    pub fn connected(&mut self, side: Side) -> Result<(), ErrorKind> {
        let end = self.end_mut(side);
        match (end.error.take(), end.phase) {
            (Some(error), _) => Err(error),
            (None, Phase::SynSent) => Err(ErrorKind::WouldBlock),
            (None, Phase::Open) => Ok(()),
            (None, _) => Err(ErrorKind::NotConnected),
        }
    }

    /// Takes bytes that arrived; 0 is the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there yet, or the end's pending error, once.
    #[inline]
    pub fn read(&mut self, wire: &mut impl Wire, side: Side, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let from = side.other();
        let pipe = &mut self.pipes[from as usize];
        if pipe.readable() == 0 {
            return self.nothing_to_read(side);
        }
        let taken = pipe.read(into);
        if taken > 0
            && pipe.unsent() > 0
            && !pipe.update_pending
            && pipe.window() * 2 >= pipe.receive_limit as usize
            && let Some(trip) = wire.trip_ns(side)
        {
            pipe.update_pending = true;
            wire.timer(wire.now() + trip, from, Timer::Window);
        }
        Ok(taken)
    }

    /// As [`Connection::read`], without taking the bytes.
    ///
    /// # Errors
    /// As [`Connection::read`].
    pub fn peek(&mut self, side: Side, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let pipe = self.pipe(side.other());
        if pipe.readable() == 0 { self.nothing_to_read(side) } else { Ok(pipe.peek(into)) }
    }

    fn nothing_to_read(&mut self, side: Side) -> Result<usize, ErrorKind> {
        let end = self.end_mut(side);
        if end.peer_done {
            return Ok(0);
        }
        match end.error.take() {
            Some(error) => Err(error),
            None if end.read_shut || matches!(end.phase, Phase::Closed | Phase::Gone) => Ok(0),
            None => Err(ErrorKind::WouldBlock),
        }
    }

    /// Whether [`Connection::write`] would take anything, and how much.
    ///
    /// # Errors
    /// As [`Connection::write`].
    #[inline]
    pub fn writable(&mut self, wire: &mut impl Wire, side: Side) -> Result<usize, ErrorKind> {
        let end = &mut self.ends[side as usize];
        if let Some(error) = end.error.take() {
            return Err(error);
        }
        if end.phase == Phase::SynSent {
            return Err(ErrorKind::WouldBlock);
        }
        if end.phase != Phase::Open || self.pipes[side as usize].ending != Ending::Open {
            return Err(ErrorKind::BrokenPipe);
        }
        let pipe = &mut self.pipes[side as usize];
        let room = pipe.room(wire.now());
        if room == 0 {
            pipe.wants_room = true;
            self.await_room(wire, side);
            return Err(ErrorKind::WouldBlock);
        }
        Ok(room)
    }

    /// Accepts as many bytes as there is room for, and sends what the peer's window allows.
    ///
    /// # Errors
    /// `WouldBlock` when the send buffer is full, `BrokenPipe` after the end stopped sending or the
    /// connection is over, or the end's pending error, once.
    #[inline]
    pub fn write(&mut self, wire: &mut impl Wire, side: Side, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let room = self.writable(wire, side)?;
        let taken = bytes.len().min(room);
        self.pipes[side as usize].accept(&bytes[..taken]);
        self.flush(wire, side);
        Ok(taken)
    }

    /// Asks to be told once worthwhile room is free.
    pub(super) fn await_room(&mut self, wire: &mut impl Wire, side: Side) {
        let pipe = self.pipe_mut(side);
        if !pipe.room_armed
            && let Some(at) = pipe.room_at()
        {
            pipe.room_armed = true;
            wire.timer(at.max(wire.now()), side, Timer::Room);
        }
    }

    /// Whether reading and writing would return at once.
    pub fn readiness(&mut self, now_ns: u64, side: Side) -> Readiness {
        let readable = self.pipe(side.other()).readable() > 0;
        let pipe = self.pipe_mut(side);
        let room = pipe.room(now_ns) >= pipe.worthwhile_room();
        let write_shut = pipe.ending != Ending::Open;
        let end = self.end(side);
        let over = end.error.is_some() || matches!(end.phase, Phase::Closed | Phase::Gone);
        let open = end.phase == Phase::Open;
        Readiness {
            read: over || readable || end.peer_done || end.read_shut,
            write: over || (open && (room || write_shut)),
        }
    }

    /// Sends no more: the peer reads end-of-file after what was written.
    ///
    /// # Errors
    /// `NotConnected` unless the connection is open.
    pub fn shutdown_write(&mut self, wire: &mut impl Wire, side: Side) -> Result<(), ErrorKind> {
        if self.end(side).phase != Phase::Open {
            return Err(ErrorKind::NotConnected);
        }
        self.finish(wire, side);
        Ok(())
    }

    /// Reads no more: reads say end-of-file once what arrived is taken. The peer is not told.
    ///
    /// # Errors
    /// `NotConnected` unless the connection is open.
    pub fn shutdown_read(&mut self, wire: &mut impl Wire, side: Side) -> Result<(), ErrorKind> {
        if self.end(side).phase != Phase::Open {
            return Err(ErrorKind::NotConnected);
        }
        self.end_mut(side).read_shut = true;
        wire.ready(side, Readiness::READ);
        Ok(())
    }

    pub(super) fn finish(&mut self, wire: &mut impl Wire, side: Side) {
        if self.pipe(side).ending == Ending::Open {
            self.pipe_mut(side).ending = Ending::Wanted;
            wire.event(side, Event::Finished);
            self.flush(wire, side);
        }
    }

    /// The application lets go of its end. Unread bytes or `SO_LINGER` 0 make it a reset, as on Linux.
    pub fn close(&mut self, wire: &mut impl Wire, side: Side) {
        let unread = self.pipe(side.other()).readable() > 0;
        let end = self.end_mut(side);
        if !end.owned {
            return;
        }
        end.owned = false;
        end.read_shut = true;
        match end.phase {
            Phase::Open if unread || end.linger == Linger::Reset => self.abort(wire, side),
            Phase::Open => self.finish(wire, side),
            Phase::SynReceived => self.abort(wire, side),
            Phase::SynSent | Phase::Closed | Phase::Gone => end.phase = Phase::Gone,
        }
    }

    /// Ends the connection from `side` with a reset.
    pub fn abort(&mut self, wire: &mut impl Wire, side: Side) {
        if !self.end(side).alive() {
            return;
        }
        wire.event(side, Event::Aborted);
        self.pipe_mut(side.other()).drop_unread();
        self.pipe_mut(side).drop_unsent();
        self.end_mut(side).phase = Phase::Closed;
        self.transmit(wire, side, Kind::Reset, 0);
    }

    /// Sends what the window allows, and the `FIN` behind the last byte.
    #[inline]
    pub(super) fn flush(&mut self, wire: &mut impl Wire, side: Side) {
        loop {
            let pipe = &self.pipes[side as usize];
            if pipe.held {
                return;
            }
            let unsent = pipe.unsent();
            let bytes = unsent.min(pipe.window()).min(SEGMENT_BYTES_MAX);
            if bytes > 0 {
                self.transmit(wire, side, Kind::Data, bytes);
                continue;
            }
            if unsent == 0 && pipe.ending == Ending::Wanted {
                self.pipe_mut(side).ending = Ending::Sent;
                self.transmit(wire, side, Kind::Fin, 0);
            }
            return;
        }
    }

    /// First retransmission of what `side` sends now.
    pub(super) fn first_retry_ns(&self, side: Side) -> u64 {
        match self.end(side).phase {
            Phase::SynSent | Phase::SynReceived => SYN_RETRY_NS,
            _ => self.retry_ns,
        }
    }

    /// Puts one packet on the wire and draws its fate.
    #[inline]
    pub(super) fn transmit(&mut self, wire: &mut impl Wire, side: Side, kind: Kind, bytes: usize) {
        let now = wire.now();
        let behind_a_stuck_one = self.pipes[side as usize].stuck().next().is_some();
        let arrives = if behind_a_stuck_one { None } else { self.fate(wire, side, now, now, bytes) };
        if kind == Kind::Reset && arrives.is_none() {
            return;
        }
        let acked = match kind {
            // Nobody acknowledges these, so nobody waits for it.
            Kind::Ack | Kind::Reset => Some(0),
            _ => arrives.and_then(|at| Some(at + wire.trip_ns(side.other())?)),
        };
        let acked_ns = acked.unwrap_or(NEVER);
        let arrives_ns = self.pipes[side as usize].send(Segment {
            sent_ns: now,
            arrives_ns: arrives.unwrap_or(NEVER),
            acked_ns,
            bytes: bytes as u32,
            kind,
        });
        if arrives_ns != NEVER {
            wire.timer(arrives_ns, side, Timer::Arrival);
        } else if !behind_a_stuck_one {
            wire.event(side, Event::Stuck);
        }
        if acked_ns == NEVER {
            self.arm_give_up(wire, side);
        }
    }

    /// When a packet that leaves at `leaves_ns` arrives, each chance loss costing it a retransmission.
    pub(super) fn fate(
        &mut self,
        wire: &mut impl Wire,
        side: Side,
        sent_ns: u64,
        leaves_ns: u64,
        bytes: usize,
    ) -> Option<u64> {
        let first = self.first_retry_ns(side);
        let mut at = leaves_ns;
        for _ in 0..=super::limits::RETRIES_MAX {
            match wire.pass(side, at, bytes) {
                Passage::Arrives(at) => return Some(at),
                Passage::Lost => at = super::limits::next_retry_at(sent_ns, first, at + 1),
                Passage::Blocked => return None,
            }
        }
        None
    }

    /// Asks for a wake-up when room is free, without trying to write.
    pub fn want_room(&mut self, wire: &mut impl Wire, side: Side) {
        self.pipe_mut(side).wants_room = true;
        self.await_room(wire, side);
    }

    /// The connect fails for a reason outside of TCP.
    pub fn refuse(&mut self, wire: &mut impl Wire, error: ErrorKind) {
        self.fail(wire, Side::Client, error);
    }

    /// A device on the way sends `side` a reset in its peer's name.
    pub fn reset_from_outside(&mut self, wire: &mut impl Wire, side: Side) {
        if self.end(side).phase == Phase::Open {
            wire.event(side, Event::Reset);
            let error =
                if self.end(side).peer_done { ErrorKind::BrokenPipe } else { ErrorKind::ConnectionReset };
            self.fail(wire, side, error);
        }
    }

    /// Bytes `side` wrote that are not acknowledged.
    pub fn unacknowledged(&mut self, now_ns: u64, side: Side) -> usize {
        let pipe = self.pipe_mut(side);
        (pipe.send_limit as usize).saturating_sub(pipe.room(now_ns))
    }

    /// Keeps back what `side` writes from now on, or lets it go.
    pub fn set_held(&mut self, wire: &mut impl Wire, side: Side, held: bool) {
        self.pipe_mut(side).held = held;
        if !held && self.end(side).phase == Phase::Open {
            self.flush(wire, side);
        }
    }

    /// When everything `side` has sent so far will have arrived; a trip from now when nothing is under way.
    pub fn last_arrival_ns(&self, wire: &impl Wire, side: Side) -> u64 {
        let trip = wire.trip_ns(side).unwrap_or(0);
        self.pipe(side).last_arrival_ns().max(wire.now() + trip)
    }

    /// Whether packets of `side` wait for the path to heal.
    pub fn stuck(&self, side: Side) -> bool {
        self.pipe(side).waiting_since().is_some()
    }

    /// Whether both applications have let go: nothing that may still happen can be observed.
    pub fn unobserved(&self) -> bool {
        !self.ends[0].owned && !self.ends[1].owned
    }

    /// The textbook name of an end's state.
    pub fn state(&self, side: Side) -> &'static str {
        let end = self.end(side);
        let fin_sent = self.pipe(side).ending == Ending::Sent;
        match end.phase {
            Phase::Gone => "GONE",
            Phase::SynSent => "SYN_SENT",
            Phase::SynReceived => "SYN_RECV",
            Phase::Closed => "CLOSED",
            Phase::Open => match (fin_sent, end.peer_done) {
                (false, false) => "ESTABLISHED",
                (false, true) => "CLOSE_WAIT",
                (true, false) => "FIN_WAIT",
                (true, true) => "LAST_ACK",
            },
        }
    }
}
