//! Which ids a cache may hold, and which the origin just said it has not.

use std::collections::HashMap;
use std::time::Duration;

use bulla_core::EntryId;
use growable_bloom_filter::GrowableBloom;

/// The share of ids not held for which the storage is asked in vain.
const FALSE_POSITIVES: f64 = 0.01;
/// The filter is sized for at least so many ids.
const SMALLEST: usize = 1024;
/// Negative answers kept at most; beyond it all are forgotten.
const MOST_NEGATIVES: usize = 65_536;

/// A filter over the ids held. It lives in memory only, is made anew at open and never travels (CACHE-7).
#[derive(Debug)]
pub(super) struct Presence {
    filter: GrowableBloom,
    inserted: usize,
    /// Ids that came while the filter is made anew.
    meanwhile: Option<Vec<EntryId>>,
}

impl Presence {
    pub(super) fn new() -> Self {
        Self { filter: GrowableBloom::new(FALSE_POSITIVES, SMALLEST), inserted: 0, meanwhile: None }
    }

    /// `false`: certainly not held.
    pub(super) fn may_hold(&self, id: &EntryId) -> bool {
        self.filter.contains(id)
    }

    pub(super) fn insert(&mut self, id: &EntryId) {
        if self.filter.insert(id) {
            self.inserted += 1;
        }
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.push(*id);
        }
    }

    /// Whether so much was evicted since that the filter answers "maybe" for little more than what is gone.
    pub(super) fn is_worn(&self, held: usize) -> bool {
        self.meanwhile.is_none() && self.inserted > SMALLEST && self.inserted / 2 > held
    }

    /// From here on what comes is remembered until [`replace`](Self::replace).
    pub(super) fn begin_anew(&mut self) {
        self.meanwhile = Some(Vec::new());
    }

    /// Makes the filter of the ids held when [`begin_anew`](Self::begin_anew) was called and of what came since.
    pub(super) fn replace(&mut self, held: &[EntryId]) {
        let meanwhile = self.meanwhile.take().unwrap_or_default();
        let expected = held.len().saturating_add(meanwhile.len()).max(SMALLEST);
        self.filter = GrowableBloom::new(FALSE_POSITIVES, expected);
        self.inserted = 0;
        for id in held.iter().chain(&meanwhile) {
            self.insert(id);
        }
    }
}

/// Ids that the origin said it does not hold, and until when that is believed (CACHE-6).
#[derive(Debug, Default)]
pub(super) struct Negatives {
    until: HashMap<EntryId, Duration>,
}

impl Negatives {
    pub(super) fn contains(&self, id: &EntryId, now: Duration) -> bool {
        self.until.get(id).is_some_and(|until| now < *until)
    }

    pub(super) fn insert(&mut self, id: EntryId, until: Duration) {
        if self.until.len() >= MOST_NEGATIVES {
            self.until.clear();
        }
        self.until.insert(id, until);
    }

    pub(super) fn clear(&mut self) {
        self.until.clear();
    }
}
