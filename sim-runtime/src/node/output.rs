//! What code prints, line by line, as facts: with virtual time, node, task and cause.
//!
//! `println!`, `eprintln!` and every logger that writes to standard output or error get here by the C library's `write`, so
//! no logger need know of the simulation. (`tracing` prints nothing without a subscriber: `tracing_subscriber::fmt::init()`
//! in the test is enough.) The test harness takes what tests print before it is written; a failing seed is run again in
//! a process without that, and the lines of that run are the evidence.

use crate::executor::World;
use crate::schedule::TaskId;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Bytes of one line that are kept.
const LINE_BYTES_MAX: usize = 2_000;

/// A stream, and the task that writes to it.
type Writer = (i32, Option<TaskId>);

/// Lines that are not complete yet, by stream and task.
#[derive(Default)]
pub(super) struct Output {
    open: RefCell<BTreeMap<Writer, Vec<u8>>>,
}

impl Output {
    /// Bytes were written to standard output or error.
    pub fn wrote(&self, world: &World, fd: i32, bytes: &[u8]) {
        if !world.trace.is_recording() {
            return;
        }
        let key = (fd, world.current_task());
        let mut open = self.open.borrow_mut().remove(&key).unwrap_or_default();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, complete) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = LINE_BYTES_MAX.saturating_sub(open.len());
            open.extend_from_slice(&text[..text.len().min(room)]);
            if complete {
                let line = plain(&String::from_utf8_lossy(&open));
                open.clear();
                if !line.trim().is_empty() {
                    world.log_line(line);
                }
            }
        }
        if !open.is_empty() {
            self.open.borrow_mut().insert(key, open);
        }
    }
}

/// A line without terminal colours and other control characters.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut characters = line.trim_end().chars();
    while let Some(character) = characters.next() {
        match character {
            // An escape sequence ends with a letter.
            '\u{1b}' => _ = characters.by_ref().find(char::is_ascii_alphabetic),
            '\t' => text.push(' '),
            character if character.is_control() => {}
            character => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_control_characters_go() {
        assert_eq!(
            plain("\u{1b}[2m12:00\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m\tpaid\u{7}\r"),
            "12:00  INFO paid"
        );
    }
}
