//! Under a key of small order anybody signs anything: such keys are refused on every path, before a batch.

use bulla_core::cbor::Encode;
use bulla_core::header::signing_message;
use bulla_core::verify::{SignatureError, Signed, is_small_order};
use bulla_core::{AuthorKey, Header, RawEntry, Signature, Verifier, VerifyError, verify_signature};
use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use proptest::prelude::*;

use crate::support::{device, genesis, genesis_header, genesis_payload, header, sign};

/// Every encoding of a point of small order: y or y + p where that fits 255 bits, with either sign.
fn encodings() -> Vec<[u8; 32]> {
    let mut p = [0xff_u8; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let mut all = Vec::new();
    for point in EIGHT_TORSION {
        let mut y = point.compress().to_bytes();
        y[31] &= 0x7f;
        let mut sum = [0_u8; 32];
        let mut carry = 0_u16;
        for ((sum, y), p) in sum.iter_mut().zip(y).zip(p) {
            carry += u16::from(y) + u16::from(p);
            *sum = u8::try_from(carry % 256).unwrap();
            carry /= 256;
        }
        let fits = carry == 0 && sum[31] < 0x80;
        for mut y in std::iter::once(y).chain(fits.then_some(sum)) {
            all.push(y);
            y[31] |= 0x80;
            all.push(y);
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn a29_the_list_is_complete() {
    let all = encodings();
    assert_eq!(all.len(), 14);
    for key in all {
        assert!(is_small_order(&key));
        let point = CompressedEdwardsY(key).decompress().expect("every one decodes under ZIP-215");
        assert!(point.is_small_order());
    }
}

/// A signature that holds for any message under a key of small order: R = sB.
fn forge(seed: u64) -> Signature {
    let s = Scalar::from(seed + 12345);
    let r = (&s * ED25519_BASEPOINT_TABLE).compress();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r.as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    Signature(signature)
}

#[test]
fn a29_forgeries_under_small_order_keys_are_refused_on_every_path() {
    let alice = device(1);
    let (_, space) = genesis(&alice);
    let honest = sign(&alice, &header(space, &alice, &[0; 16]), None);
    let verifier = Verifier::new([1; 32]);
    for (number, key) in encodings().into_iter().enumerate() {
        let signature = forge(number as u64);
        let author = AuthorKey(key);
        let forged_header = Header { author, ..header(space, &alice, &[0; 16]) };
        let bytes = forged_header.to_cbor();
        let message = signing_message(&Header::digest_of(&bytes));
        // The forgery is real: the bare rule of ZIP-215 accepts it.
        let accepted = ed25519_zebra::VerificationKey::try_from(key)
            .and_then(|key| key.verify(&ed25519_zebra::Signature::from(signature.0), &message));
        assert!(accepted.is_ok(), "encoding {number}");

        let forged = RawEntry { header: bytes.into(), signature, payload: None };
        let refused = Err(VerifyError::AuthorKey(author));
        assert_eq!(verifier.verify(&space, forged.clone()), refused);
        assert_eq!(
            verifier.verify_batch(&space, vec![forged.clone()]),
            std::slice::from_ref(&refused)
        );
        let among_good = vec![honest.clone(), forged, honest.clone()];
        let verdicts = verifier.verify_batch(&space, among_good);
        assert!(verdicts[0].is_ok() && verdicts[1] == refused && verdicts[2].is_ok());

        let payload = genesis_payload(&alice);
        let founding = Header { author, ..genesis_header(&alice, &payload) }.to_cbor();
        let founding =
            RawEntry { header: founding.into(), signature, payload: Some(payload.into()) };
        assert_eq!(verifier.verify_genesis(founding), refused);

        assert_eq!(verify_signature(&key, b"anything", &signature), Err(SignatureError::Key));
        let signed = Signed { key: &key, message: b"anything", signature: &signature };
        assert_eq!(verifier.verify_signatures(&[signed; 3]), [Err(SignatureError::Key); 3]);
    }
}

#[test]
fn a29_keys_that_do_not_decode_are_refused() {
    // y = 2 is on no point of the curve.
    let mut key = [0; 32];
    key[0] = 2;
    assert!(CompressedEdwardsY(key).decompress().is_none() && !is_small_order(&key));
    let signature = forge(1);
    let signed = Signed { key: &key, message: b"anything", signature: &signature };
    assert_eq!(signed.verify(), Err(SignatureError::Key));
    assert_eq!(
        Verifier::new([1; 32]).verify_signatures(&[signed; 2]),
        [Err(SignatureError::Key); 2]
    );
}

proptest! {
    /// The list against curve arithmetic, near its members and far from them.
    #[test]
    fn a29_agrees_with_the_curve(mut key in any::<[u8; 32]>(), near in prop::option::of((0_usize..14, 0_usize..256))) {
        if let Some((index, bit)) = near {
            key = encodings()[index];
            key[bit / 8] ^= 1 << (bit % 8);
        }
        let point = CompressedEdwardsY(key).decompress();
        let small = point.is_some_and(|point| point.mul_by_cofactor().is_identity());
        prop_assert_eq!(is_small_order(&key), small);
    }
}
