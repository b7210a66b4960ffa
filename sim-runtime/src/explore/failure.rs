//! A failure is a file: what it was, the choices that lead to it, and the facts they led to.
//!
//! Text, one thing a line, so that a person can read it and version control can show what
//! changed. The choices are what is repeated; the facts are there to say, when the code has moved
//! on, where the repeated run parts from the recorded one.

use super::{Request, Scenario, VERSION};
use crate::cause::{Operation, OperationId};
use crate::schedule::{PolicyName, TaskId};
use crate::sim::{Ended, Outcome};
use crate::tape::{Recording, RecordingError};
use crate::trace::Fact;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The version of the file format. Format 1, without operations, is read too.
pub const FORMAT: u32 = 2;

/// A failure that can be saved and repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The scenario's name.
    pub scenario: String,
    /// The seed it was found with; entropy comes from it when the choices are repeated.
    pub seed: u64,
    /// The policy in force when it was found.
    pub policy: PolicyName,
    /// How the run ended.
    pub outcome: Outcome,
    /// The digest of the run that the choices give.
    pub digest: u64,
    /// Its steps.
    pub steps: u64,
    /// The services it had beside the scenario, as `postgres=db`; empty for none.
    pub services: String,
    /// The choices that are not calm.
    pub choices: Recording,
    /// The requests and statements that facts are caused by.
    pub operations: Vec<Operation>,
    /// The facts.
    pub facts: Vec<Fact>,
}

/// Why a failure file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FailureError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not a failure file.
    #[error("not a failure file: it does not begin with `sim failure, format {FORMAT}` but with `{0}`")]
    NotOne(String),
    /// Another format.
    #[error(
        "the failure file has format {found}, this version reads format {FORMAT}; run its seed again to record it anew"
    )]
    Format {
        /// The format found.
        found: String,
    },
    /// Another version of the simulation.
    #[error(
        "the failure was recorded by version {found}, this is version {VERSION}; run its seed again with this version, or repeat it with that one"
    )]
    Version {
        /// The version found.
        found: String,
    },
    /// Lines are missing at the end.
    #[error("the failure file ends after line {0}, before its last line `--- end`: it has been cut off")]
    Truncated(usize),
    /// A line is not what should be there.
    #[error("line {line} of the failure file: {reason}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It had other services beside it.
    #[error(
        "the failure was found with {}, and this run has {}: set {} for it",
        services(found),
        services(present),
        setting(found)
    )]
    OtherServices {
        /// The services in the file.
        found: String,
        /// The services now.
        present: String,
    },
    /// It belongs to another scenario.
    #[error("the failure is one of scenario `{found}`, not of `{expected}`")]
    OtherScenario {
        /// The scenario in the file.
        found: String,
        /// The scenario that was to repeat it.
        expected: String,
    },
}

fn services(services: &str) -> &str {
    if services.is_empty() { "no services" } else { services }
}

/// The setting that asks for services as a failure file names them.
fn setting(services: &str) -> String {
    let settings = services.split(' ').filter_map(|service| service.split_once('='));
    let settings: Vec<String> =
        settings.map(|(option, name)| format!("SIM_{}={name}", option.to_ascii_uppercase())).collect();
    if settings.is_empty() { "none".to_owned() } else { settings.join(" ") }
}

const CHOICES: &str = "--- choices";
const OPERATIONS: &str = "--- operations";
const FACTS: &str = "--- facts";
const END: &str = "--- end";

impl Failure {
    /// What is to be saved of a recorded run.
    pub fn of(scenario: &Scenario, request: &Request, ended: &Ended) -> Self {
        Self {
            scenario: scenario.name().to_owned(),
            seed: request.seed,
            policy: request.policy,
            outcome: ended.outcome.clone(),
            digest: ended.digest,
            steps: ended.steps,
            services: scenario.services.to_string(),
            choices: ended.recording.clone(),
            operations: ended.operations.clone(),
            facts: ended.facts.clone(),
        }
    }

    /// The run that repeats this failure.
    pub fn request(&self) -> Request {
        Request { seed: self.seed, script: Some(self.choices.clone()), policy: self.policy, recording: true }
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let outcome = ron::to_string(&self.outcome).expect("an outcome has only strings in it");
        let header = [
            ("version", VERSION.to_owned()),
            ("scenario", self.scenario.clone()),
            ("seed", self.seed.to_string()),
            ("policy", self.policy.to_string()),
            ("digest", format!("{:#018x}", self.digest)),
            ("steps", self.steps.to_string()),
            ("outcome", outcome),
        ];
        writeln!(text, "sim failure, format {FORMAT}").expect("a string takes all");
        for (key, value) in header {
            writeln!(text, "{key}: {value}").expect("a string takes all");
        }
        if !self.services.is_empty() {
            writeln!(text, "services: {}", self.services).expect("a string takes all");
        }
        write!(text, "{CHOICES}\n{}{OPERATIONS}\n", self.choices).expect("a string takes all");
        for operation in &self.operations {
            let operation = ron::to_string(operation).expect("an operation is plain data");
            writeln!(text, "{operation}").expect("a string takes all");
        }
        writeln!(text, "{FACTS}").expect("a string takes all");
        for fact in &self.facts {
            writeln!(text, "{}", fact_line(fact)).expect("a string takes all");
        }
        writeln!(text, "{END}").expect("a string takes all");
        text
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// If it is not one, is of another format or version, was cut off, or has a line that is wrong.
    pub fn from_text(text: &str) -> Result<Self, FailureError> {
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.first().copied().unwrap_or_default();
        let Some(format) = first.strip_prefix("sim failure, format ") else {
            return Err(FailureError::NotOne(first.chars().take(60).collect()));
        };
        let first_format = format == "1";
        if format != FORMAT.to_string() && !first_format {
            return Err(FailureError::Format { found: format.to_owned() });
        }
        if lines.last() != Some(&END) {
            return Err(FailureError::Truncated(lines.len()));
        }
        let version = header(&lines, 1, "version")?;
        if version != VERSION {
            return Err(FailureError::Version { found: version.to_owned() });
        }
        let error = |line: usize, reason: String| FailureError::Line { line: line + 1, reason };
        let number = |line: usize, key: &str| {
            let value = header(&lines, line, key)?;
            value.parse::<u64>().map_err(|_| error(line, format!("`{value}` is not a whole number")))
        };
        let digest = header(&lines, 5, "digest")?;
        let digest = digest.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let policy =
            header(&lines, 4, "policy")?.parse().map_err(|unknown| error(4, format!("{unknown}")))?;
        let outcome = ron::from_str(header(&lines, 7, "outcome")?)
            .map_err(|unreadable| error(7, format!("the outcome is unreadable: {unreadable}")))?;
        let section = |from: usize, name: &str| {
            let at = lines[from..].iter().position(|line| *line == name);
            at.map(|at| from + at).ok_or_else(|| error(from, format!("`{name}` is missing after this line")))
        };
        let services = header(&lines, 8, "services").unwrap_or_default();
        let choices_at = if services.is_empty() { 8 } else { 9 };
        if lines.get(choices_at) != Some(&CHOICES) {
            return Err(error(choices_at, format!("expected `{CHOICES}`")));
        }
        let facts_at = section(choices_at + 1, FACTS)?;
        let choices_end = if first_format { facts_at } else { section(choices_at + 1, OPERATIONS)? };
        let choices = Recording::parse(&lines[choices_at + 1..choices_end].join("\n")).map_err(
            |RecordingError { line, reason, text }| {
                error(choices_at + line, format!("{reason}, in `{text}`"))
            },
        )?;
        let operations = (choices_end + 1..facts_at)
            .map(|at| {
                ron::from_str(lines[at])
                    .map_err(|unreadable| error(at, format!("the operation is unreadable: {unreadable}")))
            })
            .collect::<Result<_, _>>()?;
        let facts = (facts_at + 1..lines.len() - 1)
            .map(|at| {
                parse_fact(lines[at], first_format)
                    .ok_or_else(|| error(at, format!("`{}` is not a fact", lines[at])))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            scenario: header(&lines, 2, "scenario")?.to_owned(),
            seed: number(3, "seed")?,
            policy,
            outcome,
            digest: digest.ok_or_else(|| error(5, "the digest is not a hexadecimal number".into()))?,
            steps: number(6, "steps")?,
            services: services.to_owned(),
            choices,
            operations,
            facts,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`Failure::from_text`], or if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, FailureError> {
        let text = sim_host::outside(|| fs::read_to_string(path));
        Self::from_text(&text.map_err(|source| FailureError::Io { path: path.to_owned(), source })?)
    }

    /// Writes the failure to a new file in `folder`, which is made if need be, and answers its path.
    /// A file that holds another failure is never overwritten; one that holds this very failure is
    /// used as it is.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or the file not be written.
    pub fn save(&self, folder: &Path) -> Result<PathBuf, FailureError> {
        let text = self.to_text();
        let stem = format!("{}-{}", self.scenario.replace("::", "-"), self.seed);
        let attempt = |path: &Path| -> io::Result<bool> {
            match fs::OpenOptions::new().write(true).create_new(true).open(path) {
                Ok(mut file) => io::Write::write_all(&mut file, text.as_bytes()).map(|()| true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Ok(fs::read_to_string(path).is_ok_and(|there| there == text))
                }
                Err(error) => Err(error),
            }
        };
        sim_host::outside(|| {
            fs::create_dir_all(folder)
                .map_err(|source| FailureError::Io { path: folder.to_owned(), source })?;
            let mut number = 1_u64;
            loop {
                let suffix = if number == 1 { String::new() } else { format!("-{number}") };
                let path = folder.join(format!("{stem}{suffix}.failure"));
                match attempt(&path) {
                    Ok(true) => return Ok(path),
                    Ok(false) => number += 1,
                    Err(source) => return Err(FailureError::Io { path, source }),
                }
            }
        })
    }
}

fn header<'a>(lines: &[&'a str], at: usize, key: &str) -> Result<&'a str, FailureError> {
    let value =
        lines.get(at).and_then(|line| line.strip_prefix(key)).and_then(|rest| rest.strip_prefix(": "));
    value.ok_or_else(|| FailureError::Line { line: at + 1, reason: format!("expected `{key}: ...`") })
}

/// `step at node task kind choices cause place text`; `-` for nothing. Format 1 had neither cause nor place.
fn fact_line(fact: &Fact) -> String {
    let task = fact.task.map_or("-".to_owned(), |task| task.0.to_string());
    let node = if fact.node.is_empty() { "-" } else { &fact.node };
    let choices: Vec<_> =
        fact.choices.iter().map(|(lane, index)| format!("{}:{index}", lane.replace(' ', "%20"))).collect();
    let choices = if choices.is_empty() { "-".to_owned() } else { choices.join(",") };
    let text = fact.text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let cause = fact.cause.map_or("-".to_owned(), |cause| cause.0.to_string());
    let place = if fact.place.is_empty() { "-".to_owned() } else { fact.place.replace(' ', "%20") };
    let (step, at, kind) = (fact.step, fact.at, &fact.kind);
    format!("{step} {at} {node} {task} {kind} {choices} {cause} {place} {text}")
}

fn parse_fact(line: &str, first_format: bool) -> Option<Fact> {
    let mut words = line.splitn(if first_format { 7 } else { 9 }, ' ');
    let step = words.next()?.parse().ok()?;
    let at = words.next()?.parse().ok()?;
    let node = words.next().map(|word| if word == "-" { "" } else { word })?.into();
    let task = match words.next()? {
        "-" => None,
        number => Some(TaskId(number.parse().ok()?)),
    };
    let kind = words.next()?.to_owned().into();
    let choices = match words.next()? {
        "-" => Vec::new(),
        list => list
            .split(',')
            .map(|choice| {
                let (lane, index) = choice.rsplit_once(':')?;
                Some((lane.replace("%20", " ").into(), index.parse().ok()?))
            })
            .collect::<Option<_>>()?,
    };
    let (cause, place) = if first_format { ("-", "-") } else { (words.next()?, words.next()?) };
    let cause = if cause == "-" { None } else { Some(OperationId(cause.parse().ok()?)) };
    let place = if place == "-" { String::new() } else { place.replace("%20", " ") };
    let mut text = String::new();
    let mut characters = words.next()?.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                other => other,
            },
            other => other,
        });
    }
    Some(Fact { step, at, node, task, kind, text, choices, cause, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Failure {
        let fact = |step, text: &str, choices: Vec<(std::sync::Arc<str>, u64)>| Fact {
            step,
            at: step * 100,
            node: "api".into(),
            task: Some(TaskId(3)),
            kind: "http.request".into(),
            text: text.into(),
            choices,
            cause: (step == 1).then_some(OperationId(1)),
            place: if step == 1 { "my app/src/lib.rs:3:4".into() } else { String::new() },
        };
        let operation = Operation {
            id: OperationId(1),
            kind: "http".into(),
            asks: "POST /charge".into(),
            number: 1,
            from: "client".into(),
            to: "api".into(),
            connection: 4,
            task: Some(TaskId(2)),
            place: "src/client.rs:9:1".into(),
            parent: None,
            earlier: None,
            begun: (1, 5),
            arrived: Some((2, 6)),
            seen: None,
            ended: Some((9, 70)),
            outcome: "200".into(),
            lost: true,
        };
        Failure {
            scenario: "tests::double_charge".into(),
            seed: 17,
            policy: PolicyName::Portfolio,
            outcome: Outcome::Violated {
                property: "charged once".into(),
                detail: "order 7\nwas charged twice".into(),
            },
            digest: 0xfeed,
            steps: 90,
            services: String::new(),
            choices: Recording::parse("fault/http.response_lost 0 1/2\nsched 12 3/5").expect("test data"),
            operations: vec![operation],
            facts: vec![fact(1, "POST /charge \\ \n#1", vec![("net/a>b".into(), 4)]), fact(2, "", vec![])],
        }
    }

    #[test]
    fn text_round_trips() {
        let failure = example();
        let again = Failure::from_text(&failure.to_text()).expect("its own text");
        assert_eq!((&again, again.to_text()), (&failure, failure.to_text()));
    }

    #[test]
    fn format_1_is_still_read() {
        let text = "sim failure, format 1\nversion: VERSION\nscenario: a::b\nseed: 1\npolicy: fifo\ndigest: 0x1\nsteps: 2\n\
                    outcome: Passed\n--- choices\nsched 12 3/5\n--- facts\n1 100 api 3 http - POST /charge #1\n--- end\n";
        let failure = Failure::from_text(&text.replace("VERSION", VERSION)).expect("it was good once");
        assert_eq!((failure.choices.len(), &*failure.facts[0].text), (1, "POST /charge #1"));
        assert_eq!((failure.operations.len(), failure.facts[0].cause), (0, None));
    }

    #[test]
    fn bad_files_are_refused_with_what_is_wrong() {
        let good = example().to_text();
        let check = |text: &str, expected: &str| {
            let error = Failure::from_text(text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("", "not a failure file");
        check("hello", "`hello`");
        check(&good.replace("format 2", "format 3"), "format 3");
        check(&good.replace(&format!("version: {VERSION}"), "version: 0.0.9"), "version 0.0.9");
        check(&good.replace("seed: 17", "seed: x"), "line 4 of the failure file: `x`");
        check(&good.replace("sched 12 3/5", "sched 12 5/5"), "line 11 of the failure file");
        check(&good.replace("policy: portfolio", "policy: best"), "unknown policy `best`");
        // Cut off anywhere: never taken for a whole one.
        for end in 0..good.len() - 1 {
            assert!(Failure::from_text(&good[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn another_failure_is_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("sim-failures-{}", std::process::id()));
        let (first, mut second) = (example(), example());
        second.digest = 1;
        let save = |failure: &Failure| failure.save(&folder).expect("the temporary folder can be written");
        let paths = [save(&first), save(&first), save(&second), save(&second)];
        assert_eq!(paths[0], paths[1]);
        assert_ne!(paths[0], paths[2]);
        assert_eq!(paths[2], paths[3]);
        assert_eq!(Failure::read(&paths[0]).expect("saved above"), first);
        std::fs::remove_dir_all(folder).expect("made above");
    }
}
