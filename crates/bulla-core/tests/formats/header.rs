//! Every rule of the header, alone and against every other; truncation and change of every byte.

use bulla_core::cbor::{CborErrorKind, Encode, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_DEPENDENCIES, MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES};
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, HeaderError, KeyId, Kind, Salt, SpaceId, Topic,
};
use proptest::prelude::*;

use crate::support::{device, genesis_header, header};

fn sample() -> Header {
    header(SpaceId([0x11; 32]), &device(1), &[0; 100])
}

fn refused(header: &Header) -> HeaderError {
    let error = Header::decode(&header.to_cbor()).unwrap_err();
    // Whatever can be built by hand and is refused when read is also refused before it is signed.
    assert!(header.validate().is_err(), "{header:?} would be signed");
    error
}

/// As many ids as there are numbers from 1 up to `end`, ascending.
fn ids_below(end: u8) -> Vec<EntryId> {
    (1..end).map(|number| EntryId([number; 32])).collect()
}

#[test]
fn each_rule_refuses() {
    type Change = fn(&mut Header);
    let rules: &[(Change, HeaderError)] = &[
        (|h| h.kind = Kind(9), HeaderError::ControlKind(9)),
        (|h| h.kind = Kind(15), HeaderError::ControlKind(15)),
        (|h| h.kind = Kind::GENESIS, HeaderError::Genesis),
        (|h| h.kind = Kind::GRANT, HeaderError::Topic),
        (|h| h.kind = Kind::RECOVERY, HeaderError::Topic),
        (|h| (h.kind, h.topic) = (Kind::GRANT, Topic::ZERO), HeaderError::KeyId),
        (|h| h.space = SpaceId::ZERO, HeaderError::Genesis),
        (|h| h.sequence = 0, HeaderError::Sequence),
        (|h| h.sequence = 1, HeaderError::Sequence),
        (|h| h.previous = EntryId::ZERO, HeaderError::Sequence),
        (|h| h.dependencies.swap(0, 1), HeaderError::Dependencies),
        (|h| h.dependencies = vec![EntryId([0x31; 32]); 2], HeaderError::Dependencies),
        (|h| h.dependencies = vec![EntryId::ZERO], HeaderError::Dependencies),
        (|h| h.dependencies = vec![h.previous], HeaderError::Dependencies),
        (|h| h.key_id = KeyId::ZERO, HeaderError::KeyId),
        (|h| h.payload_length = 15, HeaderError::PayloadLength),
        (|h| h.payload_length = 0, HeaderError::PayloadLength),
    ];
    for (change, expected) in rules {
        let mut header = sample();
        change(&mut header);
        assert_eq!(refused(&header), *expected);
    }
    // The bounds of numbers and counts belong to the shape and are named with the place of the field.
    let bounds: &[Change] = &[
        |h| h.sequence = MAX_COUNTER + 1,
        |h| h.timestamp = MAX_COUNTER + 1,
        |h| h.payload_length = u32::try_from(MAX_PAYLOAD_BYTES).unwrap() + 1,
        |h| h.dependencies = ids_below(66),
    ];
    for change in bounds {
        let mut header = sample();
        change(&mut header);
        assert!(
            matches!(refused(&header), HeaderError::Cbor(error) if error.kind == CborErrorKind::Bounds)
        );
    }
}

#[test]
fn bounds_hold_for_what_is_not_yet_encoded() {
    type Change = fn(&mut Header);
    let bounds: &[(Change, HeaderError)] = &[
        (|h| h.sequence = MAX_COUNTER + 1, HeaderError::Sequence),
        (|h| h.timestamp = MAX_COUNTER + 1, HeaderError::Timestamp),
        (|h| h.dependencies = ids_below(66), HeaderError::Dependencies),
        (|h| h.payload_length += 0x10_0000, HeaderError::PayloadLength),
    ];
    for (change, expected) in bounds {
        let mut header = sample();
        header.previous = EntryId([0xff; 32]);
        assert_eq!(header.validate(), Ok(()));
        change(&mut header);
        assert_eq!(header.validate(), Err(*expected));
    }
}

#[test]
fn each_genesis_rule_refuses() {
    type Change = fn(&mut Header);
    let rules: &[(Change, HeaderError)] = &[
        (|h| h.space = SpaceId([1; 32]), HeaderError::Genesis),
        (|h| h.sequence = 2, HeaderError::Genesis),
        (|h| h.sequence = 0, HeaderError::Genesis),
        (|h| h.previous = EntryId([1; 32]), HeaderError::Genesis),
        (|h| h.topic = Topic([1; 16]), HeaderError::Genesis),
        (|h| h.dependencies = vec![EntryId([1; 32])], HeaderError::Genesis),
        (|h| h.key_id = KeyId([1; 32]), HeaderError::KeyId),
    ];
    for (change, expected) in rules {
        let mut header = genesis_header(&device(1), b"payload");
        change(&mut header);
        assert_eq!(refused(&header), *expected);
    }
    assert_eq!(genesis_header(&device(1), b"").validate(), Ok(()));
}

#[test]
fn bounds_are_inclusive() {
    let mut header = sample();
    header.sequence = MAX_COUNTER;
    header.timestamp = MAX_COUNTER;
    header.kind = Kind(u16::MAX);
    header.payload_length = u32::try_from(MAX_PAYLOAD_BYTES).unwrap();
    header.dependencies =
        (0..u8::try_from(MAX_DEPENDENCIES).unwrap()).map(|i| EntryId([i + 1; 32])).collect();
    header.previous = EntryId([0xff; 32]);
    let bytes = header.to_cbor();
    assert!(bytes.len() <= MAX_HEADER_BYTES, "{} bytes", bytes.len());
    assert_eq!(Header::decode(&bytes), Ok(header.clone()));

    header.payload_length = 16;
    header.timestamp = 0;
    header.dependencies.clear();
    (header.sequence, header.previous) = (1, EntryId::ZERO);
    assert_eq!(Header::decode(&header.to_cbor()), Ok(header));
}

/// Of two rules broken at once, the one that ENT-25 puts first is named.
#[test]
fn the_first_rule_in_order_is_named() {
    type Change = fn(&mut Header);
    // One change for each rule, in the order of the checks, chosen so that none mends another.
    let ordered: &[(Change, HeaderError)] = &[
        (|h| h.kind = Kind(9), HeaderError::ControlKind(9)),
        (|h| h.space = SpaceId::ZERO, HeaderError::Genesis),
        (|h| h.sequence = 0, HeaderError::Sequence),
        (|h| h.dependencies.swap(0, 1), HeaderError::Dependencies),
        (|h| h.key_id = KeyId::ZERO, HeaderError::KeyId),
        (|h| h.payload_length = 3, HeaderError::PayloadLength),
    ];
    // A control entry with a topic: before the sequence, after the space.
    let control: &[(Change, HeaderError)] = &[
        (|h| h.kind = Kind(9), HeaderError::ControlKind(9)),
        (|h| h.space = SpaceId::ZERO, HeaderError::Genesis),
        (|h| h.topic = Topic([1; 16]), HeaderError::Topic),
        (|h| h.sequence = 0, HeaderError::Sequence),
    ];
    for (i, (first, expected)) in control.iter().enumerate() {
        for (second, _) in &control[i + 1..] {
            let mut header = sample();
            (header.kind, header.topic, header.key_id) = (Kind::ERASE, Topic::ZERO, KeyId::ZERO);
            assert_eq!(header.validate(), Ok(()));
            second(&mut header);
            first(&mut header);
            assert_eq!(refused(&header), *expected);
        }
    }
    for (i, (first, expected)) in ordered.iter().enumerate() {
        for (second, _) in &ordered[i + 1..] {
            let mut header = sample();
            second(&mut header);
            first(&mut header);
            assert_eq!(refused(&header), *expected);
        }
    }
}

fn with_version(version: u64) -> Vec<u8> {
    let mut bytes = sample().to_cbor();
    let mut writer = Writer::new();
    writer.uint(version);
    bytes.splice(1..2, writer.into_bytes());
    bytes
}

#[test]
fn version_comes_before_the_shape() {
    for version in [0, 2, 23, 24, u64::MAX] {
        assert_eq!(Header::decode(&with_version(version)), Err(HeaderError::Version(version)));
    }
    // A later version may have other fields: its version is what is named.
    assert_eq!(Header::decode(&[0x82, 0x02, 0x60]), Err(HeaderError::Version(2)));
    let shape = |bytes: &[u8]| match Header::decode(bytes) {
        Err(HeaderError::Cbor(error)) => error.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(shape(&[0x80]), CborErrorKind::Count);
    assert_eq!(shape(&[0x81, 0x01]), CborErrorKind::Count);
    assert_eq!(shape(&[0x81, 0x40]), CborErrorKind::Unexpected);
    assert_eq!(shape(&[0xa0]), CborErrorKind::Unexpected);
    assert_eq!(shape(&[]), CborErrorKind::Truncated);
    // What is not canonical anywhere is named before the version.
    assert_eq!(shape(&[0x82, 0x02, 0x18, 0x01]), CborErrorKind::NotShortest);
}

#[test]
fn length_comes_before_everything() {
    let mut bytes = vec![0xff; MAX_HEADER_BYTES + 1];
    assert_eq!(Header::decode(&bytes), Err(HeaderError::TooLong));
    bytes.pop();
    assert!(matches!(Header::decode(&bytes), Err(HeaderError::Cbor(_))));
}

#[test]
fn cut_at_every_byte() {
    for header in [sample(), genesis_header(&device(2), b"x")] {
        let bytes = header.to_cbor();
        for length in 0..bytes.len() {
            let error = Header::decode(&bytes[..length]).unwrap_err();
            let HeaderError::Cbor(error) = error else { panic!("{error:?}") };
            assert_eq!(error.kind, CborErrorKind::Truncated, "cut after {length} bytes");
        }
        let longer = [bytes, vec![0]].concat();
        let HeaderError::Cbor(error) = Header::decode(&longer).unwrap_err() else { panic!() };
        assert_eq!(error.kind, CborErrorKind::Trailing);
    }
}

/// No change of one byte goes unnoticed: the bytes are refused, or are the one encoding of another header.
#[test]
fn every_byte_changed_to_every_value() {
    let original = sample();
    let bytes = original.to_cbor();
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            if bytes[at] == value {
                continue;
            }
            let mut changed = bytes.clone();
            changed[at] = value;
            if let Ok(header) = Header::decode(&changed) {
                assert_ne!(header, original);
                assert_eq!(header.to_cbor(), changed);
            }
        }
    }
}

#[test]
fn derived_encodings_begin_like_the_header() {
    // Associated data and salt input are the fields before them, under an array head of their own length.
    let header = sample();
    let bytes = header.to_cbor();
    let (associated, salt_input) = (header.associated_data(), header.salt_input());
    assert_eq!((bytes[0], associated[0], salt_input[0]), (0x8d, 0x8b, 0x8a));
    assert_eq!(associated[1..], bytes[1..associated.len()]);
    assert_eq!(salt_input[1..], bytes[1..salt_input.len()]);
    assert_eq!(associated.len(), salt_input.len() + 2 + Salt::LEN);
    assert_eq!(bulla_core::cbor::check(&associated), Ok(()));
    assert_eq!(bulla_core::cbor::check(&salt_input), Ok(()));
}

fn ids<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    prop_oneof![Just([0; N]), any::<[u8; N]>()]
}

fn headers() -> impl Strategy<Value = Header> {
    let counters =
        || prop_oneof![0_u64..30, any::<u64>(), Just(MAX_COUNTER), Just(MAX_COUNTER + 1)];
    let kinds = prop_oneof![0_u16..20, any::<u16>()];
    let dependencies = prop_oneof![
        prop::collection::btree_set(ids::<32>(), 0..70)
            .prop_map(|set| set.into_iter().collect::<Vec<_>>()),
        prop::collection::vec(ids::<32>(), 0..4),
    ];
    let first = (ids::<32>(), ids::<32>(), counters(), ids::<32>(), counters(), kinds);
    let second = (ids::<16>(), dependencies, ids::<32>(), ids::<24>(), any::<u32>(), ids::<32>());
    (first, second, any::<bool>()).prop_map(|(first, second, fits)| Header {
        space: SpaceId(first.0),
        author: AuthorKey(first.1),
        sequence: first.2,
        previous: EntryId(first.3),
        timestamp: first.4,
        kind: Kind(first.5),
        topic: Topic(second.0),
        dependencies: second.1.into_iter().map(EntryId).collect(),
        key_id: KeyId(second.2),
        salt: Salt(second.3),
        payload_length: if fits { second.4 % 1_048_577 } else { second.4 },
        content_hash: ContentHash(second.5),
    })
}

proptest! {
    /// `validate` before signing and `decode` after receiving accept exactly the same headers.
    #[test]
    fn decodes_exactly_what_validates(header in headers()) {
        let decoded = Header::decode(&header.to_cbor());
        prop_assert_eq!(decoded.is_ok(), header.validate().is_ok());
        if let Ok(decoded) = decoded {
            prop_assert_eq!(decoded, header);
        }
    }

    #[test]
    fn what_decodes_has_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(header) = Header::decode(&bytes) {
            prop_assert_eq!(header.to_cbor(), bytes);
        }
    }

    #[test]
    fn damaged_headers_never_pass_as_they_were(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let bytes = sample().to_cbor();
        let mut damaged = bytes.clone();
        for (index, value) in changes {
            let at = index.index(damaged.len());
            damaged[at] = value;
        }
        if let Ok(header) = Header::decode(&damaged) {
            prop_assert_eq!(header.to_cbor(), damaged);
        }
    }
}
