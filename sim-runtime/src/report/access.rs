//! What facts say about rows and requests: who touched what.
//!
//! Texts are read the way a person would: the first words of a statement say what it does to which table, and what has a digit in
//! it, or stands in quotes, may be a key. That is enough to see who met whom; it decides nothing but what a report shows.

use super::evidence::{Evidence, Owner, named};
use crate::trace::Fact;
use std::collections::BTreeSet;

/// One look at, or change of, something that others may touch too.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub owner: Owner,
    /// A table, or a kind of request to a node.
    pub what: String,
    /// What may be keys in it.
    pub keys: BTreeSet<String>,
    pub writes: bool,
    pub step: u64,
    pub at: u64,
    /// In few words.
    pub text: String,
    pub place: String,
    /// A request, not a row.
    pub request: bool,
}

impl Access {
    /// Whether both may be about the same thing.
    pub fn meets(&self, other: &Access) -> bool {
        // Words without a digit are often states and not keys: they count only where there is nothing better.
        let numbered = |key: &&String| key.contains(|c: char| c.is_ascii_digit());
        let [own, others] =
            [self, other].map(|access| access.keys.iter().filter(numbered).collect::<BTreeSet<_>>());
        let same_key = if own.is_empty() || others.is_empty() {
            self.keys.is_empty() || other.keys.is_empty() || !self.keys.is_disjoint(&other.keys)
        } else {
            !own.is_disjoint(&others)
        };
        self.what == other.what && same_key
    }
}

/// All accesses of a run, in order.
pub(super) fn accesses(evidence: &Evidence<'_>) -> Vec<Access> {
    let of_facts = evidence.facts.iter().filter_map(|fact| of_fact(evidence, fact));
    let of_requests =
        evidence.operations.iter().filter(|operation| operation.kind != "sql").filter_map(|asked| {
            let owner = match evidence.request(asked.parent) {
                Some(parent) => Owner::Request(parent.id),
                None => Owner::Task(asked.task?),
            };
            let end = match (&*asked.outcome, asked.lost) {
                ("", _) => "not answered".to_owned(),
                (outcome, true) => format!("{outcome}, lost"),
                (outcome, false) => outcome.to_owned(),
            };
            Some(Access {
                owner,
                what: format!("{} at {}", asked.asks, named(&asked.to)),
                keys: BTreeSet::new(),
                writes: !["GET ", "HEAD ", "OPTIONS "].iter().any(|method| asked.asks.starts_with(method)),
                step: asked.begun.0,
                at: asked.begun.1,
                text: format!("{} to {}: {end}", asked.label(), named(&asked.to)),
                place: asked.place.clone(),
                request: true,
            })
        });
    let mut all: Vec<Access> = of_facts.chain(of_requests).collect();
    all.sort_by_key(|access| access.step);
    all
}

fn of_fact<'a>(evidence: &Evidence<'a>, fact: &'a Fact) -> Option<Access> {
    let statement = statement(fact)?;
    let (what, writes) = touched(statement)?;
    Some(Access {
        owner: evidence.owner(fact)?,
        what,
        keys: keys(without_tag(fact, statement)),
        writes,
        step: fact.step,
        at: fact.at,
        text: statement.to_owned(),
        place: evidence.place(fact).to_owned(),
        request: false,
    })
}

/// The statement that a fact tells of, if it tells of one as the store saw it.
pub(super) fn statement(fact: &Fact) -> Option<&str> {
    match &*fact.kind {
        "db" => Some(&fact.text),
        // What the network tells of the same statement is called after it: `SQL …`.
        "sql" => fact.text.strip_prefix("session ").and_then(|rest| Some(rest.split_once(": ")?.1)),
        _ => None,
    }
}

/// A statement without what the server said of it at the end: `: INSERT 0 1`.
fn without_tag<'a>(fact: &Fact, statement: &'a str) -> &'a str {
    match statement.rsplit_once(": ") {
        Some((asked, _)) if fact.kind == "sql" => asked,
        _ => statement,
    }
}

/// The session in which a statement ran: its number, or the empty text for the typed interface.
pub(super) fn session(fact: &Fact) -> &str {
    fact.text.strip_prefix("session ").and_then(|rest| Some(rest.split_once(": ")?.0)).unwrap_or_default()
}

/// The table that a statement is about, and whether it changes it.
fn touched(statement: &str) -> Option<(String, bool)> {
    let words: Vec<&str> =
        statement.split([' ', '(', ')', ',', ':']).filter(|word| !word.is_empty()).collect();
    let after = |keyword: &str| {
        let at = words.iter().position(|word| word.eq_ignore_ascii_case(keyword))?;
        let name = words[at + 1..].iter().find(|word| !word.eq_ignore_ascii_case("only"))?;
        Some(name.trim_matches('"').to_owned())
    };
    let first = words.first()?.to_ascii_lowercase();
    let sql = words.iter().any(|word| ["into", "from", "set"].iter().any(|k| word.eq_ignore_ascii_case(k)));
    match &*first {
        "insert" | "merge" if sql => Some((after("into")?, true)),
        "update" if sql => Some((after("update")?, true)),
        "delete" if sql => Some((after("from")?, true)),
        "select" => Some((after("from")?, statement.to_ascii_lowercase().contains(" for "))),
        "with" => Some((after("into").or_else(|| after("from"))?, after("into").is_some())),
        // The typed interface: `update items 7: (id 7, stock 0)`.
        "get" | "find" | "scan" => Some((words.get(1)?.to_string(), false)),
        "insert" | "update" | "delete" | "lock" | "upsert" => Some((words.get(1)?.to_string(), true)),
        _ => None,
    }
}

/// Words that may be keys: those with a digit in them, and what stands in quotes. `$1` and `#1` are numbers of ours.
pub(super) fn keys(text: &str) -> BTreeSet<String> {
    let letters = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@');
    let with_digit = text.split(|c| !letters(c)).filter(|word| {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        word.contains(|c: char| c.is_ascii_digit()) && !text[..at].ends_with(['$', '#'])
    });
    let quoted = text.split('\'').skip(1).step_by(2).filter(|word| !word.is_empty());
    with_digit.chain(quoted).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statement: &str, table: Option<(&str, bool)>, wanted: &[&str]) {
        assert_eq!(touched(statement), table.map(|(table, writes)| (table.to_owned(), writes)));
        assert_eq!(keys(statement).iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn statements_say_what_they_touch() {
        check("update items 7: (id 7, stock 0)", Some(("items", true)), &["0", "7"]);
        check("get items 7: no record", Some(("items", false)), &["7"]);
        check("commit", None, &[]);
        check(
            "SELECT stock FROM \"items\" WHERE id = $1 FOR UPDATE [7]: SELECT 2",
            Some(("items", true)),
            &["2", "7"],
        );
        check(
            "INSERT INTO orders(id, who) VALUES ('ab', $1) [3]: INSERT 0 5",
            Some(("orders", true)),
            &["0", "3", "5", "ab"],
        );
        check("INSERT INTO t VALUES ($1, $2) [2, 'new']", Some(("t", true)), &["2", "new"]);
        check("UPDATE ONLY items SET stock = 3: UPDATE 1", Some(("items", true)), &["1", "3"]);
        check("delete from mails where id = 4-b", Some(("mails", true)), &["4-b"]);
    }
}
