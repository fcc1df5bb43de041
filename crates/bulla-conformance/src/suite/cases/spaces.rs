//! Places that keep stores.

use bulla_core::SpaceId;
use bulla_core::values::PutOutcome;
use bulla_store::{Context, Spaces, StoreError, StoreExt as _};

use super::read::put_to;
use crate::suite::author::{Draft, whole};
use crate::suite::case::{Case, Failure, Ground, case, check, check_eq, check_err};
use crate::suite::harness::Kept;

pub(super) const CASES: &[Case] = &[
    case!(Spaces Must "spaces-unknown" ["SPACES-1"] unknown),
    case!(Spaces Must "spaces-create" ["SPACES-2"] create),
    case!(Spaces Must "spaces-list" ["SPACES-3"] list),
    case!(Spaces Must "spaces-remove" ["SPACES-4"] remove),
    case!(Spaces Must "spaces-apart" ["SPACES-5"] apart),
];

async fn fresh(ground: &Ground) -> Result<Kept<dyn Spaces>, Failure> {
    let spaces = ground.harness().spaces().await.map_err(Failure::Harness)?;
    spaces.ok_or(Failure::Missing("the harness keeps no spaces"))
}

fn check_unknown<T>(result: Result<T, StoreError>, space: SpaceId) -> Result<(), Failure> {
    let error = check_err!(result, "a space that is not there");
    check!(
        matches!(error, StoreError::NotServed(named) if named == space),
        "is not served: {error:?}"
    );
    Ok(())
}

async fn unknown(ground: &Ground) -> Result<(), Failure> {
    let (spaces, cx) = (fresh(ground).await?, Context::new());
    let space = ground.world()?.space();
    check_unknown(spaces.subject.open(&cx, space).await, space)?;
    check!(!spaces.subject.remove(&cx, space).await?, "there is nothing to remove");
    let page = spaces.subject.list(&cx, None, 10).await?;
    check_eq!((page.spaces.len(), page.end), (0, true), "asking makes no space");
    Ok(())
}

async fn create(ground: &Ground) -> Result<(), Failure> {
    let (spaces, cx) = (fresh(ground).await?, Context::new());
    let world = ground.world()?;
    let store = spaces.subject.create(&cx, world.space()).await?;
    check_eq!(store.space(), world.space(), "the store is of that space");
    put_to(&*store, &cx, whole(&world.entries(0, 3)?)).await?;
    let head = store.head(&cx).await?;
    check_eq!(
        spaces.subject.create(&cx, world.space()).await?.head(&cx).await?,
        head,
        "made twice is made once"
    );
    check_eq!(
        spaces.subject.open(&cx, world.space()).await?.head(&cx).await?,
        head,
        "and can be opened"
    );
    Ok(())
}

async fn list(ground: &Ground) -> Result<(), Failure> {
    let (spaces, cx) = (fresh(ground).await?, Context::new());
    let mut all: Vec<SpaceId> = (0..23_u8).map(|n| SpaceId([n.wrapping_mul(37); 32])).collect();
    for space in &all {
        spaces.subject.create(&cx, *space).await?;
    }
    all.sort_unstable();
    for limit in [1, 5, 23, 24, usize::MAX] {
        let (mut listed, mut after, mut end) = (Vec::new(), None, false);
        while !end {
            let page = spaces.subject.list(&cx, after, limit).await?;
            check!(page.spaces.len() <= limit, "a page keeps its limit");
            check!(
                page.end || !page.spaces.is_empty(),
                "a page that is not the last holds something"
            );
            listed.extend(page.spaces);
            (after, end) = (listed.last().copied(), page.end);
        }
        check_eq!(listed, all, "every space once, ascending, on pages of {limit}");
    }
    Ok(())
}

async fn remove(ground: &Ground) -> Result<(), Failure> {
    let (spaces, cx) = (fresh(ground).await?, Context::new());
    let world = ground.world()?;
    let store = spaces.subject.create(&cx, world.space()).await?;
    let entries = world.entries(0, 3)?;
    put_to(&*store, &cx, whole(&entries)).await?;
    let lineage = store.head(&cx).await?.lineage;
    check!(spaces.subject.remove(&cx, world.space()).await?, "it was there");
    check!(!spaces.subject.remove(&cx, world.space()).await?, "now it is not");
    check_unknown(spaces.subject.open(&cx, world.space()).await, world.space())?;
    // Whoever still holds the store cannot write into nowhere and be told that it is stored.
    check_unknown(store.put(&cx, whole(&entries)).await, world.space())?;
    check_unknown(store.head(&cx).await, world.space())?;
    let again = spaces.subject.create(&cx, world.space()).await?;
    let head = again.head(&cx).await?;
    check_eq!(head.last_receipt, 0, "a space made again is empty");
    check!(head.lineage != lineage, "and has a new lineage");
    Ok(())
}

async fn apart(ground: &Ground) -> Result<(), Failure> {
    let (spaces, cx) = (fresh(ground).await?, Context::new());
    let (one, other) = (ground.world()?, ground.world()?);
    let (left, right) = (
        spaces.subject.create(&cx, one.space()).await?,
        spaces.subject.create(&cx, other.space()).await?,
    );
    let entry = one.author(0).write(Draft { payload_bytes: 40_000, ..Draft::default() })?;
    check_eq!(
        left.put_one(&cx, entry.clone()).await?,
        PutOutcome::Stored(1),
        "stored in its own space"
    );
    let outcome = right.put_one(&cx, entry.clone()).await?;
    check_eq!(outcome.receipt(), None, "and not in another");
    check_eq!(right.head(&cx).await?.last_receipt, 0, "nothing is shared");
    check!(spaces.subject.remove(&cx, other.space()).await?, "removing one");
    check_eq!(left.head(&cx).await?.last_receipt, 1, "leaves the other");
    Ok(())
}
