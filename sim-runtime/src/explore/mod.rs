//! Running a scenario many times: sweep, replay, shrink, confirm.
//!
//! All of it sees a scenario as *tape in, outcome out* ([`run`]), so each is written once and knows
//! nothing of networks or stores. What a run is made of is a [`Request`]; what it left is a
//! [`Ended`](crate::sim::Ended).

mod confirm;
mod diagnose;
mod divergence;
mod failure;
mod folder;
mod replay;
mod run;
mod scenario;
mod settings;
mod shrink;
mod sweep;
mod verdict;

pub use confirm::{Confirmation, alone, answer_parent, confirm};
pub use diagnose::{Diagnosis, Nearest, diagnose};
pub use divergence::{Divergence, twice};
pub use failure::{FORMAT, Failure, FailureError};
pub(crate) use folder::displayed;
pub use folder::failure_folder;
pub use replay::{Replayed, judge};
pub use run::{Isolation, Request, Runner, run_aside};
pub use scenario::{Rerun, Scenario};
pub use settings::{Extent, Settings, SettingsError};
pub use shrink::{Effort, Shrunk, Tried, shrink};
pub use sweep::{Found, Progress, Silent, Sweep, sweep};
pub use verdict::{Leak, Verdict};

/// The version of this crate, which failure files are stamped with: a change of tape encoding,
/// lane names or digest changes it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
