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

impl Finish for std::convert::Infallible {
    fn finish(self) -> Result<(), String> {
        match self {}
    }
}

impl<T, E: Debug> Finish for Result<T, E> {
    fn finish(self) -> Result<(), String> {
        self.map(drop).map_err(|error| format!("{error:?}"))
    }
}
