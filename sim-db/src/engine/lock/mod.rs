//! The lock manager: tables, rows being waited for, transactions, advisory locks.
//!
//! One table of locks, each with those who hold it and a queue of those who wait. The
//! rules of the queue are PostgreSQL's: a request that conflicts with a holder or with
//! anybody in the queue joins the queue; it joins the end, unless it holds something
//! that somebody in the queue waits for, in which case it goes before that one; a
//! release grants from the front whatever conflicts neither with holders nor with
//! those still waiting before it.
//!
//! A transaction's own lock (`LockTag::Transaction`) is not taken when it begins but
//! stands here only while somebody waits for it: its holder is known without it.

mod deadlock;
mod tag;
mod wait;

use std::{
    collections::{HashMap, VecDeque},
    task::Waker,
};

pub(crate) use deadlock::{DeadlockCheck, DeadlockEdge};
pub(crate) use tag::{LockTag, Owner, TagHash};

use super::{
    id::Xid,
    mode::{LockMode, LockModeSet},
};
use tag::Held;

/// A session's place in the lock manager.
pub(crate) type ProcId = u32;

/// One lock.
#[derive(Clone, Debug, Default)]
struct Lock {
    holders: Vec<(ProcId, LockModeSet)>,
    queue: VecDeque<(ProcId, LockMode)>,
}

impl Lock {
    fn held_by(&self, proc: ProcId) -> LockModeSet {
        self.holders.iter().find(|(p, _)| *p == proc).map_or(LockModeSet::default(), |(_, modes)| *modes)
    }

    fn waited_modes(&self) -> LockModeSet {
        self.queue.iter().fold(LockModeSet::default(), |set, (_, mode)| set.with(*mode))
    }

    /// Whether somebody else holds a mode that conflicts.
    fn is_refused_by_holders(&self, proc: ProcId, mode: LockMode) -> bool {
        self.holders.iter().any(|(p, modes)| *p != proc && modes.intersects(mode.conflicts()))
    }

    fn grant(&mut self, proc: ProcId, mode: LockMode) {
        match self.holders.iter_mut().find(|(p, _)| *p == proc) {
            Some((_, modes)) => *modes = modes.with(mode),
            None => self.holders.push((proc, LockModeSet::default().with(mode))),
        }
    }

    fn revoke(&mut self, proc: ProcId, mode: LockMode) {
        if let Some(at) = self.holders.iter().position(|(p, _)| *p == proc) {
            let modes = &mut self.holders[at].1;
            modes.0 &= !mode.bit().0;
            if modes.0 == 0 {
                self.holders.remove(at);
            }
        }
    }
}

/// What a session waits for.
#[derive(Clone, Debug)]
struct Waiting {
    tag: LockTag,
    mode: LockMode,
    owner: Owner,
    waker: Option<Waker>,
}

/// A session as the lock manager sees it.
#[derive(Clone, Debug, Default)]
struct Proc {
    /// sorted by tag and mode
    held: Vec<Held>,
    waiting: Option<Waiting>,
}

/// Answer of [`LockManager::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acquire {
    /// it is held
    Granted,
    /// it would have to wait, and was not to
    NotAvailable,
    /// it is in the queue
    Waiting,
    /// it would close a cycle of two on this very lock
    Deadlock(Vec<DeadlockEdge>),
}

/// Every lock there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct LockManager {
    locks: HashMap<LockTag, Lock, TagHash>,
    procs: Vec<Proc>,
}

impl LockManager {
    fn proc(&mut self, proc: ProcId) -> &mut Proc {
        let at = proc as usize;
        if self.procs.len() <= at {
            self.procs.resize_with(at + 1, Proc::default);
        }
        &mut self.procs[at]
    }

    fn find_held(&self, proc: ProcId, tag: LockTag, mode: LockMode) -> Result<usize, usize> {
        self.procs
            .get(proc as usize)
            .map_or(Err(0), |p| p.held.binary_search_by(|held| (held.tag, held.mode).cmp(&(tag, mode))))
    }

    fn note_held(&mut self, proc: ProcId, tag: LockTag, mode: LockMode, owner: Owner) {
        match self.find_held(proc, tag, mode) {
            Ok(at) => self.proc(proc).held[at].add(owner, 1),
            Err(at) => self.proc(proc).held.insert(at, Held::new(tag, mode, owner)),
        }
    }

    /// Asks for a lock. If it has to wait (`Waiting`), the session is in the queue.
    pub(crate) fn acquire(
        &mut self,
        proc: ProcId,
        tag: LockTag,
        mode: LockMode,
        owner: Owner,
        may_wait: bool,
    ) -> Acquire {
        if let Ok(at) = self.find_held(proc, tag, mode) {
            self.procs[proc as usize].held[at].add(owner, 1);
            return Acquire::Granted;
        }
        let lock = self.locks.entry(tag).or_default();
        let is_free =
            !lock.waited_modes().intersects(mode.conflicts()) && !lock.is_refused_by_holders(proc, mode);
        if is_free {
            lock.grant(proc, mode);
            self.note_held(proc, tag, mode, owner);
            return Acquire::Granted;
        }
        if !may_wait {
            self.forget_if_idle(tag);
            return Acquire::NotAvailable;
        }
        match self.join_queue(proc, tag, mode) {
            Join::Granted => {
                self.note_held(proc, tag, mode, owner);
                Acquire::Granted
            }
            Join::Queued => {
                self.proc(proc).waiting = Some(Waiting { tag, mode, owner, waker: None });
                Acquire::Waiting
            }
            Join::Deadlock(edges) => Acquire::Deadlock(edges),
        }
    }

    fn join_queue(&mut self, proc: ProcId, tag: LockTag, mode: LockMode) -> Join {
        let lock = self.locks.get_mut(&tag).expect("the caller made sure of the lock");
        let mine = lock.held_by(proc);
        let mut place = lock.queue.len();
        if mine.0 != 0 {
            let mut ahead = LockModeSet::default();
            for at in 0..lock.queue.len() {
                let (other, other_mode) = lock.queue[at];
                if other_mode.conflicts().intersects(mine) {
                    // It waits for me.
                    if mode.conflicts().intersects(lock.held_by(other)) {
                        return Join::Deadlock(vec![
                            DeadlockEdge { proc, tag, mode },
                            DeadlockEdge { proc: other, tag, mode: other_mode },
                        ]);
                    }
                    if !mode.conflicts().intersects(ahead) && !lock.is_refused_by_holders(proc, mode) {
                        lock.grant(proc, mode);
                        return Join::Granted;
                    }
                    place = at;
                    break;
                }
                ahead = ahead.with(other_mode);
            }
        }
        lock.queue.insert(place, (proc, mode));
        Join::Queued
    }

    /// Grants from the front of a queue what can be granted.
    fn wake(&mut self, tag: LockTag) {
        let Some(lock) = self.locks.get_mut(&tag) else { return };
        let mut ahead = LockModeSet::default();
        let mut at = 0;
        let mut granted = Vec::new();
        while at < lock.queue.len() {
            let (proc, mode) = lock.queue[at];
            if !mode.conflicts().intersects(ahead) && !lock.is_refused_by_holders(proc, mode) {
                lock.grant(proc, mode);
                lock.queue.remove(at);
                granted.push(proc);
            } else {
                ahead = ahead.with(mode);
                at += 1;
            }
        }
        for proc in granted {
            let waiting = self.proc(proc).waiting.take().expect("who is in a queue waits");
            self.note_held(proc, waiting.tag, waiting.mode, waiting.owner);
            if let Some(waker) = waiting.waker {
                waker.wake();
            }
        }
        self.forget_if_idle(tag);
    }

    fn forget_if_idle(&mut self, tag: LockTag) {
        if self.locks.get(&tag).is_some_and(|lock| lock.holders.is_empty() && lock.queue.is_empty()) {
            self.locks.remove(&tag);
        }
    }

    /// Whether the session is in a queue.
    pub(crate) fn is_waiting(&self, proc: ProcId) -> bool {
        self.procs.get(proc as usize).is_some_and(|p| p.waiting.is_some())
    }

    /// Who to wake when it is granted; `false` if the session does not wait any more.
    pub(crate) fn set_waker(&mut self, proc: ProcId, waker: &Waker) -> bool {
        match &mut self.proc(proc).waiting {
            Some(waiting) => {
                waiting.waker = Some(waker.clone());
                true
            }
            None => false,
        }
    }

    /// Leaves the queue; those behind may come free by it.
    pub(crate) fn stop_waiting(&mut self, proc: ProcId) {
        let Some(waiting) = self.proc(proc).waiting.take() else { return };
        if let Some(lock) = self.locks.get_mut(&waiting.tag) {
            lock.queue.retain(|(p, _)| *p != proc);
        }
        self.wake(waiting.tag);
    }

    fn free(&mut self, proc: ProcId, tag: LockTag, mode: LockMode) {
        if let Some(lock) = self.locks.get_mut(&tag) {
            lock.revoke(proc, mode);
            self.wake(tag);
        }
    }

    /// Gives back one hold; `false` if `owner` had none.
    pub(crate) fn release(&mut self, proc: ProcId, tag: LockTag, mode: LockMode, owner: Owner) -> bool {
        let Ok(at) = self.find_held(proc, tag, mode) else { return false };
        let held = &mut self.procs[proc as usize].held;
        if !held[at].remove(owner) {
            return false;
        }
        if held[at].is_free() {
            held.remove(at);
            self.free(proc, tag, mode);
        }
        true
    }

    /// Gives back every hold whose owner is over.
    pub(crate) fn release_where(&mut self, proc: ProcId, gone: impl Fn(Owner) -> bool) {
        let Some(p) = self.procs.get_mut(proc as usize) else { return };
        if p.held.is_empty() {
            return;
        }
        let mut freed = Vec::new();
        p.held.retain_mut(|held| {
            held.retain(&gone);
            let free = held.is_free();
            if free {
                freed.push((held.tag, held.mode));
            }
            !free
        });
        for (tag, mode) in freed {
            self.free(proc, tag, mode);
        }
    }

    /// A subtransaction of this depth was released: its locks are the outer one's.
    pub(crate) fn hand_up(&mut self, proc: ProcId, depth: u32) {
        for held in &mut self.proc(proc).held {
            held.hand_up(depth);
        }
    }

    /// Somebody is about to wait for `xid`, which `holder` runs.
    pub(crate) fn expose_transaction(&mut self, xid: Xid, holder: ProcId) {
        let lock = self.locks.entry(LockTag::Transaction(xid)).or_default();
        lock.grant(holder, LockMode::Exclusive);
    }

    /// A transaction or subtransaction is over: whoever waits for it goes on.
    pub(crate) fn end_transaction(&mut self, xid: Xid, holder: ProcId) {
        let tag = LockTag::Transaction(xid);
        if self.locks.is_empty() || !self.locks.contains_key(&tag) {
            return;
        }
        self.free(holder, tag, LockMode::Exclusive);
    }

    /// Who keeps the session waiting: holders that conflict, and who waits before it with a conflicting request.
    pub(crate) fn blockers(&self, proc: ProcId) -> Vec<ProcId> {
        let Some(waiting) = self.procs.get(proc as usize).and_then(|p| p.waiting.as_ref()) else {
            return Vec::new();
        };
        let Some(lock) = self.locks.get(&waiting.tag) else { return Vec::new() };
        let conflicts = waiting.mode.conflicts();
        let holders = lock.holders.iter().filter(|(p, modes)| *p != proc && modes.intersects(conflicts));
        let ahead = lock.queue.iter().take_while(|(p, _)| *p != proc).filter(|(_, m)| conflicts.contains(*m));
        let mut all: Vec<ProcId> = holders.map(|(p, _)| *p).chain(ahead.map(|(p, _)| *p)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Every hold and wait, ordered by tag.
    pub(crate) fn list(&self) -> Vec<(LockTag, ProcId, LockMode, bool)> {
        let mut all = Vec::new();
        for (tag, lock) in &self.locks {
            for (proc, modes) in &lock.holders {
                let held = LockMode::ALL.into_iter().filter(|mode| modes.contains(*mode));
                all.extend(held.map(|mode| (*tag, *proc, mode, true)));
            }
            all.extend(lock.queue.iter().map(|(proc, mode)| (*tag, *proc, *mode, false)));
        }
        all.sort_unstable_by_key(|(tag, proc, mode, granted)| (*tag, !*granted, *proc, *mode));
        all
    }
}

enum Join {
    Granted,
    Queued,
    Deadlock(Vec<DeadlockEdge>),
}
