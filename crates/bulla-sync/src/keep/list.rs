//! Lists that are read whole, and of which only the pages that changed are written.

use std::collections::BTreeMap;

use bulla_store::Bookmarks;

use super::pages::{read_pages, write_pages};
use super::{Keys, Paged};
use crate::Reason;

/// A record of a list that is read whole.
pub(crate) trait Listed: Paged {
    /// Records in the list at most.
    const MOST: usize;
    /// What tells a record from the others.
    type Key: Ord;

    fn key(&self) -> Self::Key;
}

/// Where each record of a list lies.
///
/// A record stays on its page, so that after a crash between two writes every page is as it was or as it should be, and
/// no record is lost to a list that whoever relies on it takes for whole. How many pages belong to the list is kept by
/// what relies on it; what lies on pages beyond is of no account.
#[derive(Debug)]
pub(crate) struct List<T> {
    pages: Vec<ListPage<T>>,
}

#[derive(Debug)]
struct ListPage<T> {
    records: Vec<T>,
    /// Whether this is what the bookmark has.
    is_kept: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { pages: Vec::new() }
    }
}

impl<T> Default for ListPage<T> {
    fn default() -> Self {
        Self { records: Vec::new(), is_kept: false }
    }
}

impl<T: Listed + Clone + PartialEq> List<T> {
    /// Reads so many pages; `None` when one of them cannot be read.
    pub(crate) async fn load(
        bookmarks: &dyn Bookmarks,
        keys: &Keys,
        pages: u32,
    ) -> Result<Option<Self>, Reason> {
        let Some(mut pages) = read_pages::<T>(bookmarks, keys, 0..pages).await? else {
            return Ok(None);
        };
        pages.sort_unstable_by_key(|(page, _)| *page);
        let page = |(_, records)| ListPage { records, is_kept: true };
        Ok(Some(Self { pages: pages.into_iter().map(page).collect() }))
    }

    /// The records, of all pages.
    pub(crate) fn records(&self) -> Vec<T> {
        self.pages.iter().flat_map(|page| &page.records).take(T::MOST).cloned().collect()
    }

    /// How many pages the list has.
    pub(crate) fn pages(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// Keeps these records, at most [`Listed::MOST`], in place of what the list had. They are durable when it returns;
    /// how many pages there are is to be kept after that.
    pub(crate) async fn save(
        &mut self,
        bookmarks: &dyn Bookmarks,
        keys: &Keys,
        records: impl IntoIterator<Item = T>,
    ) -> Result<(), Reason> {
        let staying = self.place(records);
        let (staying, leaving) = self.pages.split_at(staying.min(self.pages.len()));
        // What moves is written where it goes before it is taken from where it was.
        write_pages(bookmarks, keys, changed(staying, 0)).await?;
        write_pages(bookmarks, keys, changed(leaving, staying.len())).await?;
        let count = staying.len();
        self.pages.truncate(count);
        for page in &mut self.pages {
            page.is_kept = true;
        }
        Ok(())
    }

    /// Puts the records on pages, each where it was if that page stays. How many pages stay: the others are empty now.
    fn place(&mut self, records: impl IntoIterator<Item = T>) -> usize {
        let mut records: BTreeMap<T::Key, T> =
            records.into_iter().map(|record| (record.key(), record)).collect();
        let needed = records.len().div_ceil(T::PER_PAGE);
        // Many pages with little on each are drawn together.
        let staying = if needed.saturating_mul(2) < self.pages.len() { needed } else { usize::MAX };
        for (i, page) in self.pages.iter_mut().enumerate() {
            let before = std::mem::take(&mut page.records);
            if i < staying {
                page.records = before.iter().filter_map(|old| records.remove(&old.key())).collect();
            }
            page.is_kept &= page.records == before;
        }
        let mut rest = records.into_values().peekable();
        for page in self.pages.iter_mut().take(staying) {
            let room = T::PER_PAGE.saturating_sub(page.records.len());
            if room > 0 && rest.peek().is_some() {
                page.records.extend(rest.by_ref().take(room));
                page.is_kept = false;
            }
        }
        while rest.peek().is_some() {
            let records = rest.by_ref().take(T::PER_PAGE).collect();
            self.pages.push(ListPage { records, is_kept: false });
        }
        let used = self.pages.iter().rposition(|page| !page.records.is_empty());
        used.map_or(0, |last| last.saturating_add(1))
    }
}

/// The pages that are not kept as they are, by their numbers.
fn changed<T>(
    pages: &[ListPage<T>],
    first: usize,
) -> impl Iterator<Item = (u32, std::slice::Iter<'_, T>)> {
    pages
        .iter()
        .zip(first..)
        .filter(|(page, _)| !page.is_kept)
        .map(|(page, number)| (u32::try_from(number).unwrap_or(u32::MAX), page.records.iter()))
}

#[cfg(test)]
pub(crate) mod tests;
