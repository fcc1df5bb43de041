//! What was refused and lies in a chain that decides is stored, so that every replica that gets the entries gets the chain
//! too (ADM-9): what is in quarantine goes with no run.

use std::collections::{HashMap, HashSet};

use bulla_core::limits::MAX_ENTRIES_PER_PUT;
use bulla_core::{Code, EntryId, Verified};
use bulla_store::{Context, Erasure, Facts, KeptEntry, Mark, Result, Verdict};

use crate::admission::DirectoryAdmission;
use crate::chains::Chains;
use crate::codes;
use crate::flights::Arrival;
use crate::judging::subject_of;
use crate::quota::Totals;
use crate::state::Word;
use crate::ward::PART_BYTES;

impl DirectoryAdmission {
    /// Stores the entries in quarantine that walks were led over, as far as what chains ask for is bounded. Of quotas they take
    /// what they are, room or not (ADM-12).
    pub(crate) async fn bring_out(&self, cx: &Context, chains: &mut Chains) -> Result<()> {
        loop {
            // Those that were found on the way to judge these follow.
            let ids = chains.kept_on_chains();
            if ids.is_empty() {
                return Ok(());
            }
            let take = |chains: &mut Chains, entry: &Verified, is_erased: bool| {
                let author = &entry.header().author;
                chains.take_asked_for(author, size_of(entry)).then(|| {
                    let size = self.size_in_quotas(entry, is_erased);
                    self.usage_now().add(author, size);
                    size
                })
            };
            self.bring(cx, chains, &ids, take).await?;
            chains.brought_out(&ids);
        }
    }

    /// Stores those of these entries that are in quarantine, with the marks that they have by now, and for which `reserve`
    /// takes room of quotas; gives those that were found.
    pub(crate) async fn bring(
        &self,
        cx: &Context,
        chains: &mut Chains,
        mut ids: &[EntryId],
        reserve: impl Fn(&mut Chains, &Verified, bool) -> Option<Totals>,
    ) -> Result<Vec<EntryId>> {
        let mut all = Vec::new();
        while !ids.is_empty() {
            let part = ids.get(..MAX_ENTRIES_PER_PUT).unwrap_or(ids);
            let found = self.engine.kept_entries(cx, part, PART_BYTES).await?;
            let (_, later) = ids.split_at(found.len().clamp(1, ids.len()));
            ids = later;
            let mut judged = Vec::new();
            let mut others = Vec::new();
            for KeptEntry { entry, .. } in found.into_iter().flatten() {
                let word = self.word_by_itself(cx, chains, &subject_of(&entry)).await?;
                let by = self.state().directory.erased_by(entry.verified_header());
                if let Some(by) = by {
                    let ids = vec![entry.id()];
                    self.engine.erase(cx, Erasure { by, is_prune: false, ids }).await?;
                } else {
                    others.push(entry.id());
                }
                all.push(entry.id());
                judged.push((entry, word, by.is_some()));
            }
            self.forget_erased(cx, &others).await?;
            // From here on nothing waits until what is set aside is on its way.
            let mut batch: Vec<(Verified, Mark)> = Vec::new();
            let mut arrivals = Vec::new();
            for (entry, word, is_erased) in judged {
                let Some(reserved) = reserve(chains, &entry, is_erased) else { continue };
                let (subject, is_open) = (subject_of(&entry), word == Word::Open);
                if is_open {
                    chains.note(&subject);
                }
                let previous = entry.header().previous;
                arrivals.push(Arrival { subject, previous, reserved, is_open, is_kept: false });
                batch.push((entry, word.mark()));
            }
            // If this fails or is dropped what was counted is looked up, as for all that is lost on its way.
            let flight = self.start(arrivals.clone(), ());
            self.engine.put_judged(cx, batch).await?;
            flight.land();
            for arrival in &arrivals {
                self.left_quarantine(&arrival.subject.id);
            }
        }
        Ok(all)
    }
}

/// Has those entries of a batch stored that were refused and lie in a chain for which a walk waits, whoever wrote them and be
/// there room for them or not, as far as that is bounded; gives their ids. Under quotas all of these may be refused yet.
pub(crate) fn on_chains(
    chains: &mut Chains,
    is_limited: bool,
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
        if header.author != author || needed.contains(&id) {
            continue;
        }
        let is_refused = is_limited || *verdict != Verdict::Admit;
        if is_refused && !chains.take_asked_for(&author, size_of(entry)) {
            continue;
        }
        needed.insert(id);
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

/// With header, signature and payload.
fn size_of(entry: &Verified) -> u64 {
    u64::try_from(entry.size_bytes()).unwrap_or(u64::MAX)
}
