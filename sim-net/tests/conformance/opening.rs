//! Listening and connecting.

use crate::{agree, see};

agree! {
    nobody_listens_is_refused(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let address = listener.address();
        drop(listener);
        see![k.connect(address).await.map(drop)]
    }

    port_zero_is_refused(k) {
        see![k.connect("127.0.0.1:0".parse().expect("a literal")).await.map(drop)]
    }

    the_unspecified_address_means_this_machine(k) {
        let listener = k.listen("0.0.0.0:0").await.expect("free");
        let to = format!("0.0.0.0:{}", listener.address().port()).parse().expect("an address");
        let client = k.connect(to).await;
        see![client.as_ref().map(|c| c.peer().map(|p| p.ip())), client.as_ref().map(|c| c.local().map(|p| p.ip()))]
    }

    any_loopback_address_reaches_a_listener_on_all(k) {
        let listener = k.listen("0.0.0.0:0").await.expect("free");
        let to = format!("127.0.0.77:{}", listener.address().port()).parse().expect("an address");
        see![k.connect(to).await.map(|c| c.peer().map(|p| p.ip()))]
    }

    another_loopback_address_does_not_reach_a_listener_on_one(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let to = format!("127.0.0.2:{}", listener.address().port()).parse().expect("an address");
        see![k.connect(to).await.map(drop)]
    }

    two_listeners_on_one_port(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        see![k.listen(&listener.address().to_string()).await.map(drop)]
    }

    a_listener_on_all_and_one_on_one_address_collide(k) {
        let listener = k.listen("0.0.0.0:0").await.expect("free");
        see![k.listen(&format!("127.0.0.1:{}", listener.address().port())).await.map(drop)]
    }

    two_addresses_may_share_a_port(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        see![k.listen(&format!("127.0.0.2:{}", listener.address().port())).await.map(drop)]
    }

    a_port_is_free_again_after_its_listener(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let address = listener.address().to_string();
        drop(listener);
        see![k.listen(&address).await.map(drop)]
    }

    a_port_is_free_again_while_a_connection_of_it_lives(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let address = listener.address();
        let client = k.connect(address).await.expect("listening");
        k.settle().await;
        let server = k.accept(&listener).await.expect("one came");
        drop(listener);
        let again = k.listen(&address.to_string()).await.map(drop);
        see![again, client.write("x"), server.peer().is_ok()]
    }

    another_machines_address_cannot_be_bound(k) {
        see![k.listen("198.51.100.7:0").await.map(drop), k.datagrams("198.51.100.7:0").await.map(drop)]
    }

    port_zero_takes_a_free_port(k) {
        let (a, b) = (k.listen("127.0.0.1:0").await, k.listen("127.0.0.1:0").await);
        let (a, b) = (a.expect("free").address(), b.expect("free").address());
        see![a.port() != 0, a.port() != b.port()]
    }

    nobody_to_accept_would_block(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        see![k.accept(&listener).await.map(drop)]
    }

    connections_are_accepted_in_order(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(k.connect(listener.address()).await.expect("listening"));
            k.settle().await;
        }
        let mut same = Vec::new();
        for client in &clients {
            let server = k.accept(&listener).await.expect("one waits");
            same.push(server.peer() == client.local());
        }
        see![same, k.accept(&listener).await.map(drop)]
    }

    both_ends_know_each_other(k) {
        let (client, server) = k.pair().await;
        see![client.local() == server.peer(), client.peer() == server.local(), client.peer().map(|p| p.ip())]
    }

    a_connection_waits_in_the_backlog_with_its_bytes(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let client = k.connect(listener.address()).await.expect("listening");
        let wrote = client.write("early");
        k.settle().await;
        let server = k.accept(&listener).await.expect("one waits");
        see![wrote, server.read(10)]
    }

    a_connection_closed_before_it_is_accepted_is_still_accepted(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let client = k.connect(listener.address()).await.expect("listening");
        client.write("bye").expect("room");
        drop(client);
        k.settle().await;
        let server = k.accept(&listener).await.expect("one waits");
        see![server.read(10), server.read(10), server.write("x")]
    }

    a_connection_reset_before_it_is_accepted_is_accepted_and_broken(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let client = k.connect(listener.address()).await.expect("listening");
        client.linger_zero();
        k.settle().await;
        drop(client);
        k.settle().await;
        let server = k.accept(&listener).await;
        see![server.as_ref().map(|s| s.read(10)), server.as_ref().map(|s| s.read(10))]
    }

    a_listener_that_goes_resets_what_nobody_accepted(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let client = k.connect(listener.address()).await.expect("listening");
        k.settle().await;
        drop(listener);
        k.settle().await;
        see![client.read(10), client.read(10), client.write("x")]
    }

    a_backlog_of_one_holds_two(k) {
        let listener = k.listen_with("127.0.0.1:0", 1).await.expect("free");
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(k.connect(listener.address()).await);
            k.settle().await;
        }
        see![all.iter().map(|c| c.as_ref().map(|_| ()).map_err(|e| *e)).collect::<Vec<_>>()]
    }

    a_full_backlog_has_room_again_after_an_accept(k) {
        let listener = k.listen_with("127.0.0.1:0", 0).await.expect("free");
        let first = k.connect(listener.address()).await;
        k.settle().await;
        let accepted = k.accept(&listener).await;
        let second = k.connect(listener.address()).await;
        see![first.map(drop), accepted.map(drop), second.map(drop)]
    }

    the_local_port_can_be_chosen(k) {
        let (free, listener) = (k.listen("127.0.0.1:0").await, k.listen("127.0.0.1:0").await.expect("free"));
        let from = free.expect("free").address();
        let client = k.connect_with(listener.address(), Some(&from.to_string()), None).await.expect("listening");
        see![client.local() == Ok(from)]
    }

    an_ephemeral_port_is_not_the_last_one(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let first = k.connect(listener.address()).await.expect("listening").local();
        let second = k.connect(listener.address()).await.expect("listening").local();
        see![first != second]
    }

    a_connection_to_itself_is_two_ends(k) {
        let listener = k.listen("127.0.0.1:0").await.expect("free");
        let a = k.connect(listener.address()).await.expect("listening");
        let b = k.connect(listener.address()).await.expect("listening");
        k.settle().await;
        let (x, y) = (k.accept(&listener).await.expect("came"), k.accept(&listener).await.expect("came"));
        a.write("a").expect("room");
        b.write("b").expect("room");
        k.settle().await;
        see![x.read(9), y.read(9)]
    }
}
