//! Signatures made by hand, with points of small order in them.

use bulla_core::cbor::Encode;
use bulla_core::header::signing_message;
use bulla_core::{AuthorKey, Header, RawEntry, Signature, SpaceId};
use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

use super::Random;
use super::sample::{Device, operation};

/// Entries by authors whose key, whose R or both carry a component of small order. They verify under ZIP-215.
pub(super) fn entries(space: SpaceId) -> Vec<(String, RawEntry)> {
    let pairs = [(1, 0), (0, 1), (1, 1), (4, 4), (2, 6), (7, 3)];
    pairs
        .into_iter()
        .map(|(key, nonce)| {
            let comment =
                format!("key with torsion component {key}, R with {nonce}, in eighths of a turn");
            (comment, entry(space, key, nonce))
        })
        .collect()
}

fn entry(space: SpaceId, key_torsion: usize, nonce_torsion: usize) -> RawEntry {
    let mut random = Random::new("torsion");
    let secret = Scalar::from_bytes_mod_order(random.array());
    let nonce = Scalar::from_bytes_mod_order(random.array());
    let key = &secret * ED25519_BASEPOINT_TABLE + torsion(key_torsion);
    let point = &nonce * ED25519_BASEPOINT_TABLE + torsion(nonce_torsion);
    let (bytes, message) = signed_by(space, AuthorKey(key.compress().to_bytes()));
    let point = point.compress().to_bytes();
    let challenge = Sha512::new()
        .chain_update(point)
        .chain_update(key.compress().as_bytes())
        .chain_update(message);
    let challenge = Scalar::from_bytes_mod_order_wide(&challenge.finalize().into());
    raw(bytes, point, (nonce + challenge * secret).to_bytes())
}

/// An entry under each encoding of a key of small order, with a signature that ZIP-215 alone would accept: R = sB.
pub(super) fn forgeries(space: SpaceId) -> Vec<(String, RawEntry)> {
    let mut random = Random::new("forgeries");
    encodings()
        .into_iter()
        .map(|key| {
            let s = Scalar::from_bytes_mod_order(random.array());
            let point = (&s * ED25519_BASEPOINT_TABLE).compress().to_bytes();
            let (bytes, _) = signed_by(space, AuthorKey(key));
            (
                format!("small-order key {}", data_encoding::HEXLOWER.encode(&key)),
                raw(bytes, point, s.to_bytes()),
            )
        })
        .collect()
}

/// The same signature with s + l in the place of s.
pub(super) fn unreduced(signature: &Signature) -> Signature {
    let order_minus_one = (-Scalar::ONE).to_bytes();
    let mut sum = *signature;
    let mut carry = 1_u16;
    for (s, l) in sum.0.iter_mut().skip(32).zip(order_minus_one) {
        carry += u16::from(*s) + u16::from(l);
        *s = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    sum
}

/// The fourteen encodings of points of small order: those of the curve library, y + p where that fits, either sign.
fn encodings() -> Vec<[u8; 32]> {
    let mut all = Vec::new();
    for point in EIGHT_TORSION {
        let mut reduced = point.compress().to_bytes();
        reduced[31] &= 0x7f;
        all.push(reduced);
        // y + p fits 255 bits for y below 19, of which 0 and 1 are of small order.
        if reduced[1..] == [0; 31] {
            let mut shifted = [0xff; 32];
            (shifted[0], shifted[31]) = (0xed + reduced[0], 0x7f);
            all.push(shifted);
        }
    }
    all.sort_unstable();
    all.dedup();
    let signed: Vec<_> = all.iter().map(|key| with_sign(*key)).collect();
    all.extend(signed);
    all
}

fn with_sign(mut key: [u8; 32]) -> [u8; 32] {
    key[31] |= 0x80;
    key
}

fn torsion(eighths: usize) -> curve25519_dalek::EdwardsPoint {
    EIGHT_TORSION.get(eighths).copied().unwrap_or_default()
}

/// The bytes of a header by `author`, and what is to be signed.
fn signed_by(space: SpaceId, author: AuthorKey) -> (Vec<u8>, Vec<u8>) {
    let header = operation(space, &Device::new("torsion"), 3, &[0; 40], "torsion");
    let bytes = Header { author, ..header }.to_cbor();
    let message = signing_message(&Header::digest_of(&bytes)).to_vec();
    (bytes, message)
}

fn raw(header: Vec<u8>, point: [u8; 32], s: [u8; 32]) -> RawEntry {
    let mut signature = [0; 64];
    let (first, second) = signature.split_at_mut(32);
    first.copy_from_slice(&point);
    second.copy_from_slice(&s);
    RawEntry { header: header.into(), signature: Signature(signature), payload: None }
}
