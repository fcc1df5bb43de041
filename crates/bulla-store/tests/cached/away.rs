//! The origin cannot be reached.

use bulla_conformance::suite::author::{Draft, header_of, headers, ids, whole};
use bulla_core::values::{Freshness, GetItem, Has, PayloadState, ScanBody, ScanRequest, Want};
use bulla_core::{EntryId, VerifiedEntry};
use bulla_store::testing::Method;
use bulla_store::{
    CacheSettings, Clock as _, ContentAddressedStore as _, StoreError, StoreExt as _,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::stage::Stage;

/// A cache that has seen everything once.
async fn warm() -> (Stage, Vec<VerifiedEntry>) {
    let stage = Stage::new(2).await;
    let entries = stage.world.entries(0, 12).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let _: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    (stage, entries)
}

#[tokio::test]
async fn reads_go_on_from_what_is_held() {
    let (stage, entries) = warm().await;
    stage.set_away(true);
    let found: Vec<_> =
        stage.cache.scan_all(&stage.cx, ScanRequest::everything()).try_collect().await.unwrap();
    assert_eq!(found.len(), 12);
    for (item, entry) in found.into_iter().zip(&entries) {
        assert_eq!(item.body, ScanBody::Entry(entry.clone()));
    }
    let got = stage.cache.get_all(&stage.cx, &ids(&entries)).await.unwrap();
    assert_eq!(got, entries.iter().cloned().map(GetItem::Entry).collect::<Vec<_>>());
    assert_eq!(stage.cache.has(&stage.cx, &ids(&entries)).await.unwrap(), vec![Has::Yes; 12]);
    for want in [Want::Ids, Want::Headers] {
        let request = ScanRequest { want, ..ScanRequest::everything() };
        let page = stage.cache.scan(&stage.cx, request).await.unwrap();
        assert_eq!((page.items.len(), page.end), (12, true));
    }
}

#[tokio::test]
async fn the_head_says_since_when_it_is_stale() {
    let (stage, _) = warm().await;
    let fresh = stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!(fresh.freshness, Freshness::Fresh);
    let seen = stage.clock.unix_ms();
    stage.set_away(true);
    let stale = stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!(stale.freshness, Freshness::StaleSince(seen));
    assert_eq!(stale.cursor(), fresh.cursor());
    stage.set_away(false);
    assert_eq!(stage.cache.head(&stage.cx).await.unwrap(), fresh);
}

/// Clauses: CACHE-10, STO-11, GET-6.
#[tokio::test]
async fn what_is_not_held_is_unavailable_and_never_absent() {
    let (stage, entries) = warm().await;
    let later = stage.world.author(1).write(Draft::default()).unwrap();
    stage.origin.put(&stage.cx, whole([&later])).await.unwrap();
    stage.set_away(true);
    for unknown in [later.id(), EntryId([1; 32])] {
        assert_eq!(stage.cache.get_one(&stage.cx, unknown).await.unwrap(), GetItem::Unavailable);
        assert_eq!(stage.cache.has_one(&stage.cx, unknown).await.unwrap(), Has::Unknown);
    }
    // One that is not held fails no other.
    let asked = [entries[3].id(), later.id(), entries[4].id()];
    let got = stage.cache.get_all(&stage.cx, &asked).await.unwrap();
    assert_eq!(got[0], GetItem::Entry(entries[3].clone()));
    assert_eq!(got[1], GetItem::Unavailable);
    assert_eq!(got[2], GetItem::Entry(entries[4].clone()));
    assert_eq!(
        stage.cache.has(&stage.cx, &asked).await.unwrap(),
        vec![Has::Yes, Has::Unknown, Has::Yes]
    );
}

#[tokio::test]
async fn a_denial_from_before_is_no_longer_believed() {
    let (stage, _) = warm().await;
    let unknown = EntryId([1; 32]);
    assert_eq!(stage.cache.get_one(&stage.cx, unknown).await.unwrap(), GetItem::Absent);
    stage.set_away(true);
    assert_eq!(stage.cache.get_one(&stage.cx, unknown).await.unwrap(), GetItem::Unavailable);
}

#[tokio::test]
async fn headers_held_without_payload_are_given_as_such() {
    let stage = Stage::new(3).await;
    let entries = stage.world.entries(0, 2).unwrap();
    stage.origin.put(&stage.cx, headers(&entries[..1])).await.unwrap();
    stage.origin.put(&stage.cx, whole(&entries[1..])).await.unwrap();
    let request = ScanRequest { want: Want::Headers, ..ScanRequest::everything() };
    let _: Vec<_> = stage.cache.scan_all(&stage.cx, request).try_collect().await.unwrap();
    stage.set_away(true);
    let missing = GetItem::Header(header_of(&entries[0]), PayloadState::Missing);
    assert_eq!(stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap(), missing);
    // The origin has this payload and we have not: that is not "missing".
    assert_eq!(
        stage.cache.get_one(&stage.cx, entries[1].id()).await.unwrap(),
        GetItem::Unavailable
    );
}

#[tokio::test]
async fn a_write_is_refused_and_not_kept() {
    let (stage, _) = warm().await;
    stage.set_away(true);
    let entry = stage.world.author(1).write(Draft::default()).unwrap();
    let error = stage.cache.put_one(&stage.cx, entry.clone()).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(stage.cache.get_one(&stage.cx, entry.id()).await.unwrap(), GetItem::Unavailable);
}

/// Clauses: CACHE-10.
#[tokio::test]
async fn a_scan_past_what_is_held_is_an_error_and_not_an_end() {
    let (stage, _) = warm().await;
    let more = stage.world.entries(1, 3).unwrap();
    stage.origin.put(&stage.cx, whole(&more)).await.unwrap();
    let head = stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!(head.last_receipt, 15);
    stage.set_away(true);
    let found: Vec<_> = stage.cache.scan_all(&stage.cx, ScanRequest::everything()).collect().await;
    assert_eq!(found.iter().filter(|item| item.is_ok()).count(), 12, "what is held");
    let error = found.into_iter().find_map(Result::err).unwrap();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn status_says_what_is_wrong() {
    let (stage, _) = warm().await;
    let status = stage.cache.status(&stage.cx).await.unwrap();
    assert_eq!((status.engine.as_str(), status.entries), ("cached", 12));
    assert_eq!(status.upstream.unwrap().engine, "memory");
    assert_eq!(status.impairments, Vec::new());
    stage.set_away(true);
    let status = stage.cache.status(&stage.cx).await.unwrap();
    assert_eq!(status.impairments, vec![bulla_core::Code::new("upstream.unavailable")]);
    assert!(status.upstream.is_none());
}

#[tokio::test]
async fn an_origin_that_is_away_is_not_asked_for_every_read() {
    let (stage, entries) = warm().await;
    stage.set_away(true);
    let before = stage.faults.calls(Method::Head);
    for _ in 0..20 {
        stage.cache.head(&stage.cx).await.unwrap();
        stage.cache.get_one(&stage.cx, EntryId([1; 32])).await.unwrap();
        stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap();
    }
    assert_eq!(stage.faults.calls(Method::Head), before + 1);
    assert_eq!(stage.faults.calls(Method::Get), 0);
    stage.clock.advance_ms(CacheSettings::default().away_ms);
    stage.cache.head(&stage.cx).await.unwrap();
    assert_eq!(stage.faults.calls(Method::Head), before + 2, "asked again after a while");
}

#[tokio::test]
async fn a_cache_that_never_saw_the_origin_says_so() {
    let stage = Stage::new(4).await;
    stage.set_away(true);
    let cx = &stage.cx;
    assert!(matches!(stage.cache.head(cx).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(
        stage.cache.scan(cx, ScanRequest::everything()).await,
        Err(StoreError::Unavailable { .. })
    ));
    assert_eq!(stage.cache.get_one(cx, EntryId([1; 32])).await.unwrap(), GetItem::Unavailable);
}

#[tokio::test]
async fn errors_that_are_no_absence_of_the_origin_are_passed_on() {
    let (stage, _) = warm().await;
    let space = stage.world.space();
    stage.faults.set_down(Some(StoreError::NotServed(space)));
    let cx = &stage.cx;
    assert!(matches!(stage.cache.head(cx).await, Err(StoreError::NotServed(_))));
    assert!(matches!(
        stage.cache.get_one(cx, EntryId([1; 32])).await,
        Err(StoreError::NotServed(_))
    ));
    assert!(matches!(
        stage.cache.has_one(cx, EntryId([1; 32])).await,
        Err(StoreError::NotServed(_))
    ));
}
