//! Stores that live in memory: the reference of what a store answers, and what tests and small tools use.

mod bookmarks;
mod erase;
mod judge;
mod quarantine;
mod spaces;
mod state;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use bulla_core::values::{
    Durability, GetItem, GetRequest, Has, Head, Page, PayloadState, Presence, PutReport,
    ScanRequest, StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{EntryId, Lineage, SpaceId, Verified};
use futures_util::stream;
use tokio::sync::watch;

use crate::rules::{self, ByteBudget};
use crate::{ContentAddressedStore, Context, HeadStream, QuarantineBounds, Result, StoreError};

pub use bookmarks::MemoryBookmarks;
pub use spaces::MemorySpaces;

use state::State;

/// A store in memory. Nothing survives the process: `status` says [`Durability::None`].
///
/// # Examples
///
/// ```
/// # use bulla_core::{Lineage, SpaceId};
/// # use bulla_store::{ContentAddressedStore, Context, MemoryStore};
/// # futures_util::FutureExt::now_or_never(async {
/// let store = MemoryStore::with_lineage(SpaceId([7; 32]), Lineage([1; 16]));
/// assert_eq!(store.head(&Context::new()).await?.last_receipt, 0);
/// # Ok::<(), bulla_store::StoreError>(())
/// # }).expect("memory never waits")?;
/// # Ok::<(), bulla_store::StoreError>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    space: SpaceId,
    /// Held only between await points. A panic under it cannot leave half a change that matters: see `state`.
    state: RwLock<State>,
    /// The newest head; nothing once the store was removed.
    heads: watch::Sender<Option<Head>>,
    bounds: QuarantineBounds,
}

impl MemoryStore {
    /// An empty store whose lineage comes from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`StoreError::Internal`] when the operating system gives none.
    pub fn new(space: SpaceId) -> Result<Self> {
        Ok(Self::with_lineage(space, random_lineage()?))
    }

    /// An empty store with this lineage: 16 bytes that no other history of receipts has.
    #[must_use]
    pub fn with_lineage(space: SpaceId, lineage: Lineage) -> Self {
        Self::with_quarantine(space, lineage, QuarantineBounds::default())
    }

    /// As [`with_lineage`](Self::with_lineage), with a quarantine of this size.
    #[must_use]
    pub fn with_quarantine(space: SpaceId, lineage: Lineage, bounds: QuarantineBounds) -> Self {
        let state = State::new(&space, lineage, bounds);
        let heads = watch::Sender::new(Some(state.head()));
        Self { space, state: RwLock::new(state), heads, bounds }
    }

    /// Ends this store: every call from now on answers [`StoreError::NotServed`], every watch ends.
    fn remove(&self) {
        let mut state = self.write_lock();
        *state = State::new(&self.space, Lineage::ZERO, self.bounds);
        state.is_removed = true;
        self.heads.send_replace(None);
    }

    fn read(&self) -> Result<RwLockReadGuard<'_, State>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.is_removed { Err(StoreError::NotServed(self.space)) } else { Ok(state) }
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, State>> {
        let state = self.write_lock();
        if state.is_removed { Err(StoreError::NotServed(self.space)) } else { Ok(state) }
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the state to watchers; called under the write lock, so that heads never go back.
    fn publish(&self, state: &State) {
        self.heads.send_replace(Some(state.head()));
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for MemoryStore {
    fn space(&self) -> SpaceId {
        self.space
    }

    async fn head(&self, _cx: &Context) -> Result<Head> {
        Ok(self.read()?.head())
    }

    async fn put(&self, _cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        rules::check_put(&batch)?;
        let mut state = self.write()?;
        let outcomes = batch.into_iter().map(|entry| state.put(&self.space, entry, None)).collect();
        state.commit();
        self.publish(&state);
        Ok(PutReport { lineage: state.lineage(), outcomes })
    }

    async fn get(&self, _cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        rules::check_ids(request.ids.len())?;
        let state = self.read()?;
        let mut budget = ByteBudget::new(request.max_bytes);
        Ok(request
            .ids
            .iter()
            .map_while(|id| {
                let stored = state.by_id(id);
                let size = stored.map_or(0, |stored| stored.entry.size_bytes());
                budget.take(size).then(|| {
                    match stored.map(|stored| (stored.entry.clone(), stored.state)) {
                        Some((Verified::Entry(entry), _)) => GetItem::Entry(entry),
                        Some((Verified::Header(header), state)) => GetItem::Header(header, state),
                        None => GetItem::Absent,
                    }
                })
            })
            .collect())
    }

    async fn has(&self, _cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        rules::check_ids(ids.len())?;
        let state = self.read()?;
        Ok(ids
            .iter()
            .map(|id| match state.by_id(id).map(|stored| stored.state) {
                Some(PayloadState::Missing) => Has::PayloadMissing,
                Some(PayloadState::Present | PayloadState::Erased(_) | PayloadState::Pruned(_)) => {
                    Has::Yes
                }
                None => Has::No,
            })
            .collect())
    }

    async fn scan(&self, _cx: &Context, request: ScanRequest) -> Result<Page> {
        rules::check_scan(&request)?;
        self.read()?.scan(&self.space, &request)
    }

    async fn summary(&self, _cx: &Context, request: SummaryRequest) -> Result<Summary> {
        let salt = rules::check_summary(&request)?;
        Ok(self.read()?.bloom(salt))
    }

    async fn watch(&self, _cx: &Context) -> Result<HeadStream> {
        let guard = self.read()?;
        let mut heads = self.heads.subscribe();
        drop(guard);
        heads.mark_changed();
        Ok(Box::pin(stream::unfold(heads, |mut heads| async move {
            // An error of `changed` means that the store is gone: the stream ends.
            heads.changed().await.ok()?;
            let head = (*heads.borrow_and_update())?;
            Some((Ok(head), heads))
        })))
    }

    async fn status(&self, _cx: &Context) -> Result<StoreStatus> {
        let state = self.read()?;
        Ok(StoreStatus {
            entries: state.head().last_receipt,
            payload_bytes: state.payload_bytes,
            commits: state.commits,
            impairments: state.ward.impairments(),
            ..StoreStatus::new("memory", Durability::None)
        })
    }
}

/// A lineage from the operating system's randomness.
///
/// # Errors
///
/// [`StoreError::Internal`] when the operating system gives none.
pub fn random_lineage() -> Result<Lineage> {
    let mut bytes = [0; Lineage::LEN];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::internal("drawing a lineage", error))?;
    Ok(Lineage(bytes))
}
