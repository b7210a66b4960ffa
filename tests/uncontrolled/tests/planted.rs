//! One test for each thing that is not controlled. `run` runs them one by one and looks at what they say.

use sim::Sim;
use std::path::Path;
use uncontrolled::{connect, process, read, thread, write};

#[sim::test(tokio, seeds = 3)]
async fn a_thread(sim: Sim) {
    sim.node("api").run(async { thread() }).await;
}

#[tokio::test]
async fn a_thread_of_a_plain_test() {
    assert_eq!(thread(), 7);
}

#[tokio::test]
async fn reading_a_file() {
    assert!(!read(Path::new("/proc/version")).expect("every Linux has it").is_empty());
}

#[tokio::test]
async fn writing_a_file() {
    let path = std::env::var("CARGO_TARGET_TMPDIR").unwrap_or_else(|_| "/var/tmp".to_owned());
    let _ = write(&Path::new(&path).join("sim-uncontrolled"));
}

#[tokio::test]
async fn a_process() {
    let _ = process();
}

#[tokio::test]
async fn a_c_library_that_connects() {
    let port = std::env::var("SIM_UNCONTROLLED_PORT").expect("`run` says which port is real");
    assert_ne!(connect(port.parse().expect("a port")), 0, "it reached the host");
}

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn the_time_stamp_counter() {
    assert_ne!(uncontrolled::counter(), 0);
}
