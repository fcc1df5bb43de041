//! Bytes that are a header have one encoding and keep every rule that is checked before signing.
#![no_main]

use bulla_core::Header;
use bulla_core::cbor::Encode;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::decode(bytes) {
        assert_eq!(header.to_cbor(), bytes);
        assert_eq!(header.validate(), Ok(()));
    }
});
