//! Deterministic simulation testing for ordinary backend services.
