//! The entry that makes stores drop payloads (CTL-60).

use super::list::{
    check_ascending, check_list, check_not_zero, is_sequence, read_device, read_ids, read_list,
    read_optional, read_sequence, write_byte_strings, write_list,
};
use super::{Context, ControlError, Payload, Trust, begin};
use crate::cbor::{Encode, Reader, Writer};
use crate::limits::MAX_ERASED;
use crate::{AuthorKey, EntryId, Header, Topic};

/// The payload of kind 7: which entries are to lose their payloads (CTL-60).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erase {
    /// At most 4,096 entries, ascending.
    pub ids: Vec<EntryId>,
    /// At most 4,096 ranges, ascending by author, sequence and topic, no topic first.
    pub ranges: Vec<ErasedRange>,
}

/// The entries of one author up to a sequence: `[author, sequence, topic]` (CTL-60).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErasedRange {
    /// The author.
    pub author: AuthorKey,
    /// The last sequence covered, from 1 on.
    pub sequence: u64,
    /// The one topic covered; `None` for all.
    pub topic: Option<Topic>,
}

impl Erase {
    /// Whether this names the entry with this id and header: by its id, or by author, sequence and topic (CTL-61).
    ///
    /// Control entries are never named. Whether the author of the erasure may erase it is for the directory.
    #[must_use]
    pub fn names(&self, id: &EntryId, header: &Header) -> bool {
        if header.kind.is_control() {
            return false;
        }
        if self.ids.binary_search(id).is_ok() {
            return true;
        }
        let from = self.ranges.partition_point(|range| range.author < header.author);
        let ranges = self.ranges.iter().skip(from);
        ranges.take_while(|range| range.author == header.author).any(|range| {
            header.sequence <= range.sequence
                && range.topic.is_none_or(|topic| topic == header.topic)
        })
    }
}

impl Payload for Erase {
    const ELEMENTS: usize = 2;

    fn read(reader: &mut Reader<'_>, _trust: Trust) -> Result<Self, ControlError> {
        let ids = read_ids(reader, MAX_ERASED)?;
        let ranges = read_list(reader, MAX_ERASED, |reader| {
            reader.array_exact(3)?;
            Ok(ErasedRange {
                author: read_device(reader)?,
                sequence: read_sequence(reader)?,
                topic: read_optional(reader, |reader| Ok(Topic(reader.array_of()?)))?,
            })
        })?;
        Ok(Self { ids, ranges })
    }

    fn is_within_bounds(&self) -> bool {
        self.ids.len() <= MAX_ERASED
            && self.ranges.len() <= MAX_ERASED
            && self.ranges.iter().all(|range| is_sequence(range.sequence))
    }

    fn rules(&self, _context: &Context) -> Result<(), ControlError> {
        check_list(&self.ids, EntryId::as_bytes)?;
        for range in &self.ranges {
            check_not_zero(range.author.as_bytes())?;
        }
        // By author, sequence, topic; `None` is less than any topic.
        check_ascending(&self.ranges, |a, b| a < b)?;
        if self.ids.is_empty() && self.ranges.is_empty() {
            return Err(ControlError::EraseEmpty);
        }
        Ok(())
    }
}

impl Encode for ErasedRange {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.author).uint(self.sequence);
        match &self.topic {
            Some(topic) => writer.bytes(topic),
            None => writer.null(),
        };
    }
}

impl Encode for Erase {
    fn encode(&self, writer: &mut Writer) {
        begin::<Self>(writer);
        write_byte_strings(writer, &self.ids);
        write_list(writer, &self.ranges);
    }
}
