//! A run from start to end.

use std::sync::Arc;
use std::time::Duration;

use bulla_core::EntryId;
use bulla_core::values::{Freshness, Head};
use bulla_store::{Bookmarks, ContentAddressedStore};

use crate::misbehaviour::RolledBack;
use crate::open::{Kept, Sides};
use crate::report::{Incomplete, MAX_LISTED, Missing, Timings};
use crate::rungs::Proof;
use crate::side::{Halt, Role, Side};
use crate::work::Work;
use crate::{
    Attested, Counts, Exception, Fork, Misbehaviour, Options, Reason, Report, Rung, Step, Verdict,
};

/// Times a run starts again when the source's history changes under it.
const MAX_ATTEMPTS: u32 = 3;

/// Moves what `target` lacks from `source`; pull and push are this function with the sides swapped (SYN-1).
///
/// What was found out is kept in `bookmarks`, which belong to the near side: checkpoints, entries that were refused,
/// payloads that are wanted. It always ends with a report: a failure of either side is a verdict with a reason, and what
/// was acknowledged until then is kept. Dropping the future is safe; the next run repeats at most the batches whose
/// checkpoint was not written yet, which changes nothing (SYN-20).
///
/// Must be called within a tokio runtime.
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// # use bulla_core::{Lineage, SpaceId};
/// # use bulla_store::{MemoryBookmarks, MemoryStore};
/// # use bulla_sync::{Options, replicate};
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let remote = Arc::new(MemoryStore::with_lineage(SpaceId([7; 32]), Lineage([1; 16])));
/// let local = Arc::new(MemoryStore::with_lineage(SpaceId([7; 32]), Lineage([2; 16])));
/// let bookmarks = Arc::new(MemoryBookmarks::new());
///
/// let report = replicate(remote, local, bookmarks, Options::pull()).await;
/// assert!(report.is_clean(), "{report}");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn replicate(
    source: Arc<dyn ContentAddressedStore>,
    target: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    options: Options,
) -> Report {
    let options = Arc::new(options);
    let sides = Sides {
        source: Arc::new(Side::new(source, Role::Source, &options)),
        target: Arc::new(Side::new(target, Role::Target, &options)),
        bookmarks,
        options,
    };
    let started = sides.options.clock.monotonic();
    let mut run = Run { sides, record: Record::default() };
    let verdict = run.verdict().await;
    run.report(verdict, started)
}

/// A run, and what is to be said of it.
#[derive(Debug)]
struct Run {
    sides: Sides,
    record: Record,
}

/// What the report takes from the attempts of a run.
#[derive(Debug, Default)]
struct Record {
    head: Option<Head>,
    steps: Vec<Step>,
    counts: Counts,
    hashing: Duration,
    misbehaviour: Vec<Misbehaviour>,
    exceptions: Vec<Exception>,
    exception_count: u64,
    payloads_wanted: u64,
    unreached: Vec<Attested>,
    unreached_count: u64,
    forks: Vec<Fork>,
}

impl Run {
    async fn verdict(&mut self) -> Verdict {
        let (source_space, target_space) = (self.sides.source.space(), self.sides.target.space());
        if source_space != target_space {
            return incomplete(Reason::SpacesDiffer { source_space, target_space });
        }
        let mut is_trusted = true;
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(is_trusted).await {
                Ok(verdict) => return verdict,
                Err(Halt::Stop(reason)) => return incomplete(reason),
                Err(Halt::Fault(fault)) => {
                    self.record.misbehaviour.push(fault.into());
                    return incomplete(Reason::Scan(fault));
                }
                Err(Halt::SourceChanged | Halt::KeptLost) => {}
                Err(Halt::CursorRefused(seen)) => {
                    if let Some(seen) = seen {
                        let answered = RolledBack::Refused;
                        self.record.misbehaviour.push(Misbehaviour::Rollback { seen, answered });
                    }
                    is_trusted = false;
                }
            }
        }
        incomplete(Reason::SourceChanged)
    }

    /// One attempt, judged against the source's head now. Without trust in it, what is known of the source is not used.
    async fn attempt(&mut self, is_trusted: bool) -> Result<Verdict, Halt> {
        let (head, target) = tokio::join!(self.sides.source.head(), self.sides.target.head());
        let (head, target) = (head?, target?);
        self.record.head = Some(head);
        let (mut work, kept) = self.sides.open(head, target).await?;
        if !is_trusted {
            work.forget_checkpoint();
        }
        let outcome = self.reconcile(&mut work, &kept).await;
        // However it ended, what is known now is kept for the next run.
        let closed = match &outcome {
            Err(Halt::Fault(fault)) if !fault.is_resumable() => {
                work.forget_checkpoint();
                work.close(&kept).await
            }
            Err(Halt::CursorRefused(_)) => {
                work.forget_checkpoint();
                work.close(&kept).await
            }
            _ => work.close(&kept).await,
        };
        self.record.take(&work);
        if matches!(outcome, Err(Halt::KeptLost)) {
            closed.clone().map_err(Halt::Stop)?;
        }
        let proof = outcome?;
        closed.map_err(Halt::Stop)?;
        Ok(judge(&work, proof))
    }

    async fn reconcile(&mut self, work: &mut Work, kept: &Kept) -> Result<Proof, Halt> {
        let record = &mut self.record;
        if let Some(rollback) = work.find_rollback(kept.sighting).await? {
            tracing::warn!(%rollback, "the source was rolled back");
            record.misbehaviour.push(rollback);
            work.forget_checkpoint();
        }
        if work.exceptions.is_cut {
            // Some that were refused for now are on no list, and may be taken by now.
            work.forget_checkpoint();
        }
        work.check_target_cursor().await?;
        work.examine_again_if_cut();
        let target_head = work.target_head;
        work.examine(&target_head).await?;
        let earlier = work.exceptions.ids();

        let is_equal =
            work.head.same_entries(&work.target_head) || work.head.held == work.target_head.held;
        let proof = if is_equal {
            record.steps.push(Step { rung: Rung::Equal, passes: 0, is_proven: true });
            work.note_equal();
            Proof::Proven
        } else if work.is_behind() {
            return Err(Halt::Stop(Reason::Stale));
        } else {
            work.climb(&mut record.steps).await?
        };
        let again =
            if work.may_be_taken_by_now(&earlier).await? { work.exceptions.ids() } else { earlier };
        work.ask_for_exceptions(&again).await?;
        let now = work.settle_target().await?;
        work.ask_for_wants(&now).await?;
        let (now, withheld) = work.reach_frontiers(now).await?;
        if let Some(withheld) = withheld {
            tracing::warn!(%withheld, "the source denies what signed frontiers prove");
            record.misbehaviour.push(withheld);
        }
        work.find_forks(&now).await?;
        work.unreached = work.find_unreached().await?;
        record.unreached_count = u64::try_from(work.unreached.len()).unwrap_or(u64::MAX);
        record.unreached = work.attested(work.unreached.clone()).await?;
        work.compare_counts(&now)?;
        Ok(proof)
    }

    fn report(self, verdict: Verdict, started: Duration) -> Report {
        let Self { sides, record } = self;
        let total = sides.options.clock.monotonic().saturating_sub(started);
        let counts = Counts {
            source_requests: sides.source.requests(),
            target_requests: sides.target.requests(),
            ..record.counts
        };
        Report {
            verdict,
            source_head: record.head,
            steps: record.steps,
            counts,
            timings: Timings {
                total,
                source: sides.source.busy(),
                target: sides.target.busy(),
                hashing: record.hashing,
            },
            misbehaviour: record.misbehaviour,
            exceptions: record.exceptions,
            exception_count: record.exception_count,
            payloads_wanted: record.payloads_wanted,
            unreached: record.unreached,
            unreached_count: record.unreached_count,
            forks: record.forks,
        }
    }
}

impl Work {
    /// Whether a stale source knows less than was seen of it: nothing can be learnt from it.
    fn is_behind(&self) -> bool {
        let reached = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.source.receipt);
        self.head.freshness != Freshness::Fresh && self.head.last_receipt < reached
    }

    /// Whether the target announces as much as it said it holds. It may still lie about each entry: then only what it
    /// signed for convicts it.
    fn compare_counts(&mut self, now: &Head) -> Result<(), Halt> {
        let Some(checkpoint) = &self.checkpoint else { return Ok(()) };
        let shown = checkpoint.seen.counted().count;
        let taken = shown.saturating_sub(self.exceptions.len());
        let holds = now.held.count;
        if holds >= taken || self.exceptions.is_cut || self.options.scope.hides_headers() {
            return Ok(());
        }
        self.forget_checkpoint();
        Err(Halt::Stop(Reason::TargetLacks { holds, taken }))
    }

    /// Examines what the run brought, and what others wrote meanwhile.
    pub(crate) async fn settle_target(&mut self) -> Result<Head, Halt> {
        let now = if self.counts.offered == 0 {
            self.target_head
        } else {
            self.target_head_now().await?
        };
        if self.position.is_alone && self.position.cursor == Some(now.cursor()) {
            // Every new entry passed through this run.
            self.ledger.absent = self.ledger.absent.saturating_add(self.position.absent);
            self.ledger.examined = Some(now.cursor());
            self.position.absent = 0;
        }
        self.examine(&now).await?;
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.target = now.cursor();
        }
        if self.judges_references() {
            self.look_up_references().await?;
            let target = Arc::clone(&self.target);
            self.references.recheck(&target).await?;
        }
        if self.reads_frontiers() {
            self.recheck_frontiers().await?;
        }
        Ok(now)
    }
}

impl Record {
    fn take(&mut self, work: &Work) {
        let (sum, of) = (&mut self.counts, &work.counts);
        sum.shown += of.shown;
        sum.offered += of.offered;
        sum.stored += of.stored;
        sum.payloads_added += of.payloads_added;
        sum.duplicates += of.duplicates;
        sum.refused += of.refused;
        sum.failed += of.failed;
        sum.header_bytes += of.header_bytes;
        sum.payload_bytes += of.payload_bytes;
        sum.checkpoints += of.checkpoints;
        self.hashing += Duration::from_nanos(work.hashing_ns);
        self.exceptions = work.exceptions.iter().take(MAX_LISTED).cloned().collect();
        self.exception_count = work.exceptions.len();
        self.payloads_wanted = work.wants.len();
        self.forks = work.forks.found();
        self.forks.truncate(MAX_LISTED);
    }
}

/// The verdict of a run that came to its end (SYN-6 to SYN-8).
fn judge(work: &Work, proof: Proof) -> Verdict {
    let refused = work.exceptions.refused();
    let failed = work.exceptions.len().saturating_sub(refused);
    let reason = match proof {
        Proof::Not { shown } => Some(Reason::Withheld { announced: work.head.held.count, shown }),
        Proof::Proven | Proof::AsTold if failed > 0 => Some(Reason::EntriesMissing(failed)),
        Proof::Proven | Proof::AsTold if work.exceptions.is_cut => {
            Some(Reason::TooManyExceptions(work.exceptions.len()))
        }
        Proof::Proven | Proof::AsTold if !work.wants.is_empty() => {
            Some(Reason::PayloadsMissing(work.wants.len()))
        }
        Proof::Proven | Proof::AsTold => unreached(work),
    };
    if let Some(reason) = reason {
        return Verdict::Incomplete(Box::new(Incomplete { reason, missing: missing(work, proof) }));
    }
    if proof == Proof::AsTold {
        return Verdict::CompleteAsToldBySource;
    }
    if work.references.is_open() {
        return Verdict::CompleteButUnresolved(work.references.by_author());
    }
    if refused > 0 { Verdict::CompleteExcept { refused } } else { Verdict::Complete }
}

/// Entries that signed frontiers prove and the target does not hold. A full list may have left some out.
fn unreached(work: &Work) -> Option<Reason> {
    let count = u64::try_from(work.unreached.len()).unwrap_or(u64::MAX);
    (count > 0 || work.frontiers.is_full()).then_some(Reason::FrontierUnreached(count))
}

/// What is known to be missing.
fn missing(work: &Work, proof: Proof) -> Missing {
    let failed = work.exceptions.iter().filter(|exception| !exception.why.is_refusal());
    let mut ids: std::collections::BTreeSet<EntryId> =
        failed.map(|exception| exception.id).collect();
    ids.extend(work.wants.to_vec());
    ids.extend(work.unreached.iter().map(|(id, _)| *id));
    if matches!(proof, Proof::Not { .. }) {
        // What entries name and nobody showed is the likeliest to be what was withheld.
        ids.extend(work.references.missing());
    }
    Missing {
        id_count: u64::try_from(ids.len()).unwrap_or(u64::MAX),
        ids: ids.into_iter().take(MAX_LISTED).collect(),
        receipts: work.gaps.receipts.clone(),
        receipt_count: work.gaps.count,
    }
}

fn incomplete(reason: Reason) -> Verdict {
    Verdict::Incomplete(Box::new(Incomplete { reason, missing: Missing::default() }))
}
