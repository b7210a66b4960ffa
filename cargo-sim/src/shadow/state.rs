//! Whether anything changed since the shadow was prepared.
//!
//! Resolving twice costs most of a second; looking at the length and time of the files that decide the result
//! costs a millisecond.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::tokio::drop_in::Services;

/// What was prepared and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The files that decided it, each with a stamp that changes when it does.
    pub inputs: BTreeMap<PathBuf, String>,
    /// What was made of them, stamped in the same way: a change there was somebody else's.
    pub outputs: BTreeMap<PathBuf, String>,
    /// The version of tokio that was replaced; nothing when there was none.
    pub tokio: Option<String>,
    /// The services the drop-in can have.
    pub services: Services,
    /// What the user was told, to be told again.
    pub notes: Vec<String>,
}

/// One stamp for all files below a folder.
pub fn stamp_below(folder: &Path) -> String {
    let (mut files, mut bytes, mut latest) = (0_u64, 0_u64, (0, 0));
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                folders.push(entry.path());
            } else {
                (files, bytes) = (files + 1, bytes + found.len());
                latest = latest.max((found.mtime(), found.mtime_nsec()));
            }
        }
    }
    format!("{files} files {bytes} {}.{:09}", latest.0, latest.1)
}

/// The length and time of a file, or that there is none.
pub fn stamp(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(found) => format!("{} {}.{:09} {}", found.len(), found.mtime(), found.mtime_nsec(), found.ino()),
        Err(_) => "absent".to_owned(),
    }
}

impl State {
    /// The saved state, if it can be read and every input and output is as it was.
    pub fn unchanged(saved: &Path, inputs: &BTreeMap<PathBuf, String>) -> Option<State> {
        let state: State = serde_json::from_str(&fs::read_to_string(saved).ok()?).ok()?;
        // Inputs that only the resolution brought up, such as the user's own sim, are in the saved list alone.
        let same = inputs.iter().all(|(path, stamp)| state.inputs.get(path) == Some(stamp));
        let rest = state.inputs.iter().all(|(path, saved)| *saved == stamp(path));
        let outputs = state
            .outputs
            .iter()
            .all(|(path, saved)| *saved == if path.is_dir() { stamp_below(path) } else { stamp(path) });
        (same && rest && outputs).then_some(state)
    }

    /// Saves it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(self).expect("a state is plain data");
        files::write_if_changed(path, json.as_bytes()).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Scratch;

    #[test]
    fn a_changed_a_new_and_a_vanished_file_are_seen() {
        let scratch = Scratch::new("state");
        let saved = scratch.path().join("state.json");
        let inputs = || {
            ["a", "b"].map(|name| scratch.path().join(name)).map(|path| (path.clone(), stamp(&path))).into()
        };
        scratch.write("a", "one");
        let with = |outputs| State {
            inputs: inputs(),
            outputs,
            tokio: Some("1.54.1".into()),
            services: Services::default(),
            notes: Vec::new(),
        };
        let state = with(BTreeMap::new());
        assert_eq!(State::unchanged(&saved, &inputs()), None);
        state.save(&saved).unwrap();
        assert_eq!(State::unchanged(&saved, &inputs()), Some(state));
        for change in ["a", "b"] {
            scratch.write(change, "other text");
            assert_eq!(State::unchanged(&saved, &inputs()), None, "{change}");
            with(BTreeMap::new()).save(&saved).unwrap();
            assert!(State::unchanged(&saved, &inputs()).is_some(), "{change}");
        }
        fs::remove_file(scratch.path().join("a")).unwrap();
        assert_eq!(State::unchanged(&saved, &inputs()), None);

        scratch.write("out/deep/file.rs", "made");
        let made = scratch.path().join("out");
        with(BTreeMap::from([(made.clone(), stamp_below(&made))])).save(&saved).unwrap();
        assert!(State::unchanged(&saved, &inputs()).is_some());
        scratch.write("out/deep/file.rs", "meddled with");
        assert_eq!(State::unchanged(&saved, &inputs()), None);
    }
}
