//! Reading, writing, peeking, and running out of room.

use std::net::Shutdown;

use crate::{agree, see};

agree! {
    nothing_there_would_block(k) {
        let (a, b) = k.pair().await;
        see![a.read(9), b.read(9), a.peek(9)]
    }

    a_small_buffer_takes_a_part(k) {
        let (a, b) = k.pair().await;
        a.write("hello world").expect("room");
        k.settle().await;
        see![b.read(5), b.read(1), b.read(50), b.read(5)]
    }

    two_writes_are_one_stream(k) {
        let (a, b) = k.pair().await;
        a.write("hello ").expect("room");
        a.write("world").expect("room");
        k.settle().await;
        see![b.read(50)]
    }

    peeking_leaves_the_bytes(k) {
        let (a, b) = k.pair().await;
        a.write("abc").expect("room");
        k.settle().await;
        see![b.peek(2), b.peek(9), b.read(9), b.peek(9)]
    }

    peeking_sees_the_end(k) {
        let (a, b) = k.pair().await;
        drop(a);
        k.settle().await;
        see![b.peek(9), b.read(9)]
    }

    writing_nothing_does_nothing(k) {
        let (a, b) = k.pair().await;
        let wrote = a.write("");
        k.settle().await;
        see![wrote, b.read(9)]
    }

    reading_into_nothing_says_whether_it_would_block(k) {
        let (a, b) = k.pair().await;
        let before = b.read(0);
        a.write("x").expect("room");
        k.settle().await;
        see![before, b.read(0), b.read(9)]
    }

    writing_nothing_to_a_closed_peer(k) {
        let (a, b) = k.pair().await;
        drop(b);
        k.settle().await;
        see![a.write(""), a.read(0)]
    }

    writing_nothing_after_a_reset(k) {
        let (a, b) = k.pair().await;
        a.write("unread").expect("room");
        k.settle().await;
        drop(b);
        k.settle().await;
        see![a.read(0), a.write("")]
    }

    writing_nothing_after_the_end_of_writing(k) {
        let (a, _b) = k.pair().await;
        a.shutdown(Shutdown::Write).expect("open");
        see![a.write(""), a.write("x")]
    }

    a_reader_that_does_not_read_stops_its_writer(k) {
        let (a, _b) = k.pair().await;
        let mut total = 0;
        let mut last = Ok(0);
        for _ in 0..4 {
            let (taken, then) = a.fill();
            total += taken;
            last = then;
            k.settle().await;
        }
        see![total > 65_536, last]
    }

    a_reader_that_reads_lets_its_writer_go_on(k) {
        let (a, b) = k.pair().await;
        let mut sent = 0;
        for _ in 0..4 {
            sent += a.fill().0;
            k.settle().await;
        }
        let stopped = a.write("x");
        let mut got = 0;
        for _ in 0..2_000 {
            match b.read(65_536) {
                Ok(bytes) => got += bytes.len(),
                Err(_) if got == sent => break,
                Err(_) => k.settle().await,
            }
        }
        k.settle().await;
        see![stopped, got == sent, a.write("x")]
    }

    what_a_full_pipe_holds_arrives_after_a_close(k) {
        let (a, b) = k.pair().await;
        let mut sent = 0;
        for _ in 0..3 {
            sent += a.fill().0;
            k.settle().await;
        }
        drop(a);
        let (mut got, mut end) = (0, Ok(String::new()));
        for _ in 0..2_000 {
            match b.read(65_536) {
                Ok(bytes) if bytes.is_empty() => { end = Ok(bytes); break; }
                Ok(bytes) => got += bytes.len(),
                Err(_) if got == sent && end.is_err() => break,
                Err(e) => { end = Err(e); k.settle().await }
            }
        }
        see![got == sent, end]
    }

    both_directions_at_once(k) {
        let (a, b) = k.pair().await;
        a.write("to b").expect("room");
        b.write("to a").expect("room");
        k.settle().await;
        see![a.read(9), b.read(9)]
    }

    a_small_receive_buffer_stops_the_writer_sooner(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let client = k.connect_with(listener.address(), None, Some(4_096)).await.expect("listening");
        k.settle().await;
        let server = k.accept(&listener).await.expect("one came");
        for _ in 0..3 {
            let _ = server.fill();
            k.settle().await;
        }
        see![server.write("x"), client.read(3)]
    }
}
