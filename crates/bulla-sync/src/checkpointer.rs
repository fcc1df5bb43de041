//! Keeps the newest checkpoint while the run goes on.

use std::sync::Arc;

use bulla_core::cbor::Encode;
use bulla_store::Bookmarks;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::keep::{Checkpoint, Keys, Place, save};
use crate::{Exception, Reason};

/// A checkpoint, and the exceptions that it relies on.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) exceptions: Arc<Vec<Exception>>,
    pub(crate) exceptions_version: u64,
}

/// Writes the newest checkpoint given to it, in a task of its own: a slow disk makes it skip some and never holds the run
/// up (SYN-20). What it is given is acknowledged by the target already.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    newest: watch::Sender<Option<Snapshot>>,
    task: AbortOnDropHandle<Result<u64, Reason>>,
}

impl Checkpointer {
    /// `version` is that of the exceptions already kept.
    pub(crate) fn start(bookmarks: Arc<dyn Bookmarks>, keys: Keys, version: u64) -> Self {
        let (newest, snapshots) = watch::channel(None);
        let task = tokio::spawn(keep(bookmarks, keys, snapshots, version));
        Self { newest, task: AbortOnDropHandle::new(task) }
    }

    /// Gives it the newest checkpoint.
    pub(crate) fn offer(&self, snapshot: Snapshot) {
        self.newest.send_replace(Some(snapshot));
    }

    /// Waits until the last one is kept; how many were written.
    pub(crate) async fn finish(self) -> Result<u64, Reason> {
        let Self { newest, task } = self;
        drop(newest);
        match task.await {
            Ok(written) => written,
            Err(error) => Err(Reason::Bookmarks(bulla_store::StoreError::internal(
                "keeping checkpoints",
                error,
            ))),
        }
    }
}

async fn keep(
    bookmarks: Arc<dyn Bookmarks>,
    keys: Keys,
    mut snapshots: watch::Receiver<Option<Snapshot>>,
    mut version: u64,
) -> Result<u64, Reason> {
    let mut written = 0;
    while snapshots.changed().await.is_ok() {
        let Some(snapshot) = snapshots.borrow_and_update().clone() else { continue };
        // Exceptions first: the cursor passes an entry only when it is recorded that it is not held.
        if snapshot.exceptions_version != version {
            save(&*bookmarks, &keys, &snapshot.exceptions).await?;
            version = snapshot.exceptions_version;
        }
        let value = snapshot.checkpoint.to_cbor();
        bookmarks.write(&keys.of(Place::Checkpoint), &value).await.map_err(Reason::Bookmarks)?;
        written += 1;
    }
    Ok(written)
}
