//! Configuration of a fleet: environments, secrets, flags, versions; and a property that finds drift.
//!
//! ```
//! use sim_world::Fleet;
//! use sim_world::config::{Stage, Variable};
//! # fn example(sim: &sim_runtime::Sim) {
//! let fleet = Fleet::new(sim);
//! fleet.service("api", Stage::Live, &["api-1", "api-2"]);
//! fleet.declare(Variable::secret("SESSION_KEY"));
//! fleet.declare(Variable::secret("PAYMENT_KEY").live_prefix("sk_live_").test_prefix("sk_test_"));
//! fleet.declare(Variable::optional("GREETING"));
//! fleet.set("api", "PAYMENT_KEY", "sk_live_payments_1");
//! fleet.set_on("api-2", "SESSION_KEY", "s3cr3t");
//! let checked = fleet.clone();
//! sim.always("no configuration drift", move || checked.no_drift());
//! # }
//! ```
//!
//! The nodes see plain environment variables; a value may change while they are up ([`Fleet::set_after`]), and who
//! reads it again sees the new one. [`Fleet::drift`] looks at what is set, and at what the code *asked for*: the
//! simulation answers `getenv`, so it knows which variables a process looked for, did not find, and so has replaced by a
//! default of its own. Nothing needs to be declared for that. What counts as drift:
//!
//! | kind | when |
//! |---|---|
//! | [`Kind::Missing`] | a required variable is not set |
//! | [`Kind::Defaulted`] | the code asked for it, it is not set, and it sounds like a secret or is set on another node of the service |
//! | [`Kind::TestInLive`] | a value of test mode in a live service: by declared prefix, or `sk_test_…`, `pk_test_…`, `…sandbox…` |
//! | [`Kind::LiveInTest`] | a value of live mode in a service that is not live: by declared prefix, or `sk_live_…`, `pk_live_…` |
//! | [`Kind::Placeholder`] | a secret in a live service with a value such as `changeme` |
//! | [`Kind::Differs`] | nodes of one service have different values, and it was not declared to differ |
//!
//! Values of secrets are never shown.
//!
//! [`Flags`] is a service for feature flags: by percentage with sticky buckets, by node, by version.

mod drift;
mod flags;
mod fleet;
mod variable;

pub use drift::{Drift, Kind};
pub use flags::{Flags, Rollout, bucket};
pub use fleet::{Fleet, Stage};
pub use variable::Variable;
