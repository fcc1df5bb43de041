//! The entry that says what its author has seen of others (CTL-40).

use bytes::Bytes;

use super::list::{
    check_list, check_not_zero, is_sequence, read_device, read_list, read_sequence, write_list,
};
use super::{Context, ControlError, Payload, Trust, begin};
use crate::cbor::{Encode, Reader, Writer};
use crate::limits::{MAX_CLAIMED, MAX_HEADER_BYTES, MAX_PROVEN};
use crate::{AuthorKey, EntryId, RawEntry, Signature};

/// The payload of kind 5: the newest entries that the author has seen of other devices (CTL-40).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    /// At most 256, one an author, ascending by it. **Nothing of them is believed yet**: who reads a frontier verifies
    /// them (CTL-41).
    pub proven: Vec<Proven>,
    /// At most 4,096, ascending by author: hints without evidence.
    pub claimed: Vec<Claimed>,
}

/// A header said to be an author's newest: `[header, signature]` (CTL-40).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The bytes said to be a header, at most 8,192.
    pub header: Bytes,
    /// The signature said to be over it.
    pub signature: Signature,
}

/// An entry said to be an author's newest, without evidence: `[author, sequence, id]` (CTL-40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// The author.
    pub author: AuthorKey,
    /// From 1 on.
    pub sequence: u64,
    /// The entry.
    pub id: EntryId,
}

impl Proven {
    /// For the verifier, without a payload.
    #[must_use]
    pub fn to_raw(&self) -> RawEntry {
        RawEntry { header: self.header.clone(), signature: self.signature, payload: None }
    }
}

impl Payload for Frontier {
    const ELEMENTS: usize = 2;

    fn read(reader: &mut Reader<'_>, _trust: Trust) -> Result<Self, ControlError> {
        let proven = read_list(reader, MAX_PROVEN, |reader| {
            reader.array_exact(2)?;
            let header = Bytes::copy_from_slice(reader.bytes(MAX_HEADER_BYTES)?);
            Ok(Proven { header, signature: Signature(reader.array_of()?) })
        })?;
        let claimed = read_list(reader, MAX_CLAIMED, |reader| {
            reader.array_exact(3)?;
            Ok(Claimed {
                author: read_device(reader)?,
                sequence: read_sequence(reader)?,
                id: EntryId(reader.array_of()?),
            })
        })?;
        Ok(Self { proven, claimed })
    }

    fn is_within_bounds(&self) -> bool {
        self.proven.len() <= MAX_PROVEN
            && self.proven.iter().all(|proven| proven.header.len() <= MAX_HEADER_BYTES)
            && self.claimed.len() <= MAX_CLAIMED
            && self.claimed.iter().all(|claimed| is_sequence(claimed.sequence))
    }

    fn rules(&self, _context: &Context) -> Result<(), ControlError> {
        for claimed in &self.claimed {
            check_not_zero(claimed.id.as_bytes())?;
        }
        check_list(&self.claimed, |claimed| claimed.author.as_bytes())
    }
}

impl Encode for Proven {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).bytes(&self.header).bytes(self.signature);
    }
}

impl Encode for Claimed {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.author).uint(self.sequence).bytes(self.id);
    }
}

impl Encode for Frontier {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer);
        write_list(writer, &self.proven);
        write_list(writer, &self.claimed);
    }
}
