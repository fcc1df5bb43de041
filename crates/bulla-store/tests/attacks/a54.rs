//! Nodes that ask one another in a ring.

use std::sync::Arc;
use std::time::Duration;

use bulla_core::values::ScanRequest;
use bulla_core::{EntryId, NodeId};
use bulla_store::testing::CountingStore;
use bulla_store::{
    CacheSettings, CachedStore, ContentAddressedStore, Context, MemoryCacheStorage, MemoryStore,
    StoreError, StoreExt as _, SystemClock,
};
use futures_util::StreamExt as _;

use crate::stage::{Switch, world};

/// Three caches, each the origin of the one before it, and counters in between.
async fn ring() -> (Vec<Arc<CachedStore>>, Vec<Arc<CountingStore>>) {
    let space = world(54).space();
    let bend = Arc::new(Switch::new(Arc::new(MemoryStore::new(space).unwrap())));
    let (mut nodes, mut counters): (Vec<Arc<CachedStore>>, Vec<Arc<CountingStore>>) =
        (Vec::new(), Vec::new());
    let mut upstream: Arc<dyn ContentAddressedStore> = Arc::clone(&bend) as _;
    for number in 1..=3 {
        let counter = Arc::new(CountingStore::new(upstream));
        let (storage, clock) =
            (Arc::new(MemoryCacheStorage::new(1 << 20)), Arc::new(SystemClock::new()));
        let (node, settings) = (NodeId([number; 32]), CacheSettings::default());
        let cache = CachedStore::open(Arc::clone(&counter) as _, storage, node, clock, settings)
            .await
            .unwrap();
        nodes.push(Arc::new(cache));
        counters.push(counter);
        upstream = Arc::clone(&nodes[nodes.len() - 1]) as _;
    }
    // The first one's origin is the last one.
    bend.set(upstream);
    (nodes, counters)
}

/// Nothing here may hang: five minutes are for the slowest machine.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(300), future).await.unwrap()
}

#[tokio::test]
async fn a54_a_request_round_the_ring_ends_after_one_fetch_per_hop() {
    let (nodes, counters) = ring().await;
    let cx = Context::new();
    let error = in_time(nodes[2].get_one(&cx, EntryId([5; 32]))).await.unwrap_err();
    assert!(matches!(error, StoreError::Loop(node) if node == NodeId([3; 32])), "{error:?}");
    assert_eq!(error.code().as_str(), "hop.loop");
    for counter in &counters {
        assert_eq!(counter.counts().gets, 1, "one fetch per hop");
    }
    let error = in_time(nodes[1].head(&cx)).await.unwrap_err();
    assert!(matches!(error, StoreError::Loop(_)), "{error:?}");
    let error = in_time(nodes[0].scan(&cx, ScanRequest::everything())).await.unwrap_err();
    assert!(matches!(error, StoreError::Loop(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a54_many_at_every_node_of_the_ring_wait_for_nobody() {
    let (nodes, counters) = ring().await;
    let ids: Vec<_> = (0..4).map(|n| EntryId([n; 32])).collect();
    let mut tasks = Vec::new();
    for round in 0..100 {
        for node in &nodes {
            let (node, id, cx) = (Arc::clone(node), ids[round % ids.len()], Context::new());
            tasks.push(tokio::spawn(async move {
                let got = node.get_one(&cx, id).await;
                let head = node.head(&cx).await;
                let page = node.scan(&cx, ScanRequest::everything()).await;
                (got.is_err(), head.is_err(), page.is_err())
            }));
        }
    }
    for task in tasks {
        assert_eq!(in_time(task).await.unwrap(), (true, true, true), "all are refused");
    }
    for counter in &counters {
        // At most three paths pass any hop (from each node one), so no request is ever multiplied.
        let counts = counter.counts();
        assert!(counts.gets <= 3 * 300, "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a54_watching_round_the_ring_ends_too() {
    let (nodes, _) = ring().await;
    for _ in 0..10 {
        for node in &nodes {
            // Either refused at once, or the feed says so and ends.
            if let Ok(heads) = in_time(node.watch(&Context::new())).await {
                let items: Vec<_> = in_time(heads.collect()).await;
                assert!(items.iter().all(Result::is_err), "{items:?}");
            }
        }
    }
}

#[tokio::test]
async fn a54_a_request_that_passed_this_node_is_refused_before_anything_is_asked() {
    let (nodes, counters) = ring().await;
    let hops = bulla_store::HopPath::new(vec![NodeId([9; 32]), NodeId([1; 32])]).unwrap();
    let cx = Context { hops, ..Context::new() };
    let store = &nodes[0];
    let errors = [
        store.head(&cx).await.unwrap_err(),
        store.get_one(&cx, EntryId([1; 32])).await.unwrap_err(),
        store.has_one(&cx, EntryId([1; 32])).await.unwrap_err(),
        store.scan(&cx, ScanRequest::everything()).await.unwrap_err(),
        store.put(&cx, Vec::new()).await.unwrap_err(),
        store.status(&cx).await.unwrap_err(),
        store.watch(&cx).await.err().unwrap(),
    ];
    assert!(errors.iter().all(|error| matches!(error, StoreError::Loop(_))), "{errors:?}");
    assert!(counters.iter().all(|counter| counter.counts().calls() == 0));
}
