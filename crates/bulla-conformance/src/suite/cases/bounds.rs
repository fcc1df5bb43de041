//! Bounds, from both sides: at the limit it works, one beyond it is refused and does nothing.

use bulla_core::limits::{
    MAX_COUNTER, MAX_ENTRIES_PER_PUT, MAX_IDS_PER_REQUEST, MAX_PAYLOAD_BYTES, MAX_PUT_BYTES,
};
use bulla_core::values::{Cursor, GetRequest, Has, ScanRequest};
use bulla_core::{EntryId, Lineage, LogHash, Verified, VerifiedEntry};
use bulla_store::{StoreError, StoreExt as _};

use super::read::{head, put, put_new};
use crate::suite::author::{Draft, headers, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq, check_err};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "bounds-put-entries" ["STO-10", "STO-21", "STO-8"] put_entries),
    case!(Core Must "bounds-put-bytes" ["STO-10", "STO-21", "STO-8"] put_bytes),
    case!(Core Must "bounds-get-ids" ["STO-10", "STO-20"] get_ids),
    case!(Core Must "bounds-has-ids" ["STO-10", "STO-20"] has_ids),
    case!(Core Must "bounds-receipts" ["STO-10", "STO-12"] receipts),
];

/// Checks that a call was refused as too large and that nothing changed.
async fn check_too_large<T>(stage: &Stage, result: Result<T, StoreError>) -> Result<(), Failure> {
    let error = check_err!(result, "a request beyond a bound");
    check!(matches!(error, StoreError::Request { .. }), "it is the request's fault: {error:?}");
    check_eq!(error.code().as_str(), "request.too_large", "with the stable code");
    check!(!error.is_retryable(), "and not to be repeated as it is");
    check_eq!(head(stage).await?.last_receipt, 0, "nothing was stored");
    Ok(())
}

async fn put_entries(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, MAX_ENTRIES_PER_PUT as u64 + 1)?;
    let all = headers(&entries);
    check_too_large(&stage, stage.subject.store.put(&stage.cx, all.clone()).await).await?;
    if let Some(first) = entries.first() {
        check_eq!(
            stage.subject.store.has_one(&stage.cx, first.id()).await?,
            Has::No,
            "not even the first"
        );
    }
    put_new(&stage, all.into_iter().take(MAX_ENTRIES_PER_PUT).collect(), 1).await
}

async fn put_bytes(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries: Vec<VerifiedEntry> = Vec::new();
    let mut left = MAX_PUT_BYTES;
    // Large payloads, then one that fills the rest to the byte; all so long that their lengths take the same bytes.
    loop {
        let entry = author.write(Draft {
            payload_bytes: MAX_PAYLOAD_BYTES - 40_000,
            content: left as u64,
            ..Draft::default()
        })?;
        let size = Verified::from(entry.clone()).size_bytes();
        let overhead = size - entry.payload().len();
        left -= size;
        entries.push(entry);
        if left <= MAX_PAYLOAD_BYTES {
            let (exact, over) = (left - overhead, left - overhead + 1);
            let over = author.clone().write(Draft { payload_bytes: over, ..Draft::default() })?;
            let exact = author.write(Draft { payload_bytes: exact, ..Draft::default() })?;
            let mut batch = whole(&entries);
            batch.push(over.into());
            check_too_large(&stage, stage.subject.store.put(&stage.cx, batch).await).await?;
            let mut batch = whole(&entries);
            batch.push(exact.into());
            let sum: usize = batch.iter().map(Verified::size_bytes).sum();
            check_eq!(sum, MAX_PUT_BYTES, "the suite fills a put to the byte");
            return put_new(&stage, batch, 1).await;
        }
    }
}

fn many_ids(count: usize) -> Vec<EntryId> {
    (0..count).map(|n| EntryId(*blake3::hash(&n.to_le_bytes()).as_bytes())).collect()
}

async fn get_ids(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let get = |count| GetRequest { ids: many_ids(count), max_bytes: 1 << 20 };
    let result = stage.subject.store.get(&stage.cx, get(MAX_IDS_PER_REQUEST + 1)).await;
    check_too_large(&stage, result).await?;
    let answer = stage.subject.store.get(&stage.cx, get(MAX_IDS_PER_REQUEST)).await?;
    check!(
        !answer.is_empty() && answer.len() <= MAX_IDS_PER_REQUEST,
        "as many as the bound allows are answered"
    );
    Ok(())
}

async fn has_ids(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let result = stage.subject.store.has(&stage.cx, &many_ids(MAX_IDS_PER_REQUEST + 1)).await;
    check_too_large(&stage, result).await?;
    let answer = stage.subject.store.has(&stage.cx, &many_ids(MAX_IDS_PER_REQUEST)).await?;
    check_eq!(
        answer,
        vec![Has::No; MAX_IDS_PER_REQUEST],
        "as many as the bound allows are all answered"
    );
    Ok(())
}

async fn receipts(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let beyond = MAX_COUNTER + 1;
    let cursor = Cursor { lineage: Lineage([1; 16]), receipt: beyond, log_hash: LogHash::ZERO };
    let requests = [
        ScanRequest { until: Some(beyond), ..ScanRequest::everything() },
        ScanRequest { after: Some(cursor), ..ScanRequest::everything() },
    ];
    for request in requests {
        check_too_large(&stage, stage.subject.store.scan(&stage.cx, request).await).await?;
    }
    let last = ScanRequest { until: Some(MAX_COUNTER), ..ScanRequest::everything() };
    check!(
        stage.subject.store.scan(&stage.cx, last).await?.end,
        "the greatest receipt is a bound like any other"
    );
    put(&stage, Vec::new()).await?;
    Ok(())
}
