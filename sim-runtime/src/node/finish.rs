//! What a scenario and the main function of a node may answer.

use std::fmt::Debug;

/// What a scenario or a node's main function may return: nothing, or a result whose error fails the run.
pub trait Finish {
    /// The failure, if it is one, in words.
    ///
    /// # Errors
    ///
    /// What failed.
    fn finish(self) -> Result<(), String>;
}

impl Finish for () {
    fn finish(self) -> Result<(), String> {
        Ok(())
    }
}

/// The type of what never returns, `!`, which stable Rust cannot name: a server's main function that loops for ever.
type Never = <fn() -> ! as Returns>::Output;

/// Leads from the type of a function to what it returns.
#[doc(hidden)]
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

impl Finish for Never {
    fn finish(self) -> Result<(), String> {
        self
    }
}

impl<T, E: Debug> Finish for Result<T, E> {
    fn finish(self) -> Result<(), String> {
        self.map(drop).map_err(|error| format!("{error:?}"))
    }
}
