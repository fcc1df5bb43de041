//! A store that passes everything on.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{EntryId, NodeId, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, Context, HeadStream, Result};

/// Passes every call on to its origin, with this node added to the path it took (HOP-1). It holds nothing.
#[derive(Debug)]
pub struct Passthrough {
    origin: Arc<dyn ContentAddressedStore>,
    node: NodeId,
}

impl Passthrough {
    /// What stands in front of `origin` as `node`.
    #[must_use]
    pub fn new(origin: Arc<dyn ContentAddressedStore>, node: NodeId) -> Self {
        Self { origin, node }
    }

    /// The context for going on; a request that came round ends here (HOP-3).
    fn onward(&self, cx: &Context) -> Result<Context> {
        Ok(Context { hops: cx.hops.through(self.node)?, ..cx.clone() })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for Passthrough {
    fn space(&self) -> SpaceId {
        self.origin.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.origin.head(&self.onward(cx)?).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        self.origin.put(&self.onward(cx)?, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.origin.get(&self.onward(cx)?, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.origin.has(&self.onward(cx)?, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.origin.scan(&self.onward(cx)?, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.origin.summary(&self.onward(cx)?, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.origin.watch(&self.onward(cx)?).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.origin.status(&self.onward(cx)?).await
    }
}
