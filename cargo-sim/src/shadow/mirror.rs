//! The tree under `target/sim/tree`: manifests copied, everything else linked.
//!
//! Folders that hold a package, and those above them up to the deepest common one, are real; in them each
//! `Cargo.toml` is a copy and every other entry a link to the user's. So relative paths in manifests,
//! `include_str!`, build scripts and test data all lead where they did, an edit is seen at once, and cargo
//! never writes a manifest or a lock file of the user's.
//!
//! Left out: the root of the file system but for what leads to packages, `.git`, target folders, lock files (the shadow has its own), and a `.cargo` that cargo finds
//! anyway because it lies above `target/sim` (reading it twice would double its lists).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::closure::Closure;
use crate::error::Error;
use crate::files;

/// Where the user's folders have their shadows.
#[derive(Debug, Clone)]
pub struct Mirror {
    /// The deepest common folder of the user's packages.
    from: PathBuf,
    /// Its shadow.
    to: PathBuf,
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    Link(PathBuf),
    Copy(String),
    /// The shadow's own lock file: neither made nor removed here.
    Kept,
}

impl Mirror {
    /// The mirror of `closure` in the folder `to`.
    pub fn new(closure: &Closure, to: PathBuf) -> Mirror {
        Mirror { from: closure.common_folder(), to }
    }

    /// The shadow of a path of the user's, `None` when it lies outside.
    pub fn shadow(&self, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix(&self.from).ok()?;
        Some(if rest.as_os_str().is_empty() { self.to.clone() } else { self.to.join(rest) })
    }

    /// The deepest common folder of the user's packages.
    pub fn from(&self) -> &Path {
        &self.from
    }

    /// Brings the shadow up to date; gives the number of entries written or removed.
    ///
    /// # Errors
    ///
    /// When the shadow cannot be written.
    pub fn refresh(&self, closure: &Closure, sim_folder: &Path) -> Result<usize, Error> {
        let alone = closure.beside_a_lone_root();
        let mut changes = 0;
        let real = real_folders(&self.from, closure);
        for folder in &real {
            let shadow = self.shadow(folder).expect("real folders lie below the common one");
            files::make_folder(&shadow)?;
            let mut wanted = entries(folder, &real, closure, sim_folder)?;
            if let Some(manifest) = closure.manifests.get(folder) {
                let alone = alone.as_deref().filter(|_| *folder == closure.root);
                let text = manifest.clone().adapted(&|path| self.shadow(path), alone);
                wanted.insert("Cargo.toml".into(), Entry::Copy(text));
            }
            changes += apply(&shadow, &wanted)?;
        }
        Ok(changes)
    }
}

fn entries(
    folder: &Path,
    real: &BTreeSet<PathBuf>,
    closure: &Closure,
    sim_folder: &Path,
) -> Result<BTreeMap<String, Entry>, Error> {
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
        if real.contains(&path) {
            entries.insert(name, Entry::Folder);
        } else if folder.parent().is_some() && !left_out(&name, &path, sim_folder, closure) {
            entries.insert(name, Entry::Link(path));
        }
    }
    if folder == closure.root {
        entries.insert("Cargo.lock".into(), Entry::Kept);
    }
    Ok(entries)
}

fn left_out(name: &str, path: &Path, sim_folder: &Path, closure: &Closure) -> bool {
    let folder = path.parent().unwrap_or(path);
    match name {
        ".git" => true,
        ".cargo" => sim_folder.starts_with(folder),
        "Cargo.lock" => closure.manifests.contains_key(folder),
        _ => sim_folder.starts_with(path) || path.join("CACHEDIR.TAG").is_file(),
    }
}

/// The folders of `closure` and those between them and `from`, parents first.
fn real_folders(from: &Path, closure: &Closure) -> BTreeSet<PathBuf> {
    let mut real = BTreeSet::from([from.to_owned()]);
    for folder in closure.manifests.keys() {
        real.extend(folder.ancestors().take_while(|above| above.starts_with(from)).map(Path::to_owned));
    }
    real
}

/// Makes `folder` hold what is wanted. What is there and not wanted goes if it is a link or a manifest: other
/// files were written by the user's tests, which run here, and stay.
fn apply(folder: &Path, wanted: &BTreeMap<String, Entry>) -> Result<usize, Error> {
    let mut changes = 0;
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let name = entry.file_name();
        let known = name.to_str().is_some_and(|name| wanted.contains_key(name));
        let kind = entry.file_type().map_err(Error::io("read", &entry.path()))?;
        if !known && (kind.is_symlink() || name == "Cargo.toml") {
            fs::remove_file(entry.path()).map_err(Error::io("remove", &entry.path()))?;
            changes += 1;
        }
    }
    for (name, entry) in wanted {
        let path = folder.join(name);
        let changed = match entry {
            Entry::Folder | Entry::Kept => false,
            Entry::Link(original) => files::link(original, &path)?,
            Entry::Copy(text) => files::write_if_changed(&path, text.as_bytes())?,
        };
        changes += usize::from(changed);
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::workspace::{Member, Workspace};
    use crate::tests::Scratch;

    fn shop() -> (Scratch, Workspace) {
        let scratch = Scratch::new("mirror");
        scratch.write("ws/Cargo.toml", "[workspace]\nmembers = ['crates/*']\n");
        scratch.write("ws/Cargo.lock", "version = 4\n");
        scratch.write("ws/.git/HEAD", "ref");
        scratch.write("ws/.cargo/config.toml", "");
        scratch.write("ws/docs/page.md", "page");
        scratch.write("ws/target/CACHEDIR.TAG", "");
        scratch.write(
            "ws/crates/app/Cargo.toml",
            "[package]\nname = 'app'\n[dependencies]\nlib = { path = '../../../lib' }\n",
        );
        scratch.write("ws/crates/app/src/main.rs", "fn main() {}");
        scratch.write("lib/Cargo.toml", "[package]\nname = 'lib'\n");
        scratch.write("lib/src/lib.rs", "");
        let at = |path: &str| scratch.path().join(path);
        let members = vec![Member { folder: at("ws/crates/app"), name: "app".into(), targets: Vec::new() }];
        let workspace = Workspace { root: at("ws"), members, target: at("ws/target") };
        (scratch, workspace)
    }

    fn refresh(workspace: &Workspace) -> usize {
        let closure = Closure::of(workspace).unwrap();
        let sim = workspace.target.join("sim");
        let mirror = Mirror::new(&closure, sim.join("tree"));
        mirror.refresh(&closure, &sim).unwrap()
    }

    #[test]
    fn sources_are_linked_manifests_copied_the_rest_left_out() {
        let (scratch, workspace) = shop();
        assert!(refresh(&workspace) > 0);
        let tree = scratch.path().join("ws/target/sim/tree");
        let kind = |path: &str| match fs::symlink_metadata(tree.join(path)) {
            Ok(found) if found.is_symlink() => "link",
            Ok(found) if found.is_dir() => "folder",
            Ok(_) => "file",
            Err(_) => "absent",
        };
        for (path, wanted) in [
            ("ws/crates/app", "folder"),
            ("ws/crates/app/Cargo.toml", "file"),
            ("ws/crates/app/src", "link"),
            ("ws/docs", "link"),
            ("lib/src", "link"),
            ("lib/Cargo.toml", "file"),
            ("ws/Cargo.lock", "absent"),
            ("ws/.git", "absent"),
            ("ws/.cargo", "absent"),
            ("ws/target", "absent"),
        ] {
            assert_eq!(kind(path), wanted, "{path}");
        }
    }

    #[test]
    fn a_second_refresh_writes_nothing() {
        let (_scratch, workspace) = shop();
        refresh(&workspace);
        assert_eq!(refresh(&workspace), 0);
    }

    #[test]
    fn what_the_user_adds_appears_and_what_is_gone_goes() {
        let (scratch, workspace) = shop();
        refresh(&workspace);
        let tree = scratch.path().join("ws/target/sim/tree/ws");
        scratch.write("ws/proto/a.proto", "");
        fs::remove_dir_all(scratch.path().join("ws/docs")).unwrap();
        fs::write(tree.join("Cargo.lock"), "the shadow's own").unwrap();
        fs::write(tree.join("made-by-a-test.txt"), "kept").unwrap();
        assert_eq!(refresh(&workspace), 2);
        assert!(tree.join("proto/a.proto").exists());
        assert!(fs::symlink_metadata(tree.join("docs")).is_err());
        assert!(tree.join("Cargo.lock").exists() && tree.join("made-by-a-test.txt").exists());
    }

    #[test]
    fn a_config_is_linked_when_cargo_would_not_find_it() {
        let (scratch, mut workspace) = shop();
        workspace.target = scratch.path().join("elsewhere");
        refresh(&workspace);
        assert!(scratch.path().join("elsewhere/sim/tree/ws/.cargo/config.toml").exists());
    }
}
