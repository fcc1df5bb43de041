//! A set of ids chosen so that their hashes cancel out under XOR: the set digest tells the sets apart.

use bulla_core::{EntryId, SetHash};

use crate::support::id;

/// A subset of `ids` whose bytes XOR to zero, by elimination over the 256 bits; among 257 ids there is always one.
fn cancelling(ids: &[EntryId]) -> Vec<EntryId> {
    let bit = |bytes: &[u8; 32], bit: usize| bytes[bit / 8] >> (bit % 8) & 1 == 1;
    let xor = |a: &mut [u8], b: &[u8]| a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    // Rows reduced so far, by their leading bit: the bytes and which ids went into them.
    let mut rows: Vec<Option<([u8; 32], Vec<u8>)>> = vec![None; 256];
    for (number, id) in ids.iter().enumerate() {
        let (mut bytes, mut members) = (id.0, vec![0; ids.len()]);
        members[number] = 1;
        let mut reduced = None;
        for (position, row) in rows.iter_mut().enumerate() {
            if !bit(&bytes, position) {
                continue;
            }
            match row {
                Some((other, with)) => {
                    xor(&mut bytes, other);
                    xor(&mut members, with);
                }
                None => {
                    reduced = Some(position);
                    break;
                }
            }
        }
        match reduced {
            Some(position) => rows[position] = Some((bytes, members)),
            None => {
                return ids
                    .iter()
                    .zip(members)
                    .filter(|(_, in_it)| *in_it == 1)
                    .map(|(id, _)| *id)
                    .collect();
            }
        }
    }
    panic!("257 vectors of 256 bits are dependent");
}

#[test]
fn a41_sets_that_cancel_under_xor_have_other_digests() {
    let ids: Vec<EntryId> = (0..257).map(id).collect();
    let crafted = cancelling(&ids);
    let mut sum = [0; 32];
    crafted.iter().for_each(|id| sum.iter_mut().zip(id.0).for_each(|(sum, byte)| *sum ^= byte));
    assert_eq!(sum, [0; 32]);
    assert!(crafted.len() > 1);

    let with: SetHash = ids.iter().collect();
    let without: SetHash = ids.iter().filter(|id| !crafted.contains(id)).collect();
    assert_ne!(with.digest(), without.digest());
    let mut alone: SetHash = crafted.iter().collect();
    assert_ne!(alone, SetHash::new());
    alone.add(&without);
    assert_eq!(alone, with);
}
