//! The life of a serializable transaction: snapshot, end, and how long it is remembered.
//!
//! A committed transaction's locks and conflicts still count as long as one that
//! overlapped it runs. Read-only ones learn from the ends of the writers beside them
//! whether their snapshot is safe; a safe one needs no locks any more.

use std::{future::poll_fn, rc::Rc, task::Poll};

use super::{Flag, Ssi, Sxact, SxactId};
use crate::{
    engine::{id::Xid, lock::ProcId, session::Session, snapshot::SnapshotData, state::State},
    error::Result,
};

/// How a serializable transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Committed,
    RolledBack,
}

impl Ssi {
    /// Makes a transaction known; `None` if it needs no watching: read-only beside no writer.
    fn register(
        &mut self,
        proc: ProcId,
        snapshot: &Rc<SnapshotData>,
        read_only: bool,
        xids: &[Xid],
    ) -> Option<SxactId> {
        if read_only && self.writers == 0 {
            return None;
        }
        let mut sxact = Sxact::new(proc, Rc::clone(snapshot), self.last_commit);
        let id = self.next_id;
        if read_only {
            sxact.set(Flag::ReadOnly);
            let writers: Vec<SxactId> = self
                .sxacts
                .iter()
                .filter(|(_, other)| {
                    ![Flag::Committed, Flag::Doomed, Flag::ReadOnly].iter().any(|f| other.is(*f))
                })
                .map(|(id, _)| *id)
                .collect();
            if writers.is_empty() {
                return None;
            }
            for writer in &writers {
                self.get_mut(*writer).watched_by.push(id);
            }
            sxact.watches = writers;
        } else {
            self.writers += 1;
        }
        self.next_id += 1;
        match self.oldest_xmin {
            None => self.oldest_xmin = Some((snapshot.xmin, 1)),
            Some((xmin, count)) if xmin == snapshot.xmin => self.oldest_xmin = Some((xmin, count + 1)),
            Some(_) => {}
        }
        // PostgreSQL 15 never learns of an id that was assigned before the snapshot (LOCK TABLE IN ACCESS EXCLUSIVE
        // MODE, txid_current()), so nobody conflicts with what is written under it.
        sxact.has_early_xid = !xids.is_empty();
        self.sxacts.insert(id, sxact);
        Some(id)
    }

    /// A serializable transaction got an id; `is_top` if it is its own and not a subtransaction's.
    pub(crate) fn register_xid(&mut self, id: SxactId, xid: Xid, is_top: bool) {
        if let Some(sxact) = self.sxacts.get_mut(&id)
            && !sxact.has_early_xid
        {
            self.by_xid.insert(xid, id);
            sxact.xids.push(xid);
            if is_top {
                sxact.top_xid = xid;
            }
        }
    }

    /// The transaction is over; answers the sessions to wake, whose snapshots turned out safe or unsafe.
    fn end(&mut self, me: SxactId, end: End, next_xid: Xid) -> Vec<ProcId> {
        let declared_read_only = self.get(me).is(Flag::ReadOnly);
        let committed = end == End::Committed;
        if committed {
            self.last_commit += 1;
        }
        let last_commit = self.last_commit;
        let sxact = self.get_mut(me);
        sxact.finished_before = next_xid;
        if committed {
            sxact.set(Flag::Committed);
            sxact.committed_at = last_commit;
            if !sxact.did_write {
                sxact.set(Flag::ReadOnly);
            }
        } else {
            sxact.set(Flag::Doomed);
            sxact.set(Flag::RolledBack);
        }
        if declared_read_only {
            self.stop_watching(me);
        } else {
            self.writers -= 1;
            if self.writers == 0 {
                // Nobody is left who could conflict with what is remembered.
                self.clear_through = last_commit;
            }
        }
        self.end_conflicts(me, committed);
        let woken = if declared_read_only { Vec::new() } else { self.inform_watchers(me, committed) };
        let xmin = self.get(me).snapshot.xmin;
        let mut clear = false;
        if let Some((oldest, count)) = self.oldest_xmin
            && oldest == xmin
        {
            if count > 1 {
                self.oldest_xmin = Some((oldest, count - 1));
            } else {
                self.find_oldest_xmin();
                clear = true;
            }
        }
        if committed {
            self.finished.push_back(me);
        } else {
            self.release(me, false);
        }
        if clear {
            self.clear_old();
        }
        woken
    }

    fn stop_watching(&mut self, me: SxactId) {
        for writer in std::mem::take(&mut self.get_mut(me).watches) {
            if let Some(writer) = self.sxacts.get_mut(&writer) {
                writer.watched_by.retain(|id| *id != me);
            }
        }
    }

    fn end_conflicts(&mut self, me: SxactId, committed: bool) {
        for writer in self.get(me).out_conflicts.clone() {
            let other = self.get(writer);
            let other_committed = other.is(Flag::Committed);
            let other_prepared_at = other.prepared_at;
            let is_over = other_committed || other.last_commit_before_snapshot >= self.last_commit;
            let sxact = self.get_mut(me);
            if committed && !sxact.is(Flag::ReadOnly) && other_committed {
                if !sxact.is(Flag::ConflictOut) || other_prepared_at < sxact.earliest_out_commit {
                    sxact.earliest_out_commit = other_prepared_at;
                }
                sxact.set(Flag::ConflictOut);
            }
            if !committed || is_over {
                self.remove_conflict(me, writer);
            }
        }
        for reader in self.get(me).in_conflicts.clone() {
            let other = self.get(reader);
            if !committed || other.is(Flag::Committed) || other.is(Flag::ReadOnly) {
                self.remove_conflict(reader, me);
            }
        }
    }

    /// Tells the read-only transactions beside this writer what its end means for their snapshots.
    fn inform_watchers(&mut self, me: SxactId, committed: bool) -> Vec<ProcId> {
        let mut woken = Vec::new();
        for watcher in std::mem::take(&mut self.get_mut(me).watched_by) {
            let sxact = self.get(me);
            let is_unsafe = committed
                && sxact.did_write
                && sxact.is(Flag::ConflictOut)
                && sxact.earliest_out_commit <= self.get(watcher).last_commit_before_snapshot;
            if is_unsafe {
                self.stop_watching(watcher);
                self.get_mut(watcher).set(Flag::Unsafe);
            } else {
                let watcher = self.get_mut(watcher);
                watcher.watches.retain(|id| *id != me);
                if watcher.watches.is_empty() {
                    watcher.set(Flag::Safe);
                }
            }
            let watcher = self.get(watcher);
            if watcher.is(Flag::Safe) || watcher.is(Flag::Unsafe) {
                woken.push(watcher.proc);
            }
        }
        woken
    }

    fn find_oldest_xmin(&mut self) {
        self.oldest_xmin = None;
        for sxact in self.sxacts.values() {
            if sxact.is(Flag::Committed) || sxact.is(Flag::RolledBack) {
                continue;
            }
            let xmin = sxact.snapshot.xmin;
            self.oldest_xmin = match self.oldest_xmin {
                Some((oldest, count)) if oldest == xmin => Some((oldest, count + 1)),
                Some((oldest, count)) if oldest < xmin => Some((oldest, count)),
                _ => Some((xmin, 1)),
            };
        }
    }

    /// Forgets committed transactions that overlap no running one, and locks that no running one can meet.
    fn clear_old(&mut self) {
        let mut kept = Vec::new();
        while let Some(id) = self.finished.pop_front() {
            let sxact = self.get(id);
            if self.oldest_xmin.is_none_or(|(oldest, _)| sxact.finished_before <= oldest) {
                self.release(id, false);
            } else if sxact.committed_at > self.cleared_through && sxact.committed_at <= self.clear_through {
                let partial = !sxact.is(Flag::ReadOnly);
                self.release(id, partial);
                if partial {
                    kept.push(id);
                }
            } else if sxact.committed_at <= self.cleared_through {
                kept.push(id);
            } else {
                self.finished.push_front(id);
                break;
            }
        }
        for id in kept.into_iter().rev() {
            self.finished.push_front(id);
        }
        self.cleared_through = self.clear_through;
    }

    /// Drops a transaction's locks and conflicts in; all of it, unless `partial`.
    fn release(&mut self, id: SxactId, partial: bool) {
        self.unlock_all(id);
        for reader in self.get(id).in_conflicts.clone() {
            self.remove_conflict(reader, id);
        }
        if partial {
            return;
        }
        for writer in self.get(id).out_conflicts.clone() {
            self.remove_conflict(id, writer);
        }
        self.stop_watching(id);
        let sxact = self.sxacts.remove(&id).expect("a transaction is released once");
        for xid in sxact.xids {
            self.by_xid.remove(&xid);
        }
    }
}

impl State {
    /// A snapshot for a serializable transaction, which is watched from here on.
    pub(crate) fn serializable_snapshot(&mut self, proc: ProcId) -> Rc<SnapshotData> {
        let snapshot = self.take_snapshot();
        let transaction = self.transaction(proc);
        let (read_only, xids) = (transaction.options.read_only, transaction.xids.clone());
        let sxact = self.ssi.register(proc, &snapshot, read_only, &xids);
        self.transaction_mut(proc).sxact = sxact;
        snapshot
    }

    /// See [`Ssi::prepare`].
    pub(crate) fn ssi_pre_commit(&mut self, sxact: SxactId) -> Result<()> {
        self.ssi.prepare(sxact)
    }

    fn ssi_end(&mut self, sxact: SxactId, end: End) {
        for proc in self.ssi.end(sxact, end, self.store.next_xid) {
            self.wake(proc);
        }
    }

    pub(crate) fn ssi_committed(&mut self, sxact: SxactId) {
        self.ssi_end(sxact, End::Committed);
    }

    pub(crate) fn ssi_abort(&mut self, sxact: SxactId) {
        self.ssi_end(sxact, End::RolledBack);
    }

    /// The session's serializable transaction, if its reads and writes have to be watched. One whose snapshot turned
    /// out safe is let go here.
    pub(crate) fn watched(&mut self, proc: ProcId) -> Option<SxactId> {
        let sxact = self.transaction(proc).sxact?;
        if self.ssi.get(sxact).is(Flag::Safe) {
            self.transaction_mut(proc).sxact = None;
            self.ssi_abort(sxact);
            return None;
        }
        Some(sxact)
    }
}

/// Clears the mark of a session that waits for a safe snapshot.
struct Awaiting<'a>(&'a Session);

impl Awaiting<'_> {
    fn set(&self, awaits: bool) {
        let mut state = self.0.core.state.borrow_mut();
        if let Some(Some(session)) = state.sessions.get_mut(self.0.proc as usize) {
            session.awaits_safe_snapshot = awaits;
        }
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl Session {
    /// SERIALIZABLE READ ONLY DEFERRABLE: takes snapshots until one turns out safe.
    pub(crate) async fn safe_snapshot(&self) -> Result<Rc<SnapshotData>> {
        loop {
            let (snapshot, sxact) = {
                let mut state = self.core.state.borrow_mut();
                let snapshot = state.serializable_snapshot(self.proc);
                match state.transaction(self.proc).sxact {
                    Some(sxact) => (snapshot, sxact),
                    None => return Ok(snapshot),
                }
            };
            let awaiting = Awaiting(self);
            awaiting.set(true);
            let mut timer = self.deadline_timer();
            let is_safe = poll_fn(|context| {
                {
                    let state = self.core.state.borrow();
                    match state.ssi.sxacts.get(&sxact) {
                        Some(sxact) if sxact.is(Flag::Unsafe) => return Poll::Ready(Ok(false)),
                        Some(sxact) if sxact.watches.is_empty() => return Poll::Ready(Ok(true)),
                        _ => {}
                    }
                }
                match self.poll_interrupt(&mut timer, context) {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                }
            })
            .await?;
            drop(awaiting);
            let mut state = self.core.state.borrow_mut();
            state.transaction_mut(self.proc).sxact = None;
            state.ssi_abort(sxact);
            if is_safe {
                return Ok(snapshot);
            }
        }
    }
}
