//! What is not as it should be in the environments of a service.

use super::Variable;
use super::fleet::{Service, Stage};
use super::variable::{is_placeholder, looks_live, looks_test, sounds_secret};
use sim_runtime::node::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The service.
    pub service: String,
    /// The variable.
    pub name: String,
    /// The nodes where it is so.
    pub nodes: Vec<String>,
    /// What.
    pub kind: Kind,
}

/// What is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Required, and not set.
    Missing,
    /// Asked for by the code and not set, so that a default of its own is in force.
    Defaulted,
    /// A value of test mode in a live service.
    TestInLive,
    /// A value of live mode in a service that is not live.
    LiveInTest,
    /// A secret with the value of an example.
    Placeholder,
    /// Different values on nodes that should be alike.
    Differs,
}

impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Missing => "is required and not set",
            Kind::Defaulted => "was asked for and is not set, so the code's own default is in force",
            Kind::TestInLive => "has a value of test mode in a live service",
            Kind::LiveInTest => "has a value of live mode in a service that is not live",
            Kind::Placeholder => "is a secret with the value of an example",
            Kind::Differs => "differs within the service",
        };
        write!(formatter, "{} {what} (service {}: {})", self.name, self.service, self.nodes.join(", "))
    }
}

/// Looks at one service.
pub(super) fn find(service: &Service, declared: &[Variable]) -> Vec<Drift> {
    let named: Vec<(String, Node)> =
        service.nodes.iter().map(|node| (node.name().to_string(), *node)).collect();
    let set: Vec<BTreeMap<String, String>> =
        named.iter().map(|(_, node)| node.variables().into_iter().collect()).collect();
    let asked: Vec<BTreeMap<String, bool>> =
        named.iter().map(|(_, node)| node.asked_variables().into_iter().collect()).collect();
    let mut names: BTreeSet<&str> = declared.iter().map(|variable| &*variable.name).collect();
    names.extend(set.iter().flat_map(BTreeMap::keys).map(|name| &**name));
    names.extend(asked.iter().flat_map(BTreeMap::keys).map(|name| &**name));

    let mut found = Vec::new();
    for name in names {
        let variable = declared.iter().find(|variable| variable.name == name);
        let secret = variable.map_or_else(|| sounds_secret(name), |variable| variable.secret);
        let values: Vec<Option<&str>> = set.iter().map(|set| set.get(name).map(|value| &**value)).collect();
        let mut report = |kind: Kind, is_so: &dyn Fn(usize) -> bool| {
            let nodes: Vec<String> =
                (0..named.len()).filter(|at| is_so(*at)).map(|at| named[at].0.clone()).collect();
            let some = !nodes.is_empty();
            if some {
                found.push(Drift { service: service.name.clone(), name: name.to_owned(), nodes, kind });
            }
            some
        };
        let required = variable.is_some_and(|variable| variable.required);
        let missing = required && report(Kind::Missing, &|at| values[at].is_none());
        let set_somewhere = values.iter().any(Option::is_some);
        let meant = variable.is_some_and(|variable| !variable.required);
        let suspect = !meant && (set_somewhere || secret && service.stage == Stage::Live);
        let defaulted = !missing
            && suspect
            && report(Kind::Defaulted, &|at| values[at].is_none() && asked[at].get(name) == Some(&false));
        let begins =
            |value: &str, prefix: Option<&String>| prefix.is_some_and(|prefix| value.starts_with(prefix));
        match service.stage {
            Stage::Live => {
                let prefix = variable.and_then(|variable| variable.test_prefix.as_ref());
                let test = |value: &str| begins(value, prefix) || looks_test(value);
                report(Kind::TestInLive, &|at| values[at].is_some_and(test));
                report(Kind::Placeholder, &|at| secret && values[at].is_some_and(is_placeholder));
            }
            Stage::Test => {
                let prefix = variable.and_then(|variable| variable.live_prefix.as_ref());
                let live = |value: &str| begins(value, prefix) || looks_live(value);
                report(Kind::LiveInTest, &|at| values[at].is_some_and(live));
            }
        }
        let may_differ = variable.is_some_and(|variable| variable.differs);
        let values_set: BTreeSet<Option<&str>> = values.iter().copied().collect();
        if !may_differ && !missing && !defaulted && values_set.len() > 1 {
            report(Kind::Differs, &|_| true);
        }
    }
    found
}
