//! `sim-db`: the store as a server on a real socket.

mod serve;

use std::{net::SocketAddr, process::ExitCode};

use clap::{Parser, Subcommand};
use sim_db::wire::authentication::Authentication;

#[derive(Parser)]
#[command(name = "sim-db", about = "A PostgreSQL-compatible store")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer PostgreSQL clients in real time: any user, any database name (each its own, empty at first use).
    Serve {
        /// Where to listen; port 0 takes a free one, which the first line of the output names.
        #[arg(long, default_value = "127.0.0.1:5432")]
        listen: SocketAddr,
        /// Ask every client for this password.
        #[arg(long)]
        password: Option<String>,
        /// How to ask for the password.
        #[arg(long, default_value = "scram-sha-256", value_parser = ["scram-sha-256", "md5", "password"])]
        auth: String,
    },
}

fn main() -> ExitCode {
    let Command::Serve { listen, password, auth } = Arguments::parse().command;
    let authentication = match (password, auth.as_str()) {
        (None, _) => Authentication::Trust,
        (Some(password), "password") => Authentication::Cleartext(password),
        (Some(password), "md5") => Authentication::Md5(password),
        (Some(password), _) => Authentication::ScramSha256(password),
    };
    match serve::run(listen, authentication) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("sim-db: cannot serve on {listen}: {error}");
            ExitCode::FAILURE
        }
    }
}
