//! Cases as text: one line a step, `session operation => answer`.
//!
//! The table is `t(id, v)` with primary key `t_pkey(id)` and the rows that the case names;
//! `c(id, parent)` refers to it. An answer `...` says that the step waits; a line without
//! an operation says what a waiting step answers in the end.

use std::{collections::BTreeMap, ops::Bound, rc::Rc, time::Duration};

use sim_db::{
    engine::{
        AdvisoryKey, AdvisoryScope, ConflictAction, DeleteOutcome, Direction, Engine, IndexDefinition,
        IndexId, InsertOutcome, IsolationLevel, KeyRange, KeySource, LockConflictOutcome, LockMode,
        LockRowOutcome, Persistence, RowLockMode, Session, Snapshot, TableDefinition, TableId, Tid,
        TransactionOptions, TransactionStatus, Uniqueness, UpdateOutcome, WaitPolicy,
    },
    error::{DatabaseError, Result, SqlState},
    value::{Row, Value},
};

use crate::world::{Answer, Shared, World};

pub const T: TableId = TableId(1);
pub const T_PKEY: IndexId = IndexId(2);
const C: TableId = TableId(3);
const C_PKEY: IndexId = IndexId(4);
const U: TableId = TableId(5);
const U_KEY: IndexId = IndexId(6);

fn row(id: i64, v: i64) -> Row {
    [Value::Int8(id), Value::Int8(v)].into()
}

fn id_of(row: &Row) -> i64 {
    row[0].as_i64().expect("column id is an integer")
}

fn v_of(row: &Row) -> i64 {
    row[1].as_i64().expect("column v is an integer")
}

/// The tables of a case.
pub fn set_up(engine: &Engine) {
    let session = engine.connect();
    let no_wait = |what: &mut dyn FnMut(&Session)| what(&session);
    no_wait(&mut |session| {
        session.begin(TransactionOptions::default());
        for (id, name) in [(T, "t"), (C, "c"), (U, "u")] {
            session.create_table(TableDefinition {
                id,
                name: name.into(),
                persistence: Persistence::Permanent,
            });
        }
        for (id, table, name, unique) in [
            (T_PKEY, T, "t_pkey", Uniqueness::Immediate),
            (C_PKEY, C, "c_pkey", Uniqueness::Immediate),
            (U_KEY, U, "u_key", Uniqueness::Deferrable { initially_deferred: false }),
        ] {
            session
                .create_index(IndexDefinition {
                    id,
                    table,
                    name: name.into(),
                    key_text: "id".into(),
                    source: KeySource::Columns([0].into()),
                    order: [].into(),
                    unique,
                    nulls_not_distinct: false,
                    plain: true,
                })
                .expect("the table is empty");
        }
    });
    let mut world = World::default();
    let done = world.spawn(async move {
        session.commit().await.expect("nobody else is there");
        session.close();
    });
    world.settle();
    done.take().expect("a commit does not wait");
}

/// One session's statements.
#[derive(Clone)]
pub struct Client {
    pub session: Session,
}

impl Client {
    async fn write(&self, table: TableId) -> Result<Snapshot> {
        if self.session.transaction_options().read_only {
            self.session.statement_snapshot().await?;
            return Err(DatabaseError::read_only_transaction("a write"));
        }
        self.session.begin_statement(&[(table, LockMode::RowExclusive)]).await
    }

    async fn read(&self, mode: LockMode) -> Result<Snapshot> {
        self.session.begin_statement(&[(T, mode)]).await
    }

    async fn change(
        &self,
        table: TableId,
        found: (Tid, Row),
        snapshot: &Snapshot,
        wanted: &dyn Fn(&Row) -> bool,
        change: &dyn Fn(&Row) -> Row,
    ) -> Result<usize> {
        let (mut tid, mut row) = found;
        loop {
            match self.session.update(table, tid, change(&row), snapshot).await? {
                UpdateOutcome::Updated(_) => return Ok(1),
                UpdateOutcome::Changed { tid: next, row: newest } if wanted(&newest) => {
                    (tid, row) = (next, newest);
                }
                _ => return Ok(0),
            }
        }
    }

    async fn change_by_key(&self, id: i64, change: &dyn Fn(&Row) -> Row) -> Result<String> {
        let snapshot = self.write(T).await?;
        let found = self.session.index_lookup(T_PKEY, &[Value::Int8(id)], &snapshot)?;
        let Some(found) = found else { return Ok("0".into()) };
        Ok(self.change(T, found, &snapshot, &|row| id_of(row) == id, change).await?.to_string())
    }

    async fn change_where(
        &self,
        table: TableId,
        wanted: &dyn Fn(&Row) -> bool,
        change: &dyn Fn(&Row) -> Row,
    ) -> Result<String> {
        let snapshot = self.write(table).await?;
        let mut scan = self.session.table_scan(table, &snapshot)?;
        let mut count = 0;
        while let Some((tid, row)) = scan.next()? {
            if wanted(&row) {
                count += self.change(table, (tid, row), &snapshot, wanted, change).await?;
            }
        }
        Ok(count.to_string())
    }

    async fn scan(&self) -> Result<Vec<Row>> {
        let snapshot = self.read(LockMode::AccessShare).await?;
        let mut scan = self.session.table_scan(T, &snapshot)?;
        let mut rows = Vec::new();
        while let Some((_, row)) = scan.next()? {
            rows.push(row);
        }
        Ok(rows)
    }

    async fn lock(&self, id: i64, mode: RowLockMode, policy: WaitPolicy) -> Result<String> {
        if self.session.transaction_options().read_only {
            self.session.statement_snapshot().await?;
            return Err(DatabaseError::read_only_transaction("SELECT FOR UPDATE"));
        }
        let snapshot = self.read(LockMode::RowShare).await?;
        let found = self.session.index_lookup(T_PKEY, &[Value::Int8(id)], &snapshot)?;
        let Some((tid, row)) = found else { return Ok("none".into()) };
        Ok(match self.session.lock_row(T, tid, mode, policy, &snapshot).await? {
            LockRowOutcome::Locked => v_of(&row).to_string(),
            LockRowOutcome::Changed { row, .. } if id_of(&row) == id => v_of(&row).to_string(),
            LockRowOutcome::Changed { .. } | LockRowOutcome::Deleted => "none".into(),
            LockRowOutcome::Skipped => "skipped".into(),
            LockRowOutcome::SelfModified => "self".into(),
        })
    }

    async fn upsert(&self, id: i64, v: i64, update: bool) -> Result<String> {
        let snapshot = self.write(T).await?;
        loop {
            let action = if update { ConflictAction::Update } else { ConflictAction::Nothing };
            let outcome =
                self.session.insert_or_conflict(T, row(id, v), &[T_PKEY], action, &snapshot).await?;
            let InsertOutcome::Conflict(tid) = outcome else { return Ok("inserted".into()) };
            if !update {
                return Ok("nothing".into());
            }
            let locked = self.session.lock_conflict(T, tid, RowLockMode::NoKeyUpdate, &snapshot).await?;
            if let LockConflictOutcome::Locked(old) = locked {
                let new = row(id, v_of(&old) + v);
                return Ok(match self.session.update(T, tid, new, &snapshot).await? {
                    UpdateOutcome::Updated(_) => "updated".into(),
                    other => format!("{other:?}"),
                });
            }
        }
    }

    /// A child's foreign key: its parent has to be there, and stay.
    async fn check_parent(&self, parent: i64) -> Result<()> {
        self.session.advance_command();
        let snapshot = self.session.begin_statement(&[(T, LockMode::RowShare)]).await?;
        let violation = || DatabaseError::new(SqlState::FOREIGN_KEY_VIOLATION, "no such parent");
        let found = self.session.index_lookup(T_PKEY, &[Value::Int8(parent)], &snapshot)?;
        let (tid, _) = found.ok_or_else(violation)?;
        match self.session.lock_row(T, tid, RowLockMode::KeyShare, WaitPolicy::Wait, &snapshot).await? {
            LockRowOutcome::Locked => Ok(()),
            LockRowOutcome::Changed { row, .. } if id_of(&row) == parent => Ok(()),
            _ => Err(violation()),
        }
    }

    /// A parent's foreign key, NO ACTION: no child may be left behind.
    async fn check_children(&self, parent: i64) -> Result<()> {
        self.session.advance_command();
        self.session.begin_statement(&[(T, LockMode::RowShare)]).await?;
        let latest = self.session.latest_snapshot();
        let same = self.session.index_lookup(T_PKEY, &[Value::Int8(parent)], &latest)?;
        if let Some((tid, _)) = same {
            self.session.lock_row(T, tid, RowLockMode::KeyShare, WaitPolicy::Wait, &latest).await?;
            return Ok(());
        }
        self.session.begin_statement(&[(C, LockMode::RowShare)]).await?;
        let latest = self.session.latest_snapshot();
        let mut scan = self.session.table_scan(C, &latest)?;
        while let Some((tid, row)) = scan.next()? {
            if v_of(&row) != parent {
                continue;
            }
            match self.session.lock_row(C, tid, RowLockMode::KeyShare, WaitPolicy::Wait, &latest).await? {
                LockRowOutcome::Locked => {}
                LockRowOutcome::Changed { row, .. } if v_of(&row) == parent => {}
                _ => continue,
            }
            return Err(DatabaseError::new(SqlState::FOREIGN_KEY_VIOLATION, "a child is left behind"));
        }
        Ok(())
    }

    async fn change_child(&self, id: i64, parent: Option<i64>) -> Result<String> {
        let snapshot = self.write(C).await?;
        let found = self.session.index_lookup(C_PKEY, &[Value::Int8(id)], &snapshot)?;
        let Some(found) = found else { return Ok("0".into()) };
        let Some(parent) = parent else {
            return Ok(match self.session.delete(C, found.0, &snapshot).await? {
                DeleteOutcome::Done => "1".into(),
                DeleteOutcome::Changed { tid, .. } => {
                    self.session.delete(C, tid, &snapshot).await?;
                    "1".into()
                }
                _ => "0".into(),
            });
        };
        let is_other = v_of(&found.1) != parent;
        let count = self.change(C, found, &snapshot, &|r| id_of(r) == id, &|r| row(id_of(r), parent)).await?;
        if count > 0 && is_other {
            self.check_parent(parent).await?;
        }
        Ok(count.to_string())
    }

    async fn delete(&self, id: i64) -> Result<String> {
        let snapshot = self.write(T).await?;
        let found = self.session.index_lookup(T_PKEY, &[Value::Int8(id)], &snapshot)?;
        let Some((mut tid, _)) = found else { return Ok("0".into()) };
        loop {
            match self.session.delete(T, tid, &snapshot).await? {
                DeleteOutcome::Done => return Ok("1".into()),
                DeleteOutcome::Changed { tid: next, row } if id_of(&row) == id => tid = next,
                _ => return Ok("0".into()),
            }
        }
    }

    async fn range(&self, from: i64, to: i64, direction: Direction) -> Result<String> {
        let snapshot = self.read(LockMode::AccessShare).await?;
        let range = KeyRange {
            lower: Bound::Included(vec![Value::Int8(from)]),
            upper: Bound::Included(vec![Value::Int8(to)]),
        };
        let mut scan = self.session.index_scan(T_PKEY, range, direction, &snapshot)?;
        let mut rows = Vec::new();
        while let Some((_, row)) = scan.next()? {
            rows.push(row);
        }
        Ok(show(&rows))
    }

    async fn body(&self, words: &[&str]) -> Result<String> {
        let number = |at: usize| words[at].parse::<i64>().expect("the case gives a number here");
        match words[0] {
            "get" => {
                let snapshot = self.read(LockMode::AccessShare).await?;
                let found = self.session.index_lookup(T_PKEY, &[Value::Int8(number(1))], &snapshot)?;
                Ok(found.map_or("none".into(), |(_, row)| v_of(&row).to_string()))
            }
            "scan" => Ok(show(&self.scan().await?)),
            "range" => self.range(number(1), number(2), Direction::Forward).await,
            "backward" => self.range(number(1), number(2), Direction::Backward).await,
            "sum" => Ok(self.scan().await?.iter().map(v_of).sum::<i64>().to_string()),
            "insert" => {
                self.write(T).await?;
                self.session.insert(T, row(number(1), number(2))).await?;
                Ok("ok".into())
            }
            "child" => {
                self.write(C).await?;
                self.session.insert(C, row(number(1), number(2))).await?;
                self.check_parent(number(2)).await?;
                Ok("ok".into())
            }
            "child-del" => self.change_child(number(1), None).await,
            "child-move" => self.change_child(number(1), Some(number(2))).await,
            "orphan-del" => {
                let answer = self.delete(number(1)).await?;
                if answer == "1" {
                    self.check_children(number(1)).await?;
                }
                Ok(answer)
            }
            "orphan-move" => {
                let id = number(2);
                let answer = self.change_by_key(number(1), &|r| row(id, v_of(r))).await?;
                if answer == "1" && id != number(1) {
                    self.check_children(number(1)).await?;
                }
                Ok(answer)
            }
            "nothing" => self.upsert(number(1), number(2), false).await,
            "upsert" => self.upsert(number(1), number(2), true).await,
            "add" => {
                let n = number(2);
                self.change_by_key(number(1), &|r| row(id_of(r), v_of(r) + n)).await
            }
            "set" => {
                let n = number(2);
                self.change_by_key(number(1), &|r| row(id_of(r), n)).await
            }
            "move" => {
                let id = number(2);
                self.change_by_key(number(1), &|r| row(id, v_of(r))).await
            }
            "add-all" => {
                let n = number(1);
                self.change_where(T, &|_| true, &|r| row(id_of(r), v_of(r) + n)).await
            }
            "add-where-v" => {
                let (v, n) = (number(1), number(2));
                self.change_where(T, &|r| v_of(r) == v, &|r| row(id_of(r), v_of(r) + n)).await
            }
            "shift-ids" => self.change_where(T, &|_| true, &|r| row(id_of(r) + 1, v_of(r))).await,
            "u-insert" => {
                self.write(U).await?;
                self.session.insert(U, row(number(1), 0)).await?;
                Ok("ok".into())
            }
            "u-shift" => self.change_where(U, &|_| true, &|r| row(id_of(r) + 1, v_of(r))).await,
            "u-defer" => {
                self.session.set_constraint(Some(U_KEY), true).await?;
                Ok("ok".into())
            }
            "del" => self.delete(number(1)).await,
            "lock" => {
                let mode = match words[2] {
                    "key-share" => RowLockMode::KeyShare,
                    "share" => RowLockMode::Share,
                    "no-key-update" => RowLockMode::NoKeyUpdate,
                    "update" => RowLockMode::Update,
                    other => panic!("no row lock is called {other}"),
                };
                let policy = match words.get(3) {
                    None => WaitPolicy::Wait,
                    Some(&"nowait") => WaitPolicy::NoWait,
                    Some(&"skip") => WaitPolicy::Skip,
                    Some(other) => panic!("no policy is called {other}"),
                };
                self.lock(number(1), mode, policy).await
            }
            "table" => {
                let mode = LockMode::ALL.into_iter().find(|mode| mode.as_str() == words[1]);
                self.session.lock_table(T, mode.expect("a mode of pg_locks"), WaitPolicy::Wait).await?;
                Ok("ok".into())
            }
            "truncate" => {
                self.session.lock_table(T, LockMode::AccessExclusive, WaitPolicy::Wait).await?;
                self.session.statement_snapshot().await?;
                self.session.truncate_table(T)?;
                Ok("ok".into())
            }
            "advisory" => {
                self.session.statement_snapshot().await?;
                let shared = words.contains(&"shared");
                let scope = match words.contains(&"xact") {
                    true => AdvisoryScope::Transaction,
                    false => AdvisoryScope::Session,
                };
                self.session.advisory_lock(AdvisoryKey::One(number(1)), shared, scope).await?;
                Ok("ok".into())
            }
            "try-advisory" => {
                self.session.statement_snapshot().await?;
                let key = AdvisoryKey::One(number(1));
                let got =
                    self.session.try_advisory_lock(key, words.contains(&"shared"), AdvisoryScope::Session);
                Ok(got.to_string())
            }
            "unlock" => {
                self.session.statement_snapshot().await?;
                let key = AdvisoryKey::One(number(1));
                Ok(self.session.advisory_unlock(key, words.contains(&"shared")).to_string())
            }
            "notify" => {
                self.session.notify(words[1], words[2]);
                Ok("ok".into())
            }
            "listen" => {
                self.session.listen(words[1]);
                Ok("ok".into())
            }
            other => panic!("no operation is called {other}"),
        }
    }

    fn control(&self, words: &[&str]) -> Option<Result<String>> {
        let session = &self.session;
        let ok = Ok("ok".to_owned());
        Some(match words[0] {
            "begin" => {
                let isolation = match words[1] {
                    "rc" => IsolationLevel::ReadCommitted,
                    "rr" => IsolationLevel::RepeatableRead,
                    "ser" => IsolationLevel::Serializable,
                    other => panic!("no isolation level is called {other}"),
                };
                let (read_only, deferrable) = (words.contains(&"ro"), words.contains(&"deferrable"));
                session.begin(TransactionOptions { isolation, read_only, deferrable });
                ok
            }
            "rollback" => {
                session.rollback();
                ok
            }
            "rollback-to" => session.rollback_to_savepoint(words[1]).map(|()| "ok".to_owned()),
            "lock-timeout" => {
                let ms = words[1].parse().expect("the case gives milliseconds here");
                session.set_lock_timeout(Some(Duration::from_millis(ms)));
                ok
            }
            "statement-timeout" => {
                let ms = words[1].parse().expect("the case gives milliseconds here");
                let now = session.engine().environment().now();
                session.set_statement_deadline(Some(now.after(Duration::from_millis(ms))));
                ok
            }
            "inbox" => {
                let all = session.take_notifications();
                let texts: Vec<String> = all.iter().map(|n| format!("{}:{}", n.channel, n.payload)).collect();
                Ok(texts.join(" "))
            }
            "close" => {
                session.close();
                ok
            }
            _ => return None,
        })
    }

    /// One statement, with a transaction of its own if there is none.
    pub async fn execute(&self, statement: &str) -> String {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let result = match self.control(&words) {
            Some(result) => {
                if result.is_err() {
                    self.session.fail();
                }
                result
            }
            None => self.run(&words).await,
        };
        result.unwrap_or_else(|error| error.sqlstate.to_string())
    }

    async fn run(&self, words: &[&str]) -> Result<String> {
        let session = &self.session;
        if session.status() == TransactionStatus::Failed {
            if words[0] == "commit" {
                session.rollback();
                return Ok("rollback".to_owned());
            }
            return Err(DatabaseError::transaction_aborted());
        }
        match words[0] {
            "commit" => return session.commit().await.map(|()| "ok".to_owned()),
            "savepoint" => {
                session.savepoint(words[1]);
                return Ok("ok".to_owned());
            }
            "release" => {
                let result = session.release_savepoint(words[1]).map(|()| "ok".to_owned());
                return result.inspect_err(|_| session.fail());
            }
            _ => {}
        }
        let alone = session.status() == TransactionStatus::Idle;
        if alone {
            session.begin(TransactionOptions::default());
        }
        let result = session
            .run(async {
                let answer = self.body(words).await?;
                session.end_statement().await?;
                Ok(answer)
            })
            .await;
        match &result {
            Ok(_) if alone => session.commit().await?,
            Ok(_) => session.advance_command(),
            Err(_) if alone => session.rollback(),
            Err(_) => session.fail(),
        }
        result
    }
}

/// Rows as `id=v`, in order.
fn show(rows: &[Row]) -> String {
    let texts: Vec<String> = rows.iter().map(|row| format!("{}={}", id_of(row), v_of(row))).collect();
    if texts.is_empty() { "empty".into() } else { texts.join(" ") }
}

struct Waiting {
    answer: Answer<String>,
    step: String,
}

/// Runs a case: `rows` are `id=v`, `steps` are lines `session operation => answer`.
#[track_caller]
pub fn check(rows: &str, steps: &str) {
    check_with(rows, steps, |_, _| {});
}

/// As [`check`], with something to do to the engine when a line says `! word`.
#[track_caller]
pub fn check_with(rows: &str, steps: &str, mut special: impl FnMut(&Engine, &str)) {
    let mut world = World::default();
    let engine = Engine::new(Rc::new(Shared(Rc::clone(&world.environment))));
    set_up(&engine);
    let mut clients: BTreeMap<String, Client> = BTreeMap::new();
    let mut waiting: BTreeMap<String, Waiting> = BTreeMap::new();
    let loader = Client { session: engine.connect() };
    for (n, pair) in rows.split_whitespace().enumerate() {
        let statement = format!("insert {}", pair.replace('=', " "));
        let client = loader.clone();
        let answer = world.spawn(async move { client.execute(&statement).await });
        world.settle();
        assert_eq!(answer.take().as_deref(), Some("ok"), "row {n} goes in");
    }
    for line in steps.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (left, wanted) = line.split_once("=>").map_or((line, None), |(l, r)| (l.trim(), Some(r.trim())));
        let (name, statement) = left.split_once(' ').unwrap_or((left, ""));
        match name {
            "clock" => {
                let ms = statement.trim().parse().expect("the case gives milliseconds here");
                world.advance(Duration::from_millis(ms));
                continue;
            }
            "!" => {
                special(&engine, statement.trim());
                world.settle();
                continue;
            }
            "cancel" => {
                engine.cancel(clients[statement.trim()].session.pid());
                world.settle();
                continue;
            }
            _ => {}
        }
        if statement.is_empty() {
            let found = waiting.remove(name).unwrap_or_else(|| panic!("{name} does not wait at `{line}`"));
            let answer = found.answer.take();
            assert_eq!(answer.as_deref(), wanted, "`{}` answers at `{line}`", found.step);
            continue;
        }
        assert!(!waiting.contains_key(name), "{name} still waits at `{line}`");
        let client =
            clients.entry(name.to_owned()).or_insert_with(|| Client { session: engine.connect() }).clone();
        let statement = statement.trim().to_owned();
        let answer = world.spawn(async move { client.execute(&statement).await });
        world.settle();
        match (answer.take(), wanted) {
            (None, Some("...")) => {
                waiting.insert(name.to_owned(), Waiting { answer, step: line.to_owned() });
            }
            (answer, wanted) => assert_eq!(answer.as_deref(), Some(wanted.unwrap_or("ok")), "at `{line}`"),
        }
        for (name, found) in &waiting {
            assert!(found.step != line || found.answer.take().is_none(), "{name} was to wait at `{line}`");
        }
    }
    assert!(waiting.is_empty(), "the case leaves {:?} waiting", waiting.keys());
}
