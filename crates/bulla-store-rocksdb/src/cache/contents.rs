//! What a cache keeps: reads, and writes that stay within bounds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_core::{EntryId, Signature, SpaceId};
use bulla_store::Result;
use bulla_store::cached::{CacheUsage, CachedEntry, CachedOrigin, CachedRow};
use rocksdb::DBPinnableSlice;

use super::change::{Change, number_of};
use super::database::{Database, Family, item};
use super::rows::{
    EntryRow, IndexRow, Meta, OriginRow, Totals, UsageRow, parse_receipt_row, receipt_row,
    sequence_key,
};
use super::touched::Touched;
use crate::error::damaged_row;
use crate::layout::{Key, Row, id_key, receipt_key, space_range};

/// One database of a cache. When it turns out to be damaged, another takes its place.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) database: Database,
    pub(super) max_bytes: u64,
    pub(super) touched: Mutex<Touched>,
    /// Set when a write failed: the engine takes no other until it is opened anew.
    pub(super) has_failed: AtomicBool,
    writer: Mutex<Writer>,
}

/// What the one who writes knows.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) totals: Totals,
    /// No entry has a lower sequence number.
    pub(super) oldest: u64,
}

impl Contents {
    pub(super) fn new(database: Database, max_bytes: u64) -> Result<Self> {
        let totals: Totals = database.row(Family::Meta, &Meta::Totals.key())?.unwrap_or_default();
        let from = sequence_key(0);
        let oldest = {
            let rows = database.range(Family::Entries, &from, &sequence_key(u64::MAX))?;
            item(&rows, "entries")?.and_then(|(key, _)| key.first_chunk().copied())
        };
        let oldest = oldest.map_or(totals.next_sequence, u64::from_be_bytes);
        let mut touched = Touched::default();
        touched.forget_before(oldest);
        Ok(Self {
            database,
            max_bytes,
            touched: Mutex::new(touched),
            has_failed: AtomicBool::new(false),
            writer: Mutex::new(Writer { totals, oldest }),
        })
    }

    pub(super) fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn origin(&self, space: &SpaceId) -> Result<Option<CachedOrigin>> {
        let Some(number) = number_of(&self.database, space)? else { return Ok(None) };
        let row: Option<OriginRow> =
            self.database.row(Family::Meta, &Meta::Origin(number).key())?;
        Ok(row.map(|OriginRow(origin)| origin))
    }

    pub(super) fn rows(&self, space: &SpaceId, first: u64, limit: usize) -> Result<Vec<CachedRow>> {
        let Some(number) = number_of(&self.database, space)? else { return Ok(Vec::new()) };
        let (_, end) = space_range(number);
        let mut found = self.database.range(Family::Rows, &receipt_key(number, first), &end)?;
        let mut rows = Vec::new();
        for receipt in (first..).take(limit) {
            let Some((key, value)) = item(&found, "rows")? else { break };
            if key != receipt_key(number, receipt).as_ref() {
                break;
            }
            // A row that cannot be read is a row that is not kept.
            let Some(row) = parse_receipt_row(receipt, value) else { break };
            rows.push(row);
            found.next();
        }
        Ok(rows)
    }

    pub(super) fn ids(
        &self,
        space: &SpaceId,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>> {
        let Some(number) = number_of(&self.database, space)? else { return Ok(Vec::new()) };
        let (start, end) = space_range(number);
        let from = after.map_or(start, |after| id_key(number, &after));
        let mut found = self.database.range(Family::Index, &from, &end)?;
        let mut ids = Vec::new();
        while ids.len() < limit
            && let Some((key, _)) = item(&found, "index")?
        {
            let id = key.last_chunk().copied().map(EntryId);
            ids.extend(id.filter(|id| Some(*id) != after));
            found.next();
        }
        Ok(ids)
    }

    pub(super) fn usage(&self, space: &SpaceId) -> Result<CacheUsage> {
        let disk_bytes = self.database.disk_bytes();
        let Some(number) = number_of(&self.database, space)? else {
            return Ok(CacheUsage { disk_bytes, ..CacheUsage::default() });
        };
        let row: Option<UsageRow> = self.database.row(Family::Meta, &Meta::Usage(number).key())?;
        let UsageRow { entries, payload_bytes, rows } = row.unwrap_or_default();
        Ok(CacheUsage { entries, payload_bytes, rows, disk_bytes })
    }

    pub(super) fn set_origin(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        self.change(|change| {
            let number = change.number(space)?;
            change.put(Family::Meta, Meta::Origin(number).key(), OriginRow(origin).to_bytes())
        })
    }

    pub(super) fn restart_rows(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        self.change(|change| {
            let number = change.number(space)?;
            let (from, to) = space_range(number);
            change.delete_range(Family::Rows, from, to)?;
            let rows = change.usage(number)?.rows;
            change.count_rows(number, 0, rows)?;
            change.put(Family::Meta, Meta::Origin(number).key(), OriginRow(origin).to_bytes())
        })
    }

    pub(super) fn keep_rows(&self, space: &SpaceId, rows: &[CachedRow]) -> Result<()> {
        let mut writer = self.writer();
        self.apply(&mut writer, |change| {
            let number = change.number(space)?;
            // Each once, the last one given: counts must be those of the keys.
            let rows: BTreeMap<u64, &CachedRow> =
                rows.iter().map(|row| (row.receipt, row)).collect();
            let keys: Vec<Key> = rows.keys().map(|receipt| receipt_key(number, *receipt)).collect();
            let held = self.database.get_many(Family::Rows, &keys)?.into_iter().flatten().count();
            for (key, row) in keys.into_iter().zip(rows.values()) {
                change.put(Family::Rows, key, receipt_row(row))?;
            }
            let new = u64::try_from(rows.len().saturating_sub(held)).unwrap_or(u64::MAX);
            change.count_rows(number, new, 0)
        })?;
        self.shrink(&mut writer)
    }

    pub(super) fn evict(&self, space: &SpaceId, ids: &[EntryId]) -> Result<()> {
        self.change(|change| {
            let Some(number) = number_of(&self.database, space)? else { return Ok(()) };
            let keys: Vec<Key> = ids.iter().map(|id| id_key(number, id)).collect();
            let mut dropped = HashSet::new();
            for (id, row) in ids.iter().zip(self.index_rows(&keys)?) {
                if let Some(row) = row
                    && dropped.insert(*id)
                {
                    change.drop_entry(number, id, &row)?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn keep(&self, space: &SpaceId, entries: &[CachedEntry]) -> Result<()> {
        let mut writer = self.writer();
        self.apply(&mut writer, |change| {
            let number = change.number(space)?;
            let keys: Vec<Key> =
                entries.iter().map(|entry| id_key(number, &entry.entry.id())).collect();
            // What this write keeps, or drops, for ids given twice.
            let mut written: HashMap<EntryId, Option<IndexRow>> = HashMap::new();
            for (entry, held) in entries.iter().zip(self.index_rows(&keys)?) {
                let id = entry.entry.id();
                let held = written.get(&id).copied().unwrap_or(held);
                if let Kept::Changed(row) = self.keep_one(change, number, &id, entry, held)? {
                    written.insert(id, row);
                }
            }
            Ok(())
        })?;
        self.shrink(&mut writer)
    }

    /// Keeps one entry.
    fn keep_one(
        &self,
        change: &mut Change<'_>,
        number: u32,
        id: &EntryId,
        entry: &CachedEntry,
        held: Option<IndexRow>,
    ) -> Result<Kept> {
        let header = entry.entry.verified_header();
        let payload = entry.entry.payload();
        let bytes = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let row = IndexRow {
            sequence: held.map_or(0, |held| held.sequence),
            generation: entry.generation,
            header_bytes: bytes(header.bytes().len() + Signature::LEN),
            payload_bytes: bytes(payload.map_or(0, bytes::Bytes::len)),
            has_payload: payload.is_some(),
            state: entry.state,
        };
        if let Some(held) = held {
            if row == held || (held.has_payload && !row.has_payload) {
                self.touched().set(held.sequence);
                return Ok(Kept::AsBefore);
            }
            change.drop_bytes(&held)?;
            change.count_out(number, &held)?;
        }
        if row.cost() > self.max_bytes {
            if held.is_some() {
                change.delete(Family::Index, id_key(number, id))?;
            }
            return Ok(Kept::Changed(None));
        }
        let row = IndexRow { sequence: change.next_sequence(), ..row };
        let bytes = EntryRow {
            space: number,
            id: *id,
            signature: *header.signature(),
            header: header.bytes(),
        };
        change.put(Family::Entries, sequence_key(row.sequence), bytes.to_bytes())?;
        if let Some(payload) = payload {
            change.put(Family::Payloads, sequence_key(row.sequence), payload)?;
        }
        change.put(Family::Index, id_key(number, id), row.to_bytes())?;
        change.count_in(number, &row)?;
        Ok(Kept::Changed(Some(row)))
    }

    /// Rows of the index under many keys.
    pub(super) fn index_rows(&self, keys: &[Key]) -> Result<Vec<Option<IndexRow>>> {
        let found = self.database.get_many(Family::Index, keys)?;
        let parse = |bytes: DBPinnableSlice<'_>| {
            IndexRow::parse(&bytes).ok_or_else(|| damaged_row("index"))
        };
        found.into_iter().map(|bytes| bytes.map(parse).transpose()).collect()
    }

    fn change(&self, work: impl FnOnce(&mut Change<'_>) -> Result<()>) -> Result<()> {
        self.apply(&mut self.writer(), work)
    }

    /// One write: whatever `work` adds, and the counts.
    pub(super) fn apply(
        &self,
        writer: &mut Writer,
        work: impl FnOnce(&mut Change<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut change = Change::new(&self.database, writer.totals);
        work(&mut change)?;
        let written = change.write();
        if written.is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        writer.totals = written?;
        Ok(())
    }
}

/// What became of an entry given.
enum Kept {
    /// Nothing changed.
    AsBefore,
    /// It lies here now; or nowhere, for it is larger than the cache.
    Changed(Option<IndexRow>),
}
