//! What a cache keeps of a space with members.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::{EntryId, SpaceId};
use bulla_store::cached::{CacheUsage, CachedEntry, CachedOrigin, CachedPart, CachedRow};
use bulla_store::{CacheStorage, Result};

use super::ControlReplica;

/// Keeps application entries of those alone to whom a control entry known here gave a role (NODE-29). What an upstream gives
/// of strangers passes by, so that it cannot fill the room that members share.
///
/// Control entries, of which the directory takes no more than it can hold, are kept; so is what does not count for another
/// reason: a relay that judges holds it too, marked, and a page with a gap could not be given while it is away.
#[derive(Debug)]
pub(crate) struct JudgedStorage {
    inner: Arc<dyn CacheStorage>,
    replica: Arc<ControlReplica>,
}

impl JudgedStorage {
    pub(crate) fn over(
        inner: Arc<dyn CacheStorage>,
        replica: Arc<ControlReplica>,
    ) -> Arc<dyn CacheStorage> {
        Arc::new(Self { inner, replica })
    }

    fn may_be_kept(&self, entry: &CachedEntry) -> bool {
        let header = entry.entry.header();
        header.kind.is_control() || !self.replica.is_stranger(&header.author)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CacheStorage for JudgedStorage {
    async fn origin(&self, space: &SpaceId) -> Result<Option<CachedOrigin>> {
        self.inner.origin(space).await
    }

    async fn set_origin(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        self.inner.set_origin(space, origin).await
    }

    async fn restart_rows(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        self.inner.restart_rows(space, origin).await
    }

    async fn rows(&self, space: &SpaceId, first: u64, limit: usize) -> Result<Vec<CachedRow>> {
        self.inner.rows(space, first, limit).await
    }

    async fn keep_rows(&self, space: &SpaceId, rows: &[CachedRow]) -> Result<()> {
        self.inner.keep_rows(space, rows).await
    }

    async fn get(
        &self,
        space: &SpaceId,
        ids: &[EntryId],
        part: CachedPart,
        max_bytes: u32,
    ) -> Result<Vec<Option<CachedEntry>>> {
        self.inner.get(space, ids, part, max_bytes).await
    }

    async fn keep(&self, space: &SpaceId, mut entries: Vec<CachedEntry>) -> Result<()> {
        entries.retain(|entry| self.may_be_kept(entry));
        self.inner.keep(space, entries).await
    }

    async fn evict(&self, space: &SpaceId, ids: &[EntryId]) -> Result<()> {
        self.inner.evict(space, ids).await
    }

    async fn ids(
        &self,
        space: &SpaceId,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>> {
        self.inner.ids(space, after, limit).await
    }

    async fn usage(&self, space: &SpaceId) -> Result<CacheUsage> {
        self.inner.usage(space).await
    }
}
