//! The highest of each author, of which only the pages are read and written that concern those who wrote something.

use std::collections::{BTreeMap, BTreeSet};

use bulla_core::AuthorKey;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_store::Bookmarks;

use super::pages::{read_pages, write_pages};
use super::{Keys, Paged};
use crate::Reason;

/// Pages at most: an author's is the first ten bits of its key.
const PAGES: u32 = 1_024;
/// Bytes of a set of them.
const SET_BYTES: usize = 128;

/// A record of an author.
pub(crate) trait OfAuthor: Paged {
    fn author(&self) -> AuthorKey;
    fn sequence(&self) -> u64;
}

/// Pages that are there: the bit of page n is bit `7 - n % 8` of byte `n / 8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageSet([u8; SET_BYTES]);

impl Default for PageSet {
    fn default() -> Self {
        Self([0; SET_BYTES])
    }
}

impl PageSet {
    fn bit(page: u32) -> (usize, u8) {
        (usize::try_from(page / 8).unwrap_or(usize::MAX), 0x80 >> (page % 8))
    }

    pub(crate) fn has(&self, page: u32) -> bool {
        let (byte, bit) = Self::bit(page);
        self.0.get(byte).is_some_and(|bits| bits & bit != 0)
    }

    fn set(&mut self, page: u32, is_there: bool) {
        let (byte, bit) = Self::bit(page);
        if let Some(bits) = self.0.get_mut(byte) {
            *bits = if is_there { *bits | bit } else { *bits & !bit };
        }
    }
}

/// A byte string: empty, or a bit for each page.
impl Encode for PageSet {
    fn encode(&self, writer: &mut Writer) {
        if *self == Self::default() {
            writer.bytes([]);
        } else {
            writer.bytes(self.0);
        }
    }
}

impl Decode for PageSet {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        match reader.bytes(SET_BYTES)? {
            [] => Ok(Self::default()),
            bits => {
                let bits = bits.try_into();
                bits.map(Self).map_err(|_| Reader::error_at(start, CborErrorKind::Bounds))
            }
        }
    }
}

/// The highest record of each author, as far as there is room: [`Paged::PER_PAGE`] authors whose keys share a page.
#[derive(Debug)]
pub(crate) struct Highest<T> {
    /// The pages that were kept and count.
    kept: PageSet,
    /// The pages that were read, and those that were made.
    pages: BTreeMap<u32, HighestPage<T>>,
}

#[derive(Debug)]
struct HighestPage<T> {
    records: BTreeMap<AuthorKey, T>,
    is_changed: bool,
}

impl<T> Default for Highest<T> {
    fn default() -> Self {
        Self { kept: PageSet::default(), pages: BTreeMap::new() }
    }
}

impl<T> Default for HighestPage<T> {
    fn default() -> Self {
        Self { records: BTreeMap::new(), is_changed: false }
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It is the highest of its author now.
    Highest,
    /// Its author had one as high; or there is no room, or the author's page was not read.
    Not,
}

impl<T: OfAuthor> Highest<T> {
    /// What earlier runs left. Nothing is read yet.
    pub(crate) fn new(kept: PageSet) -> Self {
        Self { kept, ..Self::default() }
    }

    /// Forgets everything. Old pages are overwritten, or left where nothing names them any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The pages that belong to the list, as far as they are kept.
    pub(crate) const fn pages(&self) -> PageSet {
        self.kept
    }

    /// Reads the pages of these authors, unless they were read before. Whether all of them could be read: if not, nothing
    /// is known of their authors, and everything is to be found out again.
    pub(crate) async fn read_of(
        &mut self,
        bookmarks: &dyn Bookmarks,
        keys: &Keys,
        authors: impl IntoIterator<Item = AuthorKey>,
    ) -> Result<bool, Reason> {
        let unread: BTreeSet<_> = authors
            .into_iter()
            .map(|author| page_of(&author))
            .filter(|page| !self.is_read(*page))
            .collect();
        self.read(bookmarks, keys, unread).await
    }

    /// Reads every page; as [`read_of`](Self::read_of).
    pub(crate) async fn read_all(
        &mut self,
        bookmarks: &dyn Bookmarks,
        keys: &Keys,
    ) -> Result<bool, Reason> {
        let unread = (0..PAGES).filter(|page| !self.is_read(*page)).collect();
        self.read(bookmarks, keys, unread).await
    }

    /// All records of the pages that were read, by author.
    pub(crate) fn records(&self) -> impl Iterator<Item = &T> {
        self.pages.values().flat_map(|page| page.records.values())
    }

    /// The record of an author whose page was read.
    pub(crate) fn get(&self, author: &AuthorKey) -> Option<&T> {
        self.pages.get(&page_of(author))?.records.get(author)
    }

    /// Takes note of a record, if it is the highest of its author.
    pub(crate) fn note(&mut self, record: T) -> Noted {
        let author = record.author();
        let page = page_of(&author);
        if !self.is_read(page) {
            return Noted::Not;
        }
        let page = self.pages.entry(page).or_default();
        let is_highest = match page.records.get(&author) {
            Some(known) => known.sequence() < record.sequence(),
            None => page.records.len() < T::PER_PAGE,
        };
        if !is_highest {
            return Noted::Not;
        }
        page.records.insert(author, record);
        page.is_changed = true;
        Noted::Highest
    }

    /// Keeps the pages that changed. They are durable when it returns; which pages there are is to be kept after that.
    pub(crate) async fn save(
        &mut self,
        bookmarks: &dyn Bookmarks,
        keys: &Keys,
    ) -> Result<(), Reason> {
        let changed = self.pages.iter().filter(|(_, page)| page.is_changed);
        let changed = changed.map(|(number, page)| (*number, page.records.values()));
        write_pages(bookmarks, keys, changed).await?;
        for (number, page) in self.pages.iter_mut().filter(|(_, page)| page.is_changed) {
            page.is_changed = false;
            self.kept.set(*number, true);
        }
        Ok(())
    }

    /// Whether a page was read, or there is nothing to read.
    fn is_read(&self, page: u32) -> bool {
        self.pages.contains_key(&page) || !self.kept.has(page)
    }

    async fn read(
        &mut self,
        bookmarks: &dyn Bookmarks,
        keys: &Keys,
        unread: BTreeSet<u32>,
    ) -> Result<bool, Reason> {
        if unread.is_empty() {
            return Ok(true);
        }
        let Some(read) = read_pages::<T>(bookmarks, keys, unread).await? else { return Ok(false) };
        for (number, records) in read {
            let records = records.into_iter().filter(|of| page_of(&of.author()) == number);
            let records = records.map(|record| (record.author(), record)).collect();
            self.pages.insert(number, HighestPage { records, is_changed: false });
        }
        Ok(true)
    }
}

/// The page of an author.
fn page_of(author: &AuthorKey) -> u32 {
    let [first, second, ..] = author.0;
    u32::from(u16::from_be_bytes([first, second]) >> 6)
}

#[cfg(test)]
mod tests;
