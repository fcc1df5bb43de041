//! What frontiers proved to exist, between runs.

use bulla_core::cbor::{CborError, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, EntryId};

use super::{Paged, Place};
use crate::frontiers::Attestation;

/// An entry that a frontier proves (SYN-50).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: EntryId,
    pub(crate) attestation: Attestation,
    /// Whether the target held it when this was kept.
    pub(crate) is_held: bool,
}

impl Known {
    /// Entries that are not held at most.
    pub(crate) const MOST_UNREACHED: usize = 4_096;
    /// Entries that are held at most.
    pub(crate) const MOST_REACHED: usize = 4_096;
}

impl Paged for Known {
    const PLACE: Place = Place::Frontiers;
    const PER_PAGE: usize = 400;
    const MOST: usize = Self::MOST_UNREACHED + Self::MOST_REACHED;

    /// `[id, author, sequence, frontier, its author, held]`.
    fn write(&self, writer: &mut Writer) {
        let Attestation { author, sequence, by, witness } = &self.attestation;
        writer.array(6).bytes(self.id).bytes(author).uint(*sequence);
        writer.bytes(by).bytes(witness).bool(self.is_held);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(6)?;
        let id = EntryId(reader.array_of()?);
        let attestation = Attestation {
            author: AuthorKey(reader.array_of()?),
            sequence: reader.uint(MAX_COUNTER)?,
            by: EntryId(reader.array_of()?),
            witness: AuthorKey(reader.array_of()?),
        };
        Ok(Self { id, attestation, is_held: reader.bool()? })
    }
}
