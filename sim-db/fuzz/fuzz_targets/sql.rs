//! SQL text, as simple queries in a database with a few tables: no panic, no hang.

#![no_main]

#[path = "../../examples/differential/world.rs"]
#[allow(dead_code)]
mod world;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sim_db::wire::Authentication;

const SETUP: &str = "CREATE TABLE t (id int PRIMARY KEY, k int UNIQUE, v numeric, s text DEFAULT 'x', j jsonb, a int[]); \
                     INSERT INTO t VALUES (1, 10, 1.5, 'one', '{\"a\": 1}', '{1,2}'), (2, NULL, NULL, NULL, NULL, NULL); \
                     CREATE TABLE c (id serial PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE, at timestamptz); \
                     CREATE INDEX ON t (lower(s)); CREATE TYPE mood AS ENUM ('sad', 'ok');";

fuzz_target!(|text: &str| {
    if text.contains('\0') {
        return;
    }
    let world = world::World::new(Authentication::Trust);
    let mut client = world.connect(1 << 24);
    client.send(b"\0\0\0\x13\0\x03\0\0user\0fuzz\0\0");
    for sql in [SETUP, text] {
        let mut message = vec![b'Q'];
        message.extend_from_slice(&u32::try_from(sql.len() + 5).expect("short").to_be_bytes());
        message.extend_from_slice(sql.as_bytes());
        message.push(0);
        client.send(&message);
        world.advance(Duration::from_secs(60));
        let _ = client.receive();
    }
});
