//! Reading and adapting the user's manifests.
//!
//! The shadow keeps every package at the same place relative to the others, so relative paths need no
//! change. Two things do: absolute paths into the mirrored tree, and a root package without `[workspace]`,
//! which would otherwise find the user's own workspace above `target/sim`. Edits keep the text's layout,
//! because cargo's messages quote lines.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, TableLike};

use crate::error::Error;
use crate::files::normal;

const KINDS: [&str; 5] =
    ["dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies"];

/// A manifest and the folder it lies in.
#[derive(Debug, Clone)]
pub struct Manifest {
    folder: PathBuf,
    document: DocumentMut,
}

impl Manifest {
    /// Parses `text`, the manifest in `folder`.
    ///
    /// # Errors
    ///
    /// When it is not TOML.
    pub fn parse(folder: &Path, text: &str) -> Result<Manifest, Error> {
        let document = text.parse::<DocumentMut>().map_err(|e| Error::Unreadable {
            path: folder.join("Cargo.toml"),
            reason: e.to_string().replace('\n', " ").trim().to_owned(),
        })?;
        Ok(Manifest { folder: folder.to_owned(), document })
    }

    /// Reads the manifest in `folder`.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is not TOML.
    pub fn read(folder: &Path) -> Result<Manifest, Error> {
        Manifest::parse(folder, &crate::files::read(&folder.join("Cargo.toml"))?)
    }

    /// Whether this is the root of a workspace.
    pub fn is_workspace_root(&self) -> bool {
        self.document.contains_key("workspace")
    }

    /// The text of a string such as `package.edition`.
    pub fn string(&self, table: &str, key: &str) -> Option<&str> {
        self.document.get(table)?.get(key)?.as_str()
    }

    /// The parsed document.
    pub fn document(&self) -> &DocumentMut {
        &self.document
    }

    /// The folders this manifest names by path, absolute and normal: its dependencies of every kind, its
    /// `[patch]` and `[replace]`, and those it takes over from `root`'s `[workspace.dependencies]`.
    pub fn paths(&self, root: Option<&Manifest>) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        each_dependency(&self.document, &mut |name, item| {
            if let Some(path) = item.get("path").and_then(Item::as_str) {
                paths.insert(normal(&self.folder.join(path)));
            } else if item.get("workspace").and_then(Item::as_bool) == Some(true)
                && let Some(root) = root
                && let Some(path) = root.shared(name).and_then(|item| item.get("path")?.as_str())
            {
                paths.insert(normal(&root.folder.join(path)));
            }
        });
        if let Some(patches) = self.document.get("patch").and_then(Item::as_table_like) {
            for (_, source) in patches.iter() {
                entries(Some(source), &mut |_, item| {
                    if let Some(path) = item.get("path").and_then(Item::as_str) {
                        paths.insert(normal(&self.folder.join(path)));
                    }
                });
            }
        }
        entries(self.document.get("replace"), &mut |_, item| {
            if let Some(path) = item.get("path").and_then(Item::as_str) {
                paths.insert(normal(&self.folder.join(path)));
            }
        });
        if let Some(path) = self.string("package", "workspace") {
            paths.insert(normal(&self.folder.join(path)));
        }
        paths
    }

    /// An entry of `[workspace.dependencies]`.
    pub fn shared(&self, name: &str) -> Option<&Item> {
        self.document.get("workspace")?.get("dependencies")?.get(name)
    }

    /// The text for the shadow: absolute paths go through `moved` (`None` leaves them), and with `alone` the
    /// package becomes its own workspace root which leaves out those folders.
    pub fn adapted(mut self, moved: &dyn Fn(&Path) -> Option<PathBuf>, alone: Option<&[String]>) -> String {
        rewrite_paths(self.document.as_table_mut(), moved);
        if let Some(excluded) = alone {
            let mut table = Table::new();
            if !excluded.is_empty() {
                table.insert("exclude", toml_edit::value(excluded.iter().collect::<Array>()));
            }
            self.document.insert("workspace", Item::Table(table));
        }
        self.document.to_string()
    }
}

/// Calls `see` with each entry of a table of dependencies.
fn entries(table: Option<&Item>, see: &mut dyn FnMut(&str, &Item)) {
    for (name, item) in table.and_then(Item::as_table_like).iter().flat_map(|table| table.iter()) {
        see(name, item);
    }
}

/// Calls `see` with each dependency of the package, of every kind and target.
pub fn each_dependency(document: &DocumentMut, see: &mut dyn FnMut(&str, &Item)) {
    for kind in KINDS {
        entries(document.get(kind), see);
    }
    if let Some(targets) = document.get("target").and_then(Item::as_table_like) {
        for (_, target) in targets.iter() {
            for kind in KINDS {
                entries(target.get(kind), see);
            }
        }
    }
}

/// Every absolute `path = "…"` anywhere in the manifest that `moved` has an answer for.
fn rewrite_paths(table: &mut dyn TableLike, moved: &dyn Fn(&Path) -> Option<PathBuf>) {
    for (key, item) in table.iter_mut() {
        let is_path = matches!(key.get(), "path" | "workspace");
        if let Some(text) = item.as_str() {
            let path = Path::new(text);
            if is_path
                && path.is_absolute()
                && let Some(new) = moved(&normal(path))
            {
                *item = toml_edit::value(new.to_string_lossy().into_owned());
            }
        } else if let Some(inner) = item.as_table_like_mut() {
            rewrite_paths(inner, moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        Manifest::parse(Path::new("/w/app"), text).unwrap()
    }

    fn check(text: &str, wanted: &[&str]) {
        let root =
            Manifest::parse(Path::new("/w"), "[workspace.dependencies]\nshared = { path = 'shared' }\n")
                .unwrap();
        let found: Vec<PathBuf> = manifest(text).paths(Some(&root)).into_iter().collect();
        assert_eq!(found, wanted.iter().map(PathBuf::from).collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn every_kind_of_path_is_seen() {
        check("[dependencies]\na = { path = '../a' }\nb = '1'\n", &["/w/a"]);
        check("[dependencies.a]\npath = '../../out'\n", &["/out"]);
        check("[dev-dependencies]\na = { path = 'nested/a' }\n", &["/w/app/nested/a"]);
        check("[target.'cfg(unix)'.build-dependencies]\na = { path = '/abs/a' }\n", &["/abs/a"]);
        check("[dependencies]\nshared = { workspace = true }\n", &["/w/shared"]);
        check("[dependencies]\nshared.workspace = true\nother.workspace = true\n", &["/w/shared"]);
        check(
            "[patch.crates-io]\na = { path = '../a' }\n[patch.'https://x']\nb.path = '../b'\n",
            &["/w/a", "/w/b"],
        );
        check("[package]\nname = 'x'\nworkspace = '..'\n", &["/w"]);
        check("[[bin]]\nname = 'x'\npath = 'src/x.rs'\n", &[]);
    }

    fn moved(path: &Path) -> Option<PathBuf> {
        path.strip_prefix("/w").ok().map(|rest| Path::new("/shadow").join(rest))
    }

    #[test]
    fn only_absolute_paths_into_the_tree_move() {
        let text = "# mine\n[dependencies]\na = { path = \"/w/a\" } # here\nb = { path = \"../b\" }\nc = { path = \"/else/c\" }\n";
        let wanted = text.replace("/w/a", "/shadow/a");
        assert_eq!(manifest(text).adapted(&moved, None), wanted);
    }

    #[test]
    fn a_lone_package_becomes_its_own_root() {
        let text = "[package]\nname = \"x\"\n";
        let shadow = manifest(text).adapted(&moved, Some(&["sub/dep".to_owned()]));
        assert_eq!(shadow, "[package]\nname = \"x\"\n\n[workspace]\nexclude = [\"sub/dep\"]\n");
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let error = Manifest::parse(Path::new("/w"), "[package\n").unwrap_err().to_string();
        assert!(error.starts_with("/w/Cargo.toml: ") && error.lines().count() == 1, "{error}");
    }
}
