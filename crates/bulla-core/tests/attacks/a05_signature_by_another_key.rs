//! An entry is attributed to an author who did not sign it.

use bulla_core::{Verifier, VerifyError};

use crate::support::{author, device, genesis, header, sign};

#[test]
fn a05_signature_by_another_key_is_refused() {
    let (alice, mallory) = (device(1), device(2));
    let (_, space) = genesis(&alice);
    let payload = [7; 30];
    let genuine = header(space, &alice, &payload);
    let mut stolen = genuine.clone();
    stolen.author = author(&mallory);

    let verifier = Verifier::new([1; 32]);
    let refused = [
        // Alice's words under Mallory's name, with Alice's signature.
        {
            let mut raw = sign(&mallory, &stolen, Some(&payload));
            raw.signature = sign(&alice, &genuine, None).signature;
            (raw, author(&mallory))
        },
        // Mallory's signature under Alice's name.
        (sign(&mallory, &genuine, Some(&payload)), author(&alice)),
    ];
    for (raw, named) in refused {
        assert_eq!(verifier.verify(&space, raw.clone()), Err(VerifyError::Signature(named)));
        assert_eq!(verifier.verify_batch(&space, vec![raw]), [Err(VerifyError::Signature(named))]);
    }
}
