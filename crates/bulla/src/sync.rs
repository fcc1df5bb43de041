//! Moving entries between a space's local store and any other store of it.
//!
//! Each run is judged against the source's head at its start and ends with a [`Report`]: what was moved and what is
//! proven. See [`bulla_sync`] for all options.

use std::sync::Arc;

use bulla_store::{Bookmarks, ContentAddressedStore, MemoryBookmarks};

pub use bulla_sync::{
    CancellationToken, Incomplete, Options, Progress, Reason, Report, Verdict, replicate,
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
pub async fn pull_with(
    space: &Space,
    source: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    options: Options,
) -> Report {
    let report = replicate(source, Arc::clone(space.store()), bookmarks, options).await;
    if let Err(error) = space.learn_keys().await {
        // What was fetched is stored; the next sync, or the next write, looks again.
        tracing::warn!(space = %space.id().short(), %error, "the keys that came along were not learned");
    }
    report
}

/// Gives `target` what it lacks of the space; `bookmarks` keep checkpoints for the next run. This device's mark is
/// written before anything leaves.
pub async fn push_with(
    space: &Space,
    target: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    options: Options,
) -> Report {
    replicate(space.outgoing(), target, bookmarks, options).await
}
