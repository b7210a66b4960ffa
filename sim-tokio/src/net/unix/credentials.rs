//! Who is at the other end of a Unix socket: the simulated process itself.

use super::{gid_t, pid_t, uid_t};
use std::os::unix::fs::MetadataExt;

/// Who is at the other end of a Unix socket.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct UCred {
    pid: Option<pid_t>,
    uid: uid_t,
    gid: gid_t,
}

impl UCred {
    /// Both ends of a simulated Unix connection are the same process.
    pub(in crate::net) fn own() -> Self {
        let owner = sim_host::outside(|| std::fs::metadata("/proc/self"));
        let (uid, gid) = owner.map_or((0, 0), |owner| (owner.uid(), owner.gid()));
        Self { pid: Some(std::process::id() as pid_t), uid, gid }
    }

    /// The user.
    pub fn uid(&self) -> uid_t {
        self.uid
    }

    /// The group.
    pub fn gid(&self) -> gid_t {
        self.gid
    }

    /// The process.
    pub fn pid(&self) -> Option<pid_t> {
        self.pid
    }
}
