//! The same set of entries gives the same digests, by any path.

use bulla_core::values::{Head, ScanBody, ScanRequest};
use bulla_core::{Verified, VerifiedEntry};

use super::read::{head, put, scan};
use crate::suite::author::{Draft, header_of, whole};
use crate::suite::case::{Case, Failure, Ground, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "converge-any-order" ["HEAD-5", "SET-3", "STO-6"] any_order),
    case!(Core Must "converge-payloads-later" ["HEAD-5", "STO-4"] payloads_later),
    case!(Core Must "a18-forks-converge" ["HEAD-5", "PUT-8"] forks),
    case!(Core Must "diverged-heads-differ" ["HEAD-5"] diverged),
    case!(Core Must "converge-by-scan" ["STO-1", "SCAN-1", "HEAD-5"] by_scan),
];

/// Entries of three authors, the genesis among them.
fn mixture(world: &crate::suite::author::World) -> Result<Vec<VerifiedEntry>, Failure> {
    let mut entries = vec![world.genesis().clone()];
    for number in 0..3 {
        entries.extend(world.entries(number, 7)?);
    }
    Ok(entries)
}

fn same(heads: &[Head]) -> Result<(), Failure> {
    for pair in heads.windows(2) {
        if let [one, other] = pair {
            check!(one.same_entries(other), "equal sets have equal digests: {one:?} {other:?}");
            check_eq!(one.present, other.present, "and the same payloads");
        }
    }
    Ok(())
}

async fn any_order(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let entries = mixture(&world)?;
    let mut heads = Vec::new();
    for turn in 0..4 {
        let stage = ground.fresh_in(&world).await?;
        let mut order = entries.clone();
        order.rotate_left(turn * 5 % entries.len());
        if turn % 2 == 1 {
            order.reverse();
        }
        for batch in order.chunks(turn * 3 + 1) {
            put(&stage, whole(batch)).await?;
            put(&stage, whole(batch)).await?;
        }
        heads.push(head(&stage).await?);
    }
    same(&heads)
}

async fn payloads_later(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let entries = mixture(&world)?;
    let (direct, split) = (ground.fresh_in(&world).await?, ground.fresh_in(&world).await?);
    put(&direct, whole(&entries)).await?;
    let headers: Vec<Verified> =
        entries.iter().rev().map(|entry| header_of(entry).into()).collect();
    put(&split, headers).await?;
    let (one, other) = (head(&direct).await?, head(&split).await?);
    check!(one.same_entries(&other), "payloads play no part in which entries a store has");
    check!(one.present != other.present, "but heads tell who has the payloads");
    put(&split, whole(&entries)).await?;
    same(&[one, head(&split).await?])
}

async fn forks(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let mut author = world.author(0);
    let first = author.write(Draft::default())?;
    let mut branch = author.clone();
    let left = author.write(Draft { content: 1, ..Draft::default() })?;
    let right = branch.write(Draft { content: 2, ..Draft::default() })?;
    let (one, other) = (ground.fresh_in(&world).await?, ground.fresh_in(&world).await?);
    put(&one, whole([&first, &left])).await?;
    put(&other, whole([&first, &right])).await?;
    check!(
        !head(&one).await?.same_entries(&head(&other).await?),
        "fed different forks, they differ"
    );
    put(&one, whole([&right])).await?;
    put(&other, whole([&left])).await?;
    same(&[head(&one).await?, head(&other).await?])
}

async fn diverged(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let entries = mixture(&world)?;
    let full = ground.fresh_in(&world).await?;
    put(&full, whole(&entries)).await?;
    let full = head(&full).await?;
    for missing in [0, 1, entries.len() - 1] {
        let stage = ground.fresh_in(&world).await?;
        let some = entries
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != missing)
            .map(|(_, entry)| entry);
        put(&stage, whole(some)).await?;
        check!(!head(&stage).await?.same_entries(&full), "one entry less is another set");
    }
    Ok(())
}

async fn by_scan(ground: &Ground) -> Result<(), Failure> {
    let world = ground.world()?;
    let (source, target) = (ground.fresh_in(&world).await?, ground.fresh_in(&world).await?);
    put(&source, whole(&mixture(&world)?)).await?;
    let mut batch = Vec::new();
    for item in scan(&source, ScanRequest::everything()).await? {
        if let ScanBody::Entry(entry) = item.body {
            batch.push(entry.into());
        }
    }
    put(&target, batch).await?;
    same(&[head(&source).await?, head(&target).await?])
}
