//! Lists longer than one bookmark may be.

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Reader, Writer};
use bulla_core::limits::MAX_CODE_BYTES;
use bulla_core::{AuthorKey, Code, EntryId};
use bulla_store::Bookmarks;

use super::{Keys, Place, VERSION};
use crate::references::Open;
use crate::{Exception, Reason, Reference, Unresolved, Why};

/// A record of a list.
pub(crate) trait Paged: Sized {
    /// Where the list lies.
    const PLACE: Place;
    /// Records on a page, so that it stays under 64 KiB.
    const PER_PAGE: usize;
    /// Records in the list at most.
    const MOST: usize;

    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError>;
}

impl Paged for EntryId {
    const PLACE: Place = Place::Wants;
    const PER_PAGE: usize = 1_500;
    const MOST: usize = 65_536;

    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_of().map(Self)
    }
}

impl Paged for Open {
    const PLACE: Place = Place::Unresolved;
    const PER_PAGE: usize = 500;
    const MOST: usize = 16_384;

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

impl Paged for Exception {
    const PLACE: Place = Place::Exceptions;
    const PER_PAGE: usize = 500;
    const MOST: usize = 16_384;

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

/// A page of a list: `[version, whether more pages follow, [records]]` (SYN-24).
struct ListPage<T> {
    has_more: bool,
    records: Vec<T>,
}

impl<T: Paged> Decode for ListPage<T> {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        reader.uint(VERSION)?;
        let has_more = reader.bool()?;
        let count = reader.array(T::PER_PAGE)?;
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            records.push(T::read(reader)?);
        }
        Ok(Self { has_more, records })
    }
}

/// Reads a list; `None` when a page of it cannot be read.
pub(crate) async fn load<T: Paged>(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
) -> Result<Option<Vec<T>>, Reason> {
    let mut records = Vec::new();
    for page in 0.. {
        let bytes = bookmarks.read(&keys.page(T::PLACE, page)).await.map_err(Reason::Bookmarks)?;
        let Some(bytes) = bytes else { break };
        let Ok(mut page) = ListPage::<T>::from_cbor(&bytes) else { return Ok(None) };
        records.append(&mut page.records);
        if !page.has_more || records.len() >= T::MOST {
            break;
        }
    }
    records.truncate(T::MOST);
    Ok(Some(records))
}

/// Keeps a list of at most [`Paged::MOST`] records in place of what was there, lower pages first.
///
/// A crash in between leaves records of the old list behind the new ones, or twice. Whoever reads a list asks the target
/// about each record, so that old ones do no harm; no record of the new list is lost once this returns.
pub(crate) async fn save<T: Paged>(
    bookmarks: &dyn Bookmarks,
    keys: &Keys,
    records: &[T],
) -> Result<(), Reason> {
    let pages = records.chunks(T::PER_PAGE);
    let count = pages.len();
    let mut next = 0_u32;
    for (i, records) in pages.enumerate() {
        let mut writer = Writer::new();
        writer.array(3).uint(VERSION).bool(i + 1 < count).array(records.len());
        for record in records {
            record.write(&mut writer);
        }
        let key = keys.page(T::PLACE, next);
        bookmarks.write(&key, writer.as_bytes()).await.map_err(Reason::Bookmarks)?;
        next = next.saturating_add(1);
    }
    if count == 0 {
        bookmarks.remove(&keys.page(T::PLACE, 0)).await.map_err(Reason::Bookmarks)?;
        next = 1;
    }
    // Pages left over from a longer list.
    while bookmarks.read(&keys.page(T::PLACE, next)).await.map_err(Reason::Bookmarks)?.is_some() {
        bookmarks.remove(&keys.page(T::PLACE, next)).await.map_err(Reason::Bookmarks)?;
        next = next.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fork;
    use crate::frontiers::Attestation;
    use crate::keep::{Known, Tip};

    /// Bytes that one bookmark may have (BKM-3).
    const MOST_BYTES: usize = 64 * 1024;

    /// A full page of records as long as they get, and whether it comes back.
    fn full_page<T: Paged + Clone + PartialEq + std::fmt::Debug>(record: T) {
        let mut writer = Writer::new();
        writer.array(3).uint(VERSION).bool(true).array(T::PER_PAGE);
        for _ in 0..T::PER_PAGE {
            record.write(&mut writer);
        }
        assert!(
            writer.as_bytes().len() <= MOST_BYTES,
            "{:?}: {}",
            T::PLACE,
            writer.as_bytes().len()
        );
        let page = ListPage::<T>::from_cbor(writer.as_bytes()).unwrap();
        assert!(page.has_more);
        assert_eq!(page.records, vec![record; T::PER_PAGE]);
    }

    #[test]
    fn the_longest_records_fit_a_page() {
        let (id, author, sequence) =
            (EntryId([0xff; 32]), AuthorKey([0xff; 32]), bulla_core::limits::MAX_COUNTER);
        full_page(id);
        for reference in [Reference::Previous, Reference::Dependency, Reference::WrongPrevious] {
            full_page(Open { author, reference: Unresolved { id, by: id, reference } });
        }
        for is_held in [false, true] {
            let attestation = Attestation { author, sequence, by: id, witness: author };
            full_page(Known { id, attestation, is_held });
        }
        full_page(Tip { author, sequence, id });
        full_page(Fork::new(author, sequence, id, EntryId([0xfe; 32])));
        let code = Code::parse(&"c".repeat(MAX_CODE_BYTES)).unwrap();
        full_page(Exception { id, why: Why::Withheld, code });
    }
}
