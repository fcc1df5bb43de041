//! A hash of the plaintext as an address: whoever guesses a content sees that it is there.

use bulla_core::{Kind, VerifiedEntry};
use bulla_crypto::{ChainEnd, Draft};
use sha2::{Digest as _, Sha256};

use crate::support::{content, seal, verified, writer};

/// All bytes of an entry that leave the device, and its id.
fn sent(entry: &VerifiedEntry) -> Vec<u8> {
    let raw = entry.to_raw();
    [&raw.header[..], &raw.signature.0, entry.payload(), &entry.id().0].concat()
}

/// Neither the plaintext nor what anybody can compute from it is in an entry.
/// Clauses: ENT-13, ENT-32, SEAL-8.
#[test]
fn a37_nothing_sent_can_be_computed_from_the_plaintext() {
    let plaintext = b"a secret that is long enough to be looked for in what was sent".as_slice();
    let draft = Draft::new(Kind::OPERATION, plaintext);
    let operation = verified(seal(&writer(1), &ChainEnd::EMPTY, &draft).raw);
    let (_, mut entries) = content(1_000, plaintext);
    entries.push(operation);
    let canaries: [Vec<u8>; 4] = [
        plaintext[..16].to_vec(),
        blake3::hash(plaintext).as_bytes().to_vec(),
        Sha256::digest(plaintext).to_vec(),
        bulla_core::ContentHash::of(plaintext).0.to_vec(),
    ];
    for entry in &entries {
        let bytes = sent(entry);
        for canary in &canaries {
            let shown =
                bytes.windows(16).any(|window| canary.windows(16).any(|part| part == window));
            assert!(!shown, "{canary:x?}");
        }
    }
}
