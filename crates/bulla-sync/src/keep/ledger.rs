//! How far the entries of a target were examined.

use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::values::Cursor;

use super::VERSION;

/// How far the entries of a target were examined for references and absent payloads (SYN-25).
///
/// Encoded as `[version, cursor or null, absent, whether wants were cut, whether unresolved references were cut]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    /// Every entry up to here was examined; `None` when all are to be examined again.
    pub(crate) examined: Option<Cursor>,
    /// How many of them have no payload, for whatever reason.
    pub(crate) absent: u64,
    /// More payloads are wanted than the list holds.
    pub(crate) wants_cut: bool,
    /// More references are unresolved than the list holds.
    pub(crate) unresolved_cut: bool,
}

impl Encode for Ledger {
    fn encode(&self, writer: &mut Writer) {
        writer.array(5).uint(VERSION);
        match &self.examined {
            Some(cursor) => cursor.encode(writer),
            None => {
                writer.null();
            }
        }
        writer.uint(self.absent).bool(self.wants_cut).bool(self.unresolved_cut);
    }
}

impl Decode for Ledger {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(5)?;
        reader.uint(VERSION)?;
        let examined = if reader.null() { None } else { Some(Cursor::decode(reader)?) };
        Ok(Self {
            examined,
            absent: reader.uint(MAX_COUNTER)?,
            wants_cut: reader.bool()?,
            unresolved_cut: reader.bool()?,
        })
    }
}
