//! What the doctor prints.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Finding, Kind, Severity};

/// Places shown for each package and kind; the JSON has all.
const PLACES_MAX: usize = 3;

/// For people.
pub fn text(tokio: Option<&str>, packages: usize, findings: &[Finding]) -> String {
    let mut out = String::new();
    let replaced =
        tokio.map_or("tokio is not used".to_owned(), |version| format!("tokio {version} is replaced"));
    let _ = writeln!(out, "{replaced}; {packages} packages looked at");
    if findings.is_empty() {
        let _ = writeln!(out, "nothing found that the simulation does not control");
        return out;
    }
    for severity in [Severity::Uncontrolled, Severity::Refused, Severity::Trapped, Severity::Varies] {
        let mut groups: BTreeMap<(Kind, &str, &str), Vec<&Finding>> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| finding.severity == severity) {
            groups.entry((finding.kind, &finding.package, &finding.version)).or_default().push(finding);
        }
        if groups.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{}", heading(severity));
        let mut last = None;
        for ((kind, package, version), found) in groups {
            if last != Some(kind) {
                let _ = writeln!(out, "  {}", advice(kind));
                last = Some(kind);
            }
            let _ = writeln!(out, "    {package} {version}");
            for finding in found.iter().take(PLACES_MAX) {
                if finding.file.is_empty() {
                    let _ = writeln!(out, "      {}", finding.detail);
                } else {
                    let _ = writeln!(out, "      {}:{}  {}", finding.file, finding.line, finding.detail);
                }
            }
            if found.len() > PLACES_MAX {
                let _ = writeln!(out, "      and {} more places", found.len() - PLACES_MAX);
            }
        }
    }
    out
}

/// For programs.
pub fn json(tokio: Option<&str>, packages: usize, findings: &[Finding]) -> String {
    let whole = serde_json::json!({ "tokio": tokio, "packages": packages, "findings": findings });
    serde_json::to_string_pretty(&whole).expect("findings are plain data")
}

fn heading(severity: Severity) -> &'static str {
    match severity {
        Severity::Uncontrolled => "NOT UNDER CONTROL: silently real, the same seed may run differently",
        Severity::Refused => "REFUSED: ends a run with a message when it is reached",
        Severity::Trapped => {
            "TRAPPED: answered in virtual time on Linux and x86-64, each time at the price of a signal"
        }
        Severity::Varies => {
            "VARIES between runs of a process; a failure is confirmed in a fresh one, where it does not"
        }
    }
}

fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::TimeStamp => "time stamp counter: use std::time::Instant, or a feature of the crate that does",
        Kind::ProcessorEntropy => "random numbers of the processor: use getrandom",
        Kind::RawSystemCall => "system calls past libc: use the libc crate, or a backend that does",
        Kind::OtherRuntime => "another runtime: only tokio's is simulated",
        Kind::CLibrary => "C libraries: use a crate in Rust, or keep it out of the test",
        Kind::Thread => "threads: use tokio::spawn or spawn_blocking, or a feature without threads",
        Kind::Process => "child processes: put a node in its place",
        Kind::Hashing => "orders that nobody decided: sort, or use BTreeMap, or std's HashMap",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, kind: Kind, package: &str, line: u32) -> Finding {
        Finding {
            severity,
            package: package.into(),
            version: "1.0.0".into(),
            kind,
            detail: "`x`".into(),
            file: "src/a.rs".into(),
            line,
        }
    }

    #[test]
    fn the_worst_comes_first_and_many_places_are_counted() {
        let mut findings = vec![finding(Severity::Varies, Kind::Hashing, "ahash", 1)];
        findings
            .extend((1..=5).map(|line| finding(Severity::Uncontrolled, Kind::RawSystemCall, "rustix", line)));
        let text = text(Some("1.54.1"), 12, &findings);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in\n{text}"));
        assert!(at("tokio 1.54.1 is replaced; 12 packages") < at("NOT UNDER CONTROL"));
        assert!(at("rustix 1.0.0") < at("src/a.rs:3") && at("src/a.rs:3") < at("and 2 more places"));
        assert!(at("and 2 more places") < at("VARIES"));
    }

    #[test]
    fn nothing_found_is_said() {
        assert!(text(None, 1, &[]).contains("nothing found"));
    }

    #[test]
    fn json_has_every_finding() {
        let json = json(Some("1.54.1"), 2, &[finding(Severity::Refused, Kind::Thread, "a", 7)]);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["findings"][0]["kind"], "thread");
        assert_eq!(value["findings"][0]["severity"], "refused");
        assert_eq!(value["findings"][0]["line"], 7);
    }
}
