//! One feed from the origin for all who watch.

use std::sync::Arc;

use bulla_conformance::suite::author::whole;
use bulla_core::values::Freshness;
use bulla_store::testing::Method;
use bulla_store::{ContentAddressedStore as _, StoreError};
use futures_util::StreamExt as _;

use crate::stage::{Stage, unreachable_origin};

#[tokio::test]
async fn many_watchers_cause_one_watch() {
    let stage = Stage::new(29).await;
    let mut watchers = Vec::new();
    for _ in 0..20 {
        let mut heads = stage.cache.watch(&stage.cx).await.unwrap();
        assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 0);
        watchers.push(heads);
    }
    for (entry, receipt) in stage.world.entries(0, 3).unwrap().iter().zip(1..) {
        stage.origin.put(&stage.cx, whole([entry])).await.unwrap();
        for heads in &mut watchers {
            assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, receipt);
        }
    }
    assert_eq!(stage.counts.counts().watches, 1);
}

#[tokio::test]
async fn when_all_stop_listening_the_origin_is_left_alone() {
    let stage = Stage::new(30).await;
    for round in 1..=3 {
        let mut heads = stage.cache.watch(&stage.cx).await.unwrap();
        heads.next().await.unwrap().unwrap();
        // The feed's own task must have begun before it can end.
        while stage.counts.counts().watches < round {
            tokio::task::yield_now().await;
        }
        drop(heads);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(
        stage.counts.counts().watches,
        3,
        "each round began anew, because the one before had ended"
    );
}

#[tokio::test]
async fn a_feed_that_breaks_says_so_and_can_be_taken_up_again() {
    let stage = Stage::new(31).await;
    stage.faults.fail_before(Method::Watch, 1, unreachable_origin());
    let heads = stage.cache.watch(&stage.cx).await.unwrap();
    let items: Vec<_> = heads.collect().await;
    assert_eq!(items.len(), 2);
    assert!(items[0].is_ok(), "the head there is");
    assert!(matches!(items[1], Err(StoreError::Unavailable { .. })), "then why it goes no further");
    let mut heads = stage.cache.watch(&stage.cx).await.unwrap();
    heads.next().await.unwrap().unwrap();
    let entries = stage.world.entries(0, 1).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 1);
}

#[tokio::test]
async fn while_the_origin_is_away_a_watcher_gets_the_stale_head_and_the_reason() {
    let stage = Stage::new(32).await;
    stage.cache.head(&stage.cx).await.unwrap();
    stage.set_away(true);
    let items: Vec<_> = stage.cache.watch(&stage.cx).await.unwrap().collect().await;
    assert!(matches!(items[0].as_ref().unwrap().freshness, Freshness::StaleSince(_)));
    assert!(matches!(items[1], Err(StoreError::Unavailable { .. })));
    assert_eq!(items.len(), 2);
}

#[tokio::test]
async fn a_closed_cache_ends_its_watches() {
    let stage = Stage::new(33).await;
    let mut heads = stage.cache.watch(&stage.cx).await.unwrap();
    heads.next().await.unwrap().unwrap();
    let cache = Arc::clone(&stage.cache);
    drop(stage);
    drop(cache);
    assert!(heads.next().await.is_none());
}

#[tokio::test]
async fn an_old_head_on_the_feed_takes_nothing_back() {
    let stage = Stage::new(34).await;
    let entries = stage.world.entries(0, 2).unwrap();
    let mut heads = stage.cache.watch(&stage.cx).await.unwrap();
    heads.next().await.unwrap().unwrap();
    stage.cache.put(&stage.cx, whole(&entries[..1])).await.unwrap();
    stage.cache.put(&stage.cx, whole(&entries[1..])).await.unwrap();
    let known = stage.cache.head(&stage.cx).await.unwrap();
    // The feed may still say receipt 1 now: that is late, not a rollback.
    let mut last = 0;
    while last < 2 {
        let head = heads.next().await.unwrap().unwrap();
        assert!(head.last_receipt >= last);
        last = head.last_receipt;
    }
    assert_eq!(stage.cache.head(&stage.cx).await.unwrap(), known);
}
