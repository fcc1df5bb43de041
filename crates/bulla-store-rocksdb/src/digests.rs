//! The digests of a space: kept in memory while it is in use, written down now and then, rolled forward on first use.

use bulla_core::{EntryId, SetHash};
use bulla_store::{Result, StoreError};

use crate::database::{Batch, Database};
use crate::error::{damaged_row, read_error};
use crate::layout::{Family, HeaderRow, Meta, Row, receipt_key};

/// The three set states of a head, all at one receipt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Digests {
    /// The receipt they cover.
    pub(crate) at: u64,
    pub(crate) control: SetHash,
    pub(crate) held: SetHash,
    pub(crate) present: SetHash,
}

impl Digests {
    /// Memory in bytes.
    pub(crate) const SIZE_BYTES: usize = 3 * SetHash::STATE_BYTES + 128;

    /// Reads the digests written down last and brings them to `upto`, which must not be before them.
    ///
    /// The caller sees to it that no payload comes or goes meanwhile: a commit that changes one holds the digests in
    /// memory, so nobody reads them here.
    pub(crate) fn load(database: &Database, space: u32, upto: u64) -> Result<Self> {
        let mut digests =
            database.row::<Self>(Family::Meta, &Meta::Digests(space).key())?.unwrap_or_default();
        if digests.at > upto {
            return Err(StoreError::Corrupt {
                id: None,
                reason: format!("digests cover receipt {}, space ends at {upto}", digests.at),
            });
        }
        digests.roll_forward(database, space, upto)?;
        Ok(digests)
    }

    /// Brings the digests to `upto` by reading the header rows between.
    pub(crate) fn roll_forward(
        &mut self,
        database: &Database,
        space: u32,
        upto: u64,
    ) -> Result<()> {
        if self.at >= upto {
            return Ok(());
        }
        let mut delta = Delta::default();
        let mut rows = database.raw().raw_iterator_cf(database.family(Family::Headers)?);
        rows.seek(receipt_key(space, self.at.saturating_add(1)));
        for receipt in self.at.saturating_add(1)..=upto {
            rows.status().map_err(read_error("headers"))?;
            let row = match rows.item() {
                Some((key, value)) if key == receipt_key(space, receipt).as_ref() => {
                    HeaderRow::parse(value)
                }
                _ => None,
            };
            let row = row.ok_or_else(|| damaged_row("headers"))?;
            delta.append(&row.id, row.is_control, row.state.is_present());
            rows.next();
        }
        self.apply(&delta, upto);
        Ok(())
    }

    /// Adds what a commit changed; the digests are at `at` afterwards.
    pub(crate) fn apply(&mut self, delta: &Delta, at: u64) {
        self.at = at;
        self.control.add(&delta.control);
        self.held.add(&delta.with_payload);
        self.held.add(&delta.without_payload);
        self.present.add(&delta.with_payload);
        self.present.add(&delta.payload_added);
        self.present.subtract(&delta.payload_dropped);
    }

    /// Writes the digests down.
    pub(crate) fn write(&self, batch: &mut Batch<'_>, space: u32) -> Result<()> {
        let mut row = self.at.to_be_bytes().to_vec();
        for set in [&self.control, &self.held, &self.present] {
            row.extend_from_slice(&set.to_bytes());
        }
        batch.put(Family::Meta, Meta::Digests(space).key(), row)
    }
}

impl Row for Digests {
    /// `receipt (8) | control (2,048) | held (2,048) | present (2,048)` (DISK-7).
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (at, sets) = bytes.split_first_chunk()?;
        let mut sets = sets.chunks(SetHash::STATE_BYTES).map(SetHash::from_bytes);
        let mut set = || sets.next().flatten();
        let digests =
            Self { at: u64::from_be_bytes(*at), control: set()?, held: set()?, present: set()? };
        sets.next().is_none().then_some(digests)
    }
}

/// What a commit changes in a space's digests. Each id is hashed once, whatever the number of sets it enters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Delta {
    control: SetHash,
    with_payload: SetHash,
    without_payload: SetHash,
    payload_added: SetHash,
    payload_dropped: SetHash,
}

impl Delta {
    /// A new entry.
    pub(crate) fn append(&mut self, id: &EntryId, is_control: bool, has_payload: bool) {
        if has_payload { &mut self.with_payload } else { &mut self.without_payload }.insert(id);
        if is_control {
            self.control.insert(id);
        }
    }

    /// A payload that came after its header.
    pub(crate) fn payload_added(&mut self, id: &EntryId) {
        self.payload_added.insert(id);
    }

    /// A payload that was erased, pruned or lost.
    pub(crate) fn payload_dropped(&mut self, id: &EntryId) {
        self.payload_dropped.insert(id);
    }
}
