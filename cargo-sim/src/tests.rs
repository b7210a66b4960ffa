//! A folder for tests that need files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A fresh folder, removed at the end.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A folder with this in its name, for people who look for what a test left.
    pub fn new(name: &str) -> Scratch {
        let base = std::env::temp_dir().canonicalize().expect("there is a temporary folder");
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("cargo-sim-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        Scratch { path }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .expect("folders can be made");
        std::fs::write(path, text).expect("a file can be written");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
