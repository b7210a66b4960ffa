//! What a check may answer.

use std::fmt::Display;

/// What a check may answer: whether it holds, and if it does not, why.
pub trait Holds {
    /// Why it does not hold.
    ///
    /// # Errors
    ///
    /// The reason; empty when the check gave none.
    fn holds(self) -> Result<(), String>;
}

impl Holds for bool {
    fn holds(self) -> Result<(), String> {
        if self { Ok(()) } else { Err(String::new()) }
    }
}

impl<E: Display> Holds for Result<(), E> {
    fn holds(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}
