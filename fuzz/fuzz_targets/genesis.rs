//! Bytes that are a genesis payload have one encoding.
#![no_main]

use bulla_core::AuthorKey;
use bulla_core::cbor::Encode;
use bulla_core::genesis::Genesis;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The author is the first founder: bytes 6 to 37 of a payload, so that good ones can be found.
    let author =
        bytes.get(6..38).and_then(|key| AuthorKey::try_from(key).ok()).unwrap_or(AuthorKey::ZERO);
    if let Ok(genesis) = Genesis::parse(bytes, &author) {
        assert_eq!(genesis.to_cbor(), bytes);
    }
});
