//! The pointer under everything that forks share.
//!
//! Values are of one thread (`Rc`), so a template is too. Should values become
//! `Send`, this line is all that keeps a template from crossing threads.

pub(crate) use std::rc::Rc as Shared;
