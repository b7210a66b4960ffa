//! Histories and their judges.

mod anomalies;
mod calls;
mod defect;
mod engine;
mod mutants;
mod once;
mod random;
mod texts;
mod workload;
