//! Chunks in another order, missing, doubled, cut or exchanged.

use std::collections::HashMap;

use bulla_core::{EntryId, VerifiedEntry};
use bulla_crypto::manifest::{ContentReader, ManifestError};
use bulla_crypto::{Keyring, open};

use crate::support::{content, keyring};

fn read(
    root: EntryId,
    give: impl Fn(EntryId) -> Option<VerifiedEntry>,
    keyring: &Keyring,
) -> Result<Vec<u8>, Option<ManifestError>> {
    let mut reader = ContentReader::new(root);
    let mut bytes = Vec::new();
    while let Some(wanted) = reader.wanted() {
        let entry = give(wanted).ok_or(None)?;
        if let Some(piece) = reader.supply(&entry, keyring).map_err(Some)? {
            bytes.extend_from_slice(&piece.bytes);
        }
    }
    Ok(bytes)
}

/// Whoever carries entries cannot hand over one in the place of another, in any of all orders.
/// Clauses: MAN-7.
#[test]
fn a14_every_order_of_the_chunks_but_the_right_one_is_refused() {
    let bytes: Vec<u8> = (0..29).collect();
    let (root, entries) = content(8, &bytes);
    let ids: Vec<EntryId> = entries.iter().map(VerifiedEntry::id).collect();
    let chunks = &ids[..4];
    let mut taken = 0;
    for order in 0..256_usize {
        let given: HashMap<EntryId, EntryId> =
            (0..4).map(|at| (chunks[at], chunks[(order >> (2 * at)) & 3])).collect();
        let give = |wanted: EntryId| {
            let id = given.get(&wanted).unwrap_or(&wanted);
            entries.iter().find(|entry| entry.id() == *id).cloned()
        };
        match read(root, give, &keyring(1)) {
            Ok(whole) => {
                assert_eq!(whole, bytes);
                taken += 1;
            }
            Err(error) => assert!(matches!(error, Some(ManifestError::Unasked(_))), "{error:?}"),
        }
    }
    assert_eq!(taken, 1, "the right order and no other");
}

/// A content is whole or it is not there: whichever entry is withheld, reading ends without it.
/// Clauses: MAN-7.
#[test]
fn a14_no_entry_of_a_content_can_be_left_out() {
    let bytes: Vec<u8> = (0..29).collect();
    let (root, entries) = content(8, &bytes);
    for withheld in &entries {
        let give = |wanted: EntryId| {
            let mut kept = entries.iter().filter(|entry| entry.id() != withheld.id());
            kept.find(|entry| entry.id() == wanted).cloned()
        };
        assert_eq!(read(root, give, &keyring(1)), Err(None));
    }
}

/// No byte of a sealed chunk can be altered so that it still opens, whoever signs it again.
/// Clauses: SEAL-5, SEAL-7.
#[test]
fn a14_every_byte_of_a_payload_counts() {
    use bulla_core::cbor::Encode;
    use bulla_core::{ContentHash, Header, RawEntry};
    let (_, entries) = content(8, b"12345678");
    let good = &entries[0];
    for at in 0..good.payload().len() {
        let mut payload = good.payload().to_vec();
        payload[at] ^= 0x01;
        let header = Header { content_hash: ContentHash::of(&payload), ..good.header().clone() };
        let bytes = header.to_cbor();
        let signature = crate::support::device(1).sign_header(&Header::digest_of(&bytes));
        let raw = RawEntry { header: bytes.into(), signature, payload: Some(payload.into()) };
        let refused = open(&crate::support::verified(raw), &keyring(1)).unwrap_err();
        assert_eq!(refused.code().as_str(), "open.failed", "byte {at}");
    }
}

/// A payload that was cut or continued at any byte does not open, although header and signature fit it.
/// Clauses: SEAL-5, SEAL-7.
#[test]
fn a14_every_cut_and_every_continuation_of_a_payload_counts() {
    use crate::a13_moved_payloads::signed_again;
    let (_, entries) = content(8, b"12345678");
    let good = &entries[0];
    let payload = good.payload().to_vec();
    // Less than a tag is refused before there is anything to open (ENT-12).
    for length in 16..payload.len() {
        let entry = signed_again(good.header(), payload[..length].to_vec());
        let refused = open(&entry, &keyring(1)).unwrap_err();
        assert_eq!(refused.code().as_str(), "open.failed", "cut at {length}");
    }
    for more in [vec![0], vec![0; 16], payload.clone()] {
        let entry = signed_again(good.header(), [payload.clone(), more].concat());
        let refused = open(&entry, &keyring(1)).unwrap_err();
        assert_eq!(refused.code().as_str(), "open.failed");
    }
}

/// After the last chunk nothing is taken any more, not even an entry that is one of the content's own.
/// Clauses: MAN-7.
#[test]
fn a14_no_chunk_can_be_appended() {
    let bytes: Vec<u8> = (0..29).collect();
    let (root, entries) = content(8, &bytes);
    let mut reader = ContentReader::new(root);
    while let Some(wanted) = reader.wanted() {
        let entry = entries.iter().find(|entry| entry.id() == wanted).unwrap();
        reader.supply(entry, &keyring(1)).unwrap();
    }
    for entry in &entries {
        let refused = reader.supply(entry, &keyring(1)).unwrap_err();
        assert!(matches!(refused, ManifestError::Unasked(_)), "{refused:?}");
    }
}
