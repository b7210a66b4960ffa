//! What happens to requests that match, and how often it did.

use std::time::Duration;

use super::matching::Match;
use crate::control::nanos;
use crate::network::{with, with_if_running};

/// How a connection ends whose request or response was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// Both ends are told at once. The default.
    #[default]
    Reset,
    /// Nobody is told: nothing passes any more, and the client finds its own timeout.
    Silence,
}

/// What a held request waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// A request that matches was answered after this one was held.
    Answered(Match),
    /// A request that matches was sent completely after this one was held: the two change places.
    Sent(Match),
    /// [`Net::signal`](crate::Net::signal) was called with this name: a commit, a step of the scenario.
    Signal(String),
    /// This much time passed.
    Passed(Duration),
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The server does the work, its answer is lost.
    LoseResponse(Ending),
    /// The server never sees it.
    LoseRequest(Ending),
    /// The client's connection ends this long after the request was sent: the handler runs and is dropped.
    Disconnect(Duration),
    /// It is delivered again after this long, on a connection of its own, as a gateway's retry; nobody reads
    /// that answer.
    Repeat(Duration),
    /// It is kept back until something happened.
    Hold(Until),
    /// Its answer is kept back for this long.
    SlowResponse(Duration),
}

impl Action {
    /// What reports say of a request this was done to.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Action::LoseResponse(_) => "response lost",
            Action::LoseRequest(_) => "request lost",
            Action::Disconnect(_) => "client disconnected",
            Action::Repeat(_) => "delivered twice",
            Action::Hold(_) => "held",
            Action::SlowResponse(_) => "response slow",
        }
    }
}

/// A rule in force.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    /// What accounts call it.
    pub(crate) name: String,
    pub(crate) matches: Match,
    pub(crate) action: Action,
    pub(crate) left: u32,
    pub(crate) fired: u32,
}

/// Ends a rule on requests when dropped.
#[must_use = "the rule ends when this is dropped: keep it, or say `until_healed`"]
#[derive(Debug)]
pub struct RequestGuard {
    rule: Option<u64>,
    run: u32,
}

impl RequestGuard {
    pub(crate) fn new(rule: u64, run: u32) -> RequestGuard {
        RequestGuard { rule: Some(rule), run }
    }

    /// How often the rule has acted.
    pub fn fired(&self) -> u32 {
        with(|state, _| self.rule.map_or(0, |id| state.requests.fired(id)))
    }

    /// Lets the rule act at most this often. Default 1.
    pub fn times(self, times: u32) -> RequestGuard {
        with(|state, _| {
            if let Some(rule) = self.rule.and_then(|id| state.requests.rule_mut(id)) {
                rule.left = times;
            }
        });
        self
    }

    /// Lets the rule stand until everything is healed.
    pub fn until_healed(mut self) {
        self.rule = None;
    }

    /// Ends the rule, as dropping does.
    pub fn end(self) {}
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let Some(rule) = self.rule else { return };
        with_if_running(|state, world| {
            if state.run == self.run {
                state.end_request_rule(world, rule);
            }
        });
    }
}

impl crate::Net {
    /// Does something to requests that match, once unless [`RequestGuard::times`] says otherwise. The rule
    /// stands in the account of faults, so a sweep says when it never acted.
    ///
    /// # Panics
    /// When the match names a node that does not exist.
    #[track_caller]
    pub fn on_request(self, matches: Match, action: Action) -> RequestGuard {
        with(|state, world| {
            let what = matches.to_string();
            let matches = matches.resolve(world);
            let action = match action {
                Action::Hold(Until::Answered(other)) => Action::Hold(Until::Answered(other.resolve(world))),
                Action::Hold(Until::Sent(other)) => Action::Hold(Until::Sent(other.resolve(world))),
                other => other,
            };
            let name = format!("{}: {what}", action.label());
            state.shared.faults.expect(&name);
            RequestGuard::new(state.requests.add_rule(matches, action, name), state.run)
        })
    }

    /// Loses the response of a request after it was served.
    #[track_caller]
    pub fn lose_response(self, matches: Match) -> RequestGuard {
        self.on_request(matches, Action::LoseResponse(Ending::Reset))
    }

    /// Loses a request before it is served.
    #[track_caller]
    pub fn lose_request(self, matches: Match) -> RequestGuard {
        self.on_request(matches, Action::LoseRequest(Ending::Reset))
    }

    /// Delivers a request twice.
    #[track_caller]
    pub fn deliver_twice(self, matches: Match, after: Duration) -> RequestGuard {
        self.on_request(matches, Action::Repeat(after))
    }

    /// Lets requests held by [`Until::Signal`] of this name go on.
    pub fn signal(self, name: &str) {
        with(|state, world| state.request_signal(world, name));
    }

    /// Switches the reader off for connections opened from now on, or on again. Without it there are no
    /// request-level faults and no request facts.
    pub fn read_requests(self, on: bool) {
        with(|state, _| state.requests.off = !on);
    }
}

pub(crate) fn after(now_ns: u64, duration: Duration) -> u64 {
    now_ns.saturating_add(nanos(duration))
}
