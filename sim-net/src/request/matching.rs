//! Which requests a rule means.

use sim_runtime::task::NodeId;

use super::event::Head;

/// A description of requests. Everything not said matches.
///
/// ```
/// use sim_net::request::Match;
/// let third_charge = Match::new("POST", "/charge").nth(3);
/// let any_retry = Match::any().attempt(2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    method: Option<String>,
    path: Option<String>,
    authority: Option<String>,
    pub(crate) from: Option<crate::control::Machine>,
    pub(crate) to: Option<crate::control::Machine>,
    attempt: Option<u32>,
    nth: Option<u32>,
}

/// What a rule is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) head: &'a Head,
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    /// How many times `from` has sent this method and path to `to`, this time included.
    pub(crate) attempt: u32,
    /// How many requests of this method and path there were in the run, this one included.
    pub(crate) number: u32,
}

impl std::fmt::Display for Match {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} {}",
            self.method.as_deref().unwrap_or("any"),
            self.path.as_deref().unwrap_or("request")
        )?;
        if let Some(authority) = &self.authority {
            write!(out, " at {authority}")?;
        }
        for (word, machine) in [("from", &self.from), ("to", &self.to)] {
            match machine {
                Some(crate::control::Machine::Named(name)) => write!(out, " {word} {name}")?,
                Some(crate::control::Machine::Id(id)) => write!(out, " {word} node {}", id.0)?,
                None => {}
            }
        }
        if let Some(attempt) = self.attempt {
            write!(out, ", attempt {attempt}")?;
        }
        if let Some(nth) = self.nth {
            write!(out, " #{nth}")?;
        }
        Ok(())
    }
}

impl Match {
    /// Every request.
    pub fn any() -> Match {
        Match::default()
    }

    /// Requests of a method to a path. The path is compared without its query; a `*` at its end stands for
    /// anything.
    pub fn new(method: &str, path: &str) -> Match {
        Match { method: Some(method.to_owned()), path: Some(path.to_owned()), ..Match::default() }
    }

    /// Requests to a path; see [`Match::new`].
    pub fn path(path: &str) -> Match {
        Match { path: Some(path.to_owned()), ..Match::default() }
    }

    /// Only with this `Host` or `:authority`.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Match {
        self.authority = Some(authority.to_owned());
        self
    }

    /// Only those this node sends.
    #[must_use]
    pub fn from(mut self, node: impl Into<crate::control::Machine>) -> Match {
        self.from = Some(node.into());
        self
    }

    /// Only those sent to this node.
    #[must_use]
    pub fn to(mut self, node: impl Into<crate::control::Machine>) -> Match {
        self.to = Some(node.into());
        self
    }

    /// Only the n-th time a node sends the same method and path to the same node, from 1: a retry is 2.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Match {
        self.attempt = Some(attempt);
        self
    }

    /// Only the n-th request of its method and path in the run, from 1: the number reports show.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Match {
        self.nth = Some(nth);
        self
    }

    /// Looks node names up.
    ///
    /// # Panics
    /// When there is no such node, saying which there are.
    #[track_caller]
    pub(crate) fn resolve(mut self, world: &sim_runtime::executor::World) -> Match {
        for machine in [&mut self.from, &mut self.to].into_iter().flatten() {
            *machine = machine.id(world).into();
        }
        self
    }

    pub(crate) fn matches(&self, candidate: Candidate<'_>) -> bool {
        let node = |wanted: &Option<crate::control::Machine>, node| {
            wanted.as_ref().is_none_or(|wanted| *wanted == crate::control::Machine::Id(node))
        };
        let head = candidate.head;
        self.method.as_ref().is_none_or(|method| *method == head.method)
            && self.path.as_ref().is_none_or(|pattern| fits(pattern, &head.path))
            && self.authority.as_ref().is_none_or(|authority| *authority == head.authority)
            && node(&self.from, candidate.from)
            && node(&self.to, candidate.to)
            && self.attempt.is_none_or(|attempt| attempt == candidate.attempt)
            && self.nth.is_none_or(|nth| nth == candidate.number)
    }
}

/// A path without its query; a statement has none.
pub(crate) fn without_query(path: &str) -> &str {
    if path.starts_with('/') { path.split('?').next().unwrap_or_default() } else { path }
}

fn fits(pattern: &str, path: &str) -> bool {
    let path = without_query(path);
    match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &Match, expected: bool) {
        let head = Head { method: "POST".into(), path: "/charge?id=1".into(), authority: "api".into() };
        let candidate = Candidate { head: &head, from: NodeId(1), to: NodeId(2), attempt: 2, number: 3 };
        assert_eq!(pattern.matches(candidate), expected, "{pattern:?}");
    }

    #[test]
    fn what_is_not_said_matches() {
        check(&Match::any(), true);
        check(&Match::new("POST", "/charge"), true);
        check(&Match::new("POST", "/ch*").attempt(2).nth(3), true);
        check(&Match::path("/charge").from(NodeId(1)).to(NodeId(2)).authority("api"), true);
    }

    #[test]
    fn everything_that_is_said_must_hold() {
        check(&Match::new("GET", "/charge"), false);
        check(&Match::path("/charg"), false);
        check(&Match::any().attempt(1), false);
        check(&Match::any().nth(2), false);
        check(&Match::any().from(NodeId(2)), false);
        check(&Match::any().authority("db"), false);
    }
}
