//! Peak memory, each workload in a process of its own: a peak never falls.

use crate::{network, workloads};
use std::process::Command;

/// Tasks that are alive at once.
const TASKS: usize = 100_000;
const TARGET_MIB: f64 = 30.0;

/// Connections that are open and idle.
const CONNECTIONS: usize = 10_000;
const CONNECTIONS_TARGET_MIB: f64 = 40.0;

/// The argument that makes this program a child that only measures.
const ARGUMENT: &str = "measure-memory-of=";

/// If this process is a child, does its work, prints its peak in bytes and answers true.
pub fn is_child() -> bool {
    let Some(of) = std::env::args().find_map(|argument| argument.strip_prefix(ARGUMENT).map(str::to_owned))
    else {
        return false;
    };
    match of.as_str() {
        "nothing" => {}
        "reference" => workloads::yields_reference(TASKS, 1),
        "sim" => workloads::yields(TASKS, 1),
        "connections" => network::idle(CONNECTIONS),
        _ => panic!("nothing is known about the memory of `{of}`"),
    }
    println!("{}", sim_host::resources::peak_memory_bytes());
    true
}

fn peak_mib(of: &str) -> f64 {
    let program = std::env::current_exe().expect("the host knows which program this is");
    let output = Command::new(program).arg(format!("{ARGUMENT}{of}")).output().expect("it runs once more");
    let text = String::from_utf8_lossy(&output.stdout);
    let bytes: u64 = text.trim().parse().unwrap_or_else(|_| panic!("no figure: {output:?}"));
    bytes as f64 / f64::from(1 << 20)
}

/// What the peaks are; to be measured before this process has grown, because a child's peak begins
/// with what its parent had when it started it.
pub fn measure() -> Vec<(&'static str, f64)> {
    ["nothing", "reference", "sim", "connections"].map(|of| (of, peak_mib(of))).into()
}

/// Prints the peaks.
pub fn print(peaks: &[(&str, f64)]) {
    println!(
        "\n{:<44} {:>6} {:>21}",
        "peak memory in MiB, 100,000 tasks or 10,000 connections", "", "target"
    );
    for (of, peak) in peaks {
        let (target, verdict) = match *of {
            "sim" => (format!("{TARGET_MIB:.1}"), if *peak > TARGET_MIB { "!" } else { "" }),
            "connections" => (
                format!("{CONNECTIONS_TARGET_MIB:.1}"),
                if *peak > CONNECTIONS_TARGET_MIB { "!" } else { "" },
            ),
            _ => (String::new(), ""),
        };
        println!("{of:<44} {peak:>6.1} {target:>21} {verdict}");
    }
}
