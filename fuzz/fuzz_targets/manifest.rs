//! A manifest that is accepted has one encoding, and its children make up its length.
#![no_main]

use bulla_crypto::manifest::Manifest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::decode(bytes) else { return };
    assert_eq!(manifest.encode(), bytes);
    let lengths = (0..manifest.children().len()).map(|index| manifest.child_length(index));
    let sum: Option<u64> = lengths.sum();
    assert_eq!(sum, Some(manifest.length()));
    assert_eq!(manifest.child_length(manifest.children().len()), None);
    let _ = manifest.check_root();
    assert!(manifest.check_child_of(&manifest, 0).is_err(), "nothing is its own child");
});
