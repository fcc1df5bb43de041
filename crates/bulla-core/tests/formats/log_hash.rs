//! The log hash against the chain spelled out.

use bulla_core::{EntryId, Lineage, LogHash, SpaceId, domain};

use crate::support::id;

#[test]
fn is_the_chain_spelled_out() {
    let (space, lineage) = (SpaceId([1; 32]), Lineage([2; 16]));
    let mut hash = LogHash::start(&space, &lineage);
    let mut expected = blake3::derive_key(domain::LOG_HASH, &[&[1; 32][..], &[2; 16]].concat());
    assert_eq!(hash.0, expected);
    for number in 0..20 {
        let id = id(number);
        expected = blake3::derive_key(domain::LOG_HASH, &[&expected[..], &id.0].concat());
        hash = hash.next(&id);
        assert_eq!(hash.0, expected);
    }
}

#[test]
fn tells_apart_space_lineage_order_and_repetition() {
    let start =
        |space: u8, lineage: u8| LogHash::start(&SpaceId([space; 32]), &Lineage([lineage; 16]));
    let hash = |start: LogHash, ids: &[EntryId]| ids.iter().fold(start, |hash, id| hash.next(id));
    let (a, b) = (id(1), id(2));
    let all = [
        hash(start(1, 1), &[]),
        hash(start(2, 1), &[]),
        hash(start(1, 2), &[]),
        hash(start(1, 1), &[a]),
        hash(start(1, 1), &[a, a]),
        hash(start(1, 1), &[a, b]),
        hash(start(1, 1), &[b, a]),
    ];
    for (i, hash) in all.iter().enumerate() {
        assert!(!all[i + 1..].contains(hash));
    }
}
