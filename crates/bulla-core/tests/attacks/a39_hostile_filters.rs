//! Filters with absurd parameters are refused before they cost anything; filters with absurd contents stay hints.

use bulla_core::Bloom;
use bulla_core::bloom::MAX_BITS;
use bulla_core::cbor::{Decode, Reader, Writer};

use crate::support::id;

fn filter(hashes: u64, count: u64, bits: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(4).bytes([0; 16]).uint(hashes).uint(count).bytes(bits);
    writer.into_bytes()
}

/// Clauses: CONV-5, BLM-2.
#[test]
fn a39_parameters_are_refused_before_any_work() {
    for (hashes, count, bits) in [
        (1 << 32, 1, 64),
        (0, 1, 64),
        (17, 1, 64),
        (7, u64::MAX, 64),
        (7, (1 << 26) + 1, 64),
        (7, 1, 0),
    ] {
        assert!(
            Bloom::from_cbor(&filter(hashes, count, &vec![0; bits])).is_err(),
            "{hashes} {count} {bits}"
        );
    }
    // A length of 2^60 bytes is refused by its head alone: nothing of it is there to be read or copied.
    let mut bytes = filter(7, 1, &[]);
    bytes.pop();
    bytes.extend_from_slice(&[0x5b, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    assert!(Bloom::from_cbor(&bytes).is_err());
    assert!(Bloom::decode(&mut Reader::new(&bytes)).is_err());
    let over = usize::try_from(MAX_BITS / 8).unwrap() + 1;
    assert!(Bloom::from_cbor(&filter(7, 1, &vec![0xff; over])).is_err());
}

/// The work per question is bounded by 16 bits, whatever the filter says of itself.
#[test]
fn a39_contents_are_only_a_hint() {
    let ones = Bloom::from_cbor(&filter(16, 1 << 26, &[0xff])).unwrap();
    let zeros = Bloom::from_cbor(&filter(16, 1 << 26, &[0; 1])).unwrap();
    for number in 0..10_000 {
        assert!(ones.may_hold(&id(number)) && !zeros.may_hold(&id(number)));
    }
    // The count a filter claims stays within its bound when ids are added to it.
    let mut full = ones;
    full.insert(&id(1));
    assert_eq!(full.count(), 1 << 26);
}
