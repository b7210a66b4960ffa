//! Histories of what clients saw and did, and the judges that read them.
//!
//! Nothing here knows a runtime, a store or a network: a history is plain data, fed by our engine, by a proxy
//! in front of a real server, by a test or from a [file](History::from_text), and judged the same way.
//!
//! * [`History`]: who read which version and wrote what, per transaction and causing request; [`operation`] has the words.
//! * [`judge`] with [`Promises`]: isolation anomalies by Adya's classes, the smallest cycle with one reason an edge.
//! * [`linearizable()`]: whether calls on a register, or on a [`Model`] of your own, look atomic.
//! * [`Effects`]: exactly once, with lost answers.
//!
//! **Two questions to one history.** *Did the database keep its word?* ([`Promises::postgres`]: each transaction at the level it asked
//! for, in real time.) And *what went wrong in the application?* ([`Promises::serializable`]: as if everybody had asked
//! for serializable; finds the lost update that read committed allows, and says which level would have refused it.)
//!
//! **Versions, not values.** Elle (Kingsbury and Alvaro, VLDB 2020) infers from values which versions there were and in which order. Our
//! wire and engine know both, so nothing need be inferred, reads need no lists, and predicate reads can be judged.
//! For histories from outside [`VersionOrder::Inferred`] uses what is certain.
//!
//! **Why not the crate `adya`** (0.1.0, an independent Elle). It is a good black-box checker, and was run on the histories of our deliberately
//! broken engines (figures in `tests/history/README.md`). But it has one level for a whole history where PostgreSQL
//! has one for each transaction; no predicate reads, so no phantoms (its own stated limit); no session or statement order below a transaction, so at
//! read committed no stale, fractured or non-monotonic reads; no transaction of one history that undoes part of its
//! writes; explanations by index and JSON value. It reads the real clock to bound its search and iterates hash maps, so the same
//! history may be answered differently, and it brings clap and serde. The graph search it would have saved us is one file here.
//!
//! Sources: A. Adya, *Weak Consistency: A Generalized Theory and Optimistic Implementations for Distributed Transactions*, MIT 1999; A. Adya, B. Liskov, P. O'Neil,
//! *Generalized Isolation Level Definitions*, ICDE 2000; K. Kingsbury, P. Alvaro, *Elle*, VLDB 2020; D. Ports, K. Grittner, *Serializable Snapshot
//! Isolation in PostgreSQL*, VLDB 2012; PostgreSQL manual, chapter 13.2.

pub mod anomaly;
mod cycle;
mod dependency;
pub mod exactly_once;
mod finding;
mod freshness;
mod judge;
pub mod linearizable;
pub mod operation;
mod promise;
mod record;
mod text;
mod transaction;
mod version_order;
mod visibility;

pub use anomaly::Anomaly;
pub use dependency::Dependency;
pub use exactly_once::{Certainty, Effects, OnceFinding, Told};
pub use finding::{Finding, LINES_MAX};
pub use judge::{Verdict, judge};
pub use linearizable::{Call, Linearizability, Model, linearizable};
pub use operation::*;
pub use promise::{Order, Promises};
pub use record::{Cause, History};
pub use text::ParseError;
