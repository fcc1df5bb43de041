//! What frontiers proved to exist, between runs.

use bulla_core::cbor::{CborError, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, EntryId};

use super::{Listed, OfAuthor, Paged, Place};
use crate::frontiers::Attestation;

/// An entry that a frontier proves and the target did not hold (SYN-50).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: EntryId,
    pub(crate) attestation: Attestation,
}

impl Paged for Known {
    const PLACE: Place = Place::Unreached;
    const PER_PAGE: usize = 400;

    /// `[id, author, sequence, frontier, its author]`.
    fn write(&self, writer: &mut Writer) {
        let Attestation { author, sequence, by, witness } = &self.attestation;
        writer.array(5).bytes(self.id).bytes(author).uint(*sequence).bytes(by).bytes(witness);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(5)?;
        let id = EntryId(reader.array_of()?);
        let attestation = Attestation {
            author: AuthorKey(reader.array_of()?),
            sequence: reader.uint(MAX_COUNTER)?,
            by: EntryId(reader.array_of()?),
            witness: AuthorKey(reader.array_of()?),
        };
        Ok(Self { id, attestation })
    }
}

impl Listed for Known {
    const MOST: usize = 4_096;
    type Key = EntryId;

    fn key(&self) -> EntryId {
        self.id
    }
}

/// The highest entry of an author that a frontier proves and the target holds (SYN-53).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached(pub(crate) Known);

impl Paged for Reached {
    const PLACE: Place = Place::Reached;
    const PER_PAGE: usize = 16;

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        Known::read(reader).map(Self)
    }
}

impl OfAuthor for Reached {
    fn author(&self) -> AuthorKey {
        self.0.attestation.author
    }

    fn sequence(&self) -> u64 {
        self.0.attestation.sequence
    }
}
