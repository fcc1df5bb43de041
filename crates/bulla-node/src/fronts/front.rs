//! A space in front of an upstream, as its members get it.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, PayloadState, Presence, PutReport, ScanBody, ScanRequest,
    StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry};
use bulla_store::{ContentAddressedStore, Context, HeadStream, Result};

use super::ControlReplica;
use crate::control::is_graph;

/// A passthrough or cache that minds what the control entries say of payloads: what is erased is given to nobody, and is
/// held no longer (ERA). A control entry that goes through counts here as soon as the upstream has it.
#[derive(Debug)]
pub(crate) struct Front {
    inner: Arc<dyn ContentAddressedStore>,
    replica: Arc<ControlReplica>,
}

impl Front {
    pub(crate) fn new(inner: Arc<dyn ContentAddressedStore>, replica: Arc<ControlReplica>) -> Self {
        Self { inner, replica }
    }

    /// Forgets entries whose payload is erased: they came before it was known, or beside it.
    async fn evict(&self, ids: &[EntryId]) {
        if let Err(error) = self.replica.evict(ids).await {
            tracing::warn!(code = %error.code(), "erased payloads could not be dropped");
        }
    }

    fn erased(&self, entry: &VerifiedEntry) -> Option<PayloadState> {
        self.replica.erased_by(entry.verified_header()).map(PayloadState::Erased)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for Front {
    fn space(&self) -> SpaceId {
        self.inner.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.inner.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        let control = batch.iter().enumerate().filter_map(|(place, entry)| match entry {
            Verified::Entry(entry) if is_graph(entry.header().kind) => Some((place, entry.clone())),
            _ => None,
        });
        let control: Vec<_> = control.collect();
        let report = self.inner.put(cx, batch).await?;
        let is_stored = |place: usize| {
            report.outcomes.get(place).is_some_and(|outcome| outcome.receipt().is_some())
        };
        let stored = control.into_iter().filter(|(place, _)| is_stored(*place));
        let stored: Vec<VerifiedEntry> = stored.map(|(_, entry)| entry).collect();
        self.replica.learn(&stored).await;
        Ok(report)
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        let mut items = self.inner.get(cx, request).await?;
        let mut gone = Vec::new();
        for item in &mut items {
            if let GetItem::Entry(entry) = item
                && let Some(state) = self.erased(entry)
            {
                gone.push(entry.id());
                *item = GetItem::Header(entry.verified_header().clone(), state);
            }
        }
        self.evict(&gone).await;
        Ok(items)
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.inner.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        let mut page = self.inner.scan(cx, request).await?;
        let mut gone = Vec::new();
        for item in &mut page.items {
            if let ScanBody::Entry(entry) = &item.body
                && let Some(state) = self.erased(entry)
            {
                gone.push(entry.id());
                item.body = ScanBody::Header(entry.verified_header().clone(), state);
            }
        }
        self.evict(&gone).await;
        Ok(page)
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.inner.summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.inner.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.inner.status(cx).await
    }
}
