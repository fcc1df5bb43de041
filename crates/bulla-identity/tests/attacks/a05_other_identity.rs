//! A05: a signature by one key never speaks for another identity.

use bulla_core::{Verifier, VerifyError};
use bulla_identity::{AcknowledgementError, Card, Initiator, LoginError, verify_acknowledgement};

use super::people::{acknowledgement, entry, header, pair, transcript};

#[test]
fn a05_an_entry_cannot_be_given_another_author() {
    let ((victim, _), (thief, _)) = (pair(1), pair(2));
    let verifier = Verifier::new([0; 32]);
    let space = header(victim.author()).space;

    let honest = entry(&header(victim.author()), &victim);
    assert!(verifier.verify(&space, honest.clone()).is_ok());

    // The victim's entry under the thief's name, with the victim's signature.
    let mut renamed = entry(&header(thief.author()), &thief);
    renamed.signature = honest.signature;
    assert_eq!(verifier.verify(&space, renamed), Err(VerifyError::Signature(thief.author())));

    // An entry in the victim's name, signed by the thief.
    let forged = entry(&header(victim.author()), &thief);
    assert_eq!(
        verifier.verify(&space, forged.clone()),
        Err(VerifyError::Signature(victim.author()))
    );
    let verdicts = verifier.verify_batch(&space, vec![honest, forged]);
    assert!(verdicts[0].is_ok() && verdicts[1].is_err());
}

#[test]
fn a05_a_login_speaks_for_its_signer_only() {
    let ((victim, relay), (thief, other_relay)) = (pair(1), pair(2));
    let login = transcript(victim.peer_key(), relay.node_id());
    assert_eq!(
        thief.sign_login(&login),
        Err(LoginError::Identity),
        "nobody signs in another's name"
    );
    assert_eq!(other_relay.answer_login(&login), Err(LoginError::Identity));
    let by_thief = thief.sign_login(&transcript(thief.peer_key(), relay.node_id())).unwrap();
    assert!(matches!(login.verify_initiator(&by_thief), Err(LoginError::Signature(_))));
}

#[test]
fn a05_an_acknowledgement_and_a_card_speak_for_their_signer_only() {
    let ((victim, relay), (thief, other_relay)) = (pair(1), pair(2));
    let ack = acknowledgement(&other_relay);
    let expected =
        AcknowledgementError::Node { expected: relay.node_id(), actual: other_relay.node_id() };
    assert_eq!(verify_acknowledgement(&ack, &relay.node_id()), Err(expected));
    let renamed = bulla_core::values::Acknowledgement { node: relay.node_id(), ..ack };
    assert!(matches!(
        verify_acknowledgement(&renamed, &relay.node_id()),
        Err(AcknowledgementError::Signature(_))
    ));

    // The thief's sealing key under the victim's name.
    let (card, stolen) = (victim.card("phone").unwrap(), thief.card("phone").unwrap());
    let (honest, other) = (card.to_bytes(), stolen.to_bytes());
    let (author, sealing) = (4..36, 38..70);
    assert_eq!(honest[author.clone()], victim.author().0);
    for part in [author, sealing] {
        let mut mixed = honest.clone();
        mixed[part.clone()].copy_from_slice(&other[part]);
        assert_eq!(Card::from_bytes(&mixed).unwrap_err().code().as_str(), "card.signature");
    }
}
