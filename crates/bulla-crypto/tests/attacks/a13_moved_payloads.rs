//! A member of two spaces signs a sealed payload of one of them as an entry of the other.

use bulla_core::cbor::Encode;
use bulla_core::{Header, KeyId, RawEntry, SpaceId, Topic, Verified, Verifier};
use bulla_crypto::{ChainEnd, Draft, Keyring, open};

use crate::support::{SPACE, device, key, seal, verified, writer};

/// Both spaces share the epoch key here, which is the worst case: only the associated data and the one-time key tell them
/// apart.
/// Clauses: SEAL-4, SEAL-5.
#[test]
fn a13_a_payload_does_not_open_in_another_place() {
    type Move = fn(&mut Header);
    let other = SpaceId([0xa5; 32]);
    let mut keyring = Keyring::new();
    keyring.insert(SPACE, key(1));
    keyring.insert(other, key(1));
    let draft = Draft::new(bulla_core::Kind::OPERATION, b"for one space only");
    let genuine = verified(seal(&writer(1), &ChainEnd::EMPTY, &draft).raw);
    assert_eq!(open(&genuine, &keyring).unwrap().as_slice(), b"for one space only");
    let moves: [(&str, Move); 7] = [
        ("space", |h| h.space = SpaceId([0xa5; 32])),
        ("author", |h| h.author = device(2).author()),
        ("sequence", |h| (h.sequence, h.previous) = (2, bulla_core::EntryId([1; 32]))),
        ("timestamp", |h| h.timestamp += 1),
        ("kind", |h| h.kind = bulla_core::Kind::SNAPSHOT),
        ("topic", |h| h.topic = Topic([1; 16])),
        ("dependencies", |h| h.dependencies = vec![bulla_core::EntryId([1; 32])]),
    ];
    for (field, change) in moves {
        let mut header = genuine.header().clone();
        change(&mut header);
        let entry = signed_again(&header, genuine.payload().to_vec());
        assert_eq!(open(&entry, &keyring).unwrap_err().code().as_str(), "open.failed", "{field}");
    }
    // Under the id of another key the right one is not even tried.
    let mut header = genuine.header().clone();
    header.key_id = KeyId([1; 32]);
    let entry = signed_again(&header, genuine.payload().to_vec());
    assert_eq!(open(&entry, &keyring).unwrap_err().code().as_str(), "open.unknown_key");
}

/// The header with the payload's length and hash, by whichever of the two devices it names.
pub(crate) fn signed_again(header: &Header, payload: Vec<u8>) -> bulla_core::VerifiedEntry {
    let header = Header {
        payload_length: u32::try_from(payload.len()).unwrap(),
        content_hash: bulla_core::ContentHash::of(&payload),
        ..header.clone()
    };
    let keys = [1, 2].map(device).into_iter().find(|keys| keys.author() == header.author).unwrap();
    let bytes = header.to_cbor();
    let signature = keys.sign_header(&Header::digest_of(&bytes));
    let raw = RawEntry { header: bytes.into(), signature, payload: Some(payload.into()) };
    match Verifier::new([0; 32]).verify(&header.space, raw).unwrap() {
        Verified::Entry(entry) => entry,
        Verified::Header(_) => panic!("the payload came along"),
    }
}
