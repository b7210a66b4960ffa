//! The exchanges of connections, and the rules in force.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sim_runtime::cause::OperationId;
use sim_runtime::schedule::TaskId;
use sim_runtime::task::NodeId;

use super::event::{Head, Mark};
use super::matching::{Candidate, Match, without_query};
use super::reader::Reader;
use super::rule::{Action, Ending, Rule, Until};
use crate::network::Bytes;
use crate::tcp::Side;

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Tells the exchanges of a connection apart.
    pub(crate) serial: u32,
    pub(crate) stream: u32,
    pub(crate) head: Head,
    /// The n-th of its method and path in the run.
    pub(crate) number: u32,
    pub(crate) attempt: u32,
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) begun_ns: u64,
    pub(crate) status: u16,
    pub(crate) answering: bool,
    pub(crate) lose_response: Option<Ending>,
    pub(crate) disconnect: Option<Duration>,
    pub(crate) repeat: Option<Duration>,
    pub(crate) slow: Option<Duration>,
    /// In a recorded run: what facts about it are about.
    pub(crate) operation: Option<OperationId>,
}

impl Exchange {
    pub(crate) fn label(&self) -> String {
        format!("{} {} #{}", self.head.method, self.head.path, self.number)
    }

    /// The status of its answer, as people say it.
    pub(crate) fn outcome(&self) -> String {
        match (&*self.head.method, self.status) {
            ("SQL", 0) => "done".to_owned(),
            ("SQL", _) => "error".to_owned(),
            (_, status) => status.to_string(),
        }
    }

    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            head: &self.head,
            from: self.from,
            to: self.to,
            attempt: self.attempt,
            number: self.number,
        }
    }
}

/// A request that the network delivers again by itself.
#[derive(Debug)]
pub(crate) struct Repetition {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sent: usize,
    /// What the original was called.
    pub(crate) label: String,
    pub(crate) operation: Option<OperationId>,
}

/// What the reader knows of one connection.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) reader: Reader,
    /// Not yet answered, in the order they began.
    pub(crate) exchanges: Vec<Exchange>,
    /// Nothing passes any more: a request or response was lost with its connection.
    pub(crate) dead: bool,
    pub(crate) repetition: Option<Repetition>,
    pub(crate) begun: u32,
    pub(crate) answered: u32,
    pub(crate) bytes: Bytes,
}

impl Tracked {
    pub(crate) fn new(opened_by: Option<TaskId>) -> Tracked {
        Tracked {
            reader: Reader::new(false),
            exchanges: Vec::new(),
            dead: false,
            repetition: None,
            begun: 0,
            answered: 0,
            bytes: Bytes::opened_by(opened_by),
        }
    }

    /// The exchange an event of a stream belongs to: in HTTP/1.1 (stream 0) the first that fits.
    pub(crate) fn position(&self, stream: u32, fits: impl Fn(&Exchange) -> bool) -> Option<usize> {
        self.exchanges.iter().position(|exchange| exchange.stream == stream && fits(exchange))
    }
}

/// Something a request-level fault does later.
#[derive(Debug)]
pub(crate) enum Pending {
    /// Both ends of a connection are reset.
    Reset { key: (u32, u32) },
    /// A request is delivered again.
    Repeat { from: NodeId, to: SocketAddr, bytes: Vec<u8>, label: String, operation: Option<OperationId> },
    /// A held direction may go on.
    Release { hold: u64 },
}

/// Bytes of one direction of a connection are kept back.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) id: u64,
    pub(crate) key: (u32, u32),
    pub(crate) side: Side,
    pub(crate) until: Until,
    pub(crate) label: String,
}

/// Requests of one method and path.
#[derive(Debug, Default)]
struct Counter {
    total: u32,
    attempts: Vec<((NodeId, NodeId), u32)>,
}

/// All request-level state of a run.
#[derive(Default)]
pub(crate) struct Requests {
    pub(crate) off: bool,
    rules: Vec<Rule>,
    next: u64,
    counters: BTreeMap<String, Counter>,
    name: String,
    /// Kept for its memory.
    pub(crate) marks: Vec<Mark>,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(crate) holds: Vec<Hold>,
}

impl Requests {
    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn add_rule(&mut self, matches: Match, action: Action, name: String) -> u64 {
        let id = self.id();
        self.rules.push(Rule { id, name, matches, action, left: 1, fired: 0 });
        id
    }

    pub(crate) fn rule_mut(&mut self, id: u64) -> Option<&mut Rule> {
        self.rules.iter_mut().find(|rule| rule.id == id)
    }

    pub(crate) fn fired(&self, id: u64) -> u32 {
        self.rules.iter().find(|rule| rule.id == id).map_or(0, |rule| rule.fired)
    }

    pub(crate) fn remove_rule(&mut self, id: u64) -> Option<Rule> {
        let at = self.rules.iter().position(|rule| rule.id == id)?;
        Some(self.rules.remove(at))
    }

    /// Whether a rule may want a request repeated.
    pub(crate) fn repeats(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.action, Action::Repeat(_)) && rule.left > 0)
    }

    /// Numbers a request: how many of its method and path there were, and how many its sender sent there.
    pub(crate) fn number(&mut self, head: &Head, from: NodeId, to: NodeId) -> (u32, u32) {
        self.name(head);
        if !self.counters.contains_key(&self.name) {
            self.counters.insert(self.name.clone(), Counter::default());
        }
        let counter = self.counters.get_mut(&self.name).expect("inserted when it was missing");
        counter.total += 1;
        match counter.attempts.iter_mut().find(|(ends, _)| *ends == (from, to)) {
            Some((_, attempt)) => {
                *attempt += 1;
                (counter.total, *attempt)
            }
            None => {
                counter.attempts.push(((from, to), 1));
                (counter.total, 1)
            }
        }
    }

    /// The number of the latest request like this one, for its repetition.
    pub(crate) fn same_number(&mut self, head: &Head) -> u32 {
        self.name(head);
        self.counters.get(&self.name).map_or(0, |counter| counter.total)
    }

    /// Puts together what requests are counted under; one buffer serves all.
    fn name(&mut self, head: &Head) {
        self.name.clear();
        self.name.push_str(&head.method);
        self.name.push(' ');
        self.name.push_str(without_query(&head.path));
    }

    /// What the rules do to a request, each with the rule's name.
    pub(crate) fn actions(&mut self, candidate: Candidate<'_>) -> Vec<(String, Action)> {
        let mut actions = Vec::new();
        for rule in &mut self.rules {
            if rule.left > 0 && rule.matches.matches(candidate) {
                rule.left -= 1;
                rule.fired += 1;
                actions.push((rule.name.clone(), rule.action.clone()));
            }
        }
        actions
    }

    pub(crate) fn hold(&mut self, key: (u32, u32), side: Side, until: Until, label: String) -> u64 {
        let id = self.id();
        self.holds.push(Hold { id, key, side, until, label });
        id
    }

    pub(crate) fn later(&mut self, pending: Pending) -> u64 {
        let id = self.id();
        self.pending.insert(id, pending);
        id
    }

    /// Rules end with the safety phase.
    pub(crate) fn heal(&mut self) {
        self.rules.clear();
    }
}
