//! The cargo subcommand `cargo sim`.

fn main() {}
