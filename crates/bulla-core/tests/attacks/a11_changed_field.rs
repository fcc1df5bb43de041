//! A field is changed after signing, or the payload swapped for another valid one.

use bulla_core::cbor::Encode;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, KeyId, Kind, RawEntry, Salt, SpaceId, Topic, Verifier,
    VerifyError,
};
use bytes::Bytes;

use crate::support::{device, genesis, header, sign};

#[test]
fn a11_each_field_is_bound_by_the_signature() {
    type Change = fn(&mut Header);
    let changes: [Change; 12] = [
        |h| h.space = SpaceId([9; 32]),
        |h| h.author = AuthorKey(device(2).verifying_key().to_bytes()),
        |h| h.sequence += 1,
        |h| h.previous = EntryId([9; 32]),
        |h| h.timestamp += 1,
        |h| h.kind = Kind::SNAPSHOT,
        |h| h.topic = Topic([9; 16]),
        |h| h.dependencies.truncate(1),
        |h| h.key_id = KeyId([9; 32]),
        |h| h.salt = Salt([9; 24]),
        |h| h.payload_length += 1,
        |h| h.content_hash = ContentHash([9; 32]),
    ];
    let device = device(1);
    let (_, space) = genesis(&device);
    let payload = [3; 50];
    let genuine = header(space, &device, &payload);
    let signed = sign(&device, &genuine, Some(&payload));
    let verifier = Verifier::new([1; 32]);
    assert!(verifier.verify(&space, signed.clone()).is_ok());
    for (number, change) in changes.iter().enumerate() {
        let mut changed = genuine.clone();
        change(&mut changed);
        let raw = RawEntry { header: changed.to_cbor().into(), ..signed.clone() };
        // Also when the payload is left away: the header alone must not pass either.
        for raw in [raw.clone(), RawEntry { payload: None, ..raw }] {
            let verdict = verifier.verify(&changed.space, raw.clone());
            assert_eq!(verdict, Err(VerifyError::Signature(changed.author)), "change {number}");
            assert_eq!(
                verifier.verify_batch(&changed.space, vec![raw]),
                [verdict],
                "change {number}"
            );
        }
    }
}

#[test]
fn a11_each_bit_of_the_signature_counts() {
    let device = device(1);
    let (_, space) = genesis(&device);
    let genuine = sign(&device, &header(space, &device, &[0; 16]), None);
    let verifier = Verifier::new([1; 32]);
    for bit in 0..512 {
        let mut raw = genuine.clone();
        raw.signature.0[bit / 8] ^= 1 << (bit % 8);
        assert!(
            matches!(verifier.verify(&space, raw), Err(VerifyError::Signature(_))),
            "bit {bit}"
        );
    }
}

#[test]
fn a11_a_payload_belongs_to_one_header() {
    let device = device(1);
    let (_, space) = genesis(&device);
    let (first, second) = ([1; 50], [2; 50]);
    let verifier = Verifier::new([1; 32]);
    let signed = sign(&device, &header(space, &device, &first), Some(&first));
    let other = sign(&device, &header(space, &device, &second), Some(&second));
    assert!(verifier.verify(&space, other).is_ok());
    let swapped = RawEntry { payload: Some(Bytes::copy_from_slice(&second)), ..signed.clone() };
    let expected = VerifyError::ContentHash {
        expected: ContentHash::of(&first),
        actual: ContentHash::of(&second),
    };
    assert_eq!(verifier.verify(&space, swapped), Err(expected));
    for length in [0, 49, 51] {
        let payload = Some(Bytes::from(vec![1; length]));
        let raw = RawEntry { payload, ..signed.clone() };
        let expected = VerifyError::PayloadLength { expected: 50, actual: length };
        assert_eq!(verifier.verify(&space, raw), Err(expected));
    }
}
