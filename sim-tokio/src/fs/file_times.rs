//! Times to set on a file.

use std::time::SystemTime;

/// Times to set on a file.
#[derive(Copy, Clone, Debug, Default)]
pub struct FileTimes(pub(super) std::fs::FileTimes);

impl FileTimes {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// When it was last read.
    #[must_use]
    pub fn set_accessed(self, t: SystemTime) -> Self {
        Self(self.0.set_accessed(t))
    }

    /// When it was last written.
    #[must_use]
    pub fn set_modified(self, t: SystemTime) -> Self {
        Self(self.0.set_modified(t))
    }
}
