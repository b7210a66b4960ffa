//! LISTEN and NOTIFY: queued in the transaction, effective at commit.

use std::sync::Arc;

use super::{id::Pid, lock::ProcId, session::Session, state::State, transaction::Transaction};

/// A message of NOTIFY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// sender
    pub pid: Pid,
    /// channel
    pub channel: Arc<str>,
    /// payload, possibly empty
    pub payload: Arc<str>,
}

/// A LISTEN or UNLISTEN of the transaction.
#[derive(Clone, Debug)]
pub(crate) enum ListenChange {
    Listen(Arc<str>),
    Unlisten(Arc<str>),
    UnlistenAll,
}

impl State {
    /// At commit: subscriptions first, then messages, to every listener, the sender included.
    pub(crate) fn apply_notifications(&mut self, proc: ProcId, transaction: &mut Transaction) {
        if transaction.listen_changes.is_empty() && transaction.notifications.is_empty() {
            return;
        }
        let listening = &mut self.session_mut(proc).listening;
        for change in transaction.listen_changes.drain(..) {
            match change {
                ListenChange::Listen(channel) => drop(listening.insert(channel)),
                ListenChange::Unlisten(channel) => drop(listening.remove(&channel)),
                ListenChange::UnlistenAll => listening.clear(),
            }
        }
        let pid = self.session(proc).pid;
        for (channel, payload) in transaction.notifications.drain(..) {
            for listener in 0..self.sessions.len() {
                let Some(session) = &mut self.sessions[listener] else { continue };
                if session.listening.contains(&channel) {
                    let (channel, payload) = (Arc::clone(&channel), Arc::clone(&payload));
                    session.inbox.push_back(Notification { pid, channel, payload });
                    self.wake(listener as ProcId);
                }
            }
        }
    }
}

impl Session {
    fn change_listening(&self, change: ListenChange) {
        self.core.state.borrow_mut().transaction_mut(self.proc).listen_changes.push(change);
    }

    /// LISTEN, from commit on.
    pub fn listen(&self, channel: &str) {
        self.change_listening(ListenChange::Listen(channel.into()));
    }

    /// UNLISTEN (`None`: all), from commit on.
    pub fn unlisten(&self, channel: Option<&str>) {
        self.change_listening(
            channel.map_or(ListenChange::UnlistenAll, |channel| ListenChange::Unlisten(channel.into())),
        );
    }

    /// NOTIFY, sent at commit; equal ones of one transaction are sent once.
    pub fn notify(&self, channel: &str, payload: &str) {
        let mut state = self.core.state.borrow_mut();
        let queued = &mut state.transaction_mut(self.proc).notifications;
        if !queued.iter().any(|(c, p)| &**c == channel && &**p == payload) {
            queued.push((channel.into(), payload.into()));
        }
    }

    /// The channels listened to, in order: `pg_listening_channels()`.
    pub fn listening(&self) -> Vec<Arc<str>> {
        self.core.state.borrow().session(self.proc).listening.iter().cloned().collect()
    }

    /// What has arrived. The wire sends it when the session is not in a transaction.
    pub fn take_notifications(&self) -> Vec<Notification> {
        self.core.state.borrow_mut().session_mut(self.proc).inbox.drain(..).collect()
    }
}
