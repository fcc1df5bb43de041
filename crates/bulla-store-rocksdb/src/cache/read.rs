//! Reading kept entries back. Every header is decoded and its id computed anew, every payload hashed: what does not hold
//! any more is dropped and fetched again, never given.

use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry, VerifiedHeader};
use bulla_store::Result;
use bulla_store::cached::{CachedEntry, CachedPart};
use bulla_store::rules::ByteBudget;
use bytes::Bytes;
use rocksdb::DBPinnableSlice;

use super::change::number_of;
use super::contents::Contents;
use super::database::Family;
use super::rows::{EntryRow, IndexRow, sequence_key};
use crate::layout::{Key, id_key};

/// Ids looked up together.
const CHUNK: usize = 128;

impl Contents {
    pub(super) fn get(
        &self,
        space: &SpaceId,
        ids: &[EntryId],
        part: CachedPart,
        max_bytes: u32,
    ) -> Result<Vec<Option<CachedEntry>>> {
        let Some(number) = number_of(&self.database, space)? else {
            return Ok(vec![None; ids.len()]);
        };
        let mut budget = ByteBudget::new(max_bytes);
        let mut found = Vec::with_capacity(ids.len());
        let mut damaged = Vec::new();
        for ids in ids.chunks(CHUNK) {
            let keys: Vec<Key> = ids.iter().map(|id| id_key(number, id)).collect();
            let index = self.index_rows(&keys)?;
            // The index knows the sizes, so that nothing is read that will not fit.
            let fits = |row: &&Option<IndexRow>| {
                budget.take(row.as_ref().map_or(0, |row| size_bytes(row, part)))
            };
            let index: Vec<Option<IndexRow>> = index.iter().take_while(fits).copied().collect();
            self.read(ids, &index, part, &mut found, &mut damaged)?;
            if index.len() < ids.len() {
                break;
            }
        }
        if !damaged.is_empty() {
            self.evict(space, &damaged)?;
        }
        Ok(found)
    }

    fn read(
        &self,
        ids: &[EntryId],
        index: &[Option<IndexRow>],
        part: CachedPart,
        found: &mut Vec<Option<CachedEntry>>,
        damaged: &mut Vec<EntryId>,
    ) -> Result<()> {
        let headers: Vec<Key> =
            index.iter().flatten().map(|row| sequence_key(row.sequence)).collect();
        let payloads: Vec<Key> = index
            .iter()
            .flatten()
            .filter(|row| row.has_payload && part == CachedPart::Whole)
            .map(|row| sequence_key(row.sequence))
            .collect();
        let mut headers = self.database.get_many(Family::Entries, &headers)?.into_iter();
        let mut payloads = self.database.get_many(Family::Payloads, &payloads)?.into_iter();
        for (id, row) in ids.iter().zip(index) {
            let Some(row) = row else {
                found.push(None);
                continue;
            };
            let header = headers.next().flatten();
            let has_payload = row.has_payload && part == CachedPart::Whole;
            let payload = if has_payload { payloads.next().flatten() } else { None };
            // Evicted or moved since the index was read: not kept, for all we know.
            let Some(header) = header.filter(|_| payload.is_some() == has_payload) else {
                found.push(None);
                continue;
            };
            match entry_of(id, &header, payload) {
                Some(entry) => {
                    self.touched().set(row.sequence);
                    let (state, generation) = (row.state, row.generation);
                    found.push(Some(CachedEntry { entry, state, generation }));
                }
                None => {
                    tracing::error!(id = %id.short(), "kept entry is damaged; it will be fetched again");
                    damaged.push(*id);
                    found.push(None);
                }
            }
        }
        Ok(())
    }
}

/// What counts against a caller's bytes.
fn size_bytes(row: &IndexRow, part: CachedPart) -> usize {
    let payload = if part == CachedPart::Whole { row.payload_bytes } else { 0 };
    usize::try_from(row.header_bytes.saturating_add(payload)).unwrap_or(usize::MAX)
}

/// The entry, verified anew; `None` when it is not what was kept.
fn entry_of(
    id: &EntryId,
    header: &DBPinnableSlice<'_>,
    payload: Option<DBPinnableSlice<'_>>,
) -> Option<Verified> {
    let row = EntryRow::parse(header)?;
    let bytes = Bytes::copy_from_slice(row.header);
    let header = VerifiedHeader::from_store(bytes, row.signature, id).ok()?;
    match payload {
        Some(payload) => VerifiedEntry::from_store(header, Bytes::copy_from_slice(&payload))
            .ok()
            .map(Verified::Entry),
        None => Some(Verified::Header(header)),
    }
}
