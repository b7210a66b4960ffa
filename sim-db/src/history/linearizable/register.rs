//! Registers by name: read, write, compare and swap.

use std::fmt::Debug;
use std::marker::PhantomData;

use super::Model;

/// Any number of registers, each with its own name and the same first value.
#[derive(Clone, Debug)]
pub struct Register<N, V> {
    initial: V,
    names: PhantomData<N>,
}

impl<N, V> Register<N, V> {
    /// Registers that hold `initial` at first.
    pub const fn new(initial: V) -> Self {
        Self { initial, names: PhantomData }
    }
}

/// What can be asked of the register of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterOperation<N, V> {
    /// What does it hold?
    Read(N),
    /// Hold this.
    Write(N, V),
    /// Hold the second value if it holds the first.
    CompareAndSwap(N, V, V),
}

/// What a register says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisterAnswer<V> {
    /// To a read.
    Value(V),
    /// To a write.
    Done,
    /// To a compare-and-swap: whether it held the first value.
    Swapped(bool),
}

impl<N: Clone + Ord + Debug, V: Clone + Ord + Debug> Model for Register<N, V> {
    type Operation = RegisterOperation<N, V>;
    type Answer = RegisterAnswer<V>;
    type State = V;
    type Key = N;

    fn key(&self, operation: &Self::Operation) -> N {
        match operation {
            RegisterOperation::Read(name)
            | RegisterOperation::Write(name, _)
            | RegisterOperation::CompareAndSwap(name, _, _) => name.clone(),
        }
    }

    fn initial(&self, _: &N) -> V {
        self.initial.clone()
    }

    fn apply(&self, state: &V, operation: &Self::Operation, answer: Option<&Self::Answer>) -> Option<V> {
        let (says, after) = match operation {
            RegisterOperation::Read(_) => (RegisterAnswer::Value(state.clone()), state.clone()),
            RegisterOperation::Write(_, value) => (RegisterAnswer::Done, value.clone()),
            RegisterOperation::CompareAndSwap(_, expected, value) => {
                let held = state == expected;
                (RegisterAnswer::Swapped(held), if held { value.clone() } else { state.clone() })
            }
        };
        answer.is_none_or(|answer| *answer == says).then_some(after)
    }

    fn only_reads(&self, operation: &Self::Operation) -> bool {
        matches!(operation, RegisterOperation::Read(_))
    }
}
