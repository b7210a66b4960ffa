//! The real machine as the store's environment.

use std::{
    fs::File,
    io::Read,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_io::Timer;
use sim_db::engine::{Environment, LocalBoxFuture, Timestamp};

/// The machine's wall clock, timers and entropy.
#[derive(Debug)]
pub struct RealEnvironment;

impl Environment for RealEnvironment {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::default().after(since)
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<()> {
        Box::pin(async move {
            Timer::after(duration).await;
        })
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(out))
            .expect("a server needs its machine's entropy source");
    }
}
