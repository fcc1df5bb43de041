//! What readers and the writer share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_core::SpaceId;
use bulla_store::{Clock, Context, KeptTotals, Result, StoreError};
use tokio::sync::{Semaphore, oneshot};

use crate::DiskOptions;
use crate::active::Active;
use crate::database::Database;
use crate::error::damaged_row;
use crate::folder::Lock;
use crate::layout::{Family, JudgedRow, LiveRow, Meta, SpaceRow};
use crate::queue::{Admin, Queue};
use crate::space::Space;

/// An open store: its database, its queue, the spaces in use.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) folder: PathBuf,
    pub(crate) options: DiskOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: Queue,
    /// Room in the queue, in KiB.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) counts: Counts,
    pub(crate) health: Health,
    /// Spaces of an older epoch take a new lineage when they are next used.
    pub(crate) epoch: u64,
    active: Mutex<Active>,
    /// Held while the store is open; the last field, so that it is given up after the database.
    _lock: Lock,
}

/// What happened since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commits: AtomicU64,
    pub(crate) fsyncs: AtomicU64,
}

impl Counts {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// What keeps the store from doing all of its work.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Why nothing is written any more.
    stopped: Mutex<Option<String>>,
    pub(crate) is_full: AtomicBool,
    pub(crate) needs_audit: AtomicBool,
}

impl Health {
    /// The failure after which nothing is written any more.
    pub(crate) fn stopped(&self) -> Option<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops all writing; the first reason stays.
    pub(crate) fn stop(&self, reason: &str) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.get_or_insert_with(|| reason.to_owned());
    }
}

impl Shared {
    pub(crate) fn new(
        database: Database,
        folder: PathBuf,
        options: DiskOptions,
        clock: Arc<dyn Clock>,
        epoch: u64,
        lock: Lock,
    ) -> Self {
        Self {
            database,
            folder,
            clock,
            queue: Queue::default(),
            room: Arc::new(Semaphore::new(options.queue_bytes / 1024)),
            counts: Counts::default(),
            health: Health::default(),
            epoch,
            active: Mutex::new(Active::new(options.active_bytes)),
            options,
            _lock: lock,
        }
    }

    /// The spaces in use, locked. Whoever holds this may lock a space, never the other way round.
    pub(crate) fn active(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row of a space, if there is one.
    pub(crate) fn space_row(&self, id: &SpaceId) -> Result<Option<SpaceRow>> {
        self.database.row(Family::Meta, &Meta::Space(id).key())
    }

    /// A space in use, or taken into use now.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] when no space has this id and number.
    pub(crate) async fn space(&self, id: SpaceId, number: u32) -> Result<Arc<Space>> {
        loop {
            match self.take_into_use(id, number)? {
                Some(space) => return Ok(space),
                None => self.ask(|reply| Admin::Renew(id, reply)).await?,
            }
        }
    }

    /// As [`space`](Self::space); `None` when the space must take a new lineage first.
    ///
    /// Reading the state and entering it in the cache happen under one lock: otherwise a slow reader could enter a state
    /// that a commit had left behind.
    fn take_into_use(&self, id: SpaceId, number: u32) -> Result<Option<Arc<Space>>> {
        let mut active = self.active();
        if let Some(space) = active.get(number) {
            return Ok(Some(space));
        }
        let row = self
            .space_row(&id)?
            .filter(|row| row.number == number)
            .ok_or(StoreError::NotServed(id))?;
        if row.epoch != self.epoch {
            return Ok(None);
        }
        let live: LiveRow = self
            .database
            .row(Family::Meta, &Meta::Live(number).key())?
            .ok_or_else(|| damaged_row("space"))?;
        let digests = self.database.get(Family::Meta, &Meta::Digests(number).key())?;
        let digests_at =
            digests.and_then(|row| row.first_chunk().copied()).map_or(0, u64::from_be_bytes);
        let judged: Option<JudgedRow> =
            self.database.row(Family::Meta, &Meta::Judged(number).key())?;
        let kept: Option<KeptTotals> =
            self.database.row(Family::Meta, &Meta::Kept(number).key())?;
        let (judged, kept) = (judged.map(Arc::new), kept.unwrap_or_default());
        let space = Space::new(id, number, row.lineage, live, digests_at, judged, kept);
        let (space, has_parked) = active.insert(space);
        drop(active);
        if has_parked {
            self.queue.poke();
        }
        Ok(Some(space))
    }

    /// Asks the writer for something and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        admin: impl FnOnce(oneshot::Sender<Result<T>>) -> Admin,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.queue.admin(admin(reply))?;
        answered(answer).await
    }

    /// Refuses a call whose deadline has passed.
    pub(crate) fn check_deadline(&self, cx: &Context) -> Result<()> {
        match cx.deadline {
            Some(deadline) if self.clock.monotonic() >= deadline => Err(StoreError::Deadline),
            Some(_) | None => Ok(()),
        }
    }

    /// Bytes free to us on the device.
    pub(crate) fn free_bytes(&self) -> Result<u64> {
        free_bytes(&self.folder)
    }
}

/// Bytes free to us on the device of a folder.
pub(crate) fn free_bytes(folder: &Path) -> Result<u64> {
    let device = rustix::fs::statvfs(folder).map_err(|error| {
        StoreError::internal("cannot ask for free space", std::io::Error::from(error))
    })?;
    Ok(device.f_bavail.saturating_mul(device.f_frsize))
}

/// Waits for the writer's answer.
pub(crate) async fn answered<T>(answer: oneshot::Receiver<Result<T>>) -> Result<T> {
    answer.await.unwrap_or_else(|_| {
        Err(StoreError::ReadOnly {
            reason: "the writer ended; whether the call took effect is not known".to_owned(),
        })
    })
}

/// Runs something that may wait for the disk, off the async threads where there are any.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime
            .spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(StoreError::internal("a read did not finish", error))),
        Err(_) => work(),
    }
}
