//! Who is to blame: every fact of a recorded run carries the operation that caused it.
//!
//! An *operation* is one request or statement that was read along on the wire: `POST /charge #3`,
//! `SQL UPDATE items … #7`. Operations form a tree: the statement's parent is the request whose code sent it, an outgoing
//! request's parent is the incoming one. The service does not help: the wire is ours, and so is every wake-up.
//!
//! The model answers one question, *on whose behalf does this task run now?*, and keeps the answer, its
//! **cause**, with the task:
//!
//! * **Reading sets it.** Who reads the bytes of a request from the server's end of a connection works for that request, until
//!   it is answered. A keep-alive connection's task serves one after the other; with pipelining the oldest that is not
//!   answered counts. Where several are multiplexed (HTTP/2) the reading task works for none of them, and each task it spawns
//!   takes the oldest one that no task has taken: servers spawn one for each stream, in order. Such tasks, and
//!   what reads a server's connection, never take a cause from anybody else.
//! * **Spawning passes it on**, to blocking closures too. What is spawned for a request keeps working for it after it was
//!   answered; nothing but a message changes that.
//! * **A message carries it.** Receiving from a `tokio::sync::mpsc` channel makes the receiver work for what the sender
//!   worked for; asking the same channel again in vain ends that. `cargo sim` builds a tokio that tells of both
//!   ([`World::message_sent`](crate::executor::World::message_sent)), so a worker that finds the next job waiting is right, too.
//! * **A wake-up carries it** where nothing else is known: a task that was spawned for nobody and reads no such channel (a worker
//!   behind a channel of another crate) works for whoever woke it last, unless it still waits for an answer of its own.
//!   Timers, answers and locks change nothing: a sleeping task works for whom it worked before, and a lock handed over by one request
//!   does not make the other one its child.
//! * **Who asks, when a connection has a driver.** Many clients (tokio-postgres, hyper, what is built on them) leave a connection to a
//!   task of its own, which writes what others send it. A task *drives* a connection when it was spawned by whoever opened
//!   it and has written every request on it; such a request's parent is the cause of the task that woke the driver, or that sent
//!   the message. Several may have sent before the driver ran, and most channels wake their receiver only once; then
//!   the answer tells: the task that the driver wakes when it has read the answer is the one that asked.
//!
//! Attempts: an operation of the same asker, with the same method, path and parent as an earlier one that had no good answer by
//! then, is a [retry](Earlier::Retry) of it.
//!
//! All of this is kept only while a run records, and a failing seed is always run again recording; a sweep
//! does not even ask. Nothing of it can be read by a task, and none of it is in the digest.
//!
//! Known limits. A cause is a task's, not a future's: a worker that interleaves several jobs in one task
//! (`FuturesUnordered`, `select!` over jobs) mixes them up, and a server that runs HTTP/2 streams within the
//! connection's task leaves them without a cause. Behind a channel that is not tokio's, a worker that finds the next job waiting is
//! taken to work on the previous one. What is encrypted is not read, so it names no requests.

mod bearer;
mod operation;
mod table;

pub use operation::{Earlier, Operation, OperationId};
pub use table::Opening;
pub(crate) use table::Table;
