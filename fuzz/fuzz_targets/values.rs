//! Heads, cursors and filters that are accepted have one encoding.
#![no_main]

use bulla_core::cbor::{Decode, Encode};
use bulla_core::values::Filter;
use bulla_core::{Cursor, Head};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(head) = Head::from_cbor(bytes) {
        assert_eq!(head.to_cbor(), bytes);
        assert!(bytes.len() < 300);
    }
    if let Ok(cursor) = Cursor::from_cbor(bytes) {
        assert_eq!(cursor.to_cbor(), bytes);
    }
    if let Ok(filter) = Filter::from_cbor(bytes) {
        assert!(filter.is_canonical());
        assert_eq!(filter.to_cbor(), bytes);
    }
});
