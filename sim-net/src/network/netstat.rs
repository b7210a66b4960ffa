//! The socket table as text, for people who ask why nothing goes on.

use std::fmt::Write as _;
use std::rc::Rc;

use sim_runtime::executor::World;
use sim_runtime::task::NodeId;

use super::state::State;
use crate::tcp::Side;

impl State {
    /// The sockets of one node, or of all; `None` when there are none.
    ///
    /// The columns are those of `netstat`: bytes to read, bytes not yet acknowledged, addresses, state.
    pub(crate) fn netstat(&mut self, world: &Rc<World>, node: Option<NodeId>) -> Option<String> {
        let mut table = String::new();
        let wanted = |of: NodeId| node.is_none_or(|node| node == of);
        for listener in self.shared.listeners.values().filter(|listener| wanted(listener.node)) {
            let address = listener.path.as_deref().map_or_else(|| listener.local.to_string(), str::to_owned);
            let _ = writeln!(
                table,
                "{:<12} {:>8} {:>8} {:<22} {:<22} LISTEN",
                world.node_name(listener.node),
                listener.queue.len(),
                listener.backlog,
                address,
                "*",
            );
        }
        let now = world.now();
        for (index, generation) in self.conns.keys() {
            let Some(conn) = self.conns.get(index, generation) else { continue };
            for side in [Side::Client, Side::Server] {
                let of = conn.nodes[side as usize];
                if !wanted(of) || !conn.tcp.end(side).owned {
                    continue;
                }
                let unread = conn.tcp.pipe(side.other()).readable();
                let unsent = conn.tcp.unacknowledged(now, side);
                let stuck = if conn.tcp.stuck(side) { " (packets wait for the path to heal)" } else { "" };
                let held = if conn.tcp.pipe(side).held { " (held by a request-level fault)" } else { "" };
                let _ = writeln!(
                    table,
                    "{:<12} {unread:>8} {unsent:>8} {:<22} {:<22} {}{stuck}{held}",
                    world.node_name(of),
                    conn.tcp.end(side).local,
                    conn.tcp.end(side.other()).local,
                    conn.tcp.state(side),
                );
            }
        }
        (!table.is_empty()).then(|| {
            format!(
                "{:<12} {:>8} {:>8} {:<22} {:<22} state\n{table}",
                "node", "unread", "unacked", "local", "peer"
            )
        })
    }
}
