//! The report as text.

use super::evidence::{Evidence, named};
use super::race::race;
use super::timeline::{is_domain, last_facts, timeline_line};
use crate::explore::{
    Diagnosis, Extent, Failure, Leak, Replayed, Scenario, Settings, Sweep, Verdict, displayed,
};
use crate::sim::Outcome;
use crate::trace::Fact;
use std::fmt::Write as _;

/// Lines of the timeline at most: without a race above it, and with one.
const TIMELINE_LINES: usize = 12;
const TIMELINE_LINES_WITH_RACE: usize = 7;
/// Choices of the trigger shown at most.
const TRIGGER_LINES: usize = 6;
/// Requests of a saved failure shown at most.
const REQUEST_LINES: usize = 6;
/// Files of the host shown at most.
const HOST_FILES: usize = 4;
/// Waiting tasks shown at most.
const DETAIL_LINES: usize = 8;

macro_rules! line {
    ($text:expr, $($argument:tt)*) => { writeln!($text, $($argument)*).expect("a string takes all") };
}

/// The report of a verdict.
pub fn render(scenario: &Scenario, settings: &Settings, verdict: &Verdict) -> String {
    let mut text = String::new();
    let name = scenario.name();
    match verdict {
        Verdict::Skipped => {}
        Verdict::Passed(sweep) => passed(&mut text, name, settings, sweep),
        Verdict::Failed(sweep, diagnosis) => failed(&mut text, scenario, settings, sweep, diagnosis),
        Verdict::Leaks(_, leak) => leaks(&mut text, scenario, settings, leak),
        Verdict::Replayed(failure, replayed, ended) => {
            match replayed {
                Replayed::Same => {
                    line!(text, "FAIL {name}  repeated: the same run, digest {:#018x}", ended.digest)
                }
                Replayed::Alike(difference) => {
                    line!(
                        text,
                        "FAIL {name}  repeated: the same failure, though the code has changed since it was recorded"
                    );
                    line!(text, "  first difference: {difference}");
                }
                Replayed::Diverged(outcome) => line!(text, "DIVERGED {name}  {outcome}"),
            }
            if !matches!(replayed, Replayed::Diverged(_)) {
                line!(text, "  {}", clipped(&ended.outcome));
                trigger(&mut text, failure.choices.choices(), &ended.facts);
                raced_and_timeline(&mut text, &Evidence::of_run(ended));
            }
        }
    }
    text
}

fn passed(text: &mut String, name: &str, settings: &Settings, sweep: &Sweep) {
    let what = match settings.extent {
        Extent::Seed(seed) => format!("seed {seed}"),
        _ => {
            let milliseconds = sweep.took.as_millis();
            format!(
                "{} in {}.{:03} s",
                plural(sweep.runs as usize, "run"),
                milliseconds / 1000,
                milliseconds % 1000
            )
        }
    };
    line!(text, "ok {name}  {what}, {} steps, digest {:#018x}", sweep.steps, sweep.digest);
    if let Some(leak) = &sweep.leak {
        line!(text, "  leaks state between runs: the first seed, run twice, parts at {leak}");
    }
    for file in sweep.host_files.iter().take(HOST_FILES) {
        line!(text, "  read from the host: {file}");
    }
    if sweep.host_files.len() > HOST_FILES {
        line!(text, "  and {} more files", sweep.host_files.len() - HOST_FILES);
    }
    for property in sweep.never_reached() {
        line!(text, "  never true in any run: sometimes \"{property}\"");
    }
    for kind in sweep.never_fired() {
        line!(text, "  never struck in any run: fault {kind}");
    }
    for (kind, account) in sweep.faults.iter().filter(|(_, account)| account.fired > 0) {
        line!(text, "  fault {kind}: struck {} times of {}", account.fired, account.asked);
    }
}

fn failed(text: &mut String, scenario: &Scenario, settings: &Settings, sweep: &Sweep, diagnosis: &Diagnosis) {
    let ended = &diagnosis.ended;
    let seed = diagnosis.failure.seed;
    line!(text, "FAIL {}  seed {seed}, after {}", scenario.name(), plural(sweep.runs as usize, "run"));
    line!(text, "  {}", clipped(&ended.outcome));
    let evidence = Evidence::of_run(ended);
    became_false(text, &evidence);
    let choices = diagnosis.failure.choices.len();
    let (switches, faults) = counts(diagnosis.failure.choices.choices().map(|(lane, _)| lane));
    let others = match choices - switches - faults {
        0 => String::new(),
        count => format!(", {}", plural(count, "other choice")),
    };
    line!(
        text,
        "Minimal trigger: {}, {}{others}; from {} of {} choices, in {} runs{}",
        plural(switches, "switch"),
        plural(faults, "fault"),
        diagnosis.shrunk.before,
        diagnosis.choices_in_all,
        diagnosis.shrunk.runs,
        if diagnosis.shrunk.exhausted { " (effort used up)" } else { "" },
    );
    trigger(text, diagnosis.failure.choices.choices(), &ended.facts);
    raced_and_timeline(text, &evidence);
    if let Some(nearest) = &diagnosis.nearest {
        line!(
            text,
            "Nearest passing run: the same without {} {}; they part here:",
            nearest.lane,
            nearest.choice.index
        );
        let show = |fact: &Option<Fact>| fact.as_ref().map_or("the end of the run".into(), timeline_line);
        match &nearest.divergence.other {
            Some(other) => line!(text, "  {other}"),
            None => {
                line!(text, "  fails   {}", show(&nearest.divergence.expected).trim_start());
                line!(text, "  passes  {}", show(&nearest.divergence.found).trim_start());
            }
        }
    }
    if let Some(why) = &diagnosis.unconfirmed {
        line!(text, "Not confirmed in a fresh process: {why}");
    }
    let policy = settings.policy.map(|policy| policy.to_string());
    line!(text, "Run again: {}", scenario.seed_command(seed, policy.as_deref()));
    line!(text, "Shrunk:    {}", scenario.replay_command(&displayed(&diagnosis.file)));
}

/// The report of a saved failure; with `all`, every fact instead of the last ones of the scenario. `again` is the
/// command that repeats it.
pub fn saved(failure: &Failure, again: &str, all: bool) -> String {
    let mut text = String::new();
    let Failure { scenario, seed, policy, digest, steps, .. } = failure;
    line!(text, "FAIL {scenario}  seed {seed}, policy {policy}, {steps} steps, digest {digest:#018x}");
    line!(text, "  {}", clipped(&failure.outcome));
    let evidence = Evidence::of_failure(failure);
    became_false(&mut text, &evidence);
    line!(text, "Trigger: {}", plural(failure.choices.len(), "choice that is not calm"));
    trigger(&mut text, failure.choices.choices(), &failure.facts);
    if all {
        race(&evidence)
            .iter()
            .flat_map(|race| race.render(&evidence))
            .for_each(|shown| line!(text, "{shown}"));
        line!(text, "All facts:");
        failure.facts.iter().for_each(|fact| line!(text, "{}", timeline_line(fact)));
    } else {
        raced_and_timeline(&mut text, &evidence);
        let left_out = failure.facts.iter().filter(|fact| !is_domain(fact)).count();
        if left_out > 0 {
            line!(
                text,
                "  without {} of the network, the scheduler and the output: --all",
                plural(left_out, "fact")
            );
        }
    }
    let requests: Vec<_> = failure.operations.iter().filter(|operation| operation.kind != "sql").collect();
    if !requests.is_empty() {
        line!(text, "Requests, the last ones of {}:", requests.len());
        for operation in &requests[requests.len().saturating_sub(REQUEST_LINES)..] {
            let outcome = match (&*operation.outcome, operation.lost) {
                ("", _) => "never answered".to_owned(),
                (outcome, true) => format!("{outcome}, never seen"),
                (outcome, false) => outcome.to_owned(),
            };
            let name = evidence.name(operation);
            line!(
                text,
                "  {:<4} {name} from {} to {}: {outcome}",
                operation.id,
                named(&operation.from),
                named(&operation.to)
            );
        }
        line!(
            text,
            "More: --request r{}, --entity KEY, --sql, --html FILE, --json",
            requests[requests.len() - 1].id.0
        );
    }
    line!(text, "Run again: {again}");
    text
}

fn leaks(text: &mut String, scenario: &Scenario, settings: &Settings, leak: &Leak) {
    line!(
        text,
        "LEAK {}  leaks state between runs: seed {} fails among other runs and not alone",
        scenario.name(),
        leak.seed
    );
    line!(text, "  among others: {}", clipped(&leak.among_others));
    line!(text, "  alone:        {}", clipped(&leak.alone));
    line!(text, "  first differing fact (alone against among others): {}", leak.first_difference);
    line!(
        text,
        "Something outlives a run: a static, a global counter, a once-initialised cell. Find it, or give each run"
    );
    line!(text, "a process of its own with #[sim::test(hermetic)] or SIM_ISOLATION=process.");
    let policy = settings.policy.map(|policy| policy.to_string());
    line!(text, "Alone: {}", scenario.seed_command(leak.seed, policy.as_deref()));
}

fn trigger<'a>(
    text: &mut String,
    choices: impl Iterator<Item = (&'a str, crate::tape::Choice)>,
    facts: &[Fact],
) {
    let mut lines: Vec<(u64, String)> = choices
        .map(|(lane, choice)| {
            let led_to = |fact: &&Fact| {
                fact.choices.iter().any(|(name, index)| **name == *lane && *index == choice.index)
            };
            let name = format!("{lane} {} = {} of {}", choice.index, choice.value, choice.bound);
            match facts.iter().find(led_to) {
                // What a scenario's own choice does is for its lane's name to say.
                Some(fact) if lane.starts_with("user/") => (fact.step, format!("{}  {name}", at(fact))),
                Some(fact) => (fact.step, format!("{}  {}  [{name}]", at(fact), fact.text)),
                None => (u64::MAX, name),
            }
        })
        .collect();
    lines.sort();
    let more = lines.len().saturating_sub(TRIGGER_LINES);
    for (_, shown) in lines.iter().take(TRIGGER_LINES) {
        line!(text, "  {shown}");
    }
    if more > 0 {
        line!(text, "  and {more} more");
    }
}

fn became_false(text: &mut String, evidence: &Evidence<'_>) {
    if let Some(fact) = evidence.end() {
        line!(text, "  became false at step {}, {}", fact.step, at(fact));
    }
}

fn raced_and_timeline(text: &mut String, evidence: &Evidence<'_>) {
    let raced = race(evidence).map_or(Vec::new(), |race| race.render(evidence));
    raced.iter().for_each(|shown| line!(text, "{shown}"));
    let (lines, before) =
        last_facts(evidence, if raced.is_empty() { TIMELINE_LINES } else { TIMELINE_LINES_WITH_RACE });
    match before {
        0 => line!(text, "Timeline:"),
        _ => line!(text, "Timeline, after {before} earlier lines (SIM_LOG=all shows them):"),
    }
    lines.iter().for_each(|shown| line!(text, "{shown}"));
}

fn counts<'a>(lanes: impl Iterator<Item = &'a str>) -> (usize, usize) {
    lanes.fold((0, 0), |(switches, faults), lane| match lane {
        "sched" => (switches + 1, faults),
        _ if lane.starts_with("fault/") => (switches, faults + 1),
        _ => (switches, faults),
    })
}

fn plural(count: usize, noun: &str) -> String {
    if let Some((noun, rest)) = noun.split_once(" that is ").filter(|_| count != 1) {
        return format!("{} that are {rest}", plural(count, noun));
    }
    let ending = match (count, noun.ends_with("ch")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{ending}")
}

fn at(fact: &Fact) -> String {
    format!("at {}.{:03} ms", fact.at / 1_000_000, fact.at / 1_000 % 1_000)
}

/// An outcome with few of its lines.
fn clipped(outcome: &Outcome) -> String {
    let text = outcome.to_string();
    let lines: Vec<_> = text.lines().collect();
    let mut shown = lines[..lines.len().min(DETAIL_LINES)].join("\n");
    if lines.len() > DETAIL_LINES {
        write!(shown, "\n  and {} more", lines.len() - DETAIL_LINES).expect("a string takes all");
    }
    shown
}
