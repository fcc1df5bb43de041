//! A hint of what a store holds (WIRE-38).

use bulla_core::Bloom;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::values::{Cursor, Summary, SummaryRequest};

use crate::limits::MAX_SKETCH_SYMBOLS;

/// Asks for a hint. Encoded as `[0, salt]` for a Bloom filter or `[1, symbols]` for a sketch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryMessage(pub SummaryRequest);

/// The hint. Encoded as `[0, up to, filter]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryAnswer(pub Summary);

impl Encode for SummaryMessage {
    fn encode(&self, writer: &mut Writer) {
        match &self.0 {
            SummaryRequest::Bloom { salt } => writer.array(2).uint(0).bytes(salt),
            SummaryRequest::Sketch { symbols } => writer.array(2).uint(1).uint(u64::from(*symbols)),
        };
    }
}

impl Decode for SummaryMessage {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        reader.array_exact(2)?;
        match reader.uint(u64::MAX)? {
            0 => Ok(Self(SummaryRequest::Bloom { salt: reader.array_of()? })),
            1 => Ok(Self(SummaryRequest::Sketch { symbols: reader.u32(MAX_SKETCH_SYMBOLS)? })),
            _ => Err(Reader::error_at(start, CborErrorKind::Bounds)),
        }
    }
}

impl Encode for SummaryAnswer {
    fn encode(&self, writer: &mut Writer) {
        let Summary::Bloom { upto, bloom } = &self.0;
        writer.array(3).uint(0);
        upto.encode(writer);
        bloom.encode(writer);
    }
}

impl Decode for SummaryAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        reader.array_exact(3)?;
        match reader.uint(u64::MAX)? {
            0 => Ok(Self(Summary::Bloom {
                upto: Cursor::decode(reader)?,
                bloom: Bloom::decode(reader)?,
            })),
            _ => Err(Reader::error_at(start, CborErrorKind::Bounds)),
        }
    }
}
