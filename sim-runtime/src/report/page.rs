//! The report as one page that needs nothing else: what broke, who raced, a space-time diagram, every request.
//!
//! In the diagram each node is a lane and time runs downwards, one row for each event, so that what happened at nearly the same
//! time can be told apart and nothing is drawn for a night in which nothing happens. Arrows are requests and (dashed) answers, boxes are
//! transactions, dots statements, diamonds faults. A request and all that it caused have one colour.

use super::evidence::{Evidence, Owner};
use super::race::race;
use super::requests::request;
use super::statements::{statements, transactions};
use super::timeline::timeline_line;
use crate::cause::OperationId;
use crate::explore::Failure;
use std::collections::BTreeMap;
use std::fmt::Write as _;

macro_rules! add {
    ($text:expr, $($argument:tt)*) => { writeln!($text, $($argument)*).expect("a string takes all") };
}

/// Rows of the diagram at most: the last ones.
const ROWS_MAX: usize = 240;
const ROW: usize = 18;
const LANE: usize = 330;
const LEFT: usize = 110;
const TOP: usize = 40;
/// Characters of a label in a lane.
const LABEL: usize = 44;

/// The page of a failure; `again` is the command that repeats it.
pub fn page(failure: &Failure, again: &str) -> String {
    let evidence = Evidence::of_failure(failure);
    let mut html = String::new();
    let title = escaped(&failure.scenario);
    add!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>"
    );
    add!(html, "<h1>{title}</h1><p class=\"outcome\">{}</p>", escaped(&failure.outcome.to_string()));
    let end = evidence.end().map_or(String::new(), |fact| {
        format!("became false at step {}, {}, ", fact.step, milliseconds(fact.at))
    });
    add!(
        html,
        "<p>{end}seed {}, {} steps. Run again: <code>{}</code></p>",
        failure.seed,
        failure.steps,
        escaped(again)
    );
    if let Some(race) = race(&evidence) {
        let lines = race.render(&evidence);
        add!(
            html,
            "<h2>{}</h2><pre>{}</pre>",
            escaped(lines[0].trim_end_matches(':')),
            escaped(&lines[1..].join("\n"))
        );
    }
    add!(html, "<h2>What happened</h2>{}", diagram(&evidence));
    add!(html, "<h2>Requests</h2>");
    for root in evidence
        .operations
        .iter()
        .filter(|operation| operation.parent.is_none() && operation.earlier.is_none())
    {
        let told = request(&evidence, &root.id.to_string()).unwrap_or_default();
        let name = escaped(&evidence.name(root));
        let colour = colour(&evidence, Some(root.id));
        add!(
            html,
            "<details><summary><b style=\"color:{colour}\">{}</b> {name}</summary><pre>{}</pre></details>",
            root.id,
            escaped(&told)
        );
    }
    add!(
        html,
        "<h2>Statements</h2><details><summary>by transaction</summary><pre>{}</pre></details>",
        escaped(&statements(&evidence))
    );
    let facts: Vec<_> = failure.facts.iter().map(timeline_line).collect();
    add!(
        html,
        "<h2>All facts</h2><details><summary>{}</summary><pre>{}</pre></details>",
        facts.len(),
        escaped(&facts.join("\n"))
    );
    add!(
        html,
        "<h2>Choices that are not calm</h2><pre>{}</pre></html>",
        escaped(&failure.choices.to_string())
    );
    html
}

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#222}pre,code{font:12px/1.4 ui-monospace,monospace;\
background:#f6f6f4;padding:.2em .4em;overflow-x:auto}pre{padding:.8em}h1{font-size:1.3em}h2{font-size:1.1em;margin-top:1.6em}\
.outcome{font-weight:600;color:#b00020;white-space:pre-wrap}svg{font:11px ui-monospace,monospace;background:#fff}\
svg text{paint-order:stroke;stroke:#fff;stroke-width:3px}\
.lane{stroke:#ccc}.time{fill:#888}.node{font-weight:700;font-size:13px}.fault{fill:#b00020}.end{stroke:#b00020;stroke-dasharray:4 3}\
.figure{overflow-x:auto;border:1px solid #ddd}details{margin:.3em 0}";

/// Something at one moment in one lane.
struct Event {
    order: (u64, u64, usize),
    lane: usize,
    cause: Option<OperationId>,
    label: String,
    full: String,
    mark: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Dot,
    Fault,
    End,
    /// A point that an arrow of this operation leads from or to.
    Asks(OperationId),
    Arrives(OperationId),
    Answers(OperationId),
    Sees(OperationId),
}

fn diagram(evidence: &Evidence<'_>) -> String {
    let mut lanes: Vec<&str> = Vec::new();
    let mut lane = |name| {
        let at = lanes.iter().position(|known| *known == name);
        at.unwrap_or_else(|| {
            lanes.push(name);
            lanes.len() - 1
        })
    };
    let mut events = Vec::new();
    for operation in evidence.operations.iter().filter(|operation| operation.kind != "sql") {
        let (id, from, to) = (operation.id, lane(&operation.from), lane(&operation.to));
        let name = evidence.name(operation);
        let mut point = |when: Option<(u64, u64)>, lane, label: String, mark| {
            if let Some((step, at)) = when {
                let full = label.clone();
                events.push(Event {
                    order: (at, step, events.len()),
                    lane,
                    cause: Some(id),
                    label,
                    full,
                    mark,
                });
            }
        };
        point(Some(operation.begun), from, format!("asks {name}"), Mark::Asks(id));
        point(operation.arrived, to, name.clone(), Mark::Arrives(id));
        let lost = if operation.lost { ", lost" } else { "" };
        point(operation.ended, to, format!("{} to {name}{lost}", operation.outcome), Mark::Answers(id));
        point(operation.seen, from, format!("sees {}", operation.outcome), Mark::Sees(id));
    }
    for fact in evidence.facts {
        let mark = match &*fact.kind {
            "fault" => Mark::Fault,
            "violated" | "panic" => Mark::End,
            "db" | "sql" | "note" | "log" | "switch" | "node.booted" | "node.resumed" | "healed" => Mark::Dot,
            kind if kind.starts_with("node.") || kind.starts_with("clock.") => Mark::Fault,
            _ => continue,
        };
        if fact.kind == "sql" && super::access::statement(fact).is_none() {
            continue;
        }
        let label = format!(
            "{}{}",
            if fact.kind == "db" { String::new() } else { format!("{} ", fact.kind) },
            fact.text
        );
        let (order, lane) = ((fact.at, fact.step, events.len()), lane(&fact.node));
        let place = match evidence.place(fact) {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        let full = format!("{label}{place}");
        events.push(Event { order, lane, cause: fact.cause, label, full, mark });
    }
    events.sort_by_key(|event| event.order);
    let dropped = events.len().saturating_sub(ROWS_MAX);
    events.drain(..dropped);
    let height = TOP + (events.len() + 1) * ROW;
    let width = LEFT + lanes.len() * LANE;
    let mut svg = String::new();
    if dropped > 0 {
        add!(svg, "<p>{dropped} earlier events are not drawn.</p>");
    }
    add!(
        svg,
        "<div class=\"figure\"><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">"
    );
    add!(
        svg,
        "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0L8 4L0 8z\" fill=\"context-stroke\"/></marker></defs>"
    );
    for (at, name) in lanes.iter().enumerate() {
        let x = LEFT + at * LANE;
        let name = escaped(if name.is_empty() { "the scenario" } else { name });
        add!(
            svg,
            "<line class=\"lane\" x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{height}\"/><text class=\"node\" x=\"{x}\" y=\"24\">{name}</text>"
        );
    }
    boxes(&mut svg, evidence, &events);
    arrows(&mut svg, evidence, &events);
    for (row, event) in events.iter().enumerate() {
        let (x, y) = place(row, event);
        let colour = colour(evidence, event.cause);
        let (label, full) = (escaped(&short(&event.label)), escaped(&event.full));
        let time = milliseconds(event.order.0);
        add!(
            svg,
            "<text class=\"time\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{time}</text>",
            LEFT - 14,
            y + 4
        );
        let (shape, class) = match event.mark {
            Mark::Fault => (format!("<path class=\"fault\" d=\"M{x} {}l6 6l-6 6l-6 -6z\"/>", y - 6), "fault"),
            Mark::End => {
                (format!("<line class=\"end\" x1=\"{LEFT}\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\"/>"), "fault")
            }
            _ => (format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"3.5\" fill=\"{colour}\"/>"), ""),
        };
        // What ended the run is told in full, over all lanes.
        let (x, label) = if event.mark == Mark::End { (LEFT, &full) } else { (x, &label) };
        add!(
            svg,
            "<g><title>{full}</title>{shape}<text class=\"{class}\" x=\"{}\" y=\"{}\">{label}</text></g>",
            x + 10,
            y + 4
        );
    }
    add!(svg, "</svg></div>");
    svg
}

fn place(row: usize, event: &Event) -> (usize, usize) {
    (LEFT + event.lane * LANE, TOP + (row + 1) * ROW - ROW / 2)
}

/// Boxes round the statements of a transaction.
fn boxes(svg: &mut String, evidence: &Evidence<'_>, events: &[Event]) {
    let row_of: BTreeMap<(u64, u64, &str), usize> = events
        .iter()
        .enumerate()
        .filter(|(_, event)| event.mark == Mark::Dot)
        .map(|(row, event)| ((event.order.0, event.order.1, event.label.trim_start_matches("sql ")), row))
        .collect();
    for (number, transaction) in transactions(evidence).iter().enumerate() {
        let rows: Vec<usize> = transaction
            .facts
            .iter()
            .filter_map(|fact| row_of.get(&(fact.at, fact.step, &*fact.text)).copied())
            .collect();
        let (Some(first), Some(last)) = (rows.iter().min(), rows.iter().max()) else { continue };
        let (x, top) = place(*first, &events[*first]);
        let (_, bottom) = place(*last, &events[*last]);
        let cause = transaction.facts[0].cause;
        let colour = colour(evidence, cause);
        // Neighbours that overlap in time stand beside each other.
        let left = x - 8 - 5 * (number % 3);
        let who = transaction.owner.map_or_else(String::new, |owner: Owner| evidence.owner_name(owner).0);
        let title = escaped(&format!("transaction for {who} {}", transaction.end));
        add!(
            svg,
            "<rect x=\"{left}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"{colour}\" fill-opacity=\".10\" stroke=\"{colour}\" stroke-opacity=\".5\"><title>{title}</title></rect>",
            top - 8,
            x + 8 - left,
            bottom - top + 16
        );
    }
}

fn arrows(svg: &mut String, evidence: &Evidence<'_>, events: &[Event]) {
    let at = |mark| events.iter().position(|event| event.mark == mark).map(|row| place(row, &events[row]));
    let lane_of = |name: &str| {
        let event = events.iter().find(|event| match event.mark {
            Mark::Asks(id) | Mark::Sees(id) => {
                evidence.operation(id).is_some_and(|operation| *operation.from == *name)
            }
            Mark::Arrives(id) | Mark::Answers(id) => {
                evidence.operation(id).is_some_and(|operation| *operation.to == *name)
            }
            _ => false,
        });
        event.map(|event| LEFT + event.lane * LANE)
    };
    for operation in evidence.operations.iter().filter(|operation| operation.kind != "sql") {
        let colour = colour(evidence, Some(operation.id));
        let mut arrow = |from: Option<(usize, usize)>,
                         to: Option<(usize, usize)>,
                         towards: &str,
                         style: &str| {
            let Some((x1, y1)) = from else { return };
            match (to, lane_of(towards)) {
                (Some((x2, y2)), _) => add!(
                    svg,
                    "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\" stroke-opacity=\".8\" marker-end=\"url(#head)\"{style}/>"
                ),
                // It did not arrive: half the way, and a cross if it never will.
                (None, Some(x2)) if x2 != x1 => {
                    let cross = if operation.lost { "✕" } else { "" };
                    let (x, y) = (x1.midpoint(x2), y1 + ROW / 2);
                    add!(
                        svg,
                        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x}\" y2=\"{y}\" stroke=\"{colour}\"{style}/><text class=\"fault\" x=\"{}\" y=\"{}\">{cross}</text>",
                        x - 4,
                        y + 4
                    );
                }
                _ => {}
            }
        };
        let id = operation.id;
        arrow(at(Mark::Asks(id)), at(Mark::Arrives(id)), &operation.to, "");
        arrow(at(Mark::Answers(id)), at(Mark::Sees(id)), &operation.from, " stroke-dasharray=\"5 3\"");
    }
}

/// One colour for a request and all that it caused.
fn colour(evidence: &Evidence<'_>, cause: Option<OperationId>) -> String {
    match cause {
        None => "#777".to_owned(),
        // Neighbouring numbers get hues far apart.
        Some(id) => format!("hsl({},70%,40%)", evidence.root(id).0 * 137 % 360),
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= LABEL {
        text.to_owned()
    } else {
        text.chars().take(LABEL - 1).chain(['…']).collect()
    }
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000)
}

/// Text that means nothing to a browser. Facts hold what the code under test was sent.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            character if character.is_control() && character != '\n' => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}
