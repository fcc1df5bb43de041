//! What a run does between two honest stores: rungs, requests, checkpoints, scopes. Over memory stores whose calls are
//! counted.

#[path = "attacks/support.rs"]
#[expect(dead_code, reason = "other test binaries use more of it")]
mod support;

use std::sync::Arc;

use bulla_core::values::{Filter, Has, PayloadState, Want};
use bulla_core::{Kind, Topic, Verified};
use bulla_store::testing::{FaultyStore, Method};
use bulla_store::{ContentAddressedStore, Context, Erasable, Erasure};
use bulla_sync::{CancellationToken, Options, Progress, Reason, Reference, Rung, Scope, Verdict};
use support::*;

/// Clauses: SYN-11.
#[tokio::test]
async fn a_first_pull_is_one_pass_that_carries_payloads() {
    let (author, entries) = chain(500);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let source = Hostile::counting(origin);
    let target = store(author.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.rung(), Some(Rung::Full));
    assert_eq!((report.counts.stored, report.counts.duplicates), (501, 0));
    assert!(same_entries(&*source, &*target).await);
    assert_eq!((source.calls("scan"), source.calls("get"), source.calls("has")), (1, 0, 0));
    assert!(
        source.scans.lock().unwrap().iter().all(|scan| matches!(scan.want, Want::Entries { .. }))
    );
}

/// Clauses: SYN-10.
#[tokio::test]
async fn nothing_new_is_one_request() {
    let (mut author, entries) = chain(50);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let source = Hostile::counting(origin);
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    pull(&source, &target, &bookmarks).await;

    source.forget();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.rung(), Some(Rung::Equal));
    assert_eq!((source.all_calls(), source.calls("head")), (1, 1));

    // The same when the target has entries of its own.
    let own = author.another(2).write_many(3);
    fill(&*target, &own).await;
    for _ in 0..2 {
        source.forget();
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.rung(), Some(Rung::Cursor));
        assert_eq!(source.all_calls(), 1);
    }
    // A hundred new ones: the head and one scan.
    let new = author.write_many(100);
    fill(&*source.honest, &new).await;
    source.forget();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((source.calls("head"), source.calls("scan"), source.all_calls()), (1, 1, 2));
    assert_eq!(report.counts.stored, 100);
}

#[tokio::test]
async fn a_push_of_nothing_new_asks_the_target_for_its_head() {
    let (author, entries) = chain(50);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let target = Hostile::counting(store(author.space(), 2));
    let bookmarks = bookmarks();
    let report = push(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    // The target has received others' entries meanwhile.
    fill(&*target.honest, &author.another(3).write_many(5)).await;
    push(&source, &target, &bookmarks).await;
    target.forget();
    let report = push(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((target.all_calls(), target.calls("head")), (1, 1));
}

#[tokio::test]
async fn both_sides_have_what_the_other_lacks() {
    for size in [3, 300, 5_000] {
        let (mut author, mut entries) = chain(size);
        let (left, right) = (store(author.space(), 1), store(author.space(), 2));
        let own = author.another(2).write_many(size / 10);
        entries.extend(author.write_many(size / 20));
        fill(&*left, &entries).await;
        fill(&*right, &entries[..size]).await;
        fill(&*right, &own).await;
        let (left_marks, right_marks) = (bookmarks(), bookmarks());
        let pulled = pull(&left, &right, &right_marks).await;
        assert!(pulled.is_clean(), "size {size}: {pulled}");
        let pushed = push(&right, &left, &right_marks).await;
        assert!(pushed.is_clean(), "size {size}: {pushed}");
        assert!(same_entries(&*left, &*right).await);
        let again = pull(&right, &left, &left_marks).await;
        assert_eq!(again.rung(), Some(Rung::Equal));
    }
}

#[tokio::test]
async fn a_large_common_set_without_checkpoint_takes_the_bloom_filter() {
    let (mut author, common) = chain(20_000);
    let (left, right) = (store(author.space(), 1), store(author.space(), 2));
    fill(&*left, &common).await;
    fill(&*right, &common).await;
    fill(&*left, &author.write_many(400)).await;
    fill(&*right, &author.another(2).write_many(30)).await;
    let bookmarks = bookmarks();
    let report = pull(&left, &right, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.steps[0].rung, Rung::Bloom);
    assert_eq!(report.counts.stored, 400);
    // The checkpoint that it left works: next time only what is new is read.
    fill(&*left, &author.write_many(10)).await;
    let report = pull(&left, &right, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.steps.len(), report.rung()), (1, Some(Rung::Cursor)));
    assert_eq!(report.counts.shown, 10);

    let report = push(&right, &left, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*left, &*right).await);
}

#[tokio::test]
async fn equal_heads_leave_a_checkpoint_whose_state_is_computed_later() {
    let (mut author, entries) = chain(2_000);
    let (left, right) = (Hostile::counting(store(author.space(), 1)), store(author.space(), 2));
    fill(&*left.honest, &entries).await;
    fill(&*right, entries.iter().rev()).await;
    let bookmarks = bookmarks();
    let report = pull(&left, &right, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.rung(), left.all_calls()), (Some(Rung::Equal), 1));
    fill(&*left.honest, &author.write_many(7)).await;
    left.forget();
    let report = pull(&left, &right, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.steps.len(), report.rung()), (1, Some(Rung::Cursor)));
    assert_eq!((report.counts.shown, left.all_calls()), (7, 2));
}

/// Clauses: SYN-3, SYN-20.
#[tokio::test]
async fn after_equal_heads_a_little_new_does_not_read_the_near_store() {
    let (mut author, entries) = chain(2_000);
    let (left, right) = (store(author.space(), 1), Hostile::counting(store(author.space(), 2)));
    fill(&*left, &entries).await;
    let (pulls, pushes) = (bookmarks(), bookmarks());
    pull(&left, &right, &pulls).await;
    push(&right, &left, &pushes).await;
    for round in 0..3 {
        // Each side writes, and they meet: heads are equal after the push.
        fill(&*left, &author.write_many(5)).await;
        fill(&*right.honest, &author.another(10 + round).write_many(5)).await;
        pull(&left, &right, &pulls).await;
        push(&right, &left, &pushes).await;
        right.forget();
        let report = pull(&left, &right, &pulls).await;
        assert_eq!(report.rung(), Some(Rung::Equal), "{report}");
        fill(&*left, &author.write_many(7)).await;
        let report = pull(&left, &right, &pulls).await;
        assert!(report.is_clean(), "{report}");
        assert_eq!((report.rung(), report.counts.stored), (Some(Rung::Cursor), 7));
        let read_from_start = right
            .scans
            .lock()
            .unwrap()
            .iter()
            .any(|scan| scan.after.is_none_or(|after| after.receipt < 2_000));
        assert!(!read_from_start, "round {round}");
    }
}

#[tokio::test]
async fn an_interrupted_first_pull_goes_on_where_it_stopped() {
    let (author, entries) = chain(300);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let failing = Hostile::new(
        Arc::clone(&origin) as _,
        Hooks {
            scan: Some(Box::new(
                |nth, _, page| if nth < 7 { Ok(page) } else { Err(unavailable()) },
            )),
            ..Hooks::default()
        },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = || Options::pull().with_pages(1 << 20, 10);
    let report = run(&failing, &target, &bookmarks, options()).await;
    assert!(matches!(incomplete(&report).reason, Reason::Source(_)), "{report}");
    assert!(report.is_retryable());
    assert_eq!(report.counts.stored, 70);
    let source = Hostile::counting(origin);
    let report = run(&source, &target, &bookmarks, options()).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.rung(), Some(Rung::Cursor));
    assert_eq!((report.counts.stored, report.counts.duplicates), (301 - 70, 0));
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_was_acknowledged() {
    let (author, entries) = chain(300);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    let source = Hostile::new(
        origin,
        Hooks {
            scan: Some(Box::new(move |nth, _, page| {
                if nth == 5 {
                    trigger.cancel();
                }
                Ok(page)
            })),
            ..Hooks::default()
        },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = Options::pull().with_pages(1 << 20, 10);
    let report = run(&source, &target, &bookmarks, options.clone().with_cancel(cancel)).await;
    assert!(matches!(incomplete(&report).reason, Reason::Cancelled), "{report}");
    assert!(report.counts.stored < 301);
    let report = run(&source, &target, &bookmarks, options).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*target).await);
}

#[tokio::test]
async fn progress_begins_with_the_totals() {
    let (author, entries) = chain(100);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let (sender, mut receiver) = tokio::sync::watch::channel(Progress::default());
    let target = store(author.space(), 2);
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        while receiver.changed().await.is_ok() {
            seen.push(*receiver.borrow_and_update());
        }
        seen
    });
    let options = Options::pull().with_pages(1 << 20, 10).with_progress(sender);
    assert!(run(&source, &target, &bookmarks(), options).await.is_clean());
    let seen = seen.await.unwrap();
    assert!(seen.iter().all(|progress| progress.receipts_total == 101));
    assert!(seen.is_sorted_by_key(|progress| progress.receipts_done));
    let last = seen.last().unwrap();
    assert_eq!((last.receipts_done, last.entries_stored), (101, 101));
    assert!(last.payload_bytes > 0);
}

#[tokio::test]
async fn headers_only_takes_every_header_and_proves_it() {
    let (author, entries) = chain(100);
    let source = Hostile::counting(store(author.space(), 1));
    fill(&*source.honest, &entries).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = Options::pull().with_scope(Scope::headers_only());
    let report = run(&source, &target, &bookmarks, options.clone()).await;
    assert!(report.is_clean(), "{report}");
    let (source_head, target_head) = (head(&*source).await, head(&*target).await);
    assert!(source_head.same_entries(&target_head));
    assert_eq!(target_head.present.count, 1, "the genesis alone has its payload");
    source.forget();
    let report = run(&source, &target, &bookmarks, options).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(source.all_calls(), 1);

    // Everything wanted later: the payloads are fetched, though no header is missing.
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.payloads_added, 100);
    assert!(same_entries(&*source, &*target).await);
}

#[tokio::test]
async fn payloads_of_a_topic_come_with_all_headers() {
    let (mut author, genesis) = Author::found(1);
    let topic = |i: usize| Topic([u8::try_from(i % 3).unwrap() + 1; 16]);
    let entries: Vec<_> = (0..90)
        .map(|i| author.write_as(Kind::OPERATION, topic(i), vec![], b"sixteen bytes or more"))
        .collect();
    let source = store(author.space(), 1);
    fill(&*source, [&genesis]).await;
    fill(&*source, &entries).await;
    let filter = Filter { topics: vec![topic(0)], ..Filter::all() };

    let target = store(author.space(), 2);
    let options = Options::pull().with_scope(Scope::PayloadsOf(filter.clone()));
    let report = run(&source, &target, &bookmarks(), options).await;
    assert!(report.is_clean(), "{report}");
    let held = head(&*target).await;
    assert_eq!((held.held.count, held.present.count), (91, 31));

    let target = store(author.space(), 3);
    let options = Options::pull().with_scope(Scope::Filtered(filter));
    let report = run(&source, &target, &bookmarks(), options).await;
    assert!(matches!(report.verdict, Verdict::CompleteAsToldBySource), "{report}");
    let held = head(&*target).await;
    assert_eq!((held.held.count, held.present.count), (31, 31));
}

#[tokio::test]
async fn a_payload_the_source_lacks_is_wanted_until_another_source_has_it() {
    let (author, entries) = chain(20);
    let (poor, rich) = (store(author.space(), 1), store(author.space(), 2));
    fill(&*rich, &entries).await;
    let bare: Vec<Verified> = entries
        .iter()
        .enumerate()
        .map(|(i, entry)| match i % 5 {
            4 => entry.verified_header().clone().into(),
            _ => entry.clone().into(),
        })
        .collect();
    poor.put(&Context::new(), bare).await.unwrap();
    let poor = Hostile::counting(poor);
    let (target, bookmarks) = (store(author.space(), 3), bookmarks());
    let report = pull(&poor, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::PayloadsMissing(4)), "{report}");
    let mut missing: Vec<_> = entries.iter().skip(4).step_by(5).map(|entry| entry.id()).collect();
    missing.sort();
    assert_eq!(incomplete(&report).missing.ids, missing);

    // The digests say that it lacks the same, so that it is not asked; the verdict stays.
    poor.forget();
    let report = pull(&poor, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::PayloadsMissing(4)), "{report}");
    assert_eq!(poor.all_calls(), 1);

    // The sets of headers are equal; the payloads come all the same.
    let report = pull(&rich, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.rung(), report.counts.payloads_added), (Some(Rung::Equal), 4));
    let report = pull(&poor, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn an_erased_payload_is_not_missing_where_the_target_knows_of_the_erasure() {
    let (author, entries) = chain(20);
    let (source, target) = (store(author.space(), 1), store(author.space(), 2));
    fill(&*source, &entries).await;
    let erasure = Erasure {
        by: entries[0].id(),
        is_prune: false,
        ids: vec![entries[7].id(), entries[9].id()],
    };
    source.erase(&Context::new(), erasure.clone()).await.unwrap();
    let bookmarks = bookmarks();
    // A source's word alone excuses nothing.
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::PayloadsMissing(2)), "{report}");
    target.erase(&Context::new(), erasure).await.unwrap();
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    let states = target.has(&Context::new(), &[entries[7].id()]).await.unwrap();
    assert_eq!(states, [Has::Yes]);
}

#[tokio::test]
async fn a_payload_that_the_target_lost_is_noticed_and_fetched_again() {
    let (author, entries) = chain(20);
    let source = store(author.space(), 1);
    fill(&*source, &entries).await;
    let bookmarks = bookmarks();
    let whole = store(author.space(), 2);
    assert!(pull(&source, &whole, &bookmarks).await.is_clean());
    // The same lineage and log, but one payload is gone: as after damage was found.
    let damaged = store(author.space(), 2);
    let all = entries.iter().enumerate().map(|(i, entry)| match i {
        11 => Verified::from(entry.verified_header().clone()),
        _ => entry.clone().into(),
    });
    damaged.put(&Context::new(), all.collect()).await.unwrap();
    let report = pull(&source, &damaged, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.payloads_added, 1);
    assert!(same_entries(&*source, &*damaged).await);
}

#[tokio::test]
async fn references_that_nobody_fills_are_reported_against_their_author() {
    let (mut author, genesis) = Author::found(1);
    let mut gappy = author.another(7);
    let first = gappy.write(b"sixteen bytes or more");
    let hidden = gappy.write(b"sixteen bytes or more");
    let third = gappy.write(b"sixteen bytes or more");
    let fine = author.write_on(&[first.id()]);
    let mut naming = author.another(8);
    let named = naming.write_on(&[hidden.id(), first.id()]);
    let source = store(author.space(), 1);
    fill(&*source, [&genesis, &named, &third, &first, &fine]).await;
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    for _ in 0..2 {
        let report = pull(&source, &target, &bookmarks).await;
        let Verdict::CompleteButUnresolved(authors) = &report.verdict else { panic!("{report}") };
        assert_eq!(authors.len(), 2, "{report}");
        for by in authors {
            let reference = &by.references[0];
            assert_eq!((by.count, reference.id), (1, hidden.id()));
            let (maker, sort) = match reference.by {
                id if id == third.id() => (gappy.id(), Reference::Previous),
                id if id == named.id() => (naming.id(), Reference::Dependency),
                id => panic!("unexpected {id}"),
            };
            assert_eq!((by.author, reference.reference), (maker, sort));
        }
    }
    // Whoever brings it, by whatever way, settles it.
    fill(&*target, [&hidden]).await;
    let report = pull(&source, &target, &bookmarks).await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_previous_entry_that_is_not_the_one_before_is_reported() {
    let (mut author, genesis) = Author::found(1);
    let first = author.write(b"sixteen bytes or more");
    let mut jumping = author.clone();
    jumping.sequence += 3;
    let jumped = jumping.write(b"sixteen bytes or more");
    let source = store(author.space(), 1);
    fill(&*source, [&genesis, &first, &jumped]).await;
    // In one run, and when the entry before was there already.
    for held in [0, 2] {
        let target = store(author.space(), 2);
        fill(&*target, [&genesis, &first].into_iter().take(held)).await;
        let report = pull(&source, &target, &bookmarks()).await;
        let Verdict::CompleteButUnresolved(authors) = &report.verdict else { panic!("{report}") };
        assert_eq!(authors[0].references[0].reference, Reference::WrongPrevious);
    }
}

#[tokio::test]
async fn forks_are_kept_and_are_no_gap() {
    let (mut author, genesis) = Author::found(1);
    let mut fork = author.clone();
    let (left, right) =
        (author.write(b"the one branch, sealed"), fork.write(b"the other branch, sealed"));
    let (left_next, right_next) =
        (author.write(b"sixteen bytes or more"), fork.write(b"sixteen bytes at least"));
    let source = store(author.space(), 1);
    fill(&*source, [&genesis, &left, &right, &left_next, &right_next]).await;
    let target = store(author.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*target).await);
}

/// Clauses: SYN-1, SYN-3.
#[tokio::test]
async fn stores_of_different_spaces_are_refused() {
    let (author, _) = chain(0);
    let (other, _) = Author::found(9);
    let (left, right) = (store(author.space(), 1), store(other.space(), 2));
    let report = pull(&left, &right, &bookmarks()).await;
    assert!(matches!(incomplete(&report).reason, Reason::SpacesDiffer { .. }));
    assert_eq!((report.counts.source_requests, report.counts.target_requests), (0, 0));
}

#[tokio::test]
async fn empty_stores_are_equal() {
    let (author, entries) = chain(3);
    let (left, right) = (store(author.space(), 1), store(author.space(), 2));
    assert!(pull(&left, &right, &bookmarks()).await.is_clean());
    fill(&*right, &entries).await;
    let report = pull(&left, &right, &bookmarks()).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.source_requests, 1);
}

#[tokio::test]
async fn entries_too_large_to_share_a_page_come_one_by_one() {
    let (mut author, genesis) = Author::found(1);
    let source = store(author.space(), 1);
    fill(&*source, [&genesis]).await;
    for i in 0..6_u8 {
        fill(&*source, [&author.write(&vec![i; 300_000])]).await;
    }
    let target = store(author.space(), 2);
    let report = run(&source, &target, &bookmarks(), Options::pull().with_pages(1, 100)).await;
    assert!(report.is_clean(), "{report}");
    assert!(same_entries(&*source, &*target).await);
}

#[tokio::test]
async fn payload_state_of_a_header_is_kept_apart_from_absence() {
    let (author, entries) = chain(3);
    let source = store(author.space(), 1);
    let headers = entries.iter().map(|entry| entry.verified_header().clone().into()).collect();
    source.put(&Context::new(), headers).await.unwrap();
    let target = store(author.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(matches!(incomplete(&report).reason, Reason::PayloadsMissing(4)), "{report}");
    let page =
        target.scan(&Context::new(), bulla_core::values::ScanRequest::everything()).await.unwrap();
    assert!(page.items.iter().all(|item| matches!(
        item.body,
        bulla_core::values::ScanBody::Header(_, PayloadState::Missing)
    )));
}

/// A target that takes nothing for a while does not make a run read on and on.
/// Clauses: SYN-19.
#[tokio::test]
async fn what_waits_for_a_slow_target_is_bounded() {
    let (author, entries) = chain(500);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let source = Hostile::counting(origin);
    let target = Arc::new(FaultyStore::new(store(author.space(), 2)));
    let gate = target.hold(Method::Put);
    let options = Options::pull().with_pages(1 << 20, 10);
    let (ahead, in_flight) = (options.pages_ahead, options.puts_in_flight);
    let task = tokio::spawn(bulla_sync::replicate(
        Arc::clone(&source) as _,
        Arc::clone(&target) as _,
        bookmarks() as _,
        options,
    ));
    while gate.waiting() < in_flight {
        tokio::task::yield_now().await;
    }
    // As often as it takes to read the whole source many times over.
    for _ in 0..5_000 {
        tokio::task::yield_now().await;
    }
    let pages = source.calls("scan");
    assert!(pages > in_flight, "the next page is read while the last one is written");
    assert!(pages <= ahead + in_flight + 2, "{pages} pages of 51 were read");
    gate.open();
    assert!(task.await.unwrap().is_clean());
    assert_eq!(head(&*target).await.held.count, 501);
}
