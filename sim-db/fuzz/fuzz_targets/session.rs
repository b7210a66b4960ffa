//! A whole session: whatever bytes follow a good start-up, it answers, waits or ends; it neither panics nor hangs.

#![no_main]

#[path = "../../examples/differential/world.rs"]
#[allow(dead_code)]
mod world;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sim_db::wire::Authentication;

const STARTUP: &[u8] = b"\0\0\0\x13\0\x03\0\0user\0fuzz\0\0";

fuzz_target!(|data: &[u8]| {
    let world = world::World::new(Authentication::Trust);
    let mut client = world.connect(1 << 22);
    // An odd first byte leaves the start-up to the fuzzer.
    let (greeted, bytes) = match data.split_first() {
        Some((first, rest)) => (first % 2 == 0, rest),
        None => return,
    };
    if greeted {
        client.send(STARTUP);
    }
    client.send(bytes);
    world.advance(Duration::from_secs(60));
    let _ = client.receive();
});
