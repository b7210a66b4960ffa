//! What a task waits for, found out by asking it.
//!
//! When a run has stalled, every live task is polled once more with a waker that tells when it is cloned. A
//! future that waits clones its waker, so the call stack at that moment says which primitive it
//! waits in and from which line of the code under test. Polling a future that was not woken is always allowed.
//! Nothing that happens in these polls counts: the run is over.

use super::world::World;
use crate::task::Tag;
use std::backtrace::Backtrace;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// Stacks at the clones of a waker, most recent last.
pub(super) type Stacks = Arc<Mutex<Vec<String>>>;

/// The waker to poll with while asking: `inner`, and where the stacks go.
pub(super) fn asking_waker(inner: Waker, stacks: &Stacks) -> Waker {
    let stacks = stacks.clone();
    sim_host::inspect::inspect_clones(inner, move || {
        let stack = sim_host::outside(|| Backtrace::force_capture().to_string());
        stacks.lock().unwrap_or_else(PoisonError::into_inner).push(stack);
    })
}

impl World {
    /// Where the tasks wait, by task number: `function at file:line` of the code under test.
    pub(crate) fn ask_tasks(&self) -> Vec<(crate::schedule::TaskId, String)> {
        // Finding the names in a stack may take longer than a poll may.
        self.heartbeat.rest();
        let wakers: Vec<_> = self.tasks.borrow().live().iter().map(|task| task.waker.clone()).collect();
        wakers.into_iter().for_each(Waker::wake);
        let mut answers = Vec::new();
        loop {
            let mut ready = self.ready.borrow_mut();
            if ready.is_empty() {
                break;
            }
            let oldest = ready.oldest();
            let runnable = ready.take(oldest);
            drop(ready);
            let Tag { key, node, .. } = *runnable.metadata();
            let stacks = Stacks::default();
            *self.asking.borrow_mut() = Some(stacks.clone());
            self.called.set(self.called.get() + 1);
            self.current.set(Some((key, node)));
            runnable.run();
            self.current.set(None);
            *self.asking.borrow_mut() = None;
            self.called.set(self.called.get() - 1);
            let stacks = stacks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((called, place)) = stacks.iter().find_map(|stack| place_in(stack)) {
                let place = match called {
                    Some(called) => format!("{called}, awaited at {place}"),
                    None => format!("an await at {place}"),
                };
                answers.push((key.id, place));
            }
            if answers.len() >= ASKED_MAX {
                break;
            }
        }
        // Dropped when nothing is borrowed: their destructors may wake others.
        let rest = self.ready.borrow_mut().extract(|_| true);
        drop(rest);
        answers
    }
}

/// Tasks asked at most: taking a stack costs milliseconds.
const ASKED_MAX: usize = 32;

/// The innermost frame of the code under test in a stack, as `file:line:column`, and the function it called.
pub(super) fn place_in(stack: &str) -> Option<(Option<String>, String)> {
    let mut called = None;
    let mut lines = stack.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((number, function)) = line.split_once(": ") else { continue };
        if number.parse::<u32>().is_err() {
            continue;
        }
        let file = lines.next_if(|next| next.starts_with("at ")).and_then(|next| next.strip_prefix("at "));
        if file.is_some_and(is_under_test) && !is_ours(function) {
            return Some((called, readable_file(file.unwrap_or_default())));
        }
        if !is_plumbing(function) {
            called = Some(readable(function));
        }
    }
    None
}

/// Whether a source file is Rust, and neither of the standard library nor of a registry or git dependency.
pub(super) fn is_under_test(file: &str) -> bool {
    let foreign = ["/rustc/", "/registry/src/", "/git/checkouts/", "/library/"];
    file.contains(".rs:") && !foreign.iter().any(|part| file.contains(part))
}

/// A path as the user knows it: not through the shadow workspace that `cargo sim` makes.
fn readable_file(file: &str) -> String {
    let file = file.trim_start_matches("./");
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| file.strip_prefix(here.to_str()?)?.strip_prefix('/'));
    let mut parts: Vec<&str> = Vec::new();
    for part in below.unwrap_or(file).split('/') {
        if part == ".." && parts.last().is_some_and(|last| !last.is_empty() && *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

fn is_ours(function: &str) -> bool {
    let crates = ["sim_host", "sim_runtime", "sim_net", "sim_db", "sim_tokio", "sim", "tokio", "real_tokio"];
    let path = function.trim_start_matches(['<', '&']);
    path.split_once("::").is_some_and(|(first, _)| crates.contains(&first))
}

fn is_plumbing(function: &str) -> bool {
    ["std::", "core::", "alloc::", "sim_host::", "<core::", "<alloc::", "<std::", "__rustc"]
        .iter()
        .any(|prefix| function.starts_with(prefix))
        || function.contains("core::future")
}

/// A function's path without generics and closures: `<a::B<C> as D>::poll` becomes `a::B::poll`.
fn readable(function: &str) -> String {
    let function = function.replace("::{{closure}}", "");
    let (path, method) = match function.strip_prefix('<').and_then(|rest| rest.split_once(" as ")) {
        Some((path, rest)) => (
            path.to_owned(),
            rest.rsplit_once(">::").map_or(String::new(), |(_, method)| format!("::{method}")),
        ),
        None => (function, String::new()),
    };
    let plain = path.split('<').next().unwrap_or_default().trim_end_matches(':');
    format!("{plain}{method}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_line_of_the_code_under_test_is_found() {
        let stack = "   0: std::backtrace::Backtrace::force_capture
             at /rustc/abc/library/std/src/backtrace.rs:312:9
   1: <tokio::sync::batch_semaphore::Acquire<'_> as core::future::future::Future>::poll
             at /home/me/.cargo/registry/src/index/tokio-1.54.1/src/sync/batch_semaphore.rs:588:9
   2: tokio::sync::mutex::Mutex<T>::lock::{{closure}}
             at /home/me/.cargo/registry/src/index/tokio-1.54.1/src/sync/mutex.rs:435:15
   3: shop::orders::reserve::{{closure}}
             at ./src/orders.rs:41:33
   4: sim_runtime::executor::spawn::poll
             at ./sim-runtime/src/executor/spawn.rs:1:1";
        assert_eq!(
            place_in(stack),
            Some((Some("tokio::sync::mutex::Mutex".to_owned()), "src/orders.rs:41:33".to_owned()))
        );
        assert_eq!(place_in("nothing of the sort"), None);
        assert_eq!(readable_file("./tests/../examples/a.rs:1:2"), "examples/a.rs:1:2");
        assert_eq!(readable_file("/elsewhere/../a.rs:1:2"), "/a.rs:1:2");
    }
}
