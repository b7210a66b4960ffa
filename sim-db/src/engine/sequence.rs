//! Sequences: outside transactions, logged ahead.

use super::{definition::SequenceDefinition, id::SequenceId, session::Session, undo::Undo};
use crate::error::{DatabaseError, Result, SqlState};

/// How many values PostgreSQL logs in advance: a crash skips the rest of them.
const LOGGED_AHEAD: i64 = 32;

/// A sequence's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sequence {
    definition: SequenceDefinition,
    last: i64,
    is_called: bool,
    /// how many values after `last` are logged already
    log_count: i64,
}

impl Sequence {
    fn new(definition: SequenceDefinition) -> Sequence {
        Sequence { definition, last: definition.start, is_called: false, log_count: 0 }
    }

    /// The value `steps` further on; `None` beyond the end.
    fn step(&self, from: i64, steps: i64) -> Option<i64> {
        let SequenceDefinition { increment, minimum, maximum, .. } = self.definition;
        let to = from.checked_add(increment.checked_mul(steps)?)?;
        (minimum..=maximum).contains(&to).then_some(to)
    }

    fn next(&mut self, name: &str) -> Result<i64> {
        let SequenceDefinition { increment, minimum, maximum, cycle, .. } = self.definition;
        let step = if self.is_called { self.step(self.last, 1) } else { Some(self.last) };
        let next = match step {
            Some(next) => next,
            None if cycle && increment > 0 => minimum,
            None if cycle => maximum,
            None => {
                let (end, limit) = if increment > 0 { ("maximum", maximum) } else { ("minimum", minimum) };
                return Err(DatabaseError::new(
                    SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
                    format!("nextval: reached {end} value of sequence \"{name}\" ({limit})"),
                ));
            }
        };
        self.log_count = if self.log_count == 0 { LOGGED_AHEAD } else { self.log_count - 1 };
        self.last = next;
        self.is_called = true;
        Ok(next)
    }

    /// After a crash: everything logged counts as used.
    pub(crate) fn recover(&mut self) {
        if self.log_count > 0 {
            let steps = (1..=self.log_count).rev().find_map(|n| self.step(self.last, n));
            self.last = steps.unwrap_or(self.last);
            self.log_count = 0;
        }
    }
}

impl Session {
    /// Creates a sequence.
    pub fn create_sequence(&self, id: SequenceId, definition: SequenceDefinition) {
        let mut state = self.core.state.borrow_mut();
        state.store.sequences.insert(id, Sequence::new(definition));
        state.transaction_mut(self.proc).undo.push(Undo::CreateSequence(id));
    }

    /// ALTER SEQUENCE, RESTART: transactional, unlike `setval`. `restart` is the next value.
    pub fn alter_sequence(&self, id: SequenceId, definition: SequenceDefinition, restart: Option<i64>) {
        let mut state = self.core.state.borrow_mut();
        let Some(sequence) = state.store.sequences.get_mut(&id) else { return };
        let before = *sequence;
        sequence.definition = definition;
        sequence.log_count = 0;
        if let Some(next) = restart {
            sequence.last = next;
            sequence.is_called = false;
        }
        state.transaction_mut(self.proc).undo.push(Undo::AlterSequence(id, Box::new(before)));
    }

    /// Drops a sequence (at commit).
    pub fn drop_sequence(&self, id: SequenceId) {
        self.core.state.borrow_mut().transaction_mut(self.proc).undo.push(Undo::DropSequence(id));
    }

    /// `nextval`: not undone by a rollback.
    ///
    /// # Errors
    /// 2200H at the end of a sequence that does not cycle; its message names `name`. 42P01 if there is no such
    /// sequence.
    pub fn next_value(&self, id: SequenceId, name: &str) -> Result<i64> {
        let mut state = self.core.state.borrow_mut();
        match state.store.sequences.get_mut(&id) {
            Some(sequence) => sequence.next(name),
            None => Err(DatabaseError::new(
                SqlState::UNDEFINED_TABLE,
                format!("relation \"{name}\" does not exist"),
            )),
        }
    }

    /// `setval`: not undone by a rollback. The caller has checked the bounds.
    pub fn set_value(&self, id: SequenceId, value: i64, is_called: bool) {
        if let Some(sequence) = self.core.state.borrow_mut().store.sequences.get_mut(&id) {
            sequence.last = value;
            sequence.is_called = is_called;
            sequence.log_count = 0;
        }
    }

    /// `last_value` and `is_called`.
    pub fn sequence_state(&self, id: SequenceId) -> Option<(i64, bool)> {
        let state = self.core.state.borrow();
        state.store.sequences.get(&id).map(|sequence| (sequence.last, sequence.is_called))
    }

    /// How the sequence is defined now.
    pub fn sequence_definition(&self, id: SequenceId) -> Option<SequenceDefinition> {
        let state = self.core.state.borrow();
        state.store.sequences.get(&id).map(|sequence| sequence.definition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(used: usize, after_crash: i64) {
        let mut sequence = Sequence::new(SequenceDefinition::default());
        for _ in 0..used {
            sequence.next("s").expect("the sequence is far from its end");
        }
        sequence.recover();
        assert_eq!(sequence.next("s"), Ok(after_crash));
    }

    #[test]
    fn a_crash_skips_what_was_logged_ahead() {
        check(0, 1);
        check(1, 34);
        check(5, 34);
        check(33, 34);
        check(34, 67);
    }

    #[test]
    fn a_sequence_ends_or_cycles() {
        let definition = SequenceDefinition { maximum: 2, ..SequenceDefinition::default() };
        let mut sequence = Sequence::new(definition);
        assert_eq!([sequence.next("s"), sequence.next("s")], [Ok(1), Ok(2)]);
        assert_eq!(sequence.next("s").expect_err("it has ended").sqlstate, "2200H");
        sequence.definition.cycle = true;
        assert_eq!(sequence.next("s"), Ok(1));
    }
}
