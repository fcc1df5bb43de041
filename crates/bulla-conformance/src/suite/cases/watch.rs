//! Heads as they change.

use bulla_core::values::Head;
use bulla_store::HeadStream;
use futures_util::StreamExt as _;

use super::read::{head, put, put_new};
use crate::suite::author::whole;
use crate::suite::case::{Case, Failure, Ground, Stage, case, check, check_eq};

pub(super) const CASES: &[Case] = &[
    case!(Core Must "watch-first-is-current" ["WATCH-1"] first_is_current),
    case!(Core Must "watch-sees-new" ["WATCH-2"] sees_new),
    case!(Core Must "watch-slow-reader" ["WATCH-2", "WATCH-3"] slow_reader),
    case!(Core Must "watch-payload-added" ["WATCH-2"] payload_added),
    case!(Core Must "watch-several" ["WATCH-1"] several),
    case!(Core Must "watch-dropped" ["WATCH-4"] dropped),
];

async fn next(heads: &mut HeadStream) -> Result<Head, Failure> {
    match heads.next().await {
        Some(head) => Ok(head?),
        None => Err(Failure::Broken("the watch ended while the store is open".into())),
    }
}

/// Reads heads until one is the store's present state; none may lie before the one before it.
async fn follow(
    stage: &Stage,
    heads: &mut HeadStream,
    mut last: Head,
    most: usize,
) -> Result<Head, Failure> {
    let goal = head(stage).await?;
    for _ in 0..most {
        if last == goal {
            return Ok(last);
        }
        let newer = next(heads).await?;
        check_eq!(newer.lineage, last.lineage, "the lineage stays");
        check!(newer.last_receipt >= last.last_receipt, "heads never go back");
        last = newer;
    }
    check_eq!(last, goal, "the newest head arrives");
    Ok(last)
}

async fn first_is_current(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for count in 0..3 {
        let mut heads = stage.subject.store.watch(&stage.cx).await?;
        check_eq!(
            next(&mut heads).await?,
            head(&stage).await?,
            "the first head is the present one"
        );
        put(&stage, whole(&stage.world.entries(count, 2)?)).await?;
    }
    Ok(())
}

async fn sees_new(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut heads = stage.subject.store.watch(&stage.cx).await?;
    let mut last = next(&mut heads).await?;
    for entry in stage.world.entries(0, 5)? {
        put(&stage, vec![entry.into()]).await?;
        last = follow(&stage, &mut heads, last, 3).await?;
    }
    check_eq!(last.last_receipt, 5, "each put shows");
    Ok(())
}

async fn slow_reader(ground: &Ground) -> Result<(), Failure> {
    const PUTS: usize = 40;
    let stage = ground.fresh().await?;
    let mut heads = stage.subject.store.watch(&stage.cx).await?;
    let first = next(&mut heads).await?;
    for (entry, receipt) in stage.world.entries(0, PUTS as u64)?.into_iter().zip(1..) {
        put_new(&stage, vec![entry.into()], receipt).await?;
    }
    // A store may have passed some heads on before the reader came back, never more than there were.
    let last = follow(&stage, &mut heads, first, PUTS).await?;
    check_eq!(last.last_receipt, PUTS as u64, "the newest is what a slow reader ends with");
    Ok(())
}

async fn payload_added(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let entries = stage.world.entries(0, 1)?;
    put(&stage, crate::suite::author::headers(&entries)).await?;
    let mut heads = stage.subject.store.watch(&stage.cx).await?;
    let first = next(&mut heads).await?;
    put(&stage, whole(&entries)).await?;
    let last = follow(&stage, &mut heads, first, 3).await?;
    check_eq!(last.present.count, 1, "an added payload is a new head too");
    Ok(())
}

async fn several(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    let mut watchers = Vec::new();
    for _ in 0..5 {
        let mut heads = stage.subject.store.watch(&stage.cx).await?;
        let first = next(&mut heads).await?;
        watchers.push((heads, first));
    }
    put(&stage, whole(&stage.world.entries(0, 3)?)).await?;
    for (mut heads, first) in watchers {
        follow(&stage, &mut heads, first, 4).await?;
    }
    Ok(())
}

async fn dropped(ground: &Ground) -> Result<(), Failure> {
    let stage = ground.fresh().await?;
    for round in 0..20 {
        let mut heads = stage.subject.store.watch(&stage.cx).await?;
        if round % 2 == 0 {
            next(&mut heads).await?;
        }
    }
    put_new(&stage, whole(&stage.world.entries(0, 2)?), 1).await?;
    let mut heads = stage.subject.store.watch(&stage.cx).await?;
    check_eq!(next(&mut heads).await?.last_receipt, 2, "those who left trouble nobody");
    Ok(())
}
