//! Bytes that are a control payload have one encoding and keep the rules that hold before signing. The first byte chooses
//! the kind.
#![no_main]

use bulla_core::cbor::Encode;
use bulla_core::control::{Context, Control};
use bulla_core::{AuthorKey, Kind, SpaceId};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [kind, payload @ ..] = bytes else { return };
    let context = Context { space: SpaceId([1; 32]), author: AuthorKey([2; 32]) };
    if let Ok(control) = Control::parse(Kind(u16::from(*kind % 16)), payload, &context) {
        assert_eq!(control.to_cbor(), payload);
        assert_eq!(control.validate(&context), Ok(()));
    }
});
