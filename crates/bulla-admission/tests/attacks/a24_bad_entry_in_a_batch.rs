//! One entry that does not count among many that do.

use std::sync::Arc;

use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::PutOutcome;
use bulla_core::{Verified, VerifiedEntry};
use bulla_store::{ContentAddressedStore, Context, MemoryBookmarks, MemoryStore};
use bulla_sync::{Options, Verdict, replicate};

use crate::replica::Replica;
use crate::scene::{Writer, all, found};

const BATCH: usize = 60;

async fn scene() -> (Replica, Vec<VerifiedEntry>, Vec<Verified>, VerifiedEntry, VerifiedEntry) {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let (mut writer, mut removed) = (Writer::new(2, space), Writer::new(3, space));
    let grants =
        [founder.grant(&writer.device, Role::Writer), founder.grant(&removed.device, Role::Writer)];
    let revocation = founder.revoke_all(&removed.device);
    let bad = removed.write();
    let foreign = Writer::new(9, space).write();
    let control = vec![genesis, grants[0].clone(), grants[1].clone(), revocation];
    let replica = Replica::open(space, 1).await;
    (replica, control, writer.write_many(BATCH - 1), bad, foreign)
}

/// Clauses: ADM-3, ADM-8, STO-5.
#[tokio::test]
async fn a24_a_quarantined_entry_in_each_place_of_a_batch() {
    for place in 0..BATCH {
        let (replica, control, good, bad, foreign) = scene().await;
        replica.put(&all(&control)).await;
        for (entry, code, is_kept) in
            [(&bad, "directory.cut", true), (&foreign, "directory.stranger", false)]
        {
            let mut batch = good.clone();
            batch.insert(place, entry.clone().into());
            let outcomes = replica.put(&batch).await;
            for (at, outcome) in outcomes.iter().enumerate() {
                match outcome {
                    PutOutcome::Refused(refusal) => {
                        assert_eq!((at, refusal.code.as_str()), (place, code));
                        assert_eq!(refusal.is_retryable, !is_kept);
                    }
                    PutOutcome::Stored(_) | PutOutcome::Duplicate(_) => assert_ne!(at, place),
                    outcome => panic!("{outcome:?}"),
                }
            }
            assert_eq!(replica.seen().await.kept.contains_key(&entry.id()), is_kept);
        }
        assert_eq!(replica.head().await.held.count as usize, control.len() + good.len());
    }
}

/// Clauses: ADM-3, ADM-8.
#[tokio::test]
async fn a24_what_was_refused_holds_up_no_later_run() {
    let (replica, control, good, bad, foreign) = scene().await;
    let cx = Context::new();
    // A source that admits everything.
    let source = Arc::new(MemoryStore::new(replica.admission.space()).unwrap());
    source.put(&cx, all(&control)).await.unwrap();
    source.put(&cx, all([&bad, &foreign])).await.unwrap();
    source.put(&cx, good).await.unwrap();
    let bookmarks = Arc::new(MemoryBookmarks::new());
    let run = || {
        let source = Arc::clone(&source) as Arc<dyn ContentAddressedStore>;
        let target = Arc::clone(&replica.store) as Arc<dyn ContentAddressedStore>;
        replicate(source, target, Arc::clone(&bookmarks) as _, Options::pull())
    };
    for _ in 0..2 {
        let report = run().await;
        assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 2 }), "{report}");
    }
    let mut more = Writer::new(2, replica.admission.space());
    let more = more.write_many(BATCH + 4).split_off(BATCH - 1);
    source.put(&cx, more).await.unwrap();
    let report = run().await;
    assert!(matches!(report.verdict, Verdict::CompleteExcept { refused: 2 }), "{report}");
    assert_eq!(report.counts.stored, 5);
}

/// A removed device wrote more than the quarantine takes of one author, and a source hands it all out with every run: what
/// others wrote comes in, and the next run asks for nothing that is here.
///
/// Clauses: ADM-3, ADM-8, QUAR-4.
#[tokio::test]
async fn a24_a_full_quarantine_holds_up_no_run() {
    const LATE: usize = 1_500;
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let (mut writer, mut removed) = (Writer::new(2, space), Writer::new(3, space));
    let grants =
        [founder.grant(&writer.device, Role::Writer), founder.grant(&removed.device, Role::Writer)];
    let revocation = founder.revoke_all(&removed.device);
    let cx = Context::new();
    let source = Arc::new(MemoryStore::new(space).unwrap());
    source.put(&cx, all([&genesis, &grants[0], &grants[1], &revocation])).await.unwrap();
    source.put(&cx, removed.write_many(LATE)).await.unwrap();
    source.put(&cx, writer.write_many(BATCH)).await.unwrap();
    let replica = Replica::open(space, 1).await;
    let bookmarks = Arc::new(MemoryBookmarks::new());
    for (more, expected) in [(0, 4 + BATCH), (0, 0), (5, 5)] {
        source.put(&cx, writer.write_many(more)).await.unwrap();
        let (source, target) = (Arc::clone(&source) as _, Arc::clone(&replica.store) as _);
        let report = replicate(source, target, Arc::clone(&bookmarks) as _, Options::pull()).await;
        let is_as_expected = match report.verdict {
            Verdict::CompleteExcept { refused } => refused == LATE as u64,
            _ => false,
        };
        assert!(is_as_expected, "{report}");
        assert_eq!(report.counts.stored, expected as u64, "{report}");
    }
    assert_eq!(replica.seen().await.kept.len(), 1_024);
    assert_eq!(replica.head().await.held.count as usize, 4 + BATCH + 5);
}
