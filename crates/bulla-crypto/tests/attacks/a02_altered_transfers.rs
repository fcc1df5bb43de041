//! A key transfer altered on its way.

use std::sync::Arc;

use bulla_core::{AuthorKey, domain};
use bulla_crypto::{KeyTransfer, TransferError};
use bulla_identity::OsRandomness;

use crate::support::{SPACE, device, key};

fn transfer() -> KeyTransfer {
    let card = device(2).card("phone").unwrap();
    let keys = [Arc::new(key(1)), Arc::new(key(3))];
    KeyTransfer::export(&device(1), &card, SPACE, &keys, &OsRandomness).unwrap()
}

fn open(bytes: &[u8], exporter: &AuthorKey) -> Result<usize, TransferError> {
    KeyTransfer::from_bytes(bytes)?.open(&device(2), exporter).map(|keys| keys.len())
}

/// Clauses: KEY-8, KEY-9, KEY-12.
#[test]
fn a02_every_bit_of_a_transfer_counts() {
    let exporter = device(1).author();
    let bytes = transfer().to_bytes();
    assert_eq!(open(&bytes, &exporter), Ok(2));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            assert!(open(&altered, &exporter).is_err(), "bit {bit} of byte {at}");
        }
        assert!(open(&bytes[..at], &exporter).is_err(), "cut at {at}");
    }
}

/// An exporter, or whoever has its key, alters what is sealed and signs that: every bit of it counts, and no refusal says
/// which.
///
/// Clauses: KEY-8, KEY-12.
#[test]
fn a02_every_bit_of_a_wrap_in_a_transfer_counts_and_every_refusal_is_the_same() {
    let exporter = device(1);
    let genuine = transfer().to_bytes();
    // At the end two sealed keys with their tag and the signature, each behind a head of two bytes; before them the
    // encapsulated key.
    let signed = genuine.len() - 66;
    let sealed = signed - (2 * 32 + 16);
    let signed_again = |mut bytes: Vec<u8>| {
        let digest =
            blake3::derive_key(domain::KEY_TRANSFER_DIGEST, &[&[0x87], &bytes[1..signed]].concat());
        bytes[signed + 2..].copy_from_slice(&exporter.sign_key_transfer(&digest).0);
        open(&bytes, &exporter.author())
    };
    assert_eq!(signed_again(genuine.clone()), Ok(2), "nothing else is wrong with them");
    for at in (sealed - 34..sealed - 2).chain(sealed..signed) {
        for bit in 0..8 {
            let mut altered = genuine.clone();
            altered[at] ^= 1 << bit;
            let refused = signed_again(altered).unwrap_err();
            assert_eq!(refused, TransferError::Failed, "bit {bit} of byte {at}");
            assert_eq!(refused.code().as_str(), "transfer.failed");
        }
    }
}

/// Who seals keys of their own and signs them is not the one the recipient named.
/// Clauses: KEY-9, KEY-11.
#[test]
fn a02_keys_by_anybody_else_are_not_taken() {
    let bytes = transfer().to_bytes();
    for other in [device(3), device(2)] {
        let refused = open(&bytes, &other.author()).unwrap_err();
        assert_eq!(refused.code().as_str(), "transfer.exporter");
    }
    let stranger = KeyTransfer::from_bytes(&bytes).unwrap().open(&device(3), &device(1).author());
    assert_eq!(stranger.unwrap_err().code().as_str(), "transfer.recipient");
}
