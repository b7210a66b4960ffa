//! What a reader reports.

/// What is known of a request from its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `GET`, `POST`, …
    pub method: String,
    /// The request target: path and query.
    pub path: String,
    /// `Host` or `:authority`; empty when missing.
    pub authority: String,
}

/// Something that happened in the bytes of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The head of a request is complete.
    RequestBegins {
        /// The HTTP/2 stream; 0 in HTTP/1.1, where order tells.
        stream: u32,
        /// What it asks.
        head: Head,
    },
    /// A request is complete.
    RequestEnds {
        /// As above.
        stream: u32,
        /// Bytes that ask the same on a fresh connection, if the reader was told to keep them.
        whole: Option<Vec<u8>>,
    },
    /// The head of a final response is complete.
    ResponseBegins {
        /// As above.
        stream: u32,
        /// 200, 404, …
        status: u16,
    },
    /// A response is complete.
    ResponseEnds {
        /// As above.
        stream: u32,
    },
    /// A stream was abandoned by one side (HTTP/2 `RST_STREAM`).
    Abandoned {
        /// As above.
        stream: u32,
    },
    /// From here on the reader understands nothing: TLS, an upgrade, another protocol.
    Opaque {
        /// Why, in a few words.
        why: &'static str,
    },
}

/// An event and the place in the bytes at hand where it belongs: of the first byte for a beginning (0 when
/// it was in an earlier piece), behind the last one for an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Offset into the bytes at hand.
    pub at: usize,
    /// What happened.
    pub event: Event,
}
