//! Read-write conflicts, and the dangerous structures they form.
//!
//! A conflict R → W means: R read something and W, concurrent with it, wrote a newer
//! version. Two of them in a row, T0 → pivot → T2 with T2 the first to commit, may be
//! part of a cycle; then one of the three must fail. The pivot is preferred, as its
//! retry will succeed, unless it is past failing (committed) or somebody else (then
//! it is doomed and fails at its next step).

use super::{Flag, Ssi, SxactId};
use crate::error::{DatabaseError, Result};

impl Ssi {
    fn has_conflict(&self, reader: SxactId, writer: SxactId) -> bool {
        // Neither doomed nor gone ones count.
        match (self.sxacts.get(&reader), self.sxacts.get(&writer)) {
            (Some(r), Some(w)) if !r.is(Flag::Doomed) && !w.is(Flag::Doomed) => {
                r.out_conflicts.contains(&writer)
            }
            _ => false,
        }
    }

    fn add_conflict(&mut self, reader: SxactId, writer: SxactId) {
        self.get_mut(reader).out_conflicts.push(writer);
        self.get_mut(writer).in_conflicts.push(reader);
    }

    pub(super) fn remove_conflict(&mut self, reader: SxactId, writer: SxactId) {
        if let Some(reader) = self.sxacts.get_mut(&reader) {
            reader.out_conflicts.retain(|x| *x != writer);
        }
        if let Some(writer) = self.sxacts.get_mut(&writer) {
            writer.in_conflicts.retain(|x| *x != reader);
        }
    }

    /// Notes that `reader` read what `writer` wrote a newer version of; `me` is the one of the two that runs now.
    ///
    /// # Errors
    /// 40001 if `me` has to fail for it.
    pub(super) fn flag_conflict(&mut self, reader: SxactId, writer: SxactId, me: SxactId) -> Result<()> {
        if self.has_conflict(reader, writer) {
            return Ok(());
        }
        if self.is_dangerous(reader, writer) {
            if me == writer {
                return Err(pivot("during write"));
            }
            if self.get(writer).is(Flag::Prepared) {
                let pivot = self.get(writer).top_xid;
                return Err(DatabaseError::read_write_dependencies(&format!(
                    "Canceled on conflict out to pivot {pivot}, during read."
                )));
            }
            self.get_mut(writer).set(Flag::Doomed);
        }
        self.add_conflict(reader, writer);
        Ok(())
    }

    /// Whether a new conflict `reader` → `writer` completes a dangerous structure.
    fn is_dangerous(&self, reader: SxactId, writer: SxactId) -> bool {
        let (r, w) = (self.get(reader), self.get(writer));
        // reader → writer → somebody who committed before the writer did.
        if w.is(Flag::Committed) && w.is(Flag::ConflictOut) {
            return true;
        }
        // reader → writer → T2, T2 being the first to commit.
        let is_pivot = w.out_conflicts.iter().any(|t2| {
            let t2 = self.get(*t2);
            t2.is(Flag::Prepared)
                && (!r.is(Flag::Committed) || t2.prepared_at <= r.committed_at)
                && (!w.is(Flag::Committed) || t2.prepared_at <= w.committed_at)
                && (!r.is(Flag::ReadOnly) || t2.prepared_at <= r.last_commit_before_snapshot)
        });
        if is_pivot {
            return true;
        }
        // T0 → reader → writer, the writer being the first to commit.
        w.is(Flag::Prepared)
            && !r.is(Flag::ReadOnly)
            && r.in_conflicts.iter().any(|t0| {
                let t0 = self.get(*t0);
                !t0.is(Flag::Doomed)
                    && (!t0.is(Flag::Committed) || t0.committed_at >= w.prepared_at)
                    && (!t0.is(Flag::ReadOnly) || t0.last_commit_before_snapshot >= w.prepared_at)
            })
    }

    /// A serializable transaction is about to commit: it fails if doomed, else dooms pivots that its commit would
    /// make dangerous, and takes its place in the order of commits.
    ///
    /// # Errors
    /// 40001.
    pub(super) fn prepare(&mut self, me: SxactId) -> Result<()> {
        if self.get(me).is(Flag::Doomed) {
            return Err(pivot("during commit attempt"));
        }
        for near in self.get(me).in_conflicts.clone() {
            let pivot = self.get(near);
            if pivot.is(Flag::Committed) || pivot.is(Flag::Doomed) {
                continue;
            }
            let completes = pivot.in_conflicts.iter().any(|far| {
                let t0 = self.get(*far);
                *far == me || !(t0.is(Flag::Committed) || t0.is(Flag::ReadOnly) || t0.is(Flag::Doomed))
            });
            if completes {
                if pivot.is(Flag::Prepared) {
                    return Err(DatabaseError::read_write_dependencies(
                        "Canceled on commit attempt with conflict in from prepared pivot.",
                    ));
                }
                self.get_mut(near).set(Flag::Doomed);
            }
        }
        self.last_commit += 1;
        let at = self.last_commit;
        let sxact = self.get_mut(me);
        sxact.prepared_at = at;
        sxact.set(Flag::Prepared);
        Ok(())
    }
}

/// 40001 of a transaction that turned out to be a pivot.
pub(super) fn pivot(when: &str) -> DatabaseError {
    DatabaseError::read_write_dependencies(&format!("Canceled on identification as a pivot, {when}."))
}
