//! What all parts of a cache share: the origin, the storage, and what is known between calls.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_core::values::{GetItem, Head, Page};
use bulla_core::{EntryId, NodeId, SpaceId};

use super::CacheSettings;
use super::entries::Fetched;
use super::feed::Feed;
use super::flights::{Flights, Queue};
use super::pages::PageKey;
use super::presence::{Negatives, Presence};
use super::storage::{CacheStorage, CachedEntry, CachedOrigin};
use crate::{Clock, ContentAddressedStore, Context, Result, StoreError};

/// Ids asked from the storage at once when the presence filter is made.
const IDS_PER_STEP: usize = 4096;

/// Rises with every put and with every change of the origin: what was asked before tells nothing of afterwards.
pub(super) type Epoch = u64;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) space: SpaceId,
    pub(super) upstream: Arc<dyn ContentAddressedStore>,
    pub(super) storage: Arc<dyn CacheStorage>,
    pub(super) node: NodeId,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: CacheSettings,
    /// Held while rows are written, so that none of another history gets in.
    pub(super) origin: tokio::sync::Mutex<Origin>,
    pub(super) heads: Queue<Result<Head>>,
    pub(super) entries: Flights<(Epoch, EntryId), Fetched>,
    pub(super) pages: Flights<(Epoch, PageKey), Result<Page>>,
    pub(super) tickets: AtomicU64,
    pub(super) feed: Feed,
    soft: Mutex<Soft>,
    storage_failed: AtomicBool,
}

/// What is known of the origin, and by which question.
#[derive(Debug, Default)]
pub(super) struct Origin {
    pub(super) known: Option<CachedOrigin>,
    /// The number of the newest question whose answer is in `known`.
    pub(super) ticket: u64,
}

/// What may be forgotten at any moment.
#[derive(Debug)]
struct Soft {
    known: Option<CachedOrigin>,
    epoch: Epoch,
    presence: Presence,
    negatives: Negatives,
    /// When the origin last gave its head, if nothing was put since.
    revalidated: Option<Duration>,
    /// Until when the origin is taken to be away, and what it was like to ask.
    away: Option<(Duration, StoreError)>,
}

impl Inner {
    pub(super) async fn open(
        upstream: Arc<dyn ContentAddressedStore>,
        storage: Arc<dyn CacheStorage>,
        node: NodeId,
        clock: Arc<dyn Clock>,
        settings: CacheSettings,
    ) -> Result<Self> {
        let space = upstream.space();
        let known = storage.origin(&space).await?;
        let inner = Self {
            space,
            upstream,
            storage,
            node,
            clock,
            settings,
            origin: tokio::sync::Mutex::new(Origin { known, ticket: 0 }),
            heads: Queue::new(),
            entries: Flights::new(),
            pages: Flights::new(),
            tickets: AtomicU64::new(0),
            feed: Feed::default(),
            soft: Mutex::new(Soft {
                known,
                epoch: 0,
                presence: Presence::new(),
                negatives: Negatives::default(),
                revalidated: None,
                away: None,
            }),
            storage_failed: AtomicBool::new(false),
        };
        inner.rebuild_presence().await?;
        Ok(inner)
    }

    /// The context for going on to the origin. Called before anything else, so that a request that came round is refused
    /// before it can wait for anybody (HOP-3).
    pub(super) fn onward(&self, cx: &Context) -> Result<Context> {
        Ok(Context { hops: cx.hops.through(self.node)?, ..cx.clone() })
    }

    /// The context of a question that others may join: its deadline is not that of whoever asked first.
    pub(super) fn shared_context(&self, onward: &Context) -> Context {
        let deadline =
            self.clock.monotonic() + Duration::from_millis(self.settings.upstream_timeout_ms);
        onward.clone().with_deadline(deadline)
    }

    /// Waits until the caller's own deadline.
    pub(super) async fn within<T>(
        &self,
        cx: &Context,
        wait: impl Future<Output = T> + Send,
    ) -> Result<T> {
        match cx.deadline {
            None => Ok(wait.await),
            Some(deadline) => {
                let left = deadline.saturating_sub(self.clock.monotonic());
                tokio::time::timeout(left, wait).await.map_err(|_| StoreError::Deadline)
            }
        }
    }

    /// What the storage gave, or nothing if it failed: a cache goes on without.
    pub(super) fn soft<T>(&self, result: Result<T>) -> Option<T> {
        let failed = result.is_err();
        if self.storage_failed.swap(failed, Ordering::Relaxed) != failed {
            match &result {
                Ok(_) => tracing::info!(space = %self.space.short(), "cache storage works again"),
                Err(error) => {
                    tracing::warn!(space = %self.space.short(), %error, "cache storage failed");
                }
            }
        }
        result.ok()
    }

    pub(super) fn has_storage_failed(&self) -> bool {
        self.storage_failed.load(Ordering::Relaxed)
    }

    pub(super) fn known(&self) -> Option<CachedOrigin> {
        self.lock().known
    }

    pub(super) fn generation(&self) -> u64 {
        self.known().map_or(0, |known| known.generation)
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.lock().epoch
    }

    /// Shows what the origin mutex now holds; `changed` if entries may have come or gone.
    pub(super) fn publish(&self, known: CachedOrigin, changed: bool) {
        let mut soft = self.lock();
        soft.known = Some(known);
        if changed {
            soft.negatives.clear();
        }
    }

    /// Forgets what a put may have made untrue.
    pub(super) fn invalidate(&self) {
        let mut soft = self.lock();
        soft.epoch += 1;
        soft.negatives.clear();
        soft.revalidated = None;
    }

    /// Notes that the origin gave its head now, unless something was put since `epoch`.
    pub(super) fn note_revalidated(&self, epoch: Epoch) {
        let now = self.clock.monotonic();
        let mut soft = self.lock();
        if soft.epoch == epoch {
            soft.revalidated = Some(now);
        }
    }

    /// Whether the last head may be given without asking.
    pub(super) fn is_recent(&self) -> bool {
        let freshness = Duration::from_millis(self.settings.freshness_ms);
        let now = self.clock.monotonic();
        self.lock().revalidated.is_some_and(|then| now.saturating_sub(then) < freshness)
    }

    /// Forgets when the origin last gave its head.
    pub(super) fn forget_revalidated(&self) {
        self.lock().revalidated = None;
    }

    /// The error of the last question, while the origin is taken to be away.
    pub(super) fn away(&self) -> Option<StoreError> {
        let now = self.clock.monotonic();
        self.lock().away.as_ref().filter(|(until, _)| now < *until).map(|(_, error)| error.clone())
    }

    /// Learns from the outcome of a question whether the origin is away.
    pub(super) fn note_outcome<T>(&self, result: &Result<T>) {
        let until = self.clock.monotonic() + Duration::from_millis(self.settings.away_ms);
        let away = match result {
            Err(error) if is_away(error) => Some((until, error.clone())),
            _ => None,
        };
        let was_away = std::mem::replace(&mut self.lock().away, away).is_some();
        match result {
            Err(error) if is_away(error) && !was_away => {
                let code = error.code();
                tracing::warn!(space = %self.space.short(), %code, %error, "the origin is away; what is held is given");
            }
            Err(error) if is_away(error) => {}
            _ if was_away => {
                tracing::info!(space = %self.space.short(), "the origin answers again");
            }
            _ => {}
        }
    }

    pub(super) fn may_hold(&self, id: &EntryId) -> bool {
        self.lock().presence.may_hold(id)
    }

    /// Which of the ids the storage may hold, and which the origin just denied.
    pub(super) fn is_denied(&self, id: &EntryId) -> bool {
        let now = self.clock.monotonic();
        self.lock().negatives.contains(id, now)
    }

    /// Keeps "not held" for a moment, unless something was put since `epoch`.
    pub(super) fn deny(&self, ids: impl IntoIterator<Item = EntryId>, epoch: Epoch) {
        let until = self.clock.monotonic() + self.settings.negative();
        let mut soft = self.lock();
        if soft.epoch == epoch {
            for id in ids {
                soft.negatives.insert(id, until);
            }
        }
    }

    /// Keeps entries; `gone` are those of which the origin says that their payload is erased or pruned.
    pub(super) async fn keep(&self, entries: Vec<CachedEntry>, gone: &[EntryId]) {
        let held: Vec<_> = gone.iter().filter(|id| self.may_hold(id)).copied().collect();
        if !held.is_empty() {
            self.soft(self.storage.evict(&self.space, &held).await);
        }
        if entries.is_empty() {
            return;
        }
        {
            // Before they are kept: an id that is held is never unknown to the filter.
            let mut soft = self.lock();
            for entry in &entries {
                soft.presence.insert(&entry.entry.id());
            }
        }
        self.soft(self.storage.keep(&self.space, entries).await);
        if let Some(usage) = self.soft(self.storage.usage(&self.space).await) {
            let held = usize::try_from(usage.entries).unwrap_or(usize::MAX);
            if self.lock().presence.is_worn(held) {
                self.soft(self.rebuild_presence().await);
            }
        }
    }

    async fn rebuild_presence(&self) -> Result<()> {
        self.lock().presence.begin_anew();
        let mut held = Vec::new();
        loop {
            let page = self.storage.ids(&self.space, held.last().copied(), IDS_PER_STEP).await;
            match page {
                Ok(page) if page.is_empty() => break,
                Ok(page) => held.extend(page),
                Err(error) => return Err(error),
            }
        }
        self.lock().presence.replace(&held);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Soft> {
        self.soft.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error means that the origin cannot be asked now.
pub(super) const fn is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. } | StoreError::Deadline)
}

/// Whether the item answers for this id; a store that mixes them up is not believed.
pub(super) fn answers(item: &GetItem, id: &EntryId) -> bool {
    match item {
        GetItem::Entry(entry) => entry.id() == *id,
        GetItem::Header(header, _) => header.id() == *id,
        GetItem::Absent | GetItem::Corrupt | GetItem::Unavailable => true,
    }
}
