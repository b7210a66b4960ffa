//! What an option set on a descriptor does to its socket.

use sim_host::sockets::SocketOption;

use super::Socket;
use super::table::Opened;
use crate::tcp::Keepalive;

/// Applies an option. An error means that the connection is over, where options no longer matter.
pub(super) fn set(opened: &Opened, option: SocketOption) {
    let socket = opened.socket();
    let _ = match option {
        SocketOption::SendTimeout(limit) => {
            opened.send_timeout.set(limit);
            Ok(())
        }
        SocketOption::ReceiveTimeout(limit) => {
            opened.receive_timeout.set(limit);
            Ok(())
        }
        SocketOption::Keepalive(_)
        | SocketOption::KeepaliveIdle(_)
        | SocketOption::KeepaliveInterval(_)
        | SocketOption::KeepaliveProbes(_) => {
            let (on, probing) = changed(opened.keepalive.get(), option);
            opened.keepalive.set((on, probing));
            let keepalive = on.then_some(probing);
            match socket {
                Socket::Idle(socket) => {
                    socket.set_keepalive(keepalive);
                    Ok(())
                }
                Socket::Stream(stream) => stream.set_keepalive(keepalive),
                _ => Ok(()),
            }
        }
        SocketOption::Nodelay(nodelay) => match socket {
            Socket::Idle(socket) => {
                socket.set_nodelay(nodelay);
                Ok(())
            }
            Socket::Stream(stream) => stream.set_nodelay(nodelay),
            _ => Ok(()),
        },
        SocketOption::Linger(linger) => match socket {
            Socket::Idle(socket) => {
                socket.set_linger(linger);
                Ok(())
            }
            Socket::Stream(stream) => stream.set_linger(linger),
            _ => Ok(()),
        },
        SocketOption::UserTimeout(limit) => match socket {
            Socket::Idle(socket) => {
                socket.set_user_timeout(limit);
                Ok(())
            }
            Socket::Stream(stream) => stream.set_user_timeout(limit),
            _ => Ok(()),
        },
        // The size of a connection's buffers is fixed when it begins.
        SocketOption::SendBuffer(bytes) => {
            if let Socket::Idle(socket) = socket {
                socket.set_send_buffer_size(bytes);
            }
            Ok(())
        }
        SocketOption::ReceiveBuffer(bytes) => {
            if let Socket::Idle(socket) = socket {
                socket.set_recv_buffer_size(bytes);
            }
            Ok(())
        }
    };
}

fn changed((mut on, mut probing): (bool, Keepalive), option: SocketOption) -> (bool, Keepalive) {
    let ns = |span: std::time::Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    match option {
        SocketOption::Keepalive(wanted) => on = wanted,
        SocketOption::KeepaliveIdle(idle) => probing.idle_ns = ns(idle),
        SocketOption::KeepaliveInterval(interval) => probing.interval_ns = ns(interval),
        SocketOption::KeepaliveProbes(probes) => probing.probes = probes,
        _ => {}
    }
    (on, probing)
}
