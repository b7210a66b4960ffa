//! Failure files: which test one belongs to, running it again, and showing it.
//!
//! The file names its scenario by the path of the test function, the crate first: `shop::orders::race`. So the crate
//! says which library, program or test file of which package to build, and the rest which test to run.

use std::io::Write as _;
use std::process::ExitCode;

use sim_runtime::explore::{Failure, FailureError};
use sim_runtime::report::{self, Evidence};

use crate::cli::{self, CargoTest, Show, Test};
use crate::error::Error;
use crate::shadow::workspace::Workspace;
use crate::{arguments, files, prepare, run};

/// What to do with the failing run.
#[derive(Debug, Clone, Copy)]
pub enum Again {
    /// The same run once more.
    Replay,
    /// Ever smaller runs.
    Shrink,
}

/// Runs the failing test again. Whether the file fits the code is for the runtime in the test to say.
pub fn again(again: Again, failure: &cli::Failure) -> Result<ExitCode, Error> {
    let file = failure.file.canonicalize().map_err(Error::io("read", &failure.file))?;
    let text = files::read(&file)?;
    let scenario = scenario(&text).map_err(|error| unreadable(&failure.file, &error))?;
    let workspace = crate::locate(&failure.place)?;
    let target = Target::of(&scenario, &workspace)?;
    let mut test = Test { place: failure.place.clone(), cargo: failure.cargo.clone(), ..Test::default() };
    target.choose(&mut test.cargo);
    test.filters = vec![target.test];
    test.passed_on = ["--exact", "--nocapture", "--include-ignored"].map(Into::into).to_vec();
    test.sweep.postgres = service(&text, "postgres");
    let shadow = prepare(&test.place, test.sweep.services(), true)?;
    let mut call = arguments::test(&test);
    let name = match again {
        Again::Replay => "SIM_REPLAY",
        Again::Shrink => "SIM_SHRINK",
    };
    call.variables.push((name, file.to_string_lossy().into_owned()));
    Err(run::become_cargo(&shadow, &test.place, &call))
}

/// Prints what the file says.
pub fn show(options: &Show) -> Result<ExitCode, Error> {
    let text = files::read(&options.file)?;
    let failure = Failure::from_text(&text).map_err(|error| unreadable(&options.file, &error))?;
    let again = format!("cargo sim replay {}", options.file.display());
    let evidence = Evidence::of_failure(&failure);
    let nothing = |what: &str, wanted: &str| {
        Error::Input(format!(
            "no {what} `{wanted}` in {}: without options its report names some",
            options.file.display()
        ))
    };
    let shown = if let Some(wanted) = &options.request {
        report::request(&evidence, wanted).ok_or_else(|| nothing("request", wanted))?
    } else if let Some(wanted) = &options.entity {
        report::entity(&evidence, wanted).ok_or_else(|| nothing("request that touched", wanted))?
    } else if options.sql {
        report::statements(&evidence)
    } else if options.json {
        format!("{}\n", json(&failure))
    } else if let Some(file) = &options.html {
        std::fs::write(file, report::page(&failure, &again)).map_err(Error::io("write", file))?;
        String::new()
    } else {
        report::saved(&failure, &again, options.all)
    };
    // Whoever reads it may have seen enough: `| head`.
    _ = std::io::stdout().write_all(shown.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn unreadable(file: &std::path::Path, error: &FailureError) -> Error {
    Error::Unreadable { path: file.to_owned(), reason: error.to_string() }
}

/// The scenario's name. The whole file is not read here: another version of the runtime may have written it.
fn scenario(text: &str) -> Result<String, FailureError> {
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("sim failure, format ") {
        return Err(FailureError::NotOne(first.chars().take(60).collect()));
    }
    let mut header = text.lines().take_while(|line| !line.starts_with("---"));
    let name = header.find_map(|line| line.strip_prefix("scenario: "));
    let missing = || FailureError::Line { line: 3, reason: "expected `scenario: ...`".to_owned() };
    name.map(str::to_owned).ok_or_else(missing)
}

/// The node of a service that the failing run had beside the code under test.
fn service(text: &str, option: &str) -> Option<String> {
    let mut header = text.lines().take_while(|line| !line.starts_with("---"));
    let services = header.find_map(|line| line.strip_prefix("services: "))?;
    let mut named = services.split(' ').filter_map(|service| service.split_once('='));
    named.find(|(name, _)| *name == option).map(|(_, node)| node.to_owned())
}

/// Where a scenario is in the workspace.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    package: String,
    /// `lib`, `bin`, `test`, … and the name; nothing when it could be several of the package's.
    kind_and_name: Option<(String, String)>,
    test: String,
}

impl Target {
    fn of(scenario: &str, workspace: &Workspace) -> Result<Target, Error> {
        let unknown = || {
            Error::Input(format!(
                "the failure is one of `{scenario}`, and no library, program or test file of the workspace in {} is \
                 called so: name its workspace with --manifest-path",
                workspace.root.display()
            ))
        };
        let (name, test) = scenario.split_once("::").ok_or_else(unknown)?;
        let mut found = Vec::new();
        for member in &workspace.members {
            for (kind, target) in member.targets.iter().filter(|(_, target)| target.replace('-', "_") == name)
            {
                if matches!(kind.as_str(), "lib" | "rlib" | "bin" | "test" | "example" | "bench") {
                    found.push((member.name.clone(), (kind.clone(), target.clone())));
                }
            }
        }
        let (package, target) = found.first().cloned().ok_or_else(unknown)?;
        if let Some((other, _)) = found.iter().find(|(other, _)| *other != package) {
            return Err(Error::Input(format!(
                "`{name}` is in the packages `{package}` and `{other}`: name one's manifest with --manifest-path"
            )));
        }
        let kind_and_name = (found.len() == 1).then_some(target);
        Ok(Target { package, kind_and_name, test: test.to_owned() })
    }

    fn choose(&self, cargo: &mut CargoTest) {
        if !cargo.package.is_empty() {
            return;
        }
        cargo.package = vec![self.package.clone()];
        match &self.kind_and_name {
            Some((kind, name)) => match kind.as_str() {
                "bin" => cargo.bin = vec![name.clone()],
                "test" => cargo.test = vec![name.clone()],
                "example" => cargo.example = vec![name.clone()],
                "bench" => cargo.bench = vec![name.clone()],
                _ => cargo.lib = true,
            },
            None => (cargo.lib, cargo.bins, cargo.tests) = (true, true, true),
        }
    }
}

/// A failure for other programs. Times are nanoseconds of virtual time, `cause` and `parent` are ids of requests.
fn json(failure: &Failure) -> serde_json::Value {
    let choice = |(lane, choice): (&str, sim_runtime::tape::Choice)| serde_json::json!({ "lane": lane, "index": choice.index, "value": choice.value, "bound": choice.bound });
    serde_json::json!({
        "scenario": failure.scenario,
        "seed": failure.seed,
        "policy": failure.policy.to_string(),
        "steps": failure.steps,
        "digest": format!("{:#018x}", failure.digest),
        "outcome": failure.outcome.to_string(),
        "choices": failure.choices.choices().map(choice).collect::<Vec<_>>(),
        "requests": failure.operations,
        "facts": failure.facts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::workspace::Member;
    use sim_runtime::schedule::PolicyName;
    use sim_runtime::sim::Outcome;
    use sim_runtime::tape::Recording;
    use sim_runtime::trace::Fact;

    fn failure(facts: u64) -> Failure {
        let fact = |step: u64| Fact {
            step,
            at: step * 1_000_000,
            node: "api".into(),
            task: None,
            kind: if step.is_multiple_of(2) { "http.request".into() } else { "task.polled".into() },
            text: format!("number {step}"),
            choices: Vec::new(),
            cause: None,
            place: String::new(),
        };
        Failure {
            scenario: "shop::orders::race".into(),
            seed: 17,
            policy: PolicyName::Pos,
            outcome: Outcome::Violated { property: "charged once".into(), detail: "order 7 twice".into() },
            digest: 0xfeed,
            steps: 90,
            services: String::new(),
            choices: Recording::parse("sched 12 3/5").expect("test data"),
            operations: Vec::new(),
            facts: (0..facts).map(fact).collect(),
        }
    }

    #[test]
    fn json_has_all_of_it() {
        let value = json(&failure(2));
        assert_eq!(
            (&value["outcome"], &value["choices"][0]["lane"]),
            (&"violated \"charged once\": order 7 twice".into(), &"sched".into())
        );
        assert_eq!(value["facts"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            (&value["facts"][1]["at"], &value["facts"][1]["kind"]),
            (&1_000_000.into(), &"task.polled".into())
        );
    }

    #[test]
    fn what_is_not_there_is_said() {
        let folder = crate::tests::Scratch::new("show");
        folder.write("a.failure", &failure(3).to_text());
        let file = folder.path().join("a.failure");
        let error = |options: Show| show(&options).unwrap_err().to_string();
        let wanted = Some("POST /x".to_owned());
        assert!(
            error(Show { request: wanted, file: file.clone(), ..Show::default() })
                .contains("no request `POST /x`")
        );
        let wanted = Some("order=4".to_owned());
        assert!(
            error(Show { entity: wanted, file: file.clone(), ..Show::default() })
                .contains("touched `order=4`")
        );
        let page = folder.path().join("a.html");
        show(&Show { html: Some(page.clone()), file, ..Show::default() }).unwrap();
        assert!(files::read(&page).unwrap().contains("order 7 twice"));
    }

    #[test]
    fn the_scenario_is_read_whatever_the_version() {
        let text = failure(3).to_text().replace("version: ", "version: 9.");
        assert_eq!(scenario(&text).unwrap(), "shop::orders::race");
        assert_eq!(service(&text, "postgres"), None);
        let with = Failure { services: "postgres=db".to_owned(), ..failure(3) }.to_text();
        assert_eq!(service(&with, "postgres").as_deref(), Some("db"));
        assert_eq!(Failure::from_text(&with).unwrap().services, "postgres=db");
        assert!(scenario("hello").unwrap_err().to_string().contains("`hello`"));
        assert!(scenario("sim failure, format 1\n--- choices\nscenario: x\n").is_err());
    }

    type Found<'a> = (&'a str, Option<(&'a str, &'a str)>, &'a str);

    fn check(scenario: &str, wanted: Result<Found<'_>, &str>) {
        let member = |name: &str, targets: &[(&str, &str)]| Member {
            folder: name.into(),
            name: name.into(),
            targets: targets.iter().map(|(kind, name)| ((*kind).into(), (*name).into())).collect(),
        };
        let members = vec![
            member(
                "shop",
                &[("lib", "shop"), ("test", "all-day"), ("test", "shared"), ("custom-build", "build")],
            ),
            member("tool", &[("lib", "tool"), ("bin", "tool"), ("test", "shared")]),
        ];
        let workspace = Workspace { root: "/w".into(), members, target: "/w/target".into() };
        match (Target::of(scenario, &workspace), wanted) {
            (Ok(found), Ok((package, target, test))) => {
                let kind_and_name = target.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
                assert_eq!(
                    found,
                    Target { package: package.into(), kind_and_name, test: test.into() },
                    "{scenario}"
                );
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{scenario}: {found:?}"),
        }
    }

    #[test]
    fn the_crate_says_what_to_build() {
        check("shop::orders::race", Ok(("shop", Some(("lib", "shop")), "orders::race")));
        check("all_day::race", Ok(("shop", Some(("test", "all-day")), "race")));
        check("tool::tests::race", Ok(("tool", None, "tests::race")));
        check("shared::race", Err("`shop` and `tool`"));
        check("elsewhere::race", Err("--manifest-path"));
        check("race", Err("--manifest-path"));
        check("build::race", Err("--manifest-path"));
    }
}
