//! tokio's signals, raised by the scenario: [`Node::signal`](sim_runtime::node::Node::signal), or `raise` and `kill`
//! of the process itself within a run.

pub mod unix;

use std::io;

/// Waits for ctrl-c, `SIGINT`.
///
/// # Errors
///
/// None here.
///
/// # Panics
///
/// If there is no current runtime, or it has no input and output.
pub async fn ctrl_c() -> io::Result<()> {
    unix::signal(unix::SignalKind::interrupt())?.recv().await;
    Ok(())
}
