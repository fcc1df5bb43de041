//! How a cache's rows are laid out (chapter `disk.md`, DISK-21). Integers are big-endian.

use bulla_core::cbor::{Decode, Encode};
use bulla_core::values::{Head, PayloadState};
use bulla_core::{EntryId, LogHash, Signature, SpaceId};
use bulla_store::cached::{CachedOrigin, CachedRow};

use crate::layout::{Fields, Key, Row};

/// Rows of the meta family.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meta<'a> {
    /// `n`: the next space number.
    NextSpace,
    /// `t`: what all spaces have together.
    Totals,
    /// `s` and a space id: its number.
    Space(&'a SpaceId),
    /// `o` and a space number: what is known of its origin.
    Origin(u32),
    /// `u` and a space number: how much is kept of it.
    Usage(u32),
}

impl Meta<'_> {
    /// Every usage row begins with this.
    pub(super) const USAGE: u8 = b'u';

    pub(super) fn key(self) -> Key {
        match self {
            Self::NextSpace => Key::new(&[b"n"]),
            Self::Totals => Key::new(&[b"t"]),
            Self::Space(space) => Key::new(&[b"s", &space.0]),
            Self::Origin(space) => Key::new(&[b"o", &space.to_be_bytes()]),
            Self::Usage(space) => Key::new(&[&[Self::USAGE], &space.to_be_bytes()]),
        }
    }
}

pub(super) fn sequence_key(sequence: u64) -> Key {
    Key::new(&[&sequence.to_be_bytes()])
}

/// `sequence (8) | generation (8) | header bytes (4) | payload bytes (4) | payload is kept (1) | state (1) | [by (32)]`
/// under a space number and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexRow {
    /// Where the entry lies.
    pub(super) sequence: u64,
    pub(super) generation: u64,
    /// Header and signature.
    pub(super) header_bytes: u32,
    /// The payload kept; 0 for none.
    pub(super) payload_bytes: u32,
    pub(super) has_payload: bool,
    pub(super) state: PayloadState,
}

impl IndexRow {
    /// What an entry takes beside its own bytes, estimated: keys, index, filters, the engine's share.
    const OVERHEAD_BYTES: u64 = 256;

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut row = Vec::with_capacity(58);
        row.extend_from_slice(&self.sequence.to_be_bytes());
        row.extend_from_slice(&self.generation.to_be_bytes());
        row.extend_from_slice(&self.header_bytes.to_be_bytes());
        row.extend_from_slice(&self.payload_bytes.to_be_bytes());
        row.push(u8::from(self.has_payload));
        push_state(&mut row, self.state);
        row
    }

    /// What it counts against the bound, in bytes.
    pub(super) fn cost(&self) -> u64 {
        u64::from(self.header_bytes) + u64::from(self.payload_bytes) + Self::OVERHEAD_BYTES
    }
}

impl Row for IndexRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (sequence, generation) = (fields.u64()?, fields.u64()?);
        let header_bytes = u32::from_be_bytes(fields.take()?);
        let payload_bytes = u32::from_be_bytes(fields.take()?);
        let [has_payload @ (0 | 1)] = fields.take()? else { return None };
        let state = take_state(&mut fields)?;
        let has_payload = has_payload == 1;
        fields.end(Self { sequence, generation, header_bytes, payload_bytes, has_payload, state })
    }
}

/// `space number (4) | id (32) | signature (64) | header` under a sequence, borrowed from the bytes read.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryRow<'a> {
    pub(super) space: u32,
    pub(super) id: EntryId,
    pub(super) signature: Signature,
    pub(super) header: &'a [u8],
}

impl<'a> EntryRow<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let space = u32::from_be_bytes(fields.take()?);
        let (id, signature) = (EntryId(fields.take()?), Signature(fields.take()?));
        Some(Self { space, id, signature, header: fields.0 })
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.space.to_be_bytes().as_slice(), &self.id.0, &self.signature.0, self.header].concat()
    }
}

/// What a row of the origin takes, estimated.
pub(super) const RECEIPT_ROW_BYTES: u64 = 128;

/// `id (32) | log hash (32) | state (1) | [by (32)]` under a space number and a receipt.
pub(super) fn receipt_row(row: &CachedRow) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(97);
    bytes.extend_from_slice(&row.id.0);
    bytes.extend_from_slice(&row.log_hash.0);
    push_state(&mut bytes, row.state);
    bytes
}

pub(super) fn parse_receipt_row(receipt: u64, bytes: &[u8]) -> Option<CachedRow> {
    let mut fields = Fields(bytes);
    let (id, log_hash) = (EntryId(fields.take()?), LogHash(fields.take()?));
    let state = take_state(&mut fields)?;
    fields.end(CachedRow { receipt, id, log_hash, state })
}

/// `seen (8) | generation (8) | kept up to (8) | head`.
#[derive(Debug, Clone, Copy)]
pub(super) struct OriginRow(pub(super) CachedOrigin);

impl OriginRow {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let CachedOrigin { head, seen_unix_ms, generation, kept_upto } = self.0;
        let numbers = [seen_unix_ms, generation, kept_upto].map(u64::to_be_bytes);
        [numbers.concat(), head.to_cbor()].concat()
    }
}

impl Row for OriginRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (seen_unix_ms, generation, kept_upto) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let head = Head::from_cbor(fields.0).ok()?;
        Some(Self(CachedOrigin { head, seen_unix_ms, generation, kept_upto }))
    }
}

/// `entries (8) | payload bytes (8) | rows (8)`: how much is kept of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct UsageRow {
    pub(super) entries: u64,
    pub(super) payload_bytes: u64,
    pub(super) rows: u64,
}

impl UsageRow {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.entries, self.payload_bytes, self.rows].map(u64::to_be_bytes).concat()
    }
}

impl Row for UsageRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let row =
            Self { entries: fields.u64()?, payload_bytes: fields.u64()?, rows: fields.u64()? };
        fields.end(row)
    }
}

/// `next sequence (8) | bytes of entries (8) | rows (8)`: what all spaces have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) next_sequence: u64,
    pub(super) entry_bytes: u64,
    pub(super) rows: u64,
}

impl Totals {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.next_sequence, self.entry_bytes, self.rows].map(u64::to_be_bytes).concat()
    }

    /// What counts against the bound.
    pub(super) fn bytes(&self) -> u64 {
        self.entry_bytes.saturating_add(self.row_bytes())
    }

    pub(super) fn row_bytes(&self) -> u64 {
        self.rows.saturating_mul(RECEIPT_ROW_BYTES)
    }
}

impl Row for Totals {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let row =
            Self { next_sequence: fields.u64()?, entry_bytes: fields.u64()?, rows: fields.u64()? };
        fields.end(row)
    }
}

fn push_state(row: &mut Vec<u8>, state: PayloadState) {
    let (tag, by) = match state {
        PayloadState::Present => (0, None),
        PayloadState::Missing => (1, None),
        PayloadState::Erased(by) => (2, Some(by)),
        PayloadState::Pruned(by) => (3, Some(by)),
    };
    row.push(tag);
    row.extend_from_slice(by.as_ref().map_or(&[], |by| by.0.as_slice()));
}

fn take_state(fields: &mut Fields<'_>) -> Option<PayloadState> {
    let [tag] = fields.take()?;
    Some(match tag {
        0 => PayloadState::Present,
        1 => PayloadState::Missing,
        2 => PayloadState::Erased(EntryId(fields.take()?)),
        3 => PayloadState::Pruned(EntryId(fields.take()?)),
        _ => return None,
    })
}
