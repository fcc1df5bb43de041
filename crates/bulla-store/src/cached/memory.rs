//! A cache's storage in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bulla_core::{EntryId, SpaceId, Verified};

use super::storage::{CacheStorage, CacheUsage, CachedEntry, CachedOrigin, CachedPart, CachedRow};
use crate::Result;
use crate::rules::ByteBudget;

/// What a kept entry costs beside its own bytes, estimated: maps, pointers, decoded header.
const ENTRY_OVERHEAD_BYTES: usize = 512;
/// What a row costs.
const ROW_BYTES: usize = 160;
/// Rows take at most one part in this of the whole.
const ROWS_SHARE: usize = 4;

/// Entries and rows in memory, bounded in bytes. The entry not asked for longest is dropped first.
#[derive(Debug)]
pub struct MemoryCacheStorage {
    max_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    spaces: BTreeMap<SpaceId, Space>,
    /// Every entry kept by when it was last used; the first is dropped first.
    by_use: BTreeMap<u64, (SpaceId, EntryId)>,
    clock: u64,
    entry_bytes: usize,
    row_bytes: usize,
}

#[derive(Debug, Default)]
struct Space {
    origin: Option<CachedOrigin>,
    rows: BTreeMap<u64, CachedRow>,
    entries: HashMap<EntryId, Kept>,
    payload_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    entry: CachedEntry,
    used: u64,
}

impl MemoryCacheStorage {
    /// An empty storage of at most `max_bytes`, of which a quarter is for rows. Sizes are estimates: each entry counts
    /// 512 bytes beside its own.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn keep(&mut self, space: &SpaceId, entry: CachedEntry, max_bytes: usize) {
        let id = entry.entry.id();
        let kept = self.spaces.get(space).and_then(|held| held.entries.get(&id));
        let has_payload = kept.is_some_and(|kept| kept.entry.entry.payload().is_some());
        if cost(&entry) > max_bytes || (has_payload && entry.entry.payload().is_none()) {
            return;
        }
        self.drop_entry(space, &id);
        self.clock += 1;
        let used = self.clock;
        self.entry_bytes += cost(&entry);
        self.by_use.insert(used, (*space, id));
        let held = self.spaces.entry(*space).or_default();
        held.payload_bytes += payload_bytes(&entry);
        held.entries.insert(id, Kept { entry, used });
    }

    fn drop_entry(&mut self, space: &SpaceId, id: &EntryId) {
        let Some(held) = self.spaces.get_mut(space) else { return };
        let Some(kept) = held.entries.remove(id) else { return };
        held.payload_bytes -= payload_bytes(&kept.entry);
        self.entry_bytes -= cost(&kept.entry);
        self.by_use.remove(&kept.used);
    }

    fn drop_rows(&mut self, space: &SpaceId) {
        if let Some(held) = self.spaces.get_mut(space) {
            self.row_bytes -= held.rows.len() * ROW_BYTES;
            held.rows.clear();
        }
    }

    /// Drops what was not used longest until everything fits again.
    fn shrink(&mut self, max_bytes: usize) {
        while self.row_bytes > max_bytes / ROWS_SHARE {
            // The longest list gives its oldest rows: readers who keep a cursor are at the other end.
            let longest = self.spaces.values_mut().max_by_key(|held| held.rows.len());
            if longest.and_then(|held| held.rows.pop_first()).is_none() {
                break;
            }
            self.row_bytes -= ROW_BYTES;
        }
        while self.entry_bytes + self.row_bytes > max_bytes {
            let Some((_, (space, id))) = self.by_use.first_key_value() else { break };
            let (space, id) = (*space, *id);
            self.drop_entry(&space, &id);
        }
    }

    fn touch(&mut self, space: &SpaceId, id: &EntryId) -> Option<&CachedEntry> {
        let kept = self.spaces.get_mut(space)?.entries.get_mut(id)?;
        self.by_use.remove(&kept.used);
        self.clock += 1;
        kept.used = self.clock;
        self.by_use.insert(kept.used, (*space, *id));
        Some(&kept.entry)
    }
}

fn cost(entry: &CachedEntry) -> usize {
    entry.entry.size_bytes().saturating_add(ENTRY_OVERHEAD_BYTES)
}

fn payload_bytes(entry: &CachedEntry) -> usize {
    entry.entry.payload().map_or(0, bytes::Bytes::len)
}

#[async_trait]
impl CacheStorage for MemoryCacheStorage {
    async fn origin(&self, space: &SpaceId) -> Result<Option<CachedOrigin>> {
        Ok(self.lock().spaces.get(space).and_then(|held| held.origin))
    }

    async fn set_origin(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        self.lock().spaces.entry(*space).or_default().origin = Some(origin);
        Ok(())
    }

    async fn restart_rows(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        let mut inner = self.lock();
        inner.drop_rows(space);
        inner.spaces.entry(*space).or_default().origin = Some(origin);
        Ok(())
    }

    async fn rows(&self, space: &SpaceId, first: u64, limit: usize) -> Result<Vec<CachedRow>> {
        let inner = self.lock();
        let Some(held) = inner.spaces.get(space) else { return Ok(Vec::new()) };
        let consecutive =
            held.rows.range(first..).zip(first..).take_while(|((receipt, _), n)| *receipt == n);
        Ok(consecutive.take(limit).map(|((_, row), _)| *row).collect())
    }

    async fn keep_rows(&self, space: &SpaceId, rows: &[CachedRow]) -> Result<()> {
        let mut inner = self.lock();
        let held = inner.spaces.entry(*space).or_default();
        let new = rows.iter().filter(|row| held.rows.insert(row.receipt, **row).is_none()).count();
        inner.row_bytes += new * ROW_BYTES;
        inner.shrink(self.max_bytes);
        Ok(())
    }

    async fn get(
        &self,
        space: &SpaceId,
        ids: &[EntryId],
        part: CachedPart,
        max_bytes: u32,
    ) -> Result<Vec<Option<CachedEntry>>> {
        let mut inner = self.lock();
        let mut budget = ByteBudget::new(max_bytes);
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let kept = inner.touch(space, id).map(|kept| match part {
                CachedPart::Whole => kept.clone(),
                CachedPart::Header => CachedEntry {
                    entry: Verified::Header(kept.entry.verified_header().clone()),
                    ..*kept
                },
            });
            if !budget.take(kept.as_ref().map_or(0, |kept| kept.entry.size_bytes())) {
                break;
            }
            found.push(kept);
        }
        Ok(found)
    }

    async fn keep(&self, space: &SpaceId, entries: Vec<CachedEntry>) -> Result<()> {
        let mut inner = self.lock();
        for entry in entries {
            inner.keep(space, entry, self.max_bytes);
        }
        inner.shrink(self.max_bytes);
        Ok(())
    }

    async fn evict(&self, space: &SpaceId, ids: &[EntryId]) -> Result<()> {
        let mut inner = self.lock();
        for id in ids {
            inner.drop_entry(space, id);
        }
        Ok(())
    }

    async fn ids(
        &self,
        space: &SpaceId,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>> {
        // Sorted for each page: this is asked at open only, when a memory storage is empty or small.
        let sorted: BTreeMap<EntryId, ()> = match self.lock().spaces.get(space) {
            Some(held) => held.entries.keys().map(|id| (*id, ())).collect(),
            None => return Ok(Vec::new()),
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(sorted.range((start, Bound::Unbounded)).take(limit).map(|(id, ())| *id).collect())
    }

    async fn usage(&self, space: &SpaceId) -> Result<CacheUsage> {
        let inner = self.lock();
        let Some(held) = inner.spaces.get(space) else { return Ok(CacheUsage::default()) };
        let count = |value| u64::try_from(value).unwrap_or(u64::MAX);
        Ok(CacheUsage {
            entries: count(held.entries.len()),
            payload_bytes: count(held.payload_bytes),
            rows: count(held.rows.len()),
            disk_bytes: 0,
        })
    }
}
