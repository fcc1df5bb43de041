//! X25519 keys with which every agreement gives zero: who seals to one, or opens from one, uses a key that all know.

use std::sync::Arc;

use bulla_core::cbor::{Reader, Writer};
use bulla_core::{AuthorKey, domain};
use bulla_crypto::KeyTransfer;
use bulla_identity::OsRandomness;

use crate::support::{SPACE, device, key};

/// Every u-coordinate of a point of order 1, 2, 4 or 8 on Curve25519 or its twist: 0, 1, the two of order 8, p − 1, and p and
/// p + 1, which are 0 and 1 not reduced.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn point(hex: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

/// An encapsulated key of small order in the place of the genuine one, signed by the exporter.
/// Clauses: KEY-12.
#[test]
fn a34_an_encapsulated_key_of_small_order_is_refused() {
    let card = device(2).card("phone").unwrap();
    let keys = [Arc::new(key(1))];
    let transfer = KeyTransfer::export(&device(1), &card, SPACE, &keys, &OsRandomness).unwrap();
    let genuine = transfer.to_bytes();
    for small in SMALL_ORDER {
        let altered = with_encapsulated(&genuine, &point(small));
        let opened =
            KeyTransfer::from_bytes(&altered).unwrap().open(&device(2), &device(1).author());
        assert_eq!(opened.unwrap_err().code().as_str(), "transfer.failed", "{small}");
    }
    // With the genuine key put there again it opens: nothing else was wrong with them.
    let mut reader = Reader::new(&genuine);
    let fields = fields(&mut reader);
    let again = with_encapsulated(&genuine, &fields.encapsulated.try_into().unwrap());
    assert!(KeyTransfer::from_bytes(&again).unwrap().open(&device(2), &device(1).author()).is_ok());
}

struct Fields {
    exporter: [u8; 32],
    recipient: [u8; 32],
    space: [u8; 32],
    key_ids: Vec<[u8; 32]>,
    encapsulated: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Reads a transfer by KEY-8.
fn fields(reader: &mut Reader<'_>) -> Fields {
    reader.array_exact(8).unwrap();
    assert_eq!(reader.uint(1).unwrap(), 1);
    let space = reader.array_of().unwrap();
    let exporter = reader.array_of().unwrap();
    let recipient = reader.array_of().unwrap();
    let count = reader.array(64).unwrap();
    let key_ids = (0..count).map(|_| reader.array_of().unwrap()).collect();
    let encapsulated = reader.bytes(32).unwrap().to_vec();
    let ciphertext = reader.bytes(4096).unwrap().to_vec();
    Fields { exporter, recipient, space, key_ids, encapsulated, ciphertext }
}

/// The transfer with another encapsulated key, signed anew by its exporter (KEY-9).
fn with_encapsulated(bytes: &[u8], encapsulated: &[u8; 32]) -> Vec<u8> {
    let fields = fields(&mut Reader::new(bytes));
    let mut signed = Writer::new();
    signed.array(7).uint(1).bytes(fields.space).bytes(fields.exporter).bytes(fields.recipient);
    signed.array(fields.key_ids.len());
    fields.key_ids.iter().for_each(|id| {
        signed.bytes(id);
    });
    signed.bytes(encapsulated).bytes(&fields.ciphertext);
    let signed = signed.into_bytes();
    let digest = blake3::derive_key(domain::KEY_TRANSFER_DIGEST, &signed);
    let signature = device(1).sign_key_transfer(&digest);
    // An array of eight in the place of one of seven, and the signature after it.
    let mut whole = Writer::new();
    whole.array(8);
    let mut whole = whole.into_bytes();
    whole.extend_from_slice(&signed[1..]);
    let mut last = Writer::new();
    last.bytes(signature);
    whole.extend_from_slice(last.as_bytes());
    assert_eq!(AuthorKey(fields.exporter), device(1).author());
    whole
}
