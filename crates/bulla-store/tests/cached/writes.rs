//! Writes go through before they are acknowledged.

use std::sync::Arc;

use bulla_conformance::suite::author::{headers, ids, whole};
use bulla_core::values::{GetItem, Has, PayloadState, PutOutcome};
use bulla_core::{Code, EntryId};
use bulla_store::testing::Method;
use bulla_store::{
    CacheStorage as _, ContentAddressedStore as _, Erasable as _, Erasure, StoreExt as _,
};

use crate::stage::{Stage, unreachable_origin};

/// Clauses: CACHE-3.
#[tokio::test]
async fn an_acknowledgement_waits_for_the_origin() {
    let stage = Stage::new(22).await;
    let entries = stage.world.entries(0, 2).unwrap();
    let gate = stage.faults.hold(Method::Put);
    let (cache, cx, batch) = (Arc::clone(&stage.cache), stage.cx.clone(), whole(&entries));
    let putting = tokio::spawn(async move { cache.put(&cx, batch).await });
    while gate.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!putting.is_finished());
    assert_eq!(
        stage.storage.usage(&stage.world.space()).await.unwrap().entries,
        0,
        "nothing is kept before"
    );
    gate.open();
    putting.await.unwrap().unwrap();
    assert_eq!(stage.origin.head(&stage.cx).await.unwrap().last_receipt, 2);
    assert_eq!(stage.storage.usage(&stage.world.space()).await.unwrap().entries, 2);
}

#[tokio::test]
async fn a_lost_acknowledgement_is_an_error_and_the_repeat_is_clean() {
    let stage = Stage::new(23).await;
    let entries = stage.world.entries(0, 3).unwrap();
    stage.faults.fail_after(Method::Put, 1, unreachable_origin());
    assert!(stage.cache.put(&stage.cx, whole(&entries)).await.is_err());
    assert_eq!(stage.storage.usage(&stage.world.space()).await.unwrap().entries, 0);
    let report = stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    assert_eq!(report.outcomes, (1..=3).map(PutOutcome::Duplicate).collect::<Vec<_>>());
    assert_eq!(stage.cache.has(&stage.cx, &ids(&entries)).await.unwrap(), vec![Has::Yes; 3]);
}

/// Clauses: CACHE-3.
#[tokio::test]
async fn what_the_origin_refuses_or_leaves_open_is_not_kept() {
    let stage = Stage::new(24).await;
    let entries = stage.world.entries(0, 3).unwrap();
    stage.faults.rewrite_put(|mut report| {
        let refusal =
            bulla_core::values::Refusal { code: Code::new("entry.quota"), is_retryable: true };
        report.outcomes[0] = PutOutcome::Refused(refusal);
        report.outcomes[1] = PutOutcome::Pending;
        Ok(report)
    });
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    assert_eq!(stage.storage.usage(&stage.world.space()).await.unwrap().entries, 1);
}

#[tokio::test]
async fn a_duplicate_does_not_bring_an_erased_payload_back() {
    let stage = Stage::new(25).await;
    let entries = stage.world.entries(0, 1).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    let erasure = Erasure { by: EntryId([8; 32]), is_prune: false, ids: ids(&entries) };
    stage.origin.erase(&stage.cx, erasure).await.unwrap();
    let report = stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    assert_eq!(report.outcomes, vec![PutOutcome::Duplicate(1)]);
    let got = stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap();
    let state = PayloadState::Erased(EntryId([8; 32]));
    assert_eq!(got, GetItem::Header(entries[0].verified_header().clone(), state));
}

/// Clauses: CACHE-9.
#[tokio::test]
async fn an_erased_payload_leaves_the_cache_with_the_first_word_of_it() {
    let stage = Stage::new(26).await;
    let entries = stage.world.entries(0, 2).unwrap();
    stage.cache.put(&stage.cx, whole(&entries)).await.unwrap();
    let erasure = Erasure { by: EntryId([8; 32]), is_prune: false, ids: ids(&entries[..1]) };
    stage.origin.erase(&stage.cx, erasure).await.unwrap();
    // The head shows that a payload went; which one shows when it is asked for.
    stage.cache.head(&stage.cx).await.unwrap();
    let got = stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap();
    let state = PayloadState::Erased(EntryId([8; 32]));
    assert_eq!(got, GetItem::Header(entries[0].verified_header().clone(), state));
    let space = stage.world.space();
    let part = bulla_store::cached::CachedPart::Whole;
    let kept =
        stage.storage.get(&space, &ids(&entries[..1]), part, 1 << 20).await.unwrap().remove(0);
    assert!(kept.unwrap().entry.payload().is_none(), "its bytes are gone from here too");
    assert_eq!(
        stage.cache.get_one(&stage.cx, entries[1].id()).await.unwrap(),
        GetItem::Entry(entries[1].clone())
    );
}

#[tokio::test]
async fn a_dropped_write_leaves_no_old_answer_behind() {
    let stage = Stage::new(27).await;
    let entries = stage.world.entries(0, 1).unwrap();
    assert_eq!(stage.cache.has_one(&stage.cx, entries[0].id()).await.unwrap(), Has::No);
    let gate = stage.faults.hold(Method::Put);
    {
        let mut put = stage.cache.put(&stage.cx, whole(&entries));
        assert!(futures_util::poll!(&mut put).is_pending());
    }
    drop(gate);
    // The origin did it all the same, as it may when the caller hangs up.
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    assert_eq!(stage.cache.has_one(&stage.cx, entries[0].id()).await.unwrap(), Has::Yes);
}

#[tokio::test]
async fn a_payload_added_elsewhere_is_found() {
    let stage = Stage::new(28).await;
    let entries = stage.world.entries(0, 1).unwrap();
    stage.cache.put(&stage.cx, headers(&entries)).await.unwrap();
    let got = stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap();
    let header = entries[0].verified_header().clone();
    assert_eq!(got, GetItem::Header(header, PayloadState::Missing));
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    assert_eq!(
        stage.cache.get_one(&stage.cx, entries[0].id()).await.unwrap(),
        GetItem::Entry(entries[0].clone())
    );
}
