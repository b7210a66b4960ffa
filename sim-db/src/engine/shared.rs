//! The pointer under everything that forks share.
//!
//! A template is made once a process and forked by the runs of all threads, so what it holds crosses threads.

pub(crate) use std::sync::Arc as Shared;
