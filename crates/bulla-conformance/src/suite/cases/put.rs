//! Putting single entries.

use bulla_core::values::{GetItem, Has, PutOutcome, ScanBody, ScanRequest};
use bulla_core::{EntryId, Kind};
use bulla_store::StoreExt as _;

use super::read::{check_same, counted, get, head, put, put_new, scan};
use crate::suite::author::{Draft, header_of, ids, whole};
use crate::suite::case::{Case, Failure, Ground, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "put-one" ["STO-2", "STO-3", "PUT-2"] one),
    case!(Core Must "put-receipts" ["STO-3", "PUT-2"] receipts),
    case!(Core Must "put-duplicate" ["STO-4", "PUT-3"] duplicate),
    case!(Core Must "put-genesis" ["STO-9", "HEAD-4"] genesis),
    case!(Core Must "put-other-space" ["STO-9", "PUT-5", "STO-8"] other_space),
    case!(Core Must "put-other-genesis" ["STO-9", "PUT-5"] other_genesis),
    case!(Core Must "put-any-order" ["STO-6"] any_order),
    case!(Core Must "put-without-dependencies" ["STO-6"] without_dependencies),
    case!(Core Must "put-fork-keeps-both" ["STO-6", "PUT-8"] fork),
    case!(Core Must "put-replay" ["STO-4", "PUT-3"] replay),
    case!(Core Must "put-many-authors" ["STO-3"] many_authors),
];

async fn one(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entry = stage.world.author(0).write(Draft::default())?;
    put_new(&stage, vec![entry.clone().into()], 1).await?;
    // Read at once: what was acknowledged is visible to whoever was told (STO-2).
    let now = head(&stage).await?;
    check_eq!(now.last_receipt, 1, "one receipt");
    check_eq!(now.held, counted(&[entry.id()]), "the entry counts");
    check_eq!(now.present, counted(&[entry.id()]), "its payload is present");
    check_eq!(now.control, counted(&[]), "it is not a control entry");
    check_eq!(stage.subject.store.has_one(&stage.cx, entry.id()).await?, Has::Yes, "it is had");
    check_same(&get(&stage, entry.id()).await?, &entry)
}

async fn receipts(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 12)?;
    let mut first = 1;
    for batch in entries.chunks(5) {
        put_new(&stage, whole(batch), first).await?;
        first += batch.len() as u64;
        check_eq!(head(&stage).await?.last_receipt, first - 1, "the head names the newest receipt");
    }
    Ok(())
}

async fn duplicate(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 3)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    for (entry, receipt) in entries.iter().zip(1..) {
        let report = put(&stage, vec![entry.clone().into()]).await?;
        check_eq!(
            report.outcomes,
            vec![PutOutcome::Duplicate(receipt)],
            "held under its first receipt"
        );
    }
    check_eq!(head(&stage).await?, before, "nothing changed");
    check_eq!(scan(&stage, ScanRequest::everything()).await?.len(), 3, "nothing was added");
    Ok(())
}

async fn genesis(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let genesis = stage.world.genesis().clone();
    put_new(&stage, vec![genesis.clone().into()], 1).await?;
    let now = head(&stage).await?;
    check_eq!(now.control, counted(&[genesis.id()]), "the genesis is a control entry");
    check_eq!(now.held, counted(&[genesis.id()]), "and counts");
    check_same(&get(&stage, genesis.id()).await?, &genesis)
}

async fn other_space(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let stranger = ground.world()?;
    let own = stage.world.entries(0, 2)?;
    let foreign = stranger.entries(0, 2)?;
    put_new(&stage, whole(own.get(..1).unwrap_or_default()), 1).await?;
    let before = head(&stage).await?;
    for batch in
        [whole(&foreign), vec![header_of(foreign.first().unwrap_or(stage.world.genesis())).into()]]
    {
        for outcome in put(&stage, batch).await?.outcomes {
            check_refused(&outcome)?;
        }
    }
    check_eq!(head(&stage).await?, before, "refused entries change nothing (STO-8)");
    for id in ids(&foreign) {
        check_eq!(get(&stage, id).await?, GetItem::Absent, "they are not held");
    }
    put_new(&stage, whole(own.get(1..).unwrap_or_default()), 2).await
}

async fn other_genesis(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let stranger = ground.world()?;
    let report = put(&stage, vec![stranger.genesis().clone().into()]).await?;
    for outcome in &report.outcomes {
        check_refused(outcome)?;
    }
    check_eq!(head(&stage).await?.last_receipt, 0, "a genesis founds its own space only");
    Ok(())
}

fn check_refused(outcome: &PutOutcome) -> Result<(), Failure> {
    let PutOutcome::Refused(refusal) = outcome else {
        return Err(Failure::Broken(format!(
            "an entry of another space is refused, got {outcome:?}"
        )));
    };
    check_eq!(refusal.code.as_str(), "entry.space", "with the stable code");
    check!(!refusal.is_retryable, "and for good");
    Ok(())
}

async fn any_order(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut entries = stage.world.entries(0, 6)?;
    entries.reverse();
    put_new(&stage, whole(&entries), 1).await?;
    check_eq!(
        head(&stage).await?.held,
        counted(&ids(&entries)),
        "the chain's order does not matter"
    );
    Ok(())
}

async fn without_dependencies(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let (_skipped, second) = (author.write(Draft::default())?, author.write(Draft::default())?);
    let unknown = vec![EntryId([1; 32]), EntryId([2; 32])];
    let dependent =
        stage.world.author(1).write(Draft { dependencies: unknown, ..Draft::default() })?;
    put_new(&stage, whole([&second, &dependent]), 1).await
}

async fn fork(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut author = stage.world.author(0);
    let first = author.write(Draft::default())?;
    let mut other_branch = author.clone();
    let left = author.write(Draft { content: 1, ..Draft::default() })?;
    let right = other_branch.write(Draft { content: 2, ..Draft::default() })?;
    check_eq!(left.header().sequence, right.header().sequence, "the suite forks a chain");
    let all = [&first, &left, &right];
    put_new(&stage, whole(all), 1).await?;
    for entry in all {
        check_same(&get(&stage, entry.id()).await?, entry)?;
    }
    check_eq!(head(&stage).await?.held, counted(&ids(all)), "both branches are kept and count");
    Ok(())
}

async fn replay(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut entries = stage.world.entries(0, 10)?;
    put_new(&stage, whole(&entries), 1).await?;
    let before = head(&stage).await?;
    for turn in 0..20 {
        let length = entries.len();
        entries.rotate_left(turn % length);
        let report = put(&stage, whole(&entries)).await?;
        let all_duplicates =
            report.outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Duplicate(_)));
        check!(all_duplicates, "a replay stores nothing: {:?}", report.outcomes);
    }
    check_eq!(head(&stage).await?, before, "and changes nothing");
    Ok(())
}

async fn many_authors(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut entries = Vec::new();
    for number in 0..40 {
        let kind = Kind(16 + u16::try_from(number).unwrap_or(0) * 1000);
        entries.push(stage.world.author(number).write(Draft {
            kind,
            content: number,
            ..Draft::default()
        })?);
    }
    put_new(&stage, whole(&entries), 1).await?;
    for (item, entry) in scan(&stage, ScanRequest::everything()).await?.iter().zip(&entries) {
        let ScanBody::Entry(got) = &item.body else {
            return Err(Failure::Broken(format!(
                "expected an entry with its payload, got {item:?}"
            )));
        };
        check_eq!(got.to_raw(), entry.to_raw(), "every author's entry comes back");
    }
    check_eq!(get(&stage, EntryId([3; 32])).await?, GetItem::Absent, "and none besides");
    Ok(())
}
