//! A difference as a case of the reference's JSON format.

use std::fmt::Write;

use crate::{
    compare::{Difference, Event},
    schedule::Schedule,
    side::Seen,
};

/// Writes the case: what the real server did, then where ours parts.
pub fn write(seed: u64, schedule: &Schedule, difference: &Difference) -> String {
    let mut out = String::new();
    let setup: Vec<String> = schedule.setup.iter().map(|sql| quote(sql)).collect();
    let teardown: Vec<String> =
        schedule.tables.iter().map(|t| quote(&format!("DROP TABLE IF EXISTS {t} CASCADE"))).collect();
    let sessions: Vec<String> =
        (0..schedule.sessions).map(|s| format!("{{\"name\": \"T{}\", \"setup\": []}}", s + 1)).collect();
    let _ = writeln!(
        out,
        "{{\"format\": 1, \"group\": \"differential\", \"name\": \"seed-{seed}\", \"source\": \"differential --seed {seed} --schedules 1\", \"licence\": \"own work\","
    );
    let _ = writeln!(
        out,
        " \"setup\": [{}],\n \"teardown\": [{}, \"DROP SEQUENCE IF EXISTS s\"],",
        setup.join(",\n  "),
        teardown.join(", ")
    );
    let _ = writeln!(out, " \"sessions\": [{}],", sessions.join(", "));
    let _ =
        writeln!(out, " \"cases\": [{{\"name\": \"seed-{seed}\", \"tier\": 1, \"tags\": [], \"steps\": [");
    let steps: Vec<String> = (0..difference.events.len()).map(|i| step(&difference.events, i)).collect();
    let _ = writeln!(out, "  {}]}}]}}", steps.join(",\n  "));
    match difference.session {
        Some(session) => {
            let _ = writeln!(out, "at the last step T{}:", session + 1);
        }
        None => out.push_str("at the end:\n"),
    }
    let _ = writeln!(out, "  real: {}\n  ours: {}", difference.real, difference.ours);
    out
}

fn step(events: &[Event], i: usize) -> String {
    let event = &events[i];
    let session = event.step.session;
    let mut text = format!(
        "{{\"session\": \"T{}\", \"step\": \"s{i}\", \"sql\": {}",
        session + 1,
        quote(&event.step.sql)
    );
    let answered = |event: &Event| {
        event.seen.iter().find_map(|(who, seen)| match seen {
            Seen::Answered(answer) if *who == session => Some(answer.clone()),
            _ => None,
        })
    };
    let end = (i..events.len()).find_map(|at| Some((at, answered(&events[at])?)));
    if event.blocked {
        text.push_str(", \"blocks\": true");
        if let Some((at, _)) = &end {
            let _ = write!(text, ", \"until\": {at}");
        }
    }
    if let Some((_, answer)) = end {
        let results: Vec<String> = answer
            .outcomes
            .iter()
            .map(|outcome| {
                let mut result = format!("{{\"tag\": {}", quote(&outcome.tag));
                if let Some(columns) = &outcome.columns {
                    let columns: Vec<String> = columns.iter().map(|c| quote(c)).collect();
                    let row = |row: &Vec<Option<String>>| {
                        let cells: Vec<String> =
                            row.iter().map(|c| c.as_ref().map_or("null".to_owned(), |c| quote(c))).collect();
                        format!("[{}]", cells.join(", "))
                    };
                    let rows: Vec<String> = outcome.rows.iter().map(row).collect();
                    let _ = write!(
                        result,
                        ", \"columns\": [{}], \"rows\": [{}]",
                        columns.join(", "),
                        rows.join(", ")
                    );
                }
                result + "}"
            })
            .collect();
        if !results.is_empty() {
            let _ = write!(text, ", \"results\": [{}]", results.join(", "));
        }
        if let Some(sqlstate) = &answer.sqlstate {
            let _ = write!(
                text,
                ", \"error\": {{\"sqlstate\": \"{sqlstate}\", \"message\": {}}}",
                quote(&answer.message)
            );
        }
        let _ = write!(text, ", \"txn\": \"{}\"", answer.status);
    }
    text + "}"
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
