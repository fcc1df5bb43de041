//! A62: nothing secret in what is printed for people who look for errors, and nothing of spaces in what a node sees.

use bulla_core::NodeId;
use bulla_core::values::MailboxOperation;
use bulla_identity::OsRandomness;
use bulla_pairing::{Joiner, RecoveryKey};

use super::support::{Host, NOW, SPACE, device, secret_of, typed, until_codes};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Clauses: PAIR-14, PAIR-50.
#[test]
fn a62_debug_shows_no_secret_and_no_text_of_an_invitation() {
    let mut host = Host::new();
    let secret = secret_of(&host.invitation);
    let (mut joiner, mut approver, _) = until_codes(&mut host, &device(2));
    let fifth = joiner.confirm(&device(2), &OsRandomness).unwrap();
    let recovery = RecoveryKey::generate(&OsRandomness).unwrap();
    let mut printed = format!(
        "{joiner:?} {approver:?} {:#?} {:?} {:?} {:?} {recovery:?}",
        host.invitation,
        host.register,
        host.invitation.mailbox(),
        host.invitation.to_qr(),
    );
    approver.receive(fifth.as_bytes(), &OsRandomness).unwrap();
    let approved = approver.approve(&typed(&approver), &mut host.register, NOW + 2).unwrap();
    printed.push_str(&format!("{approved:?} {approver:?}"));
    let text = host.invitation.to_text();
    let words = recovery.to_words();
    let first_words = words.split(' ').take(2).collect::<Vec<_>>().join(" ");
    // In a list of bytes, however it is laid out.
    let printed: String = printed.chars().filter(|letter| !letter.is_whitespace()).collect();
    let parts = secret.windows(4).flat_map(|window| {
        let decimal = window.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        [hex(window), format!(",{decimal},")]
    });
    for leak in parts.chain([text[80..100].to_owned(), first_words.replace(' ', "")]) {
        assert!(!printed.contains(&leak), "{leak} in {printed}");
    }
}

/// A node with a mailbox sees an address and sealed bytes; two invitations into one space have nothing in common.
///
/// Clauses: PAIR-41, PAIR-42.
#[test]
fn a62_a_mailbox_tells_nothing_of_the_space() {
    let (host, other) = (Host::new(), Host::new());
    let node = NodeId([3; 32]);
    let (_, first) = Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
    let key = host.invitation.mailbox();
    assert_ne!(key.address(), other.invitation.mailbox().address());
    let (request, proof) = key.leave(node, &first);
    request.verify(&proof).unwrap();
    assert!(matches!(request.operation, MailboxOperation::Leave { slot: 1, .. }));
    let seen = [request.signing_message(), first.as_bytes().to_vec()].concat();
    let hidden: [&[u8]; 5] = [
        &SPACE.0,
        &host.id().0,
        &device(1).author().0,
        &device(2).author().0,
        &device(2).sealing_key().0,
    ];
    for secret in hidden {
        assert!(!seen.windows(16).any(|window| window == &secret[..16]));
    }
    // The other side makes the same requests; a proof is good for nothing else.
    let scanned: bulla_pairing::Invitation = host.invitation.to_text().parse().unwrap();
    assert_eq!(scanned.mailbox().address(), key.address());
    for (other_request, _) in [
        key.open(node),
        key.close(node),
        key.fetch(node, 1),
        key.leave(NodeId([4; 32]), &first),
        other.invitation.mailbox().leave(node, &first),
    ] {
        assert!(other_request.verify(&proof).is_err());
    }
    let (open, proof) = scanned.mailbox().open(node);
    open.verify(&proof).unwrap();
}
