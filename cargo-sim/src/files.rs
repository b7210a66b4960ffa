//! Writing only what changed.
//!
//! Cargo and rustc decide by modification time what to build again, so a file with the same content
//! must not be touched, and a second call with nothing changed writes nothing at all.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;

/// The text of a file.
pub fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::io("read", path))
}

/// Writes `content` unless the file holds it already; says whether it wrote.
///
/// A symbolic link in the way is replaced, never written through: it leads into the user's tree.
pub fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool, Error> {
    let linked = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    if linked {
        fs::remove_file(path).map_err(Error::io("replace", path))?;
    } else if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    fs::write(path, content).map_err(Error::io("write", path))?;
    Ok(true)
}

/// Makes `path` a folder of its own (not a link to one).
pub fn make_folder(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => fs::remove_file(path).map_err(Error::io("replace", path))?,
        Err(_) => {}
    }
    fs::create_dir_all(path).map_err(Error::io("create", path))
}

/// Makes `link` lead to `original`, replacing whatever is there; says whether it wrote.
pub fn link(original: &Path, link: &Path) -> Result<bool, Error> {
    match fs::symlink_metadata(link) {
        Ok(found) if found.is_symlink() => {
            if fs::read_link(link).is_ok_and(|target| target == original) {
                return Ok(false);
            }
            fs::remove_file(link).map_err(Error::io("replace", link))?;
        }
        Ok(found) if found.is_dir() => fs::remove_dir_all(link).map_err(Error::io("replace", link))?,
        Ok(_) => fs::remove_file(link).map_err(Error::io("replace", link))?,
        Err(_) => {}
    }
    std::os::unix::fs::symlink(original, link).map_err(Error::io("link", link))?;
    Ok(true)
}

/// `path` without `.` and `..`, by its letters alone, as cargo does it: links are not followed.
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Scratch;

    #[test]
    fn the_same_content_is_not_written_twice() {
        let scratch = Scratch::new("files-write");
        let path = scratch.path().join("deep/a.txt");
        assert!(write_if_changed(&path, b"one").unwrap());
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(read(&path).unwrap(), "two");
    }

    #[test]
    fn a_link_is_replaced_and_its_target_left_alone() {
        let scratch = Scratch::new("files-link");
        let (users, ours) = (scratch.path().join("users.toml"), scratch.path().join("ours.toml"));
        fs::write(&users, "users").unwrap();
        assert!(link(&users, &ours).unwrap());
        assert!(!link(&users, &ours).unwrap());
        assert!(write_if_changed(&ours, b"ours").unwrap());
        assert_eq!(read(&users).unwrap(), "users");
        assert_eq!(read(&ours).unwrap(), "ours");
    }

    #[test]
    fn paths_are_normal_by_their_letters() {
        for (given, wanted) in [("/a/b/../c", "/a/c"), ("/a/./b/", "/a/b"), ("/a/b/../../c/d/..", "/c")] {
            assert_eq!(normal(Path::new(given)), Path::new(wanted), "{given}");
        }
    }
}
