//! The user's workspace as cargo sees it, before anything is resolved.
//!
//! `cargo metadata --no-deps` resolves nothing and so never writes a lock file; it costs 20 ms and knows
//! what only cargo knows: which manifest is the root, which packages are members, where `target` is.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::Error;
use crate::files::normal;

/// Where things are.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder of the root manifest.
    pub root: PathBuf,
    /// The members' folders and names, sorted by folder.
    pub members: Vec<Member>,
    /// The user's target folder.
    pub target: PathBuf,
}

/// A workspace member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The folder of its manifest.
    pub folder: PathBuf,
    /// The package's name.
    pub name: String,
    /// Its targets: what each is (`lib`, `bin`, `test`, …) and its name.
    pub targets: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    workspace_members: Vec<String>,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

impl Workspace {
    /// Asks cargo for the workspace of `manifest`, or of the current folder.
    ///
    /// # Errors
    ///
    /// When there is no manifest or cargo cannot read it: cargo's own words.
    pub fn locate(manifest: Option<&Path>, target: Option<&Path>) -> Result<Workspace, Error> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        if let Some(manifest) = manifest {
            command.arg("--manifest-path").arg(manifest);
        }
        let json = output(&mut command, "read the workspace", "")?;
        let mut workspace = Workspace::from_json(&json)?;
        if let Some(target) = target {
            let here = std::env::current_dir().map_err(Error::io("read", Path::new(".")))?;
            workspace.target = normal(&here.join(target));
        }
        Ok(workspace)
    }

    fn from_json(json: &str) -> Result<Workspace, Error> {
        let metadata: Metadata = serde_json::from_str(json)
            .map_err(|e| Error::Input(format!("cargo metadata gave something unexpected: {e}")))?;
        let mut members: Vec<Member> = metadata
            .packages
            .into_iter()
            .filter(|package| metadata.workspace_members.contains(&package.id))
            .filter_map(|package| {
                let kinds = |target: Target| Some((target.kind.into_iter().next()?, target.name));
                let targets = package.targets.into_iter().filter_map(kinds).collect();
                Some(Member {
                    folder: package.manifest_path.parent()?.to_owned(),
                    name: package.name,
                    targets,
                })
            })
            .collect();
        members.sort();
        Ok(Workspace { root: metadata.workspace_root, members, target: metadata.target_directory })
    }
}

/// The cargo that called us, or the one on the path, without the variables that describe *our* package
/// when we were started by `cargo run`.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_BIN_");
        if ours
            || matches!(&*text, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_CRATE_NAME" | "OUT_DIR")
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs `command` and gives what it printed.
pub fn output(command: &mut Command, step: &'static str, hint: &'static str) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(Error::io("run", &program))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stderr = stderr.trim().trim_start_matches("error: ").to_owned();
        return Err(Error::Cargo { step, stderr, hint });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_cargo_names() {
        let json = r#"{"workspace_root":"/w","target_directory":"/w/target","workspace_members":["b","a"],
            "packages":[{"id":"b","name":"beta","manifest_path":"/w/b/Cargo.toml"},
                        {"id":"x","name":"other","manifest_path":"/x/Cargo.toml"},
                        {"id":"a","name":"alpha","manifest_path":"/w/a/Cargo.toml"}]}"#;
        let workspace = Workspace::from_json(json).unwrap();
        let names: Vec<&str> = workspace.members.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["alpha", "beta"]);
        assert_eq!(workspace.root, Path::new("/w"));
    }
}
