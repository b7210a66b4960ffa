//! What a failure tells: on a terminal in at most 40 lines, and whatever is asked of a saved one.
//!
//! In this order: the property in domain words and when it became false; the minimal trigger; the two operations that raced; the
//! timeline that leads there; the nearest run that passes; the commands. It reads what is known and never runs anything.

mod access;
mod evidence;
mod page;
mod race;
mod requests;
mod statements;
mod terminal;
mod timeline;

pub use evidence::Evidence;
pub use page::page;
pub use requests::{entity, request};
pub use statements::statements;
pub use terminal::{render, saved};
pub use timeline::timeline_line;
