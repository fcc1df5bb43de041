//! What becomes of the entries of a batch.

use std::pin::pin;
use std::sync::Arc;

use bulla_conformance::suite::author::{World, ids, whole};
use bulla_core::values::{PutOutcome, Refusal};
use bulla_core::{SetHash, VerifiedEntry};
use bulla_store::{
    ContentAddressedStore as _, GuardedStore, Judged as _, KeptFacts, KeptPage, KeptTotals,
    Quarantine as _, QuarantineBounds, StoreError, Verdict, kept_pages,
};
use futures_util::TryStreamExt as _;

use crate::script::{code, refused, scene, scene_with};

/// Clauses: ADM-1, ADM-3, PUT-5, PUT-6.
#[tokio::test]
async fn one_odd_entry_at_every_place_of_a_batch_stops_no_other() {
    const LENGTH: usize = 12;
    let verdicts = [
        Verdict::Mark(code("directory.cut")),
        Verdict::Quarantine(code("directory.no_right")),
        Verdict::Refuse(Refusal { code: code("directory.stranger"), is_retryable: true }),
        Verdict::Pending,
    ];
    for (verdict, place) in
        verdicts.iter().flat_map(|verdict| (0..LENGTH).map(move |at| (verdict, at)))
    {
        let scene = scene().await;
        let entries = scene.world.entries(0, LENGTH as u64).unwrap();
        let odd = entries[place].id();
        scene.script.say(odd, verdict.clone());
        let report = scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap();
        let mut receipts = 1..;
        for (at, outcome) in report.outcomes.iter().enumerate() {
            let expected = match verdict {
                _ if at != place => PutOutcome::Stored(receipts.next().unwrap()),
                Verdict::Mark(_) => PutOutcome::Stored(receipts.next().unwrap()),
                Verdict::Quarantine(_) => refused("directory.no_right", false),
                Verdict::Refuse(_) => refused("directory.stranger", true),
                _ => PutOutcome::Pending,
            };
            assert_eq!(*outcome, expected, "{verdict:?} at {place}: {at}");
        }
        let is_marked = matches!(verdict, Verdict::Mark(_));
        let head = scene.engine.head(&scene.cx).await.unwrap();
        let counting: SetHash = entries
            .iter()
            .map(VerifiedEntry::id)
            .filter(|id| *id != odd)
            .collect::<Vec<_>>()
            .iter()
            .collect();
        assert_eq!(head.counting_set().digest, counting.digest(), "the others count");
        assert_eq!(head.held.count, LENGTH as u64 - u64::from(!is_marked));
        let marked = scene.engine.marked(&scene.cx, 0, 10).await.unwrap().facts;
        let marked: Vec<_> = marked.into_iter().map(|facts| facts.id).collect();
        assert_eq!(marked, if is_marked { vec![odd] } else { Vec::new() });
        let kept = scene.engine.kept(&scene.cx, None, 10).await.unwrap().facts;
        let kept: Vec<_> = kept.into_iter().map(|facts| facts.id).collect();
        let is_kept = matches!(verdict, Verdict::Quarantine(_));
        assert_eq!(kept, if is_kept { vec![odd] } else { Vec::new() });
        // Said again, the same entries change nothing, and are told the same.
        let again = scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap();
        for (first, second) in report.outcomes.iter().zip(again.outcomes) {
            match first {
                PutOutcome::Stored(receipt) => assert_eq!(second, PutOutcome::Duplicate(*receipt)),
                other => assert_eq!(second, *other),
            }
        }
        assert_eq!(scene.engine.head(&scene.cx).await.unwrap(), head);
    }
}

/// Clauses: ADM-2, STO-3.
#[tokio::test]
async fn control_entries_of_a_batch_come_first_and_the_rest_is_judged_after_them() {
    let scene = scene().await;
    let entries = scene.world.entries(0, 3).unwrap();
    let genesis = scene.world.genesis();
    let foreign = World::new([0x6b; 32]).unwrap().entries(0, 1).unwrap();
    let batch = whole([&entries[0], &foreign[0], &entries[1], genesis, &entries[2]]);
    let outcomes = scene.guarded.put(&scene.cx, batch).await.unwrap().outcomes;
    let expected = [
        PutOutcome::Stored(2),
        refused("entry.space", false),
        PutOutcome::Stored(3),
        PutOutcome::Stored(1),
        PutOutcome::Stored(4),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(scene.script.asked(), [ids([genesis]), ids(&entries)]);
    assert_eq!(scene.script.told(), [ids([genesis])]);
    // What is held already is no news.
    scene.guarded.put(&scene.cx, whole([genesis])).await.unwrap();
    assert_eq!(scene.script.told(), Vec::<Vec<_>>::new());
}

/// Clauses: ADM-2, PUT-4.
#[tokio::test]
async fn payload_of_a_control_entry_is_news() {
    let scene = scene().await;
    let genesis = scene.world.genesis();
    let header = genesis.verified_header().clone();
    scene.guarded.put(&scene.cx, vec![header.into()]).await.unwrap();
    let outcomes = scene.guarded.put(&scene.cx, whole([genesis])).await.unwrap().outcomes;
    assert_eq!(outcomes, [PutOutcome::PayloadAdded(1)]);
    assert_eq!(scene.script.told(), [ids([genesis]), ids([genesis])]);
}

/// Clauses: QUAR-4, ADM-3.
#[tokio::test]
async fn overflow_of_the_quarantine_is_told_as_such() {
    let bounds = QuarantineBounds {
        author: KeptTotals { entries: 2, bytes: u64::MAX },
        all: KeptTotals { entries: 3, bytes: u64::MAX },
    };
    let scene = scene_with(bounds).await;
    let (one, two) = (scene.world.entries(0, 4).unwrap(), scene.world.entries(1, 2).unwrap());
    for entry in one.iter().chain(&two) {
        scene.script.say(entry.id(), Verdict::Quarantine(code("directory.no_right")));
    }
    scene.script.say(one[1].id(), Verdict::Admit);
    let kept = || refused("directory.no_right", false);
    let full = || refused("quarantine.full", true);
    let status = || async { scene.engine.status(&scene.cx).await.unwrap().impairments };
    let outcomes = scene.guarded.put(&scene.cx, whole(&one)).await.unwrap().outcomes;
    let of_author = refused("quarantine.author_full", true);
    assert_eq!(outcomes, [kept(), PutOutcome::Stored(1), kept(), of_author]);
    assert_eq!(status().await, [], "the store has room still");
    let outcomes = scene.guarded.put(&scene.cx, whole(&two)).await.unwrap().outcomes;
    assert_eq!(outcomes, [kept(), full()]);
    assert_eq!(status().await, [code("quarantine.full")]);
    // The first judgement that lets one in makes room for another.
    scene.script.say(one[0].id(), Verdict::Admit);
    let outcomes = scene.guarded.put(&scene.cx, whole([&one[0], &two[1]])).await.unwrap().outcomes;
    assert_eq!(outcomes, [PutOutcome::Stored(2), kept()]);
    assert_eq!(status().await, []);
    assert_eq!(scene.engine.kept_totals(&scene.cx).await.unwrap().entries, 3);
}

#[tokio::test]
async fn everything_in_quarantine_is_listed_page_by_page_to_its_end() {
    let scene = scene().await;
    let entries = scene.world.entries(0, 7).unwrap();
    for entry in &entries {
        scene.script.say(entry.id(), Verdict::Quarantine(code("directory.no_right")));
    }
    let all = async |at_once: usize| {
        let read = |after, limit: usize| scene.engine.kept(&scene.cx, after, limit.min(at_once));
        kept_pages(read).try_collect::<Vec<Vec<KeptFacts>>>().await.unwrap()
    };
    assert_eq!(all(usize::MAX).await, [Vec::new()], "there is nothing yet");
    scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap();
    let listed = scene.engine.kept(&scene.cx, None, usize::MAX).await.unwrap().facts;
    assert_eq!(listed.len(), entries.len());
    for at_once in [1, 3, 7, usize::MAX] {
        let pages = all(at_once).await;
        assert_eq!(pages.len(), listed.len().div_ceil(at_once));
        assert_eq!(pages.concat(), listed, "{at_once} at once");
    }
    // One that says it goes on, and says nothing, is not asked for ever; nor is one that fails.
    let silent = kept_pages(async |_, _| Ok::<_, StoreError>(KeptPage::default()));
    assert_eq!(silent.try_collect::<Vec<_>>().await.unwrap(), [Vec::new()]);
    let mut failing = pin!(kept_pages(async |_, _| Err::<KeptPage, _>("in vain")));
    assert_eq!(failing.try_next().await, Err("in vain"));
    assert_eq!(failing.try_next().await, Ok(None));
}

/// Clauses: ADM-1.
#[tokio::test]
async fn entry_that_is_held_is_not_quarantined() {
    let scene = scene().await;
    let entries = scene.world.entries(0, 1).unwrap();
    scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap();
    scene.script.say(entries[0].id(), Verdict::Quarantine(code("directory.cut")));
    let outcomes = scene.guarded.put(&scene.cx, whole(&entries)).await.unwrap().outcomes;
    assert_eq!(outcomes, [PutOutcome::Duplicate(1)]);
    assert_eq!(scene.engine.kept_totals(&scene.cx).await.unwrap(), KeptTotals::default());
}

/// Clauses: ADM-4.
#[tokio::test]
async fn plain_store_refuses_for_now_what_it_can_neither_mark_nor_keep() {
    let scene = scene().await;
    let plain = GuardedStore::new(Arc::clone(&scene.engine), Arc::clone(&scene.script));
    let entries = scene.world.entries(0, 3).unwrap();
    scene.script.say(entries[0].id(), Verdict::Mark(code("directory.cut")));
    scene.script.say(entries[1].id(), Verdict::Quarantine(code("directory.no_right")));
    let batch = whole([&entries[0], &entries[1], &entries[2], scene.world.genesis()]);
    let outcomes = plain.put(&scene.cx, batch).await.unwrap().outcomes;
    let expected = [
        refused("directory.cut", true),
        refused("directory.no_right", true),
        PutOutcome::Stored(1),
        PutOutcome::Stored(2),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(scene.engine.kept_totals(&scene.cx).await.unwrap(), KeptTotals::default());
    assert_eq!(scene.script.told(), [ids([scene.world.genesis()])]);
}

/// Clauses: PUT-7.
#[tokio::test]
async fn put_fails_where_what_follows_from_control_entries_fails() {
    let scene = scene().await;
    let genesis = scene.world.genesis();
    let entries = scene.world.entries(0, 1).unwrap();
    scene.script.fail_when_told(Some(StoreError::Full));
    let failed = scene.guarded.put(&scene.cx, whole([&entries[0], genesis])).await.unwrap_err();
    assert_eq!(failed.code().as_str(), "store.full");
    assert_eq!(scene.script.asked(), [ids([genesis])], "nothing is judged by half a change");
    let head = scene.engine.head(&scene.cx).await.unwrap();
    assert_eq!((head.last_receipt, head.control.count), (1, 1), "the control entry stays");
    scene.script.fail_when_told(None);
    let again = scene.guarded.put(&scene.cx, whole([&entries[0], genesis])).await.unwrap();
    assert_eq!(again.outcomes, [PutOutcome::Stored(2), PutOutcome::Duplicate(1)]);
}

#[tokio::test]
async fn empty_batches_and_batches_of_strangers_are_answered() {
    let scene = scene().await;
    let lineage = scene.engine.head(&scene.cx).await.unwrap().lineage;
    let report = scene.guarded.put(&scene.cx, Vec::new()).await.unwrap();
    assert_eq!((report.lineage, report.outcomes), (lineage, Vec::new()));
    let foreign = World::new([0x6b; 32]).unwrap();
    let report = scene.guarded.put(&scene.cx, whole([foreign.genesis()])).await.unwrap();
    assert_eq!((report.lineage, report.outcomes), (lineage, vec![refused("entry.space", false)]));
    assert_eq!(scene.script.asked(), Vec::<Vec<_>>::new());
}
