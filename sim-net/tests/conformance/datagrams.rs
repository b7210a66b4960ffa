//! UDP.

use crate::{agree, see};

agree! {
    a_datagram_says_where_it_comes_from(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        let sent = a.send_to("hello", b.address());
        k.settle().await;
        let got = b.receive(9);
        see![sent, got.clone().map(|(text, _)| text), got.map(|(_, from)| from == a.address())]
    }

    nothing_received_would_block(k) {
        see![k.datagrams("127.0.0.1:0").await.expect("free").receive(9)]
    }

    a_short_buffer_loses_the_rest(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        a.send_to("hello", b.address()).expect("sent");
        a.send_to("world", b.address()).expect("sent");
        k.settle().await;
        let text = |got: Result<(String, std::net::SocketAddr), std::io::ErrorKind>| got.map(|(text, _)| text);
        see![text(b.receive(2)), text(b.receive(9)), text(b.receive(9))]
    }

    an_empty_datagram_is_one(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        let sent = a.send_to("", b.address());
        k.settle().await;
        see![sent, b.receive(9).map(|(text, _)| text), b.receive(9).map(|(text, _)| text)]
    }

    too_long_is_an_error(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        let (fits, not) = ("x".repeat(65_507), "x".repeat(65_508));
        see![a.send_to(&fits, b.address()), a.send_to(&not, b.address()).is_err()]
    }

    sending_needs_a_destination(k) {
        see![k.datagrams("127.0.0.1:0").await.expect("free").send("x").is_err()]
    }

    a_connected_socket_hears_its_peer_only(k) {
        let [a, b, c] = [
            k.datagrams("127.0.0.1:0").await.expect("free"),
            k.datagrams("127.0.0.1:0").await.expect("free"),
            k.datagrams("127.0.0.1:0").await.expect("free"),
        ];
        b.connect(a.address()).expect("always");
        c.send_to("stranger", b.address()).expect("sent");
        a.send_to("friend", b.address()).expect("sent");
        k.settle().await;
        see![b.receive(9).map(|(text, _)| text), b.receive(9).map(|(text, _)| text), b.peer() == Ok(a.address())]
    }

    a_connected_socket_learns_that_nobody_is_there(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        a.connect(b.address()).expect("always");
        drop(b);
        let sent = a.send("x");
        k.settle().await;
        see![sent, a.receive(9), a.receive(9), a.send("x")]
    }

    the_refusal_meets_a_sender_too(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        a.connect(b.address()).expect("always");
        drop(b);
        a.send("x").expect("sent");
        k.settle().await;
        see![a.send("x"), a.receive(9)]
    }

    an_unconnected_socket_never_learns_it(k) {
        let (a, b) = (k.datagrams("127.0.0.1:0").await.expect("free"), k.datagrams("127.0.0.1:0").await.expect("free"));
        let to = b.address();
        drop(b);
        let sent = a.send_to("x", to);
        k.settle().await;
        see![sent, a.receive(9), a.send_to("x", to)]
    }

    an_unconnected_socket_has_no_peer(k) {
        see![k.datagrams("127.0.0.1:0").await.expect("free").peer()]
    }

    two_sockets_cannot_share_a_port(k) {
        let a = k.datagrams("127.0.0.1:0").await.expect("free");
        see![k.datagrams(&a.address().to_string()).await.map(drop)]
    }

    tcp_and_udp_have_ports_of_their_own(k) {
        let a = k.listen("127.0.0.1:0").await.expect("free");
        see![k.datagrams(&a.address().to_string()).await.map(drop)]
    }

    a_socket_can_send_to_itself(k) {
        let a = k.datagrams("127.0.0.1:0").await.expect("free");
        a.send_to("me", a.address()).expect("sent");
        k.settle().await;
        see![a.receive(9).map(|(text, _)| text)]
    }
}
