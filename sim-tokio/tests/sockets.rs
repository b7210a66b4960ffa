//! Sockets, files and signals of simulated nodes.

use sim_runtime::Sim;
use sim_tokio as tokio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

#[sim_runtime::test(seeds = 30, crate = sim_runtime)]
async fn a_service_that_knows_only_tokio_answers_over_the_network(sim: Sim) {
    let server = sim.node("server");
    server.boot(|| async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                while let Some(line) = lines.next_line().await? {
                    write.write_all(format!("you said {line}\n").as_bytes()).await?;
                }
                Ok::<_, std::io::Error>(())
            });
        }
        #[allow(unreachable_code)]
        Ok::<_, std::io::Error>(())
    });
    let client = sim.node("client");
    let answer = client.run(async {
        let mut stream = loop {
            match TcpStream::connect("server:80").await {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        };
        stream.write_all(b"hello\n").await.expect("connected");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.expect("answered");
        String::from_utf8(answer.to_vec()).expect("text")
    });
    assert_eq!(answer.await, "you said hello\n");
}

#[tokio::test(crate = "sim_tokio")]
async fn datagrams_arrive() {
    let one = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let other = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    one.send_to(b"ping", other.local_addr().expect("bound")).await.expect("sent");
    let mut bytes = [0; 8];
    let (count, from) = other.recv_from(&mut bytes).await.expect("received");
    assert_eq!((&bytes[..count], from), (&b"ping"[..], one.local_addr().expect("bound")));
}

#[tokio::test(crate = "sim_tokio")]
async fn unix_sockets_connect_within_a_node() {
    let listener = UnixListener::bind("/run/service.sock").expect("free");
    let client = tokio::spawn(async {
        let mut stream = UnixStream::connect("/run/service.sock").await.expect("listening");
        stream.write_all(b"hi").await.expect("connected");
    });
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("until the end");
    client.await.expect("it returns");
    assert_eq!(text, "hi");
    let (one, other) = UnixDatagram::pair().expect("two");
    one.send(b"x").await.expect("room");
    assert_eq!(other.recv(&mut [0; 4]).await.expect("there"), 1);
}

#[tokio::test(crate = "sim_tokio")]
async fn std_and_tokio_see_the_same_files_in_a_private_folder() {
    let folder = std::env::temp_dir();
    let path = folder.join("notes.txt");
    tokio::fs::write(&path, "one").await.expect("the folder is ours");
    assert_eq!(std::fs::read_to_string(&path).expect("written"), "one");
    std::fs::write(&path, "two").expect("the folder is ours");
    let mut file = tokio::fs::File::open(&path).await.expect("written");
    let mut text = String::new();
    file.read_to_string(&mut text).await.expect("text");
    assert_eq!(text, "two");
    let mut entries = tokio::fs::read_dir(&folder).await.expect("a folder");
    let entry = entries.next_entry().await.expect("readable").expect("one file");
    assert_eq!(entry.file_name(), "notes.txt");
}

#[sim_runtime::test(seeds = 10, crate = sim_runtime)]
async fn a_node_that_listens_survives_a_signal_and_another_does_not(sim: Sim) {
    let graceful = sim.node("graceful");
    graceful.boot(|| async {
        tokio::signal::ctrl_c().await.expect("signals are simulated");
        Sim::current().note("shut down in order");
        std::future::pending::<()>().await;
    });
    let plain = sim.node("plain");
    plain.boot(std::future::pending::<()>);
    sleep(Duration::from_secs(1)).await;
    graceful.signal(libc::SIGINT);
    plain.signal(libc::SIGINT);
    assert!(graceful.is_up() && !plain.is_up());
}

#[tokio::test(crate = "sim_tokio")]
async fn a_descriptor_goes_to_std_and_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let std = client.expect("listening").into_std().expect("a descriptor");
    socket2::SockRef::from(&std).set_keepalive(true).expect("a real socket");
    let mut client = TcpStream::from_std(std).expect("ours");
    client.write_all(b"!").await.expect("connected");
    let (mut server, _) = accepted.expect("a client");
    let read = timeout(Duration::from_secs(1), server.read_u8()).await;
    assert_eq!(read.expect("in time").expect("a byte"), b'!');
}

#[tokio::test(crate = "sim_tokio")]
async fn any_number_of_tasks_wait_on_one_socket() {
    let listener = std::sync::Arc::new(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    let address = listener.local_addr().expect("bound");
    let waiting = [listener.clone(), listener].map(|listener| {
        tokio::spawn(async move { timeout(Duration::from_secs(5), listener.accept()).await.is_ok() })
    });
    sleep(Duration::from_millis(1)).await;
    // The one that waited longest would never be told if only the last were.
    let clients = (TcpStream::connect(address).await, TcpStream::connect(address).await);
    for accepted in waiting {
        assert!(accepted.await.expect("it returns"));
    }
    drop(clients);

    let inbox = std::sync::Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port"));
    let to = inbox.local_addr().expect("bound");
    let waiting = [inbox.clone(), inbox].map(|inbox| {
        tokio::spawn(async move { timeout(Duration::from_secs(5), inbox.recv(&mut [0])).await.is_ok() })
    });
    sleep(Duration::from_millis(1)).await;
    let sender = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    for byte in [1, 2] {
        sender.send_to(&[byte], to).await.expect("sent");
    }
    for received in waiting {
        assert!(received.await.expect("it returns"));
    }
}
