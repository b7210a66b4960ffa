//! What a failure tells, on a terminal, in at most 40 lines.
//!
//! In this order: the property in domain words and when it became false; the minimal trigger; the
//! timeline that leads there; the nearest run that passes; the commands. It reads what is known
//! and never runs anything.

mod terminal;
mod timeline;

pub use terminal::render;
pub use timeline::timeline_line;
