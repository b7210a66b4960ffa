//! A small multi-version engine to test the judges with: right at every level, or wrong in one chosen way.
//!
//! It has nothing to do with the real engine, on purpose: the judges must not be tested by what they will judge. Rows are numbers
//! 0 to 7 with one column, `colour`; 0 to 3 are loaded, the others unborn. Serializable is Cahill's: whoever has
//! a conflict in and a conflict out is refused.

use std::collections::BTreeSet;

use super::defect::Defect;
use super::random::Random;
use sim_db::history::{Change, Level};

pub const ROWS: usize = 8;
pub const COLOURS: u64 = 3;
const LOADED: usize = 4;

/// One stored version of one row.
#[derive(Clone, Debug)]
pub struct Stored {
    pub version: u64,
    writer: Option<usize>,
    /// The row's column; `None` is a tombstone, or a row not born yet.
    pub colour: Option<u64>,
    undone: bool,
    /// Committed, but not shown yet (one defect).
    hidden: bool,
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Committed(u64),
    Aborted,
}

#[derive(Debug)]
struct Transaction {
    level: Level,
    state: State,
    snapshot: Option<u64>,
    site: usize,
    last_own_commit: u64,
    read_only: bool,
    reads: BTreeSet<usize>,
    selects: BTreeSet<u64>,
    conflict_in: bool,
    conflict_out: bool,
    waits_for: Option<usize>,
}

/// Why a statement did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Another transaction holds the row: try again later.
    Wait,
    /// The transaction has failed and is rolled back.
    Failed,
}

/// What a write did.
#[derive(Clone, Copy, Debug)]
pub struct Wrote {
    /// The version that was found there and changed.
    pub seen: u64,
    /// The new version, what kind of change, and the newest version it went on top of. `None`: no such row.
    pub written: Option<(u64, Change, u64)>,
}

pub struct Engine {
    pub defect: Option<Defect>,
    pub rows: Vec<Vec<Stored>>,
    transactions: Vec<Transaction>,
    commits: u64,
    versions: u64,
    random: Random,
}

impl Engine {
    pub fn new(defect: Option<Defect>, seed: u64) -> Self {
        let initial = |row: usize| Stored {
            version: 0,
            writer: None,
            colour: (row < LOADED).then_some(row as u64 % COLOURS),
            undone: false,
            hidden: false,
            lost: false,
        };
        let rows = (0..ROWS).map(|row| vec![initial(row)]).collect();
        Self { defect, rows, transactions: Vec::new(), commits: 0, versions: 0, random: Random::new(seed) }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    pub fn begin(&mut self, level: Level, session: usize, last_own_commit: u64, read_only: bool) -> usize {
        self.transactions.push(Transaction {
            level,
            state: State::Active,
            snapshot: None,
            site: session % 2,
            last_own_commit,
            read_only,
            reads: BTreeSet::new(),
            selects: BTreeSet::new(),
            conflict_in: false,
            conflict_out: false,
            waits_for: None,
        });
        self.transactions.len() - 1
    }

    /// The snapshot of the next statement.
    fn snapshot(&mut self, me: usize) -> u64 {
        let keeps =
            self.transactions[me].level >= Level::RepeatableRead && !self.is(Defect::SnapshotPerStatement);
        if let (true, Some(taken)) = (keeps, self.transactions[me].snapshot) {
            return taken;
        }
        let own = self.transactions[me].last_own_commit;
        let now = match self.defect {
            Some(Defect::StaleSnapshot) => self.commits.saturating_sub(3),
            Some(Defect::OwnCommitsMissed) if own > 0 => own - 1,
            Some(Defect::LaggingReplica) => self.commits.saturating_sub(self.random.below(8)).max(own),
            _ => self.commits,
        };
        self.transactions[me].snapshot.get_or_insert(now);
        if keeps { self.transactions[me].snapshot.expect("just taken") } else { now }
    }

    fn is_committed_by(&self, stored: &Stored, snapshot: u64, site: usize) -> bool {
        let Some(writer) = stored.writer else { return true };
        let writer = &self.transactions[writer];
        let far = self.is(Defect::LongFork) && writer.site != site;
        let shown = if far { snapshot.saturating_sub(4) } else { snapshot };
        match writer.state {
            State::Committed(at) => at <= shown && !stored.hidden,
            State::Active => self.is(Defect::DirtyRead),
            State::Aborted => self.is(Defect::AbortKeepsVersions),
        }
    }

    /// Position of the newest version of a row that a transaction sees.
    fn visible(&self, me: usize, row: usize, snapshot: u64) -> usize {
        let site = self.transactions[me].site;
        let seen = |stored: &Stored| {
            if stored.undone || stored.lost {
                return false;
            }
            if stored.writer == Some(me) {
                return !self.is(Defect::OwnWriteUnseen);
            }
            self.is_committed_by(stored, snapshot, site)
        };
        let newest = self.rows[row].iter().rposition(seen).unwrap_or(0);
        let writer = self.rows[row][newest].writer;
        if self.is(Defect::IntermediateRead) && writer.is_some() && writer != Some(me) {
            let first = self.rows[row].iter().position(|stored| stored.writer == writer && !stored.undone);
            return first.unwrap_or(newest);
        }
        newest
    }

    /// Position of the newest version that is committed or one's own.
    fn newest(&self, me: usize, row: usize) -> usize {
        let there = |stored: &Stored| {
            let own = stored.writer == Some(me);
            !stored.undone
                && !stored.lost
                && (own || self.is_committed_by(stored, u64::MAX, self.transactions[me].site))
        };
        self.rows[row].iter().rposition(there).unwrap_or(0)
    }

    /// Reads one row: the version seen.
    pub fn read(&mut self, me: usize, row: usize) -> Result<u64, Stop> {
        self.check(me)?;
        let snapshot = self.snapshot(me);
        let position = self.visible(me, row, snapshot);
        self.transactions[me].reads.insert(row);
        self.conflicts_out(me, row, position, None)?;
        if self.is(Defect::FabricatedRead) && self.random.chance(1, 10) {
            return Ok(1_000_000);
        }
        Ok(self.rows[row][position].version)
    }

    /// Reads all rows of one colour: rows and versions seen.
    pub fn select(&mut self, me: usize, colour: u64) -> Result<Vec<(usize, u64)>, Stop> {
        self.check(me)?;
        let mut snapshot = self.snapshot(me);
        if self.is(Defect::SelectsSeeNewest) {
            snapshot = self.commits;
        }
        self.transactions[me].selects.insert(colour);
        let mut found = Vec::new();
        for row in 0..ROWS {
            let position = self.visible(me, row, snapshot);
            self.conflicts_out(me, row, position, Some(colour))?;
            let stored = &self.rows[row][position];
            if stored.colour == Some(colour) {
                let missed = self.is(Defect::MissedRow) && self.random.chance(1, 4);
                if !missed {
                    found.push((row, self.rows[row][position].version));
                }
            }
        }
        Ok(found)
    }

    /// Gives a row a colour, or deletes it with `None`. Inserts when the row is not there and `insert` is set.
    pub fn write(&mut self, me: usize, row: usize, colour: Option<u64>) -> Result<Wrote, Stop> {
        self.check(me)?;
        let snapshot = self.snapshot(me);
        self.wait(me, row)?;
        let level = self.transactions[me].level;
        let (visible, newest) = (self.visible(me, row, snapshot), self.newest(me, row));
        let strict = level >= Level::RepeatableRead && !self.is(Defect::NoFirstUpdaterWins);
        let found = if level >= Level::RepeatableRead { visible } else { newest };
        let alive = self.rows[row][found].colour.is_some();
        let seen = self.rows[row][found].version;
        if !alive && self.rows[row][newest].colour.is_some() {
            return self.fail(me); // unique violation
        }
        if alive && strict && newest != visible {
            return self.fail(me); // could not serialize access
        }
        self.transactions[me].reads.insert(row);
        self.conflicts_out(me, row, found, None)?;
        let change = match (alive, colour) {
            (true, Some(_)) => Change::Update,
            (true, None) => Change::Delete,
            (false, Some(_)) => Change::Insert,
            (false, None) => return Ok(Wrote { seen, written: None }),
        };
        self.conflicts_in(me, row, self.rows[row][newest].colour, colour)?;
        self.versions += 1;
        let version = self.versions;
        let replaced = if self.is(Defect::DirtyWrite) { self.rows[row].len() - 1 } else { newest };
        let replaces = self.rows[row][replaced].version;
        let stored = Stored { version, writer: Some(me), colour, undone: false, hidden: false, lost: false };
        self.rows[row].push(stored);
        Ok(Wrote { seen, written: Some((version, change, replaces)) })
    }

    /// Waits for whoever holds the row; a circle of waiters fails.
    fn wait(&mut self, me: usize, row: usize) -> Result<(), Stop> {
        self.transactions[me].waits_for = None;
        if self.is(Defect::DirtyWrite) {
            return Ok(());
        }
        let active = |writer: &usize| *writer != me && self.transactions[*writer].state == State::Active;
        let holder = self.rows[row].iter().filter(|stored| !stored.undone).filter_map(|stored| stored.writer);
        let Some(holder) = holder.rev().find(active) else { return Ok(()) };
        self.transactions[me].waits_for = Some(holder);
        let mut at = holder;
        while let Some(next) = self.transactions[at].waits_for {
            if next == me {
                return self.fail(me);
            }
            at = next;
        }
        Err(Stop::Wait)
    }

    /// Where a savepoint stands: everything written later can be undone.
    pub fn savepoint(&self) -> u64 {
        self.versions
    }

    pub fn rollback_to(&mut self, me: usize, savepoint: u64) {
        if self.is(Defect::SavepointKeepsVersions) {
            return;
        }
        for stored in self.rows.iter_mut().flatten() {
            stored.undone |= stored.writer == Some(me) && stored.version > savepoint;
        }
    }

    /// Commits: the number of the commit.
    pub fn commit(&mut self, me: usize) -> Result<u64, Stop> {
        self.check(me)?;
        self.commits += 1;
        let half = self.is(Defect::CommitInTwoSteps);
        let loses = self.is(Defect::WriteLost) && self.random.chance(1, 2);
        let forgets = self.is(Defect::CommitForgotten) && self.random.chance(1, 4);
        let mut own: Vec<&mut Stored> = self
            .rows
            .iter_mut()
            .flatten()
            .filter(|stored| stored.writer == Some(me) && !stored.undone)
            .collect();
        own.sort_by_key(|stored| stored.version);
        let count = own.len();
        for (position, stored) in own.into_iter().enumerate() {
            stored.hidden = half && position > 0;
            stored.lost |= forgets || (loses && position + 1 == count);
        }
        self.transactions[me].state = State::Committed(self.commits);
        Ok(self.commits)
    }

    /// The commit is answered: nothing is hidden any more.
    pub fn reveal(&mut self, me: usize) {
        self.rows
            .iter_mut()
            .flatten()
            .filter(|stored| stored.writer == Some(me))
            .for_each(|s| s.hidden = false);
    }

    pub fn abort(&mut self, me: usize) {
        let state = &mut self.transactions[me];
        state.waits_for = None;
        if state.state == State::Active {
            state.state = State::Aborted;
        }
    }

    fn fail<T>(&mut self, me: usize) -> Result<T, Stop> {
        self.abort(me);
        Err(Stop::Failed)
    }

    /// Refuses a transaction that became the pivot of a dangerous structure.
    fn check(&mut self, me: usize) -> Result<(), Stop> {
        let pivot = self.transactions[me].conflict_in && self.transactions[me].conflict_out;
        if pivot { self.fail(me) } else { Ok(()) }
    }

    /// Conflicts with concurrent serializable transactions whose versions of a row were not seen.
    fn conflicts_out(&mut self, me: usize, row: usize, seen: usize, colour: Option<u64>) -> Result<(), Stop> {
        let unseen = &self.rows[row][seen..];
        let touches =
            |at: usize| colour.is_none() || unseen[..=at].iter().any(|stored| stored.colour == colour);
        let writers: Vec<usize> =
            (1..unseen.len()).filter(|at| touches(*at)).filter_map(|at| unseen[at].writer).collect();
        for writer in writers.into_iter().filter(|writer| *writer != me) {
            self.conflict(me, writer, me, colour.is_some())?;
        }
        Ok(())
    }

    /// Conflicts with concurrent serializable transactions that read what is now written.
    fn conflicts_in(
        &mut self,
        me: usize,
        row: usize,
        old: Option<u64>,
        new: Option<u64>,
    ) -> Result<(), Stop> {
        for reader in (0..self.transactions.len()).filter(|reader| *reader != me) {
            let by_row = self.transactions[reader].reads.contains(&row);
            let mut colours = [old, new].into_iter().flatten();
            let by_condition = colours.any(|colour| self.transactions[reader].selects.contains(&colour));
            if by_row || by_condition {
                self.conflict(reader, me, me, !by_row)?;
            }
        }
        Ok(())
    }

    fn conflict(&mut self, reader: usize, writer: usize, me: usize, by_condition: bool) -> Result<(), Stop> {
        let serializable = |index: usize| self.transactions[index].level == Level::Serializable;
        let alive = |index: usize| self.transactions[index].state != State::Aborted;
        let overlaps = |done: usize, other: usize| match self.transactions[done].state {
            State::Committed(at) => self.transactions[other].snapshot.is_none_or(|snapshot| at > snapshot),
            _ => true,
        };
        let ignored = self.is(Defect::NoSsi)
            || (self.is(Defect::NoPredicateLocks) && by_condition)
            || (self.is(Defect::ReadersIgnoredBySsi) && self.transactions[reader].read_only);
        let both = [reader, writer].into_iter().all(|index| serializable(index) && alive(index));
        if ignored || !both || !overlaps(reader, writer) || !overlaps(writer, reader) {
            return Ok(());
        }
        self.transactions[reader].conflict_out = true;
        self.transactions[writer].conflict_in = true;
        let pivot =
            |index: usize| self.transactions[index].conflict_in && self.transactions[index].conflict_out;
        let other = if me == reader { writer } else { reader };
        let too_late = pivot(other) && matches!(self.transactions[other].state, State::Committed(_));
        if pivot(me) || too_late { self.fail(me) } else { Ok(()) }
    }
}
