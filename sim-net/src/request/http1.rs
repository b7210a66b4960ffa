//! HTTP/1.1 in both directions of a connection (RFC 9112).
//!
//! Heads are parsed by `httparse`; this knows where messages end, which head answers which request, and
//! when the protocol ends (an upgrade, a `CONNECT`, a body that runs to the end of the connection).

use std::collections::VecDeque;
use std::mem::MaybeUninit;

use super::chunked::{Chunked, Malformed};
use super::event::{Event, Head, Mark};

/// Header fields a head may have; one with more is not understood, and neither is what follows.
const FIELDS_MAX: usize = 128;
/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
enum Place {
    /// In a head, or between messages.
    Head,
    Length(u64),
    Chunked(Chunked),
    /// The body runs to the end of the connection.
    Rest,
}

#[derive(Debug)]
struct Direction {
    /// The part of a head seen in earlier pieces.
    head: Vec<u8>,
    place: Place,
}

/// What a response means for the framing of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

/// A reader of HTTP/1.1.
#[derive(Debug)]
pub struct Http1 {
    client: Direction,
    server: Direction,
    asked: VecDeque<Asked>,
    /// Bytes of the request under way, while requests are kept whole.
    whole: Option<Vec<u8>>,
    keep: bool,
}

struct Framing {
    length: Option<u64>,
    chunked: bool,
    host: String,
}

impl Http1 {
    /// In front of the first message of each direction.
    pub fn new(keep: bool) -> Http1 {
        let direction = || Direction { head: Vec::new(), place: Place::Head };
        Http1 { client: direction(), server: direction(), asked: VecDeque::new(), whole: None, keep }
    }

    /// Keeps requests that begin from now on whole, or stops doing so.
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Whether the bytes could be the beginning of a request.
    pub fn looks_like(bytes: &[u8]) -> bool {
        !bytes.is_empty()
            && bytes.iter().take(16).take_while(|b| **b != b' ').all(|b| b.is_ascii_uppercase() || *b == b'-')
            && (bytes.len() >= 16 || bytes.iter().all(u8::is_ascii))
            && bytes[0] != b'-'
            && (bytes.len() < 16 || bytes[..16].contains(&b' '))
    }

    /// Reads what the client sent.
    ///
    /// # Errors
    /// When it is no HTTP/1.1.
    pub fn client(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        let mut at = 0;
        let mut begun_at = 0;
        loop {
            match &mut self.client.place {
                Place::Head => {
                    // A client may send an empty line between requests.
                    while self.client.head.is_empty()
                        && at < bytes.len()
                        && matches!(bytes[at], b'\r' | b'\n')
                    {
                        at += 1;
                    }
                    if at == bytes.len() {
                        return Ok(());
                    }
                    begun_at = if self.client.head.is_empty() { at } else { 0 };
                    let before = self.client.head.len();
                    // Not initialised: that would cost more than the parsing.
                    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
                    let mut request = httparse::Request::new(&mut []);
                    let text = join(&mut self.client.head, &bytes[at..])?;
                    let parsed = request.parse_with_uninit_headers(text, &mut fields);
                    let httparse::Status::Complete(length) = parsed.map_err(|_| Malformed)? else {
                        if before == 0 {
                            self.client.head.extend_from_slice(&bytes[at..]);
                        }
                        return Ok(());
                    };
                    let framing = framing(request.headers)?;
                    let method = request.method.unwrap_or_default();
                    self.asked.push_back(match method {
                        "HEAD" => Asked::Head,
                        "CONNECT" => Asked::Connect,
                        _ => Asked::Other,
                    });
                    let (path, authority) = target(request.path.unwrap_or_default(), framing.host);
                    let head = Head { method: method.to_owned(), path, authority };
                    if self.keep {
                        self.whole = Some(text[..length].to_vec());
                    }
                    marks.push(Mark { at: begun_at, event: Event::RequestBegins { stream: 0, head } });
                    at += length - before;
                    self.client.head.clear();
                    self.client.place = match (framing.chunked, framing.length) {
                        (true, _) => Place::Chunked(Chunked::START),
                        (false, length) => Place::Length(length.unwrap_or(0)),
                    };
                }
                place => {
                    let (taken, ended) = body(place, &bytes[at..])?;
                    if let Some(whole) = &mut self.whole {
                        whole.extend_from_slice(&bytes[at..at + taken]);
                    }
                    at += taken;
                    if !ended {
                        return Ok(());
                    }
                    *place = Place::Head;
                    let whole = self.whole.take();
                    marks.push(Mark { at, event: Event::RequestEnds { stream: 0, whole } });
                }
            }
            debug_assert!(begun_at <= at, "a message begins before it ends");
        }
    }

    /// Reads what the server sent.
    ///
    /// # Errors
    /// When it is no HTTP/1.1, or an answer to nothing.
    pub fn server(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        let mut at = 0;
        loop {
            match &mut self.server.place {
                Place::Head => {
                    if at == bytes.len() {
                        return Ok(());
                    }
                    let begun_at = if self.server.head.is_empty() { at } else { 0 };
                    let before = self.server.head.len();
                    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
                    let mut response = httparse::Response::new(&mut []);
                    let text = join(&mut self.server.head, &bytes[at..])?;
                    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
                        &mut response,
                        text,
                        &mut fields,
                    );
                    let httparse::Status::Complete(length) = parsed.map_err(|_| Malformed)? else {
                        if before == 0 {
                            self.server.head.extend_from_slice(&bytes[at..]);
                        }
                        return Ok(());
                    };
                    let framing = framing(response.headers)?;
                    let status = response.code.ok_or(Malformed)?;
                    at += length - before;
                    self.server.head.clear();
                    if (100..200).contains(&status) && status != 101 {
                        continue;
                    }
                    let asked = self.asked.pop_front().ok_or(Malformed)?;
                    marks.push(Mark { at: begun_at, event: Event::ResponseBegins { stream: 0, status } });
                    let switches = status == 101 || asked == Asked::Connect && (200..300).contains(&status);
                    if switches {
                        marks.push(Mark { at, event: Event::ResponseEnds { stream: 0 } });
                        marks.push(Mark { at, event: Event::Opaque { why: "the protocol was switched" } });
                        return Ok(());
                    }
                    let empty = asked == Asked::Head || matches!(status, 204 | 304);
                    self.server.place = match (empty, framing.chunked, framing.length) {
                        (true, ..) => Place::Length(0),
                        (false, true, _) => Place::Chunked(Chunked::START),
                        (false, false, Some(length)) => Place::Length(length),
                        (false, false, None) => Place::Rest,
                    };
                }
                place => {
                    let (taken, ended) = body(place, &bytes[at..])?;
                    at += taken;
                    if !ended {
                        return Ok(());
                    }
                    *place = Place::Head;
                    marks.push(Mark { at, event: Event::ResponseEnds { stream: 0 } });
                }
            }
        }
    }
}

/// The head so far: the piece at hand alone when it begins there, which is nearly always.
fn join<'a>(head: &'a mut Vec<u8>, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
    if head.len() + bytes.len().min(HEAD_BYTES_MAX) > HEAD_BYTES_MAX * 2 {
        return Err(Malformed);
    }
    if head.is_empty() {
        return Ok(bytes);
    }
    head.extend_from_slice(bytes);
    Ok(head)
}

/// How many of `bytes` belong to the body, and whether it ends there.
fn body(place: &mut Place, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
    match place {
        Place::Head => Err(Malformed),
        Place::Length(left) => {
            let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            *left -= taken as u64;
            Ok((taken, *left == 0))
        }
        Place::Chunked(chunked) => match chunked.feed(bytes)? {
            Some(end) => Ok((end, true)),
            None => Ok((bytes.len(), false)),
        },
        Place::Rest => Ok((bytes.len(), false)),
    }
}

/// Path and authority of a request target. With a full URI as the target, that is where both stand.
fn target(target: &str, host: String) -> (String, String) {
    let Some((_, rest)) = target.split_once("://").filter(|(scheme, _)| !scheme.contains('/')) else {
        return (target.to_owned(), host);
    };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (path, authority.to_owned())
}

fn framing(fields: &[httparse::Header<'_>]) -> Result<Framing, Malformed> {
    let mut framing = Framing { length: None, chunked: false, host: String::new() };
    for field in fields {
        let value = || std::str::from_utf8(field.value).map(str::trim).map_err(|_| Malformed);
        if field.name.eq_ignore_ascii_case("content-length") {
            framing.length = Some(value()?.parse().map_err(|_| Malformed)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            let last = value()?.rsplit(',').next().unwrap_or_default().trim();
            framing.chunked = last.eq_ignore_ascii_case("chunked");
        } else if field.name.eq_ignore_ascii_case("host") {
            value()?.clone_into(&mut framing.host);
        }
    }
    Ok(framing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begins(method: &str, path: &str) -> Event {
        let head = Head { method: method.into(), path: path.into(), authority: "api".into() };
        Event::RequestBegins { stream: 0, head }
    }

    fn ends() -> Event {
        Event::RequestEnds { stream: 0, whole: None }
    }

    fn mark(at: usize, event: Event) -> Mark {
        Mark { at, event }
    }

    #[track_caller]
    fn client(text: &str, expected: &[Mark]) {
        let mut marks = Vec::new();
        Http1::new(false).client(text.as_bytes(), &mut marks).expect("well formed");
        assert_eq!(marks, expected);
    }

    #[track_caller]
    fn server(asked: &str, text: &str, expected: &[Mark]) {
        let mut reader = Http1::new(false);
        reader.client(asked.as_bytes(), &mut Vec::new()).expect("well formed");
        let mut marks = Vec::new();
        reader.server(text.as_bytes(), &mut marks).expect("well formed");
        assert_eq!(marks, expected);
    }

    const GET: &str = "GET /a HTTP/1.1\r\nHost: api\r\n\r\n";
    const POST: &str = "POST /b?c=1 HTTP/1.1\r\nhost: api\r\ncontent-length: 3\r\n\r\nxyz";

    #[test]
    fn pipelined_requests_are_told_apart() {
        let (first, both) = (GET.len(), GET.len() + POST.len());
        client(
            &format!("{GET}{POST}"),
            &[
                mark(0, begins("GET", "/a")),
                mark(first, ends()),
                mark(first, begins("POST", "/b?c=1")),
                mark(both, ends()),
            ],
        );
    }

    #[test]
    fn a_full_uri_is_a_path_and_an_authority() {
        let text = "GET http://api/b?c=1 HTTP/1.1\r\nhost: proxy\r\n\r\n";
        client(text, &[mark(0, begins("GET", "/b?c=1")), mark(text.len(), ends())]);
        let text = "GET http://api HTTP/1.1\r\n\r\n";
        client(text, &[mark(0, begins("GET", "/")), mark(text.len(), ends())]);
    }

    #[test]
    fn a_head_has_no_body_whatever_its_length_says() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let asked = "HEAD / HTTP/1.1\r\nHost: api\r\n\r\n";
        let begins = Event::ResponseBegins { stream: 0, status: 200 };
        server(asked, text, &[mark(0, begins), mark(text.len(), Event::ResponseEnds { stream: 0 })]);
    }

    #[test]
    fn an_interim_response_is_not_the_answer() {
        let (interim, text) = ("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
        let begins = Event::ResponseBegins { stream: 0, status: 204 };
        let end = interim.len() + text.len();
        server(
            GET,
            &format!("{interim}{text}"),
            &[mark(interim.len(), begins), mark(end, Event::ResponseEnds { stream: 0 })],
        );
    }

    #[test]
    fn an_upgrade_ends_what_is_understood() {
        let text = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n\x01\x02";
        let end = text.len() - 2;
        server(
            GET,
            text,
            &[
                mark(0, Event::ResponseBegins { stream: 0, status: 101 }),
                mark(end, Event::ResponseEnds { stream: 0 }),
                mark(end, Event::Opaque { why: "the protocol was switched" }),
            ],
        );
    }

    #[test]
    fn the_whole_request_is_kept_when_asked_for() {
        let mut reader = Http1::new(true);
        let mut marks = Vec::new();
        for piece in [&POST[..10], &POST[10..50], &POST[50..]] {
            reader.client(piece.as_bytes(), &mut marks).expect("well formed");
        }
        let whole = Some(POST.as_bytes().to_vec());
        assert_eq!(marks.last().expect("it ended").event, Event::RequestEnds { stream: 0, whole });
    }

    #[test]
    fn an_answer_to_nothing_is_malformed() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(Http1::new(false).server(text, &mut Vec::new()), Err(Malformed));
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(cuts in prop::collection::vec(0usize..400, 0..6)) {
            let chunked = "PUT /d HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
            let text = format!("{GET}{POST}{chunked}{GET}");
            let events = |cuts: &[usize]| {
                let mut reader = Http1::new(false);
                let mut all = Vec::new();
                let mut from = 0;
                let mut cuts: Vec<usize> = cuts.iter().map(|c| c % text.len()).collect();
                cuts.sort_unstable();
                cuts.push(text.len());
                for to in cuts {
                    let mut marks = Vec::new();
                    reader.client(&text.as_bytes()[from..to], &mut marks).expect("well formed");
                    assert!(marks.iter().all(|mark| mark.at <= to - from));
                    all.extend(marks.into_iter().map(|mark| mark.event));
                    from = to;
                }
                all
            };
            prop_assert_eq!(events(&cuts), events(&[]));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut reader = Http1::new(true);
            let _ = reader.client(&bytes, &mut Vec::new());
            let _ = reader.server(&bytes, &mut Vec::new());
        }
    }
}
