//! How far each author's chain goes, and where it forks, between runs.

use bulla_core::cbor::{CborError, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, EntryId};

use super::{Listed, OfAuthor, Paged, Place};
use crate::Fork;

/// The highest sequence seen of an author (SYN-55).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) author: AuthorKey,
    pub(crate) sequence: u64,
    pub(crate) id: EntryId,
}

impl Paged for Tip {
    const PLACE: Place = Place::Tips;
    const PER_PAGE: usize = 32;

    /// `[author, sequence, id]`.
    fn write(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.author).uint(self.sequence).bytes(self.id);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let author = AuthorKey(reader.array_of()?);
        let sequence = reader.uint(MAX_COUNTER)?;
        Ok(Self { author, sequence, id: EntryId(reader.array_of()?) })
    }
}

impl OfAuthor for Tip {
    fn author(&self) -> AuthorKey {
        self.author
    }

    fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Paged for Fork {
    const PLACE: Place = Place::Forks;
    const PER_PAGE: usize = 500;

    /// `[author, sequence, id, id]`.
    fn write(&self, writer: &mut Writer) {
        let [first, second] = &self.ids;
        writer.array(4).bytes(self.author).uint(self.sequence).bytes(first).bytes(second);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(4)?;
        let author = AuthorKey(reader.array_of()?);
        let sequence = reader.uint(MAX_COUNTER)?;
        let (first, second) = (EntryId(reader.array_of()?), EntryId(reader.array_of()?));
        Ok(Self::new(author, sequence, first, second))
    }
}

impl Listed for Fork {
    const MOST: usize = 4_096;
    type Key = (AuthorKey, u64);

    fn key(&self) -> Self::Key {
        (self.author, self.sequence)
    }
}
