//! Aim: of each author the highest is known, whatever was read when; a run reads and writes the pages of those authors
//! only that it met. Method: random records against a plain map, and counted bookmarks.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use bulla_core::EntryId;

use super::*;
use crate::keep::Tip;
use crate::keep::list::tests::{Stopping, keys};

fn author(i: usize) -> AuthorKey {
    AuthorKey(*blake3::hash(&i.to_be_bytes()).as_bytes())
}

fn tip(i: usize, sequence: u64) -> Tip {
    Tip { author: author(i), sequence, id: EntryId([i.to_be_bytes()[7]; 32]) }
}

async fn note(tips: &mut Highest<Tip>, bookmarks: &Stopping, tip: Tip) -> Noted {
    assert!(tips.read_of(bookmarks, &keys(), [tip.author]).await.unwrap());
    tips.note(tip)
}

#[test]
fn a_set_of_pages_is_read_back() {
    let mut set = PageSet::default();
    let encoded = |set: PageSet| {
        let bytes = set.to_cbor();
        assert_eq!(PageSet::from_cbor(&bytes).unwrap(), set);
        bytes
    };
    assert_eq!(encoded(set), [0x40]);
    for page in [0, 9, 1_023] {
        assert!(!set.has(page));
        set.set(page, true);
        assert!(set.has(page));
    }
    let bytes = encoded(set);
    assert_eq!((bytes.len(), bytes[2], bytes[3], bytes[129]), (130, 0x80, 0x40, 0x01));
    set.set(9, false);
    assert!(!set.has(9) && set.has(0) && !set.has(PAGES));
    for wrong in [1, 127, 129] {
        let mut writer = Writer::new();
        writer.bytes(vec![1; wrong]);
        assert!(PageSet::from_cbor(writer.as_bytes()).is_err());
    }
}

/// Clauses: SYN-55.
#[tokio::test]
async fn a_run_reads_and_writes_the_pages_of_the_authors_that_it_meets() {
    let bookmarks = Stopping::after(usize::MAX);
    let mut tips = Highest::<Tip>::default();
    for i in 0..10_000 {
        assert_eq!(note(&mut tips, &bookmarks, tip(i, 5)).await, Noted::Highest);
    }
    tips.save(&bookmarks, &keys()).await.unwrap();
    let first: usize = bookmarks.written.lock().unwrap().iter().sum();
    assert!(bookmarks.writes() <= 1_024 && first > 700_000, "{first}");
    assert_eq!(bookmarks.reads.load(Ordering::SeqCst), 0, "there was nothing to read");

    let mut next = Highest::<Tip>::new(tips.pages());
    next.save(&bookmarks, &keys()).await.unwrap();
    assert_eq!((bookmarks.writes(), bookmarks.reads.load(Ordering::SeqCst)), (0, 0));
    for i in (0..10_000).step_by(100) {
        assert_eq!(note(&mut next, &bookmarks, tip(i, 5)).await, Noted::Not);
        assert_eq!(note(&mut next, &bookmarks, tip(i, 6)).await, Noted::Highest);
    }
    assert!(bookmarks.reads.load(Ordering::SeqCst) <= 100);
    next.save(&bookmarks, &keys()).await.unwrap();
    let second: usize = bookmarks.written.lock().unwrap().iter().sum();
    assert!(bookmarks.writes() <= 100 && second < first / 8, "{second} of {first}");
}

/// Clauses: SYN-55.
#[tokio::test]
async fn the_highest_is_known_whatever_was_read_when() {
    for seed in 0..8_u64 {
        let bookmarks = Stopping::after(usize::MAX);
        let (mut pages, mut model) = (PageSet::default(), HashMap::new());
        let mut dice = blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof();
        let mut below = |bound: u64| {
            let mut bytes = [0; 8];
            dice.fill(&mut bytes);
            u64::from_be_bytes(bytes) % bound
        };
        for _ in 0..20 {
            let mut tips = Highest::<Tip>::new(pages);
            for _ in 0..below(200) {
                let tip = tip(usize::try_from(below(300)).unwrap(), below(30));
                let highest = model.get(&tip.author).copied();
                let is_higher = highest.is_none_or(|highest| highest < tip.sequence);
                let noted = note(&mut tips, &bookmarks, tip).await;
                assert_eq!(noted == Noted::Highest, is_higher, "seed {seed}");
                if is_higher {
                    model.insert(tip.author, tip.sequence);
                }
            }
            tips.save(&bookmarks, &keys()).await.unwrap();
            pages = tips.pages();
        }
        let mut tips = Highest::<Tip>::new(pages);
        assert!(tips.read_all(&bookmarks, &keys()).await.unwrap());
        let read: HashMap<_, _> = tips.records().map(|tip| (tip.author, tip.sequence)).collect();
        assert_eq!(read, model, "seed {seed}");
    }
}

#[tokio::test]
async fn a_page_has_room_for_some_and_what_was_not_read_is_not_judged() {
    let bookmarks = Stopping::after(usize::MAX);
    let of_one_page = |i: u8| {
        let mut bytes = [0; 32];
        bytes[31] = i;
        Tip { author: AuthorKey(bytes), sequence: 1, id: EntryId([i; 32]) }
    };
    let mut tips = Highest::<Tip>::default();
    for i in 0..32 {
        assert_eq!(tips.note(of_one_page(i)), Noted::Highest);
    }
    assert_eq!(tips.note(of_one_page(32)), Noted::Not);
    assert_eq!(tips.note(Tip { sequence: 2, ..of_one_page(31) }), Noted::Highest);
    tips.save(&bookmarks, &keys()).await.unwrap();

    let mut next = Highest::<Tip>::new(tips.pages());
    assert_eq!(next.note(Tip { sequence: 9, ..of_one_page(0) }), Noted::Not);
    assert!(next.read_of(&bookmarks, &keys(), [of_one_page(0).author]).await.unwrap());
    assert_eq!(next.note(Tip { sequence: 9, ..of_one_page(0) }), Noted::Highest);
    // One whose page is gone or broken says so, each time.
    let key = keys().page(Tip::PLACE, 0);
    for rubbish in [Some(&[0xff][..]), None] {
        match rubbish {
            Some(rubbish) => bookmarks.inner.write(&key, rubbish).await.unwrap(),
            None => bookmarks.inner.remove(&key).await.unwrap(),
        }
        let mut next = Highest::<Tip>::new(tips.pages());
        for _ in 0..2 {
            assert!(!next.read_of(&bookmarks, &keys(), [of_one_page(0).author]).await.unwrap());
            assert!(!next.read_all(&bookmarks, &keys()).await.unwrap());
        }
    }
}
