//! Aim: after a crash between any two writes no record is lost that the list had or was to have, and what did not change
//! is not written. Method: random lists against plain sets, with bookmarks that stop at a write.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bulla_core::{EntryId, Lineage, SpaceId};
use bulla_store::{MemoryBookmarks, StoreError};

use super::*;
use crate::keep::{Known, MOST_PAGES, Place};
use crate::references::Open;
use crate::{Exception, Fork};

/// Bookmarks that note what is written, and fail from some write on.
#[derive(Debug, Default)]
pub(crate) struct Stopping {
    pub(crate) inner: MemoryBookmarks,
    /// Bytes of each write.
    pub(crate) written: Mutex<Vec<usize>>,
    pub(crate) reads: AtomicUsize,
    /// Writes that are done still.
    pub(crate) left: AtomicUsize,
}

impl Stopping {
    pub(crate) fn after(left: usize) -> Self {
        Self { left: AtomicUsize::new(left), ..Self::default() }
    }

    pub(crate) fn writes(&self) -> usize {
        std::mem::take(&mut *self.written.lock().unwrap()).len()
    }
}

#[async_trait]
impl Bookmarks for Stopping {
    async fn read(&self, key: &[u8]) -> bulla_store::Result<Option<Vec<u8>>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read(key).await
    }

    async fn write(&self, key: &[u8], value: &[u8]) -> bulla_store::Result<()> {
        let left =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(StoreError::internal("writing", std::io::Error::other("stopped")));
        }
        self.written.lock().unwrap().push(value.len());
        self.inner.write(key, value).await
    }

    async fn remove(&self, key: &[u8]) -> bulla_store::Result<()> {
        self.inner.remove(key).await
    }
}

pub(crate) fn keys() -> Keys {
    Keys {
        space: SpaceId([1; 32]),
        source: Lineage([2; 16]),
        target: Lineage([3; 16]),
        scope: [4; 32],
        is_target_near: true,
    }
}

fn id(i: usize) -> EntryId {
    // Spread over the order of ids, so that what is new lies between what is old.
    let mut bytes = *blake3::hash(&i.to_be_bytes()).as_bytes();
    bytes[31] = 0;
    EntryId(bytes)
}

async fn load(bookmarks: &Stopping, pages: u32) -> BTreeSet<EntryId> {
    let list = List::<EntryId>::load(bookmarks, &keys(), pages).await.unwrap();
    list.unwrap().records().into_iter().collect()
}

#[test]
fn the_longest_list_has_no_more_pages_than_are_counted() {
    let pages = |most: usize, per_page| u64::try_from(most.div_ceil(per_page)).unwrap();
    assert!(pages(EntryId::MOST, EntryId::PER_PAGE) <= MOST_PAGES);
    assert!(pages(Open::MOST, Open::PER_PAGE) <= MOST_PAGES);
    assert!(pages(Exception::MOST, Exception::PER_PAGE) <= MOST_PAGES);
    assert!(pages(Known::MOST, Known::PER_PAGE) <= MOST_PAGES);
    assert!(pages(Fork::MOST, Fork::PER_PAGE) <= MOST_PAGES);
}

#[tokio::test]
async fn only_the_pages_that_changed_are_written() {
    let bookmarks = Stopping::after(usize::MAX);
    let mut list = List::<EntryId>::default();
    let full = 10 * EntryId::PER_PAGE;
    list.save(&bookmarks, &keys(), (0..full).map(id)).await.unwrap();
    assert_eq!((bookmarks.writes(), list.pages()), (10, 10));
    list.save(&bookmarks, &keys(), (0..full).map(id)).await.unwrap();
    assert_eq!(bookmarks.writes(), 0);
    // One more begins a page; one less is one page, and makes room on it.
    list.save(&bookmarks, &keys(), (0..=full).map(id)).await.unwrap();
    assert_eq!((bookmarks.writes(), list.pages()), (1, 11));
    list.save(&bookmarks, &keys(), (1..=full).map(id)).await.unwrap();
    assert_eq!((bookmarks.writes(), list.pages()), (1, 11));
    list.save(&bookmarks, &keys(), (1..full + 2).map(id)).await.unwrap();
    assert_eq!((bookmarks.writes(), list.pages()), (1, 11));
    assert_eq!(load(&bookmarks, 11).await, (1..full + 2).map(id).collect());
    // What little is left is drawn together, and nothing is left behind.
    list.save(&bookmarks, &keys(), (7..9).map(id)).await.unwrap();
    assert_eq!(list.pages(), 1);
    assert_eq!(load(&bookmarks, 1).await, (7..9).map(id).collect());
    for page in 1..11 {
        let left = bookmarks.inner.read(&keys().page(Place::Wants, page)).await.unwrap().unwrap();
        assert_eq!(left.len(), 3, "an empty page");
    }
    list.save(&bookmarks, &keys(), []).await.unwrap();
    assert_eq!(list.pages(), 0);
}

/// Clauses: SYN-20, SYN-24.
#[tokio::test]
async fn a_crash_between_two_writes_loses_no_record() {
    let sizes = [0, 1, 900, 1_500, 1_501, 4_600, 9_000, 700, 30, 3_000];
    for (i, before) in sizes.into_iter().enumerate() {
        for (j, after) in sizes.into_iter().enumerate() {
            let before: BTreeSet<_> = (i * 100..i * 100 + before).map(id).collect();
            let after: BTreeSet<_> = (j * 250..j * 250 + after).map(id).collect();
            let stays: BTreeSet<_> = before.intersection(&after).copied().collect();
            for writes in 0..20 {
                let mut list = List::<EntryId>::default();
                let bookmarks = Stopping::after(usize::MAX);
                list.save(&bookmarks, &keys(), before.iter().copied()).await.unwrap();
                let pages = list.pages();
                bookmarks.left.store(writes, Ordering::SeqCst);
                let saved = list.save(&bookmarks, &keys(), after.iter().copied()).await;
                // Whoever relied on the old list finds all of it that is to stay.
                assert!(load(&bookmarks, pages).await.is_superset(&stays), "{i} {j} {writes}");
                bookmarks.left.store(usize::MAX, Ordering::SeqCst);
                if saved.is_ok() {
                    assert_eq!(load(&bookmarks, list.pages()).await, after);
                    break;
                }
                // The same run tries again, with what it knows by then.
                list.save(&bookmarks, &keys(), after.iter().copied()).await.unwrap();
                assert_eq!(load(&bookmarks, list.pages()).await, after, "{i} {j} {writes}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_of_which_a_page_is_missing_or_broken_cannot_be_read() {
    let bookmarks = Stopping::after(usize::MAX);
    let mut list = List::<EntryId>::default();
    list.save(&bookmarks, &keys(), (0..4_000).map(id)).await.unwrap();
    assert_eq!(load(&bookmarks, list.pages()).await.len(), 4_000);
    let key = keys().page(Place::Wants, 1);
    for rubbish in [Some(&b""[..]), Some(&[0x82, 1]), Some(&[0x82, 2, 0x80]), None] {
        match rubbish {
            Some(rubbish) => bookmarks.inner.write(&key, rubbish).await.unwrap(),
            None => bookmarks.inner.remove(&key).await.unwrap(),
        }
        let read = List::<EntryId>::load(&bookmarks, &keys(), list.pages()).await.unwrap();
        assert!(read.is_none());
    }
    assert!(List::<EntryId>::load(&bookmarks, &keys(), 1).await.unwrap().is_some());
}
