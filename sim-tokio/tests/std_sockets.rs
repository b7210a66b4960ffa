//! Sockets of std, and of whoever speaks to the C library: they are on the simulated network too.

use sim_runtime::Sim;
use sim_tokio as tokio;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_blocking;

/// The parts that the front door would put in.
mod world {
    pub use sim_runtime::{drive, explore};
    pub const PARTS: &[sim_runtime::node::Part] = &[sim_net::plug_in];
}

#[sim_runtime::test(seeds = 20, crate = world)]
async fn a_listener_bound_through_std_serves_other_nodes(sim: Sim) {
    sim.node("server").boot(|| async {
        // The first that anybody asks of the network.
        let listener = TcpListener::bind("0.0.0.0:80")?;
        listener.set_nonblocking(true)?;
        assert_eq!(listener.local_addr()?.to_string(), "0.0.0.0:80");
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            let greeting = stream.read_u8().await?;
            stream.write_all(&[greeting, b'!']).await?;
        }
        #[allow(unreachable_code)]
        Ok::<_, std::io::Error>(())
    });
    let answer = sim.node("client").run(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut stream = tokio::net::TcpStream::connect("server:80").await.expect("it listens");
        stream.write_u8(b'x').await.expect("connected");
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).await.expect("answered");
        answer
    });
    assert_eq!(&answer.await, b"x!");
}

#[sim_runtime::test(seeds = 20, crate = world)]
async fn a_crash_takes_sockets_that_were_leaked(sim: Sim) {
    let node = sim.node("leaky");
    node.boot(|| async {
        std::mem::forget(TcpListener::bind("0.0.0.0:80").expect("the port is free after each crash"));
        std::future::pending::<()>().await;
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        node.crash();
        node.restart();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((node.is_up(), node.boots()), (true, 4));
}

#[tokio::test(crate = "sim_tokio")]
async fn a_blocking_client_talks_to_a_task() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let client = spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("it listens");
        assert_eq!(stream.peer_addr().expect("connected"), address);
        stream.write_all(&vec![7; 300_000]).expect("more than a buffer");
        stream.shutdown(std::net::Shutdown::Write).expect("open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    });
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut sent = Vec::new();
    stream.read_to_end(&mut sent).await.expect("until the end");
    stream.write_all(sent.len().to_string().as_bytes()).await.expect("open");
    drop(stream);
    assert_eq!(client.await.expect("it returns"), "300000");
}

#[tokio::test(crate = "sim_tokio")]
async fn a_thread_accepts_what_a_task_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    assert_ne!(address.port(), 0);
    let server = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().expect("a client");
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).expect("sent");
        stream.try_clone().expect("a descriptor").write_all(b"bye").expect("open");
        (hello, peer)
    });
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"hello").await.expect("connected");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("until the end");
    let (hello, peer) = server.join().expect("it returns");
    assert_eq!((&hello, answer.as_str()), (b"hello", "bye"));
    assert_eq!(peer, stream.local_addr().expect("connected"));
}

#[tokio::test(crate = "sim_tokio")]
async fn waits_end_when_the_sockets_timeout_says() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_millis(1_500))).expect("an option");
    let before = Instant::now();
    let error = stream.read(&mut [0]).expect_err("nobody writes");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let waited = before.elapsed();
    assert!((1_500..1_510).contains(&waited.as_millis()), "{waited:?}");
    listener.set_nonblocking(true).expect("an option");
    let (accepted, _) = listener.accept().expect("it waits in the queue");
    assert_eq!(listener.accept().expect_err("no other").kind(), ErrorKind::WouldBlock);
    accepted.set_nonblocking(true).expect("an option");
    assert_eq!((&accepted).read(&mut [0]).expect_err("nothing").kind(), ErrorKind::WouldBlock);
}

#[tokio::test(crate = "sim_tokio")]
async fn a_connect_is_refused_or_times_out() {
    let nobody: SocketAddr = "127.0.0.1:9".parse().expect("an address");
    assert_eq!(TcpStream::connect(nobody).expect_err("nobody").kind(), ErrorKind::ConnectionRefused);
    let limit = Duration::from_secs(2);
    let refused = TcpStream::connect_timeout(&nobody, limit).expect_err("nobody");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let nowhere: SocketAddr = "192.0.2.1:80".parse().expect("an address");
    let before = Instant::now();
    let late = TcpStream::connect_timeout(&nowhere, limit).expect_err("no such machine");
    assert_eq!(late.kind(), ErrorKind::TimedOut);
    assert_eq!(before.elapsed().as_secs(), 2);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    TcpStream::connect_timeout(&listener.local_addr().expect("bound"), limit).expect("it listens");
}

#[tokio::test(crate = "sim_tokio")]
async fn datagrams_of_std_and_tokio_meet() {
    let std = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let tokio = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    std.send_to(b"ping", tokio.local_addr().expect("bound")).expect("sent");
    let mut bytes = [0; 8];
    let (count, from) = tokio.recv_from(&mut bytes).await.expect("received");
    assert_eq!((&bytes[..count], from), (&b"ping"[..], std.local_addr().expect("bound")));
    tokio.send_to(b"pong", from).await.expect("sent");
    assert_eq!(std.peek_from(&mut bytes).expect("it comes").0, 4);
    assert_eq!(std.recv(&mut bytes).expect("it came"), 4);
    std.connect(tokio.local_addr().expect("bound")).expect("known");
    let std = tokio::net::UdpSocket::from_std(std).expect("of this run");
    std.send(b"again").await.expect("connected");
    assert_eq!(tokio.recv(&mut bytes).await.expect("received"), 5);
}

#[tokio::test(crate = "sim_tokio")]
async fn unix_sockets_of_std_and_tokio_meet() {
    let listener = UnixListener::bind("/run/std.sock").expect("free");
    let client = spawn_blocking(|| {
        let mut stream = UnixStream::connect("/run/std.sock").expect("it listens");
        stream.write_all(b"hi").expect("connected");
    });
    let (stream, _) = listener.accept().expect("a client");
    let mut text = String::new();
    let mut stream = tokio::net::UnixStream::from_std(stream).expect("of this run");
    stream.read_to_string(&mut text).await.expect("until the end");
    client.await.expect("it returns");
    assert_eq!(text, "hi");

    let (mut one, other) = UnixStream::pair().expect("two");
    let reader = std::thread::spawn(move || std::io::read_to_string(other).expect("until the end"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    one.write_all(b"late").expect("connected");
    drop(one);
    assert_eq!(reader.join().expect("it returns"), "late");

    let inbox = UnixDatagram::bind("/run/inbox").expect("free");
    UnixDatagram::unbound().expect("a socket").send_to(b"note", "/run/inbox").expect("bound");
    assert_eq!(inbox.recv(&mut [0; 8]).expect("there"), 4);
}

#[tokio::test(crate = "sim_tokio")]
async fn a_socket_made_by_socket2_is_bound_and_connects() {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.set_reuse_address(true).expect("an option");
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let address = listener.local_addr().expect("bound").as_socket().expect("an address");
    assert_ne!(address.port(), 0);
    listener.listen(16).expect("it is ours");
    let listener = tokio::net::TcpListener::from_std(listener.into()).expect("of this run");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_nonblocking(true).expect("an option");
    socket.set_linger(Some(Duration::ZERO)).expect("an option");
    let client = tokio::net::TcpSocket::from_std_stream(socket.into());
    let (client, accepted) = tokio::join!(client.connect(address), listener.accept());
    let (mut accepted, _) = accepted.expect("a client");
    drop(client.expect("it listens"));
    let error = accepted.read_u8().await.expect_err("reset by the linger option");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(crate = "sim_tokio")]
async fn a_port_is_taken_once_and_free_after_the_last_copy() {
    let listener = TcpListener::bind("127.0.0.1:8080").expect("free");
    let copy = listener.try_clone().expect("a descriptor");
    drop(listener);
    assert_eq!(TcpListener::bind("127.0.0.1:8080").expect_err("taken").kind(), ErrorKind::AddrInUse);
    let back = tokio::net::TcpListener::from_std(copy).expect("of this run");
    let std = back.into_std().expect("a descriptor");
    assert_eq!(std.local_addr().expect("bound").port(), 8080);
    drop(std);
    let of_runtime = tokio::net::TcpListener::bind("127.0.0.1:8080").await.expect("free again");
    let std = of_runtime.into_std().expect("a descriptor");
    assert_eq!(std.accept().expect_err("a runtime's sockets do not wait").kind(), ErrorKind::WouldBlock);
}
