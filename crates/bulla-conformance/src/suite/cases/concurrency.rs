//! Many at once, and calls that are dropped half-way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_core::values::{PutOutcome, ScanRequest};
use bulla_core::{EntryId, LogHash, VerifiedEntry};
use bulla_store::ContentAddressedStore;
use futures_util::future::try_join_all;
use futures_util::poll;

use super::read::{counted, head, ids_only, items, pages_of, put, put_to, scan, scan_ids};
use crate::suite::author::{Draft, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "concurrent-writers" ["STO-3", "STO-7"] writers),
    case!(Core Must "concurrent-same-entries" ["STO-4", "STO-3"] same_entries),
    case!(Core Must "concurrent-payloads" ["STO-4"] payloads),
    case!(Core Must "concurrent-readers-see-no-gap" ["STO-3", "STO-7", "SCAN-1"] no_gap),
    case!(Core Must "concurrent-heads-go-forward" ["STO-7", "HEAD-1"] heads_go_forward),
    case!(Core Must "dropped-put" ["STO-7", "STO-4"] dropped_put),
    case!(Core Must "dropped-reads" ["STO-7"] dropped_reads),
];

const WRITERS: u64 = 6;
const BATCHES: u64 = 8;
const BATCH: u64 = 5;

/// Starts writers, each with entries of its own; each gives its outcomes by id.
async fn write_all(stage: &Stage) -> Result<Vec<(EntryId, PutOutcome)>, Failure> {
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let entries = stage.world.entries(writer, BATCHES * BATCH)?;
        let (store, cx) = (Arc::clone(&stage.subject.store), stage.cx.clone());
        tasks.push(tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for batch in entries.chunks(usize::try_from(BATCH).unwrap_or(1)) {
                let report = put_to(&*store, &cx, whole(batch)).await?;
                outcomes.extend(ids(batch).into_iter().zip(report.outcomes));
            }
            Ok::<_, Failure>(outcomes)
        }));
    }
    let mut all = Vec::new();
    for outcomes in try_join_all(tasks).await? {
        all.extend(outcomes?);
    }
    Ok(all)
}

async fn writers(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut by_receipt = BTreeMap::new();
    for (id, outcome) in write_all(&stage).await? {
        let PutOutcome::Stored(receipt) = outcome else {
            return Err(Failure::Broken(format!("every entry is new, got {outcome:?}")));
        };
        check_eq!(by_receipt.insert(receipt, id), None, "no receipt is given twice");
    }
    let count = WRITERS * BATCHES * BATCH;
    check!(by_receipt.keys().copied().eq(1..=count), "receipts have no gap");
    let found = scan(&stage, ids_only()).await?;
    let scanned: BTreeMap<_, _> = found.into_iter().map(|item| (item.receipt, item.id)).collect();
    check_eq!(scanned, by_receipt, "the scan agrees with what the writers were told");
    let now = head(&stage).await?;
    let all: Vec<_> = by_receipt.into_values().collect();
    check_eq!(now.held, counted(&all), "so does the digest");
    let start = LogHash::start(&stage.world.space(), &now.lineage);
    check_eq!(now.log_hash, all.iter().fold(start, |hash, id| hash.next(id)), "and the log hash");
    Ok(())
}

async fn same_entries(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 10)?;
    let mut tasks = Vec::new();
    for writer in 0..8 {
        let mut mine = entries.clone();
        mine.rotate_left(writer);
        let (store, cx) = (Arc::clone(&stage.subject.store), stage.cx.clone());
        tasks.push(tokio::spawn(async move {
            let report = put_to(&*store, &cx, whole(&mine)).await?;
            Ok::<_, Failure>(ids(&mine).into_iter().zip(report.outcomes).collect::<Vec<_>>())
        }));
    }
    let mut stored = BTreeMap::new();
    let mut receipts: BTreeMap<EntryId, BTreeSet<Option<u64>>> = BTreeMap::new();
    for outcomes in try_join_all(tasks).await? {
        for (id, outcome) in outcomes? {
            receipts.entry(id).or_default().insert(outcome.receipt());
            if matches!(outcome, PutOutcome::Stored(_)) {
                *stored.entry(id).or_insert(0) += 1;
            }
        }
    }
    for id in ids(&entries) {
        check_eq!(stored.get(&id), Some(&1), "stored by exactly one of them");
        check_eq!(
            receipts.get(&id).map(BTreeSet::len),
            Some(1),
            "and all are told the same receipt"
        );
    }
    check_eq!(head(&stage).await?.held, counted(&ids(&entries)), "each counts once");
    Ok(())
}

async fn payloads(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 10)?;
    put(&stage, headers(&entries)).await?;
    let mut tasks = Vec::new();
    for _ in 0..6 {
        let (store, cx, batch) =
            (Arc::clone(&stage.subject.store), stage.cx.clone(), whole(&entries));
        tasks.push(tokio::spawn(async move { put_to(&*store, &cx, batch).await }));
    }
    let mut added = 0;
    for report in try_join_all(tasks).await? {
        added += report?
            .outcomes
            .iter()
            .filter(|outcome| matches!(outcome, PutOutcome::PayloadAdded(_)))
            .count();
    }
    check_eq!(added, entries.len(), "each payload is added once");
    check_eq!(head(&stage).await?.present, counted(&ids(&entries)), "and counted once");
    Ok(())
}

async fn no_gap(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let total = WRITERS * BATCHES * BATCH;
    let (store, cx, space) =
        (Arc::clone(&stage.subject.store), stage.cx.clone(), stage.world.space());
    let reader = tokio::spawn(async move { read_until(&*store, &cx, space, total).await });
    let outcomes = write_all(&stage).await?;
    let seen = reader.await??;
    let told: BTreeMap<_, _> =
        outcomes.into_iter().map(|(id, outcome)| (outcome.receipt(), id)).collect();
    check_eq!(
        seen,
        told.into_values().collect::<Vec<_>>(),
        "a reader who ran beside them saw each entry once, in order"
    );
    Ok(())
}

/// Reads new entries by cursor until `total` have come, checking that receipts have no gap and the log hash holds.
async fn read_until(
    store: &dyn ContentAddressedStore,
    cx: &bulla_store::Context,
    space: bulla_core::SpaceId,
    total: u64,
) -> Result<Vec<EntryId>, Failure> {
    let mut seen = Vec::new();
    let mut after = None;
    let mut log_hash = None;
    while (seen.len() as u64) < total {
        for page in
            pages_of(store, cx, ScanRequest { after, limit: items(7), ..ids_only() }).await?
        {
            for item in &page.items {
                check_eq!(
                    item.receipt,
                    seen.len() as u64 + 1,
                    "a receipt is seen only after all smaller ones"
                );
                let before =
                    log_hash.unwrap_or_else(|| LogHash::start(&space, &page.cursor.lineage));
                log_hash = Some(before.next(&item.id));
                seen.push(item.id);
            }
            check!(
                log_hash.is_none_or(|hash| hash == page.cursor.log_hash),
                "the cursor covers just what was seen"
            );
            after = Some(page.cursor);
        }
        tokio::task::yield_now().await;
    }
    Ok(seen)
}

async fn heads_go_forward(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let total = WRITERS * BATCHES * BATCH;
    let (store, cx) = (Arc::clone(&stage.subject.store), stage.cx.clone());
    let watcher = tokio::spawn(async move {
        let mut last = 0;
        while last < total {
            let head = store.head(&cx).await?;
            check!(head.last_receipt >= last, "a head never goes back");
            check_eq!(head.held.count, head.last_receipt, "receipt and count move together");
            check_eq!(head.present.count, head.last_receipt, "entry and payload move together");
            last = head.last_receipt;
            tokio::task::yield_now().await;
        }
        Ok::<_, Failure>(())
    });
    write_all(&stage).await?;
    watcher.await?
}

async fn dropped_put(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut all: Vec<VerifiedEntry> = Vec::new();
    for polls in 0..6 {
        let entries = stage.world.entries(polls, 8)?;
        {
            let mut call = stage.subject.store.put(&stage.cx, whole(&entries));
            for _ in 0..polls {
                if poll!(&mut call).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Whatever became of the dropped call: repeating it ends with everything stored once.
        let report = put(&stage, whole(&entries)).await?;
        let fine = report
            .outcomes
            .iter()
            .all(|outcome| matches!(outcome, PutOutcome::Stored(_) | PutOutcome::Duplicate(_)));
        check!(fine, "repeating a dropped put is safe: {:?}", report.outcomes);
        all.extend(entries);
    }
    let found = scan_ids(&stage, ScanRequest::everything()).await?;
    check_eq!(found.len(), all.len(), "no entry twice, none lost");
    check_eq!(found.iter().collect::<BTreeSet<_>>(), ids(&all).iter().collect(), "exactly those");
    let now = head(&stage).await?;
    check_eq!(
        (now.last_receipt, now.held),
        (all.len() as u64, counted(&found)),
        "and the head agrees"
    );
    Ok(())
}

async fn dropped_reads(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries = Vec::new();
    for content in 0..10 {
        entries.push(author.write(Draft { payload_bytes: 30_000, content, ..Draft::default() })?);
    }
    put(&stage, whole(&entries)).await?;
    let (store, cx) = (&stage.subject.store, &stage.cx);
    for _ in 0..10 {
        let mut scan = store.scan(cx, ScanRequest::everything());
        let mut head = store.head(cx);
        // Started, and dropped wherever they stand.
        let _ = (poll!(&mut scan), poll!(&mut head));
    }
    check_eq!(
        scan_ids(&stage, ScanRequest::everything()).await?,
        ids(&entries),
        "later reads are not troubled"
    );
    Ok(())
}
