//! An entry of one space is offered to another, by a relay or by a member of both.

use bulla_core::cbor::Encode;
use bulla_core::{RawEntry, SpaceId, Verifier, VerifyError};

use crate::support::{device, genesis, header, sign};

#[test]
fn a13_entry_stays_in_its_space() {
    let (alice, bob) = (device(1), device(2));
    let (first_genesis, first) = genesis(&alice);
    let (second_genesis, second) = genesis(&bob);
    let verifier = Verifier::new([1; 32]);
    let entry = header(first, &alice, &[0; 16]);
    let signed = sign(&alice, &entry, None);
    let refused = Err(VerifyError::Space { expected: second });

    assert!(verifier.verify(&first, signed.clone()).is_ok());
    assert_eq!(verifier.verify(&second, signed.clone()), refused);
    assert_eq!(verifier.verify(&second, first_genesis.clone()), refused);
    assert_eq!(
        verifier.verify_batch(&second, vec![signed.clone(), first_genesis]),
        [refused.clone(), refused.clone()]
    );
    assert!(verifier.verify(&second, second_genesis).is_ok());

    // Rewritten for the other space, the signature does not hold.
    let moved = entry.clone();
    let moved = bulla_core::Header { space: second, ..moved };
    let raw = RawEntry { header: moved.to_cbor().into(), ..signed };
    assert_eq!(verifier.verify(&second, raw), Err(VerifyError::Signature(moved.author)));
    // A space of zeros is no space.
    assert_eq!(
        verifier.verify(&SpaceId::ZERO, sign(&alice, &entry, None)).unwrap_err().code().as_str(),
        "entry.space"
    );
}
