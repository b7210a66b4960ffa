//! Running cargo in the shadow.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Call;
use crate::cli::Place;
use crate::error::Error;
use crate::shadow::prepare::Shadow;
use crate::shadow::workspace::cargo;

/// Becomes cargo; comes back only with the reason why not.
pub fn become_cargo(shadow: &Shadow, place: &Place, call: &Call) -> Error {
    let mut command = match in_shadow(shadow, place, call) {
        Ok(command) => command,
        Err(error) => return error,
    };
    // Crates that hash by address iterate alike in every run then.
    sim_host::process::fix_addresses();
    let source = command.exec();
    Error::Io { action: "run", path: command.get_program().into(), source }
}

/// The command: in the shadow of where the user stands, with its own target folder.
fn in_shadow(shadow: &Shadow, place: &Place, call: &Call) -> Result<Command, Error> {
    let mut command = cargo();
    let here = match place.manifest_path.as_deref().and_then(Path::parent) {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let here = here.canonicalize().map_err(Error::io("read", &here))?;
    command.current_dir(stand(shadow, &here));
    command.env("CARGO_TARGET_DIR", shadow.folder.target());
    command.env("CARGO_BUILD_BUILD_DIR", shadow.folder.target());
    let (names, options) = call.arguments.split_at(call.options_at());
    command.args(names);
    for config in &shadow.configs {
        command.arg("--config").arg(config);
    }
    command.args(options);
    // Failures go to the user's folder, and reports name `cargo sim` and not cargo, which would run the real thing.
    command.env("SIM_FAILURES", shadow.folder.failures());
    command.env("SIM_CARGO", place.repeated());
    command.envs(call.variables.iter().map(|(name, given)| (name, given)));
    Ok(command)
}

/// The folder to stand in: the shadow of the package the user stands in, else of the workspace root. Not
/// deeper: the folders below are links, and from the other end of a link cargo would find the real workspace.
fn stand(shadow: &Shadow, here: &Path) -> PathBuf {
    let package = here.ancestors().find(|above| shadow.packages.iter().any(|package| package == above));
    let inside = package.filter(|package| package.starts_with(&shadow.workspace.root));
    inside.and_then(|package| shadow.mirror.shadow(package)).unwrap_or_else(|| shadow.root())
}
