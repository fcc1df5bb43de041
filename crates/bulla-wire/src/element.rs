//! What several messages have in common: the form of entries, payload states.

use bulla_core::EntryId;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::values::PayloadState;

/// How entries are written in an answer (WIRE-15). Encoded as 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// Without what the receiver can compute, and with tables that live for one body (CMP-1).
    #[default]
    Compact,
    /// Header bytes, signature and payload, so that an error can name the field that is wrong.
    Plain,
}

impl Encode for Form {
    fn encode(&self, writer: &mut Writer) {
        writer.uint(match self {
            Self::Compact => 0,
            Self::Plain => 1,
        });
    }
}

impl Decode for Form {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        match reader.uint(u64::MAX)? {
            0 => Ok(Self::Compact),
            1 => Ok(Self::Plain),
            _ => Err(Reader::error_at(start, CborErrorKind::Bounds)),
        }
    }
}

/// A payload state: 0 present, 1 missing, `[2, id]` erased by, `[3, id]` pruned by (WIRE-16).
pub(crate) fn encode_state(state: PayloadState, writer: &mut Writer) {
    match state {
        PayloadState::Present => writer.uint(0),
        PayloadState::Missing => writer.uint(1),
        PayloadState::Erased(by) => writer.array(2).uint(2).bytes(by),
        PayloadState::Pruned(by) => writer.array(2).uint(3).bytes(by),
    };
}

pub(crate) fn decode_state(reader: &mut Reader<'_>) -> Result<PayloadState, CborError> {
    let start = reader.position();
    let bounds = Reader::error_at(start, CborErrorKind::Bounds);
    if reader.peek_major() == Some(4) {
        reader.array_exact(2)?;
        return match reader.uint(u64::MAX)? {
            2 => Ok(PayloadState::Erased(EntryId(reader.array_of()?))),
            3 => Ok(PayloadState::Pruned(EntryId(reader.array_of()?))),
            _ => Err(bounds),
        };
    }
    match reader.uint(u64::MAX)? {
        0 => Ok(PayloadState::Present),
        1 => Ok(PayloadState::Missing),
        _ => Err(bounds),
    }
}
