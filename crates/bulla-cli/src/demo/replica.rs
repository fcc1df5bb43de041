//! A device's copy of the space, its syncs, and what a node answers when there is nothing to sync.

use std::collections::HashSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bulla::disk::DiskSpaces;
use bulla::files::Tree;
use bulla::space::FileMarks;
use bulla::sync::{Options, Reason, Report, Verdict, pull_expecting, push_with};
use bulla::{Device, EntryId, Founding, Keyring, Space, SpaceId};
use bulla_core::values::{ScanBody, ScanRequest, Want};
use bulla_store::{Bookmarks, ContentAddressedStore, Context, StoreExt as _};
use futures_util::TryStreamExt as _;

use crate::app::open_spaces;
use crate::exit::{Exit, Failure, Result};

/// How long a node in front of another may take to hear of a change. It takes a moment, on the slowest machine too.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(20);

/// A device's copy of the space, on disk.
pub(crate) struct Replica {
    pub(crate) space: Space,
    bookmarks: Arc<dyn Bookmarks>,
}

impl Replica {
    /// Founds a space.
    pub(crate) async fn found(work: &Path, name: &str, device: &Device) -> Result<Self> {
        let (spaces, marks) = home(work, name)?;
        let space = Space::found_as(device, &spaces, &Founding::default(), marks).await?;
        Ok(Self { space, bookmarks: Arc::new(spaces.bookmarks()) })
    }

    /// Joins one, which holds nothing here before the first pull.
    pub(crate) async fn join(
        work: &Path,
        name: &str,
        device: &Device,
        id: SpaceId,
    ) -> Result<Self> {
        let (spaces, marks) = home(work, name)?;
        let space = Space::join_as(device, &spaces, id, Keyring::new(), marks).await?;
        Ok(Self { space, bookmarks: Arc::new(spaces.bookmarks()) })
    }

    /// Pushes everything; anything but a proof that the node holds it is an error.
    pub(crate) async fn push(&self, to: &Arc<dyn ContentAddressedStore>) -> Result<()> {
        complete("push", &self.try_push(to).await)
    }

    /// Pulls everything; anything but a proof that nothing is missing is an error.
    pub(crate) async fn pull(&self, from: &Arc<dyn ContentAddressedStore>) -> Result<()> {
        complete("pull", &self.try_pull(from, &[]).await)
    }

    pub(crate) async fn try_push(&self, to: &Arc<dyn ContentAddressedStore>) -> Report {
        let bookmarks = Arc::clone(&self.bookmarks);
        push_with(&self.space, Arc::clone(to), bookmarks, Options::push()).await
    }

    /// Pulls, and is not content without the entries that this device was told of.
    pub(crate) async fn try_pull(
        &self,
        from: &Arc<dyn ContentAddressedStore>,
        told: &[EntryId],
    ) -> Report {
        let bookmarks = Arc::clone(&self.bookmarks);
        pull_expecting(&self.space, Arc::clone(from), bookmarks, Options::pull(), told).await
    }

    /// The paths of all files that this device can read.
    pub(crate) async fn paths(&self) -> Result<HashSet<String>> {
        let tree = Tree::read(&self.space).await?;
        Ok(tree.nodes.keys().map(|path| path.join("/")).collect())
    }
}

fn home(work: &Path, name: &str) -> Result<(DiskSpaces, Arc<FileMarks>)> {
    let marks = FileMarks::new(work.join(format!("{name}-marks")));
    Ok((open_spaces(&work.join(name))?, Arc::new(marks)))
}

/// An error unless the run is proven complete.
pub(crate) fn complete(what: &str, report: &Report) -> Result<()> {
    if report.is_clean() {
        return Ok(());
    }
    Err(Failure::new(Exit::Incomplete, format!("{what}: {report}")))
}

/// What a run came to, in the code of the error that ended it if one did.
pub(crate) fn answer(report: &Report) -> String {
    match &report.verdict {
        Verdict::Incomplete(incomplete) => match &incomplete.reason {
            Reason::Source(error) | Reason::Target(error) => error.code().to_string(),
            reason => reason.to_string(),
        },
        _ => SERVED.to_owned(),
    }
}

/// The answer of a node that serves.
const SERVED: &str = "served";

/// What a node answers when it is asked for the state of a space.
pub(crate) async fn asked(store: &dyn ContentAddressedStore) -> String {
    match store.head(&Context::new()).await {
        Ok(_) => SERVED.to_owned(),
        Err(error) => error.code().to_string(),
    }
}

/// Whether an answer is that of a node which serves the device nothing. It says no more to a member that was than to a
/// stranger.
pub(crate) fn is_refusal(answer: &str) -> bool {
    matches!(answer, "space.not_served" | "login.refused")
}

/// Asks until the node serves, and for a minute at most. The node behind it tells it who may come.
pub(crate) async fn until_served(store: &dyn ContentAddressedStore) {
    until(store, |answer| answer == SERVED).await;
}

/// Asks until the node serves no more, and for a minute at most.
pub(crate) async fn until_refused(store: &dyn ContentAddressedStore) {
    until(store, is_refusal).await;
}

async fn until(store: &dyn ContentAddressedStore, wanted: impl Fn(&str) -> bool) {
    let asking = async {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            if wanted(&asked(store).await) {
                return;
            }
        }
    };
    // Whoever goes on without it sees what the node answers then.
    drop(tokio::time::timeout(PATIENCE, asking).await);
}

/// The entries that say something to people: those of an application, which are sealed.
pub(crate) async fn sealed_entries(store: &dyn ContentAddressedStore) -> Result<HashSet<EntryId>> {
    let (cx, mut ids) = (Context::new(), HashSet::new());
    let request = ScanRequest { want: Want::Headers, ..ScanRequest::everything() };
    let mut held = pin!(store.scan_all(&cx, request));
    while let Some(item) = held.try_next().await? {
        if let ScanBody::Header(header, _) = item.body
            && !header.header().kind.is_control()
        {
            ids.insert(item.id);
        }
    }
    Ok(ids)
}
