//! What is remembered of keys: bounded, never a bad one, and no verdict depends on it.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

use super::*;
use crate::verify::signature::verify_together;
use crate::verify::tests::{genuine, signed, table};
use crate::verify::{SignatureError, Signed};

/// As many different usable keys.
fn keys(count: usize) -> Vec<[u8; 32]> {
    let mut point = ED25519_BASEPOINT_POINT;
    let mut points = Vec::new();
    for _ in 0..count {
        points.push(point);
        point += ED25519_BASEPOINT_POINT;
    }
    points.iter().map(|point| point.compress().0).collect()
}

#[test]
fn a_full_table_is_emptied() {
    let (cache, keys) = (KeyCache::new(), keys(2 * MAX_KEYS + 10));
    for keys in keys.chunks(1000) {
        cache.keep(&cache.judge(keys.iter()));
        assert!(cache.len() <= MAX_KEYS, "{} keys", cache.len());
    }
    // What was dropped is judged as before.
    assert_eq!(cache.judge(keys.iter()).keys, KeyCache::new().judge(keys.iter()).keys);
    // One batch alone may be larger than the table.
    cache.keep(&cache.judge(keys.iter()));
    assert!(cache.len() <= MAX_KEYS, "{} keys", cache.len());
}

#[test]
fn keys_that_are_known_do_not_empty_a_full_table() {
    let (cache, keys) = (KeyCache::new(), keys(MAX_KEYS));
    cache.keep(&cache.judge(keys.iter()));
    cache.keep(&cache.judge(keys[..1000].iter()));
    assert_eq!(cache.len(), MAX_KEYS);
}

/// Clauses: VER-4.
#[test]
fn keys_that_are_refused_are_not_remembered() {
    let mut bad: Vec<_> = EIGHT_TORSION.iter().map(|point| point.compress().0).collect();
    let mut undecodable = [0; 32];
    undecodable[0] = 2;
    bad.push(undecodable);
    let good = keys(3);
    let cache = KeyCache::new();
    for _ in 0..2 {
        let judged = cache.judge(bad.iter().chain(&good));
        let usable: Vec<_> = (0..judged.keys.len()).map(|place| judged.is_usable(place)).collect();
        assert_eq!(usable, [vec![false; bad.len()], vec![true; good.len()]].concat());
        cache.keep(&judged);
        assert_eq!(cache.len(), good.len());
    }
}

#[test]
fn keys_are_told_apart_by_their_exact_bytes() {
    let cache = KeyCache::new();
    let good = keys(1)[0];
    cache.keep(&cache.judge([&good].into_iter()));
    for bit in 0..256 {
        let mut near = good;
        near[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(cache.judge([&near].into_iter()).keys[0].1, UsableKey::decode(&near));
    }
}

/// Signatures that do not hold leave no trace: pushing keys out of the table costs a signature for each.
#[test]
fn keys_of_a_batch_that_does_not_hold_are_not_remembered() {
    let cache = KeyCache::new();
    let mut cases = genuine(5);
    let good: Vec<_> = cases.iter().map(signed).collect();
    assert!(verify_together(&[1; 32], &cache, &good).iter().all(Result::is_ok));
    assert_eq!(cache.len(), 5);

    let cache = KeyCache::new();
    cases[2].signature.0[40] ^= 1;
    let spoilt: Vec<_> = cases.iter().map(signed).collect();
    let verdicts = verify_together(&[1; 32], &cache, &spoilt);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 4);
    assert_eq!(cache.len(), 0);
}

/// Every case of the committed table gets its verdict from a verifier that remembers nothing, from one that remembers
/// every usable key of the table, and from one that remembers other keys.
///
/// Clauses: VER-1, VER-4, VER-5, VER-9.
#[test]
fn no_verdict_depends_on_what_is_remembered() {
    let (table, company) = (table(), genuine(2));
    let (knows_all, knows_others) = (KeyCache::new(), KeyCache::new());
    knows_all.keep(&knows_all.judge(table.iter().map(|case| &case.key)));
    knows_others.keep(&knows_others.judge(keys(100).iter()));
    let size = knows_all.len();
    assert!(size > 50, "{size} keys");
    for case in &table {
        let batch = [signed(&company[0]), signed(case), signed(&company[1])];
        let verdict = |cache: &KeyCache, items: &[Signed<'_>]| {
            let verdicts: [Result<(), SignatureError>; 3] =
                verify_together(&[2; 32], cache, items).try_into().unwrap();
            verdicts
        };
        let expected = [Ok(()), case.verdict, Ok(())];
        assert_eq!(verdict(&KeyCache::new(), &batch), expected, "{} unknown", case.name);
        assert_eq!(verdict(&knows_all, &batch), expected, "{} known", case.name);
        assert_eq!(verdict(&knows_others, &batch), expected, "{} others known", case.name);
    }
    let all: Vec<_> = table.iter().map(signed).collect();
    let expected: Vec<_> = table.iter().map(|case| case.verdict).collect();
    assert_eq!(verify_together(&[4; 32], &knows_all, &all), expected);
}
