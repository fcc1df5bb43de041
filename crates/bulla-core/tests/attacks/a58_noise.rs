//! Noise, and genuine bytes with some of them changed, go through every decoder: errors, never a panic.

use bulla_core::cbor::{Decode, Encode, check};
use bulla_core::genesis::Genesis;
use bulla_core::values::Filter;
use bulla_core::{
    AuthorKey, Bloom, Code, Cursor, Head, Header, RawEntry, SetHash, Signature, Verifier,
};
use proptest::prelude::*;

use crate::support::{device, genesis, genesis_payload, header, sign};

fn through_every_decoder(bytes: &[u8]) {
    let _ = check(bytes);
    let _ = Header::decode(bytes);
    let _ = Genesis::parse(bytes, &AuthorKey([1; 32]));
    let _ = Bloom::from_cbor(bytes).map(|bloom| bloom.may_hold(&crate::support::id(1)));
    let _ = Head::from_cbor(bytes);
    let _ = Cursor::from_cbor(bytes);
    let _ = Filter::from_cbor(bytes);
    let _ = SetHash::from_bytes(bytes);
    let _ = std::str::from_utf8(bytes).map(Code::parse);
}

proptest! {
    #[test]
    fn a58_noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        through_every_decoder(&bytes);
        let raw = RawEntry { header: bytes.clone().into(), signature: Signature([1; 64]), payload: Some(bytes.into()) };
        prop_assert!(Verifier::new([1; 32]).verify(&bulla_core::SpaceId([1; 32]), raw.clone()).is_err());
        prop_assert!(Verifier::new([1; 32]).verify_genesis(raw).is_err());
    }

    #[test]
    fn a58_damaged_entries_are_refused(
        part in 0..3,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1..=u8::MAX), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let alice = device(1);
        let (founding, space) = genesis(&alice);
        let payload = [1; 40];
        for genuine in [founding, sign(&alice, &header(space, &alice, &payload), Some(&payload))] {
            let mut raw = genuine.clone();
            let mut bytes = match part {
                0 => raw.header.to_vec(),
                1 => raw.signature.0.to_vec(),
                _ => raw.payload.clone().unwrap().to_vec(),
            };
            for (index, change) in &damage {
                let at = index.index(bytes.len());
                bytes[at] ^= change;
            }
            through_every_decoder(&bytes);
            through_every_decoder(&bytes[..cut.index(bytes.len())]);
            match part {
                0 => raw.header = bytes.into(),
                1 => raw.signature = Signature(bytes.try_into().unwrap()),
                _ => raw.payload = Some(bytes.into()),
            }
            let verdict = Verifier::new([1; 32]).verify(&space, raw.clone());
            prop_assert_eq!(verdict.is_ok(), raw == genuine);
        }
    }

    #[test]
    fn a58_damaged_values_are_judged(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bloom = Bloom::for_count(10, [3; 16]);
        bloom.insert(&crate::support::id(1));
        for mut bytes in [bloom.to_cbor(), Filter::all().to_cbor(), genesis_payload(&device(1))] {
            for (index, value) in &damage {
                let at = index.index(bytes.len());
                bytes[at] = *value;
            }
            through_every_decoder(&bytes);
        }
    }
}
