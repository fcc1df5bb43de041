//! Moving entries between a space's local store and any other store of it.
//!
//! Each run is judged against the source's head at its start and ends with a [`Report`]: what was moved and what is
//! proven. See [`bulla_sync`] for all options.

use std::sync::Arc;

use bulla_core::EntryId;
use bulla_store::{Bookmarks, ContentAddressedStore, MemoryBookmarks};
use bulla_sync::{MAX_LISTED, Missing};

pub use bulla_sync::{
    Attested, CancellationToken, Evidence, Finding, Fork, FrontierJudge, Incomplete, Misbehaviour,
    Options, Progress, Reason, Report, Verdict, replicate,
};

use crate::{Space, SpaceError};

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

/// As [`pull_with`], and then holds what came against entries that exist by the word of a member: those that the device
/// named which let this one in (PAIR-36). Give the same ids again until [`Space::lacking`] says that they are held.
///
/// While one is neither held nor refused the run is incomplete, with its id among what is missing: the source withholds the
/// newest of the space, was set back, or was not brought it yet.
pub async fn pull_expecting(
    space: &Space,
    source: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    options: Options,
    expected: &[EntryId],
) -> Report {
    let mut report = pull_with(space, source, bookmarks, options).await;
    match space.lacking(expected).await {
        Ok(lacking) => expect(&mut report, lacking),
        // What is not known to be held is not told to be.
        Err(SpaceError::Store(error)) => incomplete(&mut report, Reason::Target(error)),
        Err(_) => expect(&mut report, expected.to_vec()),
    }
    report
}

/// Takes entries that are known to exist and are not held into the verdict.
fn expect(report: &mut Report, mut lacking: Vec<EntryId>) {
    let refused = |id: &EntryId| {
        report.exceptions.iter().any(|exception| exception.id == *id && exception.why.is_refusal())
    };
    lacking.retain(|id| !refused(id));
    let count = u64::try_from(lacking.len()).unwrap_or(u64::MAX);
    if count == 0 {
        return;
    }
    incomplete(report, Reason::FrontierUnreached(count));
    let Verdict::Incomplete(incomplete) = &mut report.verdict else { return };
    let missing = &mut incomplete.missing;
    lacking.retain(|id| !missing.ids.contains(id));
    missing.id_count = missing.id_count.saturating_add(u64::try_from(lacking.len()).unwrap_or(0));
    missing.ids.extend(lacking);
    missing.ids.sort_unstable();
    missing.ids.truncate(MAX_LISTED);
}

/// A run that had no reason of its own is incomplete for this one.
fn incomplete(report: &mut Report, reason: Reason) {
    if report.verdict.is_complete() {
        report.verdict =
            Verdict::Incomplete(Box::new(Incomplete { reason, missing: Missing::default() }));
    }
}

/// Gives `target` what it lacks of the space; `bookmarks` keep checkpoints for the next run. This device's mark is
/// written before anything leaves, and a [frontier](Space::frontier_if_due) and [key epochs](Space::rotate_if_due) where they
/// are due.
pub async fn push_with(
    space: &Space,
    target: Arc<dyn ContentAddressedStore>,
    bookmarks: Arc<dyn Bookmarks>,
    options: Options,
) -> Report {
    if let Err(error) = space.rotate_if_due().await {
        tracing::debug!(space = %space.id().short(), %error, "whoever is left out of the keys stays so");
    }
    if let Err(error) = space.frontier_if_due().await {
        // Whatever keeps this device from signing, what it has may leave.
        tracing::debug!(space = %space.id().short(), %error, "no frontier goes along");
    }
    replicate(space.outgoing(), target, bookmarks, options).await
}
