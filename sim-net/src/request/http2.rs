//! HTTP/2 (RFC 9113) in both directions of a connection.
//!
//! Frames are counted, header blocks decoded; nothing else is looked at.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::chunked::Malformed;
use super::event::{Event, Head, Mark};
use super::hpack::{self, Decoder, Field};

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const HEADER_TABLE_SIZE: u16 = 1;
const FRAME_HEAD_BYTES: usize = 9;
/// Bytes of a header block.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug)]
struct Direction {
    /// Bytes of the preface still to come.
    preface: usize,
    /// The frame so far, as far as it is kept: its head, and its payload unless that is data nobody wants.
    frame: Vec<u8>,
    /// Payload bytes of the frame that are skipped.
    skip: usize,
    /// A header block that goes on in the next frame: stream, flags of its first frame.
    open: Option<(u32, u8)>,
    block: Vec<u8>,
    block_at: usize,
    decoder: Decoder,
}

impl Direction {
    fn new(preface: usize) -> Direction {
        Direction {
            preface,
            frame: Vec::new(),
            skip: 0,
            open: None,
            block: Vec::new(),
            block_at: 0,
            decoder: Decoder::new(),
        }
    }
}

/// A request that is kept whole.
#[derive(Debug, Default)]
struct Kept {
    fields: Vec<Field>,
    body: Vec<u8>,
}

/// A reader of HTTP/2.
#[derive(Debug)]
pub struct Http2 {
    client: Direction,
    server: Direction,
    /// Streams whose final response has begun.
    answering: BTreeMap<u32, bool>,
    kept: BTreeMap<u32, Kept>,
    keep: bool,
}

/// One frame, complete or skipped to its end.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
    begun_at: usize,
    end: usize,
}

impl Http2 {
    /// In front of the preface.
    pub fn new(keep: bool) -> Http2 {
        Http2 {
            client: Direction::new(PREFACE.len()),
            server: Direction::new(0),
            answering: BTreeMap::new(),
            kept: BTreeMap::new(),
            keep,
        }
    }

    /// Keeps requests that begin from now on whole, or stops doing so.
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Reads what the client sent.
    ///
    /// # Errors
    /// When it is no HTTP/2.
    pub fn client(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        let mut at = self.client.preface.min(bytes.len());
        self.client.preface -= at;
        while let Some(frame) = next(&mut self.client, bytes, &mut at, !self.kept.is_empty())? {
            match frame.kind {
                SETTINGS => settings(&frame, &mut self.server.decoder),
                HEADERS | CONTINUATION => {
                    if let Some((stream, flags, begun_at, fields)) = block(&mut self.client, &frame)? {
                        self.request(stream, flags, begun_at, fields, frame.end, marks);
                    }
                }
                DATA => {
                    if let Some(kept) = self.kept.get_mut(&frame.stream) {
                        kept.body.extend_from_slice(unpadded(&frame)?);
                    }
                    if frame.flags & END_STREAM != 0 {
                        self.request_ends(frame.stream, frame.end, marks);
                    }
                }
                RST_STREAM => self.abandoned(&frame, marks),
                _ => {}
            }
        }
        Ok(())
    }

    fn request(
        &mut self,
        stream: u32,
        flags: u8,
        begun_at: usize,
        fields: Vec<Field>,
        end: usize,
        marks: &mut Vec<Mark>,
    ) {
        // A second block of a stream is its trailers.
        if let Entry::Vacant(entry) = self.answering.entry(stream) {
            entry.insert(false);
            let head = Head {
                method: text(&fields, b":method"),
                path: text(&fields, b":path"),
                authority: text(&fields, b":authority"),
            };
            if self.keep {
                self.kept.insert(stream, Kept { fields, body: Vec::new() });
            }
            marks.push(Mark { at: begun_at, event: Event::RequestBegins { stream, head } });
        }
        if flags & END_STREAM != 0 {
            self.request_ends(stream, end, marks);
        }
    }

    fn request_ends(&mut self, stream: u32, at: usize, marks: &mut Vec<Mark>) {
        let whole = self.kept.remove(&stream).map(|kept| again(&kept));
        marks.push(Mark { at, event: Event::RequestEnds { stream, whole } });
    }

    fn abandoned(&mut self, frame: &Frame, marks: &mut Vec<Mark>) {
        self.kept.remove(&frame.stream);
        if self.answering.remove(&frame.stream).is_some() {
            marks.push(Mark { at: frame.end, event: Event::Abandoned { stream: frame.stream } });
        }
    }

    /// Reads what the server sent.
    ///
    /// # Errors
    /// When it is no HTTP/2.
    pub fn server(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        let mut at = 0;
        while let Some(frame) = next(&mut self.server, bytes, &mut at, false)? {
            match frame.kind {
                SETTINGS => settings(&frame, &mut self.client.decoder),
                HEADERS | CONTINUATION | PUSH_PROMISE => {
                    let pushed = frame.kind == PUSH_PROMISE;
                    if let Some((stream, flags, begun_at, fields)) = block(&mut self.server, &frame)?
                        && !pushed
                    {
                        self.response(stream, begun_at, &fields, marks);
                        if flags & END_STREAM != 0 {
                            self.response_ends(stream, frame.end, marks);
                        }
                    }
                }
                DATA if frame.flags & END_STREAM != 0 => self.response_ends(frame.stream, frame.end, marks),
                RST_STREAM => self.abandoned(&frame, marks),
                _ => {}
            }
        }
        Ok(())
    }

    fn response(&mut self, stream: u32, at: usize, fields: &[Field], marks: &mut Vec<Mark>) {
        let status = text(fields, b":status").parse().unwrap_or(0);
        if let Some(answering) = self.answering.get_mut(&stream)
            && !*answering
            && status >= 200
        {
            *answering = true;
            marks.push(Mark { at, event: Event::ResponseBegins { stream, status } });
        }
    }

    fn response_ends(&mut self, stream: u32, at: usize, marks: &mut Vec<Mark>) {
        if self.answering.remove(&stream).is_some() {
            marks.push(Mark { at, event: Event::ResponseEnds { stream } });
        }
    }
}

/// The next complete frame, if the bytes have its end. Data nobody wants is not kept.
fn next(
    side: &mut Direction,
    bytes: &[u8],
    at: &mut usize,
    wants_data: bool,
) -> Result<Option<Frame>, Malformed> {
    let begun_at = if side.frame.is_empty() { *at } else { 0 };
    let missing = FRAME_HEAD_BYTES.saturating_sub(side.frame.len());
    if missing > 0 {
        let taken = missing.min(bytes.len() - *at);
        side.frame.extend_from_slice(&bytes[*at..*at + taken]);
        *at += taken;
        if taken < missing {
            return Ok(None);
        }
        let length = length(&side.frame);
        side.skip = if side.frame[3] == DATA && !wants_data { length } else { 0 };
    }
    let (kind, flags) = (side.frame[3], side.frame[4]);
    let skipped = side.skip.min(bytes.len() - *at);
    side.skip -= skipped;
    *at += skipped;
    if side.skip > 0 {
        return Ok(None);
    }
    let kept = side.frame.len() - FRAME_HEAD_BYTES;
    let wanted = if kind == DATA && !wants_data && kept == 0 { 0 } else { length(&side.frame) - kept };
    let taken = wanted.min(bytes.len() - *at);
    side.frame.extend_from_slice(&bytes[*at..*at + taken]);
    *at += taken;
    if taken < wanted {
        return Ok(None);
    }
    let stream = u32::from_be_bytes(side.frame[5..9].try_into().map_err(|_| Malformed)?) & 0x7fff_ffff;
    let payload = side.frame.split_off(FRAME_HEAD_BYTES);
    side.frame.clear();
    Ok(Some(Frame { kind, flags, stream, payload, begun_at, end: *at }))
}

fn length(head: &[u8]) -> usize {
    usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])
}

fn settings(frame: &Frame, decoder: &mut Decoder) {
    if frame.flags & ACK == 0 {
        for setting in frame.payload.chunks_exact(6) {
            if u16::from_be_bytes([setting[0], setting[1]]) == HEADER_TABLE_SIZE {
                let bytes = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
                decoder.allow(bytes as usize);
            }
        }
    }
}

fn unpadded(frame: &Frame) -> Result<&[u8], Malformed> {
    if frame.flags & PADDED == 0 {
        return Ok(&frame.payload);
    }
    let (&padding, rest) = frame.payload.split_first().ok_or(Malformed)?;
    rest.get(..rest.len().checked_sub(usize::from(padding)).ok_or(Malformed)?).ok_or(Malformed)
}

/// The header block that this frame completes: its stream, the flags and place of its first frame, its fields.
#[expect(clippy::type_complexity, reason = "taken apart at once")]
fn block(side: &mut Direction, frame: &Frame) -> Result<Option<(u32, u8, usize, Vec<Field>)>, Malformed> {
    let mut part = &frame.payload[..];
    if frame.kind == CONTINUATION {
        if side.open.is_none_or(|(stream, _)| stream != frame.stream) {
            return Err(Malformed);
        }
        side.block_at = side.block_at.min(frame.begun_at);
    } else {
        part = unpadded(frame)?;
        let skip = match frame.kind {
            PUSH_PROMISE => 4,
            _ if frame.flags & PRIORITY != 0 => 5,
            _ => 0,
        };
        part = part.get(skip..).ok_or(Malformed)?;
        side.open = Some((frame.stream, frame.flags));
        side.block.clear();
        side.block_at = frame.begun_at;
    }
    side.block.extend_from_slice(part);
    if side.block.len() > BLOCK_BYTES_MAX {
        return Err(Malformed);
    }
    if frame.flags & END_HEADERS == 0 {
        // The rest comes in another piece, perhaps: then its beginning lies before that piece.
        return Ok(None);
    }
    let (stream, flags) = side.open.take().ok_or(Malformed)?;
    let fields = side.decoder.decode(&side.block)?;
    Ok(Some((stream, flags, side.block_at, fields)))
}

fn text(fields: &[Field], name: &[u8]) -> String {
    let value = fields.iter().find(|(n, _)| n == name).map_or(&[][..], |(_, value)| value);
    String::from_utf8_lossy(value).into_owned()
}

/// The request as the first of a fresh connection.
fn again(kept: &Kept) -> Vec<u8> {
    const FRAME_BYTES_MAX: usize = 16_384;
    let mut bytes = PREFACE.to_vec();
    let mut frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
    };
    frame(SETTINGS, 0, 0, &[]);
    let block = hpack::encode(&kept.fields);
    let mut parts = block.chunks(FRAME_BYTES_MAX).peekable();
    let mut kind = HEADERS;
    while let Some(part) = parts.next() {
        let last = if parts.peek().is_none() { END_HEADERS } else { 0 };
        let end = if kind == HEADERS && kept.body.is_empty() { END_STREAM } else { 0 };
        frame(kind, last | end, 1, part);
        kind = CONTINUATION;
    }
    let mut parts = kept.body.chunks(FRAME_BYTES_MAX).peekable();
    while let Some(part) = parts.next() {
        frame(DATA, if parts.peek().is_none() { END_STREAM } else { 0 }, 1, part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    fn fields(list: &[(&str, &str)]) -> Vec<u8> {
        hpack::encode(
            &list.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())).collect::<Vec<_>>(),
        )
    }

    fn conversation() -> (Vec<u8>, Vec<u8>) {
        let post = fields(&[(":method", "POST"), (":path", "/charge"), (":authority", "api")]);
        let get = fields(&[(":method", "GET"), (":path", "/")]);
        let (first, rest) = post.split_at(9);
        let client = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, 0, &[]),
            frame(HEADERS, 0, 1, first),
            frame(CONTINUATION, END_HEADERS, 1, rest),
            frame(HEADERS, END_HEADERS | END_STREAM, 3, &get),
            frame(DATA, END_STREAM | PADDED, 1, b"\x02body--"),
        ];
        let server = [
            frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0x20, 0]),
            frame(HEADERS, END_HEADERS | END_STREAM, 3, &fields(&[(":status", "404")])),
            frame(HEADERS, END_HEADERS, 1, &fields(&[(":status", "103")])),
            frame(HEADERS, END_HEADERS, 1, &fields(&[(":status", "200")])),
            frame(DATA, END_STREAM, 1, b"ok"),
        ];
        (client.concat(), server.concat())
    }

    fn read(keep: bool, client_cut: usize, server_cut: usize) -> Vec<Event> {
        let (client, server) = conversation();
        let mut reader = Http2::new(keep);
        let mut marks = Vec::new();
        for piece in [&client[..client_cut], &client[client_cut..]] {
            let from = marks.len();
            reader.client(piece, &mut marks).expect("well formed");
            assert!(marks[from..].iter().all(|mark| mark.at <= piece.len()));
        }
        for piece in [&server[..server_cut], &server[server_cut..]] {
            reader.server(piece, &mut marks).expect("well formed");
        }
        marks.into_iter().map(|mark| mark.event).collect()
    }

    #[test]
    fn interleaved_streams_are_told_apart() {
        let head = |method: &str, path: &str, authority: &str| Head {
            method: method.into(),
            path: path.into(),
            authority: authority.into(),
        };
        let expected = [
            Event::RequestBegins { stream: 1, head: head("POST", "/charge", "api") },
            Event::RequestBegins { stream: 3, head: head("GET", "/", "") },
            Event::RequestEnds { stream: 3, whole: None },
            Event::RequestEnds { stream: 1, whole: None },
            Event::ResponseBegins { stream: 3, status: 404 },
            Event::ResponseEnds { stream: 3 },
            Event::ResponseBegins { stream: 1, status: 200 },
            Event::ResponseEnds { stream: 1 },
        ];
        assert_eq!(read(false, 0, 0), expected);
    }

    #[test]
    fn a_request_kept_whole_reads_as_the_same_request() {
        let whole = read(true, 0, 0).into_iter().find_map(|event| match event {
            Event::RequestEnds { stream: 1, whole } => whole,
            _ => None,
        });
        let mut marks = Vec::new();
        Http2::new(true).client(&whole.expect("kept"), &mut marks).expect("well formed");
        let Event::RequestBegins { head, .. } = &marks[0].event else { panic!("{marks:?}") };
        assert_eq!((&*head.method, &*head.path, &*head.authority), ("POST", "/charge", "api"));
        let Event::RequestEnds { whole: Some(whole), .. } = &marks[1].event else { panic!("{marks:?}") };
        assert!(whole.ends_with(b"body"));
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(client in 0usize..170, server in 0usize..100) {
            let (c, s) = conversation();
            prop_assert_eq!(read(true, client.min(c.len()), server.min(s.len())), read(true, 0, 0));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Http2::new(true);
            let _ = reader.client(&[PREFACE, &bytes].concat(), &mut Vec::new());
            let _ = reader.server(&bytes, &mut Vec::new());
        }
    }
}
