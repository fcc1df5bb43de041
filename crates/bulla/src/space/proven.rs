//! Which signed frontiers count here, and which of the entries that they prove would (SYN-50).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::control::Control;
use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::GetItem;
use bulla_core::{AuthorKey, EntryId, Header, Kind};
use bulla_directory::{CutWalk, Limits, Link, Outcome, Standing};
use bulla_store::{Context, Mark, StoreError, StoreExt as _};
use bulla_sync::{Attested, FrontierJudge};

use super::Space;
use super::local::{Gate, Guard};

/// Headers looked up at most to place the entries of one run in the chains of authors who lost rights. Beyond them an entry
/// is waited for: to wait in vain is noticed, to forget something is not.
const MOST_LINKS: usize = 16_384;

impl Space {
    /// What tells a sync which frontiers count and what is to be waited for: this space's own directory. The functions of
    /// [`sync`](crate::sync) use it; hand it to [`Options`](crate::sync::Options) where you call
    /// [`replicate`](crate::sync::replicate) yourself. While the space has no members, everything counts.
    #[must_use]
    pub fn frontier_judge(&self) -> Arc<dyn FrontierJudge> {
        Arc::new(ByDirectory { gate: Arc::clone(&self.inner.gate), most_links: MOST_LINKS })
    }
}

/// The directory as the judge of frontiers.
#[derive(Debug)]
struct ByDirectory {
    gate: Arc<Gate>,
    /// Headers looked up for one question, at most.
    most_links: usize,
}

#[async_trait]
impl FrontierJudge for ByDirectory {
    async fn counts(&self, cx: &Context, attested: &[Attested]) -> Result<Vec<bool>, StoreError> {
        let Some(guard) = self.gate.guard() else { return Ok(vec![true; attested.len()]) };
        let counting = counting_frontiers(cx, guard, attested).await?;
        // One frontier at a time: each may be 1 MiB long.
        let mut by_frontier: BTreeMap<EntryId, Vec<usize>> = BTreeMap::new();
        for (place, one) in attested.iter().enumerate() {
            if counting.contains(&one.by) {
                by_frontier.entry(one.by).or_default().push(place);
            }
        }
        let mut judging = Judging { cx, guard, walks: HashMap::new(), links_left: self.most_links };
        let mut answers = vec![false; attested.len()];
        for (frontier, places) in by_frontier {
            let headers = headers_of(cx, guard, frontier).await?;
            for place in places {
                let (Some(one), Some(answer)) = (attested.get(place), answers.get_mut(place))
                else {
                    continue;
                };
                *answer = match headers.get(&one.id) {
                    Some(header) => judging.would_count(one.id, header).await?,
                    None => true,
                };
            }
        }
        Ok(answers)
    }
}

/// The frontiers that count, as the store has them marked (DIR-24).
async fn counting_frontiers(
    cx: &Context,
    guard: &Guard,
    attested: &[Attested],
) -> Result<HashSet<EntryId>, StoreError> {
    let named: HashSet<EntryId> = attested.iter().map(|one| one.by).collect();
    let named: Vec<EntryId> = named.into_iter().collect();
    let mut counting = HashSet::new();
    for ids in named.chunks(MAX_IDS_PER_REQUEST) {
        let facts = guard.engine.facts(cx, ids).await?.into_iter().flatten();
        counting.extend(facts.filter(|facts| facts.mark == Mark::Counts).map(|facts| facts.id));
    }
    Ok(counting)
}

/// The headers that a frontier carries, by the ids of their entries. A sync verified those it asks about.
async fn headers_of(
    cx: &Context,
    guard: &Guard,
    frontier: EntryId,
) -> Result<HashMap<EntryId, Header>, StoreError> {
    let GetItem::Entry(entry) = guard.engine.get_one(cx, frontier).await? else {
        return Ok(HashMap::new());
    };
    let Some(Control::Frontier(frontier)) = entry.control() else { return Ok(HashMap::new()) };
    let proven = frontier.proven.iter();
    let headers = proven.filter_map(|proven| {
        let header = Header::decode(&proven.header).ok()?;
        Some((EntryId::compute(&Header::digest_of(&proven.header), &proven.signature), header))
    });
    Ok(headers.collect())
}

/// What one question learns of the authors asked about.
struct Judging<'a> {
    cx: &'a Context,
    guard: &'a Guard,
    walks: HashMap<AuthorKey, Vec<(Limits, CutWalk)>>,
    links_left: usize,
}

impl Judging<'_> {
    /// Whether an entry that is not held would count if it came.
    async fn would_count(&mut self, id: EntryId, header: &Header) -> Result<bool, StoreError> {
        let (author, kind) = (header.author, header.kind);
        let standing = self.guard.admission.with_directory(|directory| {
            let is_control = kind.is_control() && kind != Kind::FRONTIER;
            match is_control {
                // What it says decides whether it counts. Stores take it from a member in any case.
                true if directory.role(&author).is_some() => Standing::Counts,
                true => directory.frontier_standing(&author),
                false if kind == Kind::FRONTIER => directory.frontier_standing(&author),
                false => directory.standing(&author, &header.key_id),
            }
        });
        let counts = match standing {
            Standing::Counts => true,
            Standing::Stranger | Standing::Refused(_) => false,
            Standing::Limited(limits) => self.is_within(limits, id, header).await?,
        };
        // What is refused and kept here is not missing.
        Ok(counts && self.kept(id).await?.is_none())
    }

    /// Whether the entry lies in the part of its author's chain that counts. Where that is open it is waited for.
    async fn is_within(
        &mut self,
        limits: Limits,
        id: EntryId,
        header: &Header,
    ) -> Result<bool, StoreError> {
        let author = header.author;
        let known = self.walks.entry(author).or_default();
        let mut walk = match known.iter().position(|(known, _)| *known == limits) {
            Some(place) => known.swap_remove(place).1,
            None => CutWalk::new(author, limits.clone()),
        };
        let mut answer = true;
        while self.links_left > 0 {
            match walk.judge(header.sequence, &id) {
                Outcome::Decided(verdict) => {
                    answer = verdict.refusal().is_none();
                    break;
                }
                Outcome::Open => break,
                Outcome::Needs(needed) => {
                    self.links_left -= 1;
                    walk.tell(needed, self.link(needed).await?);
                }
            }
        }
        self.walks.entry(author).or_default().push((limits, walk));
        Ok(answer)
    }

    /// What the header of an entry says that is held, or refused and kept.
    async fn link(&self, id: EntryId) -> Result<Option<Link>, StoreError> {
        if let Some(facts) = self.guard.engine.facts(self.cx, &[id]).await?.pop().flatten() {
            let (author, sequence, previous) = (facts.author, facts.sequence, facts.previous);
            return Ok(Some(Link { author, sequence, previous }));
        }
        self.kept(id).await
    }

    async fn kept(&self, id: EntryId) -> Result<Option<Link>, StoreError> {
        let kept = self.guard.engine.kept_entries(self.cx, &[id], 0).await?.pop().flatten();
        Ok(kept.map(|kept| {
            let Header { author, sequence, previous, .. } = *kept.entry.header();
            Link { author, sequence, previous }
        }))
    }
}

#[cfg(test)]
mod tests;
