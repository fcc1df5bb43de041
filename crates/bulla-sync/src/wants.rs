//! Payloads that the target lacks and nothing excuses (chapter `sync.md`, SYN-26).

use std::collections::BTreeSet;

use bulla_core::EntryId;

use crate::keep::Listed;

/// Payloads that the target lacks and nothing excuses.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    ids: BTreeSet<EntryId>,
    /// There are more than the list holds.
    pub(crate) is_cut: bool,
    /// The list is not what was loaded.
    pub(crate) is_changed: bool,
}

impl Wants {
    pub(crate) fn new(ids: Vec<EntryId>, is_cut: bool) -> Self {
        Self { ids: ids.into_iter().collect(), is_cut, is_changed: false }
    }

    pub(crate) fn insert(&mut self, id: EntryId) {
        if self.ids.len() >= EntryId::MOST {
            self.is_cut |= !self.ids.contains(&id);
        } else if self.ids.insert(id) {
            self.is_changed = true;
        }
    }

    pub(crate) fn remove(&mut self, id: &EntryId) {
        self.is_changed |= self.ids.remove(id);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { is_changed: true, ..Self::default() };
    }

    /// Whether the list was cut and has room again, so that examining everything anew would find more.
    pub(crate) fn has_room_again(&self) -> bool {
        self.is_cut && self.ids.len() < EntryId::MOST / 2
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.ids.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn to_vec(&self) -> Vec<EntryId> {
        self.ids.iter().copied().collect()
    }
}
