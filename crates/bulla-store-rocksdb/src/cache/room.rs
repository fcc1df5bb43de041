//! How a cache stays within its bound (DISK-23): rows of the longest run go first, then entries in the order they were
//! kept. An entry that was asked for since it was kept gets a second chance, at most every other one of those looked at
//! together.

use bulla_core::EntryId;
use bulla_store::Result;

use super::contents::{Contents, Writer};
use super::database::{Family, item};
use super::rows::{EntryRow, IndexRow, Meta, UsageRow, sequence_key};
use crate::error::damaged_row;
use crate::layout::{Key, Row, id_key, receipt_key, space_range};

/// Rows take at most one part in this of the whole.
const ROWS_SHARE: u64 = 4;
/// When something must go, one part in this of the whole goes: making room has a price for each time.
const STEP_SHARE: u64 = 32;
/// Most entries looked at in one write, and most rows dropped.
const STEP: usize = 2_048;
/// Bytes after which a write that makes room ends.
const STEP_BYTES: u64 = 8 * 1024 * 1024;

/// An entry about to go.
struct Oldest {
    sequence: u64,
    space: u32,
    id: EntryId,
    bytes: Vec<u8>,
}

impl Contents {
    /// Drops what must go until everything fits again.
    pub(super) fn shrink(&self, writer: &mut Writer) -> Result<()> {
        let step = self.max_bytes / STEP_SHARE;
        let most_rows = self.max_bytes / ROWS_SHARE;
        if writer.totals.row_bytes() > most_rows {
            while writer.totals.row_bytes() > most_rows.saturating_sub(step)
                && self.drop_rows(writer)?
            {}
        }
        if writer.totals.bytes() > self.max_bytes {
            while writer.totals.bytes() > self.max_bytes.saturating_sub(step)
                && self.drop_oldest(writer)?
            {}
        }
        Ok(())
    }

    /// Drops the lowest rows of the space that has most: readers who keep a cursor are at the other end. `false` when
    /// there is nothing to drop.
    fn drop_rows(&self, writer: &mut Writer) -> Result<bool> {
        let Some((number, rows)) = self.longest()? else { return Ok(false) };
        let (start, end) = space_range(number);
        let most = usize::try_from(rows).unwrap_or(usize::MAX).div_ceil(2).min(STEP);
        let mut found = self.database.range(Family::Rows, &start, &end)?;
        let (mut count, mut last) = (0, None);
        while count < most
            && let Some((key, _)) = item(&found, "rows")?
        {
            let receipt = key.last_chunk().copied().ok_or_else(|| damaged_row("rows"))?;
            last = Some(u64::from_be_bytes(receipt));
            count += 1;
            found.next();
        }
        drop(found);
        // Counted and not there: the count is what must be mended.
        let Some(last) = last else { return Err(damaged_row("usage")) };
        let removed = u64::try_from(count).unwrap_or(u64::MAX);
        self.apply(writer, |change| {
            let to = receipt_key(number, last.saturating_add(1));
            change.delete_range(Family::Rows, start, to)?;
            change.count_rows(number, 0, removed)
        })?;
        Ok(true)
    }

    /// The space with most rows, and how many.
    fn longest(&self) -> Result<Option<(u32, u64)>> {
        let (from, to) = (Key::new(&[&[Meta::USAGE]]), Key::new(&[&[Meta::USAGE + 1]]));
        let mut found = self.database.range(Family::Meta, &from, &to)?;
        let mut longest: Option<(u32, u64)> = None;
        while let Some((key, value)) = item(&found, "meta")? {
            let number = key.last_chunk().copied().map(u32::from_be_bytes);
            let (Some(number), Some(usage)) = (number, UsageRow::parse(value)) else {
                return Err(damaged_row("usage"));
            };
            if usage.rows > longest.map_or(0, |(_, rows)| rows) {
                longest = Some((number, usage.rows));
            }
            found.next();
        }
        Ok(longest)
    }

    /// Drops the oldest entries, or gives them their second chance; `false` when there are none.
    fn drop_oldest(&self, writer: &mut Writer) -> Result<bool> {
        let oldest = self.oldest(writer.oldest)?;
        let Some(last) = oldest.last().map(|entry| entry.sequence) else { return Ok(false) };
        let (from, to) = (sequence_key(writer.oldest), sequence_key(last.saturating_add(1)));
        let target = self.max_bytes.saturating_sub(self.max_bytes / STEP_SHARE);
        let keys: Vec<Key> = oldest.iter().map(|entry| id_key(entry.space, &entry.id)).collect();
        let index = self.index_rows(&keys)?;
        let mut end = to;
        let mut next = last.saturating_add(1);
        self.apply(writer, |change| {
            let (mut chances, mut moved_bytes) = (0, 0);
            for (entry, row) in oldest.iter().zip(index) {
                if change.totals.bytes() <= target || moved_bytes > STEP_BYTES {
                    (end, next) = (sequence_key(entry.sequence), entry.sequence);
                    break;
                }
                // Bytes that the index does not name any more are nobody's.
                let Some(row) = row.filter(|row| row.sequence == entry.sequence) else { continue };
                let is_spared = chances < STEP / 2 && self.touched().contains(row.sequence);
                if is_spared {
                    chances += 1;
                    moved_bytes += row.cost();
                    self.keep_on(change, entry, row)?;
                } else {
                    change.delete(Family::Index, id_key(entry.space, &entry.id))?;
                    change.count_out(entry.space, &row)?;
                }
            }
            for family in [Family::Entries, Family::Payloads] {
                change.delete_range(family, from, end)?;
            }
            Ok(())
        })?;
        writer.oldest = next;
        self.touched().forget_before(next);
        for family in [Family::Entries, Family::Payloads] {
            self.database.drop_files(
                family,
                &sequence_key(0),
                &sequence_key(next.saturating_sub(1)),
            )?;
        }
        Ok(true)
    }

    /// Entries with the lowest sequence numbers.
    fn oldest(&self, from: u64) -> Result<Vec<Oldest>> {
        let mut found =
            self.database.range(Family::Entries, &sequence_key(from), &sequence_key(u64::MAX))?;
        let mut oldest = Vec::new();
        while oldest.len() < STEP
            && let Some((key, value)) = item(&found, "entries")?
        {
            let sequence = key.first_chunk().copied().map(u64::from_be_bytes);
            let (Some(sequence), Some(row)) = (sequence, EntryRow::parse(value)) else {
                return Err(damaged_row("entries"));
            };
            oldest.push(Oldest { sequence, space: row.space, id: row.id, bytes: value.to_vec() });
            found.next();
        }
        Ok(oldest)
    }

    /// Puts an entry at the end of the line.
    fn keep_on(
        &self,
        change: &mut super::change::Change<'_>,
        entry: &Oldest,
        row: IndexRow,
    ) -> Result<()> {
        let moved = IndexRow { sequence: change.next_sequence(), ..row };
        if row.has_payload {
            let held = self.database.get(Family::Payloads, &sequence_key(row.sequence))?;
            let payload = held.ok_or_else(|| damaged_row("payloads"))?;
            change.put(Family::Payloads, sequence_key(moved.sequence), &payload)?;
        }
        change.put(Family::Entries, sequence_key(moved.sequence), &entry.bytes)?;
        change.put(Family::Index, id_key(entry.space, &entry.id), moved.to_bytes())
    }
}
