use std::collections::BTreeMap;

use bulla_core::ContentHash;
use ed25519_dalek::{Signer, SigningKey};

use super::*;

const NODE: NodeId = NodeId([9; 32]);
const LIFE: u64 = MAILBOX_LIFETIME_MS;

/// Somebody with the key of a mailbox.
struct Guest(SigningKey);

impl Guest {
    fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    fn ask(
        &self,
        boxes: &mut Mailboxes,
        operation: MailboxOperation,
        message: &[u8],
        now_ms: u64,
    ) -> Result<MailboxAnswer, MailboxError> {
        let address = MailboxAddress(self.0.verifying_key().to_bytes());
        let request = MailboxRequest { node: NODE, address, operation };
        let proof = Signature(self.0.sign(&request.signing_message()).to_bytes());
        boxes.ask(&request, message, &proof, now_ms)
    }

    fn open(&self, boxes: &mut Mailboxes, now_ms: u64) -> Result<MailboxAnswer, MailboxError> {
        self.ask(boxes, MailboxOperation::Open, b"", now_ms)
    }

    fn leave(
        &self,
        boxes: &mut Mailboxes,
        slot: u8,
        message: &[u8],
        now_ms: u64,
    ) -> Result<MailboxAnswer, MailboxError> {
        let content = ContentHash::of(message);
        self.ask(boxes, MailboxOperation::Leave { slot, content }, message, now_ms)
    }

    fn fetch(
        &self,
        boxes: &mut Mailboxes,
        slot: u8,
        now_ms: u64,
    ) -> Result<MailboxAnswer, MailboxError> {
        self.ask(boxes, MailboxOperation::Fetch { slot }, b"", now_ms)
    }
}

fn message(bytes: &'static [u8]) -> MailboxAnswer {
    MailboxAnswer::Message(Bytes::from_static(bytes))
}

/// Clauses: PAIR-42, PAIR-43.
#[test]
fn a_slot_is_written_once_and_read_often() {
    let (mut boxes, guest) = (Mailboxes::new(NODE, 4), Guest::new(1));
    guest.open(&mut boxes, 0).unwrap();
    assert_eq!(guest.fetch(&mut boxes, 1, 1), Ok(MailboxAnswer::Empty));
    guest.leave(&mut boxes, 1, b"one", 2).unwrap();
    guest.leave(&mut boxes, 1, b"one", 3).unwrap();
    assert_eq!(guest.leave(&mut boxes, 1, b"two", 4), Err(MailboxError::Taken));
    for now_ms in 5..8 {
        assert_eq!(guest.fetch(&mut boxes, 1, now_ms), Ok(message(b"one")));
    }
    guest.leave(&mut boxes, 8, &[7; 4_096], 8).unwrap();
    assert_eq!(guest.leave(&mut boxes, 7, &[7; 4_097], 8), Err(MailboxError::TooLarge));
    assert_eq!(guest.leave(&mut boxes, 9, b"x", 8), Err(MailboxError::Slot));
    assert_eq!(guest.fetch(&mut boxes, 0, 8), Err(MailboxError::Slot));
    guest.ask(&mut boxes, MailboxOperation::Close, b"", 9).unwrap();
    assert_eq!(guest.fetch(&mut boxes, 1, 9), Err(MailboxError::Unknown));
    assert!(boxes.is_empty());
}

/// Whoever saw the requests shows them once more: what was closed stays closed as long as it would have been there.
///
/// Clauses: PAIR-43.
#[test]
fn a_closed_mailbox_is_not_opened_by_a_request_shown_again() {
    let (mut boxes, guest, replayer) = (Mailboxes::new(NODE, 2), Guest::new(1), PeerKey([7; 32]));
    let (address, proof) = {
        let address = MailboxAddress(guest.0.verifying_key().to_bytes());
        let request = MailboxRequest { node: NODE, address, operation: MailboxOperation::Open };
        (address, Signature(guest.0.sign(&request.signing_message()).to_bytes()))
    };
    boxes.open(PeerKey([1; 32]), address, &proof, 5).unwrap();
    guest.leave(&mut boxes, 1, b"one", 6).unwrap();
    guest.ask(&mut boxes, MailboxOperation::Close, b"", 7).unwrap();
    for now_ms in [7, 4 + LIFE] {
        assert_eq!(boxes.open(replayer, address, &proof, now_ms), Err(MailboxError::Unknown));
        assert_eq!(guest.open(&mut boxes, now_ms), Err(MailboxError::Unknown));
        assert_eq!(guest.leave(&mut boxes, 1, b"one", now_ms), Err(MailboxError::Unknown));
        let closed = guest.ask(&mut boxes, MailboxOperation::Close, b"", now_ms);
        assert_eq!(closed, Err(MailboxError::Unknown));
    }
    assert!(boxes.is_empty() && !boxes.is_idle());
    boxes.forget_expired(5 + LIFE);
    assert!(boxes.is_idle());
    // Nothing is kept for longer, and no more of them than there may be mailboxes. They take no places.
    let guests: Vec<Guest> = (2..6).map(Guest::new).collect();
    for guest in &guests {
        guest.open(&mut boxes, 2 * LIFE).unwrap();
        guest.ask(&mut boxes, MailboxOperation::Close, b"", 2 * LIFE).unwrap();
    }
    guests[0].open(&mut boxes, 2 * LIFE).unwrap();
    guests[1].open(&mut boxes, 2 * LIFE).unwrap();
    for guest in &guests[2..] {
        assert_eq!(guest.open(&mut boxes, 2 * LIFE), Err(MailboxError::Unknown));
    }
}

/// Never made, expired and closed look the same, and so do they with a wrong proof where there is a mailbox.
///
/// Clauses: PAIR-43, PAIR-44.
#[test]
fn a_mailbox_that_is_no_more_looks_like_one_that_never_was() {
    let (mut boxes, guest, stranger) = (Mailboxes::new(NODE, 4), Guest::new(1), Guest::new(2));
    guest.open(&mut boxes, 100).unwrap();
    guest.leave(&mut boxes, 1, b"one", 100).unwrap();
    // Opening once more makes it neither younger nor empty.
    guest.open(&mut boxes, 100 + LIFE - 1).unwrap();
    assert_eq!(guest.fetch(&mut boxes, 1, 100 + LIFE - 1), Ok(message(b"one")));
    for (who, now_ms) in [(&guest, 100 + LIFE), (&stranger, 101), (&guest, 99)] {
        let mut boxes = Mailboxes::new(NODE, 4);
        guest.open(&mut boxes, 100).unwrap();
        guest.leave(&mut boxes, 1, b"one", 100).unwrap();
        assert_eq!(who.fetch(&mut boxes, 1, now_ms), Err(MailboxError::Unknown));
        assert_eq!(who.leave(&mut boxes, 1, b"x", now_ms), Err(MailboxError::Unknown));
        let closed = who.ask(&mut boxes, MailboxOperation::Close, b"", now_ms);
        assert_eq!(closed, Err(MailboxError::Unknown));
    }
    let address = MailboxAddress(guest.0.verifying_key().to_bytes());
    let nobody = MailboxAddress(stranger.0.verifying_key().to_bytes());
    for address in [address, nobody] {
        let operation = MailboxOperation::Fetch { slot: 1 };
        let request = MailboxRequest { node: NODE, address, operation };
        let refused = boxes.ask(&request, b"", &Signature::ZERO, 101);
        assert_eq!(refused, Err(MailboxError::Proof));
    }
}

/// Clauses: PAIR-42.
#[test]
fn a_proof_for_another_node_is_refused() {
    let (mut here, mut there) = (Mailboxes::new(NODE, 4), Mailboxes::new(NodeId([8; 32]), 4));
    let guest = Guest::new(1);
    guest.open(&mut here, 0).unwrap();
    assert_eq!(guest.open(&mut there, 0), Err(MailboxError::Proof));
    assert!(there.is_empty());
}

/// Clauses: PAIR-45.
#[test]
fn mailboxes_are_bounded_and_the_expired_ones_make_room() {
    let mut boxes = Mailboxes::new(NODE, 3);
    let guests: Vec<Guest> = (0..5).map(Guest::new).collect();
    for (now_ms, guest) in (0..).zip(&guests[..3]) {
        guest.open(&mut boxes, now_ms).unwrap();
    }
    assert_eq!(guests[3].open(&mut boxes, 3), Err(MailboxError::Full));
    // One that exists is not in its own way.
    guests[0].open(&mut boxes, 3).unwrap();
    guests[3].open(&mut boxes, LIFE).unwrap();
    assert_eq!(guests[4].open(&mut boxes, LIFE), Err(MailboxError::Full));
    assert_eq!(boxes.len(), 3);
    boxes.forget_expired(LIFE + 2);
    assert_eq!(boxes.len(), 1);
    boxes.forget_expired(2 * LIFE);
    assert!(boxes.is_empty());
    let mut none = Mailboxes::new(NODE, 0);
    assert_eq!(guests[0].open(&mut none, 0), Err(MailboxError::Full));
}

/// What is printed tells nothing of what lies there.
///
/// Clauses: PAIR-45.
#[test]
fn debug_shows_no_message() {
    let (mut boxes, guest) = (Mailboxes::new(NODE, 4), Guest::new(1));
    guest.open(&mut boxes, 0).unwrap();
    guest.leave(&mut boxes, 1, b"a sealed message", 0).unwrap();
    let printed = format!("{boxes:?}");
    assert!(!printed.contains("sealed") && !printed.contains("97, 32"), "{printed}");
}

/// Two devices that know of each other only what an invitation says.
///
/// Clauses: PAIR-41, PAIR-42, PAIR-43.
#[test]
fn two_devices_pair_through_a_mailbox() {
    use bulla_core::{EntryId, SpaceId};
    use bulla_identity::{DeviceKeys, OsRandomness};
    use bulla_pairing::{
        Approver, ApproverStep, Invitation, Invitations, Joiner, JoinerStep, MailboxKey, Message,
    };

    fn leave(boxes: &mut Mailboxes, key: &MailboxKey, message: &Message) {
        let (request, proof) = key.leave(NODE, message);
        let answer = boxes.ask(&request, message.as_bytes(), &proof, 10);
        assert_eq!(answer, Ok(MailboxAnswer::Done));
    }

    fn fetch(boxes: &mut Mailboxes, key: &MailboxKey, number: Option<u8>) -> Bytes {
        let (request, proof) = key.fetch(NODE, number.expect("a message is awaited"));
        match boxes.ask(&request, b"", &proof, 11) {
            Ok(MailboxAnswer::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    let device = |seed: u8| DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed + 1; 32]);
    let (host, guest, random) = (device(1), device(3), OsRandomness);
    let (mut boxes, mut register) = (Mailboxes::new(NODE, 4), Invitations::new());
    let offered =
        register.invite(host.author(), SpaceId([5; 32]), None, 1_000, 0, &random).unwrap();
    let at_host = offered.mailbox();
    let (request, proof) = at_host.open(NODE);
    boxes.ask(&request, b"", &proof, 9).unwrap();

    let scanned: Invitation = offered.to_text().parse().unwrap();
    let at_guest = scanned.mailbox();
    let (mut joiner, message) = Joiner::begin(&scanned, &guest, "guest", &random).unwrap();
    leave(&mut boxes, &at_guest, &message);
    let message = fetch(&mut boxes, &at_host, Some(1));
    let (mut approver, message) =
        Approver::begin(&mut register, &offered.id(), &host, "host", &message, 12, &random)
            .unwrap();
    leave(&mut boxes, &at_host, &message);
    let message = fetch(&mut boxes, &at_guest, joiner.awaits());
    let Ok(JoinerStep::Send(message)) = joiner.receive(&message, &random) else {
        panic!("message 2 is answered");
    };
    leave(&mut boxes, &at_guest, &message);
    let message = fetch(&mut boxes, &at_host, approver.awaits());
    let Ok(ApproverStep::Compare { message, .. }) = approver.receive(&message, &random) else {
        panic!("message 3 is answered");
    };
    leave(&mut boxes, &at_host, &message);
    let message = fetch(&mut boxes, &at_guest, joiner.awaits());
    joiner.receive(&message, &random).unwrap();
    assert!(joiner.code().is_some() && joiner.code() == approver.code());
    leave(&mut boxes, &at_guest, &joiner.confirm(&guest, &random).unwrap());
    let message = fetch(&mut boxes, &at_host, approver.awaits());
    approver.receive(&message, &random).unwrap();
    let typed = joiner.code().unwrap().to_string();
    let approved = approver.approve(&typed, &mut register, 13).unwrap();
    let message = approved.approval(&host, EntryId([6; 32]), &[7; 3_904], &random).unwrap();
    leave(&mut boxes, &at_host, &message);
    let message = fetch(&mut boxes, &at_guest, joiner.awaits());
    let Ok(JoinerStep::Approved(approval)) = joiner.receive(&message, &random) else {
        panic!("message 6 approves");
    };
    assert_eq!(approval.grant, EntryId([6; 32]));
    let (request, proof) = at_guest.close(NODE);
    boxes.ask(&request, b"", &proof, 14).unwrap();
    assert!(boxes.is_empty());
}

/// Against the obvious way to keep them, over a long run of everything that can be asked.
///
/// Clauses: PAIR-43, PAIR-44, PAIR-45.
#[test]
fn a_long_run_agrees_with_a_simple_model() {
    let (mut boxes, guests) = (Mailboxes::new(NODE, 3), (0..5).map(Guest::new).collect::<Vec<_>>());
    let mut model: BTreeMap<usize, (u64, BTreeMap<u8, Vec<u8>>)> = BTreeMap::new();
    let mut closed: Vec<(usize, u64)> = Vec::new();
    let mut random = blake3::Hasher::new().update(b"mailboxes").finalize_xof();
    let mut now_ms = 0;
    let mut refusals = 0;
    for _ in 0..3_000 {
        let mut draw = [0; 4];
        random.fill(&mut draw);
        let [who, what, slot, step] = draw;
        let (who, slot, text) = (usize::from(who) % 5, 1 + slot % 8, [slot / 128]);
        now_ms += u64::from(step) * 400;
        model.retain(|_, (opened, _)| now_ms - *opened < LIFE);
        closed.retain(|(_, opened)| now_ms - *opened < LIFE);
        closed.drain(..closed.len().saturating_sub(3));
        let room = model.len() < 3;
        let (guest, known) = (&guests[who], model.get_mut(&who));
        let (actual, expected) = match (what % 8, known) {
            (0, Some(_)) => (guest.open(&mut boxes, now_ms), Ok(MailboxAnswer::Done)),
            (0, None) if closed.iter().any(|(one, _)| *one == who) => {
                (guest.open(&mut boxes, now_ms), Err(MailboxError::Unknown))
            }
            (0, None) if room => {
                model.insert(who, (now_ms, BTreeMap::new()));
                (guest.open(&mut boxes, now_ms), Ok(MailboxAnswer::Done))
            }
            (0, None) => (guest.open(&mut boxes, now_ms), Err(MailboxError::Full)),
            (1, known) => {
                let expected = known.map(|_| MailboxAnswer::Done).ok_or(MailboxError::Unknown);
                closed.extend(model.remove(&who).map(|(opened, _)| (who, opened)));
                (guest.ask(&mut boxes, MailboxOperation::Close, b"", now_ms), expected)
            }
            (2..=4, known) => {
                let expected = match known {
                    None => Err(MailboxError::Unknown),
                    Some((_, slots)) => {
                        let held = slots.entry(slot).or_insert_with(|| text.to_vec());
                        if *held == text {
                            Ok(MailboxAnswer::Done)
                        } else {
                            Err(MailboxError::Taken)
                        }
                    }
                };
                (guest.leave(&mut boxes, slot, &text, now_ms), expected)
            }
            (_, known) => {
                let expected = known.ok_or(MailboxError::Unknown).map(|(_, slots)| {
                    slots.get(&slot).map_or(MailboxAnswer::Empty, |held| {
                        MailboxAnswer::Message(Bytes::copy_from_slice(held))
                    })
                });
                (guest.fetch(&mut boxes, slot, now_ms), expected)
            }
        };
        refusals += usize::from(expected.is_err());
        assert_eq!(actual, expected);
        assert_eq!(boxes.len(), model.len());
    }
    assert!((300..2_700).contains(&refusals), "{refusals}: both ways were gone");
}
