//! A page: line pointers, and how much room is left.

use super::{
    size::{LINE_POINTER_BYTES, PAGE_BYTES, PAGE_HEADER_BYTES},
    tuple::{Slot, Tuple, TupleFlags},
};
use crate::engine::id::Xid;

/// Below this much free space a page is worth pruning: a tenth.
const PRUNE_BELOW_BYTES: u16 = (PAGE_BYTES / 10) as u16;
/// More versions than this never fit a page.
const SLOTS_MAX: usize = 291;

/// One page of a table.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    slots: Vec<Slot>,
    free_bytes: u16,
    /// the oldest transaction whose end may let versions be pruned; none: nothing to prune
    prunable: Xid,
    /// where chains begin that have something to prune, or will have: what pruning looks at
    changed: Vec<u16>,
    unused_slots: u16,
    /// no line pointer before this index is free
    unused_from: u16,
}

impl Page {
    pub(crate) fn new() -> Page {
        Page {
            slots: Vec::new(),
            free_bytes: (PAGE_BYTES - PAGE_HEADER_BYTES) as u16,
            prunable: Xid::NONE,
            changed: Vec::new(),
            unused_slots: 0,
            unused_from: 0,
        }
    }

    /// Whether a version of this size (line pointer included) fits.
    pub(crate) fn fits(&self, size_bytes: u16) -> bool {
        let size = if self.unused_slots > 0 { size_bytes - LINE_POINTER_BYTES as u16 } else { size_bytes };
        self.free_bytes >= size && (self.unused_slots > 0 || self.slots.len() < SLOTS_MAX)
    }

    /// Puts a version into the first free line pointer; answers its offset.
    pub(crate) fn put(&mut self, tuple: Tuple) -> u16 {
        if self.unused_slots == 0 {
            self.free_bytes -= tuple.size_bytes;
            if self.slots.len() == self.slots.capacity() {
                // A full page stays: doubling would leave half of it empty for good.
                self.slots.reserve_exact(self.slots.len() / 8 + 8);
            }
            self.slots.push(Slot::Tuple(tuple));
            return self.slots.len() as u16;
        }
        let from = usize::from(self.unused_from);
        let found = self.slots[from..].iter().position(|slot| matches!(slot, Slot::Unused));
        let at = from + found.expect("the page counts its unused line pointers");
        self.unused_slots -= 1;
        self.unused_from = at as u16 + 1;
        self.free_bytes -= tuple.size_bytes - LINE_POINTER_BYTES as u16;
        self.slots[at] = Slot::Tuple(tuple);
        at as u16 + 1
    }

    /// How many line pointers there are, used or not.
    pub(crate) fn len(&self) -> u16 {
        self.slots.len() as u16
    }

    /// Free bytes.
    pub(crate) fn free_bytes(&self) -> u16 {
        self.free_bytes
    }

    pub(crate) fn slot(&self, offset: u16) -> Option<&Slot> {
        self.slots.get(usize::from(offset).wrapping_sub(1))
    }

    pub(crate) fn tuple(&self, offset: u16) -> Option<&Tuple> {
        match self.slot(offset) {
            Some(Slot::Tuple(tuple)) => Some(tuple),
            _ => None,
        }
    }

    pub(crate) fn tuple_mut(&mut self, offset: u16) -> Option<&mut Tuple> {
        match self.slots.get_mut(usize::from(offset).wrapping_sub(1)) {
            Some(Slot::Tuple(tuple)) => Some(tuple),
            _ => None,
        }
    }

    /// Replaces a line pointer; a version that goes gives its bytes back.
    pub(crate) fn set_slot(&mut self, offset: u16, slot: Slot) {
        let at = usize::from(offset) - 1;
        let place = &mut self.slots[at];
        if let Slot::Tuple(tuple) = place {
            self.free_bytes += tuple.size_bytes - LINE_POINTER_BYTES as u16;
        }
        match (matches!(place, Slot::Unused), matches!(slot, Slot::Unused)) {
            (true, false) => self.unused_slots -= 1,
            (false, true) => {
                self.unused_slots += 1;
                self.unused_from = self.unused_from.min(at as u16);
            }
            _ => {}
        }
        *place = slot;
    }

    /// Cuts free line pointers off the end.
    pub(crate) fn trim(&mut self) {
        while matches!(self.slots.last(), Some(Slot::Unused)) {
            self.slots.pop();
            self.unused_slots -= 1;
            self.unused_from = self.unused_from.min(self.slots.len() as u16);
            self.free_bytes += LINE_POINTER_BYTES as u16;
        }
    }

    /// Says that `xid`, once over, leaves something to prune in the chain that begins at `root`.
    pub(crate) fn mark_prunable(&mut self, xid: Xid, root: u16) {
        if !self.changed.contains(&root) {
            self.changed.push(root);
        }
        if !self.prunable.is_some() || xid < self.prunable {
            self.prunable = xid;
        }
    }

    /// Whether pruning is worth a try.
    pub(crate) fn wants_pruning(&self, horizon: Xid) -> bool {
        self.prunable.is_some() && self.prunable < horizon && self.free_bytes < PRUNE_BELOW_BYTES
    }

    /// The chains to look at, in order; pruning marks again what it has to leave.
    pub(crate) fn take_changed(&mut self) -> Vec<u16> {
        self.prunable = Xid::NONE;
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed
    }

    /// The first visible-or-not version of the chain that begins at `offset`, redirects followed.
    pub(crate) fn chain_start(&self, offset: u16) -> Option<u16> {
        match self.slot(offset)? {
            Slot::Tuple(_) => Some(offset),
            Slot::Redirect(to) => Some(*to),
            Slot::Unused | Slot::Dead => None,
        }
    }

    /// Where the chain of the version at `offset` begins.
    pub(crate) fn root_of(&self, offset: u16) -> u16 {
        match self.tuple(offset) {
            Some(tuple) if tuple.flags.has(TupleFlags::HEAP_ONLY) => tuple.root,
            _ => offset,
        }
    }

    /// The next version of a chain inside the page.
    pub(crate) fn chain_next(&self, tuple: &Tuple) -> Option<u16> {
        if !tuple.flags.has(TupleFlags::HOT_UPDATED) {
            return None;
        }
        let next = self.tuple(tuple.next.offset)?;
        (next.xmin == tuple.xmax).then_some(tuple.next.offset)
    }
}
