//! Where failure files go.

use std::env;
use std::path::{Path, PathBuf};

/// `sim/failures` in cargo's target folder if this program lies in one, else in the working folder;
/// `SIM_FAILURES` names another.
pub fn failure_folder() -> PathBuf {
    if let Some(folder) = sim_host::real::variable("SIM_FAILURES") {
        return PathBuf::from(folder);
    }
    let program = env::current_exe().unwrap_or_default();
    // Cargo marks its target folder with this file.
    let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map_or_else(PathBuf::new, Path::to_path_buf).join("sim").join("failures")
}

/// The path as a person in the working folder would write it.
pub(crate) fn displayed(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
