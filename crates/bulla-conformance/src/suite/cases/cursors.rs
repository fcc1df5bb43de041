//! Cursors that are not of this history.

use bulla_core::values::{Cursor, ScanRequest};
use bulla_core::{Lineage, LogHash};
use bulla_store::StoreError;

use super::read::{cursor_after, head, ids_only, put_new, scan_ids};
use crate::suite::author::{ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq, check_err};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "cursor-lineage" ["STO-12", "CUR-3"] lineage),
    case!(Core Must "cursor-beyond-head" ["STO-12", "CUR-3"] beyond_head),
    case!(Core Must "cursor-log-hash" ["STO-12", "CUR-3"] log_hash),
    case!(Core Must "cursor-log-hash-at-start" ["STO-12", "LOG-2"] log_hash_at_start),
    case!(Core Must "cursor-order-of-checks" ["CUR-3"] order_of_checks),
    case!(Core Must "cursor-refused-for-any-page" ["STO-12"] refused_for_any_page),
    case!(Core Must "cursor-of-every-receipt" ["CUR-1", "LOG-3"] every_receipt),
    case!(Core Must "cursor-stays-good" ["CUR-1", "STO-3"] stays_good),
    case!(Core Must "a44-cursor-of-a-twin" ["STO-12", "CUR-3"] of_a_twin),
];

/// Checks that a scan from `cursor` is refused with `code`, and that nothing changed by it.
async fn check_refused(stage: &Stage, cursor: Cursor, code: &str) -> Result<(), Failure> {
    let before = head(stage).await?;
    for request in [ids_only(), ScanRequest::everything()] {
        let result = stage
            .subject
            .store
            .scan(&stage.cx, ScanRequest { after: Some(cursor), ..request })
            .await;
        let error = check_err!(result, "{cursor:?}");
        check!(
            matches!(error, StoreError::Cursor(_)),
            "with the error that says: reconcile from scratch; got {error:?}"
        );
        check_eq!(error.code().as_str(), code, "the stable code");
        check!(!error.is_retryable(), "asking again with it will not help");
    }
    check_eq!(head(stage).await?, before, "nothing changed");
    Ok(())
}

/// A store with ten entries, scanned once, and the cursor in the middle.
async fn halfway(ground: &Ground) -> Result<(Stage, Cursor), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 10)?;
    put_new(&stage, whole(&entries), 1).await?;
    let all = scan_ids(&stage, ids_only()).await?;
    let cursor = cursor_after(&stage, &head(&stage).await?, all.get(..5).unwrap_or_default());
    let rest = scan_ids(&stage, ScanRequest { after: Some(cursor), ..ids_only() }).await?;
    check_eq!(rest.len(), 5, "the cursor is good as it is");
    Ok((stage, cursor))
}

async fn lineage(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    let mut other = cursor;
    other.lineage.0[0] ^= 1;
    check_refused(&stage, other, "cursor.lineage").await?;
    check_refused(&stage, Cursor { lineage: Lineage::ZERO, ..cursor }, "cursor.lineage").await
}

async fn beyond_head(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    for receipt in [11, 1_000, 1_000_000_000_000_000_000] {
        check_refused(&stage, Cursor { receipt, ..cursor }, "cursor.beyond_head").await?;
    }
    Ok(())
}

async fn log_hash(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    let mut other = cursor;
    other.log_hash.0[31] ^= 0x80;
    check_refused(&stage, other, "cursor.log_hash").await?;
    check_refused(&stage, Cursor { log_hash: LogHash::ZERO, ..cursor }, "cursor.log_hash").await?;
    // The right hash at the wrong place.
    check_refused(&stage, Cursor { receipt: 4, ..cursor }, "cursor.log_hash").await?;
    check_refused(&stage, Cursor { receipt: 10, ..cursor }, "cursor.log_hash").await
}

async fn log_hash_at_start(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    check_refused(&stage, Cursor { receipt: 0, ..cursor }, "cursor.log_hash").await?;
    let start = cursor_after(&stage, &head(&stage).await?, &[]);
    let all = scan_ids(&stage, ScanRequest { after: Some(start), ..ids_only() }).await?;
    check_eq!(all.len(), 10, "the cursor of receipt 0 starts at the beginning");
    Ok(())
}

async fn order_of_checks(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    let all_wrong = Cursor { lineage: Lineage([7; 16]), receipt: 99, log_hash: LogHash::ZERO };
    check_refused(&stage, all_wrong, "cursor.lineage").await?;
    let two_wrong = Cursor { receipt: 99, log_hash: LogHash::ZERO, ..cursor };
    check_refused(&stage, two_wrong, "cursor.beyond_head").await
}

async fn refused_for_any_page(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    let wrong = Cursor { log_hash: LogHash::ZERO, ..cursor };
    for until in [Some(0), Some(5), Some(7), None] {
        let request = ScanRequest { after: Some(wrong), until, ..ids_only() };
        let error =
            check_err!(stage.subject.store.scan(&stage.cx, request).await, "until {until:?}");
        check_eq!(
            error.code().as_str(),
            "cursor.log_hash",
            "also when nothing would be on the page"
        );
    }
    Ok(())
}

async fn every_receipt(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 10)?;
    put_new(&stage, whole(&entries), 1).await?;
    let all = ids(&entries);
    let now = head(&stage).await?;
    for length in 0..=all.len() {
        let (seen, rest) = all.split_at(length);
        let request = ScanRequest { after: Some(cursor_after(&stage, &now, seen)), ..ids_only() };
        check_eq!(scan_ids(&stage, request).await?, rest, "after receipt {length}");
    }
    Ok(())
}

async fn stays_good(ground: &Ground) -> Result<(), Failure> {
    let (stage, cursor) = halfway(ground).await?;
    let more = stage.world.entries(1, 5)?;
    put_new(&stage, whole(&more), 11).await?;
    let rest = scan_ids(&stage, ScanRequest { after: Some(cursor), ..ids_only() }).await?;
    check_eq!(rest.len(), 10, "a cursor is good for as long as the lineage is");
    check_eq!(rest.get(5..).map(<[_]>::to_vec), Some(ids(&more)), "and leads to what is new");
    Ok(())
}

async fn of_a_twin(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let (one, other) = (ground.fresh_in(&world).await?, ground.fresh_in(&world).await?);
    let mut entries = world.entries(0, 6)?;
    put_new(&one, whole(&entries), 1).await?;
    entries.reverse();
    put_new(&other, whole(&entries), 1).await?;
    let (first, second) = (head(&one).await?, head(&other).await?);
    check!(first.same_entries(&second), "the twins hold the same entries");
    check_refused(&other, first.cursor(), "cursor.lineage").await?;
    check_refused(&one, second.cursor(), "cursor.lineage").await
}
