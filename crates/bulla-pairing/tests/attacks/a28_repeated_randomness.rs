//! A machine is cloned, or an earlier state of it comes back: its random bytes repeat themselves.

use bulla_core::EntryId;
use bulla_identity::{Randomness, RandomnessError};
use bulla_pairing::{Joiner, Message};

use super::support::{Forger, Host, Seeded, device, sent, typed, until_codes};

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
    let approved = approver.approve(&typed(&approver), &mut host.register, super::support::NOW + 9);
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
