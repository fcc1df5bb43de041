//! Nobody attacks: the whole way of a device into a space, as people go it.

use bulla_core::values::MailboxOperation;
use bulla_core::{EntryId, NodeId};
use bulla_identity::{OsRandomness, Passphrase, WorkFactor};
use bulla_pairing::{
    Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep, MailboxNode, Message,
    ShortCode,
};

use super::support::{NOW, SPACE, device};

fn pasted(message: &Message) -> Vec<u8> {
    Message::bytes_of_text(&format!("\n  {message}\r\n")).unwrap()
}

/// Text both ways, the register in its file before every message, and the code typed in.
///
/// Clauses: PAIR-22, PAIR-25, PAIR-27, PAIR-34.
#[test]
fn a_device_comes_in_by_pasted_text() {
    let (host, guest, directory) = (device(1), device(2), tempfile::tempdir().unwrap());
    let (path, passphrase) =
        (directory.path().join("invitations"), Passphrase::new("a long enough one").unwrap());
    let write = |register: &Invitations| {
        register.replace_file(&path, &passphrase, WorkFactor::dangerous(1)).unwrap();
    };
    let read = || Invitations::read_file(&path, &passphrase).unwrap();

    let mut register = Invitations::new();
    let node = MailboxNode { url: "https://relay.example:8443".to_owned(), key: NodeId([8; 32]) };
    let offered =
        register.invite(host.author(), SPACE, Some(&node), 900_000, NOW, &OsRandomness).unwrap();
    write(&register);

    let scanned: Invitation = offered.to_text().to_uppercase().parse().unwrap();
    assert!(scanned.is_by(&host.author()));
    let (mut joiner, first) = Joiner::begin(&scanned, &guest, "phone", &OsRandomness).unwrap();
    let mut register = read();
    let (mut approver, second) = Approver::begin(
        &mut register,
        &offered.id(),
        &host,
        "laptop",
        &pasted(&first),
        NOW + 1_000,
        &OsRandomness,
    )
    .unwrap();
    write(&register);
    assert_eq!((joiner.awaits(), approver.awaits()), (Some(2), Some(3)));

    let JoinerStep::Send(third) = joiner.receive(&pasted(&second), &OsRandomness).unwrap() else {
        panic!("message 2 is answered");
    };
    let ApproverStep::Compare { message: fourth, code } =
        approver.receive(&pasted(&third), &OsRandomness).unwrap()
    else {
        panic!("message 3 is answered");
    };
    let JoinerStep::Compare { code: shown, approver: card } =
        joiner.receive(&pasted(&fourth), &OsRandomness).unwrap()
    else {
        panic!("message 4 gives a code");
    };
    assert_eq!((card.label(), card.author()), ("laptop", host.author()));
    is_shown_as_two_groups(shown);
    assert!(
        code.is_typed(&shown.to_string()) && code.is_typed(&shown.to_string().replace(' ', "-"))
    );

    let fifth = joiner.confirm(&guest, &OsRandomness).unwrap();
    approver.receive(&pasted(&fifth), &OsRandomness).unwrap();
    let mut register = read();
    let approved = approver.approve(&shown.to_string(), &mut register, NOW + 60_000).unwrap();
    write(&register);
    assert_eq!(approved.card(), &guest.joining_card(SPACE, offered.id()));

    assert_eq!(approved.label(), "phone");
    let grant = EntryId([4; 32]);
    let sixth = approved.approval(&host, grant, b"what I know", &OsRandomness).unwrap();
    let JoinerStep::Approved(approval) = joiner.receive(&pasted(&sixth), &OsRandomness).unwrap()
    else {
        panic!("message 6 approves");
    };
    assert_eq!((approval.space, approval.grant), (SPACE, grant));
    assert_eq!(approval.frontier, b"what I know");
    let numbers = [&first, &second, &third, &fourth, &fifth, &sixth].map(Message::number);
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    for message in [&first, &second, &third, &fourth, &fifth, &sixth] {
        let (request, proof) = scanned.mailbox().leave(NodeId([3; 32]), message);
        request.judge(&request.node, message.as_bytes(), &proof).unwrap();
        let leaves = MailboxOperation::Leave {
            slot: message.number(),
            content: bulla_core::ContentHash::of(message.as_bytes()),
        };
        assert_eq!(request.operation, leaves);
    }
}

/// Ten digits, the leading zeros too.
fn is_shown_as_two_groups(code: ShortCode) {
    let text = code.to_string();
    let (first, second) = text.split_once(' ').unwrap();
    for group in [first, second] {
        assert!(group.len() == 5 && group.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
    }
    assert!(!code.is_typed(first) && !code.is_typed(&format!("{text}0")) && !code.is_typed(""));
}
