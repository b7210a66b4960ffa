//! Reading what child processes say, within a limit of real time.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::time::Instant;

/// Reads files to their ends, or until the deadline: then `false`, with what there was.
pub(super) fn read_all(
    files: &mut [(&mut File, Vec<u8>)],
    deadline: Option<Instant>,
) -> io::Result<(bool, Vec<Vec<u8>>)> {
    let mut open: Vec<usize> = (0..files.len()).collect();
    let mut buffer = vec![0; 64 * 1024];
    let mut in_time = true;
    while !open.is_empty() {
        let Some(timeout_ms) = milliseconds_until(deadline) else {
            in_time = false;
            break;
        };
        let mut waiting: Vec<_> = open
            .iter()
            .map(|at| libc::pollfd { fd: files[*at].0.as_raw_fd(), events: libc::POLLIN, revents: 0 })
            .collect();
        // SAFETY: the entries are writable, their count is given.
        let ready = unsafe { libc::poll(waiting.as_mut_ptr(), waiting.len() as libc::nfds_t, timeout_ms) };
        if ready < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        if ready <= 0 {
            continue;
        }
        let mut still_open = Vec::new();
        for (at, waited) in open.into_iter().zip(waiting) {
            let (file, all) = &mut files[at];
            let got = if waited.revents == 0 { None } else { Some(file.read(&mut buffer)?) };
            all.extend_from_slice(&buffer[..got.unwrap_or(0)]);
            if got != Some(0) {
                still_open.push(at);
            }
        }
        open = still_open;
    }
    Ok((in_time, files.iter_mut().map(|(_, all)| std::mem::take(all)).collect()))
}

/// What `poll` is to wait: -1 for ever; `None` when the deadline has passed.
pub(super) fn milliseconds_until(deadline: Option<Instant>) -> Option<i32> {
    let Some(deadline) = deadline else { return Some(-1) };
    let left = deadline.checked_duration_since(Instant::now())?;
    Some(i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX))
}
