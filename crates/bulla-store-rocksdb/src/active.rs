//! The spaces in use: a bounded cache of their state.

use std::collections::HashMap;
use std::sync::Arc;

use crate::digests::Digests;
use crate::space::Space;

/// The spaces in use, by number. A space leaves it only when nobody else holds it, so that there are never two states of
/// one space.
#[derive(Debug)]
pub(crate) struct Active {
    spaces: HashMap<u32, Slot>,
    clock: u64,
    capacity: usize,
    /// Digests of spaces that left, to be written down with the next commit. A space that comes back takes its own.
    parked: HashMap<u32, Digests>,
}

#[derive(Debug)]
struct Slot {
    space: Arc<Space>,
    last_used: u64,
}

impl Active {
    /// A cache of about `bytes` of memory; at least sixteen spaces.
    pub(crate) fn new(bytes: usize) -> Self {
        let capacity = (bytes / Space::SIZE_BYTES).max(16);
        Self { spaces: HashMap::new(), clock: 0, capacity, parked: HashMap::new() }
    }

    /// A space, if it is in use.
    pub(crate) fn get(&mut self, number: u32) -> Option<Arc<Space>> {
        self.clock = self.clock.wrapping_add(1);
        let slot = self.spaces.get_mut(&number)?;
        slot.last_used = self.clock;
        Some(Arc::clone(&slot.space))
    }

    /// Takes a space into use unless another caller was faster; gives the one that is in use now. `true` beside it when
    /// digests wait to be written down.
    pub(crate) fn insert(&mut self, space: Arc<Space>) -> (Arc<Space>, bool) {
        let number = space.number;
        if let Some(earlier) = self.get(number) {
            return (earlier, false);
        }
        if let Some(digests) = self.parked.remove(&number) {
            let mut live = space.lock();
            // A parked digest is of the last state; anything else would be a mistake of ours, and reading from disk
            // repairs it.
            if digests.at == live.row.last_receipt {
                live.digests = Some(digests);
            }
        }
        self.spaces.insert(number, Slot { space: Arc::clone(&space), last_used: self.clock });
        let evicted = self.spaces.len() > self.capacity && self.evict();
        (space, evicted)
    }

    /// Takes a removed space out.
    pub(crate) fn remove(&mut self, number: u32) {
        self.spaces.remove(&number);
        self.parked.remove(&number);
    }

    /// Digests of spaces that left, to be written down.
    pub(crate) fn take_parked(&mut self) -> Vec<(u32, Digests)> {
        self.parked.drain().collect()
    }

    /// All spaces in use.
    pub(crate) fn spaces(&self) -> Vec<Arc<Space>> {
        self.spaces.values().map(|slot| Arc::clone(&slot.space)).collect()
    }

    /// How many spaces are in use.
    pub(crate) fn len(&self) -> usize {
        self.spaces.len()
    }

    /// Makes room, an eighth at a time so that the search is paid rarely; whether digests wait to be written down.
    fn evict(&mut self) -> bool {
        let idle = self.spaces.iter().filter(|(_, slot)| Arc::strong_count(&slot.space) == 1);
        let mut idle: Vec<(u64, u32)> =
            idle.map(|(number, slot)| (slot.last_used, *number)).collect();
        idle.sort_unstable();
        let surplus = self.spaces.len().saturating_sub(self.capacity - self.capacity / 8);
        for (_, number) in idle.into_iter().take(surplus) {
            let Some(slot) = self.spaces.remove(&number) else { continue };
            let mut live = slot.space.lock();
            if let Some(digests) = live.digests.take()
                && digests.at > live.digests_at
            {
                self.parked.insert(number, digests);
            }
        }
        !self.parked.is_empty()
    }
}
