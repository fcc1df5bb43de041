//! Moving entries between a space's local store and any other store of it.
//!
//! Each run is judged against the source's head at its start and ends with a [`Report`]: what was moved and what is
//! proven. See [`bulla_sync`] for all options.

use std::sync::Arc;

use bulla_store::{Bookmarks, ContentAddressedStore, MemoryBookmarks};

pub use bulla_sync::{
    Attested, CancellationToken, Evidence, Finding, Fork, FrontierJudge, Incomplete, Misbehaviour,
    Options, Progress, Reason, Report, Verdict, replicate,
};

use crate::Space;

/// Fetches what the space lacks from `source`, without keeping where it stopped.
pub async fn pull(space: &Space, source: Arc<dyn ContentAddressedStore>) -> Report {
    pull_with(space, source, Arc::new(MemoryBookmarks::new()), Options::pull()).await
}

/// Gives `target` what it lacks of the space, without keeping where it stopped.
pub async fn push(space: &Space, target: Arc<dyn ContentAddressedStore>) -> Report {
    push_with(space, target, Arc::new(MemoryBookmarks::new()), Options::push()).await
}

/// Fetches what the space lacks from `source`; `bookmarks` keep checkpoints for the next run. Afterwards the keys are
/// [learned](Space::learn_keys) that came along.
///
/// What signed frontiers prove and the source does not give makes the run incomplete, by what the space's directory says of
/// their authors ([`Space::frontier_judge`]), unless the options bring a judge of their own.
pub async fn pull_with(
    space: &Space,
    source: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    mut options: Options,
) -> Report {
    options.frontier_judge.get_or_insert_with(|| space.frontier_judge());
    let report = replicate(source, Arc::clone(space.store()), bookmarks, options).await;
    if let Err(error) = space.learn_keys().await {
        // What was fetched is stored; the next sync, or the next write, looks again.
        tracing::warn!(space = %space.id().short(), %error, "the keys that came along were not learned");
    }
    report
}

/// Gives `target` what it lacks of the space; `bookmarks` keep checkpoints for the next run. This device's mark is
/// written before anything leaves, and a [frontier](Space::frontier_if_due) where one is due.
pub async fn push_with(
    space: &Space,
    target: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    options: Options,
) -> Report {
    if let Err(error) = space.frontier_if_due().await {
        // Whatever keeps this device from signing, what it has may leave.
        tracing::debug!(space = %space.id().short(), %error, "no frontier goes along");
    }
    replicate(space.outgoing(), target, bookmarks, options).await
}
