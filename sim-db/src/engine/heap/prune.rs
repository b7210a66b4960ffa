//! Pruning: versions that nobody can see give their place back.
//!
//! As PostgreSQL's on-access pruning: inside one page, chain by chain. The dead
//! beginning of a chain becomes a redirect to its first living version, versions in
//! between become free line pointers, and a chain dead as a whole leaves a dead line
//! pointer behind until VACUUM. What the indexes hold of such a chain is given to
//! the caller to remove, at once: PostgreSQL leaves that to VACUUM and to killed
//! index entries, which nobody can see.

use super::{Heap, Page, Slot, Tuple, TupleFlags};
use crate::{
    engine::id::{Tid, Xid},
    value::Row,
};

/// Whether nobody can see the version any more.
fn is_dead(tuple: &Tuple, horizon: Xid) -> bool {
    tuple.flags.has(TupleFlags::ABORTED) || (tuple.xmax.is_some() && tuple.xmax < horizon)
}

/// Prunes one page; hands every chain's root and key row that died to `gone`.
/// Returns how many versions went.
fn prune_page(page: &mut Page, block: u32, horizon: Xid, gone: &mut Vec<(Tid, Row)>) -> u64 {
    let mut dropped = 0;
    for root in page.take_changed() {
        let Some(start) = page.chain_start(root) else { continue };
        let redirected = start != root;
        if !redirected && page.tuple(root).is_some_and(|tuple| tuple.flags.has(TupleFlags::HEAP_ONLY)) {
            // Reached through its chain; only an aborted one has lost its way there.
            if page.tuple(root).is_some_and(|tuple| tuple.flags.has(TupleFlags::ABORTED)) {
                page.set_slot(root, Slot::Unused);
                dropped += 1;
            }
            continue;
        }
        // Walk the dead beginning of the chain.
        let mut at = Some(start);
        let mut dead = Vec::new();
        let mut key_row = None;
        while let Some(offset) = at {
            let Some(tuple) = page.tuple(offset) else { break };
            if !is_dead(tuple, horizon) {
                break;
            }
            key_row = Some(Row::clone(&tuple.row));
            dead.push(offset);
            at = page.chain_next(tuple);
        }
        let Some(key_row) = key_row else {
            mark_rest(page, root, Some(start));
            continue;
        };
        for offset in &dead {
            page.set_slot(*offset, Slot::Unused);
        }
        dropped += dead.len() as u64;
        // The root's line pointer stays, whatever it held.
        if let Some(living) = at {
            page.set_slot(root, Slot::Redirect(living));
            mark_rest(page, root, Some(living));
        } else {
            page.set_slot(root, Slot::Dead);
            gone.push((Tid { block, offset: root }, key_row));
        }
    }
    dropped
}

/// Keeps the hint for versions of a living chain that will die.
fn mark_rest(page: &mut Page, root: u16, mut at: Option<u16>) {
    while let Some(offset) = at {
        let Some(tuple) = page.tuple(offset) else { return };
        let xmax = tuple.xmax;
        at = page.chain_next(tuple);
        if xmax.is_some() {
            page.mark_prunable(xmax, root);
        }
    }
}

impl Heap {
    /// Prunes a page; answers the chains that died, with a row to compute their index keys from.
    pub(crate) fn prune(&mut self, block: u32, horizon: Xid) -> Vec<(Tid, Row)> {
        let mut gone = Vec::new();
        let page = self.page_mut(block).expect("the caller asks for a page that is there");
        let dropped = prune_page(page, block, horizon, &mut gone);
        self.versions -= dropped;
        self.dead = self.dead.saturating_sub(dropped);
        self.dead_pointers += gone.len() as u64;
        gone
    }

    /// VACUUM: prunes every page and frees dead line pointers.
    pub(crate) fn vacuum(&mut self, horizon: Xid) -> Vec<(Tid, Row)> {
        let mut gone = Vec::new();
        for block in 0..self.pages() {
            gone.append(&mut self.prune(block, horizon));
            let page = self.page_mut(block).expect("blocks below the count exist");
            for offset in 1..=page.len() {
                if matches!(page.slot(offset), Some(Slot::Dead)) {
                    page.set_slot(offset, Slot::Unused);
                }
            }
            page.trim();
            if page.free_bytes() > 64 {
                self.roomy.insert(block);
            }
        }
        self.dead_pointers = 0;
        self.left_by_vacuum = self.dead;
        gone
    }
}
