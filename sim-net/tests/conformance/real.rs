//! The kit over the host's sockets.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

type R<T> = Result<T, ErrorKind>;

fn kind<T>(result: io::Result<T>) -> R<T> {
    result.map_err(|error| error.kind())
}

pub struct Listener(std::net::TcpListener);
pub struct Stream(std::net::TcpStream);
pub struct Datagrams(std::net::UdpSocket);
pub struct LocalListener(UnixListener);
pub struct Local(UnixStream);

/// Removed with everything in it when the case is over.
pub struct Kit {
    folder: std::path::PathBuf,
}

impl Default for Kit {
    fn default() -> Kit {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("sim-net-conformance-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
        Kit { folder }
    }
}

impl Drop for Kit {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::unused_async, reason = "the simulated kit has to wait where this one blocks")]
impl Kit {
    /// Lets packets arrive. Loopback needs microseconds; a loaded host a few milliseconds.
    #[expect(clippy::disallowed_methods, reason = "the host's network runs in real time")]
    pub async fn settle(&self) {
        std::thread::sleep(Duration::from_millis(30));
    }

    pub async fn listen(&self, address: &str) -> R<Listener> {
        let listener = kind(std::net::TcpListener::bind(address))?;
        listener.set_nonblocking(true).expect("always possible");
        Ok(Listener(listener))
    }

    pub async fn listen_with(&self, address: &str, backlog: u32) -> R<Listener> {
        let socket = kind(Socket::new(Domain::IPV4, Type::STREAM, None))?;
        let address: SocketAddr = address.parse().expect("a literal");
        kind(socket.bind(&address.into()))?;
        kind(socket.listen(i32::try_from(backlog).expect("small")))?;
        socket.set_nonblocking(true).expect("always possible");
        Ok(Listener(socket.into()))
    }

    pub async fn connect(&self, to: SocketAddr) -> R<Stream> {
        self.connect_with(to, None, None).await
    }

    pub async fn connect_with(&self, to: SocketAddr, from: Option<&str>, receive: Option<u32>) -> R<Stream> {
        let socket = kind(Socket::new(Domain::for_address(to), Type::STREAM, None))?;
        if let Some(bytes) = receive {
            kind(socket.set_recv_buffer_size(bytes as usize))?;
        }
        if let Some(from) = from {
            kind(socket.bind(&from.parse::<SocketAddr>().expect("a literal").into()))?;
        }
        kind(socket.connect_timeout(&to.into(), Duration::from_millis(300)))?;
        socket.set_nonblocking(true).expect("always possible");
        Ok(Stream(socket.into()))
    }

    pub async fn accept(&self, listener: &Listener) -> R<Stream> {
        let (stream, _) = kind(listener.0.accept())?;
        stream.set_nonblocking(true).expect("always possible");
        Ok(Stream(stream))
    }

    /// Two connected ends: the one that connected, the one that was accepted.
    pub async fn pair(&self) -> (Stream, Stream) {
        let listener = self.listen("127.0.0.1:0").await.expect("free");
        let client = self.connect(listener.address()).await.expect("listening");
        self.settle().await;
        (client, self.accept(&listener).await.expect("one came"))
    }

    pub async fn datagrams(&self, address: &str) -> R<Datagrams> {
        let socket = kind(std::net::UdpSocket::bind(address))?;
        socket.set_nonblocking(true).expect("always possible");
        Ok(Datagrams(socket))
    }

    pub async fn listen_local(&self, name: &str) -> R<LocalListener> {
        let listener = kind(UnixListener::bind(self.folder.join(name)))?;
        listener.set_nonblocking(true).expect("always possible");
        Ok(LocalListener(listener))
    }

    pub async fn connect_local(&self, name: &str) -> R<Local> {
        let stream = kind(UnixStream::connect(self.folder.join(name)))?;
        stream.set_nonblocking(true).expect("always possible");
        Ok(Local(stream))
    }

    pub async fn accept_local(&self, listener: &LocalListener) -> R<Local> {
        let (stream, _) = kind(listener.0.accept())?;
        stream.set_nonblocking(true).expect("always possible");
        Ok(Local(stream))
    }

    pub fn local_pair(&self) -> (Local, Local) {
        let (a, b) = UnixStream::pair().expect("always possible");
        for end in [&a, &b] {
            end.set_nonblocking(true).expect("always possible");
        }
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

impl Stream {
    pub fn read(&self, bytes: usize) -> R<String> {
        let mut buffer = vec![0; bytes];
        let n = kind((&self.0).read(&mut buffer))?;
        Ok(text(&buffer[..n]))
    }

    pub fn peek(&self, bytes: usize) -> R<String> {
        let mut buffer = vec![0; bytes];
        let n = kind(self.0.peek(&mut buffer))?;
        Ok(text(&buffer[..n]))
    }

    pub fn write(&self, bytes: &str) -> R<usize> {
        kind((&self.0).write(bytes.as_bytes()))
    }

    /// Writes until there is no room; whether any was taken, and what the next write says.
    pub fn fill(&self) -> (usize, R<usize>) {
        let mut taken = 0;
        loop {
            match kind((&self.0).write(&vec![7; 65_536])) {
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
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).expect("always possible");
    }

    pub fn set_nodelay(&self, on: bool) {
        self.0.set_nodelay(on).expect("always possible");
    }

    pub fn nodelay(&self) -> R<bool> {
        kind(self.0.nodelay())
    }

    pub fn linger(&self) -> R<Option<Duration>> {
        kind(SockRef::from(&self.0).linger())
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
        kind(self.0.connect(to))
    }

    pub fn send(&self, bytes: &str) -> R<usize> {
        kind(self.0.send(bytes.as_bytes()))
    }

    pub fn send_to(&self, bytes: &str, to: SocketAddr) -> R<usize> {
        kind(self.0.send_to(bytes.as_bytes(), to))
    }

    pub fn receive(&self, bytes: usize) -> R<(String, SocketAddr)> {
        let mut buffer = vec![0; bytes];
        let (n, from) = kind(self.0.recv_from(&mut buffer))?;
        Ok((text(&buffer[..n]), from))
    }

    pub fn peer(&self) -> R<SocketAddr> {
        kind(self.0.peer_addr())
    }
}

impl Local {
    pub fn read(&self, bytes: usize) -> R<String> {
        let mut buffer = vec![0; bytes];
        let n = kind((&self.0).read(&mut buffer))?;
        Ok(text(&buffer[..n]))
    }

    pub fn write(&self, bytes: &str) -> R<usize> {
        kind((&self.0).write(bytes.as_bytes()))
    }

    pub fn shutdown(&self, how: Shutdown) -> R<()> {
        kind(self.0.shutdown(how))
    }
}
