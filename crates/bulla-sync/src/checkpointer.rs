//! Keeps the newest checkpoint while the run goes on.

use std::sync::Arc;

use bulla_core::cbor::Encode;
use bulla_store::Bookmarks;
use tokio::sync::{Mutex, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::keep::{Checkpoint, Keys, List, Place};
use crate::{Exception, Reason};

/// A checkpoint, and the exceptions that it relies on.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) exceptions: Arc<Vec<Exception>>,
    pub(crate) exceptions_version: u64,
    /// How often the exceptions were forgotten altogether.
    pub(crate) forgotten: u64,
}

/// The checkpoint and its exceptions, as they are kept.
#[derive(Debug)]
pub(crate) struct Keeper {
    bookmarks: Arc<dyn Bookmarks>,
    keys: Keys,
    exceptions: List<Exception>,
    exceptions_version: u64,
    forgotten: u64,
    /// What is kept, if it is known.
    checkpoint: Option<Checkpoint>,
    /// Whether there may be one.
    is_there: bool,
}

impl Keeper {
    /// What earlier runs left.
    pub(crate) fn new(
        bookmarks: Arc<dyn Bookmarks>,
        keys: Keys,
        checkpoint: Option<Checkpoint>,
        exceptions: List<Exception>,
    ) -> Self {
        let is_there = checkpoint.is_some();
        Self {
            bookmarks,
            keys,
            exceptions,
            exceptions_version: 0,
            forgotten: 0,
            checkpoint,
            is_there,
        }
    }

    /// Keeps a checkpoint, what it relies on first. Whether there was anything to write.
    pub(crate) async fn keep(&mut self, snapshot: &Snapshot) -> Result<bool, Reason> {
        if snapshot.exceptions_version != self.exceptions_version {
            if snapshot.forgotten != self.forgotten {
                // The old checkpoint relies on exceptions that are about to go.
                self.forget().await?;
                self.forgotten = snapshot.forgotten;
            }
            // Exceptions first: the cursor passes an entry only when it is recorded that it is not held.
            let exceptions = snapshot.exceptions.iter().cloned();
            self.exceptions.save(&*self.bookmarks, &self.keys, exceptions).await?;
            self.exceptions_version = snapshot.exceptions_version;
        }
        let checkpoint =
            Checkpoint { exception_pages: self.exceptions.pages(), ..snapshot.checkpoint.clone() };
        if self.checkpoint.as_ref() == Some(&checkpoint) {
            return Ok(false);
        }
        (self.checkpoint, self.is_there) = (None, true);
        let key = self.keys.of(Place::Checkpoint);
        let written = self.bookmarks.write(&key, &checkpoint.to_cbor()).await;
        written.map_err(Reason::Bookmarks)?;
        self.checkpoint = Some(checkpoint);
        Ok(true)
    }

    /// Forgets the checkpoint, if there is one.
    pub(crate) async fn forget(&mut self) -> Result<(), Reason> {
        if self.is_there {
            let key = self.keys.of(Place::Checkpoint);
            self.bookmarks.remove(&key).await.map_err(Reason::Bookmarks)?;
            (self.checkpoint, self.is_there) = (None, false);
        }
        Ok(())
    }
}

/// Writes the newest checkpoint given to it, in a task of its own: a slow disk makes it skip some and never holds the run
/// up (SYN-20). What it is given is acknowledged by the target already.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    newest: watch::Sender<Option<Snapshot>>,
    task: AbortOnDropHandle<Result<u64, Reason>>,
}

impl Checkpointer {
    pub(crate) fn start(keeper: Arc<Mutex<Keeper>>) -> Self {
        let (newest, snapshots) = watch::channel(None);
        let task = tokio::spawn(keep(keeper, snapshots));
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
    keeper: Arc<Mutex<Keeper>>,
    mut snapshots: watch::Receiver<Option<Snapshot>>,
) -> Result<u64, Reason> {
    let mut written = 0;
    while snapshots.changed().await.is_ok() {
        let Some(snapshot) = snapshots.borrow_and_update().clone() else { continue };
        written += u64::from(keeper.lock().await.keep(&snapshot).await?);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use bulla_core::values::Cursor;
    use bulla_core::{Code, EntryId, Lineage, LogHash};
    use bulla_store::tally::TallySet;

    use super::*;
    use crate::Why;
    use crate::keep::list::tests::{Stopping, keys};
    use crate::keep::{Listed as _, Paged as _, Seen};

    fn cursor(lineage: u8, receipt: u64) -> Cursor {
        Cursor { lineage: Lineage([lineage; 16]), receipt, log_hash: LogHash::ZERO }
    }

    fn snapshot(receipt: u64, exceptions: std::ops::Range<usize>, forgotten: u64) -> Snapshot {
        let exception = |i: usize| {
            let id = EntryId(*blake3::hash(&i.to_be_bytes()).as_bytes());
            Exception { id, why: Why::Refused, code: Code::new("test.refused") }
        };
        let checkpoint = Checkpoint {
            source: cursor(2, receipt),
            target: cursor(3, receipt),
            seen: Seen::Known(TallySet::default()),
            exceptions_cut: false,
            exception_pages: 0,
        };
        let exceptions = Arc::new(exceptions.map(exception).collect());
        Snapshot { checkpoint, exceptions, exceptions_version: receipt, forgotten }
    }

    /// Clauses: SYN-20, SYN-23.
    #[tokio::test]
    async fn no_checkpoint_outlives_the_exceptions_that_it_relies_on() {
        let many = 3 * Exception::PER_PAGE + 7;
        // Some are recorded besides; all are forgotten, and others recorded.
        for (exceptions, forgotten) in [(0..many + 900, 0), (many..many + 9, 1), (0..0, 1)] {
            for writes in 0..10 {
                let bookmarks = Arc::new(Stopping::after(usize::MAX));
                let list = List::default();
                let mut keeper = Keeper::new(Arc::clone(&bookmarks) as _, keys(), None, list);
                assert!(keeper.keep(&snapshot(1, 0..many, 0)).await.unwrap());
                bookmarks.left.store(writes, Ordering::SeqCst);
                let kept = keeper.keep(&snapshot(2, exceptions.clone(), forgotten)).await;

                let place = keys().of(Place::Checkpoint);
                let value = bookmarks.inner.read(&place).await.unwrap();
                let Some(value) = value else {
                    assert!(kept.is_err() && forgotten == 1);
                    continue;
                };
                let checkpoint: Checkpoint = bulla_core::cbor::Decode::from_cbor(&value).unwrap();
                let pages = checkpoint.exception_pages;
                let list = List::<Exception>::load(&*bookmarks, &keys(), pages).await.unwrap();
                let recorded = list.unwrap().records();
                let due = match checkpoint.source.receipt {
                    1 => snapshot(1, 0..many, 0).exceptions,
                    _ => snapshot(2, exceptions.clone(), 0).exceptions,
                };
                let has = |of: &Exception| recorded.iter().any(|kept| kept.key() == of.key());
                assert!(due.iter().all(has), "{exceptions:?} {writes}");
                assert_eq!(kept.is_ok(), checkpoint.source.receipt == 2);
                if kept.is_ok() {
                    assert!(
                        !keeper.keep(&snapshot(2, exceptions.clone(), forgotten)).await.unwrap()
                    );
                }
            }
        }
    }
}
