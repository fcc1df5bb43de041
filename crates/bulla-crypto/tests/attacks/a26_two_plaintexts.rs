//! One ciphertext that opens under two keys: ChaCha20-Poly1305 alone allows it.

use bulla_core::cbor::Encode;
use bulla_core::{ContentHash, EntryId, Header, Kind, RawEntry, Salt, Topic, VerifiedEntry};
use bulla_crypto::{Keyring, OpenError, open, open_with};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::collision::{colliding, decrypts};
use crate::support::{SPACE, device, key, verified};

fn one_time_key(epoch_key: &[u8; 32], header: &Header) -> [u8; 32] {
    let sequence = header.sequence.to_be_bytes();
    let info = [b"bulla 2026 payload key".as_slice(), &header.space.0, &header.author.0, &sequence]
        .concat();
    let mut okm = [0; 32];
    Hkdf::<Sha256>::new(Some(&header.salt.0), epoch_key).expand(&info, &mut okm).unwrap();
    okm
}

/// An entry by a member, whose payload decrypts under both keys; the header names the first.
fn crafted() -> (VerifiedEntry, [Vec<u8>; 2]) {
    let author = device(1);
    let mut header = Header {
        space: SPACE,
        author: author.author(),
        sequence: 1,
        previous: EntryId::ZERO,
        timestamp: 0,
        kind: Kind::OPERATION,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: key(1).id(),
        salt: Salt([3; 24]),
        payload_length: 0,
        content_hash: ContentHash::ZERO,
    };
    let keys = [one_time_key(&[1; 32], &header), one_time_key(&[2; 32], &header)];
    let aad = header.associated_data();
    let payload = colliding(&aad, 32, [&keys[0], &keys[1]]);
    let plaintexts = keys.map(|one_time| {
        decrypts(&one_time, &aad, &payload).expect("the tag is right under both keys")
    });
    header.payload_length = u32::try_from(payload.len()).unwrap();
    header.content_hash = ContentHash::of(&payload);
    let bytes = header.to_cbor();
    let signature = author.sign_header(&Header::digest_of(&bytes));
    let raw = RawEntry { header: bytes.into(), signature, payload: Some(payload.into()) };
    (verified(raw), plaintexts)
}

/// Clauses: KEY-6, SEAL-7.
#[test]
fn a26_a_ciphertext_opens_under_the_key_its_header_names_and_no_other() {
    let (entry, [one, other]) = crafted();
    assert_ne!(one, other, "the cipher gives two members two plaintexts");
    // A member who has the second key only, and one who would try it.
    let mut second = Keyring::new();
    second.insert(SPACE, key(2));
    for refused in [open(&entry, &second), open_with(&entry, &key(2))] {
        assert_eq!(refused.unwrap_err().code().as_str(), "open.unknown_key");
    }
    // Under the key it names it decrypts, and is found to be no frame; the other key beside it changes nothing.
    let under_first = open_with(&entry, &key(1)).unwrap_err();
    assert!(matches!(under_first, OpenError::Frame(_)), "{under_first:?}");
    second.insert(SPACE, key(1));
    assert_eq!(open(&entry, &second), Err(under_first));
}
