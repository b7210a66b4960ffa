//! The history itself, fed while things happen.
//!
//! Append only: recording never looks back, reads no clock, and costs one push and, for a new name, one lookup in
//! a `BTreeMap`. An engine feeds it from inside, a wire proxy from outside, a test by hand; whether an operation
//! *should* have happened is nobody's business here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::operation::{
    Action, Change, Key, Label, Level, Moment, Operation, Predicate, Session, Sight, Span, TransactionId,
    Version, VersionOrder,
};

/// Why an operation happened: the request that caused it and the statement that was sent. Both optional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The causing request, such as `req-a1`.
    pub request: Option<Label>,
    /// The SQL text.
    pub sql: Option<Label>,
}

/// What clients saw and did, in the order in which it was observed.
///
/// # Example
///
/// Two requests read the same stock and both write it back:
///
/// ```
/// use sim_db::history::{judge, Anomaly, Cause, History, Level, Promises, Session, Version};
///
/// let mut history = History::new();
/// let item = history.key("items", "7");
/// let [a, b] = [1, 2].map(|session| history.begin(Session(session), Level::ReadCommitted, 0));
/// let select = Cause { request: None, sql: Some(history.label("SELECT stock FROM items WHERE id = 7")) };
/// history.read(a, item, Version(0), select, 10);
/// history.read(b, item, Version(0), select, 20);
/// history.update(a, item, Version(1), Cause::default(), 30);
/// history.commit(a, 40);
/// history.update(b, item, Version(2), Cause::default(), 50);
/// history.commit(b, 60);
///
/// // PostgreSQL may do that at read committed …
/// assert!(judge(&history, &Promises::postgres()).is_clean());
/// // … and this is what happened to the shop.
/// let verdict = judge(&history, &Promises::serializable());
/// assert_eq!(verdict.findings[0].anomaly, Anomaly::LostUpdate);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    ticks: u64,
    operations: Vec<Operation>,
    sessions: Vec<Session>,
    requests: Vec<Option<Label>>,
    labels: Names,
    keys: Names,
    predicates: Names,
    matching: BTreeMap<(Predicate, Key, Version), bool>,
    order: VersionOrder,
}

impl History {
    /// An empty history whose versions are [numbered](VersionOrder::Numbered).
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty history with this [`VersionOrder`].
    pub fn with_order(order: VersionOrder) -> Self {
        Self { order, ..Self::default() }
    }

    /// How the versions of a key are ordered.
    pub fn order(&self) -> VersionOrder {
        self.order
    }

    /// The next moment: after everything recorded so far. `ns` is shown, never compared.
    pub fn moment(&mut self, ns: u64) -> Moment {
        self.ticks += 1;
        Moment { tick: self.ticks, ns }
    }

    /// The name of a SQL text or a request.
    pub fn label(&mut self, text: &str) -> Label {
        Label(self.labels.intern("", text))
    }

    /// The name of a row: its table and whatever identifies it there.
    pub fn key(&mut self, table: &str, id: &str) -> Key {
        Key(self.keys.intern(table, id))
    }

    /// The name of a condition on a table. Equal texts are the same condition: bind values into the text.
    pub fn predicate(&mut self, table: &str, condition: &str) -> Predicate {
        Predicate(self.predicates.intern(table, condition))
    }

    /// States whether a version satisfies a condition.
    ///
    /// Phantoms can only be seen by someone who knows which versions a condition holds for. Some is known anyway: rows that a select
    /// of that condition returned satisfy it, tombstones and unborn rows do not. The rest is for who can evaluate
    /// conditions: call this for every pair, when a version is written or at the end. Without, phantoms are missed, never invented.
    ///
    /// # Panics
    ///
    /// When the condition is on another table than the row.
    pub fn matches(&mut self, predicate: Predicate, key: Key, version: Version, holds: bool) {
        let tables = [self.predicate_name(predicate).0, self.key_name(key).0];
        assert_eq!(tables[0], tables[1], "a condition on one table cannot hold for a row of another");
        self.matching.insert((predicate, key, version), holds);
    }

    /// Opens a transaction of `session`, seen at one moment.
    pub fn begin(&mut self, session: Session, level: Level, ns: u64) -> TransactionId {
        let at = self.moment(ns);
        self.begin_for(session, level, Cause::default(), Span::at(at))
    }

    /// Opens a transaction caused by a request. Its operations inherit the request unless they name their own.
    pub fn begin_for(&mut self, session: Session, level: Level, cause: Cause, span: Span) -> TransactionId {
        self.sessions.push(session);
        self.requests.push(cause.request);
        let transaction = TransactionId(self.sessions.len() as u32);
        self.push(transaction, span, cause, Action::Begin(level));
        transaction
    }

    /// Appends an operation.
    ///
    /// # Panics
    ///
    /// When `transaction` did not begin in this history.
    pub fn push(&mut self, transaction: TransactionId, span: Span, cause: Cause, action: Action) {
        let index = transaction.0.checked_sub(1).expect("transactions are numbered from 1") as usize;
        assert!(index < self.sessions.len(), "{transaction} did not begin in this history: call begin first");
        self.ticks = self.ticks.max(span.end.tick);
        let request = cause.request.or(self.requests[index]);
        self.operations.push(Operation { transaction, span, request, sql: cause.sql, action });
    }

    /// Appends an operation that was called and answered at one moment.
    pub fn push_now(&mut self, transaction: TransactionId, cause: Cause, action: Action, ns: u64) {
        let at = self.moment(ns);
        self.push(transaction, Span::at(at), cause, action);
    }

    /// A plain read of one row, at one moment.
    pub fn read(&mut self, transaction: TransactionId, key: Key, version: Version, cause: Cause, ns: u64) {
        self.push_now(transaction, cause, Action::Read { key, version, sight: Sight::Snapshot }, ns);
    }

    /// An update of one row, at one moment.
    pub fn update(&mut self, transaction: TransactionId, key: Key, version: Version, cause: Cause, ns: u64) {
        let action = Action::Write { key, version, change: Change::Update, replaces: None };
        self.push_now(transaction, cause, action, ns);
    }

    /// A commit the client was told of, at one moment.
    pub fn commit(&mut self, transaction: TransactionId, ns: u64) {
        self.push_now(transaction, Cause::default(), Action::Commit, ns);
    }

    /// The operations, in the order in which they were recorded.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The number of transactions; they are `T1` to `Tn`.
    pub fn transactions(&self) -> usize {
        self.sessions.len()
    }

    /// The session of a transaction of this history.
    pub fn session(&self, transaction: TransactionId) -> Session {
        self.sessions[transaction.0 as usize - 1]
    }

    /// The text of a label of this history.
    pub fn text(&self, label: Label) -> &str {
        self.labels.get(label.0).1
    }

    /// Table and identity of a key of this history.
    pub fn key_name(&self, key: Key) -> (&str, &str) {
        self.keys.get(key.0)
    }

    /// Table and condition of a predicate of this history.
    pub fn predicate_name(&self, predicate: Predicate) -> (&str, &str) {
        self.predicates.get(predicate.0)
    }

    /// Every stated match, in order.
    pub(super) fn stated(&self) -> &BTreeMap<(Predicate, Key, Version), bool> {
        &self.matching
    }

    /// All keys that were ever named, in the order of their names' first use.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> + use<> {
        (0..self.keys.list.len() as u32).map(Key)
    }
}

/// Pairs of texts, numbered in the order of first use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    list: Vec<(Arc<str>, Arc<str>)>,
    numbers: BTreeMap<Arc<str>, BTreeMap<Arc<str>, u32>>,
}

impl Names {
    fn intern(&mut self, table: &str, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(table).and_then(|names| names.get(name)) {
            return *number;
        }
        let number = self.list.len() as u32;
        let table =
            self.numbers.get_key_value(table).map_or_else(|| Arc::from(table), |(known, _)| known.clone());
        let name: Arc<str> = Arc::from(name);
        self.list.push((table.clone(), name.clone()));
        self.numbers.entry(table).or_default().insert(name, number);
        number
    }

    fn get(&self, number: u32) -> (&str, &str) {
        let (table, name) = &self.list[number as usize];
        (table, name)
    }
}
