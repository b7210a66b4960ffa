//! The numbers a Linux host uses, all in virtual time.
//!
//! Nothing here waits for real: a connect into a cut takes its 127 seconds of virtual time and no work.

/// First retransmission of a `SYN`, doubled for each further one.
pub const SYN_RETRY_NS: u64 = 1_000_000_000;

/// A connect gives up after this long without an answer: six retries (1 + 2 + 4 + … + 64 s), as `tcp_syn_retries`.
pub const CONNECT_LIMIT_NS: u64 = 127_000_000_000;

/// A half-made connection is forgotten by the listener after this long: five retries, as `tcp_synack_retries`.
pub const SYN_ACK_LIMIT_NS: u64 = 63_000_000_000;

/// First retransmission of data, unless the round trip is longer than that.
pub const RETRY_NS_MIN: u64 = 200_000_000;

/// Longest wait between two retransmissions.
pub const RETRY_NS_MAX: u64 = 120_000_000_000;

/// A connection ends when data stays unacknowledged this long: fifteen retries, as `tcp_retries2`.
pub const RETRANSMIT_LIMIT_NS: u64 = 924_600_000_000;

/// Retransmissions a lost packet gets before its connection counts as cut.
pub const RETRIES_MAX: u32 = 15;

/// A resolver's answer for a machine that is not there (`ARP` tried three times).
pub const NO_SUCH_HOST_NS: u64 = 3_000_000_000;

/// Idle time before the first keepalive probe, gap between probes, and how many may go unanswered.
pub const KEEPALIVE: Keepalive =
    Keepalive { idle_ns: 7_200_000_000_000, interval_ns: 75_000_000_000, probes: 9 };

/// Bytes accepted from the application and not yet acknowledged, by default.
pub const SEND_BUFFER_BYTES: u32 = 87_380;

/// Bytes the other side may have on the way to us or waiting for us, by default.
pub const RECEIVE_BUFFER_BYTES: u32 = 65_536;

/// Largest piece sent as one packet event (a real card is handed about as much at once).
pub const SEGMENT_BYTES_MAX: usize = 65_536;

/// When an idle connection is probed, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe, in nanoseconds.
    pub idle_ns: u64,
    /// Between two probes, in nanoseconds.
    pub interval_ns: u64,
    /// Unanswered probes that end the connection.
    pub probes: u32,
}

/// When retransmission number `retry` (1 = the first) of something sent at `sent_ns` leaves.
pub fn retry_at(sent_ns: u64, first_ns: u64, retry: u32) -> u64 {
    let mut at = sent_ns;
    let mut wait = first_ns;
    for _ in 0..retry {
        at = at.saturating_add(wait);
        wait = (wait * 2).min(RETRY_NS_MAX);
    }
    at
}

/// The first retransmission of something sent at `sent_ns` that leaves at or after `now_ns`.
pub fn next_retry_at(sent_ns: u64, first_ns: u64, now_ns: u64) -> u64 {
    let mut at = sent_ns;
    let mut wait = first_ns.max(1);
    while at < now_ns {
        at = at.saturating_add(wait);
        wait = (wait * 2).min(RETRY_NS_MAX.max(first_ns));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_is_tried_seven_times_in_127_seconds() {
        assert_eq!(retry_at(0, SYN_RETRY_NS, 7), CONNECT_LIMIT_NS);
    }

    #[test]
    fn data_is_tried_sixteen_times_in_924_seconds() {
        assert_eq!(retry_at(0, RETRY_NS_MIN, 16), RETRANSMIT_LIMIT_NS);
    }

    #[test]
    fn the_next_retry_is_on_the_schedule() {
        assert_eq!(next_retry_at(0, SYN_RETRY_NS, 2_500_000_000), 3_000_000_000);
        assert_eq!(next_retry_at(0, SYN_RETRY_NS, 3_000_000_000), 3_000_000_000);
    }
}
