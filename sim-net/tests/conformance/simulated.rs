//! The kit over simulated sockets.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sim_net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixListener, UnixStream};
use sim_runtime::executor::{Heartbeat, Limits, Setup, sleep, timeout};
use sim_runtime::schedule::PolicyName;
use sim_runtime::sim::{Outcome, run_scenario};
use sim_runtime::tape::Tape;

use crate::Seen;

type R<T> = Result<T, ErrorKind>;

fn kind<T>(result: io::Result<T>) -> R<T> {
    result.map_err(|error| error.kind())
}

/// Runs a case in a run of its own.
#[expect(clippy::disallowed_methods, reason = "a run wants a thread of its own, and is not in one yet")]
pub fn run<F>(case: impl FnOnce() -> F + Send + 'static) -> Seen
where
    F: Future<Output = Seen> + 'static,
{
    let body = move || {
        let setup = Setup {
            tape: Tape::seeded(1, false),
            policy: PolicyName::Uniform,
            limits: Limits::default(),
            heartbeat: Arc::new(Heartbeat::default()),
            written_at: std::panic::Location::caller(),
        };
        let seen = Rc::new(RefCell::new(None));
        let found = Rc::clone(&seen);
        let ended = run_scenario(setup, move |_| async move {
            let case = case().await;
            *found.borrow_mut() = Some(case);
        });
        assert_eq!(ended.outcome, Outcome::Passed);
        seen.take().expect("the case returned")
    };
    std::thread::spawn(body).join().expect("a run reports its panics")
}

#[derive(Default)]
pub struct Kit(());

pub struct Listener(TcpListener);
pub struct Stream(TcpStream);
pub struct Datagrams(UdpSocket);
pub struct LocalListener(UnixListener);
pub struct Local(UnixStream);

impl Kit {
    pub async fn settle(&self) {
        sleep(Duration::from_millis(30)).await;
    }

    pub async fn listen(&self, address: &str) -> R<Listener> {
        kind(TcpListener::bind(address).await).map(Listener)
    }

    #[expect(clippy::unused_async, reason = "the kits have the same methods")]
    pub async fn listen_with(&self, address: &str, backlog: u32) -> R<Listener> {
        kind(TcpListener::listen(address.parse().expect("a literal"), backlog as usize)).map(Listener)
    }

    pub async fn connect(&self, to: SocketAddr) -> R<Stream> {
        self.connect_with(to, None, None).await
    }

    pub async fn connect_with(&self, to: SocketAddr, from: Option<&str>, receive: Option<u32>) -> R<Stream> {
        let socket = TcpSocket::new_v4();
        if let Some(bytes) = receive {
            socket.set_recv_buffer_size(bytes);
        }
        if let Some(from) = from {
            kind(socket.bind(from.parse().expect("a literal")))?;
        }
        match timeout(Duration::from_millis(300), socket.connect(to)).await {
            Ok(done) => kind(done).map(Stream),
            Err(_) => Err(ErrorKind::TimedOut),
        }
    }

    #[expect(clippy::unused_async, reason = "the kits have the same methods")]
    pub async fn accept(&self, listener: &Listener) -> R<Stream> {
        kind(listener.0.try_accept()).map(|(stream, _)| Stream(stream))
    }

    pub async fn pair(&self) -> (Stream, Stream) {
        let listener = self.listen("127.0.0.1:0").await.expect("free");
        let client = self.connect(listener.address()).await.expect("listening");
        self.settle().await;
        (client, self.accept(&listener).await.expect("one came"))
    }

    pub async fn datagrams(&self, address: &str) -> R<Datagrams> {
        kind(UdpSocket::bind(address).await).map(Datagrams)
    }

    #[expect(clippy::unused_async, reason = "the kits have the same methods")]
    pub async fn listen_local(&self, name: &str) -> R<LocalListener> {
        kind(UnixListener::bind(name)).map(LocalListener)
    }

    pub async fn connect_local(&self, name: &str) -> R<Local> {
        kind(UnixStream::connect(name).await).map(Local)
    }

    pub async fn accept_local(&self, listener: &LocalListener) -> R<Local> {
        match timeout(Duration::ZERO, listener.0.accept()).await {
            Ok(done) => kind(done).map(Local),
            Err(_) => Err(ErrorKind::WouldBlock),
        }
    }

    pub fn local_pair(&self) -> (Local, Local) {
        let (a, b) = UnixStream::pair().expect("always possible");
        (Local(a), Local(b))
    }
}

impl Listener {
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(stream: &TcpStream, bytes: usize) -> R<String> {
    let mut buffer = vec![0; bytes];
    let n = kind(stream.try_read(&mut buffer))?;
    Ok(text(&buffer[..n]))
}

impl Stream {
    pub fn read(&self, bytes: usize) -> R<String> {
        read(&self.0, bytes)
    }

    pub fn peek(&self, bytes: usize) -> R<String> {
        let mut buffer = vec![0; bytes];
        let n = kind(self.0.try_peek(&mut buffer))?;
        Ok(text(&buffer[..n]))
    }

    pub fn write(&self, bytes: &str) -> R<usize> {
        kind(self.0.try_write(bytes.as_bytes()))
    }

    pub fn fill(&self) -> (usize, R<usize>) {
        let mut taken = 0;
        loop {
            match kind(self.0.try_write(&vec![7; 65_536])) {
                Ok(n) => taken += n,
                last => return (taken, last),
            }
        }
    }

    pub fn shutdown(&self, how: Shutdown) -> R<()> {
        kind(self.0.shutdown(how))
    }

    pub fn local(&self) -> R<SocketAddr> {
        kind(self.0.local_addr())
    }

    pub fn peer(&self) -> R<SocketAddr> {
        kind(self.0.peer_addr())
    }

    pub fn linger_zero(&self) {
        self.0.set_linger(Some(Duration::ZERO)).expect("always possible");
    }

    pub fn set_nodelay(&self, on: bool) {
        self.0.set_nodelay(on).expect("always possible");
    }

    pub fn nodelay(&self) -> R<bool> {
        kind(self.0.nodelay())
    }

    pub fn linger(&self) -> R<Option<Duration>> {
        kind(self.0.linger())
    }

    pub fn take_error(&self) -> Option<ErrorKind> {
        self.0.take_error().expect("always possible").map(|error| error.kind())
    }
}

impl Datagrams {
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }

    pub fn connect(&self, to: SocketAddr) -> R<()> {
        kind(self.0.connect_to(to))
    }

    pub fn send(&self, bytes: &str) -> R<usize> {
        kind(self.0.try_send(bytes.as_bytes()))
    }

    pub fn send_to(&self, bytes: &str, to: SocketAddr) -> R<usize> {
        kind(self.0.try_send_to(bytes.as_bytes(), to))
    }

    pub fn receive(&self, bytes: usize) -> R<(String, SocketAddr)> {
        let mut buffer = vec![0; bytes];
        let (n, from) = kind(self.0.try_recv_from(&mut buffer))?;
        Ok((text(&buffer[..n]), from))
    }

    pub fn peer(&self) -> R<SocketAddr> {
        kind(self.0.peer_addr())
    }
}

impl Local {
    pub fn read(&self, bytes: usize) -> R<String> {
        read(self.0.stream(), bytes)
    }

    pub fn write(&self, bytes: &str) -> R<usize> {
        kind(self.0.stream().try_write(bytes.as_bytes()))
    }

    pub fn shutdown(&self, how: Shutdown) -> R<()> {
        kind(self.0.shutdown(how))
    }
}
