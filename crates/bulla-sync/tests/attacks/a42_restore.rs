//! A cursor meets a store that was restored from a backup.

use std::sync::Arc;

use bulla_sync::{Misbehaviour, Options, Reason};

use crate::support::*;

/// A backup at `t`, more entries until `t + n`, the backup restored under `lineage`, other entries written.
async fn restored(lineage: u8) {
    let (mut author, entries) = chain(100);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    assert!(pull(&origin, &target, &bookmarks).await.is_clean());
    let lost = author.write_many(20);
    fill(&*origin, &lost).await;
    assert!(pull(&origin, &target, &bookmarks).await.is_clean());

    let restored = store(author.space(), lineage);
    fill(&*restored, &entries).await;
    for written in [5, 20, 60] {
        let others = author.another(u8::try_from(written).unwrap()).write_many(written);
        fill(&*restored, &others).await;
        let report = pull(&restored, &target, &bookmarks).await;
        assert!(report.verdict.is_complete(), "{written}: {report}");
        for entry in entries.iter().chain(&lost).chain(&others) {
            assert!(holds(&*target, entry.id()).await, "{written}: an entry was skipped");
        }
        let has_evidence = matches!(report.misbehaviour[..], [Misbehaviour::Rollback { .. }]);
        // Said with a new lineage it is no misbehaviour; hidden it is, and is noticed the first time.
        assert_eq!(has_evidence, lineage == 1 && written == 5, "{written}: {report}");
    }
    // What the restore lost comes back from the replica.
    assert!(push(&target, &restored, &bookmarks).await.is_clean());
    assert!(same_entries(&*restored, &*target).await);
}

#[tokio::test]
async fn a42_a_restore_with_a_new_lineage_skips_nothing() {
    restored(9).await;
}

/// Clauses: SYN-23, SYN-31.
#[tokio::test]
async fn a42_a_restore_that_kept_its_lineage_skips_nothing() {
    restored(1).await;
}

/// Clauses: SYN-23.
#[tokio::test]
async fn a42_a_target_that_went_back_is_filled_again() {
    let (mut author, entries) = chain(100);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    assert!(pull(&source, &target, &bookmarks).await.is_clean());
    // Bookmarks and source know nothing of it; the lineage is the same.
    for back_to in [0, 1, 60] {
        let older = store(author.space(), 2);
        fill(&*older, &entries[..back_to]).await;
        let report = pull(&source, &older, &bookmarks).await;
        assert!(report.is_clean(), "{back_to}: {report}");
        assert!(same_entries(&*source, &*older).await);
    }
    // Gone back and grown with other entries, so that its receipts reach beyond the checkpoint.
    let regrown = store(author.space(), 2);
    fill(&*regrown, &entries[..60]).await;
    fill(&*regrown, &author.another(3).write_many(80)).await;
    fill(&*source, &author.write_many(3)).await;
    let report = pull(&source, &regrown, &bookmarks).await;
    assert!(report.verdict.is_complete(), "{report}");
    for entry in &entries {
        assert!(holds(&*regrown, entry.id()).await);
    }
}

#[tokio::test]
async fn a42_a_target_reset_under_a_run_ends_it() {
    let (author, entries) = chain(100);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let (first, second) = (store(author.space(), 2), store(author.space(), 3));
    let other = Arc::clone(&second);
    let target = Hostile::new(
        first,
        Hooks {
            put: Some(Box::new(move |nth, _, mut report| {
                if nth >= 3 {
                    report.lineage = bulla_core::Lineage([3; 16]);
                }
                Ok(report)
            })),
            ..Hooks::default()
        },
    );
    let bookmarks = bookmarks();
    let options = Options::pull().with_pages(1 << 20, 10);
    let report = run(&source, &target, &bookmarks, options).await;
    assert!(matches!(incomplete(&report).reason, Reason::TargetChanged), "{report}");
    let report = pull(&source, &other, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*second).await);
}
