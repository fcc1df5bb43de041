//! One invitation, two devices; or one device that tries again.

use bulla_core::EntryId;
use bulla_identity::OsRandomness;
use bulla_pairing::{Approver, InvitationState, Invitations, Joiner, PairingError};

use super::support::{
    Forger, Host, NOW, commitment, device, joiner_hello, secret_of, typed, until_codes,
};

fn code<T>(result: Result<T, PairingError>) -> String {
    result.err().map_or_else(|| "accepted".to_owned(), |error| error.code().to_string())
}

/// Clauses: PAIR-29, PAIR-32.
#[test]
fn an_invitation_in_progress_refuses_a_second_joiner_and_the_same_one_again() {
    let mut host = Host::new();
    let (_, first) = Joiner::begin(&host.invitation, &device(2), "a", &OsRandomness).unwrap();
    let (_, again) = Joiner::begin(&host.invitation, &device(2), "a", &OsRandomness).unwrap();
    let (_, second) = Joiner::begin(&host.invitation, &device(3), "b", &OsRandomness).unwrap();
    host.begin(first.as_bytes()).unwrap();
    for message in [&first, &again, &second] {
        assert_eq!(code(host.begin(message.as_bytes())), "invitation.in_use");
    }
    let [info] = host.register.iter().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(info.state, InvitationState::InProgress(device(2).author()));
}

/// Clauses: PAIR-30, PAIR-32, PAIR-33, PAIR-34.
#[test]
fn an_invitation_that_was_used_serves_nobody_else_and_forgets_its_secret() {
    let mut host = Host::new();
    let is_kept = |host: &Host| {
        let (kept, secret) = (host.register.to_secret(), secret_of(&host.invitation));
        kept.windows(16).any(|window| window == secret)
    };
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    assert!(is_kept(&host));
    let approved = approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
    assert_eq!(approved.card(), &device(2).joining_card(super::support::SPACE, host.id()));
    assert_eq!(approved.label(), "guest");
    // Neither the same exchange nor another one gives a second approval.
    assert_eq!(
        code(approver.approve(&typed(&approver), &mut host.register, NOW + 3)),
        "pairing.over"
    );
    for seed in [2, 3] {
        let (_, first) =
            Joiner::begin(&host.invitation, &device(seed), "x", &OsRandomness).unwrap();
        assert_eq!(code(host.begin(first.as_bytes())), "invitation.used");
        // Also after its time: that it was used is said first.
        assert_eq!(code(host.begin_at(first.as_bytes(), u64::MAX)), "invitation.used");
    }
    assert_eq!(code(host.register.cancel(&host.id()).map_err(Into::into)), "invitation.used");
    assert!(!is_kept(&host), "the secret is forgotten");
    // The one that came in still reads its approval.
    let sixth = approved.approval(&host.device, EntryId([1; 32]), b"", &OsRandomness).unwrap();
    joiner.receive(sixth.as_bytes(), &OsRandomness).unwrap();
}

/// The register was read back from its file in between, as by another process.
///
/// Clauses: PAIR-30, PAIR-33.
#[test]
fn an_invitation_stays_used_and_cancelled_in_the_file() {
    let mut host = Host::new();
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    host.register = Invitations::from_secret(&host.register.to_secret()).unwrap();
    approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
    host.register = Invitations::from_secret(&host.register.to_secret()).unwrap();
    let (_, first) = Joiner::begin(&host.invitation, &device(3), "x", &OsRandomness).unwrap();
    assert_eq!(code(host.begin(first.as_bytes())), "invitation.used");
}

/// Cancelled between message 1 and the approval, here or by another process of the same device.
///
/// Clauses: PAIR-32, PAIR-33.
#[test]
fn a_cancelled_invitation_grants_nothing() {
    let mut host = Host::new();
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    host.register.cancel(&host.id()).unwrap();
    host.register.cancel(&host.id()).unwrap();
    assert_eq!(
        code(approver.approve(&typed(&approver), &mut host.register, NOW + 2)),
        "invitation.cancelled"
    );
    let (_, first) = Joiner::begin(&host.invitation, &device(3), "x", &OsRandomness).unwrap();
    assert_eq!(code(host.begin(first.as_bytes())), "invitation.cancelled");
}

/// Clauses: PAIR-32.
#[test]
fn an_invitation_of_another_device_or_of_none_is_unknown() {
    let mut host = Host::new();
    let (_, first) = Joiner::begin(&host.invitation, &device(2), "x", &OsRandomness).unwrap();
    let begin = |register: &mut Invitations, by: u8| {
        let id = host.invitation.id();
        let answer = Approver::begin(
            register,
            &id,
            &device(by),
            "host",
            first.as_bytes(),
            NOW + 1,
            &OsRandomness,
        );
        code(answer)
    };
    assert_eq!(begin(&mut Invitations::new(), 1), "invitation.unknown");
    assert_eq!(begin(&mut host.register, 4), "invitation.unknown");
    assert_eq!(begin(&mut host.register, 1), "accepted");
}

/// A device that answers its own invitation would grant itself.
///
/// Clauses: PAIR-24.
#[test]
fn a_card_for_another_space_another_invitation_or_the_device_itself_is_refused() {
    let (other, guest) = (bulla_core::SpaceId([8; 32]), device(2));
    for case in 0..4 {
        let mut host = Host::new();
        let (space, id) = (super::support::SPACE, host.id());
        let card = match case {
            0 => guest.joining_card(other, id),
            1 => guest.joining_card(space, bulla_core::InvitationId([5; 32])),
            2 => guest.joining_card(space, bulla_core::InvitationId::ZERO),
            _ => host.device.joining_card(space, id),
        }
        .to_bytes();
        let hello = joiner_hello(&card, "x", &commitment(&id, 1, &card, &[1; 32]));
        let message = Forger::new(&host.invitation).seal(&hello);
        assert_eq!(code(host.begin(&message)), "pairing.card", "case {case}");
        let [info] = host.register.iter().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(info.state, InvitationState::Unused);
    }
}
