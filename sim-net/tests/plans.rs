//! Faults a plan draws, over a whole network of nodes.

mod run;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use run::{ended, run};
use sim_net::request::Match;
use sim_net::{TcpListener, TcpStream, net};
use sim_runtime::executor::{sleep, timeout};
use sim_runtime::fault::Plan;
use sim_runtime::sim::{Outcome, Sim};
use sim_runtime::tape::Ratio;

/// What the n-th byte of a stream is.
fn byte(n: usize) -> u8 {
    (n.wrapping_mul(131) >> 2) as u8
}

async fn send(count: usize) -> io::Result<usize> {
    let mut stream = TcpStream::connect("sink:80").await?;
    let bytes: Vec<u8> = (0..count).map(byte).collect();
    for piece in bytes.chunks(777) {
        stream.write_all(piece).await?;
    }
    stream.close().await?;
    // The sink answers with how much it got once the stream has ended.
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await?;
    Ok(u64::from_le_bytes(answer) as usize)
}

/// What the sink saw of each stream: how many bytes, all in order, and whether the end was clean.
type Seen = Arc<Mutex<Vec<(usize, bool)>>>;

fn sink(sim: Sim, seen: &Seen) {
    let seen = seen.clone();
    sim.node("sink").boot(move || {
        let seen = seen.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:80").await.expect("free");
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = seen.clone();
                drop(Sim::current().spawn(async move {
                    let (mut count, mut buffer) = (0, [0; 1000]);
                    let clean = loop {
                        match stream.read(&mut buffer).await {
                            Ok(0) => break true,
                            Err(_) => break false,
                            Ok(n) => {
                                for b in &buffer[..n] {
                                    assert_eq!(*b, byte(count), "byte {count}");
                                    count += 1;
                                }
                            }
                        }
                    };
                    seen.lock().expect("one thread").push((count, clean));
                    let _ = stream.write_all(&(count as u64).to_le_bytes()).await;
                }));
            }
        }
    });
}

fn plan() -> Plan {
    let often = Ratio::new(1, 20);
    Plan::new()
        .allow("net.loss", often)
        .allow("net.delay", often)
        .allow("net.cut", Ratio::new(1, 60))
        .allow("net.reset", Ratio::new(1, 100))
        .allow("net.short_write", Ratio::new(1, 5))
        .allow("dns.failure", often)
        .budget(8)
}

#[test]
fn every_stream_arrives_whole_or_ends_in_an_error_on_both_sides() {
    const BYTES: usize = 20_000;
    let mut fired = 0;
    for seed in 0..300 {
        let seen = Seen::default();
        let sent: Arc<Mutex<Vec<Result<usize, io::ErrorKind>>>> = Arc::default();
        let (found, results) = (seen.clone(), sent.clone());
        let ended = ended(seed, move |sim| async move {
            sink(sim, &seen);
            sim.faults(&plan());
            let clients = (0..3).map(|n| sim.node(&format!("client{n}")).spawn(send(BYTES)));
            for client in clients.collect::<Vec<_>>() {
                let result = client.await.expect("it ran").map_err(|error| error.kind());
                sent.lock().expect("one thread").push(result);
            }
            sleep(Duration::from_secs(1)).await;
        });
        assert_eq!(ended.outcome, Outcome::Passed, "seed {seed}");
        fired += ended.faults.values().map(|account| account.fired).sum::<u64>();
        let whole = results.lock().expect("one thread").iter().filter(|r| **r == Ok(BYTES)).count();
        let other =
            results.lock().expect("one thread").iter().filter(|r| matches!(r, Ok(n) if *n != BYTES)).count();
        let clean =
            found.lock().expect("one thread").iter().filter(|(n, clean)| *clean && *n == BYTES).count();
        let short =
            found.lock().expect("one thread").iter().filter(|(n, clean)| *clean && *n != BYTES).count();
        assert_eq!((other, short), (0, 0), "seed {seed}: a clean end before the last byte");
        // The last packet, the answer, may be lost with its connection after the sink saw all.
        assert!(clean >= whole, "seed {seed}");
    }
    assert!(fired > 300, "{fired}");
}

#[test]
fn each_kind_fires_in_some_run_and_is_accounted_for() {
    let mut fired = std::collections::BTreeMap::<String, u64>::new();
    for seed in 0..60 {
        let seen = Seen::default();
        let ended = ended(seed, move |sim| async move {
            sink(sim, &seen);
            sim.faults(&plan());
            let _ = sim
                .node("client")
                .run(async { timeout(Duration::from_secs(2_000), send(20_000)).await })
                .await;
        });
        for (kind, account) in ended.faults {
            assert_eq!(account.fired, account.had_effect, "{kind}");
            *fired.entry(kind).or_default() += account.fired;
        }
    }
    assert!(fired.len() == 6 && fired.values().all(|n| *n > 0), "{fired:?}");
}

#[test]
fn a_planned_cut_heals_by_itself_or_with_the_liveness_phase() {
    run(1, |sim| async move {
        let seen = Seen::default();
        sink(sim, &seen);
        sim.faults(&Plan::new().allow("net.cut", Ratio::ALWAYS).budget(1).steady());
        assert_eq!(sim.node("client").run(send(5_000)).await.expect("it heals"), 5_000);
    });
}

#[test]
fn a_rule_that_never_acts_is_in_the_account() {
    let ended = ended(1, |sim| async move {
        sim.node("client");
        net().lose_response(Match::new("POST", "/chrage").from("client").nth(3)).until_healed();
    });
    let account = ended.faults["response lost: POST /chrage from client #3"];
    assert_eq!((account.asked, account.fired), (1, 0));
}

#[test]
fn a_cut_of_a_node_that_does_not_exist_says_which_do() {
    let outcome = run::outcome(1, |sim| async move {
        sim.node("api");
        sim.node("db");
        let _cut = net().cut("api", "dv");
    });
    let Outcome::Panicked { message, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(message, "there is no node `dv`; nodes are: api, db");
}
