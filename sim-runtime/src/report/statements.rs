//! Statements by session and transaction, each with the request it was made for.

use super::access::{session, statement};
use super::evidence::{Evidence, Owner};
use crate::trace::Fact;
use std::collections::BTreeMap;
use std::fmt::Write as _;

macro_rules! line {
    ($text:expr, $($argument:tt)*) => { writeln!($text, $($argument)*).expect("a string takes all") };
}

/// Who a run of statements belongs to: a session of the wire, or an owner of the typed interface.
type Key = (String, String, Option<Owner>);

/// One transaction: statements from its beginning to its end.
pub(super) struct Transaction<'a> {
    pub session: String,
    pub owner: Option<Owner>,
    pub facts: Vec<&'a Fact>,
    /// `committed`, `rolled back`, or empty while neither is known.
    pub end: &'static str,
}

/// All transactions, in the order in which they began.
pub(super) fn transactions<'a>(evidence: &Evidence<'a>) -> Vec<Transaction<'a>> {
    let mut done: Vec<Transaction<'a>> = Vec::new();
    let mut open: BTreeMap<Key, usize> = BTreeMap::new();
    for fact in evidence.facts {
        let Some(text) = statement(fact) else { continue };
        let owner = evidence.owner(fact);
        let session = session(fact);
        // A session goes through transactions one after the other; the typed interface has none that shows.
        let key = (fact.node.to_string(), session.to_owned(), if session.is_empty() { owner } else { None });
        let word =
            text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_ascii_lowercase();
        let begins = ["begin", "start"].contains(&&*word);
        let at = match open.get(&key) {
            Some(at) if !begins => *at,
            _ => {
                done.push(Transaction { session: session.to_owned(), owner, facts: Vec::new(), end: "" });
                done.len() - 1
            }
        };
        done[at].facts.push(fact);
        let in_block = begins || open.contains_key(&key) || session.is_empty();
        match &*word {
            "commit" | "end" => {
                done[at].end = "committed";
                open.remove(&key);
            }
            "rollback" | "abort" if !text.to_ascii_lowercase().starts_with("rollback to") => {
                done[at].end = "rolled back";
                open.remove(&key);
            }
            _ if in_block => _ = open.insert(key, at),
            // Outside of a block every statement is a transaction of its own.
            _ => {}
        }
    }
    done
}

/// The statements of every transaction with the request they were made for.
pub fn statements(evidence: &Evidence<'_>) -> String {
    let mut text = String::new();
    for transaction in transactions(evidence) {
        let owner = transaction.owner.map_or("nobody".to_owned(), |owner| match owner {
            Owner::Request(id) => format!("{id} {}", evidence.owner_name(owner).0),
            Owner::Task(_) => evidence.owner_name(owner).0,
        });
        let session = match &*transaction.session {
            "" => String::new(),
            number => format!("session {number}, "),
        };
        let end = if transaction.end.is_empty() { String::new() } else { format!(", {}", transaction.end) };
        line!(text, "{session}for {owner}{end}");
        for fact in transaction.facts {
            let shown = statement(fact).unwrap_or_default();
            let other = (evidence.owner(fact) != transaction.owner).then(|| evidence.owner(fact)).flatten();
            let other =
                other.map_or(String::new(), |owner| format!("  [for {}]", evidence.owner_name(owner).0));
            let place = match evidence.place(fact) {
                "" => String::new(),
                place => format!("  ({place})"),
            };
            line!(
                text,
                "  {:>6}.{:03} ms  {shown}{other}{place}",
                fact.at / 1_000_000,
                fact.at / 1_000 % 1_000
            );
        }
    }
    if text.is_empty() { "no statements\n".to_owned() } else { text }
}
