//! Values that say what counts and what was refused.

use bulla_core::values::Rule;
use bulla_core::{Code, EntryId, SetDigest, SetHash, Signature, Verified, VerifiedHeader};
use bulla_store::tally::TallySet;
use bulla_store::{KeptTotals, Result};
use bytes::Bytes;

use super::rows::{Fields, Row};
use crate::error::damaged_row;

/// What counts in a space: `rule (1) | judged by (1) | digest (32) | marked entries (8) | their set state (2,048)`
/// (DISK-4). Absent under the rule *all*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JudgedRow {
    pub(crate) rule: Rule,
    /// The control entries that the marks are made from.
    pub(crate) by: Option<SetDigest>,
    /// The entries that do not count.
    pub(crate) marked: TallySet,
}

impl Default for JudgedRow {
    fn default() -> Self {
        Self { rule: Rule::All, by: None, marked: TallySet::default() }
    }
}

impl JudgedRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(42 + SetHash::STATE_BYTES);
        row.push(u8::from(self.rule == Rule::Directory));
        row.push(u8::from(self.by.is_some()));
        row.extend_from_slice(&self.by.unwrap_or(SetDigest([0; 32])).0);
        row.extend_from_slice(&self.marked.count.to_be_bytes());
        row.extend_from_slice(&self.marked.hash.to_bytes());
        row
    }
}

impl Row for JudgedRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let rule = match fields.take()? {
            [0] => Rule::All,
            [1] => Rule::Directory,
            [_] => return None,
        };
        let [is_judged @ (0 | 1)] = fields.take()? else { return None };
        let by = SetDigest(fields.take()?);
        let count = fields.u64()?;
        let hash = SetHash::from_bytes(fields.0)?;
        Some(Self { rule, by: (is_judged == 1).then_some(by), marked: TallySet { count, hash } })
    }
}

/// The code of an entry that does not count (DISK-5).
impl Row for Code {
    fn parse(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().and_then(Self::parse)
    }
}

/// `entries (8) | bytes (8)`.
impl Row for KeptTotals {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let totals = Self { entries: fields.u64()?, bytes: fields.u64()? };
        fields.end(totals)
    }
}

/// How totals are written.
pub(crate) fn totals_row(totals: KeptTotals) -> [u8; 16] {
    let mut row = [0; 16];
    let (entries, bytes) = row.split_at_mut(8);
    entries.copy_from_slice(&totals.entries.to_be_bytes());
    bytes.copy_from_slice(&totals.bytes.to_be_bytes());
    row
}

/// An entry in quarantine, borrowed from the bytes read: `length of the code (1) | code | has payload (1) | signature (64)
/// | length of the header (2) | header | [payload]` (DISK-5).
#[derive(Debug, Clone)]
pub(crate) struct KeptRow<'a> {
    pub(crate) code: Code,
    pub(crate) signature: Signature,
    pub(crate) header: &'a [u8],
    pub(crate) payload: Option<&'a [u8]>,
}

impl<'a> KeptRow<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let code = fields.code()?;
        let [has_payload @ (0 | 1)] = fields.take()? else { return None };
        let signature = Signature(fields.take()?);
        let length = usize::from(u16::from_be_bytes(fields.take()?));
        let (header, payload) = fields.0.split_at_checked(length)?;
        let payload = match has_payload {
            1 => Some(payload),
            _ if payload.is_empty() => None,
            _ => return None,
        };
        Some(Self { code, signature, header, payload })
    }

    /// What the entry takes of the bounds, in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        let payload = self.payload.map_or(0, <[u8]>::len);
        u64::try_from(self.header.len() + Signature::LEN + payload).unwrap_or(u64::MAX)
    }

    /// The same row with another code.
    pub(crate) fn with_code(&self, code: &Code) -> Vec<u8> {
        encode_kept(code, &self.signature, self.header, self.payload)
    }

    /// The same row with the header alone.
    pub(crate) fn without_payload(self) -> Self {
        Self { payload: None, ..self }
    }

    /// The entry, its id and its payload checked anew.
    pub(crate) fn entry(&self, id: &EntryId) -> Result<Verified> {
        let bytes = Bytes::copy_from_slice(self.header);
        let header = VerifiedHeader::from_store(bytes, self.signature, id)
            .map_err(|_| damaged_row("quarantine"))?;
        match self.payload {
            None => Ok(header.into()),
            Some(payload) => {
                bulla_core::verify::attach_payload(header, Bytes::copy_from_slice(payload))
                    .map(Verified::from)
                    .map_err(|_| damaged_row("quarantine"))
            }
        }
    }
}

/// The row of an entry in quarantine.
pub(crate) fn kept_row(entry: &Verified, code: &Code) -> Vec<u8> {
    let header = entry.verified_header();
    encode_kept(code, header.signature(), header.bytes(), entry.payload().map(AsRef::as_ref))
}

fn encode_kept(
    code: &Code,
    signature: &Signature,
    header: &[u8],
    payload: Option<&[u8]>,
) -> Vec<u8> {
    let bytes = header.len() + payload.map_or(0, <[u8]>::len);
    let mut row = Vec::with_capacity(68 + code.as_str().len() + bytes);
    push_code(&mut row, code);
    row.push(u8::from(payload.is_some()));
    row.extend_from_slice(&signature.0);
    // A header has at most 8 KiB (ENT-20).
    let length = u16::try_from(header.len()).unwrap_or(u16::MAX);
    row.extend_from_slice(&length.to_be_bytes());
    row.extend_from_slice(header);
    row.extend_from_slice(payload.unwrap_or_default());
    row
}

/// What left the quarantine by being stored with the newest commit of its sort: `[receipt (8) | length of the code (1) |
/// code]*` (DISK-4). If that commit has to be taken back, its entries go back there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LeftRow(pub(crate) Vec<(u64, Code)>);

impl LeftRow {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut row = Vec::new();
        for (receipt, code) in &self.0 {
            row.extend_from_slice(&receipt.to_be_bytes());
            push_code(&mut row, code);
        }
        row
    }
}

impl Row for LeftRow {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let mut left = Vec::new();
        while !fields.0.is_empty() {
            left.push((fields.u64()?, fields.code()?));
        }
        Some(Self(left))
    }
}

impl Fields<'_> {
    fn code(&mut self) -> Option<Code> {
        let [length] = self.take()?;
        let (code, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Code::parse(std::str::from_utf8(code).ok()?)
    }
}

fn push_code(row: &mut Vec<u8>, code: &Code) {
    // A code has at most 64 bytes (ERR-2).
    row.push(u8::try_from(code.as_str().len()).unwrap_or(u8::MAX));
    row.extend_from_slice(code.as_str().as_bytes());
}
