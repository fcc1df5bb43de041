//! Somebody with the invitation between the two devices. They may be whoever they like to either side; the codes tell.

use bulla_core::EntryId;
use bulla_identity::{OsRandomness, Randomness};
use bulla_pairing::{Approver, ApproverStep, Joiner, JoinerStep};

use super::support::{
    Forger, Host, NOW, approval, approver_hello, code, commitment, compared, confirmation, device,
    joiner_hello, read_approver_hello, read_joiner_hello, read_nonce, reveal, sent, typed,
    until_codes,
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
    let refused = approver.approve(&typed(&approver), &mut host.register, NOW + 1).unwrap_err();
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
    let early = approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap_err();
    assert_eq!(early.code().as_str(), "pairing.unconfirmed");
    assert!(code.is_typed(&code.to_string()) && !code.is_typed("00000 00000 0"));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    let again = joiner.confirm(&device(2), &OsRandomness).unwrap_err();
    assert_eq!(again.code().as_str(), "pairing.order");
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
}

/// Clauses: PAIR-24, PAIR-28.
#[test]
fn a_joiner_that_declines_is_never_approved() {
    let mut host = Host::new();
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.decline(&device(2), &OsRandomness).unwrap();
    let refused = approver.receive(fifth.as_bytes(), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.declined");
    let refused = approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.over");
    let refused = joiner.confirm(&device(2), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.over");
    approver.cancel(&mut host.register).unwrap();
}

/// Both devices after equal codes, and somebody with the invitation who let the four messages pass and can seal the fifth.
fn listen(host: &mut Host) -> (Joiner, Approver, Forger) {
    let mut forger = Forger::new(&host.invitation);
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
    let (mut approver, second) = host.begin(first.as_bytes()).unwrap();
    let third = sent(joiner.receive(second.as_bytes(), &OsRandomness));
    let (fourth, _) = compared(approver.receive(third.as_bytes(), &OsRandomness));
    joiner.receive(fourth.as_bytes(), &OsRandomness).unwrap();
    for message in [&first, &second, &third, &fourth] {
        forger.open(message.as_bytes());
    }
    (joiner, approver, forger)
}

/// What somebody with the invitation signs with is not the approver's key, or is that for another exchange.
///
/// Clauses: PAIR-22, PAIR-24.
#[test]
fn an_approval_by_another_device_is_refused() {
    for case in 0..5 {
        let mut host = Host::new();
        let (mut joiner, mut approver, mut forger) = listen(&mut host);
        let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
        forger.open(fifth.as_bytes());
        approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
        let (space, history) = (super::support::SPACE.0, forger.history());
        let content = match case {
            0 => approval(&device(66), &history, space, b"old"),
            1 => approval(&device(2), &history, space, b"old"),
            2 => approval(&host.device, &[9; 32], space, b"old"),
            3 => {
                // Signed by the approver, as the frontier of a newer day.
                let genuine = approval(&host.device, &history, space, b"new");
                let place = genuine.windows(3).position(|window| window == b"new").unwrap();
                [&genuine[..place], b"old", &genuine[place + 3..]].concat()
            }
            _ => approval(&host.device, &history, space, b"new"),
        };
        let step = joiner.receive(&forger.seal(&content), &OsRandomness);
        if case == 4 {
            assert!(matches!(step, Ok(JoinerStep::Approved(_))));
            continue;
        }
        assert_eq!(step.unwrap_err().code().as_str(), "pairing.signature", "case {case}");
        assert_eq!(joiner.awaits(), None);
    }
}

/// The joiner's person said no, and somebody with the invitation says yes in their place.
///
/// Clauses: PAIR-22, PAIR-24, PAIR-28.
#[test]
fn a_confirmation_by_another_device_is_refused() {
    for case in 0..5 {
        let mut host = Host::new();
        let (mut joiner, mut approver, mut forger) = listen(&mut host);
        let (guest, history) = (device(2), forger.history());
        joiner.decline(&guest, &OsRandomness).unwrap();
        let content = match case {
            0 => confirmation(&device(66), &history, true),
            1 => confirmation(&host.device, &history, true),
            2 => confirmation(&guest, &[9; 32], true),
            3 => {
                let mut declined = confirmation(&guest, &history, false);
                declined[1] = 0xf5;
                declined
            }
            _ => confirmation(&guest, &history, true),
        };
        let step = approver.receive(&forger.seal(&content), &OsRandomness);
        if case == 4 {
            assert!(matches!(step, Ok(ApproverStep::Confirmed)));
            continue;
        }
        assert_eq!(step.unwrap_err().code().as_str(), "pairing.signature", "case {case}");
        assert!(approver.approve(&typed(&approver), &mut host.register, NOW + 2).is_err());
    }
}

/// Whoever calls with the keys of another device signs nothing with them.
///
/// Clauses: PAIR-22.
#[test]
fn only_the_device_that_began_signs() {
    let mut host = Host::new();
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let refused = joiner.confirm(&device(3), &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.signature");
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    let approved = approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
    let refused = approved.approval(&device(3), EntryId([1; 32]), b"", &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.signature");
}

/// The middle ended the joiner's exchange, so it knows the code there, and comes in under a label that looks like it. The
/// approver's person types what the device before them shows; the label stands nowhere.
///
/// Clauses: PAIR-28.
#[test]
fn another_code_than_the_joiner_shows_approves_nothing() {
    let mut host = Host::new();
    let middle = stand_between(&mut host);
    let mut host = Host::new();
    let (mut joiner, mut approver, code) = until_codes(&mut host, &device(2));
    assert_ne!(middle.approver_code, code.to_string());
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    for wrong in ["", "guest", &middle.approver_code, &code.to_string()[..5]] {
        let refused = approver.approve(wrong, &mut host.register, NOW + 2).unwrap_err();
        assert_eq!(refused.code().as_str(), "pairing.code", "{wrong:?}");
    }
    // A slip of the finger costs no invitation.
    let typed = code.to_string().replace(' ', "-");
    let approved = approver.approve(&typed, &mut host.register, NOW + 2).unwrap();
    assert_eq!(approved.label(), "guest");
}
