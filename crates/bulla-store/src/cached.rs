//! A cache in front of a store (chapter `store.md`, CACHE-1 to CACHE-12).

mod entries;
mod feed;
mod flights;
mod heads;
mod inner;
mod memory;
mod pages;
mod presence;
mod storage;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bulla_core::values::{
    Durability, GetItem, GetRequest, Head, Page, PayloadState, Presence, PutOutcome, PutReport,
    ScanRequest, StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{Code, EntryId, NodeId, SpaceId, Verified};

use crate::{Clock, ContentAddressedStore, Context, HeadStream, Result, rules};

pub use memory::MemoryCacheStorage;
pub use storage::{CacheStorage, CacheUsage, CachedEntry, CachedOrigin, CachedPart, CachedRow};

use inner::Inner;

/// The longest that "not held" is believed, in milliseconds (CACHE-6).
pub const MAX_NEGATIVE_MS: u64 = 5_000;

/// How a cache behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// For how long a head is given again without asking the origin, in milliseconds, marked as stale since then. 0 (the
    /// default) asks each time.
    pub freshness_ms: u64,
    /// For how long the origin's "not held" is believed, in milliseconds; at most [`MAX_NEGATIVE_MS`]. Default 2,000.
    pub negative_ms: u64,
    /// For how long a question to the origin may take, in milliseconds, whoever waits for it. Default 30,000.
    pub upstream_timeout_ms: u64,
    /// For how long an origin that could not be reached is not asked again for reads, in milliseconds. Default 1,000.
    pub away_ms: u64,
}

impl CacheSettings {
    fn negative(&self) -> Duration {
        Duration::from_millis(self.negative_ms.min(MAX_NEGATIVE_MS))
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { freshness_ms: 0, negative_ms: 2_000, upstream_timeout_ms: 30_000, away_ms: 1_000 }
    }
}

/// A store that answers from what it holds and asks its origin for the rest.
///
/// It is the origin to whoever uses it: lineage, receipts and heads are the origin's, so a cursor means the same before
/// and behind it, and a stack of caches of any height is one store.
///
/// - What it holds is verified entries by id, and rows: which id the origin has at which receipt, with log hashes
///   recomputed from the origin's pages. Pages are given from consecutive rows only.
/// - A write is acknowledged when the origin has acknowledged it, and kept only then.
/// - Many who ask for the same at once cause one question to the origin; nobody waits in a ring of nodes.
/// - With the origin away it goes on giving what it holds, marks its head as stale, and says *unavailable* or *unknown* of
///   everything else, never *absent*.
///
/// Dropping payloads to make room is not erasure; no receipt changes by it.
///
/// Watching needs a tokio runtime, deadlines need its timer.
#[derive(Debug)]
pub struct CachedStore {
    inner: Arc<Inner>,
}

impl CachedStore {
    /// A cache of `upstream` that keeps what it sees in `storage` and takes part in hop paths as `node`.
    ///
    /// The ids held are read once, to know at a glance what is not held.
    ///
    /// # Errors
    ///
    /// What the storage returns.
    pub async fn open(
        upstream: Arc<dyn ContentAddressedStore>,
        storage: Arc<dyn CacheStorage>,
        node: NodeId,
        clock: Arc<dyn Clock>,
        settings: CacheSettings,
    ) -> Result<Self> {
        let inner = Inner::open(upstream, storage, node, clock, settings).await?;
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Forgets what a put may have made untrue, also when the call is dropped half-way.
struct Invalidate<'a>(&'a Inner);

impl Drop for Invalidate<'_> {
    fn drop(&mut self) {
        self.0.invalidate();
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for CachedStore {
    fn space(&self) -> SpaceId {
        self.inner.space
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        let onward = self.inner.onward(cx)?;
        self.inner.current_head(&onward).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        rules::check_put(&batch)?;
        let inner = &self.inner;
        let onward = inner.onward(cx)?;
        let generation = inner.generation();
        let report = {
            let _invalidate = Invalidate(inner);
            let answer = inner.upstream.put(&onward, batch.clone()).await;
            inner.note_outcome(&answer);
            answer?
        };
        // Only what the origin took just now is kept: of a duplicate we do not know whether its payload is still there.
        let taken = batch.into_iter().zip(&report.outcomes).filter_map(|(entry, outcome)| {
            let is_taken = matches!(outcome, PutOutcome::Stored(_) | PutOutcome::PayloadAdded(_));
            let state = if entry.payload().is_some() {
                PayloadState::Present
            } else {
                PayloadState::Missing
            };
            is_taken.then_some(CachedEntry { entry, state, generation })
        });
        inner.keep(taken.collect(), &[]).await;
        Ok(report)
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.inner.get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.inner.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.inner.scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        rules::check_summary(&request)?;
        let onward = self.inner.onward(cx)?;
        self.inner.upstream.summary(&onward, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.inner.feed.watch(&self.inner, cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        let inner = &self.inner;
        let onward = inner.onward(cx)?;
        let upstream = match inner.away() {
            Some(error) => Err(error),
            None => inner.upstream.status(&onward).await,
        };
        inner.note_outcome(&upstream);
        let usage = inner.soft(inner.storage.usage(&inner.space).await).unwrap_or_default();
        let mut status = StoreStatus {
            entries: usage.entries,
            payload_bytes: usage.payload_bytes,
            disk_bytes: usage.disk_bytes,
            ..StoreStatus::new("cached", Durability::Upstream)
        };
        if inner.has_storage_failed() {
            status.impairments.push(Code::new("cache.storage"));
        }
        match upstream {
            Ok(upstream) => status.upstream = Some(Box::new(upstream)),
            Err(_) => status.impairments.push(Code::new("upstream.unavailable")),
        }
        Ok(status)
    }
}
