//! One direction of a connection: the bytes, and the packets that carry them.
//!
//! All bytes the sender's application handed over and the receiver's has not read live in **one** ring:
//!
//! ```text
//!   front                                                            back
//!   | delivered, unread | on the wire (`segments`) | accepted, not sent |
//! ```
//!
//! A packet event only moves the first boundary, sending only the second one; a byte is copied in once
//! and out once. Acknowledgements are not events: each packet knows when its acknowledgement will be
//! back, and the sender looks when it wants room. Loss and reordering are in the arrival times, which
//! never decrease along a pipe, so missing bytes cannot be expressed.

use std::collections::VecDeque;

/// An instant that never comes by itself: the packet (or its acknowledgement) waits for a link to heal.
pub const NEVER: u64 = u64::MAX;

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Asks for a connection.
    Syn,
    /// Agrees to one.
    SynAck,
    /// Completes the handshake.
    Ack,
    /// Carries bytes.
    Data,
    /// No more bytes will follow.
    Fin,
    /// The connection is over, now. Never retransmitted.
    Reset,
}

/// A packet on the wire, or arrived and not yet acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// When it was first sent.
    pub sent_ns: u64,
    /// When it arrives, or [`NEVER`].
    pub arrives_ns: u64,
    /// When the sender learns that it did, or [`NEVER`].
    pub acked_ns: u64,
    /// Payload bytes.
    pub bytes: u32,
    /// What it is.
    pub kind: Kind,
}

/// Where the end of the stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// More bytes may come.
    Open,
    /// The sender is done; the `FIN` waits behind bytes not yet sent.
    Wanted,
    /// The `FIN` is on the wire.
    Sent,
}

/// One direction of a connection.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, named after it")]
pub struct Pipe {
    bytes: VecDeque<u8>,
    delivered: usize,
    on_wire: usize,
    segments: VecDeque<Segment>,
    arrived: usize,
    unacked: usize,
    last_arrival_ns: u64,
    /// Room for bytes accepted and not yet acknowledged.
    pub send_limit: u32,
    /// Room for bytes on the wire or unread.
    pub receive_limit: u32,
    /// Where the end of the stream stands.
    pub ending: Ending,
    /// Nothing new leaves while set: a request-level fault holds the stream.
    pub held: bool,
    /// A window update is on its way to the sender.
    pub update_pending: bool,
    /// The sender waits for room.
    pub wants_room: bool,
    /// A timer for that is pending.
    pub room_armed: bool,
    /// A give-up timer is pending for the sender.
    pub give_up_armed: bool,
}

impl Pipe {
    /// An empty pipe with the given buffer sizes in bytes.
    pub fn new(send_limit: u32, receive_limit: u32) -> Pipe {
        Pipe {
            bytes: VecDeque::new(),
            delivered: 0,
            on_wire: 0,
            segments: VecDeque::new(),
            arrived: 0,
            unacked: 0,
            last_arrival_ns: 0,
            send_limit,
            receive_limit,
            ending: Ending::Open,
            held: false,
            update_pending: false,
            wants_room: false,
            room_armed: false,
            give_up_armed: false,
        }
    }

    /// Bytes the receiver can read now.
    pub fn readable(&self) -> usize {
        self.delivered
    }

    /// Bytes accepted and not yet sent.
    pub fn unsent(&self) -> usize {
        self.bytes.len() - self.delivered - self.on_wire
    }

    /// Bytes sent and not yet arrived.
    pub fn on_wire(&self) -> usize {
        self.on_wire
    }

    /// Bytes that may leave now.
    pub fn window(&self) -> usize {
        (self.receive_limit as usize).saturating_sub(self.delivered + self.on_wire)
    }

    /// Room for the sender's application, after taking note of acknowledgements that came back.
    pub fn room(&mut self, now_ns: u64) -> usize {
        while self.arrived > 0 && self.segments.front().is_some_and(|s| s.acked_ns <= now_ns) {
            let segment = self.segments.pop_front().expect("looked at just now");
            self.unacked -= segment.bytes as usize;
            self.arrived -= 1;
        }
        (self.send_limit as usize).saturating_sub(self.unacked + self.unsent())
    }

    /// Room that makes a waiting sender worth waking: a third of the buffer, as on Linux.
    pub fn worthwhile_room(&self) -> usize {
        (self.send_limit as usize / 3).max(1)
    }

    /// When acknowledgements will have freed worthwhile room, if that needs nothing but time.
    pub fn room_at(&self) -> Option<u64> {
        let mut free = (self.send_limit as usize).saturating_sub(self.unacked + self.unsent());
        let mut at = 0;
        for segment in &self.segments {
            free += segment.bytes as usize;
            at = at.max(segment.acked_ns);
            if free >= self.worthwhile_room() {
                return (at != NEVER).then_some(at);
            }
        }
        None
    }

    /// Takes bytes from the application.
    pub fn accept(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Puts a packet on the wire, the next `bytes` unsent ones in it. Arrival is moved behind the packets before it.
    pub fn send(&mut self, mut segment: Segment) -> Segment {
        if segment.arrives_ns != NEVER {
            segment.arrives_ns = segment.arrives_ns.max(self.last_arrival_ns);
            self.last_arrival_ns = segment.arrives_ns;
        }
        self.on_wire += segment.bytes as usize;
        self.unacked += segment.bytes as usize;
        debug_assert!(self.delivered + self.on_wire <= self.bytes.len(), "sent more than accepted");
        self.segments.push_back(segment);
        segment
    }

    /// The next packet to arrive, when it is due.
    pub fn due(&self, now_ns: u64) -> Option<Segment> {
        self.segments.get(self.arrived).copied().filter(|segment| segment.arrives_ns <= now_ns)
    }

    /// The next packet arrived: its bytes become readable.
    pub fn deliver(&mut self) {
        let segment = self.segments[self.arrived];
        self.arrived += 1;
        self.on_wire -= segment.bytes as usize;
        self.delivered += segment.bytes as usize;
    }

    /// The next packet arrived where nobody reads it any more.
    pub fn discard(&mut self) {
        let segment = self.segments[self.arrived];
        self.arrived += 1;
        let bytes = segment.bytes as usize;
        self.on_wire -= bytes;
        self.bytes.drain(self.delivered..self.delivered + bytes);
    }

    /// The next packet did not arrive after all; it and all behind it wait for the path to heal.
    /// Returns whether anything waits now. Resets are not retransmitted and vanish.
    pub fn stick(&mut self, now_ns: u64) -> bool {
        let arrived = self.arrived;
        let mut index = 0;
        self.segments.retain(|segment| {
            index += 1;
            index <= arrived || segment.kind != Kind::Reset
        });
        for segment in self.segments.iter_mut().skip(arrived) {
            segment.arrives_ns = NEVER;
            if segment.kind != Kind::Ack {
                segment.acked_ns = NEVER;
            }
        }
        self.last_arrival_ns = now_ns;
        self.segments.len() > arrived
    }

    /// Acknowledgements still under way are lost. Returns whether the sender misses one now.
    pub fn stick_acknowledgements(&mut self, now_ns: u64) -> bool {
        let mut any = false;
        for segment in &mut self.segments {
            if segment.acked_ns > now_ns {
                segment.acked_ns = NEVER;
                any = true;
            }
        }
        any
    }

    /// The packets that wait for the path to heal, in order.
    pub fn stuck(&mut self) -> impl Iterator<Item = &mut Segment> {
        self.segments.iter_mut().skip(self.arrived).filter(|segment| segment.arrives_ns == NEVER)
    }

    /// The packets that arrive but whose acknowledgement waits for the way back to heal, in order.
    pub fn unheard(&mut self) -> impl Iterator<Item = &mut Segment> {
        self.segments.iter_mut().filter(|segment| segment.acked_ns == NEVER && segment.arrives_ns != NEVER)
    }

    /// When the oldest packet was sent whose acknowledgement will not come by itself.
    pub fn waiting_since(&self) -> Option<u64> {
        self.segments.iter().find(|segment| segment.acked_ns == NEVER).map(|segment| segment.sent_ns)
    }

    /// When the last packet sent so far arrives.
    pub fn last_arrival_ns(&self) -> u64 {
        self.last_arrival_ns
    }

    /// When the last packet arrives, for packets that must follow it.
    pub fn set_last_arrival(&mut self, at_ns: u64) {
        self.last_arrival_ns = self.last_arrival_ns.max(at_ns);
    }

    /// Copies readable bytes without taking them.
    pub fn peek(&self, into: &mut [u8]) -> usize {
        let wanted = into.len().min(self.delivered);
        let (front, back) = self.bytes.as_slices();
        if wanted <= front.len() {
            into[..wanted].copy_from_slice(&front[..wanted]);
        } else {
            let (first, second) = into[..wanted].split_at_mut(front.len());
            first.copy_from_slice(front);
            second.copy_from_slice(&back[..second.len()]);
        }
        wanted
    }

    /// Takes readable bytes.
    pub fn read(&mut self, into: &mut [u8]) -> usize {
        let taken = self.peek(into);
        if taken == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..taken);
        }
        self.delivered -= taken;
        if self.bytes.is_empty() && self.bytes.capacity() > IDLE_CAPACITY_BYTES {
            self.bytes = VecDeque::new();
        }
        taken
    }

    /// Forgets bytes not yet sent.
    pub fn drop_unsent(&mut self) {
        self.bytes.truncate(self.delivered + self.on_wire);
    }

    /// Forgets bytes not yet sent and packets not yet arrived: the sender is dead to this connection.
    pub fn drop_outgoing(&mut self) {
        self.bytes.truncate(self.delivered);
        self.on_wire = 0;
        self.unacked = 0;
        self.segments.clear();
        self.arrived = 0;
    }

    /// Forgets bytes that arrived and were not read.
    pub fn drop_unread(&mut self) {
        self.bytes.drain(..self.delivered);
        self.delivered = 0;
    }
}

/// A drained pipe keeps at most this much memory, so that ten thousand idle connections stay small.
const IDLE_CAPACITY_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn data(bytes: u32, arrives_ns: u64) -> Segment {
        Segment { sent_ns: 0, arrives_ns, acked_ns: arrives_ns + 10, bytes, kind: Kind::Data }
    }

    #[test]
    fn bytes_become_readable_packet_by_packet_and_in_order() {
        let mut pipe = Pipe::new(100, 100);
        pipe.accept(b"hello world");
        pipe.send(data(5, 30));
        let second = pipe.send(data(6, 20));
        assert_eq!(second.arrives_ns, 30, "a later packet never overtakes");
        assert!(pipe.due(29).is_none());
        pipe.deliver();
        let mut buffer = [0; 8];
        assert_eq!((pipe.peek(&mut buffer), pipe.read(&mut buffer)), (5, 5));
        assert_eq!(&buffer[..5], b"hello");
        pipe.deliver();
        assert_eq!(pipe.read(&mut buffer), 6);
        assert_eq!(&buffer[..6], b" world");
    }

    #[test]
    fn room_returns_with_the_acknowledgement() {
        let mut pipe = Pipe::new(10, 100);
        pipe.accept(b"0123456789");
        pipe.send(data(10, 30));
        pipe.deliver();
        assert_eq!(pipe.room(39), 0);
        assert_eq!(pipe.room_at(), Some(40));
        assert_eq!(pipe.room(40), 10);
    }

    #[test]
    fn the_window_counts_unread_bytes_and_those_on_the_wire() {
        let mut pipe = Pipe::new(100, 10);
        pipe.accept(b"01234567");
        pipe.send(data(4, 1));
        pipe.send(data(4, 2));
        pipe.deliver();
        assert_eq!(pipe.window(), 2);
    }

    #[test]
    fn a_discarded_packet_leaves_earlier_bytes_readable() {
        let mut pipe = Pipe::new(100, 100);
        pipe.accept(b"keepdropkeep");
        pipe.send(data(4, 1));
        pipe.send(data(4, 1));
        pipe.deliver();
        pipe.discard();
        let mut buffer = [0; 12];
        assert_eq!(pipe.read(&mut buffer), 4);
        assert_eq!((&buffer[..4], pipe.unsent()), (&b"keep"[..], 4));
    }

    #[test]
    fn a_stuck_reset_is_gone() {
        let mut pipe = Pipe::new(100, 100);
        pipe.send(Segment { kind: Kind::Reset, ..data(0, 5) });
        assert!(!pipe.stick(1));
    }
}
