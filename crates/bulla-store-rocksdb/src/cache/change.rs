//! What a write to a cache changes: rows, and the counts that go with them, in one batch.

use std::collections::BTreeMap;

use bulla_core::{EntryId, SpaceId};
use bulla_store::{Result, StoreError};
use rocksdb::WriteBatch;

use super::database::{Database, Family};
use super::rows::{IndexRow, Meta, Totals, UsageRow, sequence_key};
use crate::error::damaged_row;
use crate::layout::{Key, id_key};

/// A write in the making.
pub(super) struct Change<'d> {
    pub(super) database: &'d Database,
    batch: WriteBatch,
    pub(super) totals: Totals,
    usage: BTreeMap<u32, UsageRow>,
}

impl<'d> Change<'d> {
    pub(super) fn new(database: &'d Database, totals: Totals) -> Self {
        Self { database, batch: WriteBatch::default(), totals, usage: BTreeMap::new() }
    }

    pub(super) fn put(&mut self, family: Family, key: Key, value: impl AsRef<[u8]>) -> Result<()> {
        self.batch.put_cf(self.database.family(family)?, key, value);
        Ok(())
    }

    pub(super) fn delete(&mut self, family: Family, key: Key) -> Result<()> {
        self.batch.delete_cf(self.database.family(family)?, key);
        Ok(())
    }

    /// Deletes from one key up to, not including, another.
    pub(super) fn delete_range(&mut self, family: Family, from: Key, to: Key) -> Result<()> {
        self.batch.delete_range_cf(self.database.family(family)?, from, to);
        Ok(())
    }

    /// The number of a space, given out now if it has none.
    pub(super) fn number(&mut self, space: &SpaceId) -> Result<u32> {
        if let Some(number) = number_of(self.database, space)? {
            return Ok(number);
        }
        let key = Meta::NextSpace.key();
        let number = match self.database.get(Family::Meta, &key)? {
            Some(bytes) => bytes
                .as_ref()
                .try_into()
                .map(u32::from_be_bytes)
                .map_err(|_| damaged_row("meta"))?,
            None => 0,
        };
        let next = number.checked_add(1).filter(|next| *next < u32::MAX).ok_or_else(|| {
            StoreError::Internal {
                context: "all space numbers were given out".to_owned(),
                source: None,
            }
        })?;
        self.put(Family::Meta, key, next.to_be_bytes())?;
        self.put(Family::Meta, Meta::Space(space).key(), number.to_be_bytes())?;
        Ok(number)
    }

    /// What is kept of a space, to be changed.
    pub(super) fn usage(&mut self, number: u32) -> Result<&mut UsageRow> {
        let held = match self.usage.get(&number) {
            Some(held) => *held,
            None => {
                let key = Meta::Usage(number).key();
                self.database.row(Family::Meta, &key)?.unwrap_or_default()
            }
        };
        Ok(self.usage.entry(number).or_insert(held))
    }

    /// Counts an entry in.
    pub(super) fn count_in(&mut self, number: u32, row: &IndexRow) -> Result<()> {
        self.totals.entry_bytes = self.totals.entry_bytes.saturating_add(row.cost());
        let usage = self.usage(number)?;
        usage.entries = usage.entries.saturating_add(1);
        usage.payload_bytes = usage.payload_bytes.saturating_add(u64::from(row.payload_bytes));
        Ok(())
    }

    /// Counts an entry out.
    pub(super) fn count_out(&mut self, number: u32, row: &IndexRow) -> Result<()> {
        self.totals.entry_bytes = self.totals.entry_bytes.saturating_sub(row.cost());
        let usage = self.usage(number)?;
        usage.entries = usage.entries.saturating_sub(1);
        usage.payload_bytes = usage.payload_bytes.saturating_sub(u64::from(row.payload_bytes));
        Ok(())
    }

    /// Drops a kept entry: its place in the index, and its bytes.
    pub(super) fn drop_entry(&mut self, number: u32, id: &EntryId, row: &IndexRow) -> Result<()> {
        self.delete(Family::Index, id_key(number, id))?;
        self.drop_bytes(row)?;
        self.count_out(number, row)
    }

    /// Drops an entry's bytes.
    pub(super) fn drop_bytes(&mut self, row: &IndexRow) -> Result<()> {
        let key = sequence_key(row.sequence);
        self.delete(Family::Entries, key)?;
        if row.has_payload {
            self.delete(Family::Payloads, key)?;
        }
        Ok(())
    }

    /// A sequence number that was never used.
    pub(super) fn next_sequence(&mut self) -> u64 {
        let sequence = self.totals.next_sequence;
        self.totals.next_sequence = sequence.saturating_add(1);
        sequence
    }

    /// Counts rows of the origin in and out.
    pub(super) fn count_rows(&mut self, number: u32, added: u64, removed: u64) -> Result<()> {
        let count = |held: u64| held.saturating_add(added).saturating_sub(removed);
        self.totals.rows = count(self.totals.rows);
        let usage = self.usage(number)?;
        usage.rows = count(usage.rows);
        Ok(())
    }

    /// Writes everything, counts too, and gives the new totals.
    pub(super) fn write(mut self) -> Result<Totals> {
        for (number, usage) in std::mem::take(&mut self.usage) {
            self.put(Family::Meta, Meta::Usage(number).key(), usage.to_bytes())?;
        }
        self.put(Family::Meta, Meta::Totals.key(), self.totals.to_bytes())?;
        self.database.write(self.batch)?;
        Ok(self.totals)
    }
}

/// The number of a space, if anything was ever kept of it.
pub(super) fn number_of(database: &Database, space: &SpaceId) -> Result<Option<u32>> {
    let bytes = database.get(Family::Meta, &Meta::Space(space).key())?;
    bytes
        .map(|bytes| {
            bytes.as_ref().try_into().map(u32::from_be_bytes).map_err(|_| damaged_row("meta"))
        })
        .transpose()
}
