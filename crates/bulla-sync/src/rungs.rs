//! The rungs: each finds what is missing, brings it, and says whether the digests prove that nothing is left.

use std::sync::Arc;

use bulla_core::values::{Cursor, Summary, SummaryRequest};
use bulla_core::{Bloom, SetHash};
use bulla_store::rules::start_cursor;
use bulla_store::tally::TallySet;

use crate::fetch::Mode;
use crate::keep::{Checkpoint, Seen};
use crate::ladder::Situation;
use crate::pass::{Plan, hash_ids};
use crate::side::{Halt, Side};
use crate::walk::Walk;
use crate::work::Work;
use crate::{Direction, Reason, Rung, Step};

/// Most rounds with a Bloom filter; each has a fresh salt, and all but the first follow one that brought something
/// (SYN-12).
const MAX_BLOOM_ROUNDS: u32 = 4;

/// What the digests say after a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Everything that the head announces was shown or is held.
    Proven,
    /// The source hid headers: there is nothing to compare.
    AsTold,
    /// The source showed this many entries, and they are not those that its head announces.
    Not {
        /// How many.
        shown: u64,
    },
}

impl Work {
    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation {
            direction: self.options.direction,
            scope: &self.options.scope,
            page_bytes: u64::from(self.options.page_limit().max_bytes),
            source_count: self.head.held.count,
            target_count: self.target_head.held.count,
            has_checkpoint: self.checkpoint.is_some(),
            sketch_symbols: None,
        }
    }

    /// Climbs until the digests are satisfied.
    pub(crate) async fn climb(&mut self, steps: &mut Vec<Step>) -> Result<Proof, Halt> {
        let mut proof = Proof::Not { shown: 0 };
        for rung in self.situation().rungs() {
            let (passes, result) = match rung {
                Rung::Cursor => self.by_cursor().await?,
                Rung::Bloom => match self.options.direction {
                    Direction::Pull => self.by_bloom().await?,
                    Direction::Push => self.by_target_bloom().await?,
                },
                Rung::Full => self.by_full().await?,
                // Equal heads need no climbing, and there are no sketches yet.
                Rung::Equal | Rung::Sketch => continue,
            };
            let is_proven = result == Proof::Proven;
            steps.push(Step { rung, passes, is_proven });
            tracing::debug!(rung = rung.name(), passes, is_proven, "rung taken");
            proof = result;
            if !matches!(proof, Proof::Not { .. }) {
                break;
            }
            // What led here is not to be trusted.
            self.forget_checkpoint();
        }
        Ok(proof)
    }

    /// Drops the checkpoint and what belongs to it.
    pub(crate) fn forget_checkpoint(&mut self) {
        self.checkpoint = None;
        if !self.exceptions.is_empty() || self.exceptions.is_cut {
            self.exceptions.clear();
        }
    }

    async fn by_cursor(&mut self) -> Result<(u32, Proof), Halt> {
        let Some(checkpoint) = self.checkpoint.clone() else {
            return Ok((0, Proof::Not { shown: 0 }));
        };
        if checkpoint.source == self.head.cursor() {
            let shown = checkpoint.seen.counted();
            return Ok((0, self.judge(shown.count, shown == self.head.held)));
        }
        let Some(seen) = self.state_of(&checkpoint).await? else {
            return Ok((0, Proof::Not { shown: 0 }));
        };
        let from = checkpoint.source.receipt;
        self.begin(Rung::Cursor, from);
        let unread = self.head.last_receipt.saturating_sub(from);
        let unaccounted = self.target_head.held.count.saturating_sub(seen.count);
        let mode = self.situation().mode(unread, unaccounted);
        self.whole_pass(checkpoint.source, seen, mode, None).await
    }

    async fn by_full(&mut self) -> Result<(u32, Proof), Halt> {
        self.begin(Rung::Full, 0);
        let start = start_cursor(&self.keys.space, self.keys.source);
        let target_count = self.target_head_now().await?.held.count;
        let mode = self.situation().mode(self.head.last_receipt, target_count);
        let (passes, proof) = self.whole_pass(start, TallySet::default(), mode, None).await?;
        if !matches!(proof, Proof::Not { .. }) || !matches!(mode, Mode::Inline { .. }) {
            return Ok((passes, proof));
        }
        // The source may name what it would not show.
        self.forget_checkpoint();
        self.begin(Rung::Full, 0);
        let (again, proof) =
            self.whole_pass(start, TallySet::default(), Mode::IdsFirst, None).await?;
        Ok((passes.saturating_add(again), proof))
    }

    /// Push: the target's filter says what it certainly lacks; the rest is asked for exactly.
    async fn by_target_bloom(&mut self) -> Result<(u32, Proof), Halt> {
        let target = Arc::clone(&self.target);
        let Some(filter) = bloom_of(&target).await? else {
            return Ok((0, Proof::Not { shown: 0 }));
        };
        self.begin(Rung::Bloom, 0);
        let start = start_cursor(&self.keys.space, self.keys.source);
        let mode = match self.options.scope.wants_all_payloads() {
            true => Mode::IdsFirst,
            false => Mode::HeadersFirst,
        };
        self.whole_pass(start, TallySet::default(), mode, Some(filter)).await
    }

    /// Pull: the target's filter keeps the source from sending what is held. What it held back wrongly shows in the
    /// digest, and comes with the next salt.
    async fn by_bloom(&mut self) -> Result<(u32, Proof), Halt> {
        let (source, target) = (Arc::clone(&self.source), Arc::clone(&self.target));
        let mut rounds = 0;
        while rounds < MAX_BLOOM_ROUNDS {
            let Some(filter) = bloom_of(&target).await? else { break };
            rounds += 1;
            self.begin(Rung::Bloom, 0);
            let plan = Plan {
                start: start_cursor(&self.keys.space, self.keys.source),
                seen: None,
                mode: match self.options.scope.wants_all_payloads() {
                    true => Mode::Inline { confirm: false },
                    false => Mode::HeadersFirst,
                },
                except: Some(filter),
                prefilter: None,
            };
            let brought = self.pass(plan).await?.brought;
            let now = self.target_head_now().await?;
            let seen = if now.held == self.head.held {
                Some(Seen::AsHeld(self.head.held))
            } else if now.same_entries(&self.head) {
                // The same entries count, and either side holds others besides: there is no set of ids to keep.
                return Ok((rounds, Proof::Proven));
            } else {
                let set = self.held_by_both(&source, now.cursor()).await?;
                set.filter(|set| set.counted() == self.head.held).map(Seen::Known)
            };
            if let Some(seen) = seen {
                self.checkpoint = Some(Checkpoint {
                    source: self.head.cursor(),
                    target: now.cursor(),
                    seen,
                    exceptions_cut: false,
                    exception_pages: 0,
                });
                return Ok((rounds, Proof::Proven));
            }
            if brought == 0 {
                break;
            }
        }
        Ok((rounds, Proof::Not { shown: self.counts.shown }))
    }

    /// What the target holds and the source, by a filter of its own, may hold: the target's set without what it alone
    /// has. The digest tells whether that is exactly the source's set, so that the filter need not be believed.
    async fn held_by_both(
        &mut self,
        source: &Arc<Side>,
        end: Cursor,
    ) -> Result<Option<TallySet>, Halt> {
        let Some(filter) = bloom_of(source).await? else { return Ok(None) };
        let start = start_cursor(&self.keys.space, self.keys.target);
        let mut walk = Walk::ids(&self.target, start, end);
        let mut set = TallySet::default();
        while let Some(page) = walk.next().await? {
            let ids: Vec<_> = page.items.iter().map(|item| item.id).collect();
            let ids = ids.into_iter().filter(|id| filter.may_hold(id)).collect();
            self.add(&mut set, ids).await?;
        }
        Ok(Some(set))
    }

    /// The state of a checkpoint, computed from the nearer side if it was put off; `None` when it does not hold.
    async fn state_of(&mut self, checkpoint: &Checkpoint) -> Result<Option<TallySet>, Halt> {
        let counted = match &checkpoint.seen {
            Seen::Known(set) => return Ok(Some(set.clone())),
            // Where headers are hidden nothing is compared.
            Seen::AsHeld(_) if self.options.scope.hides_headers() => {
                return Ok(Some(TallySet::default()));
            }
            Seen::AsHeld(counted) => counted,
        };
        let (side, lineage, end) = match self.options.direction {
            Direction::Pull => (&self.target, self.keys.target, checkpoint.target),
            Direction::Push => (&self.source, self.keys.source, checkpoint.source),
        };
        let mut walk = Walk::ids(side, start_cursor(&self.keys.space, lineage), end);
        let mut set = TallySet::default();
        while let Some(page) = walk.next().await? {
            let ids = page.items.iter().map(|item| item.id).collect();
            self.add(&mut set, ids).await?;
        }
        Ok((set.counted() == *counted).then_some(set))
    }

    pub(crate) async fn add(
        &mut self,
        set: &mut TallySet,
        ids: Vec<bulla_core::EntryId>,
    ) -> Result<(), Halt> {
        let start = self.options.clock.monotonic();
        let (ids, hash): (_, SetHash) = hash_ids(ids).await?;
        set.hash.add(&hash);
        set.count = set.count.saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
        let spent = self.options.clock.monotonic().saturating_sub(start).as_nanos();
        self.hashing_ns = self.hashing_ns.saturating_add(u64::try_from(spent).unwrap_or(0));
        Ok(())
    }

    /// A pass that sees every entry, and what the digest says of it.
    async fn whole_pass(
        &mut self,
        start: Cursor,
        seen: TallySet,
        mode: Mode,
        prefilter: Option<Bloom>,
    ) -> Result<(u32, Proof), Halt> {
        let plan = Plan { start, seen: Some(seen), mode, except: None, prefilter };
        let seen = self.pass(plan).await?.seen.unwrap_or_default().counted();
        Ok((1, self.judge(seen.count, seen == self.head.held)))
    }

    fn judge(&self, shown: u64, is_equal: bool) -> Proof {
        if self.options.scope.hides_headers() {
            Proof::AsTold
        } else if is_equal {
            Proof::Proven
        } else {
            Proof::Not { shown }
        }
    }
}

/// A filter of a side's ids, with a salt that nobody could foresee (SYN-12); `None` when the side has none to give.
async fn bloom_of(side: &Arc<Side>) -> Result<Option<Bloom>, Halt> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt)
        .map_err(|error| Halt::Stop(Reason::Randomness(error.to_string())))?;
    match side.summary(SummaryRequest::Bloom { salt }).await {
        // A filter with another salt may be an old one, made to be asked about crafted ids.
        Ok(Summary::Bloom { bloom, .. }) => Ok((*bloom.salt() == salt).then_some(bloom)),
        Err(Halt::Stop(Reason::Source(error) | Reason::Target(error)))
            if matches!(error, bulla_store::StoreError::Unsupported { .. }) =>
        {
            Ok(None)
        }
        Err(halt) => Err(halt),
    }
}
