//! Datagrams between nodes of a run.

mod run;

use std::io::ErrorKind;
use std::time::Duration;

use run::run;
use sim_net::{UdpSocket, net};
use sim_runtime::executor::{sleep, timeout};
use sim_runtime::tape::Ratio;

/// Sends the numbers below `count` from a to b under a fault; what b got.
fn numbers(seed: u64, count: u8, fault: fn() -> Option<sim_net::Guard>) -> Vec<u8> {
    let (send, receive) = std::sync::mpsc::channel();
    run(seed, move |sim| async move {
        let (a, b) = (sim.node("a"), sim.node("b"));
        let receiver = b.spawn(async move {
            let socket = UdpSocket::bind("0.0.0.0:9").await.expect("free");
            let mut buffer = [0; 8];
            while let Ok(Ok((1, _))) = timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await {
                send.send(buffer[0]).expect("the test listens");
            }
        });
        a.run(async move {
            let fault = fault();
            let socket = UdpSocket::bind("0.0.0.0:0").await.expect("free");
            sleep(Duration::from_millis(1)).await;
            for n in 0..count {
                socket.send_to(&[n], "b:9").await.expect("sent");
            }
            sleep(Duration::from_secs(1)).await;
            drop(fault);
        })
        .await;
        receiver.await.expect("it ran");
    });
    receive.try_iter().collect()
}

fn sorted(mut list: Vec<u8>) -> Vec<u8> {
    list.sort_unstable();
    list
}

#[test]
fn without_faults_every_datagram_arrives_once_in_the_order_of_its_latency() {
    let got = numbers(1, 50, || None);
    assert_eq!(sorted(got.clone()), (0..50).collect::<Vec<_>>());
    assert_ne!(got, sorted(got.clone()), "latencies of 1 to 10 ms reorder what is sent at once");
}

#[test]
fn some_are_lost() {
    let got = numbers(2, 100, || Some(net().lose("a", "b", Ratio::new(1, 4))));
    assert!((50..95).contains(&got.len()), "{}", got.len());
}

#[test]
fn some_come_twice() {
    let got = numbers(3, 100, || Some(net().duplicate("a", "b", Ratio::new(1, 4))));
    assert!((105..150).contains(&got.len()), "{}", got.len());
}

#[test]
fn a_cut_loses_them_and_a_hold_keeps_them() {
    assert_eq!(numbers(4, 10, || Some(net().cut("a", "b"))), Vec::<u8>::new());
    assert_eq!(sorted(numbers(4, 10, || Some(net().hold("a", "b")))), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_connected_socket_learns_that_nobody_is_there() {
    run(5, |_| async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("free");
        socket.connect("127.0.0.1:7").await.expect("no handshake");
        socket.send(b"anyone?").await.expect("sent");
        let mut buffer = [0; 8];
        let error = socket.recv(&mut buffer).await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}
