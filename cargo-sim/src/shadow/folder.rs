//! `target/sim`: what belongs to us, and proof that it does.
//!
//! A marker file is written first. A folder that is not empty and has no marker is somebody else's and is
//! never touched. Everything inside is made again from the user's tree and can be deleted at any time;
//! within the tree a stale or foreign entry is simply replaced. Only `failures` is not ours to delete: it holds what
//! failing tests left, those run by plain `cargo test` too.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;
use crate::tokio::drop_in::Services;

/// The file that says the folder is ours.
pub const MARKER: &str = ".made-by-cargo-sim";

/// The folder of failure files: the runtime's, whoever calls it.
const FAILURES: &str = "failures";

/// The folder `target/sim` and the places in it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder below the user's target folder; nothing is made yet.
    ///
    /// Links on the way are followed: cargo, standing in the shadow, looks for configuration above the real
    /// place.
    pub fn below(target: &Path) -> Folder {
        let real = target.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        let target = match real {
            Some((above, real)) => real.join(target.strip_prefix(above).unwrap_or(Path::new(""))),
            None => target.to_owned(),
        };
        Folder { root: target.components().collect::<PathBuf>().join("sim") }
    }

    /// `target/sim` itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The shadow of the user's tree.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// Cargo's target folder for the shadow.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The configuration that puts the drop-in in tokio's place. Cargo finds it because it lies in a
    /// parent of the shadow, so every cargo command run there sees it, and the manifests stay as they are.
    pub fn config(&self) -> PathBuf {
        self.root.join(".cargo/config.toml")
    }

    /// What was prepared, and from which files.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// Where failing tests leave their failure files.
    pub fn failures(&self) -> PathBuf {
        self.root.join(FAILURES)
    }

    /// The renamed copy of tokio.
    pub fn real_tokio(&self, version: &str) -> PathBuf {
        self.root.join(format!("real-tokio-{version}"))
    }

    /// The package named `tokio` that is ours: one for each choice of services, so that what was built with one is
    /// still there after a call with another.
    pub fn drop_in(&self, version: &str, services: Services) -> PathBuf {
        let suffix = if services.postgres { "-postgres" } else { "" };
        self.root.join(format!("tokio-{version}{suffix}"))
    }

    /// Takes the folder, making it if need be; the lock is held until the file is dropped, so that two
    /// calls at once prepare one after the other.
    ///
    /// # Errors
    ///
    /// When it is not ours, or cannot be written.
    pub fn take(&self) -> Result<File, Error> {
        self.refuse_foreign()?;
        fs::create_dir_all(&self.root)
            .map_err(|source| Error::Unwritable { path: self.root.clone(), source })?;
        let marker = self.root.join(MARKER);
        if !marker.exists() {
            let text = "Made by `cargo sim`. Everything here can be deleted: `cargo sim clean`.\n";
            files::write_if_changed(&marker, text.as_bytes())?;
            let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by cargo sim: backups may leave it out.\n";
            files::write_if_changed(&self.root.join("CACHEDIR.TAG"), tag.as_bytes())?;
        }
        let lock = File::options().write(true).open(&marker).map_err(Error::io("write", &marker))?;
        lock.lock().map_err(Error::io("lock", &marker))?;
        Ok(lock)
    }

    /// Deletes all but the failure files; says whether there was anything.
    ///
    /// # Errors
    ///
    /// When it is not ours, or cannot be deleted.
    pub fn remove(&self) -> Result<bool, Error> {
        self.refuse_foreign()?;
        let Some(entries) = self.entries()? else { return Ok(false) };
        for path in &entries {
            let is_folder = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
            let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            removed.map_err(Error::io("delete", path))?;
        }
        // Stays when it holds failures.
        let emptied = fs::remove_dir(&self.root).is_ok();
        Ok(emptied || !entries.is_empty())
    }

    /// What is in the folder besides failure files; nothing when there is no folder.
    fn entries(&self) -> Result<Option<Vec<PathBuf>>, Error> {
        let entries = match fs::read_dir(&self.root) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::io("read", &self.root))?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io("read", &self.root))?;
            if entry.file_name() != FAILURES {
                paths.push(entry.path());
            }
        }
        // The marker last: a deletion that was interrupted can be taken up again.
        paths.sort_by_key(|path| path.ends_with(MARKER));
        Ok(Some(paths))
    }

    fn refuse_foreign(&self) -> Result<(), Error> {
        let foreign = || Error::ForeignFolder { path: self.root.clone() };
        match fs::symlink_metadata(&self.root) {
            Err(_) => return Ok(()),
            Ok(found) if !found.is_dir() => return Err(foreign()),
            Ok(_) => {}
        }
        if self.root.join(MARKER).is_file() {
            return Ok(());
        }
        if self.entries()?.is_some_and(|entries| !entries.is_empty()) { Err(foreign()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Scratch;

    #[test]
    fn a_fresh_folder_is_taken_and_taken_again() {
        let scratch = Scratch::new("folder-fresh");
        let folder = Folder::below(scratch.path());
        drop(folder.take().unwrap());
        drop(folder.take().unwrap());
        assert!(folder.remove().unwrap());
        assert!(!folder.remove().unwrap());
    }

    #[test]
    fn a_foreign_folder_is_neither_used_nor_deleted() {
        let scratch = Scratch::new("folder-foreign");
        let folder = Folder::below(scratch.path());
        fs::create_dir(folder.root()).unwrap();
        fs::write(folder.root().join("thesis.tex"), "years of work").unwrap();
        assert!(matches!(folder.take(), Err(Error::ForeignFolder { .. })));
        assert!(matches!(folder.remove(), Err(Error::ForeignFolder { .. })));
        assert!(folder.root().join("thesis.tex").exists());
    }

    #[test]
    fn failures_are_not_foreign_and_outlive_a_cleaning() {
        let scratch = Scratch::new("folder-failures");
        scratch.write("sim/failures/a.failure", "sim failure");
        let folder = Folder::below(scratch.path());
        drop(folder.take().unwrap());
        assert!(folder.remove().unwrap());
        assert!(folder.failures().join("a.failure").exists() && !folder.root().join(MARKER).exists());
        assert!(!folder.remove().unwrap());
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_foreign() {
        let scratch = Scratch::new("folder-file");
        fs::write(scratch.path().join("sim"), "").unwrap();
        assert!(matches!(Folder::below(scratch.path()).take(), Err(Error::ForeignFolder { .. })));
    }
}
