//! Somebody with the invitation between the two devices. They may be whoever they like to either side; the codes tell.

use bulla_identity::{OsRandomness, Randomness};
use bulla_pairing::{Joiner, JoinerStep};

use super::support::{
    Forger, Host, NOW, approver_hello, code, commitment, compared, device, joiner_hello,
    read_approver_hello, read_joiner_hello, read_nonce, reveal, sent, until_codes,
};

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRandomness.fill(&mut bytes).unwrap();
    bytes
}

/// Everything that the middle knows when the approver's code is fixed and its own nonce towards the joiner is committed to.
struct Middle {
    joiner: Joiner,
    to_joiner: Forger,
    joiner_card: Vec<u8>,
    joiner_nonce: [u8; 32],
    approver_card: Vec<u8>,
    committed: [u8; 32],
    approver_code: String,
}

/// The middle comes in with a device of its own, and shows the joiner the approver's true card. It lets the approver reveal
/// before it answers the joiner: no order of the two exchanges tells it more.
fn stand_between(host: &mut Host) -> Middle {
    let (id, own) = (host.id(), device(66));
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
    let mut to_joiner = Forger::new(&host.invitation);
    let mut to_approver = to_joiner.clone();
    let (card, _) = read_joiner_hello(&to_joiner.open(first.as_bytes()));

    // Towards the approver: the same label, another card.
    let (own_card, own_nonce) = (own.joining_card(card.space(), id).to_bytes(), random());
    let hello = joiner_hello(&own_card, "guest", &commitment(&id, 1, &own_card, &own_nonce));
    let (mut approver, second) = host.begin(&to_approver.seal(&hello)).unwrap();
    let (approver_card, _) = read_approver_hello(&to_approver.open(second.as_bytes()));
    let third = to_approver.seal(&reveal(&own_nonce));
    let (fourth, shown) = compared(approver.receive(&third, &OsRandomness));
    let approver_nonce = read_nonce(&to_approver.open(fourth.as_bytes()));
    let approver_code = code(&id, &own_card, "guest", &approver_card, &own_nonce, &approver_nonce);
    assert_eq!(approver_code, shown.to_string(), "the middle knows the code by now");

    // Towards the joiner: it must commit before the joiner reveals.
    let committed = random();
    let hello = approver_hello(&approver_card, &commitment(&id, 2, &approver_card, &committed));
    let third = sent(joiner.receive(&to_joiner.seal(&hello), &OsRandomness));
    let joiner_nonce = read_nonce(&to_joiner.open(third.as_bytes()));
    let joiner_card = card.to_bytes();
    Middle { joiner, to_joiner, joiner_card, joiner_nonce, approver_card, committed, approver_code }
}

/// Clauses: PAIR-27, PAIR-28.
#[test]
fn the_codes_differ_when_somebody_stands_between() {
    for _ in 0..50 {
        let mut host = Host::new();
        let mut middle = stand_between(&mut host);
        let fourth = middle.to_joiner.seal(&reveal(&middle.committed));
        let step = middle.joiner.receive(&fourth, &OsRandomness).unwrap();
        let JoinerStep::Compare { code, .. } = step else { panic!("{step:?}") };
        assert_ne!(code.to_string(), middle.approver_code);
    }
}

/// The middle tries nonces until the joiner's code begins like the approver's: with three digits that succeeds at once, and
/// with ten it would take minutes. It finds one, and cannot use it: it had committed before it knew what to look for.
///
/// Clauses: PAIR-24, PAIR-26.
#[test]
fn a_middle_that_tries_nonces_cannot_choose_the_code() {
    let mut host = Host::new();
    let id = host.id();
    let mut middle = stand_between(&mut host);
    let wanted = &middle.approver_code[..3];
    let found = (0..20_000_u64).find_map(|attempt| {
        let nonce = blake3::hash(&attempt.to_be_bytes()).into();
        let code = code(
            &id,
            &middle.joiner_card,
            "guest",
            &middle.approver_card,
            &middle.joiner_nonce,
            &nonce,
        );
        code.starts_with(wanted).then_some(nonce)
    });
    let found = found.expect("one of 20,000 nonces gives three wanted digits");
    let fourth = middle.to_joiner.seal(&reveal(&found));
    let refused = middle.joiner.receive(&fourth, &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.commitment");
    // That was its one try.
    let fourth = middle.to_joiner.seal(&reveal(&middle.committed));
    let refused = middle.joiner.receive(&fourth, &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.over");
}

/// The same towards the approver: it reveals nothing to whoever does not open its commitment.
///
/// Clauses: PAIR-24, PAIR-26.
#[test]
fn a_joiner_that_reveals_another_nonce_sees_no_nonce_of_the_approver() {
    let mut host = Host::new();
    let (id, own) = (host.id(), device(66));
    let mut forger = Forger::new(&host.invitation);
    let card = own.joining_card(super::support::SPACE, id).to_bytes();
    let hello = joiner_hello(&card, "x", &commitment(&id, 1, &card, &[1; 32]));
    let (mut approver, second) = host.begin(&forger.seal(&hello)).unwrap();
    forger.open(second.as_bytes());
    let refused = approver.receive(&forger.seal(&reveal(&[2; 32])), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.commitment");
    assert_eq!(approver.code(), None);
    let refused = approver.approve(&mut host.register, NOW + 1).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.over");
}

/// A commitment that was seen is not taken back as one's own: it names its side.
///
/// Clauses: PAIR-26.
#[test]
fn a_reflected_commitment_does_not_open() {
    let host = Host::new();
    let id = host.id();
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
    let mut forger = Forger::new(&host.invitation);
    let (_, seen) = read_joiner_hello(&forger.open(first.as_bytes()));
    let card = host.device.card("host").unwrap().to_bytes();
    let third = sent(joiner.receive(&forger.seal(&approver_hello(&card, &seen)), &OsRandomness));
    let nonce = read_nonce(&forger.open(third.as_bytes()));
    assert_ne!(commitment(&id, 2, &card, &nonce), seen);
    let refused = joiner.receive(&forger.seal(&reveal(&nonce)), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.commitment");
}

/// Whoever holds the invitation and is another device than the inviter is seen without any comparing.
///
/// Clauses: PAIR-24.
#[test]
fn another_device_cannot_answer_for_the_inviter() {
    let host = Host::new();
    let id = host.id();
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
    let mut forger = Forger::new(&host.invitation);
    forger.open(first.as_bytes());
    let card = device(66).card("host").unwrap().to_bytes();
    let hello = approver_hello(&card, &commitment(&id, 2, &card, &[1; 32]));
    let refused = joiner.receive(&forger.seal(&hello), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.inviter");
}

/// Clauses: PAIR-28.
#[test]
fn nothing_is_approved_before_both_persons_confirmed() {
    let mut host = Host::new();
    let (mut joiner, mut approver, code) = until_codes(&mut host, &device(2));
    let early = approver.approve(&mut host.register, NOW + 2).unwrap_err();
    assert_eq!(early.code().as_str(), "pairing.unconfirmed");
    assert!(code.is_typed(&code.to_string()) && !code.is_typed("00000 00000 0"));
    let fifth = joiner.confirm(&OsRandomness).unwrap();
    let again = joiner.confirm(&OsRandomness).unwrap_err();
    assert_eq!(again.code().as_str(), "pairing.order");
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    approver.approve(&mut host.register, NOW + 2).unwrap();
}

/// Clauses: PAIR-24, PAIR-28.
#[test]
fn a_joiner_that_declines_is_never_approved() {
    let mut host = Host::new();
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.decline(&OsRandomness).unwrap();
    let refused = approver.receive(fifth.as_bytes(), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.declined");
    let refused = approver.approve(&mut host.register, NOW + 2).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.over");
    let refused = joiner.confirm(&OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.over");
    approver.cancel(&mut host.register).unwrap();
}
