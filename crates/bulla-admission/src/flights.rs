//! Entries on their way into the engine: what they took of quotas, and what their arrival decides.
//!
//! An entry that was judged may never be stored: its `put` is dropped, or fails. And one that was stored may never be
//! reported, if the `put` is dropped in between. Either way the entry is *lost* here, and looked up in the engine before
//! anything else is judged.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_core::{AuthorKey, EntryId};
use bulla_directory::Link;

use crate::quota::Totals;
use crate::state::Subject;
use crate::tending::Bell;

/// An entry on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) subject: Subject,
    pub(crate) previous: EntryId,
    /// What was set aside for it of quotas.
    pub(crate) reserved: Totals,
    /// It is stored with the mark that its place is open.
    pub(crate) is_open: bool,
    /// It is kept in quarantine, not stored.
    pub(crate) is_kept: bool,
}

impl Arrival {
    pub(crate) fn link(&self) -> Link {
        let Subject { author, sequence, .. } = self.subject;
        Link { author, sequence, previous: self.previous }
    }

    pub(crate) const fn author(&self) -> AuthorKey {
        self.subject.author
    }
}

/// All that are on their way, and those that were lost.
#[derive(Debug, Clone)]
pub(crate) struct Flights {
    inner: Arc<Mutex<Inner>>,
    /// Rung when some are lost.
    bell: Bell,
}

#[derive(Debug, Default)]
struct Inner {
    under_way: HashMap<EntryId, Arrival>,
    lost: Vec<Arrival>,
}

/// What is under way of one `put`, together with the lock under which it was judged.
pub(crate) struct Flight<G> {
    ids: Vec<EntryId>,
    flights: Flights,
    _guard: G,
}

impl Flights {
    pub(crate) fn new(bell: Bell) -> Self {
        Self { inner: Arc::default(), bell }
    }

    /// Lets entries go, but those that are under way already with another `put`: of these, what was set aside of quotas for
    /// both is given `back`.
    pub(crate) fn start<G>(
        &self,
        arrivals: Vec<Arrival>,
        guard: G,
        mut back: impl FnMut(AuthorKey, Totals),
    ) -> Flight<G> {
        let mut ids = Vec::with_capacity(arrivals.len());
        let mut inner = self.lock();
        for arrival in arrivals {
            let id = arrival.subject.id;
            match inner.under_way.entry(id) {
                MapEntry::Vacant(vacant) => {
                    vacant.insert(arrival);
                    ids.push(id);
                }
                MapEntry::Occupied(other) => {
                    back(arrival.author(), arrival.reserved.least(other.get().reserved));
                }
            }
        }
        drop(inner);
        Flight { ids, flights: self.clone(), _guard: guard }
    }

    pub(crate) fn is_under_way(&self, id: &EntryId) -> bool {
        self.lock().under_way.contains_key(id)
    }

    /// Those of these entries that are under way.
    pub(crate) fn under_way(&self, ids: impl IntoIterator<Item = EntryId>) -> Vec<Arrival> {
        let inner = self.lock();
        ids.into_iter().filter_map(|id| inner.under_way.get(&id).copied()).collect()
    }

    /// These have arrived, and all that follows was done.
    pub(crate) fn land(&self, arrivals: &[Arrival]) {
        let mut inner = self.lock();
        for arrival in arrivals {
            inner.under_way.remove(&arrival.subject.id);
        }
    }

    pub(crate) fn has_lost(&self) -> bool {
        !self.lock().lost.is_empty()
    }

    pub(crate) fn lost(&self) -> Vec<Arrival> {
        self.lock().lost.clone()
    }

    /// Forgets the first so many of those that were lost.
    pub(crate) fn found(&self, count: usize) {
        let mut inner = self.lock();
        let count = count.min(inner.lost.len());
        inner.lost.drain(..count);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G> Flight<G> {
    /// These have arrived, and all that follows was done; but not those that are under way with another `put`, which is told
    /// of them itself.
    pub(crate) fn land(self) {
        let mut inner = self.flights.lock();
        for id in &self.ids {
            inner.under_way.remove(id);
        }
    }
}

impl<G> Drop for Flight<G> {
    fn drop(&mut self) {
        let mut inner = self.flights.lock();
        for id in &self.ids {
            if let Some(arrival) = inner.under_way.remove(id) {
                inner.lost.push(arrival);
                self.flights.bell.ring();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_core::{KeyId, Kind};

    use super::*;

    fn arrival(is_kept: bool) -> Arrival {
        let (id, author) = (EntryId([1; 32]), AuthorKey([2; 32]));
        let (kind, key_id) = (Kind::OPERATION, KeyId([3; 32]));
        let subject = Subject { id, author, sequence: 1, kind, key_id };
        let (previous, reserved) = (EntryId::ZERO, Totals::default());
        Arrival { subject, previous, reserved, is_open: false, is_kept }
    }

    #[test]
    fn who_lands_leaves_what_is_under_way_with_another() {
        let flights = Flights::new(Bell::default());
        let (kept, stored) = (arrival(true), arrival(false));
        let first = flights.start(vec![kept], (), |_, _| {});
        let second = flights.start(vec![stored], (), |_, _| {});
        second.land();
        assert_eq!(flights.under_way([kept.subject.id]).len(), 1);
        first.land();
        assert!(flights.under_way([kept.subject.id]).is_empty() && !flights.has_lost());
    }

    /// Two threads may judge the same entry before either lets it go.
    #[test]
    fn what_was_set_aside_twice_is_given_back_once() {
        let flights = Flights::new(Bell::default());
        let reserved = Totals { entries: 1, bytes: 16 };
        let one = Arrival { reserved, ..arrival(false) };
        let mut given = Vec::new();
        let _first = flights.start(vec![one], (), |_, totals| given.push(totals));
        let _second = flights.start(vec![one], (), |_, totals| given.push(totals));
        let _third = flights.start(vec![arrival(false)], (), |_, totals| given.push(totals));
        assert_eq!(given, [reserved, Totals::default()]);
    }
}
