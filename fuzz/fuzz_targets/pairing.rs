//! What pairing reads: joining cards, invitations, registers, recovery words and messages. Each that is accepted has one
//! encoding, and no message that nobody sealed opens.
#![no_main]

use bulla_core::{InvitationId, JoiningCard, SpaceId};
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use bulla_pairing::{
    Approver, Invitation, Invitations, Joiner, Message, PairingError, RecoveryKey,
};

/// The same bytes for ever, so that a finding can be repeated.
#[derive(Debug)]
struct Constant;

impl Randomness for Constant {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(5);
        Ok(())
    }
}

fn device(seed: u8) -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed + 100; 32])
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(card) = JoiningCard::from_bytes(bytes) {
        assert_eq!(card.to_bytes(), bytes);
        assert_eq!(
            card.claim().verify(JoiningCard::parse(bytes).expect("it was read").1),
            Ok(card)
        );
    }
    if let Ok(invitation) = Invitation::from_bytes(bytes) {
        assert_eq!(invitation.to_bytes().as_slice(), bytes);
        let back = invitation.to_text().parse::<Invitation>().expect("its own text");
        assert_eq!(back.id(), invitation.id());
    }
    if let Ok(register) = Invitations::from_secret(bytes) {
        assert_eq!(register.to_secret().as_slice(), bytes);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Ok(key) = RecoveryKey::from_words(text) {
        let typed: Vec<_> = text.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
        assert_eq!(key.to_words().as_str(), typed.join(" "));
    }
    if let Ok(message) = Message::bytes_of_text(text) {
        assert!(message.len() <= 4_096);
    }
    drop(text.parse::<Invitation>());

    let (host, guest, mut register) = (device(1), device(2), Invitations::new());
    let invitation = register
        .invite(host.author(), SpaceId([3; 32]), None, 1_000, 0, &Constant)
        .expect("an empty register takes one");
    let (mut joiner, first) =
        Joiner::begin(&invitation, &guest, "guest", &Constant).expect("a good label");
    let refused = joiner.receive(bytes, &Constant).expect_err("nobody sealed it");
    assert_eq!(refused, PairingError::Failed);
    let id: InvitationId = invitation.id();
    let begun = Approver::begin(&mut register, &id, &host, "host", bytes, 1, &Constant);
    assert_eq!(begun.is_ok(), bytes == first.as_bytes());
});
