//! A relay serves yesterday's state.

use bulla_core::values::{Freshness, Head, Page};
use bulla_store::{CursorRefusal, StoreError};
use bulla_sync::{Finding, Misbehaviour, Options, Reason, RolledBack, Verdict};

use crate::support::*;

/// Clauses: HEAD-6, SYN-30, SYN-31.
#[tokio::test]
async fn a19_a_lower_fresh_head_is_a_rollback_and_changes_nothing() {
    let (author, entries) = chain(40);
    let (today, yesterday) = (store(author.space(), 1), store(author.space(), 1));
    fill(&*today, &entries).await;
    fill(&*yesterday, &entries[..30]).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    assert!(pull(&today, &target, &bookmarks).await.is_clean());
    let before = head(&*target).await;

    let report = pull(&yesterday, &target, &bookmarks).await;
    let [Misbehaviour::Rollback { seen, answered }] = &report.misbehaviour[..] else {
        panic!("{report}")
    };
    assert_eq!((seen.receipt, *answered), (41, RolledBack::Lower(30)));
    assert!(!report.is_clean());
    assert_eq!(head(&*target).await, before);
    // Everything the rolled-back source does announce is held.
    assert!(report.verdict.is_complete(), "{report}");
    // What it lost goes back by a push.
    assert!(push(&target, &yesterday, &bookmarks).await.verdict.is_complete());
    assert!(same_entries(&*yesterday, &*target).await);
}

#[tokio::test]
async fn a19_a_history_cut_off_and_grown_again_is_a_rollback() {
    let (mut author, entries) = chain(40);
    let (first, second) = (store(author.space(), 1), store(author.space(), 1));
    fill(&*first, &entries).await;
    fill(&*second, &entries[..30]).await;
    let other = author.another(5).write_many(30);
    fill(&*second, &other).await;
    fill(&*second, &author.write_many(3)).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    assert!(pull(&first, &target, &bookmarks).await.is_clean());
    let report = pull(&second, &target, &bookmarks).await;
    let [Misbehaviour::Rollback { seen, answered: RolledBack::Refused }] = &report.misbehaviour[..]
    else {
        panic!("{report}")
    };
    assert_eq!(seen.receipt, 41);
    assert!(matches!(report.verdict, Verdict::Complete), "{report}");
    for entry in entries.iter().chain(&other) {
        assert!(holds(&*target, entry.id()).await, "nothing is skipped");
    }
    // Reported once; the next run trusts the new history.
    assert!(pull(&second, &target, &bookmarks).await.is_clean());
}

#[tokio::test]
async fn a19_the_same_receipt_with_another_log_hash_is_a_rollback() {
    let (author, entries) = chain(20);
    let (first, second) = (store(author.space(), 1), store(author.space(), 1));
    fill(&*first, &entries).await;
    fill(&*second, entries.iter().rev()).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    assert!(pull(&first, &target, &bookmarks).await.is_clean());
    let report = pull(&second, &target, &bookmarks).await;
    assert!(
        matches!(
            report.misbehaviour[..],
            [Misbehaviour::Rollback { answered: RolledBack::LogHash(_), .. }]
        ),
        "{report}"
    );
}

#[tokio::test]
async fn a19_a_rollback_behind_an_interrupted_pull_is_noticed() {
    let (author, entries) = chain(200);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let failing = Hostile::new(
        origin,
        Hooks {
            scan: Some(Box::new(
                |nth, _, page: Page| if nth < 3 { Ok(page) } else { Err(unavailable()) },
            )),
            ..Hooks::default()
        },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = || Options::pull().with_pages(1 << 20, 10);
    let report = run(&failing, &target, &bookmarks, options()).await;
    assert!(matches!(incomplete(&report).reason, Reason::Source(_)));
    // Rolled back to receipt 100 and grown again beyond 201: the cursor at 30 still holds.
    let grown = store(author.space(), 1);
    fill(&*grown, &entries[..100]).await;
    fill(&*grown, &author.another(3).write_many(150)).await;
    let report = run(&grown, &target, &bookmarks, options()).await;
    let [Misbehaviour::Rollback { seen, .. }] = &report.misbehaviour[..] else {
        panic!("{report}")
    };
    assert_eq!(seen.receipt, 201);
    assert!(report.verdict.is_complete());
}

/// Clauses: HEAD-6, SYN-31.
#[tokio::test]
async fn a19_stale_answers_never_count() {
    let (mut author, entries) = chain(40);
    let (today, yesterday) = (store(author.space(), 1), store(author.space(), 1));
    fill(&*today, &entries).await;
    fill(&*yesterday, &entries[..30]).await;
    let stale = Hostile::new(
        yesterday,
        Hooks {
            head: Some(Box::new(|_, (), head| {
                Ok(Head { freshness: Freshness::StaleSince(1_000), ..head })
            })),
            ..Hooks::default()
        },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    // A stale source is taken as it is, and is not called fresh.
    let report = pull(&stale, &target, &bookmarks).await;
    assert!(matches!(report.verdict, Verdict::Complete) && !report.is_clean(), "{report}");
    assert!(pull(&today, &target, &bookmarks).await.is_clean());
    // Older than what was seen: no evidence of anything, and nothing learnt.
    let report = pull(&stale, &target, &bookmarks).await;
    assert!(report.misbehaviour.is_empty(), "{report}");
    assert!(matches!(incomplete(&report).reason, Reason::Stale), "{report}");
    // The checkpoint outlives it.
    fill(&*today, &author.write_many(2)).await;
    let report = pull(&today, &target, &bookmarks).await;
    assert!(report.is_clean() && report.counts.shown == 2, "{report}");
}

#[tokio::test]
async fn a19_a_cursor_refused_in_the_middle_of_a_run_is_a_rollback() {
    let (author, entries) = chain(60);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let source = Hostile::new(
        origin,
        Hooks {
            scan: Some(Box::new(|nth, request, page: Page| {
                let receipt = request.after.map_or(0, |cursor| cursor.receipt);
                match nth {
                    3 => Err(StoreError::Cursor(CursorRefusal::BeyondHead {
                        cursor: receipt,
                        store: 5,
                    })),
                    _ => Ok(page),
                }
            })),
            ..Hooks::default()
        },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = Options::pull().with_pages(1 << 20, 10);
    let report = run(&source, &target, &bookmarks, options).await;
    let [Misbehaviour::Rollback { seen, answered: RolledBack::Refused }] = &report.misbehaviour[..]
    else {
        panic!("{report}")
    };
    assert_eq!(seen.receipt, 30);
    assert!(
        matches!(report.verdict, Verdict::Complete),
        "the second attempt reads everything: {report}"
    );
}

/// Clauses: SYN-30, SYN-53.
#[tokio::test]
async fn a19_entries_gone_under_a_new_lineage_are_noticed_by_a_frontier_that_stayed() {
    let (mut author, entries) = chain(40);
    let mut other = author.another(3);
    let dropped = other.write_many(4);
    let seen: Vec<_> = entries.iter().chain(&dropped).collect();
    let frontier = frontier_over(&mut author, &seen).await;
    let (before, after) = (store(author.space(), 1), store(author.space(), 5));
    fill(&*before, entries.iter().chain(&dropped).chain([&frontier])).await;
    // Restored without the last entries of one author, as a new history: no cursor tells.
    fill(&*after, entries.iter().chain(&dropped[..2]).chain([&frontier])).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    assert!(pull(&before, &target, &bookmarks).await.is_clean());
    let held = head(&*target).await;
    for _ in 0..2 {
        let report = pull(&after, &target, &bookmarks).await;
        let [Misbehaviour::Withheld { count: 1, attested }] = &report.misbehaviour[..] else {
            panic!("{report}")
        };
        assert_eq!((attested[0].id, attested[0].by), (dropped[3].id(), frontier.id()));
        let evidence = attested[0].evidence.as_ref().unwrap();
        assert!(matches!(found(author.space(), evidence), Finding::Seen { .. }));
        // Nothing is missing here, and nothing was changed.
        assert!(matches!(report.verdict, Verdict::Complete) && !report.is_clean(), "{report}");
        assert_eq!(head(&*target).await, held);
    }
    // Stale answers prove nothing.
    let stale = Hostile::new(
        std::sync::Arc::clone(&after) as _,
        Hooks {
            head: Some(Box::new(|_, (), head| {
                Ok(Head { freshness: Freshness::StaleSince(1_000), ..head })
            })),
            ..Hooks::default()
        },
    );
    assert!(pull(&stale, &target, &bookmarks).await.misbehaviour.is_empty());
    // A push gives back what is gone.
    assert!(push(&target, &after, &bookmarks).await.verdict.is_complete());
    assert!(pull(&after, &target, &bookmarks).await.is_clean());
}
