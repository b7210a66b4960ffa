//! Who writes and who reads requests and answers, told to the world, which keeps their [causes](sim_runtime::cause).
//!
//! A request is read when its first byte is: positions in the stream of each direction say whose byte that is.
//! Only recorded runs pay for this.

use std::collections::VecDeque;
use std::rc::Rc;

use sim_runtime::cause::{Opening, OperationId};
use sim_runtime::executor::World;
use sim_runtime::schedule::TaskId;

use super::calls::SocketId;
use super::state::State;
use crate::request::Tracked;
use crate::request::tracking::Exchange;
use crate::tcp::Side;

/// Positions in the two directions of a connection, and who has used it.
#[derive(Debug, Default)]
pub(crate) struct Bytes {
    /// Bytes written by each side, and of those the bytes the other side has read.
    written: [u64; 2],
    read: [u64; 2],
    /// Where requests (written by the client) and answers begin that are not read.
    begins: [VecDeque<(u64, OperationId)>; 2],
    opened_by: Option<TaskId>,
    /// Who wrote the first request, and whether others wrote further ones.
    writer: Option<TaskId>,
    several_write: bool,
}

impl Bytes {
    pub(crate) fn opened_by(opened_by: Option<TaskId>) -> Bytes {
        Bytes { opened_by, ..Bytes::default() }
    }

    pub(crate) fn sent(&mut self, side: Side, count: usize) {
        self.written[side as usize] += count as u64;
    }

    /// An operation's bytes begin so far behind what is written.
    pub(crate) fn mark(&mut self, side: Side, at: usize, operation: Option<OperationId>) {
        if let Some(operation) = operation {
            self.begins[side as usize].push_back((self.written[side as usize] + at as u64, operation));
        }
    }

    fn read(&mut self, from: Side, count: usize) -> Vec<OperationId> {
        let read = &mut self.read[from as usize];
        *read += count as u64;
        let begins = &mut self.begins[from as usize];
        let known = begins.iter().take_while(|(at, _)| at < read).count();
        begins.drain(..known).map(|(_, operation)| operation).collect()
    }

    /// A task writes a request: whether no other has.
    fn writes_alone(&mut self, task: Option<TaskId>) -> bool {
        self.writer = self.writer.or(task);
        self.several_write |= self.writer != task;
        !self.several_write
    }
}

impl State {
    pub(super) fn operation_begins(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        at: usize,
        exchange: &mut Exchange,
        tracked: &mut Tracked,
    ) {
        if !world.trace.is_recording() {
            return;
        }
        let connection = self.socket(id).map_or(0, |conn| conn.number);
        exchange.operation = world.begin_operation(|| Opening {
            kind: if exchange.head.method == "SQL" { "sql" } else { "http" },
            asks: format!("{} {}", exchange.head.method, exchange.head.path),
            number: exchange.number,
            nodes: [world.node_name(exchange.from), world.node_name(exchange.to)],
            connection,
            opened_by: tracked.bytes.opened_by,
            alone: tracked.bytes.writes_alone(world.current_task()),
            repeats: tracked.repetition.as_ref().and_then(|repetition| repetition.operation),
        });
        tracked.bytes.mark(Side::Client, at, exchange.operation);
    }

    /// The running task has read bytes.
    #[cold]
    pub(super) fn note_read(&mut self, world: &World, id: SocketId, count: usize) {
        let Some(conn) = self.socket(id) else { return };
        let unattended = conn.unattended;
        let Some(tracked) = &mut conn.requests else { return };
        let multiplexed = tracked.reader.multiplexes();
        for operation in tracked.bytes.read(id.side.other(), count) {
            match id.side {
                Side::Server => world.operation_read(operation, multiplexed),
                Side::Client if unattended => {}
                Side::Client => world.answer_read(operation),
            }
        }
    }
}
