//! The store behind a name is restored from a backup, or made anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_conformance::suite::author::{ids, whole};
use bulla_core::Lineage;
use bulla_core::values::{GetItem, ScanBody, ScanRequest};
use bulla_store::{
    CacheStorage as _, ContentAddressedStore as _, CursorRefusal, MemoryStore, StoreError,
    StoreExt as _,
};
use futures_util::TryStreamExt as _;

use crate::stage::Stage;

#[tokio::test]
async fn a42_cursors_of_a_restored_store_are_refused_and_nothing_is_skipped() {
    let stage = Stage::new(42).await;
    let entries = stage.world.entries(0, 30).unwrap();
    stage.origin.put(&stage.cx, whole(&entries[..20])).await.unwrap();
    let seen: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    assert_eq!(seen.len(), 20);
    let cursor = stage.cache.head(&stage.cx).await.unwrap().cursor();

    // The backup of receipt 10 comes back, under a new lineage as a restore must, and goes on with other entries.
    let restored = Arc::new(MemoryStore::with_lineage(stage.world.space(), Lineage([2; 16])));
    restored.put(&stage.cx, whole(&entries[..10])).await.unwrap();
    let others = stage.world.entries(1, 15).unwrap();
    restored.put(&stage.cx, whole(&others)).await.unwrap();
    stage.switch.set(restored);

    let request = ScanRequest { after: Some(cursor), ..ScanRequest::everything() };
    let error = stage.cache.scan(&stage.cx, request).await.unwrap_err();
    assert!(matches!(error, StoreError::Cursor(CursorRefusal::Lineage { .. })), "{error:?}");

    let again: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    let found: BTreeSet<_> = again.iter().map(|item| item.id).collect();
    assert_eq!(found, ids(entries[..10].iter().chain(&others)).into_iter().collect());
    assert!(again.iter().all(|item| matches!(item.body, ScanBody::Entry(_))));
}

#[tokio::test]
async fn a42_a_rollback_within_a_lineage_is_noticed_by_the_cursor() {
    let stage = Stage::new(43).await;
    let entries = stage.world.entries(0, 20).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let everything = ScanRequest::everything();
    let _: Vec<_> =
        stage.cache.scan_all(&stage.cx, everything.clone()).try_collect().await.unwrap();
    let cursor = stage.cache.head(&stage.cx).await.unwrap().cursor();

    // The same lineage with fewer entries, then with as many and other ones: what a copied disk does.
    let rolled_back = Arc::new(MemoryStore::with_lineage(stage.world.space(), Lineage([1; 16])));
    rolled_back.put(&stage.cx, whole(&entries[..5])).await.unwrap();
    stage.switch.set(Arc::clone(&rolled_back) as _);
    assert_eq!(stage.cache.head(&stage.cx).await.unwrap().last_receipt, 5);
    let request = ScanRequest { after: Some(cursor), ..everything.clone() };
    let error = stage.cache.scan(&stage.cx, request.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::Cursor(CursorRefusal::BeyondHead { .. })), "{error:?}");

    rolled_back.put(&stage.cx, whole(&stage.world.entries(1, 25).unwrap())).await.unwrap();
    let error = stage.cache.scan(&stage.cx, request).await.unwrap_err();
    assert!(matches!(error, StoreError::Cursor(CursorRefusal::LogHash { .. })), "{error:?}");
    let again: Vec<_> = stage.cache.scan_all(&stage.cx, everything).try_collect().await.unwrap();
    assert_eq!(again.len(), 30, "and what the store has now comes whole");
}

#[tokio::test]
async fn a42_a_reset_origin_is_not_said_to_have_what_only_the_cache_kept() {
    let stage = Stage::new(44).await;
    let entries = stage.world.entries(0, 5).unwrap();
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    stage.cache.head(&stage.cx).await.unwrap();
    let empty = Arc::new(MemoryStore::with_lineage(stage.world.space(), Lineage([3; 16])));
    stage.switch.set(empty);
    stage.cache.head(&stage.cx).await.unwrap();
    // A client that pushes asks `has` first: "yes" would lose the entries for good.
    let has = stage.cache.has(&stage.cx, &ids(&entries)).await.unwrap();
    assert_eq!(has, vec![bulla_core::values::Has::No; 5]);
    assert_eq!(stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap(), GetItem::Absent);
    // They are kept all the same: when they are pushed again, they need not be fetched again.
    assert_eq!(stage.storage.usage(&stage.world.space()).await.unwrap().entries, 5);
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    stage.counts.reset();
    let found: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(stage.counts.counts().payload_bytes, 0);
}
