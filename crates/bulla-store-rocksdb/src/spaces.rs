//! The stores of one database.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::SpaceId;
use bulla_core::values::StoreStatus;
use bulla_store::{
    Clock, ContentAddressedStore, Context, Result, SpacePage, Spaces, StoreError, rules,
};

use crate::engine::Engine;
use crate::error::read_error;
use crate::layout::{Family, Meta};
use crate::queue::Admin;
use crate::shared::{Shared, blocking};
use crate::{DiskBookmarks, DiskOptions, DiskStore, OpenError};

/// A database that keeps many spaces: where [`DiskStore`]s come from.
///
/// Cheap to clone. The store is closed when the last of its clones, stores and bookmarks is dropped, or by
/// [`close`](Self::close).
#[derive(Debug, Clone)]
pub struct DiskSpaces {
    engine: Arc<Engine>,
}

impl DiskSpaces {
    /// Opens the store in a folder, or makes one there.
    ///
    /// Blocks while the engine replays its log, well under a second for a million entries.
    ///
    /// # Errors
    ///
    /// [`OpenError`], by variant: locked by another process, of a newer format, not a store, damaged, or refused by the
    /// operating system.
    pub fn open(
        folder: impl AsRef<Path>,
        options: DiskOptions,
        clock: Arc<dyn Clock>,
    ) -> std::result::Result<Self, OpenError> {
        Ok(Self { engine: Arc::new(Engine::open(folder.as_ref(), options, clock)?) })
    }

    /// The store of a space that exists here, by its own type: what can erase.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] when it does not.
    pub async fn disk_store(&self, space: SpaceId) -> Result<DiskStore> {
        let shared = Arc::clone(self.shared());
        let row = blocking(move || shared.space_row(&space))
            .await?
            .ok_or(StoreError::NotServed(space))?;
        Ok(DiskStore::new(Arc::clone(&self.engine), space, row.number))
    }

    /// The store of a space, made if there is none, by its own type.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] or [`StoreError::ReadOnly`].
    pub async fn create_disk_store(&self, space: SpaceId) -> Result<DiskStore> {
        match self.disk_store(space).await {
            Err(StoreError::NotServed(_)) => {
                let row = self.shared().ask(|reply| Admin::Create(space, reply)).await?;
                Ok(DiskStore::new(Arc::clone(&self.engine), space, row.number))
            }
            store => store,
        }
    }

    /// A caller's checkpoints, kept in this database.
    #[must_use]
    pub fn bookmarks(&self) -> DiskBookmarks {
        DiskBookmarks::new(Arc::clone(&self.engine))
    }

    /// How the database is doing, all spaces together; entries and payload bytes are zero here.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        crate::store::status(self.shared())
    }

    /// How many spaces have their state in memory now.
    #[must_use]
    pub fn spaces_in_use(&self) -> usize {
        self.shared().active().len()
    }

    /// Makes everything durable that can be computed again otherwise (digests, watermark), so that the next opening is
    /// as quick as can be.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`] after an earlier failure.
    pub async fn settle(&self) -> Result<()> {
        self.shared().ask(Admin::Settle).await
    }

    /// Closes the store: what waits is written, watchers end, later writes are refused with `store.closed`. The folder
    /// stays locked until the last clone, store and bookmarks are dropped.
    pub async fn close(&self) {
        let engine = Arc::clone(&self.engine);
        // Closing cannot fail; what could not be written down was logged.
        let _ = blocking(move || {
            engine.close();
            Ok(())
        })
        .await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.engine.shared()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Spaces for DiskSpaces {
    async fn open(&self, _cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        Ok(Arc::new(self.disk_store(space).await?))
    }

    async fn create(
        &self,
        _cx: &Context,
        space: SpaceId,
    ) -> Result<Arc<dyn ContentAddressedStore>> {
        Ok(Arc::new(self.create_disk_store(space).await?))
    }

    async fn list(&self, _cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        let limit = rules::clamp_space_limit(limit);
        let shared = Arc::clone(self.shared());
        blocking(move || list(&shared, after, limit)).await
    }

    async fn remove(&self, _cx: &Context, space: SpaceId) -> Result<bool> {
        self.shared().ask(|reply| Admin::Remove(space, reply)).await
    }
}

fn list(shared: &Shared, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
    let mut rows = shared.database.raw().raw_iterator_cf(shared.database.family(Family::Meta)?);
    match &after {
        Some(after) => rows.seek(Meta::Space(after).key()),
        None => rows.seek([Meta::SPACES]),
    }
    let mut spaces = Vec::new();
    while let Some((prefix, id)) = rows.key().and_then(<[u8]>::split_first)
        && *prefix == Meta::SPACES
    {
        let id = SpaceId::try_from(id).map_err(|_| crate::error::damaged_row("space"))?;
        if Some(id) != after {
            if spaces.len() == limit {
                return Ok(SpacePage { spaces, end: false });
            }
            spaces.push(id);
        }
        rows.next();
    }
    rows.status().map_err(read_error("spaces"))?;
    Ok(SpacePage { spaces, end: true })
}
