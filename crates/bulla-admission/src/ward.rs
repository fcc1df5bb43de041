//! What is in quarantine: judged again when the directory changes, listed and retried by people (ADM-10, ADM-16).

use std::collections::{BTreeMap, HashSet};
use std::pin::pin;

use bulla_core::limits::MAX_PAGE_BYTES;
use bulla_core::{AuthorKey, EntryId, Verified};
use bulla_store::{
    Context, Erasure, KeptEntry, KeptFacts, KeptPage, KeptTotals, Mark, Result, kept_pages,
};
use futures_util::TryStreamExt as _;

use crate::admission::DirectoryAdmission;
use crate::flights::Arrival;
use crate::judging::subject_of;
use crate::quota::{self, Totals};
use crate::rejudging::Marks;
use crate::state::{Subject, Word};

/// Bytes of entries that are taken out of quarantine at once.
pub(crate) const PART_BYTES: u32 = MAX_PAGE_BYTES / 2;

/// What a retry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retried {
    /// Entries that were in quarantine and are stored now.
    pub stored: u64,
    /// Entries that are in quarantine still.
    pub kept: KeptTotals,
}

impl DirectoryAdmission {
    /// What is in quarantine, by id, from after an id on; at most 4,096.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    pub async fn quarantined(
        &self,
        cx: &Context,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<KeptPage> {
        self.engine.kept(cx, after, limit).await
    }

    /// Judges everything in quarantine again, and stores what counts by now.
    ///
    /// # Errors
    ///
    /// Those of the engine; what was stored before stays.
    pub async fn retry(&self, cx: &Context) -> Result<Retried> {
        let _guard = self.exclusive(cx).await?;
        let before = self.engine.kept_totals(cx).await?;
        let mut marks = Marks::new(&*self.engine);
        self.judge_kept(cx, None, &mut marks).await?;
        self.flush_last(cx, &mut marks).await?;
        let kept = self.engine.kept_totals(cx).await?;
        Ok(Retried { stored: before.entries.saturating_sub(kept.entries), kept })
    }

    /// Judges what is in quarantine again, of these authors or of all, and stores what is to be stored by now. The gate is
    /// held.
    pub(crate) async fn judge_kept(
        &self,
        cx: &Context,
        authors: Option<&HashSet<AuthorKey>>,
        marks: &mut Marks<'_>,
    ) -> Result<()> {
        if self.engine.kept_totals(cx).await?.entries == 0 {
            return Ok(());
        }
        let mut kept = pin!(kept_pages(|after, limit| self.engine.kept(cx, after, limit)));
        while let Some(page) = kept.try_next().await? {
            let concerned = page.iter().filter(|f| authors.is_none_or(|a| a.contains(&f.author)));
            let concerned: Vec<&KeptFacts> = concerned.collect();
            self.judge_page(cx, &concerned, marks).await?;
        }
        Ok(())
    }

    async fn judge_page(
        &self,
        cx: &Context,
        page: &[&KeptFacts],
        marks: &mut Marks<'_>,
    ) -> Result<()> {
        let mut stored: BTreeMap<EntryId, Word> = BTreeMap::new();
        let mut recoded: BTreeMap<EntryId, Word> = BTreeMap::new();
        for facts in page {
            let subject = subject(facts);
            self.note_key(&subject);
            let mut chains = self.chains().await;
            let word = self.word(cx, &mut chains, &subject).await?;
            match &word {
                // One that is open is noted once it is stored: quotas may keep it here.
                Word::Counts | Word::Open => _ = stored.insert(facts.id, word),
                word if word.mark().code() == Some(&facts.code) => {}
                _ => _ = recoded.insert(facts.id, word),
            }
        }
        let ids: Vec<EntryId> = stored.keys().copied().collect();
        self.store_kept(cx, &ids, &stored, marks).await?;
        let ids: Vec<EntryId> = recoded.keys().copied().collect();
        for part in ids.chunks(256) {
            let entries = self.kept_entries(cx, part).await?;
            for kept in entries {
                if let Some(code) =
                    recoded.get(&kept.entry.id()).and_then(|word| word.mark().code().cloned())
                {
                    self.engine.keep(cx, vec![(kept.entry, code)]).await?;
                }
            }
        }
        Ok(())
    }

    /// Stores entries out of quarantine, as far as quotas have room.
    async fn store_kept(
        &self,
        cx: &Context,
        mut ids: &[EntryId],
        words: &BTreeMap<EntryId, Word>,
        marks: &mut Marks<'_>,
    ) -> Result<()> {
        while !ids.is_empty() {
            let found = self.engine.kept_entries(cx, ids, PART_BYTES).await?;
            let (_, rest) = ids.split_at(found.len().clamp(1, ids.len()));
            ids = rest;
            let mut judged = Vec::new();
            let mut erased: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
            let mut others = Vec::new();
            let mut wanted = Totals::default();
            for KeptEntry { entry, .. } in found.into_iter().flatten() {
                let Some(word) = words.get(&entry.id()) else { continue };
                let by = self.state().directory.erased_by(entry.verified_header());
                match by {
                    Some(by) => erased.entry(by).or_default().push(entry.id()),
                    None => others.push(entry.id()),
                }
                if *word == Word::Counts {
                    self.note_named(cx, &entry, |id| words.contains_key(id)).await?;
                }
                wanted = wanted.plus(self.size_in_quotas(&entry, by.is_some()));
                judged.push((entry, word, by.is_some()));
            }
            // Before it: whatever becomes of this, nothing counts without what it names.
            let mut chains = self.chains().await;
            if self.bring_named(cx, &mut chains, wanted).await? {
                let ids: Vec<EntryId> = judged.iter().map(|(entry, ..)| entry.id()).collect();
                let held = self.engine.facts(cx, &ids).await?;
                let mut held = held.iter().map(Option::is_some);
                // A chain may have led over one of these.
                judged.retain(|_| held.next() != Some(true));
            }
            drop(chains);
            self.forget_erased(cx, &others).await?;
            for (by, ids) in erased {
                self.engine.erase(cx, Erasure { by, is_prune: false, ids }).await?;
            }
            // From here on nothing waits until what is set aside is on its way.
            let mut batch: Vec<(Verified, Mark)> = Vec::new();
            let mut arrivals = Vec::new();
            for (entry, word, is_erased) in judged {
                let Some(reserved) = self.room_for(&entry, is_erased, Totals::default()) else {
                    continue;
                };
                arrivals.push(Arrival {
                    subject: subject_of(&entry),
                    previous: entry.header().previous,
                    reserved,
                    is_open: *word == Word::Open,
                    is_kept: false,
                });
                batch.push((entry, word.mark()));
            }
            // What was counted is counted anew if this fails or is dropped: a flight that is lost is looked up.
            let flight = self.start(arrivals.clone(), ());
            let report = self.engine.put_judged(cx, batch).await?;
            marks.flush(cx, None).await?;
            self.landed(cx, &arrivals, true).await?;
            self.flights.land(&arrivals);
            drop(flight);
            let stored =
                report.outcomes.iter().filter(|outcome| outcome.receipt().is_some()).count();
            tracing::info!(
                space = %self.space().short(), stored, "entries left the quarantine and are stored"
            );
        }
        Ok(())
    }

    /// What an entry takes of quotas; nothing where the policy limits nothing.
    pub(crate) fn size_in_quotas(&self, entry: &Verified, is_erased: bool) -> Totals {
        if !quota::limits_anything(&self.state().directory.policy()) {
            return Totals::default();
        }
        let bytes = match entry.payload() {
            Some(_) if !is_erased => u64::from(entry.header().payload_length),
            _ => 0,
        };
        Totals { entries: 1, bytes }
    }

    /// Sets aside what an entry takes of quotas; `None` if there is no room for it and for what is wanted `besides`.
    pub(crate) fn room_for(
        &self,
        entry: &Verified,
        is_erased: bool,
        besides: Totals,
    ) -> Option<Totals> {
        let reserved = self.size_in_quotas(entry, is_erased);
        let author = &entry.header().author;
        self.has_room(author, reserved.plus(besides)).then(|| {
            self.usage_now().add(author, reserved);
            reserved
        })
    }

    /// Whether quotas have room for what is wanted of an author.
    pub(crate) fn has_room(&self, author: &AuthorKey, wanted: Totals) -> bool {
        if wanted == Totals::default() {
            return true;
        }
        let state = self.state();
        let usage = self.usage_now();
        let of_author = usage.of(author).plus(state.controls.charged_of(author));
        let all = usage.all().plus(state.controls.charged());
        quota::exceeded(&state.directory.policy(), of_author, all, wanted).is_none()
    }

    /// The entries of these ids that are in quarantine, whatever they weigh.
    pub(crate) async fn kept_entries(
        &self,
        cx: &Context,
        mut ids: &[EntryId],
    ) -> Result<Vec<KeptEntry>> {
        let mut all = Vec::new();
        while !ids.is_empty() {
            let found = self.engine.kept_entries(cx, ids, PART_BYTES).await?;
            let (_, rest) = ids.split_at(found.len().clamp(1, ids.len()));
            ids = rest;
            all.extend(found.into_iter().flatten());
        }
        Ok(all)
    }
}

fn subject(facts: &KeptFacts) -> Subject {
    Subject {
        id: facts.id,
        author: facts.author,
        sequence: facts.sequence,
        kind: facts.kind,
        key_id: facts.key_id,
    }
}
