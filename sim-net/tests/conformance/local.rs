//! Unix stream sockets.

use std::net::Shutdown;

use crate::{agree, see};

agree! {
    a_local_pair_exchanges_bytes_at_once(k) {
        let (a, b) = k.local_pair();
        see![a.write("ping"), b.read(9), b.write("pong"), a.read(9), a.read(9)]
    }

    a_closed_local_peer_is_the_end_and_takes_nothing(k) {
        let (a, b) = k.local_pair();
        b.write("last").expect("room");
        drop(b);
        see![a.read(9), a.read(9), a.write("x")]
    }

    a_local_peer_that_did_not_read_resets(k) {
        let (a, b) = k.local_pair();
        a.write("unread").expect("room");
        drop(b);
        see![a.read(9), a.read(9), a.write("x")]
    }

    local_half_close(k) {
        let (a, b) = k.local_pair();
        let down = a.shutdown(Shutdown::Write);
        see![down, b.read(9), b.write("x"), a.read(9), a.write("x")]
    }

    a_path_nobody_listened_at(k) {
        see![k.connect_local("nobody.sock").await.map(drop)]
    }

    a_path_nobody_listens_at_any_more(k) {
        let listener = k.listen_local("gone.sock").await;
        drop(listener.expect("free"));
        see![k.connect_local("gone.sock").await.map(drop)]
    }

    two_listeners_at_one_path(k) {
        let _first = k.listen_local("one.sock").await.expect("free");
        see![k.listen_local("one.sock").await.map(drop)]
    }

    a_local_connection_waits_for_its_accept(k) {
        let listener = k.listen_local("wait.sock").await.expect("free");
        let before = k.accept_local(&listener).await.map(drop);
        let client = k.connect_local("wait.sock").await.expect("listening");
        client.write("early").expect("room");
        let server = k.accept_local(&listener).await.expect("one came");
        see![before, server.read(9), k.accept_local(&listener).await.map(drop)]
    }
}
