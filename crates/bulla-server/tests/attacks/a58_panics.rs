//! A panic in one request is an answer of 500 to it and nothing to anybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bulla_conformance::suite::author::{World, whole};
use bulla_core::cbor::Encode;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, PageLimit, Presence, PutReport, ScanRequest, StoreStatus,
    Summary, SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use bulla_store::{
    ContentAddressedStore, Context, HeadStream, MemoryStore, Result, SpacePage, Spaces,
};
use bulla_wire::scan::ScanMessage;
use bulla_wire::stream::BodyDecoder;
use bulla_wire::{Form, Route, StreamError, route::SpaceRoute};

use crate::support::{Setup, Wire, device, one_member, request};

/// Panics where a store of our own never would.
#[derive(Debug)]
struct Panics {
    inner: MemoryStore,
    scans: AtomicUsize,
}

#[derive(Debug)]
struct OneSpace(Arc<Panics>);

#[async_trait]
impl Spaces for OneSpace {
    async fn open(&self, _cx: &Context, _space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        Ok(Arc::clone(&self.0) as _)
    }
    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.open(cx, space).await
    }
    async fn list(
        &self,
        _cx: &Context,
        _after: Option<SpaceId>,
        _limit: usize,
    ) -> Result<SpacePage> {
        panic!("list")
    }
    async fn remove(&self, _cx: &Context, _space: SpaceId) -> Result<bool> {
        panic!("remove")
    }
}

#[async_trait]
impl ContentAddressedStore for Panics {
    fn space(&self) -> SpaceId {
        self.inner.space()
    }
    async fn head(&self, cx: &Context) -> Result<Head> {
        self.inner.head(cx).await
    }
    async fn put(&self, _cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        panic!("put of {} entries", batch.len())
    }
    async fn get(&self, _cx: &Context, _request: GetRequest) -> Result<Vec<GetItem>> {
        panic!("get")
    }
    async fn has(&self, _cx: &Context, _ids: &[EntryId]) -> Result<Presence> {
        panic!("has")
    }
    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        if self.scans.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            panic!("the second page");
        }
        self.inner.scan(cx, request).await
    }
    async fn summary(&self, _cx: &Context, _request: SummaryRequest) -> Result<Summary> {
        panic!("summary")
    }
    async fn watch(&self, _cx: &Context) -> Result<HeadStream> {
        panic!("watch")
    }
    async fn status(&self, _cx: &Context) -> Result<StoreStatus> {
        panic!("status")
    }
}

#[tokio::test]
async fn a58_a_panic_ends_one_request_and_nothing_else() {
    let member = device();
    let world = World::new([58; 32]).unwrap();
    let inner = MemoryStore::new(world.space()).unwrap();
    inner.put(&Context::new(), whole(&world.entries(0, 4).unwrap())).await.unwrap();
    let store = Arc::new(Panics { inner, scans: AtomicUsize::new(0) });
    let setup = one_member(&member, world.space()).await;
    let node = Setup { spaces: Arc::new(OneSpace(store)), ..setup }.start().await;
    let token = node.token(&*member, &[]).await;
    let mut wire = Wire::connect(node.address).await;
    for _ in 0..3 {
        for (method, path) in [
            ("GET", Route::Space(world.space(), SpaceRoute::Status).path()),
            ("GET", Route::Spaces { after: None }.path()),
        ] {
            wire.send(&request(method, &path, &[("authorization", &token)], &[])).await;
            let reply = wire.reply().await.unwrap();
            assert_eq!((reply.status, reply.code().as_str()), (500, "store.internal"));
            assert!(!String::from_utf8_lossy(&reply.body).contains("panic"), "no internals");
        }
        // The same connection goes on.
        let path = Route::Space(world.space(), SpaceRoute::Head).path();
        wire.send(&request("GET", &path, &[("authorization", &token)], &[])).await;
        assert_eq!(wire.reply().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a58_a_panic_in_the_middle_of_an_answer_ends_it_with_an_error() {
    let member = device();
    let world = World::new([59; 32]).unwrap();
    let inner = MemoryStore::new(world.space()).unwrap();
    inner.put(&Context::new(), whole(&world.entries(0, 4).unwrap())).await.unwrap();
    let store = Arc::new(Panics { inner, scans: AtomicUsize::new(0) });
    let setup = one_member(&member, world.space()).await;
    let node = Setup { spaces: Arc::new(OneSpace(store)), ..setup }.start().await;
    let token = node.token(&*member, &[]).await;
    let limit = PageLimit { max_bytes: 1_000_000, max_items: 2 };
    let scan = ScanMessage {
        request: ScanRequest { until: Some(4), limit, ..ScanRequest::everything() },
        form: Form::Plain,
        pages: 2,
    };
    let path = Route::Space(world.space(), SpaceRoute::Scan).path();
    let fields = [("authorization", token.as_str()), ("content-type", "application/cbor")];
    let reply = node.exchange(&request("POST", &path, &fields, &scan.to_cbor())).await;
    assert_eq!(reply.status, 200, "the first page was fine");
    let mut decoder = BodyDecoder::scan(world.space(), None, limit);
    decoder.push(&reply.body);
    let error = loop {
        match decoder.next_item() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the answer must not look whole"),
            Err(error) => break error,
        }
    };
    match error {
        StreamError::Peer(error) => assert_eq!(error.code.as_str(), "store.internal"),
        other => panic!("{other}"),
    }
}
