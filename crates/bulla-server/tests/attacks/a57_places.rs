//! Whatever lies in memory by the megabyte takes one of few places, for as long as it lies there: filters on their way in
//! and on their way out as well as pages and batches.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::cbor::Encode;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{Bloom, EntryId, SpaceId, Verified};
use bulla_server::ServiceSettings;
use bulla_store::{
    ContentAddressedStore, Context, HeadStream, MemoryStore, Result, SpacePage, Spaces,
};
use bulla_wire::route::SpaceRoute;
use bulla_wire::scan::ScanMessage;
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};
use bulla_wire::{Form, Route};

use crate::support::{Node, Setup, Wire, device, one_member, request, space};

fn one_place() -> ServiceSettings {
    let patience_ms = 50;
    ServiceSettings {
        max_heavy: 1,
        max_heavy_per_peer: 1,
        patience_ms,
        ..ServiceSettings::default()
    }
}

fn scan_all() -> Vec<u8> {
    let request = ScanRequest::everything();
    ScanMessage { request, form: Form::Compact, pages: 1 }.to_cbor()
}

fn post(route: SpaceRoute, token: &str, body: &[u8]) -> Vec<u8> {
    let path = Route::Space(space(1), route).path();
    let fields = [("authorization", token), ("content-type", "application/cbor")];
    request("POST", &path, &fields, body)
}

/// The code of a scan, or nothing when it is answered.
async fn scan_code(node: &Node, token: &str) -> Option<String> {
    let reply = node.exchange(&post(SpaceRoute::Scan, token, &scan_all())).await;
    (reply.status != 200).then(|| reply.code())
}

/// A request to scan may carry a filter of 32 MiB.
///
/// Clauses: NODE-30.
#[tokio::test]
async fn a57_a_scan_has_its_place_before_its_body_is_read() {
    let member = device();
    let setup = one_member(&member, space(1)).await;
    let node = Setup { service: one_place(), ..setup }.start().await;
    let token = node.token(&*member, &[]).await;
    let mut half = Wire::connect(node.address).await;
    let body = post(SpaceRoute::Scan, &token, &vec![0; 1_000_000]);
    half.send(&body[..500_000]).await;
    // The half that came is being read when another scan begins; it may take a moment until it is.
    let busy = async { while scan_code(&node, &token).await.is_none() {} };
    let waited = tokio::time::timeout(crate::support::LONG, busy).await;
    assert!(waited.is_ok(), "a body that is being read takes a place");
    assert_eq!(scan_code(&node, &token).await.as_deref(), Some("node.busy"));
    drop(half);
    let free = async { while scan_code(&node, &token).await.is_some() {} };
    tokio::time::timeout(crate::support::LONG, free).await.expect("the place is free again");
}

/// A store with a filter of 16 MiB.
#[derive(Debug)]
struct Large(MemoryStore);

#[derive(Debug)]
struct OneSpace(Arc<Large>);

#[async_trait]
impl Spaces for OneSpace {
    async fn open(&self, _cx: &Context, _space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        Ok(Arc::clone(&self.0) as _)
    }
    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.open(cx, space).await
    }
    async fn list(&self, _: &Context, _: Option<SpaceId>, _: usize) -> Result<SpacePage> {
        Ok(SpacePage { spaces: vec![self.0.space()], end: true })
    }
    async fn remove(&self, _: &Context, _: SpaceId) -> Result<bool> {
        Ok(false)
    }
}

#[async_trait]
impl ContentAddressedStore for Large {
    fn space(&self) -> SpaceId {
        self.0.space()
    }
    async fn head(&self, cx: &Context) -> Result<Head> {
        self.0.head(cx).await
    }
    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        self.0.put(cx, batch).await
    }
    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.0.get(cx, request).await
    }
    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.0.has(cx, ids).await
    }
    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.0.scan(cx, request).await
    }
    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        let SummaryRequest::Bloom { salt } = request else {
            return self.0.summary(cx, request).await;
        };
        let Summary::Bloom { upto, .. } = self.0.summary(cx, request).await?;
        Ok(Summary::Bloom { upto, bloom: Bloom::for_count(16 * 1024 * 1024 * 8 / 10, salt) })
    }
    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.0.watch(cx).await
    }
    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.0.status(cx).await
    }
}

/// The answer to a summary lies in memory until the peer has taken it.
///
/// Clauses: NODE-30.
#[tokio::test]
async fn a57_a_summary_keeps_its_place_until_it_is_taken() {
    let member = device();
    let setup = one_member(&member, space(1)).await;
    let spaces = Arc::new(OneSpace(Arc::new(Large(MemoryStore::new(space(1)).unwrap()))));
    let node = Setup { service: one_place(), spaces, ..setup }.start().await;
    let token = node.token(&*member, &[]).await;
    let asked = SummaryMessage(SummaryRequest::Bloom { salt: [7; 16] }).to_cbor();
    let mut slow = Wire::connect(node.address).await;
    slow.send(&post(SpaceRoute::Summary, &token, &asked)).await;
    let (status, head) = slow.head().await.unwrap();
    assert_eq!(status, 200);
    assert!(head.iter().any(|line| line == "content-type: application/cbor"), "{head:?}");
    assert_eq!(scan_code(&node, &token).await.as_deref(), Some("node.busy"));

    // Whole it comes nevertheless, and then the place is free.
    let mut other = Wire::connect(node.address).await;
    drop(slow);
    let whole = async {
        loop {
            other.send(&post(SpaceRoute::Summary, &token, &asked)).await;
            let reply = other.reply().await.unwrap();
            if reply.status == 200 {
                return reply;
            }
            assert_eq!(reply.code(), "node.busy");
        }
    };
    let reply = tokio::time::timeout(crate::support::LONG, whole).await.expect("it comes whole");
    let SummaryAnswer(Summary::Bloom { bloom, .. }) = reply.value();
    assert_eq!(bloom.salt(), &[7; 16]);
    assert!(reply.body.len() > 16 * 1024 * 1024);
    let free = async { while scan_code(&node, &token).await.is_some() {} };
    tokio::time::timeout(crate::support::LONG, free).await.expect("the place is free again");
}
