//! Ids chosen so that maps degenerate.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use bulla_core::EntryId;

/// Ids that agree in their first 64 bits.
fn alike(number: u64) -> EntryId {
    let mut id = EntryId([0x77; 32]);
    id.0[24..].copy_from_slice(&number.to_be_bytes());
    id
}

/// Ids that agree in nothing.
fn unlike(number: u64) -> EntryId {
    EntryId(*blake3::hash(&number.to_be_bytes()).as_bytes())
}

/// The most ids that share one of 4,096 buckets, in the map that the stores use.
fn fullest_bucket(ids: impl Iterator<Item = EntryId>) -> usize {
    let map: HashMap<EntryId, u64> = HashMap::new();
    let mut buckets = vec![0_usize; 4096];
    for id in ids {
        buckets[usize::try_from(map.hasher().hash_one(id) % 4096).unwrap()] += 1;
    }
    buckets.into_iter().max().unwrap()
}

#[test]
fn a40_ids_alike_spread_like_others() {
    // Work and not time is compared: how far a lookup may have to walk.
    let count = 1_000_000;
    let (chosen, random) =
        (fullest_bucket((0..count).map(alike)), fullest_bucket((0..count).map(unlike)));
    assert!(
        chosen < random * 2,
        "fullest bucket: {chosen} for chosen ids, {random} for random ones"
    );
}

#[test]
fn a40_maps_are_keyed_at_random() {
    // Two maps put the same ids in other places, so nobody can prepare ids that collide.
    let (one, other): (HashMap<EntryId, u64>, HashMap<EntryId, u64>) =
        (HashMap::new(), HashMap::new());
    let same = (0..1_000)
        .filter(|n| one.hasher().hash_one(alike(*n)) == other.hasher().hash_one(alike(*n)))
        .count();
    assert_eq!(same, 0);
}
