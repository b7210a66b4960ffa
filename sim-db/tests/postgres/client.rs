//! A client of the simple query over the simulated network: enough to see what the server says.

use futures::io::{AsyncReadExt, AsyncWriteExt};
use sim_net::TcpStream;

/// A connection.
pub struct Client {
    stream: TcpStream,
}

/// What the server said until it was ready, a word a message: `1,NULL`, `SELECT 1`, `!23505`, `?57P01` (a notice),
/// `closed`.
pub type Answer = Vec<String>;

impl Client {
    /// Connects as `app` and says what came of it.
    pub async fn open(host: &str, database: &str) -> Result<(Client, Answer), std::io::Error> {
        let mut client = Client { stream: TcpStream::connect((host, 5432)).await? };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend_from_slice(format!("user\0app\0database\0{database}\0\0").as_bytes());
        let mut packet = u32::try_from(body.len() + 4).expect("short").to_be_bytes().to_vec();
        packet.append(&mut body);
        client.stream.write_all(&packet).await?;
        let answer = client.answer().await;
        Ok((client, answer))
    }

    /// A connection that was let in.
    pub async fn connect(host: &str) -> Client {
        let (client, answer) = Client::open(host, "app").await.expect("the server listens");
        assert_eq!(answer, ["ready"], "the server lets clients in");
        client
    }

    /// Runs a script.
    pub async fn run(&mut self, sql: &str) -> Answer {
        let mut packet = vec![b'Q'];
        packet.extend_from_slice(&u32::try_from(sql.len() + 5).expect("short").to_be_bytes());
        packet.extend_from_slice(sql.as_bytes());
        packet.push(0);
        match self.stream.write_all(&packet).await {
            Ok(()) => self.answer().await,
            Err(_) => vec!["closed".into()],
        }
    }

    /// Reads on until the server is ready or gone.
    pub async fn answer(&mut self) -> Answer {
        let mut words = Vec::new();
        loop {
            let mut head = [0; 5];
            if self.stream.read_exact(&mut head).await.is_err() {
                words.push("closed".into());
                return words;
            }
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length - 4];
            if self.stream.read_exact(&mut body).await.is_err() {
                words.push("closed".into());
                return words;
            }
            match head[0] {
                b'Z' => {
                    if words.is_empty() {
                        words.push("ready".into());
                    }
                    return words;
                }
                b'C' => words.push(text(&body)),
                b'D' => words.push(row(&body[2..])),
                b'E' => words.push(format!("!{}", code(&body))),
                b'N' => words.push(format!("?{}", code(&body))),
                _ => {}
            }
        }
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim_end_matches('\0').to_owned()
}

fn code(body: &[u8]) -> String {
    let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&b'C'));
    String::from_utf8_lossy(&field.expect("every error has a code")[1..]).into_owned()
}

fn row(mut rest: &[u8]) -> String {
    let mut fields = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (field, after) = after.split_at(length.unwrap_or(0));
        fields.push(length.map_or("NULL".to_owned(), |_| String::from_utf8_lossy(field).into_owned()));
        rest = after;
    }
    fields.join(",")
}
