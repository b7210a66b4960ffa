//! Real sockets, real time, one thread.
//!
//! The store is single-threaded by design (its sessions share it without locks), so the server is one executor on
//! one thread over the operating system's readiness; it must not bring tokio into the tree.

mod real;

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    rc::Rc,
};

use async_executor::LocalExecutor;
use async_io::Async;
use sim_db::wire::{Authentication, Server, serve_connection};

use real::RealEnvironment;

/// Serves until the process ends.
///
/// # Errors
/// The listening socket cannot be made.
pub fn run(listen: SocketAddr, authentication: Authentication) -> io::Result<Infallible> {
    let listener = Async::<TcpListener>::bind(listen)?;
    let server = Server::new(Rc::new(RealEnvironment), authentication);
    println!("listening on {}", listener.get_ref().local_addr()?);
    let executor = Rc::new(LocalExecutor::new());
    let spawner = executor.clone();
    async_io::block_on(executor.run(async move {
        loop {
            // Out of file descriptors, or a client that is gone already: the next one may do better.
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.get_ref().set_nodelay(true);
            let server = server.clone();
            spawner.spawn(async move { serve_connection(&server, stream).await }).detach();
        }
    }))
}
