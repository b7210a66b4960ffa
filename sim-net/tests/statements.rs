//! Faults on statements: the PostgreSQL protocol between two nodes.

mod run;

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

use futures::io::{AsyncReadExt, AsyncWriteExt};
use run::ended;
use sim_net::request::Match;
use sim_net::{TcpListener, TcpStream, net};
use sim_runtime::sim::{Outcome, Sim};

fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&(payload.len() as u32 + 4).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

const READY: &[u8] = b"Z\0\0\0\x05I";
const STARTUP: &[u8] = b"\0\0\0\x11\0\x03\0\0user\0me\0\0";

/// Answers every simple query with its own text; what it was asked.
async fn serve(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>) -> io::Result<()> {
    let mut startup = [0; STARTUP.len()];
    stream.read_exact(&mut startup).await?;
    stream.write_all(&[&message(b'R', &[0; 4]), READY].concat()).await?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).await?;
        let mut text = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4];
        stream.read_exact(&mut text).await?;
        asked
            .lock()
            .expect("one thread")
            .push(String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned());
        stream.write_all(&[&message(b'C', &text), READY].concat()).await?;
    }
}

async fn ready(stream: &mut TcpStream) -> io::Result<()> {
    let mut seen = Vec::new();
    while !seen.ends_with(READY) {
        let mut piece = [0; 64];
        match stream.read(&mut piece).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => seen.extend_from_slice(&piece[..n]),
        }
    }
    Ok(())
}

async fn query(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(&message(b'Q', format!("{text}\0").as_bytes())).await?;
    ready(stream).await
}

#[test]
fn the_acknowledgement_of_a_commit_is_lost() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let ended = ended(1, move |sim: Sim| async move {
        sim.node("db").boot(move || {
            let asked = Arc::clone(&asked);
            async move {
                let listener = TcpListener::bind("0.0.0.0:5432").await.expect("free");
                while let Ok((stream, _)) = listener.accept().await {
                    drop(Sim::current().spawn(serve(stream, Arc::clone(&asked))));
                }
            }
        });
        net().lose_response(Match::new("SQL", "COMMIT").to("db")).until_healed();
        let client = async {
            let mut stream = TcpStream::connect("db:5432").await.expect("listening");
            stream.write_all(STARTUP).await.expect("room");
            ready(&mut stream).await.expect("started");
            query(&mut stream, "UPDATE account  SET balance = 0;").await.expect("done");
            let error = query(&mut stream, "COMMIT").await.expect_err("nobody will know");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        };
        sim.node("api").run(client).await;
    });
    assert_eq!(ended.outcome, Outcome::Passed);
    assert_eq!(*seen.lock().expect("one thread"), ["UPDATE account  SET balance = 0;", "COMMIT"]);
    let facts: Vec<&str> = ended.facts.iter().filter(|f| &*f.kind == "sql").map(|f| &*f.text).collect();
    assert!(facts[0].starts_with("SQL UPDATE account SET balance = 0 #1 from api → done in "), "{facts:?}");
    assert!(facts.contains(&"SQL COMMIT #1: response lost"), "{facts:?}");
}
