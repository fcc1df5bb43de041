//! What a store says before anything is in it.

use bulla_core::values::{Counting, Freshness, GetItem, GetRequest, Has, ScanRequest};
use bulla_core::{EntryId, Lineage, LogHash};
use bulla_store::StoreExt as _;

use super::read::{counted, head, pages, put};
use crate::suite::case::{Case, Failure, Ground, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "empty-space" ["STO-9"] space),
    case!(Core Must "empty-head" ["HEAD-1", "HEAD-2", "LOG-2", "SET-2"] empty_head),
    case!(Core Must "empty-scan" ["SCAN-7", "LOG-2"] empty_scan),
    case!(Core Must "empty-absence" ["STO-11", "GET-3"] absence),
    case!(Core Must "empty-requests" ["PUT-1", "GET-1"] empty_requests),
    case!(Core Must "empty-status" ["STO-2"] status),
    case!(Core Must "lineage-own" ["HEAD-2"] lineage_own),
    case!(Core Must "lineage-stays" ["HEAD-2", "PUT-1"] lineage_stays),
];

async fn space(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    check_eq!(stage.subject.store.space(), stage.world.space(), "a store names its space");
    Ok(())
}

async fn empty_head(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let head = head(&stage).await?;
    check_eq!(head.last_receipt, 0, "no receipt yet");
    check_eq!(
        head.log_hash,
        LogHash::start(&stage.world.space(), &head.lineage),
        "the log hash starts over space and lineage"
    );
    let nothing = counted(&[]);
    check_eq!(head.control, nothing, "no control entries");
    check_eq!(head.held, nothing, "no entries held");
    check_eq!(head.counting, Counting::All, "without a directory every entry counts");
    check_eq!(head.present, nothing, "no payloads");
    check_eq!(head.freshness, Freshness::Fresh, "asked just now");
    Ok(())
}

async fn empty_scan(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let pages = pages(&stage, ScanRequest::everything()).await?;
    check_eq!(pages.len(), 1, "one page");
    check!(pages.iter().all(|page| page.items.is_empty()), "without items");
    let cursor = pages.last().map(|page| page.cursor);
    check_eq!(cursor, Some(head(&stage).await?.cursor()), "at the head");
    Ok(())
}

async fn absence(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let (store, cx) = (&stage.subject.store, &stage.cx);
    for id in [EntryId::ZERO, EntryId([0xff; 32]), stage.world.genesis().id()] {
        check_eq!(
            store.get_one(cx, id).await?,
            GetItem::Absent,
            "an id not held is absent, not an error"
        );
        check_eq!(store.has_one(cx, id).await?, Has::No, "and not had");
    }
    Ok(())
}

async fn empty_requests(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let before = head(&stage).await?;
    let report = put(&stage, Vec::new()).await?;
    check_eq!(report.lineage, before.lineage, "an empty batch still names the lineage");
    let request = GetRequest { ids: Vec::new(), max_bytes: 1024 };
    check_eq!(stage.subject.store.get(&stage.cx, request).await?, Vec::new(), "no ids, no answers");
    check_eq!(stage.subject.store.has(&stage.cx, &[]).await?, Vec::new(), "no ids, no answers");
    check_eq!(head(&stage).await?, before, "nothing changed");
    Ok(())
}

async fn status(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let status = stage.subject.store.status(&stage.cx).await?;
    check!(!status.engine.is_empty(), "a store names its engine");
    check!(status.impairments.is_empty(), "a fresh store is well: {:?}", status.impairments);
    Ok(())
}

async fn lineage_own(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let (one, other) = (ground.fresh_in(&world).await?, ground.fresh_in(&world).await?);
    let (one, other) = (head(&one).await?.lineage, head(&other).await?.lineage);
    check!(one != other, "two stores of one space have two lineages");
    check!(one != Lineage::ZERO && other != Lineage::ZERO, "lineages are drawn at random");
    Ok(())
}

async fn lineage_stays(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let lineage = head(&stage).await?.lineage;
    for entry in stage.world.entries(0, 3)? {
        let report = put(&stage, vec![entry.into()]).await?;
        check_eq!(report.lineage, lineage, "receipts belong to the lineage of the head");
        check_eq!(head(&stage).await?.lineage, lineage, "the lineage stays");
    }
    Ok(())
}
