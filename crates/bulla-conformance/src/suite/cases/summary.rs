//! Hints of what is held.

use bulla_core::values::{ScanRequest, Summary, SummaryRequest};
use bulla_core::{Bloom, EntryId};
use bulla_store::StoreError;

use super::read::{head, ids_only, put_new, scan_ids};
use crate::suite::author::{headers, ids, whole};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq, check_err};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "summary-holds-all" ["SUM-1"] holds_all),
    case!(Core Must "summary-empty" ["SUM-1"] empty),
    case!(Core Must "summary-salt" ["SUM-2"] salt),
    case!(Core Must "summary-sized" ["SUM-2"] sized),
    case!(Core Must "summary-cursor" ["SUM-1", "CUR-1"] cursor),
    case!(Core Must "summary-sketch" ["SUM-3"] sketch),
];

async fn summary(stage: &Stage, salt: [u8; 16]) -> Result<(bulla_core::Cursor, Bloom), Failure> {
    let Summary::Bloom { upto, bloom } =
        stage.subject.store.summary(&stage.cx, SummaryRequest::Bloom { salt }).await?;
    check_eq!(*bloom.salt(), salt, "the salt is the asker's");
    Ok((upto, bloom))
}

async fn holds_all(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 50)?;
    let bare = stage.world.entries(1, 5)?;
    put_new(&stage, whole(&entries), 1).await?;
    put_new(&stage, headers(&bare), 51).await?;
    for salt in [[0; 16], [0xff; 16]] {
        let (upto, bloom) = summary(&stage, salt).await?;
        check_eq!(upto, head(&stage).await?.cursor(), "it covers everything up to the head");
        check_eq!(bloom.count(), 55, "and says how many");
        let all = ids(entries.iter().chain(&bare));
        check!(
            all.iter().all(|id| bloom.may_hold(id)),
            "no id that is held is missing, payload or not"
        );
    }
    Ok(())
}

async fn empty(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let (upto, bloom) = summary(&stage, [1; 16]).await?;
    check_eq!((upto.receipt, bloom.count()), (0, 0), "over nothing");
    check!(!bloom.may_hold(&EntryId([1; 32])), "an empty store may hold nothing");
    Ok(())
}

async fn salt(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    put_new(&stage, whole(&stage.world.entries(0, 20)?), 1).await?;
    let (_, one) = summary(&stage, [1; 16]).await?;
    let (_, other) = summary(&stage, [2; 16]).await?;
    check!(one != other, "another salt gives other bits");
    Ok(())
}

async fn sized(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    put_new(&stage, whole(&stage.world.entries(0, 500)?), 1).await?;
    let (_, bloom) = summary(&stage, [5; 16]).await?;
    let stranger = |n: u32| EntryId(*blake3::hash(&n.to_le_bytes()).as_bytes());
    let wrong = (0..5_000).filter(|n| bloom.may_hold(&stranger(*n))).count();
    // Expected are 40 (0.8 %); 150 is more than chance gives in 10^50 tries.
    check!(wrong < 150, "{wrong} of 5,000 other ids answered held");
    check!(bloom.size_bytes() <= 500 * 4, "in {} bytes", bloom.size_bytes());
    Ok(())
}

async fn cursor(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    put_new(&stage, whole(&stage.world.entries(0, 9)?), 1).await?;
    let (upto, _) = summary(&stage, [5; 16]).await?;
    let later = stage.world.entries(1, 2)?;
    put_new(&stage, whole(&later), 10).await?;
    let rest = scan_ids(&stage, ScanRequest { after: Some(upto), ..ids_only() }).await?;
    check_eq!(rest, ids(&later), "a scan from its cursor gives what it does not cover");
    Ok(())
}

async fn sketch(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for symbols in [0, 64, u32::MAX] {
        let result =
            stage.subject.store.summary(&stage.cx, SummaryRequest::Sketch { symbols }).await;
        let error = check_err!(result, "a sketch");
        check!(
            matches!(error, StoreError::Unsupported { .. }),
            "a store without one says so: {error:?}"
        );
        check_eq!(error.code().as_str(), "store.unsupported", "with the stable code");
    }
    Ok(())
}
