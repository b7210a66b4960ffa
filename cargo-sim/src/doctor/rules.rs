//! The patterns looked for in a file's tokens.

use super::lexer::{Kind as Token_, Token};
use super::modules::group_end;
use super::{Kind, Severity};

/// A pattern found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub kind: Kind,
    /// In words.
    pub detail: String,
    /// Where.
    pub line: u32,
}

/// System calls that are answered by the simulation, or harmless, when they go through libc's `syscall`.
const HARMLESS_CALLS: [&str; 11] = [
    "SYS_futex",
    "SYS_getrandom",
    "SYS_clock_gettime",
    "SYS_getpid",
    "SYS_gettid",
    "SYS_io_uring_setup",
    "SYS_membarrier",
    "SYS_rseq",
    "SYS_close_range",
    "SYS_mmap",
    "SYS_madvise",
];

/// Instructions inside `asm!` that go past every hook.
const INSTRUCTIONS: [(&str, Kind, &str); 9] = [
    ("syscall", Kind::RawSystemCall, "system call in inline assembly"),
    ("int $$0x80", Kind::RawSystemCall, "system call in inline assembly"),
    ("int 0x80", Kind::RawSystemCall, "system call in inline assembly"),
    ("svc 0", Kind::RawSystemCall, "system call in inline assembly"),
    ("svc #0", Kind::RawSystemCall, "system call in inline assembly"),
    ("rdtsc", Kind::TimeStamp, "time stamp counter in inline assembly"),
    ("cntvct", Kind::TimeStamp, "time stamp counter in inline assembly"),
    ("rdrand", Kind::ProcessorEntropy, "random instruction in inline assembly"),
    ("rdseed", Kind::ProcessorEntropy, "random instruction in inline assembly"),
];

/// All hits in a file.
pub fn scan(tokens: &[Token]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(word) = token.word() else { continue };
        let found = match word {
            "_rdtsc" | "__rdtscp" | "__rdtsc" => {
                called(tokens, at).then(|| (Severity::Trapped, Kind::TimeStamp, format!("`{word}`")))
            }
            _ if word.starts_with("_rdrand") || word.starts_with("_rdseed") => called(tokens, at)
                .then(|| (Severity::Uncontrolled, Kind::ProcessorEntropy, format!("`{word}`"))),
            "asm" | "global_asm" | "naked_asm" => assembly(tokens, at),
            "syscall" => system_call(tokens, at),
            "spawn" | "Builder" | "scope" | "spawn_unchecked" if follows(tokens, at, "thread") => {
                let used = word != "Builder" || path_goes_on(tokens, at, "new");
                (used && (word == "Builder" || called(tokens, at)))
                    .then(|| (Severity::Refused, Kind::Thread, format!("`thread::{word}`")))
            }
            "Command" if path_goes_on(tokens, at, "new") && mentions_process_command(tokens, at) => {
                Some((Severity::Refused, Kind::Process, "`process::Command`".to_owned()))
            }
            "id" if thread_id(tokens, at) => {
                Some((Severity::Varies, Kind::Hashing, "`thread::current().id()`".to_owned()))
            }
            _ => None,
        };
        if let Some((severity, kind, detail)) = found {
            hits.push(Hit { severity, kind, detail, line: token.line });
        }
    }
    hits
}

fn word_at(tokens: &[Token], at: Option<usize>) -> Option<&str> {
    tokens.get(at?)?.word()
}

/// Whether the word at `at` comes after `before::`.
fn follows(tokens: &[Token], at: usize, before: &str) -> bool {
    at >= 3
        && tokens[at - 1].is(':')
        && tokens[at - 2].is(':')
        && word_at(tokens, Some(at - 3)) == Some(before)
}

/// Whether `::next` comes after the word at `at`.
fn path_goes_on(tokens: &[Token], at: usize, next: &str) -> bool {
    tokens.get(at + 1).is_some_and(|token| token.is(':')) && word_at(tokens, Some(at + 3)) == Some(next)
}

/// Whether the word is called, or named in an import from where it will be.
fn called(tokens: &[Token], at: usize) -> bool {
    let is_definition = word_at(tokens, at.checked_sub(1)) == Some("fn");
    let next = tokens.get(at + 1);
    !is_definition && next.is_some_and(|next| next.is('(') || next.is(':'))
}

fn assembly(tokens: &[Token], at: usize) -> Option<(Severity, Kind, String)> {
    if !tokens.get(at + 1)?.is('!') {
        return None;
    }
    let body = &tokens[at + 2..group_end(tokens, at + 2)];
    let mut texts = body.iter().filter_map(|token| match &token.kind {
        Token_::Text(text) => Some(text.to_lowercase()),
        _ => None,
    });
    texts.find_map(|text| {
        let found = INSTRUCTIONS.iter().find(|(instruction, ..)| text.contains(instruction))?;
        let severity = if found.0 == "rdtsc" { Severity::Trapped } else { Severity::Uncontrolled };
        Some((severity, found.1, found.2.to_owned()))
    })
}

fn system_call(tokens: &[Token], at: usize) -> Option<(Severity, Kind, String)> {
    let next = tokens.get(at + 1)?;
    if next.is('!') {
        let is_definition = word_at(tokens, at.checked_sub(1)) == Some("macro_rules");
        return (!is_definition)
            .then(|| (Severity::Uncontrolled, Kind::RawSystemCall, "`syscall!`".to_owned()));
    }
    if !(next.is('(') && follows(tokens, at, "libc")) {
        return None;
    }
    let number = tokens[at + 2..group_end(tokens, at + 1)]
        .iter()
        .filter_map(Token::word)
        .find(|word| word.starts_with("SYS_"));
    if number.is_some_and(|number| HARMLESS_CALLS.contains(&number)) {
        return None;
    }
    let detail = format!("`libc::syscall({})`", number.unwrap_or("…"));
    Some((Severity::Uncontrolled, Kind::RawSystemCall, detail))
}

/// `process::Command::new`, or `Command::new` in a file that imports it: clap has a `Command` too.
fn mentions_process_command(tokens: &[Token], at: usize) -> bool {
    if follows(tokens, at, "process") {
        return true;
    }
    let is_path = at >= 1 && tokens[at - 1].is(':');
    let imports = tokens.windows(3).enumerate().any(|(start, three)| {
        three[0].word() == Some("process") && three[1].is(':') && three[2].is(':') && {
            match tokens.get(start + 3) {
                Some(open) if open.is('{') => {
                    let end = group_end(tokens, start + 3);
                    tokens[start + 3..end].iter().any(|token| token.word() == Some("Command"))
                }
                Some(name) => name.word() == Some("Command"),
                None => false,
            }
        }
    });
    !is_path && imports
}

fn thread_id(tokens: &[Token], at: usize) -> bool {
    at >= 4
        && tokens[at - 1].is('.')
        && tokens[at - 2].is(')')
        && tokens[at - 3].is('(')
        && word_at(tokens, Some(at - 4)) == Some("current")
        && follows(tokens, at - 4, "thread")
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn check(source: &str, wanted: &[(Kind, u32)]) {
        let found: Vec<(Kind, u32)> =
            scan(&tokens(source)).into_iter().map(|hit| (hit.kind, hit.line)).collect();
        assert_eq!(found, wanted, "{source}");
    }

    #[test]
    fn time_and_entropy_of_the_processor() {
        check("let t = unsafe { core::arch::x86_64::_rdtsc() };", &[(Kind::TimeStamp, 1)]);
        check("\n__rdtscp(&mut aux)", &[(Kind::TimeStamp, 2)]);
        check("use core::arch::x86_64::_rdtsc;\nfn _rdtsc() {}", &[]);
        check(
            "_rdrand64_step(&mut x); _rdseed32_step(&mut y)",
            &[(Kind::ProcessorEntropy, 1), (Kind::ProcessorEntropy, 1)],
        );
    }

    #[test]
    fn assembly_counts_by_what_it_does() {
        check("asm!(\"syscall\", in(\"rax\") n)", &[(Kind::RawSystemCall, 1)]);
        check("core::arch::asm!(\n\"rdtsc\")", &[(Kind::TimeStamp, 1)]);
        check("asm!(\"mrs {}, cntvct_el0\", out(reg) x)", &[(Kind::TimeStamp, 1)]);
        check("asm!(\"mul {}\", x); global_asm!(\"nop\")", &[]);
        check("let asm = \"syscall\";", &[]);
    }

    #[test]
    fn system_calls_by_their_number() {
        check("libc::syscall(libc::SYS_perf_event_open, x)", &[(Kind::RawSystemCall, 1)]);
        check("unsafe { libc::syscall(number, x) }", &[(Kind::RawSystemCall, 1)]);
        check("libc::syscall(libc::SYS_futex, x); libc::syscall(libc::SYS_getrandom, y)", &[]);
        check("syscall!(READ, fd)", &[(Kind::RawSystemCall, 1)]);
        check("macro_rules! syscall { () => {} }", &[]);
    }

    #[test]
    fn threads_and_processes() {
        check("std::thread::spawn(|| {})", &[(Kind::Thread, 1)]);
        check("thread::Builder::new().spawn(f)", &[(Kind::Thread, 1)]);
        check("thread::scope(|s| {})", &[(Kind::Thread, 1)]);
        check("tokio::spawn(f); task::spawn(f); use std::thread::Builder;", &[]);
        check("std::process::Command::new(\"ls\")", &[(Kind::Process, 1)]);
        check("use std::process::{Command, exit};\nCommand::new(\"ls\")", &[(Kind::Process, 2)]);
        check("use clap::Command;\nuse std::process::exit;\nCommand::new(\"app\")", &[]);
    }

    #[test]
    fn orders_by_thread_id() {
        check("std::thread::current().id().hash(&mut h)", &[(Kind::Hashing, 1)]);
        check("current().id()", &[]);
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        check("// std::thread::spawn(x)\n/* _rdtsc() */ \"libc::syscall(1)\"", &[]);
    }
}
