//! Heads that announce what is not so.

use std::sync::Arc;

use bulla_core::values::Head;
use bulla_core::{LogHash, SetDigest};
use bulla_sync::{Report, Verdict};

use crate::support::*;

async fn announced(lie: fn(Head) -> Head) -> Report {
    let (author, entries) = chain(600);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let hooks =
        Hooks { head: Some(Box::new(move |_, (), head| Ok(lie(head)))), ..Hooks::default() };
    let source = Hostile::new(Arc::clone(&origin) as _, hooks);
    let target = store(author.space(), 2);
    fill(&*target, &entries[..300]).await;
    fill(&*target, &author.another(2).write_many(5)).await;
    let bookmarks = bookmarks();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(source.all_calls() < 40, "bounded work: {report}");
    assert!(!matches!(report.verdict, Verdict::Complete), "{report}");
    // The lie does no lasting harm.
    let honest = pull(&origin, &target, &bookmarks).await;
    assert!(honest.verdict.is_complete(), "{honest}");
    for entry in &entries {
        assert!(holds(&*target, entry.id()).await);
    }
    report
}

/// Clauses: SYN-6.
#[tokio::test]
async fn a_made_up_digest_is_never_complete() {
    let report = announced(|mut head| {
        head.held.digest = SetDigest([5; 32]);
        head
    })
    .await;
    assert!(report.counts.stored == 301, "what it has is taken all the same: {report}");
}

/// Clauses: SYN-6.
#[tokio::test]
async fn a_made_up_count_is_never_complete() {
    announced(|mut head| {
        head.held.count += 1;
        head
    })
    .await;
    announced(|mut head| {
        head.held.count = u64::MAX >> 1;
        head
    })
    .await;
}

#[tokio::test]
async fn a_made_up_receipt_is_never_complete() {
    announced(|mut head| {
        head.last_receipt = 1 << 62;
        head
    })
    .await;
}

#[tokio::test]
async fn a_made_up_log_hash_is_never_complete() {
    announced(|mut head| {
        head.log_hash = LogHash([3; 32]);
        head
    })
    .await;
}

#[tokio::test]
async fn a_head_that_copies_the_targets_claims_only_what_it_shows_later() {
    // A source that answers with the target's own digests is believed to have those entries, which is harmless: nothing
    // is dropped or skipped because of it. Evidence from anyone else shows the rest.
    let (author, entries) = chain(50);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let target = store(author.space(), 2);
    fill(&*target, &entries[..30]).await;
    let copied = head(&*target).await;
    let hooks = Hooks {
        head: Some(Box::new(move |_, (), head| {
            Ok(Head {
                control: copied.control,
                held: copied.held,
                counting: copied.counting,
                present: copied.present,
                ..head
            })
        })),
        ..Hooks::default()
    };
    let source = Hostile::new(Arc::clone(&origin) as _, hooks);
    let bookmarks = bookmarks();
    assert!(matches!(pull(&source, &target, &bookmarks).await.verdict, Verdict::Complete));
    // The checkpoint that this left must not make an honest run skip the entries behind it.
    let report = pull(&origin, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*origin, &*target).await);
}
