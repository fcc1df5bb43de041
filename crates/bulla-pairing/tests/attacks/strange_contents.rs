//! Contents that open and are not what the message should say: whoever sealed them holds the invitation.

use bulla_core::cbor::Writer;
use bulla_identity::OsRandomness;
use bulla_pairing::{Joiner, JoinerStep, KnownHeads};

use super::support::{
    Forger, Host, NOW, SPACE, approval, commitment, compared, device, joiner_hello, sent, typed,
    until_codes,
};

fn content(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    write(&mut writer);
    writer.into_bytes()
}

/// Clauses: PAIR-22, PAIR-24.
#[test]
fn message_1_is_judged_in_its_order_and_leaves_the_register_as_it_was() {
    let (space, guest) = (SPACE, device(2));
    let mut host = Host::new();
    let id = host.id();
    let card = guest.joining_card(space, id).to_bytes();
    let mut forged = card.clone();
    forged[203] ^= 1;
    let committed = commitment(&id, 1, &card, &[1; 32]);
    let other = guest.joining_card(space, bulla_core::InvitationId([5; 32])).to_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("cbor.truncated", Vec::new()),
        ("cbor.unexpected", vec![0xa0]),
        (
            "cbor.count",
            content(|w| {
                w.array(2).bytes(&card).text("x");
            }),
        ),
        ("cbor.trailing", [joiner_hello(&card, "x", &committed), vec![0]].concat()),
        (
            "cbor.bounds",
            content(|w| {
                w.array(3).bytes([0; 205]).text("x").bytes(committed);
            }),
        ),
        (
            "cbor.bounds",
            content(|w| {
                w.array(3).bytes(&card).text("x").bytes([0; 31]);
            }),
        ),
        ("joining_card.signature", joiner_hello(&forged, "a\nb", &committed)),
        ("pairing.card", joiner_hello(&other, "a\nb", &committed)),
        ("pairing.label", joiner_hello(&card, "a\nb", &committed)),
        ("pairing.label", joiner_hello(&card, "01234\u{202e}56789", &committed)),
        ("pairing.label", joiner_hello(&card, &"x".repeat(65), &committed)),
    ];
    for (expected, content) in cases {
        let message = Forger::new(&host.invitation).seal(&content);
        let refused = host.begin(&message).unwrap_err();
        assert_eq!(refused.code().as_str(), expected);
    }
    let message =
        Forger::new(&host.invitation).seal(&joiner_hello(&card, &"x".repeat(64), &committed));
    host.begin(&message).unwrap();
}

/// Clauses: PAIR-23, PAIR-24.
#[test]
fn a_strange_content_ends_the_exchange_on_either_side() {
    let strange = [
        ("cbor.truncated", Vec::new()),
        ("cbor.count", vec![0x80]),
        ("cbor.unexpected", vec![0x81, 0xf5]),
        (
            "cbor.bounds",
            content(|w| {
                w.array(1).bytes([0; 31]);
            }),
        ),
        ("cbor.not_shortest", vec![0x98, 1, 0x40]),
    ];
    for (expected, content) in &strange {
        let mut host = Host::new();
        let mut forger = Forger::new(&host.invitation);
        let (mut joiner, first) =
            Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
        let (mut approver, second) = host.begin(first.as_bytes()).unwrap();
        let third = sent(joiner.receive(second.as_bytes(), &OsRandomness));
        forger.open(first.as_bytes());
        forger.open(second.as_bytes());
        let at_approver = forger.clone().seal(content);
        let refused = approver.receive(&at_approver, &OsRandomness).unwrap_err();
        assert_eq!(refused.code().as_str(), *expected);
        let over = approver.receive(third.as_bytes(), &OsRandomness).unwrap_err();
        assert_eq!(over.code().as_str(), "pairing.over");
        forger.open(third.as_bytes());
        let refused = joiner.receive(&forger.seal(content), &OsRandomness).unwrap_err();
        assert_eq!(refused.code().as_str(), *expected);
        assert_eq!(joiner.awaits(), None);
        assert_eq!(
            joiner.confirm(&device(2), &OsRandomness).unwrap_err().code().as_str(),
            "pairing.over"
        );
    }
}

/// Clauses: PAIR-24.
#[test]
fn an_approval_for_another_space_or_too_long_is_refused() {
    let cases = [
        (Some("pairing.space"), [8; 32], 0),
        (Some("cbor.bounds"), SPACE.0, 3_905),
        (None, SPACE.0, 3_904),
    ];
    for (expected, genesis, length) in cases {
        let mut host = Host::new();
        let mut forger = Forger::new(&host.invitation);
        let (mut joiner, first) =
            Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
        let (mut approver, second) = host.begin(first.as_bytes()).unwrap();
        let third = sent(joiner.receive(second.as_bytes(), &OsRandomness));
        let (fourth, _) = compared(approver.receive(third.as_bytes(), &OsRandomness));
        joiner.receive(fourth.as_bytes(), &OsRandomness).unwrap();
        let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
        for message in [&first, &second, &third, &fourth, &fifth] {
            forger.open(message.as_bytes());
        }
        let content = approval(&host.device, &forger.history(), genesis, &vec![0; length]);
        let step = joiner.receive(&forger.seal(&content), &OsRandomness);
        match expected {
            Some(code) => assert_eq!(step.unwrap_err().code().as_str(), code),
            None => assert!(matches!(step, Ok(JoinerStep::Approved(_)))),
        }
    }
}

/// The library itself sends nothing that the other side refuses.
///
/// Clauses: PAIR-22, PAIR-35.
#[test]
fn labels_and_frontiers_are_bounded_where_they_are_made() {
    let mut host = Host::new();
    for label in ["a\nb", "01234\u{202e}56789", &"x".repeat(65)] {
        let refused =
            Joiner::begin(&host.invitation, &device(2), label, &OsRandomness).unwrap_err();
        assert_eq!(refused.code().as_str(), "pairing.label");
    }
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    let approved = approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
    let grant = bulla_core::EntryId([1; 32]);
    let refused = approved.approval(&host.device, grant, &[0; 3_905], &OsRandomness).unwrap_err();
    assert_eq!(refused.code().as_str(), "pairing.frontier");
    // What an approver says that it knew is 1 to 100 entries, and the most of it fits.
    let heads = |count: u64| {
        let id = |number: u64| bulla_core::EntryId(*blake3::hash(&number.to_be_bytes()).as_bytes());
        KnownHeads::new((0..count).chain(0..count).map(id))
    };
    for count in [0, 101, 1_000] {
        assert_eq!(heads(count).unwrap_err().code().as_str(), "pairing.heads", "{count}");
    }
    let most = heads(100).unwrap().to_bytes();
    assert_eq!(KnownHeads::from_bytes(&most).unwrap(), heads(100).unwrap());
    approved.approval(&host.device, grant, &most, &OsRandomness).unwrap();
    // Made twice, as when the first was lost: either is read, once.
    let lost = approved.approval(&host.device, grant, b"old", &OsRandomness).unwrap();
    let sixth = approved.approval(&host.device, grant, b"new", &OsRandomness).unwrap();
    assert_ne!(lost.as_bytes()[..24], sixth.as_bytes()[..24], "no salt is used twice");
    let JoinerStep::Approved(approval) = joiner.receive(sixth.as_bytes(), &OsRandomness).unwrap()
    else {
        panic!("message 6 approves");
    };
    assert_eq!(approval.frontier, b"new");
    let over = joiner.receive(lost.as_bytes(), &OsRandomness).unwrap_err();
    assert_eq!(over.code().as_str(), "pairing.over");
}
