//! A server that speaks RESP 2 and knows some commands of Redis.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// What the server keeps.
#[derive(Debug, Clone)]
pub struct Store {
    values: Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>,
    published: broadcast::Sender<(Vec<u8>, Vec<u8>)>,
}

impl Default for Store {
    fn default() -> Self {
        Self { values: Arc::default(), published: broadcast::channel(64).0 }
    }
}

/// Serves every connection that comes.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener, store: Store) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let store = store.clone();
        tokio::spawn(async move {
            // A client that leaves in the middle of a command is nobody's error.
            let _ = converse(stream, store).await;
        });
    }
}

async fn converse(stream: TcpStream, store: Store) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut published = store.published.subscribe();
    let mut channels: Vec<Vec<u8>> = Vec::new();
    loop {
        tokio::select! {
            command = command(&mut read) => {
                let Some(command) = command? else { return Ok(()) };
                if command[0].eq_ignore_ascii_case(b"BLPOP") {
                    // The list stays empty: no answer, until the client leaves.
                    continue;
                }
                let answer = store.answer(&command, &mut channels);
                write.write_all(&answer).await?;
                if command[0].eq_ignore_ascii_case(b"QUIT") {
                    return Ok(());
                }
            }
            message = published.recv(), if !channels.is_empty() => {
                if let Ok((channel, payload)) = message && channels.contains(&channel) {
                    write.write_all(&array(&[bulk(b"message"), bulk(&channel), bulk(&payload)])).await?;
                }
            }
        }
    }
}

/// Reads an array of bulk strings; none at the end of the stream.
async fn command(read: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Option<Vec<Vec<u8>>>> {
    let Some(count) = length(read, b'*').await? else { return Ok(None) };
    let mut command = Vec::new();
    for _ in 0..count {
        let size = length(read, b'$').await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; size + 2];
        read.read_exact(&mut bytes).await?;
        bytes.truncate(size);
        command.push(bytes);
    }
    Ok((!command.is_empty()).then_some(command))
}

async fn length(read: &mut (impl AsyncBufReadExt + Unpin), kind: u8) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    if read.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let number =
        line.strip_prefix(&[kind]).and_then(|digits| std::str::from_utf8(digits).ok()?.trim().parse().ok());
    number.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn array(parts: &[Vec<u8>]) -> Vec<u8> {
    [format!("*{}\r\n", parts.len()).into_bytes(), parts.concat()].concat()
}

fn integer(value: i64) -> Vec<u8> {
    format!(":{value}\r\n").into_bytes()
}

impl Store {
    fn answer(&self, command: &[Vec<u8>], channels: &mut Vec<Vec<u8>>) -> Vec<u8> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let value = |value: Option<&Vec<u8>>| value.map_or_else(|| b"$-1\r\n".to_vec(), |value| bulk(value));
        let name = command[0].to_ascii_uppercase();
        match (name.as_slice(), &command[1..]) {
            (b"PING", []) => b"+PONG\r\n".to_vec(),
            (b"QUIT" | b"CLIENT" | b"SELECT", _) => b"+OK\r\n".to_vec(),
            (b"SET", [key, new, ..]) => {
                values.insert(key.clone(), new.clone());
                b"+OK\r\n".to_vec()
            }
            (b"GET", [key]) => value(values.get(key)),
            (b"MGET", keys) => array(&keys.iter().map(|key| value(values.get(key))).collect::<Vec<_>>()),
            (b"DEL", keys) => integer(keys.iter().filter(|key| values.remove(*key).is_some()).count() as i64),
            (b"INCR", [key]) => {
                let old =
                    values.get(key).map_or(Some(0), |old| std::str::from_utf8(old).ok()?.parse::<i64>().ok());
                let Some(old) = old else {
                    return b"-ERR value is not an integer or out of range\r\n".to_vec();
                };
                values.insert(key.clone(), (old + 1).to_string().into_bytes());
                integer(old + 1)
            }
            (b"SUBSCRIBE", [channel]) => {
                channels.push(channel.clone());
                array(&[bulk(b"subscribe"), bulk(channel), integer(channels.len() as i64)])
            }
            (b"PUBLISH", [channel, payload]) => {
                // Without a subscriber nobody receives it.
                let sent = self.published.send((channel.clone(), payload.clone()));
                integer(sent.map_or(0, |count| count as i64))
            }
            (name, _) => format!("-ERR unknown command '{}'\r\n", String::from_utf8_lossy(name)).into_bytes(),
        }
    }
}
