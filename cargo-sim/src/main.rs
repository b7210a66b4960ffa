//! The cargo subcommand `cargo sim`: your service, unmodified, in the simulation.
//!
//! | module | what it is about |
//! |---|---|
//! | [`cli`], [`arguments`] | the options, and what cargo and the tests are told |
//! | [`shadow`] | the workspace under `target/sim`, seen by cargo instead of the user's |
//! | [`tokio`] | the copy of the locked tokio, and the package that takes its place |
//! | [`run`] | cargo, started there |
//! | [`doctor`] | what is not under control |
//! | [`failure`] | failure files: replay, shrink, show |

mod arguments;
mod cli;
mod doctor;
mod error;
mod failure;
mod files;
mod run;
mod shadow;
#[cfg(test)]
mod tests;
mod tokio;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Call;
use crate::cli::{Action, Cli, PassedOn, Place};
use crate::error::Error;
use crate::shadow::folder::Folder;
use crate::shadow::prepare::Shadow;
use crate::shadow::workspace::Workspace;
use crate::tokio::drop_in::Services;

fn main() -> ExitCode {
    // As a cargo subcommand we are called `cargo-sim sim …`, by the alias `cargo-sim …`.
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == "sim") {
        arguments.remove(1);
    }
    match dispatch(Cli::parse_from(arguments).command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(action: Action) -> Result<ExitCode, Error> {
    match action {
        Action::Test(test) => {
            let shadow = prepare(&test.place, test.sweep.services(), test.cargo.quiet)?;
            Err(run::become_cargo(&shadow, &test.place, &arguments::test(&test)))
        }
        Action::Nextest(passed) => passed_on("nextest", &passed),
        Action::Cargo(passed) => passed_on("", &passed),
        Action::Replay(failure) => failure::again(failure::Again::Replay, &failure),
        Action::Shrink(failure) => failure::again(failure::Again::Shrink, &failure),
        Action::Show(show) => failure::show(&show),
        Action::Doctor(options) => doctor::run(&options),
        Action::Clean(clean) => {
            let workspace = locate(&clean.place)?;
            let folder = Folder::below(&workspace.target);
            let text = if folder.remove()? { "removed" } else { "there is no" };
            eprintln!("{text} {}", folder.root().display());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn passed_on(subcommand: &str, passed: &PassedOn) -> Result<ExitCode, Error> {
    let (ours, mut theirs) = arguments::ours_among(&passed.arguments).unwrap_or_else(|error| error.exit());
    if !subcommand.is_empty() {
        theirs.insert(0, subcommand.to_owned());
    }
    let shadow = prepare(&ours.place, ours.sweep.services(), false)?;
    let call: Call = arguments::passed_on(&ours, theirs);
    Err(run::become_cargo(&shadow, &ours.place, &call))
}

fn locate(place: &Place) -> Result<Workspace, Error> {
    Workspace::locate(place.manifest_path.as_deref(), place.target_dir.as_deref())
}

/// The shadow, and a word to the user on what it is.
fn prepare(place: &Place, services: Services, quiet: bool) -> Result<Shadow, Error> {
    let shadow = Shadow::prepare(locate(place)?, place.network(), services)?;
    for note in &shadow.notes {
        eprintln!("note: {note}");
    }
    match &shadow.tokio {
        Some(version) if !quiet => eprintln!("  Simulating tokio {version}"),
        Some(_) => {}
        None => {
            eprintln!("note: nothing here depends on tokio: there is nothing to replace, running plainly");
        }
    }
    Ok(shadow)
}
