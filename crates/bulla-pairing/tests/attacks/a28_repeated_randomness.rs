//! A machine is cloned, or an earlier state of it comes back: its random bytes repeat themselves.

use bulla_core::EntryId;
use bulla_identity::{DeviceKeys, Randomness, RandomnessError};
use bulla_pairing::{Approver, Invitations, Joiner, Message};

use super::support::{
    Forger, Host, NOW, SPACE, Seeded, approver_hello, commitment, compared, device, joiner_hello,
    read_nonce, reveal, sent, typed, until_codes,
};

/// Gives the same bytes for ever.
#[derive(Debug)]
struct Stuck;

impl Randomness for Stuck {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        bytes.fill(7);
        Ok(())
    }
}

fn salt(message: &Message) -> &[u8] {
    &message.as_bytes()[..24]
}

/// Two contents never share a salt, and so no key: whoever collects both would have the difference of the two.
///
/// Clauses: PAIR-21.
#[test]
fn a28_no_salt_serves_two_contents() {
    let mut host = Host::new();
    let begin = |label: &str| {
        let (_, message) = Joiner::begin(&host.invitation, &device(2), label, &Stuck).unwrap();
        message
    };
    let (one, other) = (begin("one"), begin("two"));
    assert_ne!(salt(&one), salt(&other));
    assert_eq!(one, begin("one"), "the same in the same place says nothing new");

    let guest = device(2);
    let (mut joiner, mut approver, _) = until_codes(&mut host, &guest);
    let confirmed = joiner.confirm(&guest, &Stuck).unwrap();
    assert_ne!(salt(&confirmed), salt(&one));
    approver.receive(confirmed.as_bytes(), &Stuck).unwrap();
    let approved = approver.approve(&typed(&approver), &mut host.register, NOW + 9);
    let approved = approved.unwrap();
    let approval = |frontier: &[u8]| {
        approved.approval(&host.device, EntryId([1; 32]), frontier, &Stuck).unwrap()
    };
    assert_ne!(salt(&approval(b"then")), salt(&approval(b"now")));
    assert_eq!(approval(b"now"), approval(b"now"));
}

/// One content after different messages has different keys, even if salts were to be equal.
///
/// Clauses: PAIR-21.
#[test]
fn a28_the_history_is_in_the_key() {
    let host = Host::new();
    let mut lines = [Forger::new(&host.invitation), Forger::new(&host.invitation)];
    let sealed = lines.each_mut().map(|line| {
        line.seal(b"different salts");
        line.seal_with([3; 24], b"the same content")
    });
    assert_eq!(sealed[0][..24], sealed[1][..24]);
    assert_ne!(sealed[0][24..40], sealed[1][24..40], "not only the tags differ");
}

/// As often as it is called the same approver with the same invitation, as a clone has it or a backup.
fn restored(randomness: &dyn Randomness) -> Host {
    let (device, mut register) = (device(1), Invitations::new());
    let invitation = register.invite(device.author(), SPACE, None, 900_000, NOW, randomness);
    Host { device, register, invitation: invitation.unwrap() }
}

/// What this joiner reveals to somebody with the invitation.
fn of_joiner(host: &Host, guest: &DeviceKeys, randomness: &dyn Randomness) -> [u8; 32] {
    let (mut joiner, first) = Joiner::begin(&host.invitation, guest, "x", randomness).unwrap();
    let mut forger = Forger::new(&host.invitation);
    forger.open(first.as_bytes());
    let card = host.device.card("host").unwrap().to_bytes();
    let hello = approver_hello(&card, &commitment(&host.id(), 2, &card, &[1; 32]));
    let third = sent(joiner.receive(&forger.seal(&hello), randomness));
    read_nonce(&forger.open(third.as_bytes()))
}

/// What this approver reveals to somebody who committed to this nonce.
fn of_approver(mut host: Host, committed: &[u8; 32], randomness: &dyn Randomness) -> [u8; 32] {
    let (id, mut forger) = (host.id(), Forger::new(&host.invitation));
    let card = device(66).joining_card(SPACE, id).to_bytes();
    let hello = joiner_hello(&card, "x", &commitment(&id, 1, &card, committed));
    let first = forger.seal_with([9; 24], &hello);
    let (register, device) = (&mut host.register, &host.device);
    let begun = Approver::begin(register, &id, device, "host", &first, NOW + 1, randomness);
    let (mut approver, second) = begun.unwrap();
    forger.open(second.as_bytes());
    let (fourth, _) = compared(approver.receive(&forger.seal(&reveal(committed)), randomness));
    read_nonce(&forger.open(fourth.as_bytes()))
}

/// Whoever foresees a nonce chooses the code. Not even the source of random bytes tells it, and what an approver revealed
/// once, before an earlier state of it came back, it reveals only to the same commitment again.
///
/// Clauses: PAIR-26.
#[test]
fn a28_nobody_foresees_a_nonce() {
    let host = restored(&Stuck);
    let nonces = [
        [7; 32],
        of_joiner(&host, &device(2), &Stuck),
        of_joiner(&host, &device(3), &Stuck),
        of_joiner(&Host::new(), &device(2), &Stuck),
        of_joiner(&host, &device(2), &Seeded::new(1)),
        of_approver(restored(&Stuck), &[1; 32], &Stuck),
        of_approver(restored(&Stuck), &[2; 32], &Stuck),
        of_approver(restored(&Stuck), &[1; 32], &Seeded::new(1)),
    ];
    for (place, nonce) in nonces.iter().enumerate() {
        assert!(!nonces[..place].contains(nonce), "number {place} again");
    }
    assert_eq!(of_approver(restored(&Stuck), &[1; 32], &Stuck), nonces[5], "the same, and no more");
}

/// What is sealed with a repeated source opens all the same.
///
/// Clauses: PAIR-21.
#[test]
fn a28_the_other_side_notices_nothing() {
    let mut host = Host::new();
    let (mut joiner, first) = Joiner::begin(&host.invitation, &device(2), "guest", &Stuck).unwrap();
    let (mut approver, second) = host.begin(first.as_bytes()).unwrap();
    let third = sent(joiner.receive(second.as_bytes(), &Stuck));
    approver.receive(third.as_bytes(), &Seeded::new(1)).unwrap();
    let mut reader = Forger::new(&host.invitation);
    for message in [&first, &second, &third] {
        reader.open(message.as_bytes());
    }
}
