//! Filters that are accepted have one encoding, answer within bounds, and hold what is added to them.
#![no_main]

use bulla_core::cbor::{Decode, Encode};
use bulla_core::{Bloom, EntryId};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut bloom) = Bloom::from_cbor(bytes) {
        assert_eq!(bloom.to_cbor(), bytes);
        let id = EntryId([9; 32]);
        let _ = bloom.may_hold(&id);
        bloom.insert(&id);
        assert!(bloom.may_hold(&id));
    }
});
