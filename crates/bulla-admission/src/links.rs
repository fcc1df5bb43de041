//! What was refused and lies in a chain that decides is stored, so that every replica that gets the entries gets the chain
//! too (ADM-9): what is in quarantine goes with no run.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::{Code, EntryId, Verified};
use bulla_store::{Context, Erasure, Facts, KeptEntry, Mark, Result, Verdict};

use crate::admission::DirectoryAdmission;
use crate::chains::Chains;
use crate::codes;
use crate::flights::Arrival;
use crate::judging::subject_of;
use crate::quota::{self, Totals};
use crate::state::Word;
use crate::ward::PART_BYTES;

impl DirectoryAdmission {
    /// Stores the entries in quarantine that walks were led over, with the marks that they have by now. Of quotas they take
    /// what they are, room or not (ADM-12).
    pub(crate) async fn bring_out(&self, cx: &Context, chains: &mut Chains) -> Result<()> {
        loop {
            // Those that were found on the way to judge these follow.
            let ids = chains.kept_on_chains();
            if ids.is_empty() {
                return Ok(());
            }
            let mut ids = ids.as_slice();
            while !ids.is_empty() {
                let part = ids.get(..MAX_ENTRIES_PER_PUT).unwrap_or(ids);
                let found = self.engine.kept_entries(cx, part, PART_BYTES).await?;
                let (now, later) = ids.split_at(found.len().clamp(1, ids.len()));
                self.store_links(cx, chains, found.into_iter().flatten()).await?;
                chains.brought_out(now);
                ids = later;
            }
        }
    }

    async fn store_links(
        &self,
        cx: &Context,
        chains: &mut Chains,
        found: impl Iterator<Item = KeptEntry>,
    ) -> Result<()> {
        let is_limited = quota::limits_anything(&self.state().directory.policy());
        let mut batch: Vec<(Verified, Mark)> = Vec::new();
        let mut arrivals = Vec::new();
        let mut erased: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
        let mut others = Vec::new();
        for kept in found {
            let subject = subject_of(&kept.entry);
            let word = self.word_by_itself(cx, chains, &subject).await?;
            if word == Word::Open {
                chains.note(&subject);
            }
            let by = self.state().directory.erased_by(kept.entry.verified_header());
            let mut reserved = Totals::default();
            if is_limited {
                let has_payload = kept.entry.payload().is_some() && by.is_none();
                let length = u64::from(kept.entry.header().payload_length);
                reserved = Totals { entries: 1, bytes: if has_payload { length } else { 0 } };
            }
            match by {
                Some(by) => erased.entry(by).or_default().push(subject.id),
                None => others.push(subject.id),
            }
            let (previous, is_open) = (kept.entry.header().previous, word == Word::Open);
            arrivals.push(Arrival { subject, previous, reserved, is_open, is_kept: false });
            batch.push((kept.entry, word.mark()));
        }
        self.forget_erased(cx, &others).await?;
        for (by, ids) in erased {
            self.engine.erase(cx, Erasure { by, is_prune: false, ids }).await?;
        }
        for arrival in &arrivals {
            self.usage_now().add(&arrival.author(), arrival.reserved);
        }
        // If this fails or is dropped what was counted is looked up, as for all that is lost on its way.
        let flight = self.flights.start(arrivals.clone(), ());
        self.engine.put_judged(cx, batch).await?;
        flight.land();
        Ok(())
    }
}

/// Has those entries of a batch stored that were refused and lie in a chain for which a walk waits, whoever wrote them and be
/// there room for them or not; gives their ids.
pub(crate) fn on_chains(
    chains: &mut Chains,
    entries: &[&Verified],
    held: &[Option<Facts>],
    verdicts: &mut [Verdict],
) -> HashSet<EntryId> {
    let mut by_id: HashMap<EntryId, usize> = HashMap::new();
    let mut waited = Vec::new();
    for (at, (entry, held)) in entries.iter().zip(held).enumerate() {
        let (id, author) = (entry.id(), entry.header().author);
        if held.is_some() {
            continue;
        }
        by_id.insert(id, at);
        if chains.waits_for(&author, &id) {
            waited.push((id, author, chains.lowest_open(&author).unwrap_or(u64::MAX)));
        } else if chains.is_waited_for(&id) {
            // Somebody else's chain ends here.
            waited.push((id, author, u64::MAX));
        }
    }
    let mut needed = HashSet::new();
    while let Some((id, author, lowest)) = waited.pop() {
        let Some(at) = by_id.get(&id) else { continue };
        let Some((entry, verdict)) = entries.get(*at).zip(verdicts.get_mut(*at)) else { continue };
        let header = entry.header();
        if header.author != author || !needed.insert(id) {
            continue;
        }
        match verdict {
            Verdict::Quarantine(code) => *verdict = Verdict::Mark(code.clone()),
            Verdict::Refuse(refusal) if refusal.code.as_str() == codes::BRANCHES => {
                chains.note_for_now(&subject_of(entry));
                *verdict = Verdict::Mark(Code::new(codes::OPEN));
            }
            Verdict::Refuse(refusal) if refusal.code.as_str() == codes::STRANGER => {
                *verdict = Verdict::Mark(refusal.code.clone());
            }
            _ => {}
        }
        // Nothing that is open comes before the lowest.
        if header.sequence > lowest {
            waited.push((header.previous, author, lowest));
        }
    }
    needed
}
