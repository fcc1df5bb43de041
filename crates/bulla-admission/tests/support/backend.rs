//! Engines in memory.

use bulla_core::{Lineage, SpaceId};
use bulla_store::{MemoryStore, QuarantineBounds};

pub(crate) type Store = MemoryStore;

/// Nothing is left of it.
#[derive(Debug)]
pub(crate) struct Place;

/// Every fault and every history.
pub(crate) const STEP: usize = 1;

pub(crate) fn open(space: SpaceId, number: u8, bounds: QuarantineBounds) -> (Store, Place) {
    (MemoryStore::with_quarantine(space, Lineage([number; 16]), bounds), Place)
}
