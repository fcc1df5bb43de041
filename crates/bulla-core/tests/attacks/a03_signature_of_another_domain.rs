//! A signature made for one kind of object is presented as one over an entry, and the other way round.

use bulla_core::header::signing_message;
use bulla_core::{Header, RawEntry, Signature, Verifier, VerifyError, domain, verify_signature};
use ed25519_dalek::Signer;

use crate::support::{author, device, genesis, header, sign};

/// The domain strings, read from the source so that none can be forgotten here.
fn domain_strings(kind: &str) -> Vec<&'static [u8]> {
    let lines = include_str!("../../src/domain.rs").lines();
    let lines = lines.filter(|line| line.starts_with("pub const") && line.contains(kind));
    lines
        .map(|line| line.split('"').nth(1).expect("a constant holds a string").as_bytes())
        .collect()
}

fn signed() -> Vec<&'static [u8]> {
    domain_strings(": &[u8] =")
}

/// Clauses: KEY-1.
#[test]
fn a03_no_domain_string_begins_another() {
    let all = domain_strings("");
    for known in [domain::HEADER.as_bytes(), domain::KEY_ID.as_bytes(), domain::SIGN_ENTRY] {
        assert!(all.contains(&known));
    }
    assert!(signed().len() >= 5);
    for (i, one) in all.iter().enumerate() {
        for (j, other) in all.iter().enumerate() {
            assert!(i == j || !one.starts_with(other), "{one:?} begins with {other:?}");
        }
    }
}

/// Clauses: KEY-1, ENT-31.
#[test]
fn a03_only_an_entry_signature_makes_an_entry() {
    let device = device(1);
    let (_, space) = genesis(&device);
    let payload = [0; 40];
    let header = header(space, &device, &payload);
    let genuine = sign(&device, &header, Some(&payload));
    let digest = Header::digest_of(&genuine.header);
    let verifier = Verifier::new([1; 32]);
    for prefix in signed() {
        let message = [prefix, &digest.0].concat();
        let signature = Signature(device.sign(&message).to_bytes());
        let verdict = verifier.verify(&space, RawEntry { signature, ..genuine.clone() });
        if prefix == domain::SIGN_ENTRY {
            assert_eq!(verdict.unwrap().to_raw(), genuine);
        } else {
            assert_eq!(verdict, Err(VerifyError::Signature(author(&device))));
        }
        // The signature is good for its own message only.
        let key = author(&device).0;
        for other in signed() {
            let held = verify_signature(&key, &[other, &digest.0].concat(), &signature).is_ok();
            assert_eq!(held, other == prefix);
        }
    }
    assert_eq!(signing_message(&digest)[..], [domain::SIGN_ENTRY, &digest.0[..]].concat());
}
