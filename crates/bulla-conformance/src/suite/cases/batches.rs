//! Batches: one outcome each, in order, whatever is in them.

use bulla_core::values::{PutOutcome, ScanRequest};
use bulla_core::{EntryId, Verified};

use super::read::{check_same, counted, get, head, put, put_new, scan_ids};
use crate::suite::author::{header_of, ids, whole};
use crate::suite::case::{Case, Failure, Ground, case, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "batch-duplicate-inside" ["STO-5", "PUT-3", "SET-5"] duplicate_inside),
    case!(Core Must "batch-header-then-entry" ["STO-5", "PUT-4"] header_then_entry),
    case!(Core Must "batch-entry-then-header" ["STO-5", "PUT-3"] entry_then_header),
    case!(Core Must "batch-mixed" ["STO-5", "PUT-1"] mixed),
    case!(Core Must "a24-one-bad-in-each-position" ["STO-5", "PUT-5", "STO-8"] one_bad_in_each_position),
    case!(Core Must "batch-all-bad" ["STO-5", "STO-8"] all_bad),
    case!(Core Must "batch-cut-does-not-matter" ["STO-3", "HEAD-4"] cut_does_not_matter),
];

async fn duplicate_inside(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 2)?;
    let doubled: Vec<Verified> = whole(entries.iter().chain(&entries));
    let report = put(&stage, doubled).await?;
    let expected = vec![
        PutOutcome::Stored(1),
        PutOutcome::Stored(2),
        PutOutcome::Duplicate(1),
        PutOutcome::Duplicate(2),
    ];
    check_eq!(report.outcomes, expected, "stored once, a duplicate the second time");
    check_eq!(head(&stage).await?.held, counted(&ids(&entries)), "each counts once");
    Ok(())
}

async fn header_then_entry(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for entry in stage.world.entries(0, 1)? {
        let report = put(&stage, vec![header_of(&entry).into(), entry.clone().into()]).await?;
        check_eq!(
            report.outcomes,
            vec![PutOutcome::Stored(1), PutOutcome::PayloadAdded(1)],
            "the payload is added"
        );
        check_same(&get(&stage, entry.id()).await?, &entry)?;
        check_eq!(head(&stage).await?.present, counted(&[entry.id()]), "and present");
    }
    Ok(())
}

async fn entry_then_header(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for entry in stage.world.entries(0, 1)? {
        let report = put(&stage, vec![entry.clone().into(), header_of(&entry).into()]).await?;
        check_eq!(
            report.outcomes,
            vec![PutOutcome::Stored(1), PutOutcome::Duplicate(1)],
            "the header adds nothing"
        );
        check_same(&get(&stage, entry.id()).await?, &entry)?;
    }
    Ok(())
}

async fn mixed(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let [held, bare, new, late] = entries_of(&stage.world.entries(0, 4)?)?;
    let [foreign] = entries_of(&ground.world()?.entries(0, 1)?)?;
    put_new(&stage, vec![held.clone().into(), header_of(&bare).into()], 1).await?;
    let batch = vec![
        late.clone().into(),
        held.clone().into(),
        foreign.into(),
        bare.clone().into(),
        new.clone().into(),
        late.clone().into(),
    ];
    let outcomes = put(&stage, batch).await?.outcomes;
    let receipts: Vec<_> = outcomes.iter().map(PutOutcome::receipt).collect();
    check_eq!(
        receipts,
        vec![Some(3), Some(1), None, Some(2), Some(4), Some(3)],
        "outcomes keep the batch's order"
    );
    let in_order = ids([&held, &bare, &late, &new]);
    check_eq!(
        scan_ids(&stage, ScanRequest::everything()).await?,
        in_order,
        "receipts follow the batch's order"
    );
    check_eq!(head(&stage).await?.present, counted(&in_order), "all four payloads are present");
    Ok(())
}

/// The entries as an array.
fn entries_of<const N: usize>(
    entries: &[bulla_core::VerifiedEntry],
) -> Result<[bulla_core::VerifiedEntry; N], Failure> {
    <[_; N]>::try_from(entries.to_vec())
        .map_err(|_| Failure::Harness("the suite wrote too few entries".into()))
}

async fn one_bad_in_each_position(ground: &Ground) -> Result<(), Failure> {
    const LENGTH: usize = 12;
    let stage = ground.fresh().await?;
    let stranger = ground.world()?;
    let foreign = stranger.genesis();
    let mut receipt = 1;
    let mut stored: Vec<EntryId> = Vec::new();
    for position in 0..=LENGTH {
        let entries = stage.world.entries(position as u64, LENGTH as u64)?;
        let mut batch = whole(&entries);
        batch.insert(position, foreign.clone().into());
        let outcomes = put(&stage, batch).await?.outcomes;
        for (index, outcome) in outcomes.into_iter().enumerate() {
            if index == position {
                check_eq!(outcome.receipt(), None, "the bad one at {position} is refused");
            } else {
                check_eq!(
                    outcome,
                    PutOutcome::Stored(receipt),
                    "the others are stored, bad one at {position}"
                );
                receipt += 1;
            }
        }
        stored.extend(ids(&entries));
        check_eq!(head(&stage).await?.held, counted(&stored), "nothing else changed");
        // The next run is clean: the same batch without the bad one adds nothing and refuses nothing.
        let again = put(&stage, whole(&entries)).await?.outcomes;
        let clean = again.iter().all(|outcome| matches!(outcome, PutOutcome::Duplicate(_)));
        check_eq!(clean, true, "the next put of the batch is clean");
    }
    Ok(())
}

async fn all_bad(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let before = head(&stage).await?;
    let foreign = ground.world()?.entries(0, 5)?;
    let outcomes = put(&stage, whole(&foreign)).await?.outcomes;
    check_eq!(outcomes.iter().filter_map(PutOutcome::receipt).count(), 0, "all are refused");
    check_eq!(head(&stage).await?, before, "nothing changed");
    Ok(())
}

async fn cut_does_not_matter(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let entries = world.entries(0, 30)?;
    let mut heads = Vec::new();
    for size in [1, 7, 30] {
        let stage = ground.fresh_in(&world).await?;
        for (number, batch) in entries.chunks(size).enumerate() {
            put_new(&stage, whole(batch), (number * size + 1) as u64).await?;
        }
        let head = head(&stage).await?;
        heads.push((head.last_receipt, head.control, head.counting, head.present));
    }
    let first = heads.first().copied();
    check_eq!(
        heads.iter().all(|head| Some(*head) == first),
        true,
        "however entries are cut into batches: {heads:?}"
    );
    Ok(())
}
