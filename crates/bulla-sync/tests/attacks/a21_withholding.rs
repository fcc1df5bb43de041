//! A relay leaves out an entry, or all of an author.

use std::sync::Arc;

use bulla_core::values::{GetItem, Page, ScanBody, Want};
use bulla_core::{AuthorKey, EntryId, VerifiedEntry};
use bulla_sync::{Reason, Scope, Verdict};

use crate::support::*;

/// Two authors who name each other's entries.
async fn world() -> (Author, Vec<VerifiedEntry>) {
    let (mut author, genesis) = Author::found(1);
    let mut other = author.another(2);
    let mut entries = vec![genesis];
    for i in 0..12 {
        let last = entries[entries.len() - 1].id();
        let on: Vec<EntryId> =
            if last == author.previous || last == other.previous { vec![] } else { vec![last] };
        entries.push(if i % 3 == 0 { other.write_on(&on) } else { author.write_on(&on) });
    }
    (author, entries)
}

/// Whether some entry names this one.
fn is_named(entries: &[VerifiedEntry], id: EntryId) -> bool {
    entries
        .iter()
        .any(|entry| entry.header().previous == id || entry.header().dependencies.contains(&id))
}

#[tokio::test]
async fn a21_withheld_entry_is_incomplete() {
    let (author, entries) = world().await;
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    for (i, dropped) in entries.iter().map(VerifiedEntry::id).enumerate() {
        let source = Hostile::new(Arc::clone(&origin) as _, withholding(dropped));
        let (target, bookmarks) = (store(author.space(), 2), bookmarks());
        for run in 0..2 {
            let report = pull(&source, &target, &bookmarks).await;
            let incomplete = incomplete(&report);
            assert!(
                matches!(incomplete.reason, Reason::Withheld { announced: 13, shown: 12 }),
                "{report}"
            );
            let receipt = u64::try_from(i).unwrap() + 1;
            assert_eq!(incomplete.missing.receipts, [receipt], "run {run}: {report}");
            if is_named(&entries, dropped) {
                assert_eq!(incomplete.missing.ids, [dropped], "run {run}: {report}");
            }
        }
        // The rest is there, and an honest source settles it.
        assert_eq!(head(&*target).await.held.count, 12);
        let honest = store(author.space(), 3);
        fill(&*honest, &entries).await;
        assert!(pull(&honest, &target, &bookmarks).await.is_clean());
        let report = pull(&source, &target, &bookmarks).await;
        assert!(report.verdict.is_complete(), "the sets are equal by now: {report}");
    }
}

#[tokio::test]
async fn a21_an_entry_announced_by_id_and_not_handed_over_is_incomplete_with_that_id() {
    let (author, entries) = world().await;
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    for dropped in entries.iter().map(VerifiedEntry::id) {
        // Ids are shown honestly; the entry itself never comes.
        let mut hooks = withholding(dropped);
        hooks.scan = Some(Box::new(move |_, request, mut page: Page| {
            if request.want != Want::Ids {
                page.items.retain(|item| item.id != dropped);
            }
            Ok(page)
        }));
        let source = Hostile::new(Arc::clone(&origin) as _, hooks);
        let (target, bookmarks) = (store(author.space(), 2), bookmarks());
        for run in 0..2 {
            let report = pull(&source, &target, &bookmarks).await;
            let incomplete = incomplete(&report);
            assert!(matches!(incomplete.reason, Reason::EntriesMissing(1)), "run {run}: {report}");
            assert_eq!(incomplete.missing.ids, [dropped]);
        }
    }
}

#[tokio::test]
async fn a21_a_withheld_author_is_incomplete() {
    let (author, entries) = world().await;
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let hidden: AuthorKey = author.another(2).id();
    let ids: Vec<_> = entries
        .iter()
        .filter(|entry| entry.header().author == hidden)
        .map(VerifiedEntry::id)
        .collect();
    let gone = ids.clone();
    let source = Hostile::new(
        origin,
        Hooks {
            scan: Some(Box::new(move |_, _, mut page: Page| {
                page.items.retain(|item| !gone.contains(&item.id));
                Ok(page)
            })),
            ..Hooks::default()
        },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let report = pull(&source, &target, &bookmarks).await;
    assert!(matches!(incomplete(&report).reason, Reason::Withheld { .. }), "{report}");
    for id in ids.iter().filter(|id| is_named(&entries, **id)) {
        // Those that only the hidden author's own entries name cannot be known.
        let named_by_shown = entries.iter().any(|entry| {
            entry.header().author != hidden && entry.header().dependencies.contains(id)
        });
        assert_eq!(incomplete(&report).missing.ids.contains(id), named_by_shown);
    }
}

#[tokio::test]
async fn a21_a_withheld_payload_is_incomplete_whatever_excuse_is_given() {
    use bulla_core::values::PayloadState;
    let (author, entries) = world().await;
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let (withheld, by) = (entries[5].id(), entries[0].id());
    for state in [PayloadState::Missing, PayloadState::Erased(by), PayloadState::Pruned(by)] {
        let hooks = Hooks {
            scan: Some(Box::new(move |_, _, mut page: Page| {
                for item in &mut page.items {
                    if let (true, ScanBody::Entry(entry)) = (item.id == withheld, &item.body) {
                        item.body = ScanBody::Header(entry.verified_header().clone(), state);
                    }
                }
                Ok(page)
            })),
            get: Some(Box::new(move |_, _, items| {
                let strip = |item| match item {
                    GetItem::Entry(entry) => {
                        GetItem::Header(entry.verified_header().clone(), state)
                    }
                    item => item,
                };
                Ok(items.into_iter().map(strip).collect())
            })),
            ..Hooks::default()
        };
        let source = Hostile::new(Arc::clone(&origin) as _, hooks);
        let (target, bookmarks) = (store(author.space(), 2), bookmarks());
        for _ in 0..2 {
            let report = pull(&source, &target, &bookmarks).await;
            let incomplete = incomplete(&report);
            assert!(matches!(incomplete.reason, Reason::PayloadsMissing(1)), "{report}");
            assert_eq!(incomplete.missing.ids, [withheld]);
        }
        assert!(pull(&origin, &target, &bookmarks).await.is_clean());
    }
}

#[tokio::test]
async fn a21_hiding_behind_a_filter_is_never_called_complete() {
    let (author, entries) = world().await;
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let source = Hostile::new(origin, withholding(entries[4].id()));
    let filter = bulla_core::values::Filter { authors: vec![author.id()], ..Default::default() };
    let options = bulla_sync::Options::pull().with_scope(Scope::Filtered(filter));
    let report = run(&source, &store(author.space(), 2), &bookmarks(), options).await;
    assert!(matches!(report.verdict, Verdict::CompleteAsToldBySource), "{report}");
    assert!(!report.is_clean());
}
