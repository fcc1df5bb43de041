//! The head against a model.

use bulla_core::values::{Counting, Freshness, Head};
use bulla_core::{EntryId, VerifiedEntry};

use super::read::{counted, cursor_after, head, put};
use crate::suite::author::{Draft, header_of};
use crate::suite::case::{Case, Failure, Ground, Stage, case, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "head-model" ["HEAD-1", "LOG-3", "SET-3"] model),
    case!(Core Must "head-log-hash" ["LOG-1", "LOG-3"] log_hash),
    case!(Core Must "head-repeats" ["HEAD-1"] repeats),
];

/// What a head must say of the ids stored in order, the control entries and the payloads present.
fn check_head(
    stage: &Stage,
    head: &Head,
    all: &[EntryId],
    control: &[EntryId],
    present: &[EntryId],
) -> Result<(), Failure> {
    check_eq!(head.cursor(), cursor_after(stage, head, all), "last receipt and log hash");
    check_eq!(head.control, counted(control), "control entries");
    check_eq!(head.counting, Counting::All, "the rule without a directory");
    check_eq!(head.held, counted(all), "entries held");
    check_eq!(head.present, counted(present), "payloads present");
    check_eq!(head.freshness, Freshness::Fresh, "asked just now");
    Ok(())
}

async fn model(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let (mut all, mut control, mut present) = (Vec::new(), Vec::new(), Vec::new());
    let mut late: Vec<VerifiedEntry> = Vec::new();
    let mut author = stage.world.author(0);
    for step in 0..24_u64 {
        match step % 4 {
            // A header; its payload comes three steps later.
            0 => {
                let entry = author.write(Draft { content: step, ..Draft::default() })?;
                put(&stage, vec![header_of(&entry).into()]).await?;
                all.push(entry.id());
                late.push(entry);
            }
            3 => {
                if let Some(entry) = late.pop() {
                    present.push(entry.id());
                    put(&stage, vec![entry.into()]).await?;
                }
            }
            2 if step == 2 => {
                let genesis = stage.world.genesis().clone();
                let id = genesis.id();
                put(&stage, vec![genesis.into()]).await?;
                all.push(id);
                control.push(id);
                present.push(id);
            }
            _ => {
                let entry = author.write(Draft { content: step, ..Draft::default() })?;
                all.push(entry.id());
                present.push(entry.id());
                put(&stage, vec![entry.into()]).await?;
            }
        }
        check_head(&stage, &head(&stage).await?, &all, &control, &present)?;
    }
    Ok(())
}

async fn log_hash(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut all = Vec::new();
    for entry in stage.world.entries(0, 8)? {
        all.push(entry.id());
        put(&stage, vec![entry.into()]).await?;
        let head = head(&stage).await?;
        check_eq!(head.cursor(), cursor_after(&stage, &head, &all), "one link for each id");
    }
    Ok(())
}

async fn repeats(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for entry in stage.world.entries(0, 3)? {
        put(&stage, vec![entry.into()]).await?;
        let first = head(&stage).await?;
        check_eq!(head(&stage).await?, first, "asking changes nothing");
    }
    Ok(())
}
