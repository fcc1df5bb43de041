//! Chunk sizes that follow the content fingerprint a file.

use bulla_core::Kind;
use bulla_crypto::manifest::CHUNK_BYTES;

use crate::support::{content, payload_sizes};

/// Two files of ten megabytes, one of which an observer has.
/// Clauses: MAN-1, MAN-3.
#[test]
fn a36_two_large_contents_have_the_same_stored_sizes() {
    const BYTES: u32 = 10_000_000;
    let known = vec![0; 10_000_000];
    let unknown: Vec<u8> =
        (0..BYTES).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let (_, known) = content(CHUNK_BYTES, &known);
    let (_, unknown) = content(CHUNK_BYTES, &unknown);
    let sizes = payload_sizes(&known, Kind::CHUNK);
    assert_eq!(sizes, payload_sizes(&unknown, Kind::CHUNK));
    assert_eq!(payload_sizes(&known, Kind::MANIFEST), payload_sizes(&unknown, Kind::MANIFEST));
    assert_eq!(sizes.len(), 10);
    assert!(sizes[..9].iter().all(|size| *size == 1 << 20));
}

/// Lengths that Padmé does not tell apart are not told apart by the chunks either.
/// Clauses: MAN-3, PAD-3.
#[test]
fn a36_lengths_within_one_step_of_padding_look_alike() {
    let size = |bytes: usize| payload_sizes(&content(CHUNK_BYTES, &vec![1; bytes]).1, Kind::CHUNK);
    // Padmé gives 100,352 for all of these.
    assert_eq!(size(98_305), size(100_352));
    assert_eq!(size(99_000), size(100_352));
    assert_ne!(size(100_352), size(100_353));
}
