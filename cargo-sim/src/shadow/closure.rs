//! All packages that are reached by path, inside the workspace and outside.
//!
//! They are found by reading manifests, not by `cargo metadata`, which would write a missing lock file into
//! the user's tree. Packages outside the workspace are mirrored too: one of them may depend by path on a
//! member, and if it saw the user's member instead of the shadow's there would be two of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::workspace::Workspace;
use crate::error::Error;

/// The manifests of a workspace and of all it reaches by path, by folder.
#[derive(Debug)]
pub struct Closure {
    /// The folder of the user's workspace root.
    pub root: PathBuf,
    /// Each manifest, by its folder: packages and workspace roots.
    pub manifests: BTreeMap<PathBuf, Manifest>,
}

impl Closure {
    /// Follows the paths from `workspace`'s root and members.
    ///
    /// # Errors
    ///
    /// When a manifest cannot be read. A path that leads nowhere is left for cargo to complain about.
    pub fn of(workspace: &Workspace) -> Result<Closure, Error> {
        let mut manifests: BTreeMap<PathBuf, Manifest> = BTreeMap::new();
        let mut waiting: Vec<PathBuf> = vec![workspace.root.clone()];
        waiting.extend(workspace.members.iter().map(|member| member.folder.clone()));
        while let Some(folder) = waiting.pop() {
            if manifests.contains_key(&folder) || !folder.join("Cargo.toml").is_file() {
                continue;
            }
            let manifest = Manifest::read(&folder)?;
            let is_root = manifest.is_workspace_root() || folder == workspace.root;
            let root = if is_root { None } else { root_above(&folder)? };
            let shared = root.as_ref().map(|(_, root)| root);
            waiting.extend(manifest.paths(shared.or(Some(&manifest))));
            waiting.extend(root.map(|(folder, _)| folder));
            manifests.insert(folder, manifest);
        }
        Ok(Closure { root: workspace.root.clone(), manifests })
    }

    /// The deepest folder that holds all of them.
    pub fn common_folder(&self) -> PathBuf {
        let mut common = self.root.clone();
        for folder in self.manifests.keys() {
            while !folder.starts_with(&common) {
                common.pop();
            }
        }
        common
    }

    /// When the root is a package without `[workspace]`: the other packages below it, relative, which must
    /// not become members of the workspace it is given.
    pub fn beside_a_lone_root(&self) -> Option<Vec<String>> {
        if self.manifests.get(&self.root)?.is_workspace_root() {
            return None;
        }
        let below = self.manifests.keys().filter_map(|folder| folder.strip_prefix(&self.root).ok());
        let named: BTreeSet<String> = below.map(|path| path.to_string_lossy().into_owned()).collect();
        Some(named.into_iter().filter(|path| !path.is_empty()).collect())
    }
}

/// The workspace root above a package, as cargo looks for it.
fn root_above(folder: &Path) -> Result<Option<(PathBuf, Manifest)>, Error> {
    for above in folder.ancestors().skip(1) {
        if !above.join("Cargo.toml").is_file() {
            continue;
        }
        let manifest = Manifest::read(above)?;
        if manifest.is_workspace_root() {
            return Ok(Some((above.to_owned(), manifest)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::workspace::Member;
    use crate::tests::Scratch;

    fn closure(scratch: &Scratch, root: &str, members: &[&str]) -> Closure {
        let at = |path: &str| crate::files::normal(&scratch.path().join(path));
        let members = members
            .iter()
            .map(|m| Member { folder: at(m), name: (*m).to_owned(), targets: Vec::new() })
            .collect();
        Closure::of(&Workspace { root: at(root), members, target: at("target") }).unwrap()
    }

    fn folders(closure: &Closure, scratch: &Scratch) -> Vec<String> {
        let relative =
            |path: &PathBuf| path.strip_prefix(scratch.path()).unwrap().to_string_lossy().into_owned();
        closure.manifests.keys().map(relative).collect()
    }

    #[test]
    fn paths_lead_out_of_the_workspace_and_back() {
        let scratch = Scratch::new("closure-out");
        scratch.write("ws/Cargo.toml", "[workspace]\nmembers = ['app', 'core']\n");
        scratch.write("ws/app/Cargo.toml", "[dependencies]\nlib = { path = '../../other/lib' }\n");
        scratch.write("ws/core/Cargo.toml", "[package]\nname = 'core'\n");
        scratch.write("other/Cargo.toml", "[workspace]\nmembers = ['lib']\n[workspace.dependencies]\nback = { path = '../ws/core' }\nunused = { path = 'unused' }\n");
        scratch.write("other/lib/Cargo.toml", "[dependencies]\nback = { workspace = true }\n");
        scratch.write("other/unused/Cargo.toml", "[package]\nname = 'unused'\n");
        let closure = closure(&scratch, "ws", &["ws/app"]);
        assert_eq!(folders(&closure, &scratch), ["other", "other/lib", "ws", "ws/app", "ws/core"]);
        assert_eq!(closure.common_folder(), scratch.path());
        assert_eq!(closure.beside_a_lone_root(), None);
    }

    #[test]
    fn a_lone_package_leaves_out_what_lies_below_it() {
        let scratch = Scratch::new("closure-lone");
        scratch.write(
            "Cargo.toml",
            "[package]\nname = 'x'\n[dependencies]\na = { path = 'crates/a' }\ngone = { path = 'gone' }\n",
        );
        scratch.write("crates/a/Cargo.toml", "[package]\nname = 'a'\n");
        let closure = closure(&scratch, ".", &["."]);
        assert_eq!(closure.beside_a_lone_root(), Some(vec!["crates/a".to_owned()]));
    }
}
