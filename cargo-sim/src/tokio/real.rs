//! The copy of the locked tokio named `real-tokio`, made on the user's machine from the sources cargo has
//! already fetched; nothing of tokio is shipped with us.
//!
//! The library inside keeps the name `tokio`, so that type names and backtraces read as they always do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, value};

use super::edits;
use crate::error::Error;
use crate::files;

/// The package name of the copy.
pub const NAME: &str = "real-tokio";

/// Copies the package at `source` to `target` with the name and the sources changed; files that are right
/// already are not touched.
///
/// # Errors
///
/// When a source does not look as expected (named), or the copy cannot be written.
pub fn copy(version: &str, source: &Path, target: &Path) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let mut written = BTreeSet::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        let from = source.join(&folder);
        for entry in fs::read_dir(&from).map_err(Error::io("read", &from))? {
            let entry = entry.map_err(Error::io("read", &from))?;
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
                continue;
            }
            let content = fs::read(entry.path()).map_err(Error::io("read", &entry.path()))?;
            let name = path.to_string_lossy().into_owned();
            let content = match String::from_utf8(content) {
                Ok(text) => edits::apply(version, &name, &text)?.into_bytes(),
                Err(raw) => raw.into_bytes(),
            };
            files::write_if_changed(&target.join(&path), &content)?;
            seen.insert(name);
            written.insert(path);
        }
    }
    if let Some(missing) = edits::EDITS.iter().find(|edit| !seen.contains(edit.file)) {
        return Err(edits::unexpected(version, missing, 0));
    }
    files::write_if_changed(&target.join("src/sim.rs"), edits::SEAM.as_bytes())?;
    written.insert("src/sim.rs".into());
    remove_others(target, &written)?;
    let manifest_path = source.join("Cargo.toml");
    let manifest = manifest(&files::read(&manifest_path)?)
        .map_err(|reason| Error::Unreadable { path: manifest_path, reason })?;
    files::write_if_changed(&target.join("Cargo.toml"), manifest.as_bytes())?;
    Ok(())
}

/// The copy's manifest: another name, its own workspace, and nothing that only tokio's developers need.
fn manifest(text: &str) -> Result<String, String> {
    let mut document = text.parse::<DocumentMut>().map_err(|e| e.to_string())?;
    let package = document.get_mut("package").and_then(Item::as_table_like_mut).ok_or("no [package]")?;
    package.insert("name", value(NAME));
    package.insert("publish", value(false));
    for key in ["readme", "metadata"] {
        package.remove(key);
    }
    for key in ["test", "bench", "example", "bin", "dev-dependencies", "lints", "workspace"] {
        document.remove(key);
    }
    if let Some(targets) = document.get_mut("target").and_then(Item::as_table_like_mut) {
        for (_, target) in targets.iter_mut() {
            target.as_table_like_mut().map(|target| target.remove("dev-dependencies"));
        }
    }
    document.insert("workspace", Item::Table(toml_edit::Table::new()));
    Ok(document.to_string())
}

/// Removes source files of an earlier copy that do not belong any more.
fn remove_others(target: &Path, wanted: &BTreeSet<PathBuf>) -> Result<(), Error> {
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        let at = target.join(&folder);
        for entry in fs::read_dir(&at).map_err(Error::io("read", &at))? {
            let entry = entry.map_err(Error::io("read", &at))?;
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if !wanted.contains(&path) {
                fs::remove_file(entry.path()).map_err(Error::io("remove", &entry.path()))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Scratch;

    const MANIFEST: &str = "[package]\nname = \"tokio\"\nversion = \"1.54.1\"\nreadme = \"README.md\"\n\n[features]\nrt = []\n\n\
        [lib]\nname = \"tokio\"\npath = \"src/lib.rs\"\n\n[[test]]\nname = \"x\"\npath = \"tests/x.rs\"\n\n\
        [dependencies.bytes]\nversion = \"1\"\noptional = true\n\n[dev-dependencies.futures]\nversion = \"0.3\"\n\n\
        [target.'cfg(unix)'.dependencies.libc]\nversion = \"0.2\"\n\n[target.'cfg(unix)'.dev-dependencies.nix]\nversion = \"0.31\"\n";

    #[test]
    fn the_manifest_keeps_features_library_and_dependencies() {
        let text = manifest(MANIFEST).unwrap();
        for kept in [
            "name = \"real-tokio\"",
            "version = \"1.54.1\"",
            "[lib]\nname = \"tokio\"",
            "rt = []",
            "bytes",
            "libc",
            "[workspace]",
        ] {
            assert!(text.contains(kept), "{kept} in\n{text}");
        }
        for gone in ["[[test]]", "futures", "dependencies.nix", "README"] {
            assert!(!text.contains(gone), "{gone} in\n{text}");
        }
    }

    fn package(scratch: &Scratch) {
        scratch.write("tokio/Cargo.toml", MANIFEST);
        scratch.write("tokio/src/lib.rs", "mod macros;\n");
        for edit in edits::EDITS {
            let all = edits::EDITS.iter().filter(|other| other.file == edit.file);
            let text: String = all.map(|edit| format!("{}\n", edit.pattern)).collect();
            scratch.write(&format!("tokio/{}", edit.file), &text);
        }
    }

    #[test]
    fn the_copy_is_edited_and_a_second_one_removes_what_is_old() {
        let scratch = Scratch::new("real-copy");
        package(&scratch);
        let (source, target) = (scratch.path().join("tokio"), scratch.path().join("real"));
        copy("1.54.1", &source, &target).unwrap();
        scratch.write("real/src/old.rs", "");
        copy("1.54.1", &source, &target).unwrap();
        assert!(!target.join("src/old.rs").exists() && target.join("src/sim.rs").exists());
        assert!(files::read(&target.join("src/task/coop/mod.rs")).unwrap().starts_with("pub fn budget"));
        assert!(files::read(&source.join("src/task/coop/mod.rs")).unwrap().starts_with("pub(crate)"));
    }

    #[test]
    fn a_missing_file_is_named() {
        let scratch = Scratch::new("real-missing");
        package(&scratch);
        fs::remove_file(scratch.path().join("tokio/src/sync/mpsc/bounded.rs")).unwrap();
        let error = copy("1.90.0", &scratch.path().join("tokio"), &scratch.path().join("real")).unwrap_err();
        assert!(error.to_string().contains("bounded.rs") && error.to_string().contains("1.90.0"), "{error}");
    }
}
