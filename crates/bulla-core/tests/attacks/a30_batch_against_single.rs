//! Signatures on which libraries disagree get one verdict: alone, among good ones, among bad ones, on every path.
//!
//! The published edge cases run here against `testvectors/ed25519.json`, the committed table of verdicts.

use std::path::Path;

use bulla_core::cbor::Encode;
use bulla_core::header::signing_message;
use bulla_core::verify::{SignatureError, Signed};
use bulla_core::{AuthorKey, Header, RawEntry, Signature, SpaceId, Verifier, verify_signature};
use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::Signer;
use proptest::prelude::*;
use serde_json::Value;
use sha2::Digest;

use crate::support::{bytes, device, header, sign};

/// A case of the table: key, message, signature, verdict.
type Case = ([u8; 32], Vec<u8>, Signature, Result<(), SignatureError>);

/// The committed table, without the cases whose signature is not 64 bytes long.
fn table() -> Vec<Case> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testvectors/ed25519-verdicts.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let hex =
        |value: &Value| data_encoding::HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let mut cases = Vec::new();
    for case in file["testGroups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["tests"].as_array().unwrap())
    {
        let Ok(signature) = hex(&case["signature"]).try_into() else { continue };
        let verdict = match (case["result"].as_str().unwrap(), case["error"].as_str()) {
            ("valid", None) => Ok(()),
            ("invalid", Some("entry.author_key")) => Err(SignatureError::Key),
            ("invalid", Some("entry.signature")) => Err(SignatureError::Mismatch),
            other => panic!("{other:?}"),
        };
        cases.push((
            hex(&case["key"]).try_into().unwrap(),
            hex(&case["message"]),
            Signature(signature),
            verdict,
        ));
    }
    cases
}

fn signed(case: &Case) -> Signed<'_> {
    Signed { key: &case.0, message: &case.1, signature: &case.2 }
}

fn good() -> Vec<Case> {
    let cases = (1..4).map(|seed| {
        let (device, message) = (device(seed), vec![seed; 20]);
        let signature = Signature(device.sign(&message).to_bytes());
        (device.verifying_key().to_bytes(), message, signature, Ok(()))
    });
    cases.collect()
}

#[test]
fn a30_every_edge_case_has_one_verdict() {
    let table = table();
    assert!(table.len() > 1000, "{} cases", table.len());
    let verifier = Verifier::new([7; 32]);
    let good = good();
    let mut bad = good[0].clone();
    (bad.2.0[0], bad.3) = (bad.2.0[0] ^ 1, Err(SignatureError::Mismatch));
    for (number, case) in table.iter().enumerate() {
        assert_eq!(verify_signature(&case.0, &case.1, &case.2), case.3, "case {number} alone");
        let companies =
            [vec![], good.clone(), vec![bad.clone()], [good.clone(), vec![bad.clone()]].concat()];
        for company in companies {
            for position in [0, company.len()] {
                let mut batch = company.clone();
                batch.insert(position, case.clone());
                let expected: Vec<_> = batch.iter().map(|case| case.3).collect();
                let judged: Vec<_> = batch.iter().map(signed).collect();
                assert_eq!(
                    verifier.verify_signatures(&judged),
                    expected,
                    "case {number} at {position}"
                );
            }
        }
    }
}

/// Clauses: VER-9.
#[test]
fn a30_edge_cases_together() {
    let table = table();
    let verifier = Verifier::new([8; 32]);
    let expected: Vec<_> = table.iter().map(|case| case.3).collect();
    let all: Vec<_> = table.iter().map(signed).collect();
    assert_eq!(verifier.verify_signatures(&all), expected);
    // Only those that hold: every equation holds too, and none falls back to single judging.
    let holding: Vec<_> = table.iter().filter(|case| case.3.is_ok()).map(signed).collect();
    assert!(holding.len() > 200 && verifier.verify_signatures(&holding).iter().all(Result::is_ok));
}

/// A device whose key and signatures carry points of small order, as a malicious author can make them: the verdicts of
/// libraries that multiply by the cofactor and of those that do not differ on what it signs.
fn torsion_entry(space: SpaceId, seed: u8, key_torsion: usize, nonce_torsion: usize) -> RawEntry {
    let secret = Scalar::from_bytes_mod_order([seed; 32]);
    let key = &secret * ED25519_BASEPOINT_TABLE + EIGHT_TORSION[key_torsion];
    let author = AuthorKey(key.compress().to_bytes());
    let header = Header { author, ..header(space, &device(seed), &[0; 16]) };
    let bytes = header.to_cbor();
    let message = signing_message(&Header::digest_of(&bytes));
    let nonce = Scalar::from_bytes_mod_order([seed ^ 0x55; 32]);
    let point = (&nonce * ED25519_BASEPOINT_TABLE + EIGHT_TORSION[nonce_torsion]).compress();
    let challenge = sha512_scalar(&[point.as_bytes(), &author.0, &message]);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(point.as_bytes());
    signature[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
    RawEntry { header: bytes.into(), signature: Signature(signature), payload: None }
}

fn sha512_scalar(parts: &[&[u8]]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&sha2::Sha512::digest(parts.concat()).into())
}

#[test]
fn a30_mixed_order_entries_have_one_verdict() {
    let space = SpaceId([5; 32]);
    let verifier = Verifier::new([9; 32]);
    let mut entries = Vec::new();
    for key_torsion in 0..8 {
        for nonce_torsion in 0..8 {
            entries.push(torsion_entry(space, 40, key_torsion, nonce_torsion));
        }
    }
    for (number, raw) in entries.iter().enumerate() {
        assert!(verifier.verify(&space, raw.clone()).is_ok(), "entry {number}");
        // Any batch of two, in which single terms of small order could cancel out or add up.
        let other = entries[(number * 7 + 3) % entries.len()].clone();
        assert!(verifier.verify_batch(&space, vec![raw.clone(), other]).iter().all(Result::is_ok));
    }
    assert!(verifier.verify_batch(&space, entries).iter().all(Result::is_ok));
}

/// s and s + l are the same scalar; only the reduced one is a signature (and `legacy_compatibility` is off).
#[test]
fn a30_unreduced_scalars_are_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let space = SpaceId([5; 32]);
    let alice = device(1);
    let mut raw = sign(&alice, &header(space, &alice, &[0; 16]), None);
    let verifier = Verifier::new([9; 32]);
    assert!(verifier.verify(&space, raw.clone()).is_ok());
    let mut carry = 0;
    for (s, l) in raw.signature.0[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*s) + u16::from(l);
        *s = u8::try_from(carry % 256).unwrap();
        carry /= 256;
    }
    assert_eq!(carry, 0);
    let verdict = verifier.verify(&space, raw.clone());
    assert_eq!(verdict.as_ref().unwrap_err().code().as_str(), "entry.signature");
    assert_eq!(verifier.verify_batch(&space, vec![raw.clone(), raw]), [verdict.clone(), verdict]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Random companies of edge cases, good and bad signatures, under random seeds.
    #[test]
    fn a30_single_and_batch_agree(
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..40),
        seed in any::<[u8; 32]>(),
    ) {
        static TABLE: std::sync::LazyLock<Vec<Case>> = std::sync::LazyLock::new(|| {
            let mut cases = table();
            for number in 0..200_u8 {
                let device = device(number % 5 + 1);
                let message = bytes("message", usize::from(number));
                let mut signature = Signature(device.sign(&message).to_bytes());
                let verdict = if number % 3 == 0 {
                    signature.0[33] ^= 1;
                    Err(SignatureError::Mismatch)
                } else {
                    Ok(())
                };
                cases.push((device.verifying_key().to_bytes(), message, signature, verdict));
            }
            cases
        });
        let valid: Vec<_> = TABLE.iter().filter(|case| case.3.is_ok()).collect();
        let all: Vec<_> = TABLE.iter().collect();
        let chosen: Vec<&Case> =
            picks.iter().map(|(index, any)| *index.get(if *any { &all } else { &valid })).collect();
        let judged: Vec<_> = chosen.iter().map(|case| signed(case)).collect();
        let verdicts = Verifier::new(seed).verify_signatures(&judged);
        for (case, verdict) in chosen.iter().zip(verdicts) {
            prop_assert_eq!(verdict, case.3);
            prop_assert_eq!(signed(case).verify(), case.3);
        }
    }
}
