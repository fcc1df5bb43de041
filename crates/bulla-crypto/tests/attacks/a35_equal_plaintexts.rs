//! Equal content must not show as equal ciphertext, nor its length through compression.

use bulla_core::Kind;
use bulla_crypto::{ChainEnd, Draft, Padding};

use crate::support::{content, payload_sizes, seal, verified, writer};

/// Clauses: SEAL-8.
#[test]
fn a35_equal_plaintexts_have_nothing_in_common() {
    let plaintext = vec![0x41; 4096];
    let draft = Draft::new(Kind::OPERATION, &plaintext);
    let (one, other) = (writer(1), writer(2));
    let first = verified(seal(&one, &ChainEnd::EMPTY, &draft).raw);
    let again = verified(seal(&one, &ChainEnd::EMPTY, &draft).raw);
    let by_other = verified(seal(&other, &ChainEnd::EMPTY, &draft).raw);
    for (a, b) in [(&first, &again), (&first, &by_other), (&again, &by_other)] {
        assert_ne!(a.id(), b.id());
        assert_ne!(a.header().salt, b.header().salt);
        assert_ne!(a.header().content_hash, b.header().content_hash);
        let equal = a.payload().iter().zip(b.payload()).filter(|(x, y)| x == y).count();
        // Of 4,096 bytes 16 are equal by chance; 80 are beyond any.
        assert!(equal < 80, "{equal} bytes of the ciphertexts are equal");
    }
}

/// A secret beside what an attacker chose: the size must not tell whether they are alike.
/// Clauses: SEAL-8.
#[test]
fn a35_sizes_do_not_depend_on_what_the_content_is() {
    let secret = b"password=correct horse battery staple";
    let size = |beside: &[u8]| {
        let plaintext = [secret.as_slice(), beside].concat();
        let draft = Draft::new(Kind::OPERATION, &plaintext).with_padding(Padding::None);
        seal(&writer(1), &ChainEnd::EMPTY, &draft).raw.payload.unwrap().len()
    };
    assert_eq!(size(secret), size(&[0x5a; 37]));
    assert_eq!(
        size(secret),
        size(b"dGhpcyBpcyBub3QgdGhlIHNlY3JldCBhdCBhbGwhISE".get(..37).unwrap())
    );
}

/// Two contents of one length give the same sizes, chunk by chunk.
#[test]
fn a35_chunks_of_equal_content_differ_and_sizes_do_not() {
    let (_, zeros) = content(1_000, &[0; 10_500]);
    let (_, noise) = content(
        1_000,
        &(0..10_500_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1])
            .collect::<Vec<_>>(),
    );
    assert_eq!(payload_sizes(&zeros, Kind::CHUNK), payload_sizes(&noise, Kind::CHUNK));
    assert_eq!(payload_sizes(&zeros, Kind::MANIFEST), payload_sizes(&noise, Kind::MANIFEST));
    let hashes: std::collections::HashSet<_> =
        zeros.iter().map(|entry| entry.header().content_hash).collect();
    assert_eq!(hashes.len(), zeros.len(), "ten chunks of the same zeros are ten ciphertexts");
}
