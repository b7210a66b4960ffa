//! Waiting for a lock: until it is granted, or waiting ends by a timeout, a cancel, a deadlock.

use std::{fmt::Write as _, future::poll_fn, task::Poll, time::Duration};

use super::{Acquire, DeadlockCheck, DeadlockEdge, LockTag};
use crate::{
    engine::{
        environment::SwitchPoint,
        id::{TableId, Xid},
        interrupt::LazyTimer,
        mode::{AdvisoryKey, AdvisoryScope, LockMode, WaitPolicy},
        session::Session,
        state::State,
    },
    error::{DatabaseError, Result, SqlState},
};

use super::Owner;

/// The database's OID in messages.
const DATABASE_OID: u32 = 5;

/// 40P01 with PostgreSQL's account of who waits for whom.
fn deadlock_error(state: &State, cycle: &[DeadlockEdge]) -> DatabaseError {
    let mut detail = String::new();
    for (at, edge) in cycle.iter().enumerate() {
        let next = cycle[(at + 1) % cycle.len()].proc;
        let line = if at == 0 { "" } else { "\n" };
        write!(
            detail,
            "{line}Process {} waits for {} on {}; blocked by process {}.",
            state.session(edge.proc).pid,
            edge.mode.as_str(),
            edge.tag.describe(DATABASE_OID),
            state.session(next).pid,
        )
        .expect("a String takes any text");
    }
    DatabaseError::new(SqlState::DEADLOCK_DETECTED, "deadlock detected")
        .with_detail(detail)
        .with_hint("See server log for query details.")
}

/// Leaves the queue if the waiting future is dropped.
struct LeaveQueue<'a>(&'a Session);

impl Drop for LeaveQueue<'_> {
    fn drop(&mut self) {
        self.0.core.state.borrow_mut().locks.stop_waiting(self.0.proc);
    }
}

impl Session {
    /// Takes a lock for the innermost subtransaction. `false`: it was not free and the policy is not to wait.
    pub(crate) async fn lock(&self, tag: LockTag, mode: LockMode, policy: WaitPolicy) -> Result<bool> {
        let owner = self.core.state.borrow().transaction(self.proc).owner();
        self.lock_for(tag, mode, owner, policy).await
    }

    pub(crate) async fn lock_for(
        &self,
        tag: LockTag,
        mode: LockMode,
        owner: Owner,
        policy: WaitPolicy,
    ) -> Result<bool> {
        let acquired = {
            let mut state = self.core.state.borrow_mut();
            let acquired = state.locks.acquire(self.proc, tag, mode, owner, policy == WaitPolicy::Wait);
            if let Acquire::Deadlock(cycle) = &acquired {
                return Err(deadlock_error(&state, cycle));
            }
            acquired
        };
        match acquired {
            Acquire::Granted => Ok(true),
            Acquire::Waiting => {
                self.observe_wait(tag, mode);
                self.wait_in_queue().await.map(|()| true)
            }
            Acquire::NotAvailable | Acquire::Deadlock(_) => Ok(false),
        }
    }

    /// Tells who waits for what, and for whom.
    fn observe_wait(&self, tag: LockTag, mode: LockMode) {
        let text = || {
            let state = self.core.state.borrow();
            let holders: Vec<String> =
                state.locks.blockers(self.proc).iter().map(|p| state.session(*p).pid.to_string()).collect();
            let what = tag.describe(DATABASE_OID);
            let mode = mode.as_str();
            format!("session {} waits for {mode} on {what}; blocked by {}", self.pid(), holders.join(", "))
        };
        self.core.environment.observe("sql.waits", &text);
    }

    async fn wait_in_queue(&self) -> Result<()> {
        let leave = LeaveQueue(self);
        let (deadlock_timeout, lock_timeout) = {
            let state = self.core.state.borrow();
            let session = state.session(self.proc);
            (session.deadlock_timeout, session.lock_timeout)
        };
        let mut deadlock_timer = LazyTimer::new(self, Some(deadlock_timeout));
        let mut lock_timer = LazyTimer::new(self, lock_timeout.filter(|t| *t > Duration::ZERO));
        let mut deadline_timer = self.deadline_timer();
        let result = poll_fn(|context| {
            if !self.core.state.borrow_mut().locks.set_waker(self.proc, context.waker()) {
                // Granted; or the session was ended, and its locks with it.
                return Poll::Ready(self.shutdown().map_or(Ok(()), |shutdown| Err(shutdown.error())));
            }
            if let Err(error) = self.poll_interrupt(&mut deadline_timer, context) {
                return Poll::Ready(Err(error));
            }
            if deadlock_timer.fires(context) {
                let mut state = self.core.state.borrow_mut();
                if let DeadlockCheck::Deadlock(cycle) = state.locks.check_deadlock(self.proc) {
                    return Poll::Ready(Err(deadlock_error(&state, &cycle)));
                }
                if !state.locks.is_waiting(self.proc) {
                    return Poll::Ready(Ok(()));
                }
            }
            if lock_timer.fires(context) {
                return Poll::Ready(Err(DatabaseError::lock_timeout()));
            }
            self.core.environment.waits_for("a lock that another session holds");
            Poll::Pending
        })
        .await;
        drop(leave);
        result
    }

    /// Waits until a transaction is over. `false`: it is not, and the policy is not to wait.
    pub(crate) async fn wait_for_transaction(&self, xid: Xid, policy: WaitPolicy) -> Result<bool> {
        let tag = LockTag::Transaction(xid);
        {
            let mut state = self.core.state.borrow_mut();
            let Some(runner) = state.runner(xid) else { return Ok(true) };
            if policy != WaitPolicy::Wait {
                return Ok(false);
            }
            state.locks.expose_transaction(xid, runner);
        }
        let owner = self.core.state.borrow().transaction(self.proc).owner();
        self.lock_for(tag, LockMode::Share, owner, policy).await?;
        self.core.state.borrow_mut().locks.release(self.proc, tag, LockMode::Share, owner);
        Ok(true)
    }

    /// Locks a table until the transaction ends (or the savepoint's rollback). `Skip` is as `NoWait`. Any id will do,
    /// the table need not exist: also for views and other objects.
    ///
    /// # Errors
    /// 55P03, 40P01, 57014.
    pub async fn lock_table(&self, table: TableId, mode: LockMode, policy: WaitPolicy) -> Result<()> {
        self.switch_point(SwitchPoint::LockTable).await?;
        if mode == LockMode::AccessExclusive {
            // PostgreSQL logs such a lock for standbys, and needs an id for it.
            self.core.state.borrow_mut().xid(self.proc);
        }
        if self.lock(LockTag::Table(table), mode, policy).await? {
            return Ok(());
        }
        let state = self.core.state.borrow();
        let name = state.store.tables.get(&table).map_or("?", |table| &table.name);
        Err(DatabaseError::table_lock_not_available(name))
    }

    /// Waits until a table could be locked, and leaves it.
    ///
    /// # Errors
    /// As [`Session::lock_table`].
    pub async fn pass_table(&self, table: TableId, mode: LockMode) -> Result<()> {
        self.switch_point(SwitchPoint::LockTable).await?;
        let tag = LockTag::Table(table);
        let owner = self.core.state.borrow().transaction(self.proc).owner();
        if self.lock_for(tag, mode, owner, WaitPolicy::Wait).await? {
            self.core.state.borrow_mut().locks.release(self.proc, tag, mode, owner);
        }
        Ok(())
    }

    fn advisory_owner(&self, scope: AdvisoryScope) -> Owner {
        match scope {
            AdvisoryScope::Session => Owner::Session,
            AdvisoryScope::Transaction => self.core.state.borrow().transaction(self.proc).owner(),
        }
    }

    /// `pg_advisory_lock` and its kin.
    ///
    /// # Errors
    /// 55P03 (`lock_timeout`), 40P01, 57014.
    pub async fn advisory_lock(&self, key: AdvisoryKey, shared: bool, scope: AdvisoryScope) -> Result<()> {
        let owner = self.advisory_owner(scope);
        self.lock_for(LockTag::Advisory(key), advisory_mode(shared), owner, WaitPolicy::Wait).await.map(drop)
    }

    /// `pg_try_advisory_lock` and its kin: whether it was free.
    pub fn try_advisory_lock(&self, key: AdvisoryKey, shared: bool, scope: AdvisoryScope) -> bool {
        let owner = self.advisory_owner(scope);
        let mut state = self.core.state.borrow_mut();
        let tag = LockTag::Advisory(key);
        state.locks.acquire(self.proc, tag, advisory_mode(shared), owner, false) == Acquire::Granted
    }

    /// `pg_advisory_unlock[_shared]`: whether the session held it (if not, the caller warns: `you don't own a lock of
    /// type ExclusiveLock`).
    pub fn advisory_unlock(&self, key: AdvisoryKey, shared: bool) -> bool {
        let mut state = self.core.state.borrow_mut();
        state.locks.release(self.proc, LockTag::Advisory(key), advisory_mode(shared), Owner::Session)
    }

    /// `pg_advisory_unlock_all`.
    pub fn advisory_unlock_all(&self) {
        self.core.state.borrow_mut().locks.release_where(self.proc, |owner| owner == Owner::Session);
    }
}

fn advisory_mode(shared: bool) -> LockMode {
    if shared { LockMode::Share } else { LockMode::Exclusive }
}
