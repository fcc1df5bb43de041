//! One space of a database as a store.

mod judged;
mod quarantine;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{Code, EntryId, SpaceId, Verified};
use bulla_store::quarantine::FULL;
use bulla_store::{
    ContentAddressedStore, Context, Erasable, Erasure, ErasureReport, HeadStream, Mark, Result,
    StoreError, rules,
};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::Engine;
use crate::queue::{Alone, Put, Reply, closed};
use crate::read;
use crate::shared::{Shared, answered, blocking};
use crate::space::{Change, Space};

/// One space of a database. Cheap to clone; holds the database open.
#[derive(Debug, Clone)]
pub struct DiskStore {
    engine: Arc<Engine>,
    id: SpaceId,
    number: u32,
}

impl DiskStore {
    pub(crate) fn new(engine: Arc<Engine>, id: SpaceId, number: u32) -> Self {
        Self { engine, id, number }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.engine.shared()
    }

    /// The space, taken into use unless it is.
    pub(crate) async fn in_use(&self, cx: &Context) -> Result<Arc<Space>> {
        self.shared().check_deadline(cx)?;
        self.shared().space(self.id, self.number).await
    }

    /// Runs a read off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        cx: &Context,
        work: impl FnOnce(&Shared, &Space) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let space = self.in_use(cx).await?;
        let shared = Arc::clone(self.shared());
        blocking(move || work(&shared, &space)).await
    }
}

impl DiskStore {
    /// Puts entries, with what an admission said of each if one was asked.
    async fn put_in(
        &self,
        space: Arc<Space>,
        entries: VecDeque<Verified>,
        marks: Option<VecDeque<Mark>>,
    ) -> Result<PutReport> {
        if entries.is_empty() {
            return Ok(PutReport { lineage: space.live()?.lineage, outcomes: Vec::new() });
        }
        let room = self.room(entries.iter().map(Verified::size_bytes).sum()).await?;
        let (reply, answer) = oneshot::channel();
        let outcomes = Vec::with_capacity(entries.len());
        self.shared().queue.put(space, Put { entries, marks, outcomes, reply, room })?;
        answered(answer).await
    }

    /// A share of the queue's memory. What is larger than the whole queue waits until the queue is empty, and then has it
    /// for itself.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        let most = self.shared().options.queue_bytes / 1024;
        let room = u32::try_from(bytes.div_ceil(1024).clamp(1, most)).unwrap_or(u32::MAX);
        Arc::clone(&self.shared().room).acquire_many_owned(room).await.map_err(|_| closed())
    }

    /// Asks for a commit of its own.
    async fn alone<T>(
        &self,
        space: Arc<Space>,
        alone: impl FnOnce(Reply<T>) -> Alone,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.shared().queue.alone(space, alone(reply))?;
        answered(answer).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for DiskStore {
    fn space(&self) -> SpaceId {
        self.id
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        let space = self.in_use(cx).await?;
        if let Some(head) = space.live()?.head {
            return Ok(head);
        }
        let shared = Arc::clone(self.shared());
        blocking(move || space.live()?.head(&shared.database, space.number)).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        rules::check_put(&batch)?;
        let space = self.in_use(cx).await?;
        self.put_in(space, batch.into(), None).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        rules::check_ids(request.ids.len())?;
        self.read(cx, move |shared, space| read::get(shared, space, &request)).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        rules::check_ids(ids.len())?;
        let ids = ids.to_vec();
        self.read(cx, move |shared, space| read::has(shared, space, &ids)).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        rules::check_scan(&request)?;
        self.read(cx, move |shared, space| read::scan(shared, space, &request)).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        rules::check_summary(&request)?;
        self.read(cx, move |shared, space| read::summary(shared, space, &request)).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        let space = self.in_use(cx).await?;
        drop(space.live()?);
        let mut changes = space.subscribe();
        changes.mark_changed();
        // The stream does not keep the database open: it ends when the store is closed.
        let state = (Arc::downgrade(self.shared()), space, changes);
        Ok(Box::pin(stream::unfold(state, |(shared, space, mut changes)| async move {
            changes.changed().await.ok()?;
            if *changes.borrow_and_update() == Change::Ended {
                return None;
            }
            let open = shared.upgrade()?;
            let of = Arc::clone(&space);
            let head = blocking(move || of.live()?.head(&open.database, of.number)).await;
            match head {
                Err(StoreError::NotServed(_)) => None,
                head => Some((head, (shared, space, changes))),
            }
        })))
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.read(cx, |shared, space| {
            let live = space.live()?;
            let (row, is_quarantine_full) = (live.row, live.is_quarantine_full);
            drop(live);
            let mut status = StoreStatus {
                entries: row.last_receipt,
                payload_bytes: row.payload_bytes,
                ..status(shared)
            };
            if is_quarantine_full {
                status.impairments.push(Code::new(FULL));
            }
            Ok(status)
        })
        .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Erasable for DiskStore {
    async fn erase(&self, cx: &Context, erasure: Erasure) -> Result<ErasureReport> {
        rules::check_ids(erasure.ids.len())?;
        let space = self.in_use(cx).await?;
        self.alone(space, |reply| Alone::Erase(erasure, reply)).await
    }

    async fn restore(&self, cx: &Context, ids: &[EntryId]) -> Result<u64> {
        rules::check_ids(ids.len())?;
        let space = self.in_use(cx).await?;
        let ids = ids.to_vec();
        self.alone(space, |reply| Alone::Restore(ids, reply)).await
    }
}

/// What all spaces of a database have in common.
pub(crate) fn status(shared: &Shared) -> StoreStatus {
    let counts = &shared.counts;
    let mut status = StoreStatus::new("disk", shared.options.durability);
    status.disk_bytes = folder_bytes(&shared.folder);
    status.commits = counts.commits.load(Ordering::Relaxed);
    status.fsyncs = counts.fsyncs.load(Ordering::Relaxed);
    let raw = shared.database.raw();
    status.compactions_running = raw
        .property_int_value("rocksdb.num-running-compactions")
        .ok()
        .flatten()
        .unwrap_or_default();
    status.compaction_pending_bytes =
        shared.database.property_sum("rocksdb.estimate-pending-compaction-bytes");
    let impaired = [
        (shared.health.is_full.load(Ordering::Relaxed), "store.full"),
        (shared.health.stopped().is_some(), "store.read_only"),
        (shared.health.needs_audit.load(Ordering::Relaxed), "store.needs_audit"),
    ];
    status.impairments =
        impaired.into_iter().filter(|(is, _)| *is).map(|(_, code)| Code::new(code)).collect();
    status
}

/// Bytes of the files in a folder and those below it. Files that vanish meanwhile do not count.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}
