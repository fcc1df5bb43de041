//! Pages that loop, jump, go back, end short or carry nothing.

use std::sync::Arc;

use bulla_core::values::{Cursor, Head, Page, ScanBody, ScanItem, ScanRequest, Want};
use bulla_core::{Code, EntryId, LogHash};
use bulla_store::{ContentAddressedStore, Context};
use bulla_sync::{Misbehaviour, Options, Reason, Report, ScanFault};

use crate::support::*;

type Lie = fn(usize, &ScanRequest, Page) -> bulla_store::Result<Page>;

/// A pull in small pages from a source whose pages are changed, with the number of scans it took.
async fn lied_to(lie: Lie) -> (Report, usize) {
    let (author, entries) = chain(200);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let source = Hostile::new(
        Arc::clone(&origin) as _,
        Hooks { scan: Some(Box::new(lie)), ..Hooks::default() },
    );
    let (target, bookmarks) = (store(author.space(), 2), bookmarks());
    let options = || Options::pull().with_pages(1 << 20, 20);
    let report = run(&source, &target, &bookmarks, options()).await;
    let scans = source.calls("scan");
    // Whatever it did, an honest source makes it good.
    let honest = run(&origin, &target, &bookmarks, options()).await;
    assert!(honest.verdict.is_complete(), "{honest}");
    assert!(same_entries(&*origin, &*target).await);
    (report, scans)
}

fn fault(report: &Report) -> ScanFault {
    match (&incomplete(report).reason, &report.misbehaviour[..]) {
        (Reason::Scan(reason), [Misbehaviour::Scan(fault)]) if reason == fault => *fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a43_the_same_page_for_ever_ends_the_run() {
    let (report, scans) = lied_to(|nth, request, mut page| {
        if nth > 2 {
            page.cursor = request.after.unwrap();
            page.items.clear();
            page.end = false;
        }
        Ok(page)
    })
    .await;
    assert_eq!((fault(&report), scans), (ScanFault::Stalled(60), 4));
}

#[tokio::test]
async fn a43_a_jump_beyond_the_head_ends_the_run() {
    let (report, scans) = lied_to(|nth, _, mut page| {
        if nth == 1 {
            page.cursor.receipt = 1_000_000_000_000_000_000;
        }
        Ok(page)
    })
    .await;
    assert_eq!(fault(&report), ScanFault::Beyond { until: 201, actual: 1_000_000_000_000_000_000 });
    assert_eq!(scans, 2);
}

#[tokio::test]
async fn a43_going_back_ends_the_run() {
    let (report, scans) = lied_to(|nth, request, mut page| {
        if nth == 4 {
            page.items.clear();
            page.cursor = Cursor { receipt: 3, ..request.after.unwrap() };
        }
        Ok(page)
    })
    .await;
    assert_eq!((fault(&report), scans), (ScanFault::Backward { from: 80, to: 3 }, 5));
}

#[tokio::test]
async fn a43_an_end_before_the_head_ends_the_run() {
    let (report, _) = lied_to(|nth, _, mut page| {
        page.end |= nth == 3;
        Ok(page)
    })
    .await;
    assert_eq!(fault(&report), ScanFault::EndsShort { until: 201, actual: 80 });
}

#[tokio::test]
async fn a43_a_made_up_log_hash_at_the_head_ends_the_run() {
    let (report, _) = lied_to(|_, _, mut page| {
        if page.end {
            page.cursor.log_hash = LogHash([7; 32]);
        }
        Ok(page)
    })
    .await;
    assert_eq!(fault(&report), ScanFault::LogHash(201));
}

/// Clauses: SYN-32.
#[tokio::test]
async fn a43_items_out_of_place_end_the_run() {
    let (report, _) = lied_to(|nth, _, mut page| {
        if nth == 2 {
            page.items.reverse();
        }
        Ok(page)
    })
    .await;
    assert!(matches!(fault(&report), ScanFault::Order(_)));
    let (report, _) = lied_to(|nth, _, mut page| {
        if nth == 2 {
            page.items[5].id = EntryId([8; 32]);
        }
        Ok(page)
    })
    .await;
    assert_eq!(fault(&report), ScanFault::Item(46));
    let (report, _) = lied_to(|nth, request, mut page| {
        if nth == 2 && request.want != Want::Ids {
            let more = page.items.clone();
            page.items.extend(more);
        }
        Ok(page)
    })
    .await;
    assert_eq!(fault(&report), ScanFault::Oversize);
}

#[tokio::test]
async fn a43_skipped_receipts_are_counted_and_incomplete() {
    let (report, _) = lied_to(|nth, request, mut page| {
        if request.want != Want::Ids && nth == 2 || request.want == Want::Ids {
            page.items.retain(|item| !(43..=48).contains(&item.receipt));
        }
        Ok(page)
    })
    .await;
    let incomplete = incomplete(&report);
    assert!(
        matches!(incomplete.reason, Reason::Withheld { announced: 201, shown: 195 }),
        "{report}"
    );
    assert_eq!(incomplete.missing.receipts, (43..=48).collect::<Vec<_>>());
    // The chain names the last of those that are missing.
    assert_eq!(incomplete.missing.ids.len(), 1);
}

/// Clauses: SYN-33.
#[tokio::test]
async fn a43_a_log_without_end_is_left_after_a_bounded_number_of_pages() {
    let (author, entries) = chain(20);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    // The head claims 2^62 entries; each page moves on by one receipt and carries an id that nobody has.
    let endless = |head: Head| Head { last_receipt: 1 << 62, ..head };
    let made_up = |request: &ScanRequest| {
        let after = request.after.unwrap();
        let receipt = after.receipt + 1;
        let mut id = EntryId([0xee; 32]);
        id.0[..8].copy_from_slice(&receipt.to_be_bytes());
        let item = ScanItem { receipt, id, body: ScanBody::Invalid(Code::new("entry.signature")) };
        Page { items: vec![item], cursor: Cursor { receipt, ..after }, end: false }
    };
    let source = Hostile::new(
        origin,
        Hooks {
            head: Some(Box::new(move |_, (), head| Ok(endless(head)))),
            before_scan: Some(Box::new(made_up)),
            ..Hooks::default()
        },
    );
    let target = store(author.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(matches!(fault(&report), ScanFault::Idle(_)), "{report}");
    assert!(source.calls("scan") < 5_000, "{}", source.calls("scan"));
    assert!(report.exceptions.len() <= bulla_sync::MAX_LISTED);
}

/// Clauses: SYN-33.
#[tokio::test]
async fn a43_the_same_entries_again_and_again_are_left() {
    let (author, entries) = chain(50);
    let origin = store(author.space(), 1);
    fill(&*origin, &entries).await;
    let everything = ScanRequest::everything();
    let genuine = origin.scan(&Context::new(), everything).await.unwrap().items;
    let repeating = move |request: &ScanRequest| {
        let after = request.after.unwrap();
        let again = |(i, item): (u64, &ScanItem)| ScanItem {
            receipt: after.receipt + 1 + i,
            ..item.clone()
        };
        let items: Vec<_> = (0..).zip(&genuine).map(again).collect();
        let receipt = after.receipt + 51;
        Page { items, cursor: Cursor { receipt, ..after }, end: false }
    };
    let source = Hostile::new(
        origin,
        Hooks {
            head: Some(Box::new(|_, (), head| Ok(Head { last_receipt: 1 << 62, ..head }))),
            before_scan: Some(Box::new(repeating)),
            ..Hooks::default()
        },
    );
    let target = store(author.space(), 2);
    let report = pull(&source, &target, &bookmarks()).await;
    assert!(matches!(fault(&report), ScanFault::Repeats(_)), "{report}");
    assert!(source.calls("scan") < 10);
    assert_eq!(head(&*target).await.held.count, 51);
}

/// Clauses: SYN-13.
#[tokio::test]
async fn a43_answers_to_get_that_do_not_fit_end_the_run() {
    for lie in [0, 1, 2] {
        let (author, entries) = chain(2_000);
        let origin = store(author.space(), 1);
        fill(&*origin, &entries).await;
        let other = entries[3].clone();
        let source = Hostile::new(
            Arc::clone(&origin) as _,
            Hooks {
                get: Some(Box::new(move |_, _, mut items| {
                    match lie {
                        0 => items.clear(),
                        1 => items.extend(items.clone()),
                        _ => items[0] = bulla_core::values::GetItem::Entry(other.clone()),
                    }
                    Ok(items)
                })),
                ..Hooks::default()
            },
        );
        let target = store(author.space(), 2);
        fill(&*target, &entries[100..1_900]).await;
        // Much is held, nothing is remembered: ids first, then get.
        let options = Options::push();
        let report = run(&source, &target, &bookmarks(), options).await;
        assert_eq!(fault(&report), ScanFault::Get, "lie {lie}");
        assert!(push(&origin, &target, &bookmarks()).await.verdict.is_complete());
    }
}
