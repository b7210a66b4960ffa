//! Streams between nodes of a run, as applications use them.

mod run;

use std::io::ErrorKind;
use std::time::Duration;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use run::run;
use sim_net::{TcpListener, TcpStream, net};
use sim_runtime::executor::{sleep, timeout};
use sim_runtime::sim::Sim;

async fn echo(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("the listener lives as long as its node");
        drop(Sim::current().spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                if stream.write_all(&buffer[..n]).await.is_err() {
                    break;
                }
            }
        }));
    }
}

fn serve(sim: Sim) {
    sim.node("server").boot(|| async { echo(TcpListener::bind("0.0.0.0:80").await.expect("free")).await });
}

async fn exchange(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(text).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

#[test]
fn an_exchange_by_name_takes_its_latency() {
    run(1, |sim| async move {
        serve(sim);
        let client = sim.node("client");
        client
            .run(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("server listens");
                assert_eq!(exchange(&mut stream, b"hello").await.expect("server echoes"), b"hello");
                assert_eq!(stream.peer_addr().expect("open").to_string(), "10.0.1.1:80");
                let passed = Duration::from_nanos(sim.now());
                assert!((4..42).contains(&passed.as_millis()), "{passed:?}");
            })
            .await;
    });
}

#[test]
fn nobody_listening_is_refused() {
    run(1, |sim| async move {
        sim.node("server");
        let error = TcpStream::connect("server:81").await.expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn an_unknown_name_says_which_nodes_there_are() {
    run(1, |sim| async move {
        sim.node("server");
        let error = TcpStream::connect("sever:80").await.expect_err("a typo");
        assert_eq!(
            error.to_string(),
            "cannot resolve `sever`: no node and no record has this name; nodes are: server"
        );
    });
}

#[test]
fn a_connect_into_a_cut_hangs_and_then_times_out() {
    run(1, |sim| async move {
        serve(sim);
        let client = sim.node("client");
        let cut = net().cut("client", "server");
        client
            .run(async move {
                let connect = TcpStream::connect("server:80");
                assert!(timeout(Duration::from_secs(100), connect).await.is_err());
                let error = TcpStream::connect("server:80").await.expect_err("cut");
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                assert_eq!(sim.now() / 1_000_000_000, 227);
            })
            .await;
        drop(cut);
    });
}

#[test]
fn a_cut_delays_an_exchange_until_it_heals() {
    run(1, |sim| async move {
        serve(sim);
        let client = sim.node("client");
        client
            .run(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("listens");
                net().isolate("server").lasting(Duration::from_secs(20));
                assert_eq!(exchange(&mut stream, b"late").await.expect("healed"), b"late");
                assert!(sim.now() > 20_000_000_000, "{}", sim.now());
                assert!(sim.now() < 60_000_000_000, "{}", sim.now());
            })
            .await;
    });
}

#[test]
fn held_packets_arrive_when_released() {
    run(1, |sim| async move {
        serve(sim);
        let client = sim.node("client");
        client
            .run(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("listens");
                let hold = net().hold("server", "client");
                let waiting = timeout(Duration::from_secs(5), exchange(&mut stream, b"held"));
                assert!(waiting.await.is_err());
                hold.end();
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).await.expect("released");
                assert_eq!(&answer, b"held");
            })
            .await;
    });
}

#[test]
fn a_crashed_server_is_silent_and_a_restarted_one_resets() {
    run(1, |sim| async move {
        serve(sim);
        let (client, server) = (sim.node("client"), sim.node("server"));
        client
            .run(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("listens");
                server.crash();
                let waiting = timeout(Duration::from_secs(60), exchange(&mut stream, b"anyone?"));
                assert!(waiting.await.is_err(), "a dead machine says nothing");
                server.restart();
                let mut byte = [0];
                let error = stream.read(&mut byte).await.expect_err("it forgot us");
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                let mut again = TcpStream::connect("server:80").await.expect("it listens again");
                assert_eq!(exchange(&mut again, b"hi").await.expect("echo"), b"hi");
            })
            .await;
    });
}

#[test]
fn a_process_that_dies_resets_its_connections() {
    run(1, |sim| async move {
        serve(sim);
        let (client, server) = (sim.node("client"), sim.node("server"));
        net().when_down("server", sim_net::WhenDown::Refuses);
        client
            .run(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("listens");
                exchange(&mut stream, b"hello").await.expect("echo");
                server.crash();
                sleep(Duration::from_secs(1)).await;
                let mut byte = [0];
                assert_eq!(stream.read(&mut byte).await.expect("its kernel said goodbye"), 0);
                let error = TcpStream::connect("server:80").await.expect_err("nobody listens");
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            })
            .await;
    });
}

#[test]
fn a_slow_reader_holds_up_its_writer() {
    run(1, |sim| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free");
        let address = listener.local_addr().expect("bound");
        let writer = sim.spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("listens");
            stream.write_all(&vec![7; 1_000_000]).await.expect("the reader reads it all");
            sim.now()
        });
        let (mut stream, _) = listener.accept().await.expect("one comes");
        sleep(Duration::from_secs(60)).await;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.expect("it ends");
        assert_eq!(all, vec![7; 1_000_000]);
        assert!(writer.await.expect("it ran") > 60_000_000_000);
    });
}

#[test]
fn nothing_is_left_when_both_ends_are_dropped() {
    run(1, |sim| async move {
        serve(sim);
        for _ in 0..10 {
            let mut stream = TcpStream::connect("server:80").await.expect("listens");
            exchange(&mut stream, b"x").await.expect("echo");
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(net().connections(), 0);
    });
}

#[test]
fn equal_seeds_give_equal_runs_and_payload_bytes_count() {
    let once = |seed, text: &'static [u8]| {
        run(seed, move |sim| async move {
            serve(sim);
            let client = sim.node("client");
            client
                .run(async move {
                    let mut stream = TcpStream::connect("server:80").await.expect("listens");
                    exchange(&mut stream, text).await.expect("echo");
                })
                .await;
        })
    };
    assert_eq!(once(7, b"same"), once(7, b"same"));
    assert_ne!(once(7, b"same"), once(8, b"same"));
    assert_ne!(once(7, b"same"), once(7, b"sane"));
}

#[test]
fn a_stalled_run_shows_the_socket_table() {
    let outcome = run::outcome(1, |sim| async move {
        serve(sim);
        let client = sim.node("client");
        client
            .run(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("listens");
                let mut byte = [0];
                let _ = stream.read(&mut byte).await;
            })
            .await;
    });
    let text = format!("{outcome:?}");
    assert!(text.contains("ESTABLISHED") && text.contains("LISTEN"), "{text}");
}
