//! Pages from runs of rows.

use std::sync::Arc;

use bulla_conformance::suite::author::{Draft, ids, whole};
use bulla_core::values::{Filter, PageLimit, ScanBody, ScanItem, ScanRequest, Want};
use bulla_core::{NodeId, Topic, VerifiedEntry};
use bulla_store::{
    CacheSettings, CacheStorage as _, CachedStore, ContentAddressedStore, StoreExt as _,
    SystemClock,
};
use futures_util::TryStreamExt as _;

use crate::stage::Stage;

async fn filled(number: u8, count: u64) -> (Stage, Vec<VerifiedEntry>) {
    let stage = Stage::new(number).await;
    let mut entries = Vec::new();
    let mut author = stage.world.author(0);
    for content in 0..count {
        let topic = Topic([u8::from(content % 3 == 0); 16]);
        entries.push(author.write(Draft { content, topic, ..Draft::default() }).unwrap());
    }
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    (stage, entries)
}

async fn scan(stage: &Stage, request: ScanRequest) -> Vec<ScanItem> {
    stage.cache.scan_all(&stage.cx, request).try_collect().await.unwrap()
}

#[tokio::test]
async fn a_second_reader_costs_the_origin_no_payload_byte() {
    let (stage, entries) = filled(10, 50).await;
    assert_eq!(scan(&stage, ScanRequest::everything()).await.len(), 50);
    stage.counts.reset();
    for max_items in [1, 7, 50, 1000] {
        let limit = PageLimit { max_items, ..PageLimit::MAX };
        let found = scan(&stage, ScanRequest { limit, ..ScanRequest::everything() }).await;
        assert_eq!(found.iter().map(|item| item.id).collect::<Vec<_>>(), ids(&entries));
    }
    let counts = stage.counts.counts();
    assert_eq!((counts.payload_bytes, counts.scans, counts.gets), (0, 0, 0), "{counts:?}");
}

#[tokio::test]
async fn filters_and_smaller_bodies_are_served_from_the_same_rows() {
    let (stage, entries) = filled(11, 30).await;
    scan(&stage, ScanRequest::everything()).await;
    stage.counts.reset();
    let filter = Filter { topics: vec![Topic([1; 16])], ..Filter::all() };
    for want in [
        Want::Ids,
        Want::Headers,
        Want::Entries { inline_up_to: u32::MAX },
        Want::Entries { inline_up_to: 3 },
    ] {
        let found =
            scan(&stage, ScanRequest { want, filter: filter.clone(), ..ScanRequest::everything() })
                .await;
        let expected = ids(entries.iter().filter(|entry| entry.header().topic == Topic([1; 16])));
        assert_eq!(found.into_iter().map(|item| item.id).collect::<Vec<_>>(), expected, "{want:?}");
    }
    let counts = stage.counts.counts();
    assert_eq!((counts.scans, counts.gets), (0, 0), "{counts:?}");
}

#[tokio::test]
async fn only_what_is_new_is_asked_for() {
    let (stage, _) = filled(12, 20).await;
    scan(&stage, ScanRequest::everything()).await;
    let more = stage.world.entries(1, 5).unwrap();
    stage.origin.put(&stage.cx, whole(&more)).await.unwrap();
    stage.counts.reset();
    assert_eq!(scan(&stage, ScanRequest::everything()).await.len(), 25);
    assert_eq!(stage.counts.counts().scan_items, 5);
}

#[tokio::test]
async fn after_ids_alone_each_entry_is_fetched_once() {
    let (stage, entries) = filled(13, 20).await;
    scan(&stage, ScanRequest { want: Want::Ids, ..ScanRequest::everything() }).await;
    stage.counts.reset();
    for _ in 0..3 {
        let found = scan(&stage, ScanRequest::everything()).await;
        assert!(found.iter().all(|item| matches!(item.body, ScanBody::Entry(_))));
    }
    let payloads: u64 = entries.iter().map(|entry| u64::from(entry.header().payload_length)).sum();
    let counts = stage.counts.counts();
    assert_eq!((counts.payload_bytes, counts.scans), (payloads, 0), "{counts:?}");
}

#[tokio::test]
async fn entries_pushed_through_are_not_fetched_again() {
    let stage = Stage::new(14).await;
    let entries = stage.world.entries(0, 20).unwrap();
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    scan(&stage, ScanRequest { want: Want::Ids, ..ScanRequest::everything() }).await;
    let found = scan(&stage, ScanRequest::everything()).await;
    assert_eq!(found.len(), 20);
    assert_eq!(stage.counts.counts().payload_bytes, 0);
}

/// Clauses: CACHE-12.
#[tokio::test]
async fn a_new_lineage_drops_rows_and_keeps_entries() {
    let (stage, entries) = filled(15, 20).await;
    scan(&stage, ScanRequest::everything()).await;
    let space = stage.world.space();
    let before = stage.storage.usage(&space).await.unwrap();
    assert_eq!((before.entries, before.rows), (20, 20));

    let lineage = bulla_core::Lineage([2; 16]);
    let restored = Arc::new(bulla_store::MemoryStore::with_lineage(space, lineage));
    restored.put(&stage.cx, whole(entries.iter().rev())).await.unwrap();
    stage.switch.set(restored);
    stage.cache.head(&stage.cx).await.unwrap();
    let after = stage.storage.usage(&space).await.unwrap();
    assert_eq!((after.entries, after.rows), (20, 0));

    stage.counts.reset();
    let found = scan(&stage, ScanRequest::everything()).await;
    assert_eq!(found.iter().map(|item| item.id).collect::<Vec<_>>(), ids(entries.iter().rev()));
    assert_eq!(stage.counts.counts().payload_bytes, 0, "the ids were enough");
}

#[tokio::test]
async fn what_is_kept_outlives_the_cache() {
    let (stage, entries) = filled(16, 20).await;
    scan(&stage, ScanRequest::everything()).await;
    let upstream: Arc<dyn ContentAddressedStore> = Arc::clone(&stage.counts) as _;
    let (storage, clock) = (Arc::clone(&stage.storage) as _, Arc::new(SystemClock::new()));
    let again =
        CachedStore::open(upstream, storage, NodeId([9; 32]), clock, CacheSettings::default())
            .await
            .unwrap();
    stage.counts.reset();
    let found: Vec<_> =
        again.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    assert_eq!(found.len(), 20);
    assert_eq!(again.get_all(&stage.cx, &ids(&entries)).await.unwrap().len(), 20);
    let counts = stage.counts.counts();
    assert_eq!((counts.payload_bytes, counts.scans, counts.gets), (0, 0, 0), "{counts:?}");
}

/// Clauses: CACHE-7.
#[tokio::test]
async fn the_presence_filter_is_made_anew_at_open() {
    let (stage, entries) = filled(17, 20).await;
    scan(&stage, ScanRequest::everything()).await;
    stage.set_away(true);
    let upstream: Arc<dyn ContentAddressedStore> = Arc::clone(&stage.counts) as _;
    let (storage, clock) = (Arc::clone(&stage.storage) as _, Arc::new(SystemClock::new()));
    let again =
        CachedStore::open(upstream, storage, NodeId([9; 32]), clock, CacheSettings::default())
            .await
            .unwrap();
    let got = again.get_all(&stage.cx, &ids(&entries)).await.unwrap();
    assert!(got.iter().all(|item| matches!(item, bulla_core::values::GetItem::Entry(_))));
}
