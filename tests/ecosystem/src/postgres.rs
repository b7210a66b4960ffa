//! A server that speaks enough of PostgreSQL's protocol to connect to: startup, password, simple queries.

use std::io;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The password it wants.
pub const PASSWORD: &str = "secret";

const SSL_REQUEST: u32 = 80_877_103;
const INT4: u32 = 23;
const TEXT: u32 = 25;

/// Serves every connection that comes.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client that leaves in the middle of a message is nobody's error.
            let _ = converse(stream).await;
        });
    }
}

async fn converse(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let mut startup = packet(&mut stream).await?;
        if startup.get_u32() != SSL_REQUEST {
            break;
        }
        stream.write_all(b"N").await?;
    }
    stream.write_all(&message(b'R', |body| body.put_u32(3))).await?;
    if stream.read_u8().await? != b'p'
        || packet(&mut stream).await?.as_ref() != format!("{PASSWORD}\0").as_bytes()
    {
        return stream.write_all(&error("28P01", "password authentication failed")).await;
    }
    let mut greeting = message(b'R', |body| body.put_u32(0));
    for (name, value) in
        [("server_version", "17.0"), ("client_encoding", "UTF8"), ("integer_datetimes", "on")]
    {
        greeting.unsplit(message(b'S', |body| body.put_slice(format!("{name}\0{value}\0").as_bytes())));
    }
    greeting.unsplit(message(b'K', |body| body.put_u64(1)));
    greeting.unsplit(ready());
    stream.write_all(&greeting).await?;
    loop {
        let kind = stream.read_u8().await?;
        let body = packet(&mut stream).await?;
        match kind {
            b'Q' => {
                let text = String::from_utf8_lossy(body.strip_suffix(&[0]).unwrap_or(&body)).into_owned();
                stream.write_all(&answer(&text)).await?;
            }
            b'S' => stream.write_all(&ready()).await?,
            b'X' => return Ok(()),
            _ => stream.write_all(&error("0A000", "only simple queries are answered")).await?,
        }
    }
}

async fn packet(stream: &mut TcpStream) -> io::Result<BytesMut> {
    let size = stream.read_u32().await?.checked_sub(4).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = BytesMut::zeroed(size as usize);
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn message(kind: u8, fill: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut body = BytesMut::new();
    fill(&mut body);
    let mut message = BytesMut::new();
    message.put_u8(kind);
    message.put_u32(body.len() as u32 + 4);
    message.unsplit(body);
    message
}

fn ready() -> BytesMut {
    message(b'Z', |body| body.put_u8(b'I'))
}

fn error(code: &str, text: &str) -> BytesMut {
    message(b'E', |body| body.put_slice(format!("SERROR\0VERROR\0C{code}\0M{text}\0\0").as_bytes()))
}

/// `rows N` gives that many numbered rows; anything else is refused.
fn answer(query: &str) -> BytesMut {
    let count = query.strip_prefix("rows ").and_then(|count| count.trim().parse::<i32>().ok());
    let mut answer = BytesMut::new();
    match count {
        None => answer.unsplit(error("42601", &format!("cannot answer \"{query}\""))),
        Some(count) => {
            answer.unsplit(message(b'T', |body| {
                body.put_u16(2);
                for (name, kind, size) in [("id", INT4, 4), ("name", TEXT, -1)] {
                    body.put_slice(format!("{name}\0").as_bytes());
                    body.put_u32(0);
                    body.put_u16(0);
                    body.put_u32(kind);
                    body.put_i16(size);
                    body.put_i32(-1);
                    body.put_u16(0);
                }
            }));
            for id in 1..=count {
                answer.unsplit(message(b'D', |body| {
                    body.put_u16(2);
                    for text in [id.to_string(), format!("row {id}")] {
                        body.put_u32(text.len() as u32);
                        body.put_slice(text.as_bytes());
                    }
                }));
            }
            answer.unsplit(message(b'C', |body| body.put_slice(format!("SELECT {count}\0").as_bytes())));
        }
    }
    answer.unsplit(ready());
    answer
}
