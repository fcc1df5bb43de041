use ed25519_dalek::{Signer, SigningKey};

use super::*;

fn claim() -> (JoiningClaim, SigningKey) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let claim = JoiningClaim {
        space: SpaceId([1; 32]),
        author: AuthorKey(key.verifying_key().to_bytes()),
        sealing_key: SealingKey([9; 32]),
        invitation: InvitationId([3; 32]),
    };
    (claim, key)
}

fn signed(claim: JoiningClaim, key: &SigningKey) -> JoiningCard {
    claim.verify(Signature(key.sign(&claim.signing_message()).to_bytes())).unwrap()
}

/// Clauses: PAIR-1, PAIR-4.
#[test]
fn reads_back_what_was_written() {
    let (claim, key) = claim();
    let card = signed(claim, &key);
    let bytes = card.to_bytes();
    assert_eq!(bytes.len(), JOINING_CARD_BYTES);
    assert_eq!(JoiningCard::from_bytes(&bytes), Ok(card));
    assert_eq!(card.claim(), &claim);
}

/// Clauses: PAIR-2, PAIR-3.
#[test]
fn a_card_for_another_space_invitation_or_key_does_not_verify() {
    let (claim, key) = claim();
    let signature = Signature(key.sign(&claim.signing_message()).to_bytes());
    let other = AuthorKey(SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
    for moved in [
        JoiningClaim { space: SpaceId([2; 32]), ..claim },
        JoiningClaim { invitation: InvitationId::ZERO, ..claim },
        JoiningClaim { sealing_key: SealingKey([10; 32]), ..claim },
        JoiningClaim { author: other, ..claim },
    ] {
        let refused = moved.verify(signature).unwrap_err();
        assert_eq!(refused, JoiningCardError::Signature(SignatureError::Mismatch));
    }
}

/// Clauses: PAIR-3.
#[test]
fn a_sealing_key_of_small_order_is_refused_before_the_signature() {
    let (claim, key) = claim();
    for u in [[0; 32], [[1].as_slice(), &[0; 31]].concat().try_into().unwrap()] {
        let weak = JoiningClaim { sealing_key: SealingKey(u), ..claim };
        let signature = Signature(key.sign(&weak.signing_message()).to_bytes());
        assert_eq!(weak.verify(signature), Err(JoiningCardError::SealingKey));
        assert_eq!(weak.verify(Signature::ZERO), Err(JoiningCardError::SealingKey));
    }
}

/// Clauses: PAIR-3.
#[test]
fn an_author_key_of_small_order_is_refused() {
    let (claim, _) = claim();
    // The identity as key, identity and zero as signature: holds for every message under a verifier that takes the key.
    let identity: [u8; 32] = [[1].as_slice(), &[0; 31]].concat().try_into().unwrap();
    let weak = JoiningClaim { author: AuthorKey(identity), ..claim };
    let signature = Signature([identity, [0; 32]].concat().try_into().unwrap());
    assert_eq!(weak.verify(signature), Err(JoiningCardError::Signature(SignatureError::Key)));
}

/// Clauses: PAIR-4.
#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let (claim, key) = claim();
    let bytes = signed(claim, &key).to_bytes();
    for length in 0..bytes.len() {
        assert!(JoiningCard::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(JoiningCard::from_bytes(&altered).is_err(), "{bit}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    let refused = JoiningCard::from_bytes(&longer).unwrap_err();
    assert_eq!(refused.code(), CborErrorKind::Bounds.code());
}
