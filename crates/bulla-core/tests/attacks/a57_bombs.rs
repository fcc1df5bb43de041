//! Input that announces or nests more than it holds: refused from a fixed-size state, without recursion or allocation.

use bulla_core::cbor::{CborErrorKind, Checker, Decode, check};
use bulla_core::genesis::Genesis;
use bulla_core::values::Filter;
use bulla_core::{AuthorKey, Bloom, Cursor, Head, Header};

fn bombs() -> Vec<Vec<u8>> {
    let nested = |head: u8| vec![head; 1_000_000];
    let mut maps = Vec::new();
    for _ in 0..500_000 {
        maps.extend_from_slice(&[0xa1, 0x00]);
    }
    let long = |major: u8| [vec![major | 27], vec![0xff; 8]].concat();
    vec![
        nested(0x81),
        maps,
        nested(0x9f),
        nested(0xc1),
        long(0x40),
        long(0x60),
        long(0x80),
        long(0xa0),
        nested(0x80),
    ]
}

/// Clauses: CONV-5, CBOR-8.
#[test]
fn a57_bombs_are_refused_at_their_first_bytes() {
    let kinds: Vec<_> = bombs()
        .iter()
        .map(|bomb| check(bomb).unwrap_err())
        .map(|error| (error.kind, error.offset))
        .collect();
    assert_eq!(
        kinds,
        [
            (CborErrorKind::Depth, 8),
            (CborErrorKind::Depth, 16),
            (CborErrorKind::Indefinite, 0),
            (CborErrorKind::Type, 0),
            (CborErrorKind::Truncated, 0),
            (CborErrorKind::Truncated, 0),
            (CborErrorKind::Truncated, 0),
            (CborErrorKind::Truncated, 0),
            (CborErrorKind::Trailing, 1),
        ]
    );
    assert!(size_of::<Checker>() < 512, "{} bytes", size_of::<Checker>());
}

#[test]
fn a57_no_decoder_takes_a_bomb() {
    for bomb in bombs() {
        assert!(Header::decode(&bomb).is_err());
        assert!(Genesis::parse(&bomb, &AuthorKey([1; 32])).is_err());
        assert!(Bloom::from_cbor(&bomb).is_err());
        assert!(Head::from_cbor(&bomb).is_err());
        assert!(Cursor::from_cbor(&bomb).is_err());
        assert!(Filter::from_cbor(&bomb).is_err());
    }
}

/// A million small items in one array are canonical, and are read in one pass.
#[test]
fn a57_a_wide_array_is_only_wide() {
    let mut bytes = vec![0x9a];
    bytes.extend_from_slice(&1_000_000_u32.to_be_bytes());
    bytes.resize(5 + 1_000_000, 0x80);
    assert_eq!(check(&bytes), Ok(()));
    bytes[0x1234] = 0x81;
    assert_eq!(check(&bytes).unwrap_err().kind, CborErrorKind::Truncated);
}

/// A count that cannot come true does not keep what follows it from being judged, so a receiver need not wait for it.
///
/// Clauses: WIRE-11, WIRE-12.
#[test]
fn a57_a_count_beyond_all_bounds_hides_no_fault() {
    let heads =
        [vec![0x9b, 0, 0, 1, 0, 0, 0, 0, 0], vec![0xbb; 9], [&[0x9b][..], &[0xff; 8]].concat()];
    for (head, fault) in heads.into_iter().zip([vec![0xff], vec![0x00, 0x00, 0x00], vec![0xfb]]) {
        let mut checker = Checker::new();
        assert_eq!(checker.advance(&head).unwrap_err().kind, CborErrorKind::Truncated);
        let kind = checker.advance(&[head.clone(), fault].concat()).unwrap_err().kind;
        assert_ne!(kind, CborErrorKind::Truncated, "{head:x?}");
        // Where no more bytes will come, the count is the fault (CBOR-2).
        assert_eq!(check(&head).unwrap_err().kind, CborErrorKind::Truncated);
    }
}
