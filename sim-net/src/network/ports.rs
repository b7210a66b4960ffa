//! Who has which port on which node.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sim_runtime::index::Index;
use sim_runtime::task::NodeId;

/// Linux' default range of ephemeral ports.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// What a port is bound for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// The ports of all nodes. `TIME_WAIT` keeps none.
#[derive(Default)]
pub(crate) struct Ports {
    bound: BTreeMap<(Protocol, NodeId, u16), Vec<IpAddr>>,
    /// Local ports of outgoing connections, with their destination: one port may serve several.
    outgoing: Index<(NodeId, u16, SocketAddr), ()>,
    next: BTreeMap<(Protocol, NodeId), u16>,
}

fn overlap(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

impl Ports {
    /// Binds `port`, or a free one for 0. `None` when it is in use.
    pub(crate) fn bind(&mut self, protocol: Protocol, node: NodeId, ip: IpAddr, port: u16) -> Option<u16> {
        let port = if port == 0 {
            self.free(protocol, node, |ports, port| !ports.taken(protocol, node, ip, port))?
        } else {
            port
        };
        if self.taken(protocol, node, ip, port) {
            return None;
        }
        self.bound.entry((protocol, node, port)).or_default().push(ip);
        Some(port)
    }

    fn taken(&self, protocol: Protocol, node: NodeId, ip: IpAddr, port: u16) -> bool {
        self.bound.get(&(protocol, node, port)).is_some_and(|ips| ips.iter().any(|other| overlap(*other, ip)))
    }

    /// Gives a bound port back.
    pub(crate) fn unbind(&mut self, protocol: Protocol, node: NodeId, local: SocketAddr) {
        if let Some(ips) = self.bound.get_mut(&(protocol, node, local.port())) {
            if let Some(at) = ips.iter().position(|ip| *ip == local.ip()) {
                ips.swap_remove(at);
            }
            if ips.is_empty() {
                self.bound.remove(&(protocol, node, local.port()));
            }
        }
    }

    /// A local port for a connection to `to`; `None` when all are in use.
    pub(crate) fn outgoing(&mut self, node: NodeId, to: SocketAddr) -> Option<u16> {
        self.free(Protocol::Tcp, node, |ports, port| {
            !ports.bound.contains_key(&(Protocol::Tcp, node, port)) && ports.outgoing_from(node, port, to)
        })
    }

    /// A connection to `to` from the given port; false when there is one already.
    pub(crate) fn outgoing_from(&mut self, node: NodeId, port: u16, to: SocketAddr) -> bool {
        self.outgoing.insert((node, port, to), ()).is_none()
    }

    /// The connection is gone.
    pub(crate) fn release(&mut self, node: NodeId, port: u16, to: SocketAddr) {
        self.outgoing.remove(&(node, port, to));
    }

    /// Goes round the ephemeral range, so that a port is not reused at once.
    fn free(
        &mut self,
        protocol: Protocol,
        node: NodeId,
        mut fits: impl FnMut(&mut Ports, u16) -> bool,
    ) -> Option<u16> {
        let start = self.next.get(&(protocol, node)).copied().unwrap_or(*EPHEMERAL.start());
        let found =
            (start..=*EPHEMERAL.end()).chain(*EPHEMERAL.start()..start).find(|&port| fits(self, port))?;
        let next = if found == *EPHEMERAL.end() { *EPHEMERAL.start() } else { found + 1 };
        self.next.insert((protocol, node), next);
        Some(found)
    }

    /// The node crashed: its sockets are gone.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.bound.retain(|(_, of, _), _| *of != node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Protocol::{Tcp, Udp};

    const N: NodeId = NodeId(1);

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("a literal")
    }

    #[test]
    fn two_sockets_on_one_port_need_different_addresses_or_protocols() {
        let mut ports = Ports::default();
        assert_eq!(ports.bind(Tcp, N, ip("10.0.0.1"), 80), Some(80));
        assert_eq!(ports.bind(Tcp, N, ip("127.0.0.1"), 80), Some(80));
        assert_eq!(ports.bind(Udp, N, ip("0.0.0.0"), 80), Some(80));
        assert_eq!(ports.bind(Tcp, N, ip("0.0.0.0"), 80), None);
        assert_eq!(ports.bind(Tcp, NodeId(2), ip("0.0.0.0"), 80), Some(80));
    }

    #[test]
    fn a_port_is_free_again_when_its_socket_is_gone() {
        let mut ports = Ports::default();
        ports.bind(Tcp, N, ip("0.0.0.0"), 80);
        ports.unbind(Tcp, N, "0.0.0.0:80".parse().expect("a literal"));
        assert_eq!(ports.bind(Tcp, N, ip("10.0.0.1"), 80), Some(80));
    }

    #[test]
    fn ephemeral_ports_go_round() {
        let mut ports = Ports::default();
        let to = "10.0.0.2:80".parse().expect("a literal");
        let first = ports.outgoing(N, to).expect("free");
        ports.release(N, first, to);
        assert_eq!(ports.outgoing(N, to), Some(first + 1));
    }

    #[test]
    fn all_ports_to_one_destination_can_be_in_use() {
        let mut ports = Ports::default();
        let to = "10.0.0.2:80".parse().expect("a literal");
        let count = (0..40_000).map_while(|_| ports.outgoing(N, to)).count();
        assert_eq!(count, EPHEMERAL.count());
    }
}
