//! What was refused and is kept, in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use bulla_core::{AuthorKey, Code, EntryId, Verified};

use super::MemoryStore;
use crate::quarantine::{FULL, size_of};
use crate::rules::{self, ByteBudget};
use crate::{
    Context, Kept, KeptEntry, KeptFacts, KeptPage, KeptTotals, Quarantine, QuarantineBounds, Result,
};

/// The quarantine of one store.
#[derive(Debug)]
pub(super) struct Ward {
    bounds: QuarantineBounds,
    entries: BTreeMap<EntryId, KeptEntry>,
    authors: HashMap<AuthorKey, KeptTotals>,
    all: KeptTotals,
    /// Whether something found no room since something left last.
    is_full: bool,
}

impl Ward {
    pub(super) fn new(bounds: QuarantineBounds) -> Self {
        let (entries, authors) = (BTreeMap::new(), HashMap::new());
        Self { bounds, entries, authors, all: KeptTotals::default(), is_full: false }
    }

    pub(super) fn impairments(&self) -> Vec<Code> {
        if self.is_full { vec![Code::new(FULL)] } else { Vec::new() }
    }

    fn keep(&mut self, entry: Verified, code: Code) -> Kept {
        let (id, author) = (entry.id(), entry.header().author);
        let (mut of_author, mut all) =
            (self.authors.get(&author).copied().unwrap_or_default(), self.all);
        let outcome = match self.entries.get_mut(&id) {
            None => Kept::Kept,
            Some(kept) => {
                kept.code = code.clone();
                if kept.entry.payload().is_some() || entry.payload().is_none() {
                    return Kept::Already;
                }
                let bytes = size_of(&kept.entry);
                (of_author, all) = (of_author.without(bytes), all.without(bytes));
                Kept::Already
            }
        };
        let bytes = size_of(&entry);
        let (of_author, all) = (of_author.with(bytes), all.with(bytes));
        if let Some(refusal) = self.bounds.refusal(of_author, all) {
            if outcome == Kept::Already {
                return outcome;
            }
            self.is_full |= refusal.code.as_str() == FULL;
            return Kept::Refused(refusal);
        }
        self.authors.insert(author, of_author);
        self.all = all;
        self.entries.insert(id, KeptEntry { entry, code });
        outcome
    }

    /// Leaves the header of an entry; whether there was a payload.
    fn drop_payload(&mut self, id: &EntryId) -> bool {
        let Some(kept) = self.entries.get_mut(id) else { return false };
        if kept.entry.payload().is_none() {
            return false;
        }
        let before = size_of(&kept.entry);
        kept.entry = Verified::Header(kept.entry.verified_header().clone());
        let (author, after) = (kept.entry.header().author, size_of(&kept.entry));
        let of_author = self.authors.entry(author).or_default();
        *of_author = of_author.without(before).with(after);
        self.all = self.all.without(before).with(after);
        self.is_full = false;
        true
    }

    /// Takes an entry out; whether it was there.
    pub(super) fn remove(&mut self, id: &EntryId) -> bool {
        let Some(kept) = self.entries.remove(id) else { return false };
        let (author, bytes) = (kept.entry.header().author, size_of(&kept.entry));
        if let Some(totals) = self.authors.get_mut(&author) {
            *totals = totals.without(bytes);
            if totals.entries == 0 {
                self.authors.remove(&author);
            }
        }
        self.all = self.all.without(bytes);
        self.is_full = false;
        true
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Quarantine for MemoryStore {
    async fn keep(&self, _cx: &Context, batch: Vec<(Verified, Code)>) -> Result<Vec<Kept>> {
        rules::check_given(&batch)?;
        let mut state = self.write()?;
        let outcomes = batch.into_iter().map(|(entry, code)| {
            if let Some(refusal) = rules::refusal(&self.space, &entry) {
                return Kept::Refused(refusal);
            }
            match state.receipt_of(&entry.id()) {
                Some(receipt) => Kept::Held(receipt),
                None => state.ward.keep(entry, code),
            }
        });
        Ok(outcomes.collect())
    }

    async fn kept(&self, _cx: &Context, after: Option<EntryId>, limit: usize) -> Result<KeptPage> {
        let limit = rules::clamp_listing(limit);
        let state = self.read()?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = state.ward.entries.range((start, Bound::Unbounded));
        let facts = rest
            .by_ref()
            .take(limit)
            .map(|(_, kept)| KeptFacts::of(&kept.entry, kept.code.clone()))
            .collect();
        Ok(KeptPage { facts, end: rest.next().is_none() })
    }

    async fn kept_entries(
        &self,
        _cx: &Context,
        ids: &[EntryId],
        max_bytes: u32,
    ) -> Result<Vec<Option<KeptEntry>>> {
        rules::check_ids(ids.len())?;
        let state = self.read()?;
        let mut budget = ByteBudget::new(max_bytes);
        let found = ids.iter().map_while(|id| {
            let kept = state.ward.entries.get(id);
            budget.take(kept.map_or(0, |kept| kept.entry.size_bytes())).then(|| kept.cloned())
        });
        Ok(found.collect())
    }

    async fn release(&self, _cx: &Context, ids: &[EntryId]) -> Result<u64> {
        rules::check_ids(ids.len())?;
        let mut state = self.write()?;
        let count = ids.iter().filter(|id| state.ward.remove(id)).count();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    async fn drop_payloads(&self, _cx: &Context, ids: &[EntryId]) -> Result<u64> {
        rules::check_ids(ids.len())?;
        let mut state = self.write()?;
        let count = ids.iter().filter(|id| state.ward.drop_payload(id)).count();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    async fn kept_totals(&self, _cx: &Context) -> Result<KeptTotals> {
        Ok(self.read()?.ward.all)
    }
}
