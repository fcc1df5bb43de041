//! Asking the source for what frontiers prove, and what it means when it says no (chapter `sync.md`, SYN-51 to SYN-53).

use std::collections::{BTreeSet, HashMap};

use bulla_core::EntryId;
use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{Freshness, GetItem, Has, Head};

use super::Attestation;
use crate::report::MAX_LISTED;
use crate::side::Halt;
use crate::work::Work;
use crate::{Attested, Evidence, Misbehaviour, Reason};

/// Rounds of asking: what comes may have frontiers that prove more.
const MAX_ROUNDS: u32 = 4;
/// Frontiers that come along as evidence; each may be 1 MiB long.
const MAX_FRONTIERS: usize = 16;
/// Bytes of an answer with one frontier.
const FRONTIER_BYTES: u32 = 2 * 1024 * 1024;

impl Work {
    /// Whether frontiers are read: those of a near target, where nothing hides what they prove.
    pub(crate) fn reads_frontiers(&self) -> bool {
        self.is_target_near() && self.judges_references()
    }

    /// Asks the source for what frontiers prove or claim and the target lacks. The target's head afterwards, and what is
    /// to be said against the source.
    pub(crate) async fn reach_frontiers(
        &mut self,
        mut now: Head,
    ) -> Result<(Head, Option<Misbehaviour>), Halt> {
        if !self.reads_frontiers() {
            return Ok((now, None));
        }
        self.read_frontiers().await?;
        let mut asked = BTreeSet::new();
        let mut denied = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let hints = std::mem::take(&mut self.frontiers.hints);
            let unreached = self.frontiers.unreached_entries().map(|(id, _)| id);
            let ids: Vec<_> = unreached.chain(hints).filter(|id| asked.insert(*id)).collect();
            if ids.is_empty() {
                break;
            }
            let offered = self.counts.offered;
            denied.extend(self.ask_for_named(ids).await?);
            if self.counts.offered > offered {
                now = self.settle_target().await?;
            }
        }
        self.drop_refused();
        let withheld = self.find_withheld(&now, &denied).await?;
        Ok((now, withheld))
    }

    /// Asks the target again about what is proven and was not held.
    pub(crate) async fn recheck_frontiers(&mut self) -> Result<(), Halt> {
        let ids: Vec<_> = self.frontiers.unreached_entries().map(|(id, _)| id).collect();
        let held = self.held_of(ids).await?;
        let of_held = self.frontiers.unreached_entries().filter(|(id, _)| held.contains(id));
        let authors: Vec<_> = of_held.map(|(_, of)| of.author).collect();
        self.read_reached_of(authors).await?;
        for id in &held {
            self.frontiers.settle(id);
        }
        Ok(())
    }

    /// What the target refused was not withheld from it.
    fn drop_refused(&mut self) {
        for exception in self.exceptions.iter().filter(|exception| exception.why.is_refusal()) {
            self.frontiers.remove(&exception.id);
        }
    }

    /// What is proven and not held, by frontiers that count.
    pub(crate) async fn find_unreached(&self) -> Result<Vec<(EntryId, Attestation)>, Halt> {
        let unreached = self.frontiers.unreached_entries().map(|(id, of)| (id, *of));
        self.counting(unreached.collect()).await
    }

    /// Those of these that are to be reached, by the caller's word.
    async fn counting(
        &self,
        entries: Vec<(EntryId, Attestation)>,
    ) -> Result<Vec<(EntryId, Attestation)>, Halt> {
        let Some(judge) = self.options.frontier_judge.as_ref().filter(|_| !entries.is_empty())
        else {
            return Ok(entries);
        };
        let asked: Vec<_> = entries.iter().map(|(id, of)| attested(*id, of, None)).collect();
        let answers = judge.counts(&self.options.context, &asked).await;
        let answers = answers.map_err(|error| Halt::Stop(Reason::Target(error)))?;
        let answers = answers.into_iter().chain(std::iter::repeat(true));
        Ok(entries
            .into_iter()
            .zip(answers)
            .filter(|(_, counts)| *counts)
            .map(|(of, _)| of)
            .collect())
    }

    /// Entries that the source says it lacks, though it shows a frontier that proves them (SYN-53).
    async fn find_withheld(
        &mut self,
        now: &Head,
        denied: &BTreeSet<EntryId>,
    ) -> Result<Option<Misbehaviour>, Halt> {
        if self.head.freshness != Freshness::Fresh {
            return Ok(None);
        }
        let unreached = self.find_unreached().await?;
        let mut suspects: HashMap<EntryId, Attestation> =
            unreached.into_iter().filter(|(id, _)| denied.contains(id)).collect();
        let is_same = self.head.held == now.held;
        if !is_same {
            suspects.extend(self.denied_of_those_reached().await?);
        }
        let frontiers: BTreeSet<_> = suspects.values().map(|of| of.by).collect();
        let frontiers: Vec<_> = frontiers.into_iter().collect();
        let mut shown = BTreeSet::new();
        for ids in frontiers.chunks(MAX_IDS_PER_REQUEST) {
            // What both hold need not be asked about.
            let presence = match is_same {
                true => vec![Has::Yes; ids.len()],
                false => self.source.has(ids).await?,
            };
            let held = ids.iter().zip(presence).filter(|(_, has)| *has == Has::Yes);
            shown.extend(held.map(|(id, _)| *id));
        }
        let mut withheld: Vec<_> =
            suspects.into_iter().filter(|(_, of)| shown.contains(&of.by)).collect();
        withheld.sort_by_key(|(id, _)| *id);
        self.confirm(&mut withheld).await?;
        if withheld.is_empty() {
            return Ok(None);
        }
        let count = u64::try_from(withheld.len()).unwrap_or(u64::MAX);
        let attested = self.attested(withheld).await?;
        Ok(Some(Misbehaviour::Withheld { count, attested }))
    }

    /// Leaves those that the source denies still, now that it has said which frontiers it holds: both may have come to it
    /// meanwhile, the entries first.
    async fn confirm(&self, withheld: &mut Vec<(EntryId, Attestation)>) -> Result<(), Halt> {
        let ids: Vec<_> = withheld.iter().map(|(id, _)| *id).collect();
        let mut denied = BTreeSet::new();
        for ids in ids.chunks(MAX_IDS_PER_REQUEST) {
            let presence = self.source.has(ids).await?;
            denied.extend(
                ids.iter().zip(presence).filter(|(_, has)| *has == Has::No).map(|(id, _)| *id),
            );
        }
        withheld.retain(|(id, _)| denied.contains(id));
        Ok(())
    }

    /// Of what is proven and held: what the source says it does not hold.
    async fn denied_of_those_reached(&mut self) -> Result<Vec<(EntryId, Attestation)>, Halt> {
        self.read_all_reached().await?;
        let reached = self.frontiers.reached.records().map(|of| (of.0.id, of.0.attestation));
        let reached: Vec<_> = reached.collect();
        let mut denied = Vec::new();
        for reached in reached.chunks(MAX_IDS_PER_REQUEST) {
            let ids: Vec<_> = reached.iter().map(|(id, _)| *id).collect();
            let presence = self.source.has(&ids).await?;
            let lacking = reached.iter().zip(presence).filter(|(_, has)| *has == Has::No);
            denied.extend(lacking.map(|(of, _)| *of));
        }
        self.counting(denied).await
    }

    /// The same with their evidence, as far as a report holds them.
    pub(crate) async fn attested(
        &self,
        entries: Vec<(EntryId, Attestation)>,
    ) -> Result<Vec<Attested>, Halt> {
        let mut frontiers = HashMap::new();
        let mut with_evidence = Vec::new();
        for (id, attestation) in entries.into_iter().take(MAX_LISTED) {
            let by = attestation.by;
            if !frontiers.contains_key(&by) && frontiers.len() < MAX_FRONTIERS {
                let item = self.target.get(vec![by], FRONTIER_BYTES).await?.pop();
                if let Some(GetItem::Entry(entry)) = item {
                    frontiers.insert(by, entry.to_raw());
                }
            }
            let evidence = frontiers.get(&by).cloned();
            let evidence = evidence.map(|frontier| Evidence::Frontier { frontier, proven: id });
            with_evidence.push(attested(id, &attestation, evidence));
        }
        Ok(with_evidence)
    }
}

fn attested(id: EntryId, of: &Attestation, evidence: Option<Evidence>) -> Attested {
    let Attestation { author, sequence, by, witness } = *of;
    Attested { id, author, sequence, by, witness, evidence }
}
