//! One anomaly with its proof, and the proof in words.
//!
//! A proof is as small as it can be: the shortest cycle, one reason an edge, each reason naming two
//! transactions, the requests that caused them, the statements they sent and the versions they met.

use std::fmt::Write as _;

use super::anomaly::Anomaly;
use super::dependency::{Dependency, Edge};
use super::operation::{Action, Key, Level, TransactionId, Version};
use super::record::History;

/// Longest explanation, in lines.
pub const LINES_MAX: usize = 8;

/// Longest statement shown, in characters; the rest becomes `…`.
const SQL_SHOWN_MAX: usize = 72;

/// One link of a proof. Numbers are positions in [`History::operations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    Edge(Edge),
    ClaimedTwice { key: Key, version: Version, first: usize, second: usize },
    NobodyWrote { key: Key, version: Version, read: usize },
    AlwaysMatched { key: Key, select: usize },
    WriterAborted { key: Key, version: Version, read: usize, write: usize },
    WriterUndid { key: Key, version: Version, read: usize, write: usize },
    WriterWentOn { key: Key, version: Version, read: usize, last: usize, final_version: Version },
    NotYetCommitted { key: Key, version: Version, read: usize, write: usize },
    OwnUnseen { key: Key, seen: Option<Version>, read: usize, own: Version },
    PutUpon { key: Key, version: Version, older: Version, lost: Version, write: usize, lost_write: usize },
    CommittedAfterSnapshot { writer: TransactionId, reader: TransactionId, commit: usize, first: usize },
    SawNewerBefore { key: Key, version: Version, read: usize },
}

/// One anomaly and its smallest proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is called.
    pub anomaly: Anomaly,
    /// The transactions of the proof, in its order.
    pub transactions: Vec<TransactionId>,
    /// The rows of the proof, in its order.
    pub keys: Vec<Key>,
    pub(super) reasons: Vec<Reason>,
}

impl Finding {
    pub(super) fn new(anomaly: Anomaly, history: &History, reasons: Vec<Reason>) -> Self {
        let mut transactions = Vec::new();
        let mut keys = Vec::new();
        for reason in &reasons {
            for operation in reason.operations() {
                let transaction = history.operations()[operation].transaction;
                if !transactions.contains(&transaction) {
                    transactions.push(transaction);
                }
            }
            if let Some(key) = reason.key()
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        Self { anomaly, transactions, keys, reasons }
    }

    /// The number of reasons in the proof: for a cycle, its length.
    pub fn size(&self) -> usize {
        self.reasons.len()
    }

    /// The dependencies of the cycle, in order; empty when the proof is no cycle.
    pub fn dependencies(&self) -> Vec<Dependency> {
        let edge = |reason: &Reason| match reason {
            Reason::Edge(edge) => Some(edge.dependency),
            _ => None,
        };
        self.reasons.iter().filter_map(edge).collect()
    }

    /// Positions in [`History::operations`] of everything the proof speaks of, in its order.
    pub fn operations(&self) -> Vec<usize> {
        let mut operations: Vec<usize> = Vec::new();
        for operation in self.reasons.iter().flat_map(Reason::operations) {
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        operations
    }

    /// The explanation: the name, one line a reason, the level that forbids it; at most [`LINES_MAX`] lines.
    ///
    /// `history` is the one that was judged.
    pub fn explain(&self, history: &History) -> String {
        let mut text = format!("{} ({})", self.anomaly, self.anomaly.class());
        let names: Vec<String> = self.keys.iter().map(|key| row(history, *key)).collect();
        if !names.is_empty() {
            let _ = write!(text, " on {}", shortened(&names.join(", "), SQL_SHOWN_MAX));
        }
        text.push('\n');
        let room = LINES_MAX - 2;
        let shown = if self.reasons.len() > room { room - 1 } else { self.reasons.len() };
        for reason in &self.reasons[..shown] {
            let _ = writeln!(text, "  {}", reason.explain(history));
        }
        if shown < self.reasons.len() {
            let _ = writeln!(
                text,
                "  … and so on for {} more steps, back to T{}",
                self.reasons.len() - shown,
                self.transactions[0].0
            );
        }
        let _ = write!(text, "  {}", self.levels(history));
        text
    }

    fn levels(&self, history: &History) -> String {
        let mut asked: Vec<Level> = self.transactions.iter().filter_map(|id| level(history, *id)).collect();
        asked.sort_unstable();
        asked.dedup();
        let forbids = match self.anomaly.forbidden_from() {
            Level::ReadUncommitted => "every level forbids it".to_owned(),
            level => format!("{level} forbids it"),
        };
        let ran = asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        let allowed = asked.first().is_some_and(|weakest| *weakest < self.anomaly.forbidden_from());
        let allowed = if allowed { " (which allows it)" } else { "" };
        match self.anomaly.remedy() {
            Some(remedy) if !allowed.is_empty() => format!("ran at {ran}{allowed}; {forbids}; or {remedy}"),
            _ => format!("ran at {ran}{allowed}; {forbids}"),
        }
    }
}

impl Reason {
    fn operations(&self) -> Vec<usize> {
        match *self {
            Self::Edge(edge) => vec![edge.operations.0, edge.operations.1],
            Self::ClaimedTwice { first, second, .. } => vec![first, second],
            Self::NobodyWrote { read, .. }
            | Self::OwnUnseen { read, .. }
            | Self::SawNewerBefore { read, .. } => {
                vec![read]
            }
            Self::AlwaysMatched { select, .. } => vec![select],
            Self::WriterAborted { read, write, .. }
            | Self::WriterUndid { read, write, .. }
            | Self::NotYetCommitted { read, write, .. } => vec![read, write],
            Self::WriterWentOn { read, last, .. } => vec![read, last],
            Self::PutUpon { write, lost_write, .. } => vec![lost_write, write],
            Self::CommittedAfterSnapshot { commit, first, .. } => vec![first, commit],
        }
    }

    fn key(&self) -> Option<Key> {
        match *self {
            Self::Edge(edge) => {
                let order = matches!(edge.dependency, Dependency::RealTime | Dependency::SessionOrder);
                (!order).then_some(edge.key)
            }
            Self::CommittedAfterSnapshot { .. } => None,
            Self::ClaimedTwice { key, .. }
            | Self::NobodyWrote { key, .. }
            | Self::AlwaysMatched { key, .. }
            | Self::WriterAborted { key, .. }
            | Self::WriterUndid { key, .. }
            | Self::WriterWentOn { key, .. }
            | Self::NotYetCommitted { key, .. }
            | Self::OwnUnseen { key, .. }
            | Self::PutUpon { key, .. }
            | Self::SawNewerBefore { key, .. } => Some(key),
        }
    }

    fn explain(&self, history: &History) -> String {
        let who = |operation: usize| who(history, operation);
        let row = |key: Key| row(history, key);
        match *self {
            Self::Edge(edge) => explain_edge(history, &edge),
            Self::ClaimedTwice { key, version, first, second } if first == second => {
                format!(
                    "{} wrote {version} of {}, the name of the state before the history",
                    who(first),
                    row(key)
                )
            }
            Self::ClaimedTwice { key, version, first, second } => {
                format!(
                    "{} and {} both claim to have written {version} of {}",
                    who(first),
                    who(second),
                    row(key)
                )
            }
            Self::NobodyWrote { key, version, read } => {
                format!("{} read {version} of {}, which no transaction wrote", who(read), row(key))
            }
            Self::AlwaysMatched { key, select } => {
                format!(
                    "{} did not return {}, every version of which satisfies its condition",
                    who(select),
                    row(key)
                )
            }
            Self::WriterAborted { key, version, read, write } => {
                format!(
                    "{} read {version} of {}, which {} wrote and never committed",
                    who(read),
                    row(key),
                    who(write)
                )
            }
            Self::WriterUndid { key, version, read, write } => {
                format!(
                    "{} read {version} of {}, which {} wrote and undid by ROLLBACK TO",
                    who(read),
                    row(key),
                    who(write)
                )
            }
            Self::WriterWentOn { key, version, read, last, final_version } => format!(
                "{} read {version} of {}, which its own transaction replaced by {final_version}: {}",
                who(read),
                row(key),
                who(last)
            ),
            Self::NotYetCommitted { key, version, read, write } => format!(
                "{} read {version} of {}, which {} wrote and had not committed yet",
                who(read),
                row(key),
                who(write)
            ),
            Self::OwnUnseen { key, seen: Some(seen), read, own } => {
                format!(
                    "{} read {seen} of {} after its own transaction had written {own}",
                    who(read),
                    row(key)
                )
            }
            Self::OwnUnseen { key, seen: None, read, own } => {
                format!(
                    "{} did not return {}, although its own transaction had written {own} which satisfies it",
                    who(read),
                    row(key)
                )
            }
            Self::PutUpon { key, version, older, lost, write, lost_write } => format!(
                "{} wrote {version} of {} on top of {older}; {lost}, committed by {}, had vanished",
                who(write),
                row(key),
                who(lost_write)
            ),
            Self::CommittedAfterSnapshot { writer, reader, commit, first } => format!(
                "{writer} asked for its commit at {}, after {reader} had taken its snapshot at {}",
                at(history.operations()[commit].span.start.ns),
                at(history.operations()[first].span.end.ns)
            ),
            Self::SawNewerBefore { key, version, read } => {
                let session = history.session(history.operations()[read].transaction).0;
                format!("{} had {version} of {} before, in the same session {session}", who(read), row(key))
            }
        }
    }
}

fn explain_edge(history: &History, edge: &Edge) -> String {
    let (from, to) = (who(history, edge.operations.0), who(history, edge.operations.1));
    let (key, before, after) = (row(history, edge.key), edge.before, edge.after);
    let short = edge.dependency.short();
    match edge.dependency {
        Dependency::Overwrote => {
            format!("{from} wrote {before} of {key}, which {to} overwrote with {after}: {short}")
        }
        Dependency::Rebirth => {
            format!("{from} deleted {key} ({before}), which {to} inserted again as {after}: {short}")
        }
        Dependency::ReadFrom => format!("{from} wrote {before} of {key}, which {to} read: {short}"),
        Dependency::WasOverwritten => {
            format!("{from} read {before} of {key}, which {to} overwrote with {after}: {short}")
        }
        Dependency::SelectedAfter => {
            format!(
                "{from} made {key} leave the condition with {before}, and {to} did not return it: {short}"
            )
        }
        Dependency::SelectedBefore => {
            format!(
                "{from} did not return {key}, which {to} made satisfy the condition with {after}: {short}"
            )
        }
        Dependency::SessionOrder | Dependency::RealTime => {
            let ids = [edge.operations.0, edge.operations.1].map(|at| history.operations()[at].transaction);
            let begun = history.operations()[edge.operations.1].span.start.ns;
            let done = history.operations().iter().find(|operation| {
                operation.transaction == ids[0] && matches!(operation.action, Action::Commit)
            });
            let done = at(done.map_or(0, |operation| operation.span.end.ns));
            format!(
                "{} had committed at {done}, before {} began to look at {}: {short}",
                ids[0],
                ids[1],
                at(begun)
            )
        }
    }
}

/// `T1 (req-a1: SELECT stock FROM items WHERE id = 7)`.
fn who(history: &History, operation: usize) -> String {
    let operation = &history.operations()[operation];
    let request = operation.request.map(|label| history.text(label).to_owned());
    let sql = operation.sql.map(|label| shortened(history.text(label), SQL_SHOWN_MAX));
    let told: Vec<String> = request.into_iter().chain(sql).collect();
    if told.is_empty() {
        operation.transaction.to_string()
    } else {
        format!("{} ({})", operation.transaction, told.join(": "))
    }
}

fn row(history: &History, key: Key) -> String {
    let (table, id) = history.key_name(key);
    format!("{table} {id}")
}

fn level(history: &History, id: TransactionId) -> Option<Level> {
    history.operations().iter().find_map(|operation| match operation.action {
        Action::Begin(level) if operation.transaction == id => Some(level),
        _ => None,
    })
}

/// Nanoseconds as milliseconds with as many decimals as are not zero.
fn at(ns: u64) -> String {
    let (whole, rest) = (ns / 1_000_000, ns % 1_000_000);
    let decimals = format!("{rest:06}");
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() { format!("{whole} ms") } else { format!("{whole}.{decimals} ms") }
}

/// One line of at most `max` characters.
fn shortened(text: &str, max: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= max {
        return words;
    }
    words.chars().take(max - 1).chain(['…']).collect()
}
