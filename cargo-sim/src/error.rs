//! What can go wrong before cargo runs, each as one line that says what to do.
//!
//! Exit codes follow cargo's manners: 2 when the input has to change (options, lock file, tokio
//! version, target folder), 1 when the machine failed us. Once cargo runs, its code is passed on.

use std::path::{Path, PathBuf};

/// A reason not to run, told to the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options or the project as they stand cannot be run; the text says what to change.
    #[error("{0}")]
    Input(String),

    /// The tokio in the lock file is outside what the drop-in covers.
    #[error(
        "tokio {version} is locked, the drop-in replaces 1.47 and newer 1.x: \
         move the lock with `cargo update -p tokio --precise {suggested}`"
    )]
    UnsupportedTokio {
        /// The locked version.
        version: String,
        /// A version that works.
        suggested: &'static str,
    },

    /// A source of tokio does not look as the edit expects: nothing is guessed.
    #[error(
        "tokio {version}: {file} holds `{pattern}` {found} times where the drop-in expects it once: \
         this version of tokio needs a newer cargo-sim (checked up to {checked})"
    )]
    UnexpectedSource {
        /// The version being edited.
        version: String,
        /// The file inside tokio's package.
        file: &'static str,
        /// The text looked for.
        pattern: &'static str,
        /// How often it was found.
        found: usize,
        /// The newest version the edits were checked on.
        checked: &'static str,
    },

    /// The folder for the shadow workspace belongs to somebody else.
    #[error(
        "{} holds files that cargo sim did not make (no `{}` in it): move it away, or choose another \
         place with --target-dir",
        .path.display(), super::shadow::folder::MARKER
    )]
    ForeignFolder {
        /// The folder, `target/sim`.
        path: PathBuf,
    },

    /// Something below `target/sim` cannot be written.
    #[error("cannot write to {}: {source}: make it writable, or choose another place with --target-dir", .path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A manifest or another file could not be understood.
    #[error("{}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// Any other failure of the file system.
    #[error("{action} {}: {source}", .path.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// Cargo itself refused; its own words follow.
    #[error("cargo could not {step}: {stderr}{hint}")]
    Cargo {
        /// What it was asked for.
        step: &'static str,
        /// What it wrote.
        stderr: String,
        /// What may help, empty or a line of its own.
        hint: &'static str,
    },
}

impl Error {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Io { .. } => 1,
            _ => 2,
        }
    }

    /// A shorthand for file system failures; refused writes become [`Error::Unwritable`].
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let path = path.to_owned();
        move |source| match source.kind() {
            PermissionDenied | ReadOnlyFilesystem if action != "read" => Error::Unwritable { path, source },
            _ => Error::Io { action, path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_version_names_the_range_and_the_way_out() {
        let text = Error::UnsupportedTokio { version: "1.40.0".into(), suggested: "1.47.1" }.to_string();
        assert!(text.contains("1.40.0") && text.contains("1.47 and newer 1.x"), "{text}");
        assert!(text.contains("cargo update -p tokio --precise 1.47.1"), "{text}");
    }

    #[test]
    fn a_refused_write_is_told_from_other_failures() {
        let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = Error::io("create", Path::new("/t/sim"))(refused);
        assert!(error.to_string().contains("--target-dir"), "{error}");
        assert_eq!(error.exit_code(), 2);
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(Error::io("read", Path::new("/t/x"))(missing).exit_code(), 1);
    }

    #[test]
    fn every_message_is_one_line() {
        for error in [
            Error::Input("x".into()),
            Error::UnsupportedTokio { version: "1.2.3".into(), suggested: "1.47.1" },
            Error::ForeignFolder { path: "/t".into() },
            Error::UnexpectedSource {
                version: "1.60.0".into(),
                file: "a",
                pattern: "b",
                found: 0,
                checked: "c",
            },
        ] {
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }
}
