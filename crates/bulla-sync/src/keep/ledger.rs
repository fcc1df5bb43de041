//! How far the entries of a target were examined.

use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::values::Cursor;

use super::{MOST_PAGES, PageSet, VERSION};

/// How far the entries of a target were examined for references and absent payloads (SYN-25).
///
/// Encoded as `[version, cursor or null, absent, whether wants were cut, whether unresolved references were cut, [pages of
/// the want-list, of references, of what is not reached, of forks], pages of the highest sequences, pages of what is
/// reached]`: numbers of pages for those that are read whole, a bit for each page for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    /// Every entry up to here was examined; `None` when all are to be examined again.
    pub(crate) examined: Option<Cursor>,
    /// How many of them have no payload, for whatever reason.
    pub(crate) absent: u64,
    /// More payloads are wanted than the list holds.
    pub(crate) wants_cut: bool,
    /// More references are unresolved than the list holds.
    pub(crate) unresolved_cut: bool,
    /// What the lists are made of.
    pub(crate) lists: ListPages,
}

/// Which pages the lists of a target have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ListPages {
    pub(crate) wants: u32,
    pub(crate) unresolved: u32,
    pub(crate) unreached: u32,
    pub(crate) forks: u32,
    pub(crate) tips: PageSet,
    pub(crate) reached: PageSet,
}

impl Encode for Ledger {
    fn encode(&self, writer: &mut Writer) {
        writer.array(8).uint(VERSION);
        match &self.examined {
            Some(cursor) => cursor.encode(writer),
            None => {
                writer.null();
            }
        }
        writer.uint(self.absent).bool(self.wants_cut).bool(self.unresolved_cut);
        let ListPages { wants, unresolved, unreached, forks, tips, reached } = &self.lists;
        writer.array(4).uint(u64::from(*wants)).uint(u64::from(*unresolved));
        writer.uint(u64::from(*unreached)).uint(u64::from(*forks));
        tips.encode(writer);
        reached.encode(writer);
    }
}

impl Decode for Ledger {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(8)?;
        reader.uint(VERSION)?;
        let examined = if reader.null() { None } else { Some(Cursor::decode(reader)?) };
        let (absent, wants_cut) = (reader.uint(MAX_COUNTER)?, reader.bool()?);
        let unresolved_cut = reader.bool()?;
        reader.array_exact(4)?;
        let lists = ListPages {
            wants: pages(reader)?,
            unresolved: pages(reader)?,
            unreached: pages(reader)?,
            forks: pages(reader)?,
            tips: PageSet::decode(reader)?,
            reached: PageSet::decode(reader)?,
        };
        Ok(Self { examined, absent, wants_cut, unresolved_cut, lists })
    }
}

/// A number of pages of a list.
pub(super) fn pages(reader: &mut Reader<'_>) -> Result<u32, CborError> {
    let pages = reader.uint(MOST_PAGES)?;
    // A small number: it is bounded.
    Ok(u32::try_from(pages).unwrap_or(u32::MAX))
}
