//! Bytes on their way into the network, read along, and the faults that act on what they say.
//!
//! Kinds of a fault plan drawn here: `http.request_lost`, `http.response_lost`, `http.delivered_twice`,
//! `http.disconnected`, `http.slow`. Each asks once a request (the second and the last: once a response).
//! For statements they are `sql.request_lost`, `sql.response_lost` (a lost acknowledgement of a commit, say),
//! `sql.disconnected` and `sql.slow`.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use sim_runtime::executor::World;
use sim_runtime::task::NodeId;

use super::calls::SocketId;
use super::state::State;
use crate::request::rule::after;
use crate::request::tracking::{Exchange, Pending};
use crate::request::{Action, Ending, Event, Head, Mark, Tracked, Until};
use crate::tcp::Side;

/// What becomes of the bytes from a mark on.
enum Verdict {
    Pass,
    /// They and all that follow are lost with the connection.
    Swallow(Ending),
    /// They are kept back.
    Hold(Until, String),
}

/// Longest pause before a repeated request, and longest extra wait for an answer, that a plan draws.
const PLAN_DELAY_NS_MAX: u64 = 10_000_000_000;

impl State {
    /// Sends bytes, reading along.
    pub(crate) fn write_read_along(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        bytes: &[u8],
    ) -> io::Result<usize> {
        let room = self.on_socket(world, id, |tcp, path| tcp.writable(path, id.side))?;
        let bytes = &bytes[..bytes.len().min(room)];
        let keeps = self.requests.repeats() || self.shared.faults.allows("http.delivered_twice");
        let taken = self.socket(id).and_then(|conn| conn.requests.take());
        let Some(mut tracked) = taken else { return self.write_through(world, id, bytes) };
        let sent = if tracked.dead {
            Ok(bytes.len())
        } else {
            let mut marks = std::mem::take(&mut self.requests.marks);
            tracked.reader.keep(keeps && tracked.repetition.is_none());
            match id.side {
                Side::Client => tracked.reader.client(bytes, &mut marks),
                Side::Server => tracked.reader.server(bytes, &mut marks),
            }
            let sent = self.write_marked(world, id, bytes, &mut marks, &mut tracked);
            marks.clear();
            self.requests.marks = marks;
            sent
        };
        if tracked.reader.is_opaque() && !tracked.dead && tracked.repetition.is_none() {
            return sent;
        }
        if let Some(conn) = self.socket(id) {
            conn.requests = Some(tracked);
        }
        sent
    }

    fn write_marked(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        bytes: &[u8],
        marks: &mut Vec<Mark>,
        tracked: &mut Tracked,
    ) -> io::Result<usize> {
        let mut sent = 0;
        let mut ended = Vec::new();
        for mark in marks.drain(..) {
            if let Event::RequestEnds { stream, whole } = mark.event {
                // In HTTP/1.1 the request that ends is the latest that began. What follows from its end
                // waits until its bytes are on the wire.
                let latest = tracked.exchanges.iter().rev().find(|exchange| exchange.stream == stream);
                ended.extend(latest.map(|exchange| (exchange.serial, whole)));
                continue;
            }
            match self.mark(world, id, mark.at, mark.event, tracked) {
                Verdict::Pass => {}
                Verdict::Swallow(ending) => {
                    self.write_piece(world, id, &bytes[sent..mark.at])?;
                    tracked.dead = true;
                    self.requests_end(world, id, ended, tracked);
                    if ending == Ending::Reset {
                        self.reset_behind(world, id.key(), id.side, Duration::ZERO);
                    }
                    return Ok(bytes.len());
                }
                Verdict::Hold(until, label) => {
                    self.write_piece(world, id, &bytes[sent..mark.at])?;
                    sent = mark.at;
                    self.hold(world, id.key(), id.side, until, label);
                }
            }
        }
        self.write_piece(world, id, &bytes[sent..])?;
        tracked.bytes.sent(id.side, bytes.len());
        self.requests_end(world, id, ended, tracked);
        Ok(bytes.len())
    }

    fn requests_end(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        ended: Vec<(u32, Option<Vec<u8>>)>,
        tracked: &mut Tracked,
    ) {
        for (serial, whole) in ended {
            self.request_ends(world, id, serial, whole, tracked);
        }
    }

    fn write_piece(&mut self, world: &Rc<World>, id: SocketId, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() { Ok(()) } else { self.write_through(world, id, bytes).map(|_| ()) }
    }

    fn mark(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        at: usize,
        event: Event,
        tracked: &mut Tracked,
    ) -> Verdict {
        match event {
            Event::RequestBegins { stream, head } => {
                self.request_begins(world, id, at, stream, head, tracked)
            }
            // Handled once the bytes are on the wire.
            Event::RequestEnds { .. } => Verdict::Pass,
            Event::ResponseBegins { stream, status } => {
                self.response_begins(world, at, stream, status, tracked)
            }
            Event::ResponseEnds { stream } => {
                if let Some(at) = tracked.position(stream, |exchange| exchange.answering) {
                    let exchange = tracked.exchanges.remove(at);
                    tracked.answered += 1;
                    world.end_operation(exchange.operation, || Some(exchange.outcome()), false);
                    self.answered(world, &exchange, tracked.repetition.is_some());
                }
                Verdict::Pass
            }
            Event::Abandoned { stream } => {
                if let Some(at) = tracked.position(stream, |_| true) {
                    let exchange = tracked.exchanges.remove(at);
                    note(world, exchange.from, &exchange, "abandoned", &[4]);
                }
                Verdict::Pass
            }
            Event::Opaque { why } => {
                if let Some(conn) = self.socket(id) {
                    let number = conn.number;
                    world.fact("http", &[number], || format!("connection {number} is opaque: {why}"));
                }
                Verdict::Pass
            }
        }
    }

    fn request_begins(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        at: usize,
        stream: u32,
        head: Head,
        tracked: &mut Tracked,
    ) -> Verdict {
        let Some([from, to]) = self.socket(id).map(|conn| conn.nodes) else { return Verdict::Pass };
        let again = tracked.repetition.is_some();
        let (number, attempt) =
            if again { (self.requests.same_number(&head), 0) } else { self.requests.number(&head, from, to) };
        tracked.begun += 1;
        let mut exchange = Exchange {
            serial: tracked.begun,
            stream,
            head,
            number,
            attempt,
            from,
            to,
            begun_ns: world.now(),
            status: 0,
            answering: false,
            lose_response: None,
            disconnect: None,
            repeat: None,
            slow: None,
            operation: None,
        };
        self.operation_begins(world, id, at, &mut exchange, tracked);
        let actions = if again { Vec::new() } else { self.actions(world, &exchange) };
        let mut verdict = Verdict::Pass;
        for action in actions {
            note(world, from, &exchange, action.label(), &[1]);
            match action {
                Action::LoseResponse(ending) => exchange.lose_response = Some(ending),
                Action::LoseRequest(ending) => {
                    world.end_operation(exchange.operation, || None, true);
                    verdict = Verdict::Swallow(ending);
                }
                Action::Disconnect(delay) => exchange.disconnect = Some(delay),
                Action::Repeat(delay) => exchange.repeat = Some(delay),
                Action::Hold(until) => verdict = Verdict::Hold(until, exchange.label()),
                Action::SlowResponse(delay) => exchange.slow = Some(delay),
            }
        }
        tracked.exchanges.push(exchange);
        verdict
    }

    /// What rules and the plan do to a request.
    fn actions(&mut self, world: &Rc<World>, exchange: &Exchange) -> Vec<Action> {
        let faults = Rc::clone(&self.shared.faults);
        let kinds = Kinds::of(exchange);
        let mut actions = Vec::new();
        for (name, action) in self.requests.actions(exchange.candidate()) {
            faults.acted(&name);
            actions.push(action);
        }
        let strikes = |kind: &str, what: &str| {
            let hit = world.about(exchange.operation, || {
                faults.strike(world, kind, || format!("{}: {what}", exchange.label()))
            });
            if hit {
                faults.had_effect(kind);
            }
            hit
        };
        if strikes(kinds.request_lost, "request lost") {
            actions.push(Action::LoseRequest(drawn_ending(world)));
        } else if kinds.delivered_twice.is_some_and(|kind| strikes(kind, "delivered twice")) {
            actions.push(Action::Repeat(drawn_delay(world)));
        } else if strikes(kinds.disconnected, "client disconnected") {
            actions.push(Action::Disconnect(drawn_delay(world) / 100));
        }
        actions
    }

    fn request_ends(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        serial: u32,
        whole: Option<Vec<u8>>,
        tracked: &mut Tracked,
    ) {
        let Some(at) = tracked.exchanges.iter().position(|exchange| exchange.serial == serial) else {
            return;
        };
        let exchange = &mut tracked.exchanges[at];
        if let Some(delay) = exchange.disconnect.take() {
            world.end_operation(exchange.operation, || None, true);
            self.reset_behind(world, id.key(), Side::Client, delay);
        }
        if let (Some(delay), Some(bytes)) = (exchange.repeat.take(), whole)
            && let Some(to) = self.socket(id).map(|conn| conn.dialled)
        {
            let (from, label, operation) = (exchange.from, exchange.label(), exchange.operation);
            let pending = Pending::Repeat { from, to, bytes, label, operation };
            self.later(after(world.now(), delay), pending);
        }
        if self.requests.holds.is_empty() {
            return;
        }
        let exchange = &tracked.exchanges[at];
        let sent = |until: &Until| matches!(until, Until::Sent(m) if m.matches(exchange.candidate()));
        let label = exchange.label();
        let trip = self.on_conn(world, id.key(), |tcp, path| tcp.last_arrival_ns(path, Side::Client));
        self.let_go(trip.unwrap_or(world.now()) + 1, &label, sent);
    }

    fn response_begins(
        &mut self,
        world: &Rc<World>,
        offset: usize,
        stream: u32,
        status: u16,
        tracked: &mut Tracked,
    ) -> Verdict {
        let again = tracked.repetition.is_some();
        let Some(at) = tracked.position(stream, |exchange| !exchange.answering) else { return Verdict::Pass };
        let exchange = &mut tracked.exchanges[at];
        (exchange.status, exchange.answering) = (status, true);
        tracked.bytes.mark(Side::Server, offset, exchange.operation);
        let faults = Rc::clone(&self.shared.faults);
        let kinds = Kinds::of(exchange);
        let strikes = |kind: &str, what: &str| {
            let strike = || faults.strike(world, kind, || format!("{}: {what}", exchange.label()));
            let hit = !again && world.about(exchange.operation, strike);
            if hit {
                faults.had_effect(kind);
            }
            hit
        };
        if exchange.lose_response.is_none() && strikes(kinds.response_lost, "response lost") {
            exchange.lose_response = Some(drawn_ending(world));
        } else if exchange.slow.is_none() && strikes(kinds.slow, "response slow") {
            exchange.slow = Some(drawn_delay(world));
        }
        if let Some(ending) = exchange.lose_response {
            let answer = format!("answered {}, which the client never sees", exchange.outcome());
            world.end_operation(exchange.operation, || Some(exchange.outcome()), true);
            note(world, exchange.to, exchange, &answer, &[2, u64::from(status)]);
            return Verdict::Swallow(ending);
        }
        match exchange.slow.take() {
            Some(delay) => Verdict::Hold(Until::Passed(delay), exchange.label()),
            None => Verdict::Pass,
        }
    }

    fn answered(&mut self, world: &Rc<World>, exchange: &Exchange, again: bool) {
        let took = world.now() - exchange.begun_ns;
        let report = || {
            world.fact(
                Kinds::of(exchange).fact,
                &[3, u64::from(exchange.number), u64::from(exchange.status)],
                || {
                    format!(
                        "{}{} from {} → {} in {} ms",
                        exchange.label(),
                        if again { " (again)" } else { "" },
                        name(world, exchange.from),
                        exchange.outcome(),
                        took / 1_000_000,
                    )
                },
            );
        };
        world.about(exchange.operation, || world.on_node(exchange.to, report));
        if self.requests.holds.is_empty() {
            return;
        }
        let hit = |until: &Until| matches!(until, Until::Answered(m) if m.matches(exchange.candidate()));
        self.let_go(world.now(), &exchange.label(), hit);
    }
}

/// What faults on a request are called in plans and facts.
struct Kinds {
    fact: &'static str,
    request_lost: &'static str,
    response_lost: &'static str,
    delivered_twice: Option<&'static str>,
    disconnected: &'static str,
    slow: &'static str,
}

impl Kinds {
    fn of(exchange: &Exchange) -> &'static Kinds {
        const HTTP: Kinds = Kinds {
            fact: "http",
            request_lost: "http.request_lost",
            response_lost: "http.response_lost",
            delivered_twice: Some("http.delivered_twice"),
            disconnected: "http.disconnected",
            slow: "http.slow",
        };
        const SQL: Kinds = Kinds {
            fact: "sql",
            request_lost: "sql.request_lost",
            response_lost: "sql.response_lost",
            // Nothing between a client and PostgreSQL repeats a statement by itself.
            delivered_twice: None,
            disconnected: "sql.disconnected",
            slow: "sql.slow",
        };
        if exchange.head.method == "SQL" { &SQL } else { &HTTP }
    }
}

fn drawn_ending(world: &World) -> Ending {
    if world.tape.lane("net/http.ending").below(2) == 0 { Ending::Reset } else { Ending::Silence }
}

fn drawn_delay(world: &World) -> Duration {
    Duration::from_nanos(world.tape.lane("net/http.delay").below(PLAN_DELAY_NS_MAX))
}

fn name(world: &World, node: NodeId) -> Rc<str> {
    match &*world.node_name(node) {
        "" => "the scenario".into(),
        name => name.into(),
    }
}

fn note(world: &World, node: NodeId, exchange: &Exchange, what: &str, words: &[u64]) {
    let report = || {
        world.trace.digest_words(words);
        world.fact(Kinds::of(exchange).fact, &[u64::from(exchange.number)], || {
            format!("{}: {what}", exchange.label())
        });
    };
    world.about(exchange.operation, || world.on_node(node, report));
}
