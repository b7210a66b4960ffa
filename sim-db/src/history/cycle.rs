//! The smallest forbidden cycles.
//!
//! Whether two anti-dependencies may follow each other is a property of a path, not of an edge. So the search
//! walks pairs of transaction and *last step*: a forbidden cycle is then an ordinary cycle, Tarjan's strongly connected components find
//! out in linear time whether there is one (usually not, and that is all the work), and breadth-first search inside a component finds
//! the smallest one through each member.
//!
//! Real time would be an edge between almost all pairs. Instead each begin is a vertex on a time line:
//! from a commit one steps onto the line at the next begin, rides along it free of charge, and steps off where a
//! transaction begins. One ride is one edge. Sessions have lines of their own.

use std::collections::{BTreeMap, VecDeque};

use super::dependency::{Dependency, Edge};
use super::operation::{Key, Session, Version};
use super::promise::{Order, Promises, Step};
use super::transaction::{Digest, Transaction};

/// A vertex of the search: a transaction or a place on a time line, with the step that led there.
type State = usize;

/// Upper bound of edge visits when looking for the smallest cycle of a component. What was found until then is still a cycle.
const VISITS_MAX: u64 = 20_000_000;

struct Arc {
    to: State,
    /// Index into the edges; `None` on a time line.
    edge: Option<usize>,
    /// What it adds to the size of a cycle: riding a time line is free after stepping on.
    cost: u32,
}

pub(super) struct Graph<'a> {
    digest: &'a Digest<'a>,
    promises: &'a Promises,
    edges: &'a [Edge],
    arcs: Vec<Vec<Arc>>,
    vertices: usize,
}

impl<'a> Graph<'a> {
    pub fn new(digest: &'a Digest<'a>, promises: &'a Promises, edges: &'a [Edge]) -> Self {
        let count = digest.transactions.len();
        let mut graph = Self { digest, promises, edges, arcs: Vec::new(), vertices: count };
        graph.grow(count);
        for (index, edge) in edges.iter().enumerate() {
            if let Some(step) = graph.step(edge) {
                for last in Step::ALL.into_iter().filter(|last| last.admits(step)) {
                    let arc = Arc { to: state(edge.to, step), edge: Some(index), cost: 1 };
                    graph.arcs[state(edge.from, last)].push(arc);
                }
            }
        }
        match promises.order() {
            Order::DataOnly => {}
            Order::RealTime => graph.time_line(&(0..count).collect::<Vec<_>>()),
            Order::Session => {
                let mut sessions: BTreeMap<Session, Vec<usize>> = BTreeMap::new();
                for (index, transaction) in digest.transactions.iter().enumerate() {
                    sessions.entry(transaction.session).or_default().push(index);
                }
                sessions.values().for_each(|members| graph.time_line(members));
            }
        }
        graph
    }

    /// How an edge may take part in a forbidden cycle.
    pub fn step(&self, edge: &Edge) -> Option<Step> {
        let [from, to] = [edge.from, edge.to].map(|index| &self.digest.transactions[index]);
        self.promises.step(edge, from, to)
    }

    fn grow(&mut self, vertices: usize) {
        self.vertices = vertices;
        self.arcs.resize_with(vertices * Step::ALL.len(), Vec::new);
    }

    fn time_line(&mut self, members: &[usize]) {
        let start = |index: &usize| Some((self.digest.transactions[*index].first?.start.tick, *index));
        let mut begins: Vec<(u64, usize)> = members.iter().filter_map(start).collect();
        begins.sort_unstable();
        let line = self.vertices;
        self.grow(line + begins.len());
        for (place, (_, transaction)) in begins.iter().enumerate() {
            let here = state(line + place, Step::Plain);
            self.arcs[here].push(Arc { to: state(*transaction, Step::Plain), edge: None, cost: 0 });
            if place + 1 < begins.len() {
                self.arcs[here].push(Arc { to: state(line + place + 1, Step::Plain), edge: None, cost: 0 });
            }
        }
        for index in members {
            let Some(tick) = self.digest.transactions[*index].committed_by() else { continue };
            let place = begins.partition_point(|(start, _)| *start <= tick);
            if place < begins.len() {
                for last in Step::ALL {
                    let arc = Arc { to: state(line + place, Step::Plain), edge: None, cost: 1 };
                    self.arcs[state(*index, last)].push(arc);
                }
            }
        }
    }

    /// For each transaction on a forbidden cycle the smallest one through it; smallest first, none twice.
    pub fn smallest_cycles(&self) -> Vec<Vec<Edge>> {
        let mut cycles: Vec<Vec<Edge>> = Vec::new();
        for component in self.components() {
            let mut inside = vec![false; self.arcs.len()];
            component.iter().for_each(|state| inside[*state] = true);
            let mut visits = 0;
            for start in
                component.iter().copied().filter(|state| vertex(*state) < self.digest.transactions.len())
            {
                if visits < VISITS_MAX
                    && let Some(cycle) = self.smallest_through(start, &inside, &mut visits)
                {
                    cycles.push(cycle);
                }
            }
        }
        for cycle in &mut cycles {
            let first =
                (0..cycle.len()).min_by_key(|at| (cycle[*at].from, cycle[*at].operations)).unwrap_or(0);
            cycle.rotate_left(first);
        }
        cycles.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        cycles.dedup();
        cycles
    }

    fn smallest_through(&self, start: State, inside: &[bool], visits: &mut u64) -> Option<Vec<Edge>> {
        let mut cost = vec![u32::MAX; self.arcs.len()];
        let mut came: Vec<Option<(State, usize)>> = vec![None; self.arcs.len()];
        let mut queue = VecDeque::from([(0, start)]);
        while let Some((paid, here)) = queue.pop_front() {
            if paid > cost[here] {
                continue;
            }
            for (number, arc) in self.arcs[here].iter().enumerate().filter(|(_, arc)| inside[arc.to]) {
                *visits += 1;
                if paid + arc.cost < cost[arc.to] {
                    cost[arc.to] = paid + arc.cost;
                    came[arc.to] = Some((here, number));
                    if arc.cost == 0 {
                        queue.push_front((cost[arc.to], arc.to));
                    } else {
                        queue.push_back((cost[arc.to], arc.to));
                    }
                }
            }
        }
        came[start]?;
        let mut path = Vec::new();
        let mut at = start;
        loop {
            let (from, number) = came[at].expect("each state on the way was come to from another");
            path.push((from, &self.arcs[from][number]));
            at = from;
            if at == start {
                break;
            }
        }
        path.reverse();
        Some(self.described(&path))
    }

    /// The edges of a walk, each ride on a time line as one edge.
    fn described(&self, path: &[(State, &Arc)]) -> Vec<Edge> {
        let count = self.digest.transactions.len();
        let boards = path.iter().position(|(from, _)| vertex(*from) < count).unwrap_or(0);
        let mut edges = Vec::new();
        let mut boarded = None;
        for (from, arc) in path[boards..].iter().chain(&path[..boards]) {
            match arc.edge {
                Some(index) => edges.push(self.edges[index]),
                None if vertex(*from) < count => boarded = Some(vertex(*from)),
                None if vertex(arc.to) < count => {
                    let from = boarded.take().expect("a line is left after it was boarded");
                    edges.push(self.order_edge(from, vertex(arc.to)));
                }
                None => {}
            }
        }
        edges
    }

    fn order_edge(&self, from: usize, to: usize) -> Edge {
        let dependency = match self.promises.order() {
            Order::RealTime => Dependency::RealTime,
            _ => Dependency::SessionOrder,
        };
        let last = |transaction: &Transaction| {
            let reads = transaction.reads.iter().map(|read| read.operation);
            reads.chain(transaction.writes.iter().map(|write| write.operation)).max().unwrap_or(0)
        };
        let first = |transaction: &Transaction| {
            let reads = transaction.reads.iter().map(|read| read.operation);
            let selects = transaction.selects.iter().map(|selected| selected.operation);
            let writes = transaction.writes.iter().map(|write| write.operation);
            reads.chain(selects).chain(writes).min().unwrap_or(0)
        };
        Edge {
            from,
            to,
            dependency,
            key: Key(0),
            before: Version::INITIAL,
            after: Version::INITIAL,
            operations: (last(&self.digest.transactions[from]), first(&self.digest.transactions[to])),
            predicate: None,
            gap: false,
        }
    }

    /// Whether `from` had committed before `to` began, if that counts.
    pub fn ordered(&self, from: usize, to: usize) -> Option<Edge> {
        let [earlier, later] = [from, to].map(|index| &self.digest.transactions[index]);
        let counts = match self.promises.order() {
            Order::DataOnly => false,
            Order::Session => earlier.session == later.session,
            Order::RealTime => true,
        };
        let begins = later.first?.start.tick;
        (counts && earlier.committed_by()? < begins).then(|| self.order_edge(from, to))
    }

    /// Tarjan's algorithm without recursion; components with a cycle only.
    fn components(&self) -> Vec<Vec<State>> {
        const UNSEEN: usize = usize::MAX;
        let mut number = vec![UNSEEN; self.arcs.len()];
        let mut low = vec![0; self.arcs.len()];
        let mut on_stack = vec![false; self.arcs.len()];
        let (mut stack, mut calls, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = 0;
        for root in 0..self.arcs.len() {
            if number[root] != UNSEEN {
                continue;
            }
            calls.push((root, 0));
            while let Some((here, at)) = calls.pop() {
                if at == 0 {
                    (number[here], low[here]) = (next, next);
                    next += 1;
                    stack.push(here);
                    on_stack[here] = true;
                }
                if let Some(arc) = self.arcs[here].get(at) {
                    calls.push((here, at + 1));
                    if number[arc.to] == UNSEEN {
                        calls.push((arc.to, 0));
                    } else if on_stack[arc.to] {
                        low[here] = low[here].min(number[arc.to]);
                    }
                    continue;
                }
                if let Some((parent, _)) = calls.last() {
                    low[*parent] = low[*parent].min(low[here]);
                }
                if low[here] == number[here] {
                    let begin = stack.iter().rposition(|state| *state == here).expect("it was pushed above");
                    let component = stack.split_off(begin);
                    component.iter().for_each(|state| on_stack[*state] = false);
                    if component.len() > 1 {
                        found.push(component);
                    }
                }
            }
        }
        found
    }
}

const fn state(vertex: usize, step: Step) -> State {
    vertex * Step::ALL.len() + step as usize
}

const fn vertex(state: State) -> usize {
    state / Step::ALL.len()
}
