//! Other bytes are served under an id that is wanted: the id is computed from the bytes, never taken along.

use bulla_core::{EntryId, RawEntry, Verifier, VerifyError};
use bytes::Bytes;

use crate::support::{device, genesis, header, id_of, sign};

#[test]
fn a15_the_id_names_exactly_these_bytes() {
    let device = device(1);
    let (_, space) = genesis(&device);
    let payload = [4; 32];
    let wanted = sign(&device, &header(space, &device, &payload), Some(&payload));
    let id = id_of(&wanted);
    let verifier = Verifier::new([1; 32]);
    assert_eq!(verifier.verify(&space, wanted.clone()).unwrap().id(), id);

    // Another valid entry of the same author has another id.
    let mut other = header(space, &device, &payload);
    other.timestamp += 1;
    let other = verifier.verify(&space, sign(&device, &other, Some(&payload))).unwrap();
    assert_ne!(other.id(), id);
    // So has the same header under another signature, and header bytes are bound through their digest.
    let mut signature = wanted.signature;
    signature.0[0] ^= 1;
    assert_ne!(id_of(&RawEntry { signature, ..wanted.clone() }), id);
    // Wrong payload bytes under the right header are refused and never make the payload present.
    let poisoned = RawEntry { payload: Some(Bytes::from_static(&[5; 32])), ..wanted };
    assert!(matches!(verifier.verify(&space, poisoned), Err(VerifyError::ContentHash { .. })));
    assert_ne!(id, EntryId::ZERO);
}
