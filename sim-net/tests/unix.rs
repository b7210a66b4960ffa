//! Unix sockets within a node.

mod run;

use std::io::ErrorKind;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use run::run;
use sim_net::{UnixListener, UnixStream};

#[test]
fn bytes_are_there_at_once() {
    run(1, |sim| async move {
        let listener = UnixListener::bind("/run/api.sock").expect("free");
        let mut client = UnixStream::connect("/run/api.sock").await.expect("listening");
        let mut server = listener.accept().await.expect("one came");
        client.write_all(b"ping").await.expect("open");
        let mut buffer = [0; 8];
        assert_eq!(server.stream().try_read(&mut buffer).expect("no delay"), 4);
        server.write_all(b"pong").await.expect("open");
        drop(server);
        assert_eq!(client.read(&mut buffer).await.expect("sent before the close"), 4);
        assert_eq!(client.read(&mut buffer).await.expect("closed"), 0);
        assert_eq!(client.write(b"x").await.expect_err("closed").kind(), ErrorKind::BrokenPipe);
        assert!(sim.now() < 10_000, "{}", sim.now());
    });
}

#[test]
fn a_path_belongs_to_its_node() {
    run(1, |sim| async move {
        let listener = UnixListener::bind("/s").expect("free");
        assert_eq!(UnixListener::bind("/s").expect_err("taken").kind(), ErrorKind::AddrInUse);
        let elsewhere = async { UnixStream::connect("/s").await.expect_err("another node").kind() };
        assert_eq!(sim.node("other").run(elsewhere).await, ErrorKind::NotFound);
        drop(listener);
        let error = UnixStream::connect("/s").await.expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_pair_closed_with_unread_bytes_is_reset() {
    run(1, |_| async {
        let (mut a, b) = UnixStream::pair().expect("always");
        a.write_all(b"unread").await.expect("open");
        drop(b);
        let mut byte = [0];
        assert_eq!(a.read(&mut byte).await.expect_err("unread").kind(), ErrorKind::ConnectionReset);
    });
}
