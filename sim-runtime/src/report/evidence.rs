//! What a failing run has left, and the questions the reports ask of it.

use crate::cause::{Earlier, Operation, OperationId};
use crate::explore::Failure;
use crate::schedule::TaskId;
use crate::sim::{Ended, Outcome};
use crate::tape::Recording;
use crate::trace::Fact;

/// A failing run, read only.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// How it ended.
    pub outcome: &'a Outcome,
    /// The choices that are not calm.
    pub choices: &'a Recording,
    /// What happened, in order.
    pub facts: &'a [Fact],
    /// The requests and statements, in order.
    pub operations: &'a [Operation],
}

/// A node as people call it.
pub(super) fn named(node: &str) -> &str {
    if node.is_empty() { "the scenario" } else { node }
}

/// On whose behalf something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Request(OperationId),
    Task(TaskId),
}

impl<'a> Evidence<'a> {
    /// A run that has ended just now.
    pub fn of_run(ended: &'a Ended) -> Self {
        let Ended { outcome, recording: choices, facts, operations, .. } = ended;
        Self { outcome, choices, facts, operations }
    }

    /// A saved failure.
    pub fn of_failure(failure: &'a Failure) -> Self {
        let Failure { outcome, choices, facts, operations, .. } = failure;
        Self { outcome, choices, facts, operations }
    }

    /// The operation of this name.
    pub fn operation(&self, id: OperationId) -> Option<&'a Operation> {
        self.operations.get((id.0 as usize).checked_sub(1)?)
    }

    /// The request that a cause belongs to: itself, or the nearest one above it that is not a statement.
    pub fn request(&self, cause: Option<OperationId>) -> Option<&'a Operation> {
        let mut operation = self.operation(cause?)?;
        // A parent is always older.
        while operation.kind == "sql" {
            operation = self.operation(operation.parent?)?;
        }
        Some(operation)
    }

    /// The request with nothing above it.
    pub fn root(&self, id: OperationId) -> OperationId {
        let mut id = id;
        while let Some(parent) = self.operation(id).and_then(|operation| operation.parent) {
            id = parent;
        }
        id
    }

    /// The operation, all that it caused, and further attempts at any of those, in order.
    pub fn tree(&self, id: OperationId) -> Vec<OperationId> {
        let mut tree = vec![id];
        for operation in self.operations.iter().filter(|operation| operation.id > id) {
            let earlier = operation.earlier.map(Earlier::id);
            if [operation.parent, earlier].into_iter().flatten().any(|above| tree.contains(&above)) {
                tree.push(operation.id);
            }
        }
        tree
    }

    /// What people call an operation: `POST /charge #2, retry of #1`.
    pub fn name(&self, operation: &Operation) -> String {
        let label = operation.label();
        let of = |id| self.operation(id).map_or(0, |earlier: &Operation| earlier.number);
        match operation.earlier {
            None => label,
            Some(Earlier::Retry(id)) => format!("{label}, retry of #{}", of(id)),
            Some(Earlier::Repeat(_)) => format!("{label}, delivered again"),
        }
    }

    /// Operations that `wanted` names: `r3`, `3`, `POST /charge #2`, or a part of that.
    pub fn find(&self, wanted: &str) -> Vec<&'a Operation> {
        let number = wanted.strip_prefix('r').unwrap_or(wanted).parse().ok();
        if let Some(exact) = number.and_then(|number| self.operation(OperationId(number))) {
            return vec![exact];
        }
        let by = |fits: &dyn Fn(&Operation) -> bool| -> Vec<_> {
            self.operations.iter().filter(|operation| fits(operation)).collect()
        };
        let exact = by(&|operation| operation.label() == wanted);
        if exact.is_empty() { by(&|operation| operation.label().contains(wanted)) } else { exact }
    }

    /// The line of the code under test behind a fact; empty if unknown. A server tells of a statement, but whoever sent it has
    /// the line.
    pub(super) fn place(&self, fact: &'a Fact) -> &'a str {
        let sent = fact.cause.and_then(|cause| self.operation(cause)).filter(|sent| sent.kind == "sql");
        sent.map_or(&fact.place, |sent| &sent.place)
    }

    pub(super) fn owner(&self, fact: &Fact) -> Option<Owner> {
        let request = self.request(fact.cause).map(|request| Owner::Request(request.id));
        request.or_else(|| fact.task.map(Owner::Task))
    }

    /// The facts of these operations.
    pub(super) fn facts_of<'b>(&'b self, tree: &'b [OperationId]) -> impl Iterator<Item = &'a Fact> + 'b {
        self.facts.iter().filter(|fact| fact.cause.is_some_and(|cause| tree.contains(&cause)))
    }

    /// Whether a fact is the network's word of an answer to a statement of which the store tells more.
    pub(super) fn is_echo(&self, fact: &Fact) -> bool {
        let of_network =
            |fact: &Fact| fact.kind == "sql" && fact.text.starts_with("SQL ") && fact.choices.is_empty();
        let of_store = |fact: &Fact| fact.kind == "sql" && fact.text.starts_with("session ");
        of_network(fact) && fact.text.contains(" → ") && self.facts.iter().any(of_store)
    }

    /// The fact that ended the run.
    pub(super) fn end(&self) -> Option<&'a Fact> {
        self.facts.iter().rev().find(|fact| ["violated", "panic"].contains(&&*fact.kind))
    }

    /// Where a task was spawned: `src/main.rs:3:4`.
    pub(super) fn spawned_at(&self, task: TaskId) -> Option<&'a str> {
        let name = format!("{task} at ");
        let mut spawned = self.facts.iter().filter(|fact| fact.kind == "task.spawned");
        spawned.find_map(|fact| fact.text.strip_prefix(&name))
    }

    /// A name for an owner, and where in the code it is.
    pub(super) fn owner_name(&self, owner: Owner) -> (String, String) {
        match owner {
            Owner::Request(id) => {
                let operation = self.operation(id).expect("owners come from operations");
                (self.name(operation), operation.place.clone())
            }
            Owner::Task(task) => {
                let node = self.facts.iter().find(|fact| fact.task == Some(task)).map(|fact| &*fact.node);
                let name = match node {
                    None | Some("") => format!("the scenario, {task}"),
                    Some(node) => format!("{node}, {task}"),
                };
                (name, self.spawned_at(task).unwrap_or_default().to_owned())
            }
        }
    }
}
