//! Waits on a real port of loopback, prints it, and exits with 7 when somebody connects.

fn main() -> std::io::Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    listener.accept()?;
    std::process::exit(7)
}
