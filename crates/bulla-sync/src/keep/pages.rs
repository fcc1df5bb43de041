//! Pages of records: what lists longer than one bookmark are kept in (chapter `sync.md`, SYN-24).

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Reader, Writer};
use bulla_core::limits::MAX_CODE_BYTES;
use bulla_core::{AuthorKey, Code, EntryId};
use bulla_store::Bookmarks;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{Keys, Listed, Place, VERSION};
use crate::references::Open;
use crate::{Exception, Reason, Reference, Unresolved, Why};

/// Pages read at one time at most.
const READS: usize = 8;

/// A record of a page.
pub(crate) trait Paged: Sized {
    /// Where its pages lie.
    const PLACE: Place;
    /// Records on a page at most, so that it stays under 64 KiB.
    const PER_PAGE: usize;

    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError>;
}

impl Paged for EntryId {
    const PLACE: Place = Place::Wants;
    const PER_PAGE: usize = 1_500;

    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of().map(Self)
    }
}

impl Listed for EntryId {
    const MOST: usize = 65_536;
    type Key = Self;

    fn key(&self) -> Self {
        *self
    }
}

impl Paged for Open {
    const PLACE: Place = Place::Unresolved;
    const PER_PAGE: usize = 500;

    /// `[id, by, author, sort]`: 0 for a previous entry, 1 for a dependency, 2 for a wrong previous entry.
    fn write(&self, writer: &mut Writer) {
        let Unresolved { id, by, reference } = self.reference;
        writer.array(4).bytes(id).bytes(by).bytes(self.author);
        writer.uint(match reference {
            Reference::Previous => 0,
            Reference::Dependency => 1,
            Reference::WrongPrevious => 2,
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(4)?;
        let id = EntryId(reader.array_of()?);
        let by = EntryId(reader.array_of()?);
        let author = AuthorKey(reader.array_of()?);
        let reference = match reader.uint(2)? {
            0 => Reference::Previous,
            1 => Reference::Dependency,
            _ => Reference::WrongPrevious,
        };
        Ok(Self { author, reference: Unresolved { id, by, reference } })
    }
}

impl Listed for Open {
    const MOST: usize = 16_384;
    type Key = (EntryId, EntryId);

    fn key(&self) -> Self::Key {
        (self.reference.id, self.reference.by)
    }
}

impl Paged for Exception {
    const PLACE: Place = Place::Exceptions;
    const PER_PAGE: usize = 500;

    /// `[id, why, code]`, why being 0 to 4 in the order of [`Why`].
    fn write(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.id);
        writer.uint(match self.why {
            Why::Refused => 0,
            Why::RefusedForNow => 1,
            Why::Pending => 2,
            Why::Invalid => 3,
            Why::Withheld => 4,
        });
        writer.text(self.code.as_str());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let id = EntryId(reader.array_of()?);
        let why = match reader.uint(4)? {
            0 => Why::Refused,
            1 => Why::RefusedForNow,
            2 => Why::Pending,
            3 => Why::Invalid,
            _ => Why::Withheld,
        };
        let start = reader.position();
        let code = Code::parse(reader.text(MAX_CODE_BYTES)?);
        let code = code.ok_or(Reader::error_at(start, CborErrorKind::Bounds))?;
        Ok(Self { id, why, code })
    }
}

impl Listed for Exception {
    const MOST: usize = 16_384;
    type Key = EntryId;

    fn key(&self) -> EntryId {
        self.id
    }
}

/// The records of a page: `[version, [records]]`.
struct Page<T>(Vec<T>);

impl<T: Paged> Decode for Page<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        reader.uint(VERSION)?;
        let count = reader.array(T::PER_PAGE)?;
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            records.push(T::read(reader)?);
        }
        Ok(Self(records))
    }
}

/// The value of a page of at most [`Paged::PER_PAGE`] records.
fn encode<'a, T: Paged + 'a>(records: impl ExactSizeIterator<Item = &'a T>) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(2).uint(VERSION).array(records.len());
    for record in records {
        record.write(&mut writer);
    }
    writer.as_bytes().to_vec()
}

/// Reads pages, some at one time; `None` when one of them is not there or cannot be read.
pub(super) async fn read_pages<T: Paged>(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    pages: impl IntoIterator<Item = u32>,
) -> Result<Option<Vec<(u32, Vec<T>)>>, Reason> {
    let mut waiting = pages.into_iter();
    let mut reading = FuturesUnordered::new();
    let mut read = Vec::new();
    let mut is_readable = true;
    loop {
        while reading.len() < READS
            && let Some(page) = waiting.next()
        {
            let key = keys.page(T::PLACE, page);
            reading.push(async move { (page, bookmarks.read(&key).await) });
        }
        let Some((page, bytes)) = reading.next().await else { break };
        let bytes = bytes.map_err(Reason::Bookmarks)?;
        match bytes.map(|bytes| Page::<T>::from_cbor(&bytes)) {
            Some(Ok(records)) => read.push((page, records.0)),
            Some(Err(_)) | None => is_readable = false,
        }
    }
    Ok(is_readable.then_some(read))
}

/// Writes pages, all at one time: a place that gathers writes makes them durable together.
pub(super) async fn write_pages<'a, T: Paged + 'a, R: ExactSizeIterator<Item = &'a T>>(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    pages: impl IntoIterator<Item = (u32, R)>,
) -> Result<(), Reason> {
    let mut writing = FuturesUnordered::new();
    for (page, records) in pages {
        let (key, value) = (keys.page(T::PLACE, page), encode(records));
        writing.push(async move { bookmarks.write(&key, &value).await });
    }
    while let Some(written) = writing.next().await {
        written.map_err(Reason::Bookmarks)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fork;
    use crate::frontiers::Attestation;
    use crate::keep::{Known, Reached, Tip};

    /// Bytes that one bookmark may have (BKM-3).
    const MOST_BYTES: usize = 64 * 1024;

    /// A full page of records as long as they get, and whether it comes back.
    fn full_page<T: Paged + Clone + PartialEq + std::fmt::Debug>(record: T) {
        let records = vec![record; T::PER_PAGE];
        let value = encode(records.iter());
        assert!(value.len() <= MOST_BYTES, "{:?}: {}", T::PLACE, value.len());
        assert_eq!(Page::<T>::from_cbor(&value).unwrap().0, records);
        let longer = encode([&records[..], &records[..1]].concat().iter());
        assert!(Page::<T>::from_cbor(&longer).is_err());
    }

    #[test]
    fn the_longest_records_fit_a_page() {
        let (id, author, sequence) =
            (EntryId([0xff; 32]), AuthorKey([0xff; 32]), bulla_core::limits::MAX_COUNTER);
        full_page(id);
        for reference in [Reference::Previous, Reference::Dependency, Reference::WrongPrevious] {
            full_page(Open { author, reference: Unresolved { id, by: id, reference } });
        }
        let known =
            Known { id, attestation: Attestation { author, sequence, by: id, witness: author } };
        full_page(known);
        full_page(Reached(known));
        full_page(Tip { author, sequence, id });
        full_page(Fork::new(author, sequence, id, EntryId([0xfe; 32])));
        let code = Code::parse(&"c".repeat(MAX_CODE_BYTES)).unwrap();
        full_page(Exception { id, why: Why::Withheld, code });
    }
}
