//! A file record that is accepted has one encoding, and its path leads nowhere but down.
#![no_main]

use std::path::{Component, Path};

use bulla_crypto::manifest::FileRecord;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(record) = FileRecord::decode(bytes) else { return };
    assert_eq!(record.encode(), bytes);
    assert!((1..=64).contains(&record.path().len()));
    for name in record.path() {
        assert!(!name.contains('\0'));
        let components: Vec<_> = Path::new(name).components().collect();
        assert_eq!(components, [Component::Normal(name.as_ref())]);
    }
});
