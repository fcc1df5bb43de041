//! Without a right in a space nobody learns by the work that is done whether it exists: no store is asked for anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bulla_core::SpaceId;
use bulla_core::cbor::Encode as _;
use bulla_core::values::{GetRequest, ScanRequest};
use bulla_store::{ContentAddressedStore, Context, MemorySpaces, Result, SpacePage, Spaces};
use bulla_wire::feed::FeedRequest;
use bulla_wire::get::GetMessage;
use bulla_wire::has::HasRequest;
use bulla_wire::route::{Method, SpaceRoute};
use bulla_wire::scan::ScanMessage;
use bulla_wire::{Form, Route, headers};

use crate::support::{Node, READ, device, one_member, request, space};

const HELD: u8 = 1;
const OWN: u8 = 2;
const UNKNOWN: u8 = 3;

/// Counts what is asked of it: without a store that it gave out, no store can be read.
#[derive(Debug, Default)]
struct CountedSpaces {
    inner: MemorySpaces,
    asked: AtomicU64,
}

impl CountedSpaces {
    fn count(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Spaces for CountedSpaces {
    async fn open(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.count();
        self.inner.open(cx, space).await
    }

    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.count();
        self.inner.create(cx, space).await
    }

    async fn list(&self, cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        self.count();
        self.inner.list(cx, after, limit).await
    }

    async fn remove(&self, cx: &Context, space: SpaceId) -> Result<bool> {
        self.count();
        self.inner.remove(cx, space).await
    }
}

fn body(space: SpaceId, route: SpaceRoute) -> Vec<u8> {
    let ids = vec![space.into()];
    match route {
        SpaceRoute::Head | SpaceRoute::Status => Vec::new(),
        SpaceRoute::Has => HasRequest { ids }.to_cbor(),
        SpaceRoute::Get => {
            let request = GetRequest { ids, max_bytes: u32::MAX };
            GetMessage { request, form: Form::Compact }.to_cbor()
        }
        SpaceRoute::Scan => {
            let request = ScanRequest::everything();
            ScanMessage { request, form: Form::Compact, pages: 1 }.to_cbor()
        }
        SpaceRoute::Summary => {
            let request = bulla_core::values::SummaryRequest::Bloom { salt: [0; 16] };
            bulla_wire::summary::SummaryMessage(request).to_cbor()
        }
        SpaceRoute::Put => {
            bulla_core::cbor::Writer::new().array(2).uint(0).uint(0).as_bytes().to_vec()
        }
    }
}

async fn ask(node: &Node, token: &str, space: SpaceId, route: SpaceRoute) -> u16 {
    let kind = match route {
        SpaceRoute::Put => headers::CONTENT_CBOR_SEQUENCE,
        _ => headers::CONTENT_CBOR,
    };
    let fields = [("authorization", token), ("content-type", kind)];
    let method = if route.method() == Method::Get { "GET" } else { "POST" };
    let path = Route::Space(space, route).path();
    node.exchange(&request(method, &path, &fields, &body(space, route))).await.status
}

/// Clauses: NODE-23.
#[tokio::test]
async fn a50_without_a_right_no_store_is_asked_anything() {
    let (owner, asker) = (device(), device());
    let counted = Arc::new(CountedSpaces::default());
    let mut setup = one_member(&owner, space(HELD)).await;
    setup.rules.allow(space(OWN), asker.author().into(), READ);
    setup.spaces = Arc::clone(&counted) as _;
    setup.spaces.create(&Context::new(), space(HELD)).await.unwrap();
    setup.spaces.create(&Context::new(), space(OWN)).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*asker, &[]).await;
    let before = counted.asked.load(Ordering::SeqCst);
    let routes = [
        SpaceRoute::Head,
        SpaceRoute::Status,
        SpaceRoute::Put,
        SpaceRoute::Get,
        SpaceRoute::Has,
        SpaceRoute::Scan,
        SpaceRoute::Summary,
    ];
    for of in [HELD, UNKNOWN] {
        for route in routes {
            assert_eq!(ask(&node, &token, space(of), route).await, 404, "{route:?}");
        }
        let request = FeedRequest { spaces: vec![space(of)], heartbeat_ms: 60_000, rider_bytes: 0 };
        assert_eq!(node.post("/v1/feed", Some(&token), &request).await.status, 200);
        assert_eq!(counted.asked.load(Ordering::SeqCst), before, "space {of}");
    }
    // The count counts: with a right the store is asked.
    assert_eq!(ask(&node, &token, space(OWN), SpaceRoute::Head).await, 200);
    assert_eq!(counted.asked.load(Ordering::SeqCst), before + 1);
}
