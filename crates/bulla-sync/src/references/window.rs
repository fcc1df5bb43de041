//! The entries seen of late, so that most references are checked without asking a store.

use std::collections::{HashMap, VecDeque};

use bulla_core::{AuthorKey, EntryId};

/// Entries remembered; some 8 MiB when full.
const CAPACITY: usize = 65_536;

/// The entries seen of late: author and sequence by id. Standard maps are keyed at random, so that chosen ids cannot
/// flood them.
#[derive(Debug, Default)]
pub(super) struct Window {
    entries: HashMap<EntryId, (AuthorKey, u64)>,
    order: VecDeque<EntryId>,
}

impl Window {
    pub(super) fn insert(&mut self, id: EntryId, author: AuthorKey, sequence: u64) {
        if self.entries.insert(id, (author, sequence)).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn find(&self, id: &EntryId) -> Option<(AuthorKey, u64)> {
        self.entries.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_makes_room() {
        let mut window = Window::default();
        let id = |i: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&i.to_be_bytes());
            EntryId(bytes)
        };
        for i in 0..=CAPACITY {
            window.insert(id(i), AuthorKey([1; 32]), 1);
        }
        assert_eq!(window.find(&id(0)), None);
        assert!(window.find(&id(1)).is_some() && window.find(&id(CAPACITY)).is_some());
        assert_eq!(window.order.len(), window.entries.len());
    }
}
