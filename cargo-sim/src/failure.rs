//! Failure files: which test they belong to, and running it again.
//!
//! A failure file is plain text. Its first lines are a header, `key: value` each, up to an empty line; what
//! follows is the runtime's and is not looked at here.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use crate::arguments;
use crate::cli::{Failure, Test};
use crate::error::Error;
use crate::{files, prepare, run};

/// What to do with the failing run.
#[derive(Debug, Clone, Copy)]
pub enum Again {
    /// The same run once more.
    Replay,
    /// Ever smaller runs.
    Shrink,
}

/// Runs the failing test again.
pub fn again(again: Again, failure: &Failure) -> Result<ExitCode, Error> {
    let file = failure.file.canonicalize().map_err(Error::io("read", &failure.file))?;
    let header = Header::parse(&file, &files::read(&file)?)?;
    let mut test = Test { place: failure.place.clone(), ..Test::default() };
    test.filters = vec![header.test.clone()];
    test.passed_on = vec!["--exact".into(), "--nocapture".into()];
    test.cargo.package = header.package.into_iter().collect();
    let shadow = prepare(&test.place, true)?;
    let mut call = arguments::test(&test);
    let name = match again {
        Again::Replay => "SIM_REPLAY",
        Again::Shrink => "SIM_SHRINK",
    };
    call.variables.push((name, file.to_string_lossy().into_owned()));
    Err(run::become_cargo(&shadow, test.place.manifest_path.as_deref(), &call))
}

/// Prints the report.
pub fn show(file: &Path) -> Result<ExitCode, Error> {
    print!("{}", files::read(file)?);
    Ok(ExitCode::SUCCESS)
}

struct Header {
    test: String,
    package: Option<String>,
}

impl Header {
    fn parse(file: &Path, text: &str) -> Result<Header, Error> {
        let mut keys: BTreeMap<&str, &str> = text
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(": "))
            .collect();
        let test = keys.remove("test").ok_or_else(|| Error::Unreadable {
            path: file.to_owned(),
            reason: "not a failure file: it has no line `test: NAME`".into(),
        })?;
        Ok(Header {
            test: test.trim().to_owned(),
            package: keys.remove("package").map(|p| p.trim().to_owned()),
        })
    }
}
