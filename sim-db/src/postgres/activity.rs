//! Who is connected, what runs, and who waits for whom: for people who ask why nothing goes on.

use super::machine::Machine;
use crate::engine::{Engine, LockInfo};
use std::fmt::Write as _;

impl Machine {
    /// Every session in a line: number, user and database, what it waits for, its statement.
    pub(super) fn activity(&self) -> String {
        self.describe(false).unwrap_or_default()
    }

    /// The sessions that wait for another, and those they wait for; `None` when nobody waits.
    pub(super) fn waiting(&self) -> Option<String> {
        self.describe(true)
    }

    fn describe(&self, waiting_only: bool) -> Option<String> {
        let sessions = self.server.sessions();
        let engine = |database: &str| self.server.find_database(database);
        let mut involved: Vec<_> = Vec::new();
        for session in &sessions {
            let Some(engine) = engine(&session.database) else { continue };
            if engine.is_waiting(session.pid) {
                involved.push(session.pid);
                involved.extend(engine.blocked_by(session.pid));
            }
        }
        let mut text = String::new();
        for session in sessions {
            if waiting_only && !involved.contains(&session.pid) {
                continue;
            }
            let Some(engine) = engine(&session.database) else { continue };
            let (pid, user, database) = (session.pid, &session.user, &session.database);
            let doing = match wait_of(&engine, session.pid) {
                Some(wait) => wait,
                None => engine.status_text(session.pid).to_owned(),
            };
            let words: Vec<&str> = session.statement.split_whitespace().collect();
            let _ = writeln!(
                text,
                "{:<12} session {pid} ({user}@{database}) {doing}: {}",
                self.node.name(),
                words.join(" ")
            );
        }
        (!text.is_empty()).then(|| text.trim_end().to_owned())
    }
}

/// What the session waits for and for whom, if it waits.
fn wait_of(engine: &Engine, pid: crate::engine::Pid) -> Option<String> {
    if !engine.is_waiting(pid) {
        return None;
    }
    let wanted = engine.locks().into_iter().find(|lock| lock.pid == pid && !lock.granted);
    let holders: Vec<String> = engine.blocked_by(pid).iter().map(|pid| pid.to_string()).collect();
    let what = wanted.map_or_else(|| "a safe snapshot".to_owned(), |lock| lock_text(&lock));
    let by = if holders.is_empty() { String::new() } else { format!(" of session {}", holders.join(", ")) };
    Some(format!("waits for {what}{by}"))
}

fn lock_text(lock: &LockInfo) -> String {
    let on = match (lock.xid, lock.tid, lock.table) {
        (Some(xid), ..) => format!("transaction {}", xid.0),
        (_, Some(tid), Some(table)) => format!("row ({},{}) of table {}", tid.block, tid.offset, table.0),
        (_, _, Some(table)) => format!("table {}", table.0),
        _ => format!("{} lock", lock.kind),
    };
    format!("{} on {on}", lock.mode)
}
