//! The local store as a source: nothing of this device leaves before its mark covers it.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, Context, HeadStream, StoreError};

use super::{Space, SpaceError};

/// A store that writes this device's mark before it shows anything that the mark must cover. Everything else is the local
/// store's.
#[derive(Debug)]
pub struct OutgoingStore {
    space: Space,
    /// Receipts up to here are covered.
    covered: AtomicU64,
}

impl OutgoingStore {
    pub(super) const fn new(space: Space) -> Self {
        Self { space, covered: AtomicU64::new(0) }
    }

    fn inner(&self) -> &dyn ContentAddressedStore {
        &**self.space.store()
    }

    /// Covers everything the store shows now, and returns its last receipt.
    async fn cover(&self, cx: &Context) -> Result<Head, StoreError> {
        // First the head, then the mark: what is written between them is covered as well, never the other way round.
        let head = self.inner().head(cx).await?;
        if head.last_receipt > self.covered.load(Ordering::Acquire) {
            self.space.cover().await.map_err(|error| match error {
                SpaceError::Store(error) => error,
                other => StoreError::internal("cover the own chain with a mark", other),
            })?;
            self.covered.fetch_max(head.last_receipt, Ordering::AcqRel);
        }
        Ok(head)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for OutgoingStore {
    fn space(&self) -> SpaceId {
        self.inner().space()
    }

    async fn head(&self, cx: &Context) -> Result<Head, StoreError> {
        self.cover(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport, StoreError> {
        self.inner().put(cx, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>, StoreError> {
        self.cover(cx).await?;
        self.inner().get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence, StoreError> {
        self.inner().has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, mut request: ScanRequest) -> Result<Page, StoreError> {
        let needed = request.until.unwrap_or(u64::MAX);
        if needed > self.covered.load(Ordering::Acquire) {
            self.cover(cx).await?;
        }
        let covered = self.covered.load(Ordering::Acquire);
        // Below a cursor that is further than what is covered there is nothing to show; the store judges the cursor.
        if request.after.is_none_or(|after| after.receipt <= covered) {
            request.until = Some(needed.min(covered));
        }
        self.inner().scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary, StoreError> {
        self.inner().summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream, StoreError> {
        self.inner().watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus, StoreError> {
        self.inner().status(cx).await
    }
}
