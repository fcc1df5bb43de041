//! What outlives the process.

use bulla_core::EntryId;
use bulla_core::values::{GetItem, PayloadState, PutOutcome, ScanRequest};
use bulla_store::{Erasure, StoreExt as _};

use super::read::{check_same, get, head, ids_only, put, put_new, scan, scan_ids};
use crate::suite::author::{Draft, header_of, headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Restart Must "restart-empty" ["STO-2", "HEAD-2"] empty),
    case!(Restart Must "restart-entries" ["STO-2", "STO-3"] entries),
    case!(Restart Must "restart-receipts-go-on" ["STO-3"] receipts_go_on),
    case!(Restart Must "restart-duplicates" ["STO-4"] duplicates),
    case!(Restart Must "restart-payload-added" ["STO-4", "PUT-4"] payload_added),
    case!(Restart Must "restart-cursor" ["STO-12", "CUR-1"] cursor),
    case!(Restart Must "restart-erasure" ["ERA-1", "ERA-2", "STO-3"] erasure),
    case!(Restart Must "restart-many-times" ["STO-2", "STO-3"] many_times),
];

/// Closes the store and opens it again; a store without that is skipped.
pub(super) async fn restart(stage: Stage) -> Result<Stage, Failure> {
    let Stage { world, mut subject, cx } = stage;
    let reopen =
        subject.reopen.take().ok_or(Failure::Missing("this store does not outlive its process"))?;
    // Every handle goes first: a store on disk lets nobody in twice.
    drop(subject);
    let subject = reopen.reopen().await.map_err(Failure::Harness)?;
    Ok(Stage { world, subject, cx })
}

async fn empty(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let before = head(&stage).await?;
    let stage = restart(stage).await?;
    check_eq!(head(&stage).await?, before, "an empty store keeps its lineage");
    Ok(())
}

async fn entries(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let mut entries = vec![stage.world.genesis().clone()];
    for payload_bytes in [16, 1_000, 16 * 1024, 16 * 1024 + 1, 300_000] {
        entries.push(author.write(Draft { payload_bytes, ..Draft::default() })?);
    }
    put_new(&stage, whole(&entries), 1).await?;
    let before = (head(&stage).await?, scan(&stage, ScanRequest::everything()).await?);
    let stage = restart(stage).await?;
    let after = (head(&stage).await?, scan(&stage, ScanRequest::everything()).await?);
    check_eq!(after, before, "head and entries are as they were");
    for entry in &entries {
        check_same(&get(&stage, entry.id()).await?, entry)?;
    }
    Ok(())
}

async fn receipts_go_on(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 9)?;
    put_new(&stage, whole(entries.iter().take(4)), 1).await?;
    let stage = restart(stage).await?;
    put_new(&stage, whole(entries.iter().skip(4)), 5).await?;
    check_eq!(scan_ids(&stage, ids_only()).await?, ids(&entries), "no receipt is given twice");
    Ok(())
}

async fn duplicates(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    let stage = restart(stage).await?;
    let outcomes = put(&stage, whole(&entries)).await?.outcomes;
    check_eq!(
        outcomes,
        (1..=3).map(PutOutcome::Duplicate).collect::<Vec<_>>(),
        "known under their receipts"
    );
    check_eq!(head(&stage).await?, before, "nothing changed");
    Ok(())
}

async fn payload_added(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 2)?;
    put_new(&stage, headers(&entries), 1).await?;
    let stage = restart(stage).await?;
    let outcomes = put(&stage, whole(&entries)).await?.outcomes;
    check_eq!(
        outcomes,
        vec![PutOutcome::PayloadAdded(1), PutOutcome::PayloadAdded(2)],
        "payloads are still wanted"
    );
    let stage = restart(stage).await?;
    for entry in &entries {
        check_same(&get(&stage, entry.id()).await?, entry)?;
    }
    check_eq!(head(&stage).await?.present.count, 2, "and present for good");
    Ok(())
}

async fn cursor(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 8)?;
    put_new(&stage, whole(entries.iter().take(5)), 1).await?;
    let cursor = head(&stage).await?.cursor();
    let stage = restart(stage).await?;
    put_new(&stage, whole(entries.iter().skip(5)), 6).await?;
    let rest = scan_ids(&stage, ScanRequest { after: Some(cursor), ..ids_only() }).await?;
    check_eq!(rest, ids(entries.iter().skip(5)), "an orderly restart keeps every cursor good");
    Ok(())
}

async fn erasure(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let by = EntryId([0xb1; 32]);
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(entries.iter().take(2)), 1).await?;
    let origin = stage.subject.origin.clone().ok_or(Failure::Missing("this store cannot erase"))?;
    // The newest entry and one that has not come.
    let erasure = Erasure { by, is_prune: false, ids: ids(entries.iter().skip(1)) };
    origin.erase(&stage.cx, erasure).await?;
    drop(origin);
    let stage = restart(stage).await?;
    put_new(&stage, whole(entries.iter().skip(2)), 3).await?;
    // First the head: by it a cache in front learns that payloads are gone (CACHE-9).
    check_eq!(head(&stage).await?.present.count, 1, "one payload is left");
    for entry in entries.iter().skip(1) {
        let expected = GetItem::Header(header_of(entry), PayloadState::Erased(by));
        check_eq!(
            stage.subject.store.get_one(&stage.cx, entry.id()).await?,
            expected,
            "erased for good"
        );
    }
    Ok(())
}

async fn many_times(ground: &Ground) -> Result<(), Failure> {
    let mut stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 12)?;
    for (batch, first) in entries.chunks(3).zip((1..).step_by(3)) {
        put_new(&stage, whole(batch), first).await?;
        let before = head(&stage).await?;
        stage = restart(stage).await?;
        check_eq!(head(&stage).await?, before, "acknowledged is durable");
    }
    check_eq!(scan_ids(&stage, ids_only()).await?, ids(&entries), "all of it, in order");
    Ok(())
}
