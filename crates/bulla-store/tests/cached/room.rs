//! Room is bounded; what had to go is fetched again.

use bulla_conformance::suite::author::{Draft, ids, whole};
use bulla_core::values::{GetItem, PageLimit, ScanBody, ScanRequest};
use bulla_store::{CacheSettings, CacheStorage as _, ContentAddressedStore as _, StoreExt as _};
use futures_util::TryStreamExt as _;

use crate::stage::Stage;

#[tokio::test]
async fn a_cache_never_holds_more_than_its_bytes() {
    const MAX_BYTES: usize = 200_000;
    let stage = Stage::with(18, CacheSettings::default(), MAX_BYTES).await;
    let mut author = stage.world.author(0);
    let space = stage.world.space();
    for content in 0..60 {
        let entry =
            author.write(Draft { payload_bytes: 10_000, content, ..Draft::default() }).unwrap();
        stage.cache.put(&stage.cx, whole([&entry])).await.unwrap();
        let usage = stage.storage.usage(&space).await.unwrap();
        assert!(usage.payload_bytes <= MAX_BYTES as u64, "{usage:?}");
        assert!(usage.entries <= 20, "{usage:?}");
    }
    let found: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    assert_eq!(found.len(), 60, "eviction is not erasure");
    assert!(found.iter().all(|item| matches!(item.body, ScanBody::Entry(_))));
    assert_eq!(
        stage.cache.head(&stage.cx).await.unwrap(),
        stage.origin.head(&stage.cx).await.unwrap()
    );
}

#[tokio::test]
async fn what_is_used_stays() {
    let stage = Stage::with(19, CacheSettings::default(), 120_000).await;
    let mut author = stage.world.author(0);
    let favourite =
        author.write(Draft { payload_bytes: 10_000, content: 999, ..Draft::default() }).unwrap();
    stage.cache.put(&stage.cx, whole([&favourite])).await.unwrap();
    for content in 0..40 {
        let entry =
            author.write(Draft { payload_bytes: 10_000, content, ..Draft::default() }).unwrap();
        stage.cache.put(&stage.cx, whole([&entry])).await.unwrap();
        stage.cache.get_one(&stage.cx, favourite.id()).await.unwrap();
    }
    assert_eq!(stage.counts.counts().gets, 0);
}

/// Clauses: CACHE-11.
#[tokio::test]
async fn evicted_entries_are_fetched_again_wherever_they_lie() {
    let stage = Stage::new(20).await;
    let entries = stage.world.entries(0, 24).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let all: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    let space = stage.world.space();
    for step in [2, 3, 5] {
        let gone: Vec<_> = ids(&entries).into_iter().step_by(step).collect();
        stage.storage.evict(&space, &gone).await.unwrap();
        let limit = PageLimit { max_items: 7, ..PageLimit::MAX };
        let request = ScanRequest { limit, ..ScanRequest::everything() };
        let again: Vec<_> = stage.cache.scan_all(&stage.cx, request).try_collect().await.unwrap();
        assert_eq!(again, all, "every {step}th was gone");
        stage.storage.evict(&space, &gone).await.unwrap();
        let got = stage.cache.get_all(&stage.cx, &ids(&entries)).await.unwrap();
        assert_eq!(got, entries.iter().cloned().map(GetItem::Entry).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn away_and_evicted_is_unavailable() {
    let stage = Stage::new(21).await;
    let entries = stage.world.entries(0, 3).unwrap();
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    stage.storage.evict(&stage.world.space(), &[entries[1].id()]).await.unwrap();
    stage.set_away(true);
    let got = stage.cache.get_all(&stage.cx, &ids(&entries)).await.unwrap();
    assert_eq!(got[1], GetItem::Unavailable);
    assert_eq!(got[2], GetItem::Entry(entries[2].clone()));
}
