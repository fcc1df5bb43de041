//! Whether ids are held (WIRE-34).

use bulla_core::EntryId;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::{Has, Presence};

/// Asks whether ids are held. Encoded as an array of ids, at most 10,000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HasRequest {
    /// The ids, in any order.
    pub ids: Vec<EntryId>,
}

/// One answer per id, in order. Encoded as an array of integers: 0 no, 1 yes, 2 payload missing, 3 unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HasAnswer {
    /// The answers.
    pub presence: Presence,
}

impl Encode for HasRequest {
    fn encode(&self, writer: &mut Writer) {
        encode_ids(&self.ids, writer);
    }
}

impl Decode for HasRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        decode_ids(reader).map(|ids| Self { ids })
    }
}

impl Encode for HasAnswer {
    fn encode(&self, writer: &mut Writer) {
        writer.array(self.presence.len());
        for has in &self.presence {
            writer.uint(match has {
                Has::No => 0,
                Has::Yes => 1,
                Has::PayloadMissing => 2,
                Has::Unknown => 3,
            });
        }
    }
}

impl Decode for HasAnswer {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let count = reader.array(MAX_IDS_PER_REQUEST)?;
        let mut presence = Vec::with_capacity(count);
        for _ in 0..count {
            let start = reader.position();
            presence.push(match reader.uint(u64::MAX)? {
                0 => Has::No,
                1 => Has::Yes,
                2 => Has::PayloadMissing,
                3 => Has::Unknown,
                _ => return Err(Reader::error_at(start, CborErrorKind::Bounds)),
            });
        }
        Ok(Self { presence })
    }
}

pub(crate) fn encode_ids(ids: &[EntryId], writer: &mut Writer) {
    writer.array(ids.len());
    for id in ids {
        writer.bytes(id);
    }
}

pub(crate) fn decode_ids(reader: &mut Reader<'_>) -> Result<Vec<EntryId>, CborError> {
    let count = reader.array(MAX_IDS_PER_REQUEST)?;
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(EntryId(reader.array_of()?));
    }
    Ok(ids)
}
