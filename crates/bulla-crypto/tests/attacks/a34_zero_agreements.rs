//! X25519 keys with which every agreement gives zero: who seals to one, or opens from one, uses a key that all know.

use std::sync::Arc;

use bulla_core::cbor::{Reader, Writer};
use bulla_core::control::Epoch;
use bulla_core::{AuthorKey, SealingKey, domain};
use bulla_crypto::{EpochError, KeyTransfer};
use bulla_identity::OsRandomness;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::epochs::{assert_failed, author, create, draft, open};
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

/// A recipient whose card was not judged, or a founder of a space by somebody else.
/// Clauses: CTL-32.
#[test]
fn a34_an_epoch_is_not_sealed_to_a_key_of_small_order() {
    for small in SMALL_ORDER {
        for high in [0, 0x80] {
            let mut sealing_key = point(small);
            sealing_key[31] |= high;
            let mut draft = draft(&[1, 2], &[]);
            draft.recipients.push((device(3).author(), SealingKey(sealing_key)));
            let refused = draft.create(&author(), &OsRandomness).unwrap_err();
            assert_eq!(refused.code().as_str(), "epoch.sealing_key", "{small}");
            assert_eq!(refused, EpochError::SealingKey(device(3).author()));
        }
    }
}

/// An author seals to a recipient with a key to which all agree.
/// Clauses: CTL-34.
#[test]
fn a34_an_epoch_under_an_agreement_of_zero_fails_like_any_other() {
    let genuine = create(&[2], &[]);
    for small in SMALL_ORDER {
        let mut payload = genuine.payload.clone();
        payload.recipients[0].sealed[..32].copy_from_slice(&point(small));
        assert_failed(open(&payload, 2), small);
    }
    // And where somebody who computes with zeros has sealed: the agreement alone is what is wrong.
    let sealed = |encapsulated: &[u8; 32], agreement: &[u8; 32]| {
        let mut payload = genuine.payload.clone();
        let secret = genuine.key.expose_secret();
        payload.recipients[0].sealed = sealed_with(&payload, encapsulated, agreement, secret);
        open(&payload, 2)
    };
    for small in SMALL_ORDER {
        assert_failed(sealed(&point(small), &[0; 32]), small);
    }
    // The agreement with the base point is the recipient's own key: what is sealed under that one opens.
    let mut base = [0; 32];
    base[0] = 9;
    assert!(sealed(&base, &device(2).sealing_key().0).is_ok());
    assert_failed(sealed(&base, &[0; 32]), "another agreement");
}

/// HPKE (RFC 9180, sections 4.1 and 5.1) by its key schedule alone, without a check of the agreement.
fn sealed_with(
    payload: &Epoch,
    encapsulated: &[u8; 32],
    agreement: &[u8; 32],
    secret: &[u8; 32],
) -> [u8; 80] {
    const KEM: &[u8] = b"KEM\x00\x20";
    const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x03";
    let extract = |suite: &[u8], salt: &[u8], label: &str, ikm: &[u8]| {
        let ikm = [b"HPKE-v1", suite, label.as_bytes(), ikm].concat();
        Hkdf::<Sha256>::extract(Some(salt), &ikm).0
    };
    let expand = |suite: &[u8], prk: &[u8], label: &str, info: &[u8], okm: &mut [u8]| {
        let length = u16::try_from(okm.len()).unwrap().to_be_bytes();
        let info = [&length, b"HPKE-v1".as_slice(), suite, label.as_bytes(), info].concat();
        Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&info, okm).unwrap();
    };
    let recipient = device(2);
    let digest = {
        let mut devices = Writer::new();
        devices.array(1).bytes(recipient.author());
        blake3::derive_key("bulla 2026 epoch recipients", devices.as_bytes())
    };
    let mut info = Writer::new();
    info.array(8).bytes(SPACE).bytes(device(1).author()).bytes(payload.group).array(0);
    info.bytes(payload.key_id).bytes(digest).bytes(recipient.author());
    info.bytes(recipient.sealing_key());
    let info = [b"bulla 2026 epoch key".as_slice(), info.as_bytes()].concat();

    let mut shared = [0; 32];
    let prk = extract(KEM, &[], "eae_prk", agreement);
    let context = [encapsulated.as_slice(), &recipient.sealing_key().0].concat();
    expand(KEM, &prk, "shared_secret", &context, &mut shared);
    let schedule = [
        &[0],
        extract(SUITE, &[], "psk_id_hash", &[]).as_slice(),
        extract(SUITE, &[], "info_hash", &info).as_slice(),
    ]
    .concat();
    let prk = extract(SUITE, &shared, "secret", &[]);
    let (mut key, mut nonce) = ([0; 32], [0; 12]);
    expand(SUITE, &prk, "key", &schedule, &mut key);
    expand(SUITE, &prk, "base_nonce", &schedule, &mut nonce);
    let ciphertext =
        ChaCha20Poly1305::new(&key.into()).encrypt(&nonce.into(), secret.as_slice()).unwrap();
    [encapsulated.as_slice(), &ciphertext].concat().try_into().unwrap()
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
