//! Signatures to judge, for the tests of this module.

use std::path::Path;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;

use super::{SignatureError, Signed};
use crate::Signature;

/// A signature and the verdict on it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) key: [u8; 32],
    pub(super) message: Vec<u8>,
    pub(super) signature: Signature,
    pub(super) verdict: Result<(), SignatureError>,
}

pub(super) fn signed(case: &Case) -> Signed<'_> {
    Signed { key: &case.key, message: &case.message, signature: &case.signature }
}

/// The committed table of verdicts, without the cases whose signature is not 64 bytes long.
pub(super) fn table() -> Vec<Case> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testvectors/ed25519-verdicts.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let hex =
        |value: &Value| data_encoding::HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap();
    let groups = file["testGroups"].as_array().unwrap();
    let tests = groups.iter().flat_map(|group| group["tests"].as_array().unwrap());
    let cases = tests.filter_map(|case| {
        let verdict = match (case["result"].as_str().unwrap(), case["error"].as_str()) {
            ("valid", None) => Ok(()),
            ("invalid", Some("entry.author_key")) => Err(SignatureError::Key),
            ("invalid", Some("entry.signature")) => Err(SignatureError::Mismatch),
            other => panic!("{other:?}"),
        };
        Some(Case {
            name: format!("case {}", case["tcId"]),
            key: hex(&case["key"]).try_into().unwrap(),
            message: hex(&case["message"]),
            signature: Signature(hex(&case["signature"]).try_into().ok()?),
            verdict,
        })
    });
    let cases: Vec<_> = cases.collect();
    assert!(cases.len() > 1000, "{} cases", cases.len());
    cases
}

/// Genuine signatures by as many devices.
pub(super) fn genuine(count: u8) -> Vec<Case> {
    let cases = (1..=count).map(|seed| {
        let device = SigningKey::from_bytes(&[seed; 32]);
        let message = vec![seed; 20];
        Case {
            name: format!("genuine {seed}"),
            key: device.verifying_key().to_bytes(),
            signature: Signature(device.sign(&message).to_bytes()),
            message,
            verdict: Ok(()),
        }
    });
    cases.collect()
}
