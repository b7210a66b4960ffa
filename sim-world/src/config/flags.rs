//! A service for feature flags: by percentage with sticky buckets, by node, by version.
//!
//! # What services see: `http://NAME`, port 80
//!
//! `GET /flags/FLAG?unit=UNIT&version=VERSION` answers `{"name": FLAG, "on": BOOL}`. UNIT is what the rollout sticks to (a
//! user, an order), VERSION the caller's version, if versions matter; the node is known from its address. A flag nobody
//! has set is off. The most special rule counts: the node's, then the version's, then the general one.
//!
//! # Faults
//!
//! | kind in a plan | what |
//! |---|---|
//! | `flags.unavailable` | 503 |

use crate::event::{fact, strikes};
use crate::http::{self, Incoming, Response};
use crate::shared::Shared;
use serde_json::json;
use sha2::{Digest, Sha256};
use sim_runtime::Sim;
use sim_runtime::executor::sleep;
use sim_runtime::node::Node;
use std::collections::BTreeMap;
use std::time::Duration;

/// For which part of the units a flag is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollout(u8);

impl Rollout {
    /// For nobody.
    pub const OFF: Self = Self(0);
    /// For everybody.
    pub const ON: Self = Self(100);

    /// For so many in a hundred, always the same ones: raising the percentage only adds some.
    ///
    /// # Panics
    ///
    /// If `percent` is above 100.
    pub fn percent(percent: u8) -> Self {
        assert!(percent <= 100, "a rollout of {percent} % is more than all");
        Self(percent)
    }
}

/// The bucket of a unit for a flag, 0 to 99: the first 32 bits of SHA-256 of `FLAG:UNIT`, modulo 100. A flag at
/// P percent is on for buckets below P.
pub fn bucket(flag: &str, unit: &str) -> u8 {
    let hash = Sha256::digest(format!("{flag}:{unit}"));
    let word = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    (word % 100) as u8
}

/// A service for feature flags; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Flags {
    node: Node,
    state: Shared<State>,
}

/// Whom a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum For {
    All,
    Version(String),
    Node(String),
}

#[derive(Debug, Default)]
struct State {
    rules: BTreeMap<(String, For), Rollout>,
    /// Who was told what: by flag and unit, the answers and the nodes they went to. Begins anew when the flag is
    /// set.
    told: BTreeMap<(String, String), BTreeMap<bool, String>>,
}

const LATENCY: Duration = Duration::from_millis(2);

impl Flags {
    /// Starts a service for flags on the node `name`.
    pub fn start(sim: &Sim, name: &str) -> Self {
        let node = sim.node(name);
        let flags = Self { node, state: Shared::default() };
        let own = flags.clone();
        node.boot(move || {
            let own = own.clone();
            async move { http::serve(80, move |request| own.clone().handle(request)).await }
        });
        flags
    }

    /// The node it runs on.
    pub fn node(&self) -> Node {
        self.node
    }

    /// Where services find it.
    pub fn url(&self) -> String {
        format!("http://{}", self.node.name())
    }

    /// Sets a flag for everybody for whom there is no other rule.
    pub fn set(&self, flag: &str, rollout: Rollout) {
        self.rule(flag, For::All, rollout);
    }

    /// Sets a flag for one node.
    pub fn set_on(&self, node: &str, flag: &str, rollout: Rollout) {
        self.rule(flag, For::Node(node.to_owned()), rollout);
    }

    /// Sets a flag for one version.
    pub fn set_for_version(&self, version: &str, flag: &str, rollout: Rollout) {
        self.rule(flag, For::Version(version.to_owned()), rollout);
    }

    /// Whether a flag is on for a unit on a node (empty: none) of a version (empty: none).
    pub fn is_on(&self, flag: &str, unit: &str, node: &str, version: &str) -> bool {
        let whom = [For::Node(node.to_owned()), For::Version(version.to_owned()), For::All];
        self.state.with(|state| {
            let rules = &state.rules;
            let rule = whom.into_iter().find_map(|whom| rules.get(&(flag.to_owned(), whom)));
            rule.is_some_and(|rollout| bucket(flag, unit) < rollout.0)
        })
    }

    /// For [`Sim::always`]: since a flag was last set, each unit was told the same on all nodes.
    ///
    /// # Errors
    ///
    /// The first unit for which it was both on and off.
    pub fn one_answer_for_each(&self) -> Result<(), String> {
        self.state.with(|state| {
            let both = state.told.iter().find(|(_, answers)| answers.len() > 1);
            both.map_or(Ok(()), |((flag, unit), answers)| {
                Err(format!("{flag} is on at {} and off at {} for {unit}", answers[&true], answers[&false]))
            })
        })
    }

    fn rule(&self, flag: &str, whom: For, rollout: Rollout) {
        fact("flag", || format!("{flag} at {} % for {whom:?}", rollout.0));
        self.state.with(|state| {
            state.told.retain(|(of, _), _| of != flag);
            state.rules.insert((flag.to_owned(), whom), rollout);
        });
    }

    async fn handle(self, request: Incoming) -> Response {
        sleep(LATENCY).await;
        if strikes("flags.unavailable", || format!("GET {}", request.path)) {
            return Response::json(503, &json!({ "error": "try again later" }));
        }
        let (method, path) = request.route();
        let ("GET", ["flags", flag]) = (method, &path[..]) else {
            return Response::json(404, &json!({ "error": "get a flag at /flags/NAME" }));
        };
        let value = |name: &str| request.query_value(name).unwrap_or_default();
        let (unit, version) = (value("unit"), value("version"));
        let node = request.node().map(|node| node.name().to_string()).unwrap_or_default();
        let on = self.is_on(flag, &unit, &node, &version);
        self.state.with(|state| {
            let answers = state.told.entry(((*flag).to_owned(), unit)).or_default();
            answers.entry(on).or_insert(node);
        });
        Response::json(200, &json!({ "name": flag, "on": on }))
    }
}
