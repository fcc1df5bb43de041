//! One pass over the source's log: the next pages are read while these are written (chapter `sync.md`, SYN-19).

use std::sync::Arc;

use bulla_core::values::{Cursor, PutReport, Want};
use bulla_core::{Bloom, EntryId, SetHash};
use bulla_store::tally::TallySet;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::checkpointer::{Checkpointer, Snapshot};
use crate::fetch::{Fetch, Mode, PageDone, Unit};
use crate::keep::{Checkpoint, Seen};
use crate::side::Halt;
use crate::walk::Walk;
use crate::work::{Sent, Settled, Work};
use crate::{Reason, ScanFault};

/// Most pages in a row of which nothing is held afterwards (SYN-33): a source that makes up ids for ever is left.
const MAX_FRUITLESS_PAGES: u32 = 4_096;
/// From this many ids on they are hashed on another thread.
const WORTH_A_THREAD: usize = 64;

/// How a pass goes.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where it starts.
    pub(crate) start: Cursor,
    /// What the source showed up to there; `None` for a pass that leaves out what is held, and keeps no checkpoints.
    pub(crate) seen: Option<TallySet>,
    pub(crate) mode: Mode,
    /// Leave out what this filter says is held.
    pub(crate) except: Option<Bloom>,
    /// What this filter says is not held need not be asked for.
    pub(crate) prefilter: Option<Bloom>,
}

/// What a pass brought.
#[derive(Debug)]
pub(crate) struct Passed {
    /// What the source showed from the beginning of its log to the head.
    pub(crate) seen: Option<TallySet>,
    /// Entries and payloads new in the target.
    pub(crate) brought: u64,
}

/// A batch that is on its way.
type InFlight = BoxFuture<'static, Result<Done, Halt>>;

/// A batch that is done.
struct Done {
    sent: Vec<Sent>,
    report: Option<PutReport>,
    page: Option<(PageDone, SetHash, u64)>,
}

/// Counts of one pass.
#[derive(Debug, Default)]
struct Tallies {
    stored: u64,
    payloads_added: u64,
    duplicates: u64,
    /// More duplicates than this need a look.
    duplicates_allowed: u64,
    fruitless_pages: u32,
    is_page_fruitful: bool,
}

impl Work {
    /// Goes once over the source's log, from the plan's start to the head.
    pub(crate) async fn pass(&mut self, plan: Plan) -> Result<Passed, Halt> {
        let keeps = plan.seen.is_some();
        let checkpointer = keeps.then(|| Checkpointer::start(Arc::clone(&self.keeper)));
        let passed = self.run_pass(plan, checkpointer.as_ref()).await;
        // What was acknowledged is kept, however the pass ended.
        if let Some(checkpointer) = checkpointer {
            let written = checkpointer.finish().await.map_err(Halt::Stop)?;
            self.counts.checkpoints += written;
        }
        passed
    }

    async fn run_pass(
        &mut self,
        plan: Plan,
        checkpointer: Option<&Checkpointer>,
    ) -> Result<Passed, Halt> {
        let Plan { start, mut seen, mode, except, prefilter } = plan;
        let want = match mode {
            Mode::Inline { .. } => Want::Entries { inline_up_to: u32::MAX },
            Mode::IdsFirst => Want::Ids,
            Mode::HeadersFirst => Want::Headers,
        };
        let walk =
            Walk::new(&self.source, start, self.head.cursor(), want, self.options.page_limit())
                .with_filter(self.options.scope.asked())
                .with_except(except);
        let fetch = Fetch {
            source: Arc::clone(&self.source),
            target: Arc::clone(&self.target),
            options: Arc::clone(&self.options),
            mode,
            prefilter,
            walk,
        };
        let (sender, mut units) = mpsc::channel(self.options.pages_ahead.clamp(1, 16));
        // Its own task, so that it goes on while a batch is being written; it ends with this future.
        let fetcher = AbortOnDropHandle::new(tokio::spawn(fetch.run(sender)));
        let most = self.options.puts_in_flight.clamp(1, 4);
        let mut in_flight: FuturesOrdered<InFlight> = FuturesOrdered::new();
        let mut is_open = true;
        let mut tallies =
            Tallies { duplicates_allowed: self.target_head.held.count, ..Tallies::default() };
        while is_open || !in_flight.is_empty() {
            tokio::select! {
                biased;
                Some(done) = in_flight.next(), if !in_flight.is_empty() => {
                    self.take_note(done?, &mut tallies, seen.as_mut(), checkpointer).await?;
                }
                unit = units.recv(), if is_open && in_flight.len() < most => match unit {
                    Some(unit) => in_flight.push_back(self.send(unit)),
                    None => is_open = false,
                },
            }
        }
        let gaps = fetcher.await.map_err(|error| {
            let error = bulla_store::StoreError::internal("reading the source", error);
            Halt::Stop(Reason::Source(error))
        })??;
        self.gaps = gaps;
        Ok(Passed { seen, brought: tallies.stored.saturating_add(tallies.payloads_added) })
    }

    /// Sends a batch to the target and hashes the ids of the page it ends, at the same time.
    fn send(&self, unit: Unit) -> InFlight {
        let (target, options) = (Arc::clone(&self.target), Arc::clone(&self.options));
        Box::pin(async move {
            let Unit { entries, page } = unit;
            let sent: Vec<_> = entries.iter().map(Sent::of).collect();
            let put = async {
                match entries.is_empty() {
                    true => Ok(None),
                    false => target.put(entries).await.map(Some),
                }
            };
            let hash = async {
                let Some(page) = page else { return Ok(None) };
                let start = options.clock.monotonic();
                let (ids, hash) = hash_ids(page.ids).await?;
                let spent = options.clock.monotonic().saturating_sub(start).as_nanos();
                let page = PageDone { ids, ..page };
                Ok(Some((page, hash, u64::try_from(spent).unwrap_or(u64::MAX))))
            };
            let (report, page) = tokio::join!(put, hash);
            Ok(Done { sent, report: report?, page: page? })
        })
    }

    async fn take_note(
        &mut self,
        done: Done,
        tallies: &mut Tallies,
        seen: Option<&mut TallySet>,
        checkpointer: Option<&Checkpointer>,
    ) -> Result<(), Halt> {
        let Done { sent, report, page } = done;
        if let Some(report) = report {
            let settled = self.settle(&sent, &report).await?;
            tallies.add(settled);
        }
        if self.is_look_up_due() {
            self.look_up_references().await?;
        }
        let Some((page, hash, spent)) = page else { return Ok(()) };
        self.hashing_ns = self.hashing_ns.saturating_add(spent);
        self.counts.duplicates += page.held;
        tallies.duplicates = tallies.duplicates.saturating_add(page.held);
        self.check_fruit(&page, tallies).await?;
        for exception in page.exceptions {
            self.failed(exception);
        }
        let count = u64::try_from(page.ids.len()).unwrap_or(u64::MAX);
        self.counts.shown = self.counts.shown.saturating_add(count);
        let from = self.head.last_receipt.saturating_sub(self.progress.receipts_total);
        self.progress.receipts_done = page.cursor.receipt.saturating_sub(from);
        self.show_progress();
        let (Some(seen), Some(checkpointer)) = (seen, checkpointer) else { return Ok(()) };
        seen.count = seen.count.saturating_add(count);
        seen.hash.add(&hash);
        let checkpoint = Checkpoint {
            source: page.cursor,
            target: self.target_cursor().await?,
            seen: Seen::Known(seen.clone()),
            exceptions_cut: self.exceptions.is_cut,
            exception_pages: 0,
        };
        self.checkpoint = Some(checkpoint.clone());
        checkpointer.offer(self.snapshot(checkpoint));
        Ok(())
    }

    /// A checkpoint together with the exceptions it relies on.
    pub(crate) fn snapshot(&mut self, checkpoint: Checkpoint) -> Snapshot {
        let exceptions_version = self.exceptions.version;
        if self.offered_exceptions != exceptions_version {
            self.offered_exceptions = exceptions_version;
            self.offered = Arc::new(self.exceptions.to_vec());
        }
        let (exceptions, forgotten) = (Arc::clone(&self.offered), self.exceptions.forgotten);
        Snapshot { checkpoint, exceptions, exceptions_version, forgotten }
    }

    /// Whether the source shows anything that is worth having (SYN-33).
    async fn check_fruit(&self, page: &PageDone, tallies: &mut Tallies) -> Result<(), Halt> {
        let is_fruitful = tallies.is_page_fruitful || page.held > 0;
        tallies.is_page_fruitful = false;
        tallies.fruitless_pages =
            if is_fruitful { 0 } else { tallies.fruitless_pages.saturating_add(1) };
        if tallies.fruitless_pages > MAX_FRUITLESS_PAGES {
            return Err(Halt::Fault(ScanFault::Idle(tallies.fruitless_pages)));
        }
        if tallies.duplicates > tallies.duplicates_allowed {
            // Every entry is shown once, so what was held and shown cannot be more than what is held and was not stored
            // by this pass. Others may have written meanwhile.
            let held = self.target_head_now().await?.held.count;
            tallies.duplicates_allowed = held.saturating_sub(tallies.stored);
            if tallies.duplicates > tallies.duplicates_allowed {
                let repeats = tallies.duplicates.saturating_sub(tallies.duplicates_allowed);
                return Err(Halt::Fault(ScanFault::Repeats(repeats)));
            }
        }
        Ok(())
    }
}

impl Tallies {
    const fn add(&mut self, settled: Settled) {
        let Settled { stored, duplicates, payloads_added } = settled;
        self.stored = self.stored.saturating_add(stored);
        self.duplicates = self.duplicates.saturating_add(duplicates).saturating_add(payloads_added);
        self.payloads_added = self.payloads_added.saturating_add(payloads_added);
        self.is_page_fruitful |= stored > 0 || duplicates > 0 || payloads_added > 0;
    }
}

/// The set hash of ids that are all different; off the tasks' threads when there are many.
pub(crate) async fn hash_ids(ids: Vec<EntryId>) -> Result<(Vec<EntryId>, SetHash), Halt> {
    let hash = |ids: Vec<EntryId>| {
        let hash = ids.iter().collect();
        (ids, hash)
    };
    if ids.len() < WORTH_A_THREAD {
        return Ok(hash(ids));
    }
    tokio::task::spawn_blocking(move || hash(ids)).await.map_err(|error| {
        let error = bulla_store::StoreError::internal("hashing ids", error);
        Halt::Stop(Reason::Target(error))
    })
}
