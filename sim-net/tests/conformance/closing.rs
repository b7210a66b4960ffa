//! The many ways a connection ends.

use std::net::Shutdown;

use crate::{agree, see};

agree! {
    a_closed_peer_is_the_end(k) {
        let (a, b) = k.pair().await;
        drop(b);
        k.settle().await;
        see![a.read(9), a.read(9)]
    }

    bytes_before_a_close_arrive_first(k) {
        let (a, b) = k.pair().await;
        b.write("last words").expect("room");
        drop(b);
        k.settle().await;
        see![a.read(4), a.read(40), a.read(4)]
    }

    the_first_write_to_a_closed_peer_works(k) {
        let (a, b) = k.pair().await;
        drop(b);
        k.settle().await;
        let first = a.write("x");
        k.settle().await;
        see![first, a.write("x"), a.write("x"), a.read(9)]
    }

    reading_after_a_write_to_a_closed_peer_is_the_end(k) {
        let (a, b) = k.pair().await;
        drop(b);
        k.settle().await;
        let first = a.write("x");
        k.settle().await;
        see![first, a.read(9), a.write("x")]
    }

    closing_with_unread_bytes_resets(k) {
        let (a, b) = k.pair().await;
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.read(9), a.read(9), a.write("x")]
    }

    a_reset_meets_a_writer_once(k) {
        let (a, b) = k.pair().await;
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.write("x"), a.write("x"), a.read(9)]
    }

    bytes_before_a_reset_stay_readable(k) {
        let (a, b) = k.pair().await;
        b.write("data").expect("room");
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.read(2), a.read(9), a.read(9), a.read(9)]
    }

    linger_zero_resets(k) {
        let (a, b) = k.pair().await;
        b.linger_zero();
        drop(b);
        k.settle().await;
        see![a.read(9), a.read(9), a.write("x")]
    }

    linger_zero_after_half_close_resets(k) {
        let (a, b) = k.pair().await;
        b.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        b.linger_zero();
        drop(b);
        k.settle().await;
        see![a.read(9), a.write("x"), a.write("x")]
    }

    peeking_takes_a_reset_too(k) {
        let (a, b) = k.pair().await;
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.peek(9), a.peek(9), a.read(9)]
    }

    the_pending_error_can_be_taken(k) {
        let (a, b) = k.pair().await;
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.take_error(), a.take_error(), a.read(9), a.write("x")]
    }

    half_close_leaves_the_other_direction(k) {
        let (a, b) = k.pair().await;
        a.write("ask").expect("room");
        a.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        let asked = (b.read(9), b.read(9));
        b.write("answer").expect("room");
        k.settle().await;
        see![asked, a.read(9), a.read(9), a.write("x")]
    }

    half_close_then_the_other_half(k) {
        let (a, b) = k.pair().await;
        a.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        b.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        see![a.read(9), b.read(9), a.write("x"), b.write("x")]
    }

    both_close_at_once(k) {
        let (a, b) = k.pair().await;
        a.shutdown(Shutdown::Write).expect("open");
        b.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        see![a.read(9), b.read(9), a.shutdown(Shutdown::Write), b.shutdown(Shutdown::Write)]
    }

    shutting_down_twice(k) {
        let (a, _b) = k.pair().await;
        see![a.shutdown(Shutdown::Write), a.shutdown(Shutdown::Write), a.shutdown(Shutdown::Both)]
    }

    shutting_down_reading_keeps_what_comes(k) {
        let (a, b) = k.pair().await;
        let down = a.shutdown(Shutdown::Read);
        let empty = a.read(9);
        b.write("late").expect("room");
        k.settle().await;
        see![down, empty, a.read(9), a.read(9), b.write("more")]
    }

    shutting_down_reading_does_not_end_writing(k) {
        let (a, b) = k.pair().await;
        a.shutdown(Shutdown::Read).expect("open");
        let wrote = a.write("x");
        k.settle().await;
        see![wrote, b.read(9)]
    }

    bytes_for_an_end_shut_both_ways_reset_both(k) {
        let (a, b) = k.pair().await;
        a.shutdown(Shutdown::Both).expect("open");
        k.settle().await;
        let (end, wrote) = (b.read(9), b.write("x"));
        k.settle().await;
        see![end, wrote, b.read(9), b.write("x"), a.read(9), a.read(9), a.write("x")]
    }

    shutting_down_both_with_unread_bytes_keeps_them(k) {
        let (a, b) = k.pair().await;
        b.write("there").expect("room");
        k.settle().await;
        let down = a.shutdown(Shutdown::Both);
        k.settle().await;
        see![down, a.read(9), a.read(9), b.read(9)]
    }

    after_a_reset_nothing_is_connected(k) {
        let (a, b) = k.pair().await;
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.shutdown(Shutdown::Write), a.peer().map(drop), a.local().map(drop), a.read(9)]
    }

    after_both_ends_finished_nothing_is_connected(k) {
        let (a, b) = k.pair().await;
        drop(b);
        k.settle().await;
        let down = a.shutdown(Shutdown::Write);
        k.settle().await;
        see![down, a.shutdown(Shutdown::Write), a.peer().map(drop), a.read(9), a.write("x")]
    }

    a_peer_that_finished_is_still_connected(k) {
        let (a, b) = k.pair().await;
        b.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        see![a.read(9), a.peer().is_ok(), a.write("x"), a.shutdown(Shutdown::Write)]
    }

    an_end_read_to_its_end_closes_quietly(k) {
        let (a, b) = k.pair().await;
        a.write("all").expect("room");
        k.settle().await;
        b.read(9).expect("arrived");
        drop(b);
        k.settle().await;
        see![a.read(9), a.read(9)]
    }

    bytes_on_their_way_to_a_closed_end_reset(k) {
        let (a, b) = k.pair().await;
        drop(b);
        let wrote = a.write("x");
        k.settle().await;
        see![wrote, a.write("x").is_err(), a.write("x")]
    }

    the_end_comes_again_and_again(k) {
        let (a, b) = k.pair().await;
        b.shutdown(Shutdown::Write).expect("open");
        k.settle().await;
        see![a.read(9), a.read(9), a.peek(9), a.read(0)]
    }
}
