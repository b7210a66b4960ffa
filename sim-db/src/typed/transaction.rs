//! A transaction on typed tables.
//!
//! Every operation is a statement of its own, with PostgreSQL's semantics at the
//! transaction's level: a snapshot for each at READ COMMITTED, and a change that had to
//! wait for somebody looks at the row again before it is made.

use super::observed::{error_text, found_text, key_text, record_text};
use super::{Record, ToKey, table::Table};
use crate::{
    engine::{
        DeleteOutcome, Direction, Engine, IndexId, KeyRange, LockMode, LockRowOutcome, RowLockMode, Session,
        Snapshot, SwitchPoint, Tid, TransactionOptions, TransactionStatus, UpdateOutcome, WaitPolicy,
    },
    error::{DatabaseError, Result},
    value::Row,
};

/// A transaction in progress. Dropped without [`commit`](Transaction::commit) it is rolled back.
pub struct Transaction {
    session: Session,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.session.close();
    }
}

impl Transaction {
    pub(super) async fn begin(engine: &Engine, options: TransactionOptions) -> Result<Transaction> {
        let transaction = Transaction { session: engine.connect() };
        transaction.travel(SwitchPoint::Request).await?;
        transaction.session.begin(options);
        transaction.travel(SwitchPoint::Response).await?;
        Ok(transaction)
    }

    /// The session beneath.
    pub fn session(&self) -> &Session {
        &self.session
    }

    async fn travel(&self, at: SwitchPoint) -> Result<()> {
        self.session.switch_point(at).await
    }

    /// One statement: travels there, does it, travels back. A statement that fails fails the transaction.
    /// `what` and `told` are its texts for the timeline: what was asked, and what came of it.
    async fn statement<T>(
        &self,
        what: impl Fn() -> String,
        told: impl Fn(&T) -> String,
        body: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.travel(SwitchPoint::Request).await?;
        if self.session.status() == TransactionStatus::Failed {
            return Err(DatabaseError::transaction_aborted());
        }
        let result = self.session.run(body).await;
        match &result {
            Ok(_) => self.session.advance_command(),
            Err(_) => self.session.fail(),
        }
        self.session.engine().environment().observe("db", &|| match &result {
            Ok(value) => format!("{}{}", what(), told(value)),
            Err(error) => format!("{}: {}", what(), error_text(error)),
        });
        self.travel(SwitchPoint::Response).await?;
        result
    }

    async fn read<R: Record>(&self, table: &Table<R>) -> Result<Snapshot> {
        self.session.begin_statement(&[(table.info.id, LockMode::AccessShare)]).await
    }

    async fn write<R: Record>(&self, table: &Table<R>, mode: LockMode) -> Result<Snapshot> {
        let options = self.session.transaction_options();
        if options.read_only {
            return Err(DatabaseError::read_only_transaction("a write"));
        }
        self.session.begin_statement(&[(table.info.id, mode)]).await
    }

    /// The record with this primary key.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE; 25P02 in a failed transaction (as every operation).
    pub async fn get<R: Record>(&self, table: &Table<R>, key: impl ToKey) -> Result<Option<R>> {
        self.get_by_index(table, table.primary_key(), &key).await
    }

    /// A record by another key, or index, of the table: the first one.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    ///
    /// # Panics
    /// If the table has no key of this name.
    pub async fn get_by<R: Record>(
        &self,
        table: &Table<R>,
        key_name: &str,
        key: impl ToKey,
    ) -> Result<Option<R>> {
        self.get_by_index(table, table.key(key_name), &key).await
    }

    async fn get_by_index<R: Record>(
        &self,
        table: &Table<R>,
        index: IndexId,
        key: &impl ToKey,
    ) -> Result<Option<R>> {
        self.statement(
            || format!("get {} {}", table.info.name, key_text(&key.to_key())),
            |found| found_text(found.as_ref()),
            async {
                let snapshot = self.read(table).await?;
                let found = self.session.index_lookup(index, &key.to_key(), &snapshot)?;
                Ok(found.map(|(_, row)| R::from_row(&row)))
            },
        )
        .await
    }

    /// Every record, in heap order.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn scan<R: Record>(&self, table: &Table<R>) -> Result<Vec<R>> {
        self.find(table, |_| true).await
    }

    /// The records that satisfy `wanted`, in heap order: a sequential scan.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    pub async fn find<R: Record>(&self, table: &Table<R>, wanted: impl Fn(&R) -> bool) -> Result<Vec<R>> {
        self.statement(
            || format!("scan {}", table.info.name),
            |found: &Vec<R>| format!(": {} records", found.len()),
            async {
                let snapshot = self.read(table).await?;
                let mut scan = self.session.table_scan(table.info.id, &snapshot)?;
                let mut found = Vec::new();
                while let Some((_, row)) = scan.next()? {
                    let record = R::from_row(&row);
                    if wanted(&record) {
                        found.push(record);
                    }
                }
                Ok(found)
            },
        )
        .await
    }

    /// The records under this key of an index, in index order.
    ///
    /// # Errors
    /// As [`Transaction::get`].
    ///
    /// # Panics
    /// If the table has no key of this name.
    pub async fn find_by<R: Record>(
        &self,
        table: &Table<R>,
        key_name: &str,
        key: impl ToKey,
    ) -> Result<Vec<R>> {
        let index = table.key(key_name);
        self.statement(
            || format!("find {} by {key_name} {}", table.info.name, key_text(&key.to_key())),
            |found: &Vec<R>| format!(": {} records", found.len()),
            async {
                let snapshot = self.read(table).await?;
                let range = KeyRange::equal(key.to_key());
                let mut scan = self.session.index_scan(index, range, Direction::Forward, &snapshot)?;
                let mut found = Vec::new();
                while let Some((_, row)) = scan.next()? {
                    found.push(R::from_row(&row));
                }
                Ok(found)
            },
        )
        .await
    }

    /// Inserts a record.
    ///
    /// # Errors
    /// 23505 with the key's name as `constraint`, once whoever has the key has committed; 40001; 40P01; 55P03.
    #[allow(clippy::needless_pass_by_value, reason = "a record that was inserted belongs to the store")]
    pub async fn insert<R: Record>(&self, table: &Table<R>, record: R) -> Result<()> {
        self.statement(
            || format!("insert {} {}", table.info.name, record_text(&record)),
            |()| String::new(),
            async {
                self.write(table, LockMode::RowExclusive).await?;
                self.session.insert(table.info.id, record.to_row().into()).await.map(drop)
            },
        )
        .await
    }

    /// Changes the record with this primary key; answers what became of it, `None` if there is none.
    ///
    /// At READ COMMITTED `change` gets the newest version, also if it had to wait for it, and runs again then.
    ///
    /// # Errors
    /// As [`Transaction::insert`]; 40001 at the upper levels if somebody changed it after the snapshot.
    pub async fn update<R: Record>(
        &self,
        table: &Table<R>,
        key: impl ToKey,
        change: impl Fn(&mut R),
    ) -> Result<Option<R>> {
        self.statement(
            || format!("update {} {}", table.info.name, key_text(&key.to_key())),
            |changed| found_text(changed.as_ref()),
            async {
                let snapshot = self.write(table, LockMode::RowExclusive).await?;
                let key = key.to_key();
                let Some((tid, row)) = self.session.index_lookup(table.primary_key(), &key, &snapshot)?
                else {
                    return Ok(None);
                };
                let still_it = |row: &Row| self.has_key(table, &key, row);
                self.update_row(table, tid, &row, &snapshot, &still_it, &change).await
            },
        )
        .await
    }

    /// Changes every record that satisfies `wanted`; answers how many.
    ///
    /// # Errors
    /// As [`Transaction::update`].
    pub async fn update_where<R: Record>(
        &self,
        table: &Table<R>,
        wanted: impl Fn(&R) -> bool,
        change: impl Fn(&mut R),
    ) -> Result<usize> {
        self.statement(
            || format!("update {}", table.info.name),
            |count| format!(": {count} records"),
            async {
                let snapshot = self.write(table, LockMode::RowExclusive).await?;
                let mut scan = self.session.table_scan(table.info.id, &snapshot)?;
                let wanted = |row: &Row| wanted(&R::from_row(row));
                let mut count = 0;
                while let Some((tid, row)) = scan.next()? {
                    if wanted(&row)
                        && self.update_row(table, tid, &row, &snapshot, &wanted, &change).await?.is_some()
                    {
                        count += 1;
                    }
                }
                Ok(count)
            },
        )
        .await
    }

    fn has_key<R: Record>(&self, table: &Table<R>, key: &[crate::value::Value], row: &Row) -> bool {
        let found = self.session.index_key(table.primary_key(), row);
        found.is_ok_and(|found| found.is_some_and(|found| found.values() == key))
    }

    async fn update_row<R: Record>(
        &self,
        table: &Table<R>,
        tid: Tid,
        row: &Row,
        snapshot: &Snapshot,
        wanted: &impl Fn(&Row) -> bool,
        change: &impl Fn(&mut R),
    ) -> Result<Option<R>> {
        let mut at = tid;
        let mut current = Row::clone(row);
        loop {
            let mut record = R::from_row(&current);
            change(&mut record);
            let new = record.to_row().into();
            match self.session.update(table.info.id, at, new, snapshot).await? {
                UpdateOutcome::Updated(_) => return Ok(Some(record)),
                UpdateOutcome::Changed { tid, row } if wanted(&row) => (at, current) = (tid, row),
                UpdateOutcome::Changed { .. } | UpdateOutcome::Deleted | UpdateOutcome::SelfModified => {
                    return Ok(None);
                }
            }
        }
    }

    /// Deletes the record with this primary key; `false` if there is none.
    ///
    /// # Errors
    /// As [`Transaction::update`].
    pub async fn delete<R: Record>(&self, table: &Table<R>, key: impl ToKey) -> Result<bool> {
        self.statement(
            || format!("delete {} {}", table.info.name, key_text(&key.to_key())),
            |deleted| if *deleted { String::new() } else { ": no record".to_owned() },
            async {
                let snapshot = self.write(table, LockMode::RowExclusive).await?;
                let key = key.to_key();
                let found = self.session.index_lookup(table.primary_key(), &key, &snapshot)?;
                let Some((mut at, _)) = found else { return Ok(false) };
                loop {
                    match self.session.delete(table.info.id, at, &snapshot).await? {
                        DeleteOutcome::Done => return Ok(true),
                        DeleteOutcome::Changed { tid, row } if self.has_key(table, &key, &row) => at = tid,
                        DeleteOutcome::Changed { .. }
                        | DeleteOutcome::Deleted
                        | DeleteOutcome::SelfModified => {
                            return Ok(false);
                        }
                    }
                }
            },
        )
        .await
    }

    /// Locks and answers the record with this primary key: SELECT … FOR UPDATE.
    ///
    /// # Errors
    /// 40001 at the upper levels if somebody changed it after the snapshot; 40P01; 55P03.
    pub async fn select_for_update<R: Record>(&self, table: &Table<R>, key: impl ToKey) -> Result<Option<R>> {
        self.select_locked(table, key, RowLockMode::Update, WaitPolicy::Wait).await
    }

    /// Locks and answers the record with this primary key, in any mode, with NOWAIT (55P03) or SKIP LOCKED (`None`).
    ///
    /// # Errors
    /// As [`Transaction::select_for_update`].
    pub async fn select_locked<R: Record>(
        &self,
        table: &Table<R>,
        key: impl ToKey,
        mode: RowLockMode,
        policy: WaitPolicy,
    ) -> Result<Option<R>> {
        self.statement(
            || format!("lock {} {}", table.info.name, key_text(&key.to_key())),
            |found| found_text(found.as_ref()),
            async {
                let snapshot = self.write(table, LockMode::RowShare).await?;
                let key = key.to_key();
                let found = self.session.index_lookup(table.primary_key(), &key, &snapshot)?;
                let Some((tid, row)) = found else { return Ok(None) };
                match self.session.lock_row(table.info.id, tid, mode, policy, &snapshot).await? {
                    LockRowOutcome::Locked => Ok(Some(R::from_row(&row))),
                    LockRowOutcome::Changed { row, .. } => {
                        Ok(self.has_key(table, &key, &row).then(|| R::from_row(&row)))
                    }
                    LockRowOutcome::Deleted | LockRowOutcome::Skipped | LockRowOutcome::SelfModified => {
                        Ok(None)
                    }
                }
            },
        )
        .await
    }

    /// SAVEPOINT.
    ///
    /// # Errors
    /// 25P02 in a failed transaction.
    pub async fn savepoint(&self, name: &str) -> Result<()> {
        self.statement(|| format!("savepoint {name}"), |()| String::new(), async {
            self.session.savepoint(name);
            Ok(())
        })
        .await
    }

    /// ROLLBACK TO SAVEPOINT; also out of a failed transaction.
    ///
    /// # Errors
    /// 3B001 no such savepoint.
    pub async fn rollback_to(&self, name: &str) -> Result<()> {
        self.travel(SwitchPoint::Request).await?;
        let result = self.session.rollback_to_savepoint(name);
        self.travel(SwitchPoint::Response).await?;
        result
    }

    /// Commits.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE: then it was rolled back. 25P02 if it had failed: rolled back, too (PostgreSQL answers
    /// `ROLLBACK` here without an error, which a caller would overlook).
    pub async fn commit(self) -> Result<()> {
        self.travel(SwitchPoint::Request).await?;
        let result = if self.session.status() == TransactionStatus::Failed {
            self.session.rollback();
            Err(DatabaseError::transaction_aborted())
        } else {
            self.session.commit().await
        };
        self.session.engine().environment().observe("db", &|| match &result {
            Ok(()) => "commit".to_owned(),
            Err(error) => format!("commit: {}", error_text(error)),
        });
        self.travel(SwitchPoint::Response).await?;
        result
    }

    /// Rolls back.
    pub async fn rollback(self) {
        if self.travel(SwitchPoint::Request).await.is_ok() {
            self.session.rollback();
            self.session.engine().environment().observe("db", &|| "rollback".to_owned());
            // Whether the answer arrives does not matter to who rolls back.
            let _ = self.travel(SwitchPoint::Response).await;
        }
    }
}
