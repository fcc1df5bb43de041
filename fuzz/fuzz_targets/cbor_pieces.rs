//! An item that arrives byte by byte gets the same verdict as all at once.
#![no_main]

use bulla_core::cbor::{CborErrorKind, Checker, check_prefix};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut checker = Checker::new();
    let verdict = (0..=bytes.len())
        .map(|length| checker.advance(&bytes[..length]).map_err(|error| error.kind))
        .find(|verdict| *verdict != Err(CborErrorKind::Truncated))
        .unwrap_or(Err(CborErrorKind::Truncated));
    assert_eq!(verdict, check_prefix(bytes).map_err(|error| error.kind));
});
