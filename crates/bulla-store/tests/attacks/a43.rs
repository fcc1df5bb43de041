//! A source that sends a reader round in circles, or past what it has.

use bulla_conformance::suite::author::whole;
use bulla_core::values::{Cursor, Page, PageLimit, ScanRequest};
use bulla_core::{LogHash, VerifiedEntry};
use bulla_store::testing::Method;
use bulla_store::{ContentAddressedStore as _, StoreError, StoreExt as _};
use futures_util::TryStreamExt as _;

use crate::stage::Stage;

async fn filled() -> (Stage, Vec<VerifiedEntry>) {
    let stage = Stage::new(43).await;
    let entries = stage.world.entries(0, 20).unwrap();
    stage.origin.put(&stage.cx, whole(&entries)).await.unwrap();
    (stage, entries)
}

fn small() -> ScanRequest {
    ScanRequest { limit: PageLimit { max_items: 5, ..PageLimit::MAX }, ..ScanRequest::everything() }
}

/// Reads the lying source directly and through a cache; both must stop with the code, within a bounded number of pages.
async fn check_stops(
    lie: impl Fn(&ScanRequest, Page) -> Page + Send + Copy + 'static,
    direct: &str,
    cached: &str,
) {
    for (is_cached, code) in [(false, direct), (true, cached)] {
        let (stage, _) = filled().await;
        stage.faults.rewrite_scan(move |request, page| Ok(lie(request, page)));
        let result: Result<Vec<_>, StoreError> = if is_cached {
            stage.cache.scan_all(&stage.cx, small()).try_collect().await
        } else {
            stage.faults.scan_all(&stage.cx, small()).try_collect().await
        };
        assert_eq!(result.unwrap_err().code().as_str(), code, "cached: {is_cached}");
        assert!(stage.faults.calls(Method::Scan) < 10);
    }
}

#[tokio::test]
async fn a43_a_page_that_does_not_move_stops_the_scan() {
    let lie = |request: &ScanRequest, page: Page| match request.after {
        Some(after) => Page { cursor: after, items: Vec::new(), end: false },
        None => page,
    };
    check_stops(lie, "scan.stalled", "scan.stalled").await;
}

#[tokio::test]
async fn a43_a_cursor_that_goes_back_stops_the_scan() {
    let lie = |request: &ScanRequest, mut page: Page| {
        if request.after.is_some() {
            page.cursor.receipt = 1;
            page.end = false;
        }
        page
    };
    check_stops(lie, "scan.stalled", "peer.log_hash").await;
}

#[tokio::test]
async fn a43_a_jump_ends_at_the_next_question() {
    // "Start at 10^18": the next question with that cursor is refused by any honest store behind, and by a cache at once.
    let lie = |request: &ScanRequest, mut page: Page| {
        if request.after.is_none() {
            page.cursor = Cursor {
                receipt: 1_000_000_000_000_000_000,
                log_hash: LogHash([1; 32]),
                ..page.cursor
            };
            page.end = false;
        }
        page
    };
    check_stops(lie, "cursor.beyond_head", "peer.log_hash").await;
}

#[tokio::test]
async fn a43_a_page_with_an_entry_left_out_is_no_proof_to_a_cache() {
    let (stage, entries) = filled().await;
    stage.faults.rewrite_scan(|_, mut page| {
        page.items.retain(|item| item.receipt != 3);
        Ok(page)
    });
    let error = stage.cache.scan(&stage.cx, small()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "peer.log_hash");
    // Another entry in its place is none either.
    let other = entries[10].clone();
    stage.faults.rewrite_scan(move |_, mut page| {
        if let Some(item) = page.items.get_mut(2) {
            item.id = other.id();
            item.body = bulla_core::values::ScanBody::Entry(other.clone());
        }
        Ok(page)
    });
    let error = stage.cache.scan(&stage.cx, small()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "peer.log_hash");
    stage.faults.heal();
    let found: Vec<_> = stage.cache.scan_all(&stage.cx, small()).try_collect().await.unwrap();
    assert_eq!(found.len(), 20, "nothing of it was kept");
}
