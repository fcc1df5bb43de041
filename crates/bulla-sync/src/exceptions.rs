//! Entries that the source showed and the target does not hold (chapter `sync.md`, SYN-18).

use std::collections::BTreeMap;

use bulla_core::EntryId;

use crate::keep::Listed;
use crate::{Exception, Why};

/// Entries that the source showed and the target does not hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exceptions {
    records: BTreeMap<EntryId, Exception>,
    /// There are more than the list holds.
    pub(crate) is_cut: bool,
    /// Counts changes.
    pub(crate) version: u64,
    /// Counts how often all were forgotten.
    pub(crate) forgotten: u64,
}

impl Exceptions {
    pub(crate) fn new(records: Vec<Exception>, is_cut: bool) -> Self {
        let records = records.into_iter().map(|record| (record.id, record)).collect();
        Self { records, is_cut, version: 0, forgotten: 0 }
    }

    pub(crate) fn insert(&mut self, exception: Exception) {
        if self.records.len() >= Exception::MOST && !self.records.contains_key(&exception.id) {
            self.is_cut = true;
            return;
        }
        self.version += 1;
        self.records.insert(exception.id, exception);
    }

    /// The target holds this entry after all.
    pub(crate) fn remove(&mut self, id: &EntryId) {
        if self.records.remove(id).is_some() {
            self.version += 1;
        }
    }

    pub(crate) fn clear(&mut self) {
        let (version, forgotten) = (self.version + 1, self.forgotten + 1);
        *self = Self { version, forgotten, ..Self::default() };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn ids(&self) -> Vec<EntryId> {
        self.records.keys().copied().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.records.values()
    }

    pub(crate) fn to_vec(&self) -> Vec<Exception> {
        self.records.values().cloned().collect()
    }

    /// How many the target refused.
    pub(crate) fn refused(&self) -> u64 {
        let refused = self.records.values().filter(|record| record.why.is_refusal()).count();
        u64::try_from(refused).unwrap_or(u64::MAX)
    }

    /// Those that asking the source again may settle.
    pub(crate) fn to_ask_again(&self) -> Vec<EntryId> {
        let again = |record: &&Exception| record.why != Why::Refused;
        self.records.values().filter(again).map(|record| record.id).collect()
    }
}
