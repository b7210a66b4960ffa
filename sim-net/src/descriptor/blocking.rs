//! Calls that wait: the rest of the run goes on meanwhile.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::time::Duration;

use sim_runtime::executor::{Stop, current, timeout, wait_for};

use crate::error::{ECANCELED, EDEADLK, error, os_error};

/// Waits for a future where the C library's caller cannot; `WouldBlock` when the limit passed.
///
/// When the run can never go on, the run fails; when the thread's own task is gone, so does the call.
pub(super) fn wait<T>(limit: Option<Duration>, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let waited = match limit {
        None => wait_for(future).map(Some),
        Some(limit) => wait_for(timeout(limit, future)).map(Result::ok),
    };
    match waited {
        Ok(Some(done)) => done,
        Ok(None) => Err(error(ErrorKind::WouldBlock)),
        Err(blocked) => {
            if blocked.0 == Stop::Stalled {
                current().refuse(
                    "a blocking call on a socket waits for ever: nothing is ready and no timer is pending"
                        .to_owned(),
                );
                return Err(os_error(EDEADLK));
            }
            Err(os_error(ECANCELED))
        }
    }
}
