//! A02: every bit of every message counts, and one that does not open says nothing of why.

use bulla_core::EntryId;
use bulla_identity::OsRandomness;
use bulla_pairing::{Joiner, JoinerStep, PairingError};

use super::support::{Host, compared, device, sent, typed};

/// All that is near a message and is not it: each bit flipped, each cut, a byte more, and nothing at all.
fn near(message: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flipped = (0..message.len() * 8).map(|bit| {
        let mut altered = message.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        altered
    });
    let cut = (0..message.len()).map(|length| message[..length].to_vec());
    let others = [[message, &[0]].concat(), vec![0; 4_096], vec![0; 4_097], vec![0; 100_000]];
    flipped.chain(cut).chain(others)
}

/// Refused each, with one and the same error.
fn all_fail(message: &[u8], mut receive: impl FnMut(&[u8]) -> Option<PairingError>) {
    for altered in near(message) {
        let error = receive(&altered).expect("an altered message must not open");
        assert_eq!(error, PairingError::Failed);
        assert_eq!(error.code().as_str(), "pairing.failed");
    }
}

/// Clauses: PAIR-20, PAIR-21, PAIR-23.
#[test]
fn a02_no_altered_message_opens_and_the_genuine_one_still_does() {
    let (mut host, guest) = (Host::new(), device(2));
    let (mut joiner, first) =
        Joiner::begin(&host.invitation, &guest, "guest", &OsRandomness).unwrap();
    all_fail(first.as_bytes(), |message| host.begin(message).err());
    let (mut approver, second) = host.begin(first.as_bytes()).unwrap();
    all_fail(second.as_bytes(), |message| joiner.receive(message, &OsRandomness).err());
    let third = sent(joiner.receive(second.as_bytes(), &OsRandomness));
    all_fail(third.as_bytes(), |message| approver.receive(message, &OsRandomness).err());
    let (fourth, _) = compared(approver.receive(third.as_bytes(), &OsRandomness));
    all_fail(fourth.as_bytes(), |message| joiner.receive(message, &OsRandomness).err());
    joiner.receive(fourth.as_bytes(), &OsRandomness).unwrap();
    let fifth = joiner.confirm(&guest, &OsRandomness).unwrap();
    all_fail(fifth.as_bytes(), |message| approver.receive(message, &OsRandomness).err());
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    let approved =
        approver.approve(&typed(&approver), &mut host.register, super::support::NOW + 2).unwrap();
    let sixth =
        approved.approval(&host.device, EntryId([9; 32]), &[1; 3_904], &OsRandomness).unwrap();
    assert!(sixth.as_bytes().len() <= 4_096);
    all_fail(sixth.as_bytes(), |message| joiner.receive(message, &OsRandomness).err());
    let JoinerStep::Approved(approval) = joiner.receive(sixth.as_bytes(), &OsRandomness).unwrap()
    else {
        panic!("message 6 approves");
    };
    assert_eq!((approval.grant, approval.frontier), (EntryId([9; 32]), vec![1; 3_904]));
}

/// A line whose letters were mistyped is told apart from a message that does not open: nobody sealed that.
///
/// Clauses: PAIR-25.
#[test]
fn a02_a_mistyped_line_is_told_before_it_is_opened() {
    let (host, guest) = (Host::new(), device(2));
    let (_, first) = Joiner::begin(&host.invitation, &guest, "guest", &OsRandomness).unwrap();
    let line = first.to_string();
    assert!(line.starts_with("bulla-pair1-"));
    assert_eq!(bulla_pairing::Message::bytes_of_text(&line).unwrap(), first.as_bytes());
    let letter = if line.ends_with('a') { "q" } else { "a" };
    let at = line.len() - 9;
    let mistyped = format!("{}{letter}{}", &line[..at], &line[at + 1..]);
    if mistyped != line {
        let refused = bulla_pairing::Message::bytes_of_text(&mistyped).unwrap_err();
        assert_eq!(refused.code().as_str(), "armour.checksum");
    }
    let card = guest.card("guest").unwrap().to_string();
    let refused = bulla_pairing::Message::bytes_of_text(&card).unwrap_err();
    assert_eq!(refused.code().as_str(), "armour.prefix");
}
