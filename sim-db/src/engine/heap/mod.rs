//! A table's pages.
//!
//! Pages sit in shared chunks, so that a fork of a database copies one vector of
//! pointers, and a first write after it one chunk of pointers and one page.
//! Where a new version goes follows PostgreSQL: the page last inserted into, else
//! one that VACUUM found room in, else the last page, else a new one; that order is
//! what a sequential scan shows.

mod page;
mod prune;
mod size;
mod tuple;

use std::collections::BTreeSet;

pub(crate) use page::Page;
pub(crate) use size::{index_entry_bytes, tuple_bytes};
pub(crate) use tuple::{Slot, Tuple, TupleFlags};

use super::{id::Tid, shared::Shared};

const CHUNK_PAGES: usize = 64;

/// The pages of one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    chunks: Vec<Shared<Vec<Shared<Page>>>>,
    pages: u32,
    /// where the last version went
    target: u32,
    /// pages that VACUUM found room in
    roomy: BTreeSet<u32>,
    /// versions put in less versions dropped
    pub(crate) versions: u64,
    /// versions that are dead or will be, and not yet pruned
    pub(crate) dead: u64,
    /// line pointers that only VACUUM gives back
    dead_pointers: u64,
    /// what the last VACUUM had to leave: somebody could still see it
    left_by_vacuum: u64,
}

/// As `autovacuum_vacuum_threshold`, but twenty times its default: tables of tests stay as they are written.
const VACUUM_THRESHOLD: u64 = 1000;
/// As `autovacuum_vacuum_scale_factor`: a fifth.
const VACUUM_FRACTION: u64 = 5;

impl Heap {
    /// Whether so much is dead that VACUUM should run by itself. PostgreSQL's autovacuum looks once a minute; here it
    /// is the commit that brings a table over the threshold.
    pub(crate) fn wants_vacuum(&self) -> bool {
        self.dead + self.dead_pointers
            > VACUUM_THRESHOLD + self.left_by_vacuum + self.versions / VACUUM_FRACTION
    }

    /// How many pages.
    pub(crate) fn pages(&self) -> u32 {
        self.pages
    }

    pub(crate) fn page(&self, block: u32) -> Option<&Page> {
        let chunk = self.chunks.get(block as usize / CHUNK_PAGES)?;
        chunk.get(block as usize % CHUNK_PAGES).map(|page| &**page)
    }

    pub(crate) fn page_mut(&mut self, block: u32) -> Option<&mut Page> {
        let chunk = self.chunks.get_mut(block as usize / CHUNK_PAGES)?;
        let page = Shared::make_mut(chunk).get_mut(block as usize % CHUNK_PAGES)?;
        Some(Shared::make_mut(page))
    }

    pub(crate) fn tuple(&self, tid: Tid) -> Option<&Tuple> {
        self.page(tid.block)?.tuple(tid.offset)
    }

    pub(crate) fn tuple_mut(&mut self, tid: Tid) -> Option<&mut Tuple> {
        self.page_mut(tid.block)?.tuple_mut(tid.offset)
    }

    fn add_page(&mut self) -> u32 {
        let block = self.pages;
        if self.chunks.len() * CHUNK_PAGES == block as usize {
            self.chunks.push(Shared::new(Vec::with_capacity(CHUNK_PAGES)));
        }
        let chunk = self.chunks.last_mut().expect("a chunk was just made sure of");
        Shared::make_mut(chunk).push(Shared::new(Page::new()));
        self.pages += 1;
        block
    }

    /// The page a version of this size goes to; `near` (an update's own page) first.
    fn page_for(&mut self, size_bytes: u16, near: Option<u32>) -> u32 {
        let fits = |heap: &Heap, block: u32| heap.page(block).is_some_and(|page| page.fits(size_bytes));
        if let Some(block) = near.filter(|block| fits(self, *block)) {
            return block;
        }
        if fits(self, self.target) {
            return self.target;
        }
        while let Some(block) = self.roomy.first().copied() {
            if fits(self, block) {
                return block;
            }
            self.roomy.remove(&block);
        }
        match self.pages.checked_sub(1).filter(|last| fits(self, *last)) {
            Some(last) => last,
            None => self.add_page(),
        }
    }

    /// Puts a version in; its `next` is set to itself. `near` is the page of the version it replaces.
    pub(crate) fn put(&mut self, tuple: Tuple, near: Option<u32>) -> Tid {
        let block = self.page_for(tuple.size_bytes, near);
        if near != Some(block) {
            self.target = block;
        }
        let page = self.page_mut(block).expect("the page was just chosen");
        let tid = Tid { block, offset: page.put(tuple) };
        page.tuple_mut(tid.offset).expect("it was just put there").next = tid;
        self.versions += 1;
        tid
    }
}
