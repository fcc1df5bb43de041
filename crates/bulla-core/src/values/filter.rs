//! Which entries a reader wants (chapter `store.md`, FLT-1 to FLT-4).

use crate::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use crate::limits::{MAX_COUNTER, MAX_FILTER_TERMS};
use crate::{AuthorKey, Header, Kind, Topic};

/// An inclusive range of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KindRange {
    /// The first kind wanted.
    pub first: Kind,
    /// The last kind wanted.
    pub last: Kind,
}

/// Which entries a reader wants: those that match every part that is not empty. Control entries always match (FLT-1).
///
/// Encoded as `[topics, kinds, authors, timestamps]`: three arrays of at most 256 elements each, strictly ascending
/// (topics and authors) or disjoint and ascending `[first, last]` (kinds), then `null` or `[first, last]` (FLT-2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Filter {
    /// Topics wanted, strictly ascending; empty for all.
    pub topics: Vec<Topic>,
    /// Kinds wanted, ascending and disjoint; empty for all.
    pub kinds: Vec<KindRange>,
    /// Authors wanted, strictly ascending; empty for all.
    pub authors: Vec<AuthorKey>,
    /// Timestamps wanted, inclusive; `None` for all.
    pub timestamps: Option<(u64, u64)>,
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether this filter lets everything through.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the terms are in the order that FLT-2 asks for: topics and authors strictly ascending, ranges ascending
    /// and disjoint, no range upside down. Only then does [`matches`](Self::matches) mean anything.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        self.topics.is_sorted_by(|a, b| a < b)
            && self.authors.is_sorted_by(|a, b| a < b)
            && self.kinds.iter().all(|range| range.first <= range.last)
            && self.kinds.is_sorted_by(|a, b| a.last < b.first)
            && self.timestamps.is_none_or(|(first, last)| first <= last)
    }

    /// Whether an entry with this header is wanted.
    #[must_use]
    pub fn matches(&self, header: &Header) -> bool {
        header.kind.is_control()
            || ((self.topics.is_empty() || self.topics.binary_search(&header.topic).is_ok())
                && (self.authors.is_empty() || self.authors.binary_search(&header.author).is_ok())
                && (self.kinds.is_empty()
                    || self
                        .kinds
                        .iter()
                        .any(|range| (range.first..=range.last).contains(&header.kind)))
                && self
                    .timestamps
                    .is_none_or(|(first, last)| (first..=last).contains(&header.timestamp)))
    }
}

impl Encode for Filter {
    fn encode(&self, writer: &mut Writer) {
        writer.array(4).array(self.topics.len());
        for topic in &self.topics {
            writer.bytes(topic);
        }
        writer.array(self.kinds.len());
        for range in &self.kinds {
            writer.array(2).uint(u64::from(range.first.0)).uint(u64::from(range.last.0));
        }
        writer.array(self.authors.len());
        for author in &self.authors {
            writer.bytes(author);
        }
        match self.timestamps {
            Some((first, last)) => writer.array(2).uint(first).uint(last),
            None => writer.null(),
        };
    }
}

impl Decode for Filter {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        let bounds = Reader::error_at(start, CborErrorKind::Bounds);
        reader.array_exact(4)?;
        let count = reader.array(MAX_FILTER_TERMS)?;
        let topics =
            (0..count).map(|_| reader.array_of().map(Topic)).collect::<Result<Vec<_>, _>>()?;
        let count = reader.array(MAX_FILTER_TERMS)?;
        let mut kinds = Vec::with_capacity(count);
        for _ in 0..count {
            reader.array_exact(2)?;
            let first = reader.uint(u64::from(u16::MAX))?;
            let last = reader.uint(u64::from(u16::MAX))?;
            let kind = |value| u16::try_from(value).map(Kind).map_err(|_| bounds);
            kinds.push(KindRange { first: kind(first)?, last: kind(last)? });
        }
        let count = reader.array(MAX_FILTER_TERMS)?;
        let authors =
            (0..count).map(|_| reader.array_of().map(AuthorKey)).collect::<Result<Vec<_>, _>>()?;
        let timestamps = if reader.null() {
            None
        } else {
            reader.array_exact(2)?;
            Some((reader.uint(MAX_COUNTER)?, reader.uint(MAX_COUNTER)?))
        };
        let filter = Self { topics, kinds, authors, timestamps };
        if filter.is_canonical() { Ok(filter) } else { Err(bounds) }
    }
}
