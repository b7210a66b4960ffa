//! Signals to the process that a node is: who listens, and what happens when nobody does.

use super::Node;
use super::state::nodes;
use crate::executor::{World, spawn_on, with_current};
use crate::task::NodeId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Who listens for what. A node that boots anew listens for nothing.
#[derive(Default)]
struct Signals {
    /// By node, its boots so far, and number.
    heard: RefCell<BTreeMap<(NodeId, u32, i32), Heard>>,
}

#[derive(Default)]
struct Heard {
    times: u64,
    waiting: Vec<Waker>,
}

/// Signals that do nothing to a process that does not listen for them.
const IGNORED: [i32; 4] = [libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH, libc::SIGCONT];

/// Hears one kind of signal from the moment it was made; several in a row may be heard as one.
#[derive(Debug)]
pub struct SignalListener {
    key: (NodeId, u32, i32),
    seen: u64,
}

impl SignalListener {
    /// Listens on the running task's node.
    ///
    /// # Panics
    ///
    /// Outside of a run.
    pub fn new(number: i32) -> Self {
        with_current(|world| {
            let node = world.current_node();
            let key = (node, nodes(world).boots(node), number);
            let signals = world.extension(Signals::default);
            let seen = signals.heard.borrow_mut().entry(key).or_default().times;
            Self { key, seen }
        })
    }

    /// Ready when the signal came since the listener was made or was last ready.
    ///
    /// # Panics
    ///
    /// Outside of a run.
    pub fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        with_current(|world| {
            let signals = world.extension(Signals::default);
            let mut heard = signals.heard.borrow_mut();
            let heard = heard.entry(self.key).or_default();
            if heard.times != self.seen {
                self.seen = heard.times;
                return Poll::Ready(());
            }
            if !heard.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                heard.waiting.push(context.waker().clone());
            }
            world.waits_for("a signal");
            Poll::Pending
        })
    }
}

impl World {
    /// Raises a signal in the process that `node` is.
    pub(crate) fn raise(self: &Rc<Self>, node: NodeId, number: i32) {
        self.on_node(node, || {
            self.fact("node.signal", &[u64::from(node.0), number as u64], || number.to_string());
        });
        let key = (node, nodes(self).boots(node), number);
        let signals = self.extension(Signals::default);
        let is_heard = signals.heard.borrow().contains_key(&key);
        match () {
            // A moment later, by way of a task: whoever begins to listen meanwhile hears it too.
            () if is_heard => {
                let deliver = async move {
                    let waiting = signals.heard.borrow_mut().get_mut(&key).map(|heard| {
                        heard.times += 1;
                        std::mem::take(&mut heard.waiting)
                    });
                    waiting.into_iter().flatten().for_each(Waker::wake);
                };
                drop(spawn_on(self, node, Location::caller(), deliver));
            }
            () if IGNORED.contains(&number) => {}
            () if node == NodeId::WORLD => {
                self.refuse(format!(
                    "signal {number} would have ended the scenario: nothing in it listens for it"
                ));
            }
            () => self.crash_node(node),
        }
    }
}

impl Node {
    /// Sends a signal, by number (`libc::SIGTERM`), to the process that the node is. If nothing on the
    /// node listens for it the node crashes, as a process does.
    pub fn signal(self, number: i32) {
        with_current(Rc::clone).raise(self.id(), number);
    }
}
