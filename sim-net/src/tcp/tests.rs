//! Behaviours of one connection, each a sentence.

use std::io::ErrorKind::{
    self, BrokenPipe, ConnectionRefused, ConnectionReset, HostUnreachable, NotConnected, TimedOut, WouldBlock,
};

use super::Side::{Client, Server};
use super::limits::{CONNECT_LIMIT_NS, Keepalive, RETRANSMIT_LIMIT_NS};
use super::script::{Script, TRIP_NS};
use super::{Linger, Readiness, Side, Welcome};

const SECOND: u64 = 1_000_000_000;

#[track_caller]
fn reads(s: &mut Script, side: Side, expected: &[Result<&[u8], ErrorKind>]) {
    for (i, want) in expected.iter().enumerate() {
        assert_eq!(s.read(side).as_deref(), want.as_ref().map(|b| *b), "read {i} of {side:?}");
    }
}

#[test]
fn a_handshake_takes_a_round_trip_for_the_client() {
    let mut s = Script::new();
    s.c.open(&mut s.w);
    s.until(2 * TRIP_NS - 1);
    assert_eq!(s.c.connected(Client), Err(WouldBlock));
    s.until(2 * TRIP_NS);
    assert_eq!(s.c.connected(Client), Ok(()));
    assert!(!s.w.accepted);
    s.until(3 * TRIP_NS);
    assert!(s.w.accepted);
}

#[test]
fn bytes_travel_both_ways_and_then_nothing_is_pending() {
    let mut s = Script::open();
    assert_eq!(s.write(Client, b"ping"), Ok(4));
    assert_eq!(s.write(Server, b"pong"), Ok(4));
    assert_eq!(s.settle(), TRIP_NS);
    reads(&mut s, Server, &[Ok(b"ping"), Err(WouldBlock)]);
    reads(&mut s, Client, &[Ok(b"pong"), Err(WouldBlock)]);
    assert_eq!(s.pending(), 0);
}

#[test]
fn half_close_ends_one_direction_only() {
    let mut s = Script::open();
    s.write(Client, b"last").unwrap();
    s.c.shutdown_write(&mut s.w, Client).unwrap();
    s.settle();
    reads(&mut s, Server, &[Ok(b"last"), Ok(b""), Ok(b"")]);
    assert_eq!(s.write(Client, b"x"), Err(BrokenPipe));
    s.write(Server, b"answer").unwrap();
    s.settle();
    reads(&mut s, Client, &[Ok(b"answer"), Err(WouldBlock)]);
}

#[test]
fn both_closed_is_not_connected() {
    let mut s = Script::open();
    s.c.shutdown_write(&mut s.w, Client).unwrap();
    s.settle();
    s.c.shutdown_write(&mut s.w, Server).unwrap();
    s.settle();
    assert_eq!(s.c.shutdown_write(&mut s.w, Client), Err(NotConnected));
}

#[test]
fn closing_with_unread_bytes_resets_the_peer_once() {
    let mut s = Script::open();
    s.write(Client, b"unread").unwrap();
    s.write(Server, b"data").unwrap();
    s.settle();
    s.close(Server);
    s.settle();
    reads(&mut s, Client, &[Ok(b"data"), Err(ConnectionReset), Ok(b"")]);
    assert_eq!(s.write(Client, b"x"), Err(BrokenPipe));
}

#[test]
fn a_reset_meets_the_writer_first_if_it_calls_first() {
    let mut s = Script::open();
    s.write(Client, b"unread").unwrap();
    s.settle();
    s.close(Server);
    s.settle();
    assert_eq!(s.write(Client, b"x"), Err(ConnectionReset));
    assert_eq!(s.write(Client, b"x"), Err(BrokenPipe));
    reads(&mut s, Client, &[Ok(b"")]);
}

#[test]
fn writing_to_a_closed_peer_works_once() {
    let mut s = Script::open();
    s.close(Server);
    s.settle();
    reads(&mut s, Client, &[Ok(b"")]);
    assert_eq!(s.write(Client, b"x"), Ok(1));
    s.settle();
    assert_eq!(s.write(Client, b"x"), Err(BrokenPipe));
    reads(&mut s, Client, &[Ok(b"")]);
}

#[test]
fn data_after_both_halves_were_shut_resets_both_ends() {
    let mut s = Script::open();
    s.c.shutdown_read(&mut s.w, Client).unwrap();
    s.c.shutdown_write(&mut s.w, Client).unwrap();
    s.settle();
    reads(&mut s, Server, &[Ok(b"")]);
    assert_eq!(s.write(Server, b"x"), Ok(1));
    s.settle();
    reads(&mut s, Client, &[Err(ConnectionReset), Ok(b"")]);
    assert_eq!(s.write(Server, b"x"), Err(BrokenPipe));
}

#[test]
fn linger_zero_drops_what_was_not_sent() {
    let mut s = Script::open();
    s.c.end_mut(Client).linger = Linger::Reset;
    s.close(Client);
    s.settle();
    reads(&mut s, Server, &[Err(ConnectionReset), Ok(b"")]);
}

#[test]
fn nobody_listening_is_refused_after_a_round_trip() {
    let mut s = Script::new();
    s.w.welcome = Welcome::Refuse;
    s.c.open(&mut s.w);
    assert_eq!(s.settle(), 2 * TRIP_NS);
    assert_eq!(s.c.connected(Client), Err(ConnectionRefused));
}

#[test]
fn a_connect_into_a_cut_hangs_for_127_seconds() {
    let mut s = Script::new();
    s.w.blocked = [true, true];
    s.c.open(&mut s.w);
    assert_eq!(s.settle(), CONNECT_LIMIT_NS);
    assert_eq!(s.c.connected(Client), Err(TimedOut));
}

#[test]
fn a_connect_whose_answers_are_cut_hangs_too() {
    let mut s = Script::new();
    s.w.blocked = [false, true];
    s.c.open(&mut s.w);
    s.settle();
    assert_eq!(s.c.connected(Client), Err(TimedOut));
    assert_eq!(s.w.now, CONNECT_LIMIT_NS);
    assert!(!s.w.accepted);
}

#[test]
fn a_connect_over_a_missing_route_fails_at_once() {
    let mut s = Script::new();
    s.w.unreachable = true;
    s.c.open(&mut s.w);
    assert_eq!(s.c.connected(Client), Err(HostUnreachable));
}

#[test]
fn a_connect_succeeds_at_the_retry_after_the_cut_healed() {
    let mut s = Script::new();
    s.w.blocked = [true, true];
    s.c.open(&mut s.w);
    s.until(2 * SECOND);
    s.w.blocked[1] = false;
    s.heal(Client);
    s.until(3 * SECOND + 2 * TRIP_NS);
    assert_eq!(s.c.connected(Client), Ok(()));
}

#[test]
fn a_full_backlog_makes_the_client_try_again() {
    let mut s = Script::new();
    s.w.welcome = Welcome::Full;
    s.c.open(&mut s.w);
    s.until(2 * SECOND);
    assert_eq!(s.c.connected(Client), Err(WouldBlock));
    s.w.welcome = Welcome::Accept;
    s.until(3 * SECOND + 2 * TRIP_NS);
    assert_eq!(s.c.connected(Client), Ok(()));
}

#[test]
fn a_backlog_that_stays_full_is_a_timeout() {
    let mut s = Script::new();
    s.w.welcome = Welcome::Full;
    s.c.open(&mut s.w);
    s.until(CONNECT_LIMIT_NS);
    assert_eq!(s.c.connected(Client), Err(TimedOut));
}

#[test]
fn a_lost_packet_is_a_delay() {
    let mut s = Script::open();
    s.w.losses = vec![false, true, true];
    s.write(Client, b"x").unwrap();
    assert_eq!(s.settle(), 600_000_000 + TRIP_NS);
    reads(&mut s, Server, &[Ok(b"x")]);
}

#[test]
fn a_slow_packet_holds_up_those_behind_it() {
    let mut s = Script::open();
    s.w.trips = vec![10, 5_000];
    s.write(Client, b"a").unwrap();
    s.write(Client, b"b").unwrap();
    s.pass(4_999);
    reads(&mut s, Server, &[Err(WouldBlock)]);
    s.pass(1);
    reads(&mut s, Server, &[Ok(b"ab")]);
}

#[test]
fn a_cut_catches_what_is_in_flight_and_the_heal_delivers_it() {
    let mut s = Script::open();
    s.write(Client, b"x").unwrap();
    s.pass(TRIP_NS / 2);
    s.block(Client);
    s.pass(10 * SECOND);
    reads(&mut s, Server, &[Err(WouldBlock)]);
    s.heal(Client);
    s.pass(20 * SECOND);
    reads(&mut s, Server, &[Ok(b"x")]);
}

#[test]
fn data_into_a_long_cut_times_out_on_the_sender_only() {
    let mut s = Script::open();
    s.block(Client);
    s.block(Server);
    s.write(Client, b"x").unwrap();
    assert_eq!(s.settle(), RETRANSMIT_LIMIT_NS);
    reads(&mut s, Client, &[Err(TimedOut), Ok(b"")]);
    reads(&mut s, Server, &[Err(WouldBlock)]);
    s.heal(Client);
    s.heal(Server);
    s.write(Server, b"anyone?").unwrap();
    s.settle();
    reads(&mut s, Server, &[Err(ConnectionReset), Ok(b"")]);
}

#[test]
fn lost_acknowledgements_end_a_connection_whose_data_arrived() {
    let mut s = Script::open();
    s.block(Server);
    s.write(Client, b"done").unwrap();
    s.settle();
    reads(&mut s, Server, &[Ok(b"done")]);
    reads(&mut s, Client, &[Err(TimedOut)]);
}

#[test]
fn the_user_timeout_shortens_the_wait() {
    let mut s = Script::open();
    s.c.set_user_timeout(&mut s.w, Client, Some(5 * SECOND));
    s.block(Client);
    s.write(Client, b"x").unwrap();
    assert_eq!(s.settle(), 5 * SECOND);
    reads(&mut s, Client, &[Err(TimedOut)]);
}

#[test]
fn keepalive_notices_a_silent_death_and_nothing_else_does() {
    let mut s = Script::open();
    s.crash(Server);
    assert_eq!((s.pending(), s.read(Client)), (0, Err(WouldBlock)));
    let keepalive = Keepalive { idle_ns: 60 * SECOND, interval_ns: 10 * SECOND, probes: 3 };
    s.c.set_keepalive(&mut s.w, Client, Some(keepalive));
    s.settle();
    assert!(s.w.now <= 91 * SECOND, "{}", s.w.now);
    reads(&mut s, Client, &[Err(TimedOut)]);
}

#[test]
fn keepalive_on_a_healthy_connection_costs_no_timer() {
    let mut s = Script::open();
    s.c.set_keepalive(&mut s.w, Client, Some(super::limits::KEEPALIVE));
    assert_eq!(s.pending(), 0);
}

#[test]
fn a_restarted_machine_answers_old_connections_with_a_reset() {
    let mut s = Script::open();
    s.crash(Server);
    s.boot(Server);
    s.write(Client, b"hello?").unwrap();
    s.settle();
    reads(&mut s, Client, &[Err(ConnectionReset)]);
}

#[test]
fn data_sent_to_a_dead_machine_meets_a_reset_once_it_is_back() {
    let mut s = Script::open();
    s.crash(Server);
    s.write(Client, b"hello?").unwrap();
    s.pass(30 * SECOND);
    reads(&mut s, Client, &[Err(WouldBlock)]);
    s.boot(Server);
    s.pass(60 * SECOND);
    reads(&mut s, Client, &[Err(ConnectionReset)]);
}

#[test]
fn a_writer_stops_when_the_reader_does_and_goes_on_when_it_does() {
    let mut s = Script::open();
    let mut sent = 0;
    for _ in 0..50 {
        sent += s.write(Client, &[7; 10_000]).unwrap_or(0);
        s.pass(2 * TRIP_NS);
    }
    assert_eq!(sent, 65_536 + 87_380);
    assert!(!s.c.readiness(s.w.now, Client).write);
    let mut got = 0;
    while let Ok(bytes) = s.read(Server) {
        got += bytes.len();
        s.pass(2 * TRIP_NS);
    }
    assert_eq!(got, sent);
    assert!(s.w.ready[0].write);
    assert_eq!(s.c.readiness(s.w.now, Client), Readiness::WRITE);
}

#[test]
fn a_peek_leaves_the_bytes() {
    let mut s = Script::open();
    s.write(Client, b"abc").unwrap();
    s.settle();
    let mut two = [0; 2];
    assert_eq!(s.c.peek(Server, &mut two), Ok(2));
    reads(&mut s, Server, &[Ok(b"abc")]);
}

#[test]
fn a_listener_that_left_during_the_handshake_resets() {
    let mut s = Script::new();
    s.w.listening = false;
    s.c.open(&mut s.w);
    s.settle();
    assert_eq!(s.c.connected(Client), Err(ConnectionReset));
}
