//! The store of a space at a node.

mod get;
mod put;
mod scan;

use std::sync::Mutex;

use async_trait::async_trait;
use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{
    Durability, GetItem, GetRequest, Has, Head, Page, Presence, PutReport, ScanRequest,
    StoreStatus, Summary, SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use bulla_store::{ContentAddressedStore, Context, HeadStream, Result, StoreError, rules};
use bulla_wire::Route;
use bulla_wire::has::{HasAnswer, HasRequest};
use bulla_wire::limits::{MAX_MESSAGE_BYTES, MAX_SUMMARY_BYTES};
use bulla_wire::route::SpaceRoute;
use bulla_wire::status::StatusAnswer;
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};

use self::scan::OpenScan;
use crate::Client;
use crate::error::{ANSWER, peer};
use crate::transport::Body;

/// The store of a space at a node. It keeps nothing; lineage, receipts and head are the node's.
///
/// Everything it returns is verified. An entry that does not verify is one
/// [`ScanBody::Invalid`](bulla_core::values::ScanBody::Invalid) or [`GetItem::Corrupt`] among good ones; a node that
/// breaks the protocol is [`StoreError::Peer`], and nothing of that answer is used.
///
/// A scan with `until` lets the node write the following pages into the same answer, for as long as the next call goes on
/// where the last one stopped: give the receipt of a head as `until`, and a first pull is one request.
#[derive(Debug)]
pub struct NetworkStore {
    client: Client,
    space: SpaceId,
    /// Answers that have further pages.
    open_scans: Mutex<Vec<OpenScan>>,
}

impl NetworkStore {
    pub(crate) const fn new(client: Client, space: SpaceId) -> Self {
        Self { client, space, open_scans: Mutex::new(Vec::new()) }
    }

    /// The node.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    const fn route(&self, route: SpaceRoute) -> Route {
        Route::Space(self.space, route)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for NetworkStore {
    fn space(&self) -> SpaceId {
        self.space
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.client.ask(cx, self.route(SpaceRoute::Head), None, MAX_MESSAGE_BYTES).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        put::put(self, cx, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        get::get(self, cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        rules::check_ids(ids.len())?;
        let limits = self.client.limits(cx).await?;
        let most = usize::try_from(limits.ids_per_request).unwrap_or(MAX_IDS_PER_REQUEST);
        let mut presence: Vec<Has> = Vec::with_capacity(ids.len());
        for ids in ids.chunks(most.max(1)) {
            let body = Body::item(&HasRequest { ids: ids.to_vec() });
            let route = self.route(SpaceRoute::Has);
            let answer: HasAnswer =
                self.client.ask(cx, route, Some(body), MAX_MESSAGE_BYTES).await?;
            if answer.presence.len() != ids.len() {
                let (asked, came) = (ids.len(), answer.presence.len());
                return Err(peer(ANSWER, format!("{came} answers for {asked} ids")));
            }
            presence.extend(answer.presence);
        }
        Ok(presence)
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        scan::scan(self, cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        let salt = rules::check_summary(&request)?;
        let body = Body::item(&SummaryMessage(request));
        let route = self.route(SpaceRoute::Summary);
        let answer: SummaryAnswer =
            self.client.ask(cx, route, Some(body), MAX_SUMMARY_BYTES).await?;
        let Summary::Bloom { bloom, .. } = &answer.0;
        if *bloom.salt() != salt {
            return Err(peer(ANSWER, "summary has another salt than was asked for"));
        }
        Ok(answer.0)
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        crate::feed::watch(&self.client, cx, self.space).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        let route = self.route(SpaceRoute::Status);
        let StatusAnswer(upstream) = self.client.ask(cx, route, None, MAX_MESSAGE_BYTES).await?;
        let mut status = StoreStatus::new("network", Durability::Upstream);
        status.entries = upstream.entries;
        status.payload_bytes = upstream.payload_bytes;
        status.impairments.clone_from(&upstream.impairments);
        status.upstream = Some(Box::new(upstream));
        Ok(status)
    }
}

/// What a failed lock leaves behind is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The node's answer is about other entries than it says.
fn mismatch(what: &str) -> StoreError {
    peer(ANSWER, what.to_owned())
}
