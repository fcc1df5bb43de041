//! Heads, cursors and filters: one encoding each, and every bound.

use bulla_core::cbor::{CborErrorKind, Decode, Encode, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_FILTER_TERMS};
use bulla_core::values::{Counted, Counting, Filter, Freshness, KindRange};
use bulla_core::{AuthorKey, Cursor, Head, Kind, Lineage, LogHash, SetDigest, SpaceId, Topic};
use proptest::prelude::*;

use crate::support::{device, genesis_header, header};

fn counted() -> impl Strategy<Value = Counted> {
    (0..=MAX_COUNTER, any::<[u8; 32]>())
        .prop_map(|(count, digest)| Counted { count, digest: SetDigest(digest) })
}

fn heads() -> impl Strategy<Value = Head> {
    let counting = prop_oneof![Just(Counting::All), counted().prop_map(Counting::Directory)];
    let freshness =
        prop_oneof![Just(Freshness::Fresh), (0..=MAX_COUNTER).prop_map(Freshness::StaleSince)];
    let place = (any::<[u8; 16]>(), 0..=MAX_COUNTER, any::<[u8; 32]>());
    (place, counted(), counted(), counting, counted(), freshness).prop_map(
        |(place, control, held, counting, present, freshness)| Head {
            lineage: Lineage(place.0),
            last_receipt: place.1,
            log_hash: LogHash(place.2),
            control,
            held,
            counting,
            present,
            freshness,
        },
    )
}

fn largest() -> Head {
    let set = Counted { count: MAX_COUNTER, digest: SetDigest([0xff; 32]) };
    Head {
        lineage: Lineage([0xff; 16]),
        last_receipt: MAX_COUNTER,
        log_hash: LogHash([0xff; 32]),
        control: set,
        held: set,
        counting: Counting::Directory(set),
        present: set,
        freshness: Freshness::StaleSince(MAX_COUNTER),
    }
}

#[test]
fn a_head_is_under_300_bytes() {
    assert_eq!(largest().to_cbor().len(), 246);
}

#[test]
fn same_entries_needs_one_rule_and_equal_control_entries() {
    let head = largest();
    let mut other = Head {
        lineage: Lineage([1; 16]),
        last_receipt: 3,
        present: Counted { count: 0, ..head.present },
        ..head
    };
    assert!(head.same_entries(&other));
    other.control.digest = SetDigest([1; 32]);
    assert!(!head.same_entries(&other));
    let all = Head { counting: Counting::All, ..head };
    assert_eq!(all.counting_set(), head.counting_set());
    assert!(!head.same_entries(&all), "equal digests under two rules say nothing");
    let set = Counted { digest: SetDigest([2; 32]), ..head.counting_set() };
    assert!(!head.same_entries(&Head { counting: Counting::Directory(set), ..head }));
    // What is held besides plays no part under the rule directory, and is all there is under the rule all.
    assert!(head.same_entries(&Head { held: set, ..head }));
    assert!(all.same_entries(&all));
    assert!(!all.same_entries(&Head { held: set, ..all }));
}

proptest! {
    #[test]
    fn heads_and_cursors_read_back(head in heads()) {
        let bytes = head.to_cbor();
        prop_assert!(bytes.len() < 300);
        prop_assert_eq!(Head::from_cbor(&bytes), Ok(head));
        let cursor = head.cursor();
        prop_assert_eq!(Cursor::from_cbor(&cursor.to_cbor()), Ok(cursor));
    }

    #[test]
    fn damaged_heads_have_one_encoding(head in heads(), index in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = head.to_cbor();
        let at = index.index(bytes.len());
        bytes[at] = value;
        if let Ok(read) = Head::from_cbor(&bytes) {
            prop_assert_eq!(read.to_cbor(), bytes.clone());
        }
        bytes.truncate(at);
        prop_assert_eq!(Head::from_cbor(&bytes).unwrap_err().kind, CborErrorKind::Truncated);
    }
}

#[test]
fn head_and_cursor_bounds() {
    let refused = |bytes: &[u8]| Head::from_cbor(bytes).unwrap_err().kind;
    let beyond = |change: fn(&mut Head)| {
        let mut head = largest();
        change(&mut head);
        assert_eq!(refused(&head.to_cbor()), CborErrorKind::Bounds);
    };
    beyond(|h| h.last_receipt += 1);
    beyond(|h| h.control.count += 1);
    beyond(|h| h.held.count += 1);
    beyond(|h| {
        h.counting = Counting::Directory(Counted { count: MAX_COUNTER + 1, ..h.held });
    });
    beyond(|h| h.present.count += 1);
    beyond(|h| h.freshness = Freshness::StaleSince(MAX_COUNTER + 1));
    assert_eq!(refused(&[0x88]), CborErrorKind::Truncated);
    assert_eq!(refused(&[0x80]), CborErrorKind::Count);

    let cursor =
        Cursor { lineage: Lineage([1; 16]), receipt: MAX_COUNTER + 1, log_hash: LogHash([2; 32]) };
    assert_eq!(Cursor::from_cbor(&cursor.to_cbor()).unwrap_err().kind, CborErrorKind::Bounds);
}

fn topic(number: usize) -> Topic {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Topic(bytes)
}

fn full_filter(terms: usize) -> Filter {
    let ranges = (0..terms).map(|i| {
        let first = u16::try_from(i * 4).unwrap();
        KindRange { first: Kind(first), last: Kind(first + 2) }
    });
    let authors = (0..terms).map(|i| {
        let mut key = [9; 32];
        key[..16].copy_from_slice(&topic(i).0);
        AuthorKey(key)
    });
    Filter {
        topics: (0..terms).map(topic).collect(),
        kinds: ranges.collect(),
        authors: authors.collect(),
        timestamps: Some((0, MAX_COUNTER)),
    }
}

#[test]
fn filter_bounds() {
    let full = full_filter(MAX_FILTER_TERMS);
    assert_eq!(Filter::from_cbor(&full.to_cbor()), Ok(full.clone()));
    assert_eq!(Filter::from_cbor(&Filter::all().to_cbor()), Ok(Filter::all()));
    let refuse = |change: fn(&mut Filter)| {
        let mut filter = full_filter(3);
        change(&mut filter);
        assert!(!filter.is_canonical());
        assert_eq!(Filter::from_cbor(&filter.to_cbor()).unwrap_err().kind, CborErrorKind::Bounds);
    };
    refuse(|f| f.topics.swap(0, 1));
    refuse(|f| f.topics[1] = f.topics[0]);
    refuse(|f| f.authors.swap(0, 1));
    refuse(|f| f.authors[1] = f.authors[0]);
    refuse(|f| f.kinds.swap(0, 1));
    refuse(|f| f.kinds[1].first = f.kinds[0].last);
    refuse(|f| f.kinds[0].first = Kind(3));
    refuse(|f| f.timestamps = Some((2, 1)));
    let beyond = Filter { timestamps: Some((0, MAX_COUNTER + 1)), ..Filter::all() };
    assert_eq!(Filter::from_cbor(&beyond.to_cbor()).unwrap_err().kind, CborErrorKind::Bounds);
    let more = full_filter(MAX_FILTER_TERMS + 1);
    for filter in [
        Filter { topics: more.topics, ..Filter::all() },
        Filter { kinds: more.kinds, ..Filter::all() },
        Filter { authors: more.authors, ..Filter::all() },
    ] {
        assert_eq!(Filter::from_cbor(&filter.to_cbor()).unwrap_err().kind, CborErrorKind::Bounds);
    }
    // A count of terms that nobody could send is refused before room is made for it.
    let mut writer = Writer::new();
    writer.array(4).array(usize::try_from(u32::MAX).unwrap());
    assert!(Filter::from_cbor(writer.as_bytes()).is_err());
}

#[test]
fn filter_matches_every_part_and_always_control_entries() {
    let entry = header(SpaceId([1; 32]), &device(1), &[0; 20]);
    let matching = Filter {
        topics: vec![Topic([0; 16]), entry.topic],
        kinds: vec![
            KindRange { first: Kind(16), last: Kind(16) },
            KindRange { first: Kind(20), last: Kind(30) },
        ],
        authors: vec![entry.author],
        timestamps: Some((entry.timestamp, entry.timestamp)),
    };
    assert!(matching.matches(&entry) && Filter::all().matches(&entry));
    assert!(Filter::all().is_all() && !matching.is_all());
    let others = [
        Filter { topics: vec![Topic([1; 16])], ..matching.clone() },
        Filter { kinds: vec![KindRange { first: Kind(17), last: Kind(20) }], ..matching.clone() },
        Filter { authors: vec![AuthorKey([1; 32])], ..matching.clone() },
        Filter { timestamps: Some((0, entry.timestamp - 1)), ..matching.clone() },
        Filter { timestamps: Some((entry.timestamp + 1, MAX_COUNTER)), ..matching },
    ];
    let control = genesis_header(&device(1), b"x");
    for filter in others {
        assert!(!filter.matches(&entry), "{filter:?}");
        assert!(filter.matches(&control), "{filter:?}");
    }
}
