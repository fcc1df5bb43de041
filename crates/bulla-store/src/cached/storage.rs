//! What a cache keeps its entries and rows in.

use std::fmt::Debug;

use async_trait::async_trait;
use bulla_core::values::{Head, PayloadState};
use bulla_core::{EntryId, LogHash, SpaceId, Verified};

use crate::Result;

/// One receipt of the origin as a cache saw it on a page whose log hash it recomputed.
///
/// A *run* is a stretch of rows with consecutive receipts. Because each row carries its log hash, a run proves any
/// cursor within it or one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedRow {
    /// The origin's receipt.
    pub receipt: u64,
    /// The entry received.
    pub id: EntryId,
    /// The log hash at that receipt.
    pub log_hash: LogHash,
    /// What the origin said of the payload.
    pub state: PayloadState,
}

/// A verified entry as a cache keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedEntry {
    /// The header, or the whole entry.
    pub entry: Verified,
    /// What the origin said of the payload; `Present` beside a header means that it was not fetched.
    pub state: PayloadState,
    /// [`CachedOrigin::generation`] when the origin said so.
    pub generation: u64,
}

/// What a cache knows of its origin; one record per space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedOrigin {
    /// The newest head the origin gave.
    pub head: Head,
    /// When it gave it, in milliseconds since 1970 by the cache's clock.
    pub seen_unix_ms: u64,
    /// Counts the times that what the origin said of payloads had to be forgotten (CACHE-9).
    pub generation: u64,
    /// Receipts up to this one are likely to be of entries that are still kept, though their rows were dropped: it is
    /// worth asking for ids before asking for entries.
    pub kept_upto: u64,
}

/// How much of each entry is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachedPart {
    /// The header; the entry given is a [`Verified::Header`], whether or not the payload is kept.
    Header,
    /// The payload too, if it is kept.
    Whole,
}

/// How much a cache keeps of one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheUsage {
    /// Entries, with or without payload.
    pub entries: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes on disk, of all spaces together; 0 in memory.
    pub disk_bytes: u64,
}

/// Where a [`CachedStore`](super::CachedStore) keeps things: a bounded map, not a store. One storage may serve many
/// spaces and caches.
///
/// It is bounded in bytes by its own settings and may drop any entry and any row at any moment to stay so; that is
/// eviction, not erasure. What is kept need not survive a crash, but must not come back in another order: after a crash
/// everything written after some moment may be gone, and nothing written before it.
///
/// What is given is verified; a storage that reads from a disk gives back what verified before, as
/// [`VerifiedHeader::from_store`](bulla_core::VerifiedHeader::from_store) and
/// [`VerifiedEntry::from_store`](bulla_core::VerifiedEntry::from_store) do, and drops what does not hold any more.
///
/// # Errors
///
/// Any [`StoreError`](crate::StoreError) of the medium. The cache then goes on without what it asked for, and says
/// `cache.storage` in its status.
#[async_trait]
pub trait CacheStorage: Debug + Send + Sync + 'static {
    /// What is known of the origin of a space.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn origin(&self, space: &SpaceId) -> Result<Option<CachedOrigin>>;

    /// Replaces what is known of the origin.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn set_origin(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()>;

    /// Replaces what is known of the origin and drops every row of the space, both or neither. Entries stay.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn restart_rows(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()>;

    /// The rows from receipt `first` on, consecutive, at most `limit`; none if `first` itself is not kept.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn rows(&self, space: &SpaceId, first: u64, limit: usize) -> Result<Vec<CachedRow>>;

    /// Keeps rows, in place of any under the same receipts.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn keep_rows(&self, space: &SpaceId, rows: &[CachedRow]) -> Result<()>;

    /// What is kept for a prefix of the ids: one answer each, in order, as many as `max_bytes` of headers, signatures and
    /// payloads allow and at least one ([`ByteBudget`](crate::rules::ByteBudget) is the rule).
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn get(
        &self,
        space: &SpaceId,
        ids: &[EntryId],
        part: CachedPart,
        max_bytes: u32,
    ) -> Result<Vec<Option<CachedEntry>>>;

    /// Keeps entries. A header never takes the place of an entry kept with its payload; otherwise the newer stays.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn keep(&self, space: &SpaceId, entries: Vec<CachedEntry>) -> Result<()>;

    /// Drops entries, payloads and all; ids that are not kept do not matter.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn evict(&self, space: &SpaceId, ids: &[EntryId]) -> Result<()>;

    /// The ids kept that are greater than `after`, ascending, at most `limit`.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn ids(
        &self,
        space: &SpaceId,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>>;

    /// How much is kept of a space.
    ///
    /// # Errors
    ///
    /// See the trait.
    async fn usage(&self, space: &SpaceId) -> Result<CacheUsage>;
}
