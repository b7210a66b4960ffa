//! `cargo sim doctor`: what in this project is not under the simulation's control.
//!
//! It reads sources, it runs nothing: the packages that end up in a test binary, and in each of them the
//! modules that are compiled with these features on this machine. Of tokio nothing is looked at, it is replaced,
//! and so is what only tokio needs.
//!
//! A finding is a place where control may be lost, not a proof that it is: a crate may never take that path.

mod condition;
mod known;
mod lexer;
mod modules;
mod reach;
mod report;
mod rules;

use std::process::{Command, ExitCode};

use serde::Serialize;

use crate::cli;
use crate::error::Error;
use crate::shadow::prepare::Shadow;
use crate::shadow::workspace::{cargo, output};
use crate::tokio::drop_in::Services;
use condition::Conditions;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Silently real: the same seed may run differently, and nobody is told.
    Uncontrolled,
    /// Refused or reported by name during a run.
    Refused,
    /// May differ between runs of one process or between processes; a failure is confirmed in a fresh process
    /// at fixed addresses, where it does not.
    Varies,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The processor's time stamp counter.
    TimeStamp,
    /// The processor's random numbers.
    ProcessorEntropy,
    /// System calls that no symbol of libc stands for.
    RawSystemCall,
    /// An async runtime or event loop besides tokio.
    OtherRuntime,
    /// A C library that may do I/O.
    CLibrary,
    /// Threads.
    Thread,
    /// Child processes.
    Process,
    /// An order that depends on addresses, thread ids or counters.
    Hashing,
}

/// One place, or one package as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What.
    pub kind: Kind,
    /// In words.
    pub detail: String,
    /// The file, relative to the package; empty when it is about the package as a whole.
    pub file: String,
    /// The line, from 1; 0 when it is about the package as a whole.
    pub line: u32,
}

/// Looks through the project and prints what it finds.
pub fn run(options: &cli::Doctor) -> Result<ExitCode, Error> {
    let shadow =
        Shadow::prepare(crate::locate(&options.place)?, options.place.network(), Services::default())?;
    for note in &shadow.notes {
        eprintln!("note: {note}");
    }
    let machine = output(cargo().arg("-vV"), "say which machine this is", "")?;
    let host = machine.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let platform = format!("--filter-platform={host}");
    let mut flags = vec![platform.as_str()];
    if options.place.network().offline {
        flags.push("--offline");
    }
    let graph = shadow.graph(&flags, "")?;
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "cfg"]).args(std::env::var("RUSTFLAGS").unwrap_or_default().split_whitespace());
    let conditions = Conditions::of(&output(&mut rustc, "read the compiler's configuration", "")?);

    let packages = reach::packages(&graph, &options.package)?;
    let mut findings = Vec::new();
    for reached in &packages {
        let package = reached.package;
        let conditions = conditions.for_package(reached.features, modules::build_script(package));
        let mut see = |severity, kind, detail: String, file: String, line| {
            let (name, version) = (package.name.clone(), package.version.clone());
            findings.push(Finding { severity, package: name, version, kind, detail, file, line });
        };
        for fact in known::about(package, reached.features) {
            see(fact.severity, fact.kind, fact.detail, String::new(), 0);
        }
        for file in modules::files(package, &conditions, reached.is_member) {
            for hit in rules::scan(&file.tokens) {
                see(hit.severity, hit.kind, hit.detail, file.name.clone(), hit.line);
            }
        }
    }
    findings.sort();
    findings.dedup();
    let text = if options.json {
        report::json(shadow.tokio.as_deref(), packages.len(), &findings)
    } else {
        report::text(shadow.tokio.as_deref(), packages.len(), &findings)
    };
    println!("{}", text.trim_end());
    Ok(ExitCode::SUCCESS)
}
