//! Options of sockets.

use crate::{agree, see};

agree! {
    nodelay_is_off_until_it_is_set(k) {
        let (a, _b) = k.pair().await;
        let before = a.nodelay();
        a.set_nodelay(true);
        see![before, a.nodelay()]
    }

    linger_is_off_until_it_is_set(k) {
        let (a, _b) = k.pair().await;
        let before = a.linger();
        a.linger_zero();
        see![before, a.linger()]
    }

    a_healthy_socket_has_no_error(k) {
        let (a, b) = k.pair().await;
        see![a.take_error(), b.take_error()]
    }

    a_finished_peer_is_no_error(k) {
        let (a, b) = k.pair().await;
        drop(b);
        k.settle().await;
        see![a.take_error(), a.read(9)]
    }
}
