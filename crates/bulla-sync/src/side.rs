//! One side of a run: a store, with its calls counted, timed, and ended by cancellation and deadline.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_core::values::{
    Cursor, GetItem, GetRequest, Has, Head, Page, PutReport, ScanRequest, Summary, SummaryRequest,
};
use bulla_core::{Code, EntryId, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, StoreError};

use crate::{Options, Reason, ScanFault};

/// Why a run cannot go on as it is.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    /// It is over.
    Stop(Reason),
    /// The source broke the rules of a scan.
    Fault(ScanFault),
    /// The source has another history than when the run began: start again.
    SourceChanged,
    /// Something that was kept cannot be read: start again without it.
    KeptLost,
    /// The source refused this cursor of its own lineage: it was rolled back.
    CursorRefused(Option<Cursor>),
}

impl Halt {
    pub(crate) fn source(error: StoreError) -> Self {
        match error {
            StoreError::Cursor(bulla_store::CursorRefusal::Lineage { .. }) => Self::SourceChanged,
            StoreError::Cursor(_) => Self::CursorRefused(None),
            error => Self::Stop(Reason::Source(error)),
        }
    }
}

/// Which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Target,
}

/// A store, with its calls counted, timed, and ended by cancellation and deadline.
#[derive(Debug)]
pub(crate) struct Side {
    store: Arc<dyn ContentAddressedStore>,
    role: Role,
    options: Arc<Options>,
    requests: AtomicU64,
    busy_ns: AtomicU64,
}

impl Side {
    pub(crate) fn new(
        store: Arc<dyn ContentAddressedStore>,
        role: Role,
        options: &Arc<Options>,
    ) -> Self {
        let options = Arc::clone(options);
        Self { store, role, options, requests: AtomicU64::new(0), busy_ns: AtomicU64::new(0) }
    }

    pub(crate) fn space(&self) -> SpaceId {
        self.store.space()
    }

    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy_ns.load(Ordering::Relaxed))
    }

    pub(crate) async fn head(&self) -> Result<Head, Halt> {
        self.call(self.store.head(&self.options.context)).await
    }

    /// Puts a batch; there is one outcome for each entry.
    pub(crate) async fn put(&self, batch: Vec<Verified>) -> Result<PutReport, Halt> {
        let asked = batch.len();
        let report = self.call(self.store.put(&self.options.context, batch)).await?;
        self.same_count(asked, report.outcomes.len())?;
        Ok(report)
    }

    /// Answers for a prefix of the ids; at least one, if any were asked for.
    pub(crate) async fn get(
        &self,
        ids: Vec<EntryId>,
        max_bytes: u32,
    ) -> Result<Vec<GetItem>, Halt> {
        let asked = ids.len();
        let request = GetRequest { ids, max_bytes };
        let items = self.call(self.store.get(&self.options.context, request)).await?;
        if items.len() > asked || (items.is_empty() && asked > 0) {
            return Err(match self.role {
                Role::Source => Halt::Fault(ScanFault::Get),
                Role::Target => self
                    .same_count(asked, items.len())
                    .err()
                    .unwrap_or_else(|| Halt::Stop(Reason::Target(short_answer()))),
            });
        }
        Ok(items)
    }

    /// One answer for each id; any number of ids that one request may carry.
    pub(crate) async fn has(&self, ids: &[EntryId]) -> Result<Vec<Has>, Halt> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let presence = self.call(self.store.has(&self.options.context, ids)).await?;
        self.same_count(ids.len(), presence.len())?;
        Ok(presence)
    }

    pub(crate) async fn scan(&self, request: ScanRequest) -> Result<Page, Halt> {
        self.call(self.store.scan(&self.options.context, request)).await
    }

    pub(crate) async fn summary(&self, request: SummaryRequest) -> Result<Summary, Halt> {
        self.call(self.store.summary(&self.options.context, request)).await
    }

    fn same_count(&self, asked: usize, answered: usize) -> Result<(), Halt> {
        if asked == answered { Ok(()) } else { Err(self.halt(short_answer())) }
    }

    fn halt(&self, error: StoreError) -> Halt {
        match self.role {
            Role::Source => Halt::source(error),
            Role::Target => Halt::Stop(Reason::Target(error)),
        }
    }

    async fn call<T>(&self, call: impl Future<Output = bulla_store::Result<T>>) -> Result<T, Halt> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let start = self.options.clock.monotonic();
        if self.options.context.deadline.is_some_and(|deadline| start >= deadline) {
            return Err(Halt::Stop(Reason::Deadline));
        }
        let answer = tokio::select! {
            biased;
            () = self.options.cancel.cancelled() => return Err(Halt::Stop(Reason::Cancelled)),
            answer = call => answer,
        };
        let spent = self.options.clock.monotonic().saturating_sub(start).as_nanos();
        self.busy_ns.fetch_add(u64::try_from(spent).unwrap_or(u64::MAX), Ordering::Relaxed);
        answer.map_err(|error| self.halt(error))
    }
}

fn short_answer() -> StoreError {
    StoreError::peer(
        Code::new("store.short_answer"),
        "the store answered for another number of entries than it was asked for",
    )
}
