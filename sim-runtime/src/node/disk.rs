//! The folder of each node: the one place of the host that code inside a run may write to.
//!
//! It is a real folder, so that std, tokio and C code see the same files; `TMPDIR` of the node says where. It is
//! made when first asked for and removed at the end of the run.

use crate::executor::World;
use crate::task::NodeId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// The folders of a run.
#[derive(Default)]
pub(super) struct Disks {
    folders: RefCell<BTreeMap<NodeId, PathBuf>>,
}

/// The folders of this run.
pub(super) fn disks(world: &World) -> Rc<Disks> {
    world.extension(Disks::default)
}

impl Disks {
    /// The node's folder.
    pub(super) fn folder(&self, world: &World, node: NodeId) -> PathBuf {
        if let Some(folder) = self.folders.borrow().get(&node) {
            return folder.clone();
        }
        let (process, run) = (std::process::id(), world.number());
        let name = match world.node_name(node) {
            name if name.is_empty() => "scenario".to_owned(),
            name => name.to_string(),
        };
        let folder = std::env::temp_dir().join(format!("sim-{process}-{run}")).join(name);
        // What cannot be made is told by the first call that wants to use it.
        let _ = std::fs::create_dir_all(&folder);
        let folder = folder.canonicalize().unwrap_or(folder);
        self.folders.borrow_mut().insert(node, folder.clone());
        folder
    }

    /// Whether a path lies in the node's folder: as written, and where the links in it lead.
    pub(super) fn holds(&self, world: &World, node: NodeId, path: &Path) -> bool {
        let folder = self.folder(world, node);
        let Some(plain) = plain(path) else { return false };
        if plain == folder {
            return true;
        }
        let above = plain.ancestors().skip(1).find_map(|above| above.canonicalize().ok());
        plain.starts_with(&folder) && above.is_some_and(|above| above.starts_with(&folder))
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        sim_host::outside(|| {
            for folder in self.folders.borrow().values() {
                let _ = std::fs::remove_dir_all(folder);
                if let Some(run) = folder.parent() {
                    // Only when it is empty: other nodes' folders may be there yet.
                    let _ = std::fs::remove_dir(run);
                }
            }
        });
    }
}

/// The path without `.` and `..`; `None` when it is relative: the working folder is the host's.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    path.is_absolute().then_some(plain)
}
