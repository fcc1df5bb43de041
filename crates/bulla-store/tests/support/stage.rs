//! What the tests of caches stand on: an origin that can be counted, made to fail and replaced, and a cache over it.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up must stop")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bulla_conformance::suite::author::World;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{Code, EntryId, Lineage, NodeId, SpaceId, Verified};
use bulla_store::testing::{CountingStore, FaultyStore, ManualClock};
use bulla_store::{
    CacheSettings, CachedStore, ContentAddressedStore, Context, HeadStream, MemoryCacheStorage,
    MemoryStore, Result, StoreError,
};

/// A cache over counters over faults over a memory store.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) origin: Arc<MemoryStore>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) faults: Arc<FaultyStore>,
    pub(crate) counts: Arc<CountingStore>,
    pub(crate) storage: Arc<MemoryCacheStorage>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) cache: Arc<CachedStore>,
    pub(crate) cx: Context,
}

/// A world that is the same every time for the same number.
pub(crate) fn world(number: u8) -> World {
    World::new([number; 32]).unwrap()
}

impl Stage {
    /// A cache with the default settings and room for everything.
    pub(crate) async fn new(number: u8) -> Self {
        Self::with(number, CacheSettings::default(), 64 << 20).await
    }

    pub(crate) async fn with(number: u8, settings: CacheSettings, max_bytes: usize) -> Self {
        let world = world(number);
        let origin = Arc::new(MemoryStore::with_lineage(world.space(), Lineage([1; 16])));
        let switch = Arc::new(Switch::new(Arc::clone(&origin) as _));
        let faults = Arc::new(FaultyStore::new(Arc::clone(&switch) as _));
        let counts = Arc::new(CountingStore::new(Arc::clone(&faults) as _));
        let storage = Arc::new(MemoryCacheStorage::new(max_bytes));
        let clock = Arc::new(ManualClock::new(1_700_000_000_000));
        let upstream: Arc<dyn ContentAddressedStore> = Arc::clone(&counts) as _;
        let cache = CachedStore::open(
            upstream,
            Arc::clone(&storage) as _,
            NodeId([9; 32]),
            Arc::clone(&clock) as _,
            settings,
        );
        let cache = Arc::new(cache.await.unwrap());
        Self { world, origin, switch, faults, counts, storage, clock, cache, cx: Context::new() }
    }

    /// The origin cannot be reached from now on.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.faults.set_down(is_away.then(unreachable_origin));
        // Past the time for which an earlier answer of that kind is believed.
        self.clock.advance_ms(60_000);
    }
}

pub(crate) fn unreachable_origin() -> StoreError {
    StoreError::Unavailable {
        code: Code::new("upstream.unavailable"),
        reason: "connection refused".into(),
        retry_after: None,
    }
}

/// A name behind which one store can be exchanged for another: a reset, a restored backup, a load balancer.
#[derive(Debug)]
pub(crate) struct Switch(Mutex<Arc<dyn ContentAddressedStore>>);

impl Switch {
    pub(crate) fn new(store: Arc<dyn ContentAddressedStore>) -> Self {
        Self(Mutex::new(store))
    }

    pub(crate) fn set(&self, store: Arc<dyn ContentAddressedStore>) {
        *self.0.lock().unwrap() = store;
    }

    fn store(&self) -> Arc<dyn ContentAddressedStore> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for Switch {
    fn space(&self) -> SpaceId {
        self.store().space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.store().head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        self.store().put(cx, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.store().get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.store().has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.store().scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.store().summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.store().watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.store().status(cx).await
    }
}
