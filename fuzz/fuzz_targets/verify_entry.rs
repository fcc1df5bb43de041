//! Verdicts are the same alone and in a batch, and what verifies is what was given. The first byte chooses whether the
//! header is signed anew, so that the checks behind the signature are reached.
#![no_main]

use bulla_core::header::signing_message;
use bulla_core::{Header, RawEntry, Signature, SpaceId, Verifier};
use ed25519_dalek::{Signer, SigningKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [mode, cut, rest @ ..] = bytes else { return };
    let (header, payload) = rest.split_at(rest.len().min(usize::from(*cut) * 2));
    let device = SigningKey::from_bytes(&[7; 32]);
    let mut header = header.to_vec();
    if mode & 1 == 1 && header.len() >= 70 {
        // In every header the author's key stands after the version and the space.
        header[38..70].copy_from_slice(device.verifying_key().as_bytes());
    }
    let signature = device.sign(&signing_message(&Header::digest_of(&header)));
    let raw = RawEntry {
        header: header.into(),
        signature: Signature(signature.to_bytes()),
        payload: (mode & 2 == 2).then(|| payload.to_vec().into()),
    };
    let space = Header::decode(&raw.header).map_or(SpaceId::ZERO, |header| header.space);
    let verifier = Verifier::new([1; 32]);
    let alone = verifier.verify(&space, raw.clone());
    assert_eq!(
        verifier.verify_batch(&space, vec![raw.clone(), raw.clone()]),
        [alone.clone(), alone.clone()]
    );
    for entry in [alone, verifier.verify_genesis(raw.clone())].into_iter().flatten() {
        assert_eq!(entry.to_raw(), raw);
    }
});
