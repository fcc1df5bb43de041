//! Many who ask for the same at once.

use std::sync::Arc;
use std::time::Duration;

use bulla_conformance::suite::author::{ids, whole};
use bulla_core::values::{GetItem, GetRequest, PageLimit, ScanRequest};
use bulla_core::{EntryId, VerifiedEntry};
use bulla_store::testing::{Gate, Method};
use bulla_store::{Clock as _, ContentAddressedStore as _, StoreError, StoreExt as _};
use tokio::task::JoinHandle;

use crate::stage::Stage;

/// Lets every other task run until it waits.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn until_waiting(gate: &Gate, count: usize) {
    while gate.waiting() < count {
        tokio::task::yield_now().await;
    }
}

async fn filled(count: u64) -> (Stage, Vec<VerifiedEntry>) {
    let stage = Stage::new(1).await;
    let entries = stage.world.entries(0, count).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    (stage, entries)
}

fn ask(stage: &Stage, ids: &[EntryId]) -> JoinHandle<bulla_store::Result<Vec<GetItem>>> {
    let (cache, cx, ids) = (Arc::clone(&stage.cache), stage.cx.clone(), ids.to_vec());
    tokio::spawn(async move { cache.get(&cx, GetRequest { ids, max_bytes: 1 << 20 }).await })
}

/// Clauses: CACHE-8.
#[tokio::test]
async fn fifty_who_want_one_entry_cause_one_fetch() {
    let (stage, entries) = filled(1).await;
    let gate = stage.faults.hold(Method::Get);
    let asking: Vec<_> = (0..50).map(|_| ask(&stage, &ids(&entries))).collect();
    until_waiting(&gate, 1).await;
    settle().await;
    gate.open();
    for task in asking {
        assert_eq!(task.await.unwrap().unwrap(), vec![GetItem::Entry(entries[0].clone())]);
    }
    assert_eq!(stage.counts.counts().gets, 1);
    assert_eq!(stage.counts.counts().get_ids, 1);
}

#[tokio::test]
async fn overlapping_lists_fetch_each_entry_once() {
    let (stage, entries) = filled(12).await;
    let all = ids(&entries);
    let gate = stage.faults.hold(Method::Get);
    let asking: Vec<_> = (0..7).map(|start| (start, ask(&stage, &all[start..start + 6]))).collect();
    settle().await;
    gate.open();
    for (start, task) in asking {
        let expected: Vec<_> =
            entries[start..start + 6].iter().cloned().map(GetItem::Entry).collect();
        assert_eq!(task.await.unwrap().unwrap(), expected);
    }
    assert_eq!(stage.counts.counts().get_ids, 12, "no entry was asked for twice");
}

/// Clauses: CACHE-8.
#[tokio::test]
async fn one_who_leaves_takes_nobody_with_him() {
    let (stage, entries) = filled(1).await;
    let gate = stage.faults.hold(Method::Get);
    let first = ask(&stage, &ids(&entries));
    until_waiting(&gate, 1).await;
    let others: Vec<_> = (0..5).map(|_| ask(&stage, &ids(&entries))).collect();
    settle().await;
    first.abort();
    settle().await;
    gate.open();
    for task in others {
        assert_eq!(task.await.unwrap().unwrap(), vec![GetItem::Entry(entries[0].clone())]);
    }
    assert_eq!(stage.counts.counts().gets, 1, "the question went on for those who stayed");
}

#[tokio::test]
async fn when_all_leave_the_question_ends_and_may_be_asked_again() {
    let (stage, entries) = filled(1).await;
    let gate = stage.faults.hold(Method::Get);
    let tasks: Vec<_> = (0..3).map(|_| ask(&stage, &ids(&entries))).collect();
    until_waiting(&gate, 1).await;
    settle().await;
    for task in tasks {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(gate.waiting(), 0, "nobody asks for nobody");
    gate.open();
    let answer = ask(&stage, &ids(&entries)).await.unwrap().unwrap();
    assert_eq!(answer, vec![GetItem::Entry(entries[0].clone())]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_of_its_owner_alone() {
    let (stage, entries) = filled(1).await;
    let gate = stage.faults.hold(Method::Get);
    let patient = ask(&stage, &ids(&entries));
    until_waiting(&gate, 1).await;
    let hasty = stage.cx.clone().with_deadline(stage.clock.monotonic() + Duration::from_millis(50));
    let error = stage.cache.get_one(&hasty, entries[0].id()).await.unwrap_err();
    assert!(matches!(error, StoreError::Deadline), "{error:?}");
    gate.open();
    assert_eq!(patient.await.unwrap().unwrap(), vec![GetItem::Entry(entries[0].clone())]);
    assert_eq!(stage.counts.counts().gets, 1);
}

#[tokio::test]
async fn many_who_want_one_page_cause_one_scan() {
    let (stage, entries) = filled(20).await;
    stage.cache.head(&stage.cx).await.unwrap();
    let gate = stage.faults.hold(Method::Scan);
    let request = ScanRequest {
        limit: PageLimit { max_items: 8, ..PageLimit::MAX },
        ..ScanRequest::everything()
    };
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let (cache, cx, request) =
                (Arc::clone(&stage.cache), stage.cx.clone(), request.clone());
            tokio::spawn(async move { cache.scan(&cx, request).await })
        })
        .collect();
    until_waiting(&gate, 1).await;
    settle().await;
    gate.open();
    for task in tasks {
        let page = task.await.unwrap().unwrap();
        assert_eq!(page.items.iter().map(|item| item.id).collect::<Vec<_>>(), ids(&entries[..8]));
    }
    assert_eq!(stage.counts.counts().scans, 1);
}

/// Clauses: CACHE-8.
#[tokio::test]
async fn a_head_is_never_older_than_the_question() {
    let (stage, _) = filled(1).await;
    let gate = stage.faults.hold(Method::Head);
    let head = || {
        let (cache, cx) = (Arc::clone(&stage.cache), stage.cx.clone());
        tokio::spawn(async move { cache.head(&cx).await })
    };
    let early = head();
    until_waiting(&gate, 1).await;
    // Asked while a question is under way: its answer may be from before, so it will not do.
    let late: Vec<_> = (0..40).map(|_| head()).collect();
    settle().await;
    assert_eq!(stage.counts.counts().heads, 1, "the others wait");
    gate.open();
    early.await.unwrap().unwrap();
    for task in late {
        task.await.unwrap().unwrap();
    }
    assert_eq!(stage.counts.counts().heads, 2, "one question for all who came meanwhile");
}

/// Clauses: CACHE-8.
#[tokio::test]
async fn a_failed_question_fails_for_all_who_wait_and_for_nobody_later() {
    let (stage, entries) = filled(1).await;
    let error = StoreError::Forbidden { right: "read" };
    stage.faults.fail_before(Method::Get, 1, error);
    let gate = stage.faults.hold(Method::Get);
    let tasks: Vec<_> = (0..5).map(|_| ask(&stage, &ids(&entries))).collect();
    until_waiting(&gate, 1).await;
    settle().await;
    gate.open();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Err(StoreError::Forbidden { .. })));
    }
    assert_eq!(stage.counts.counts().gets, 1);
    let answer = ask(&stage, &ids(&entries)).await.unwrap().unwrap();
    assert_eq!(answer, vec![GetItem::Entry(entries[0].clone())]);
}
