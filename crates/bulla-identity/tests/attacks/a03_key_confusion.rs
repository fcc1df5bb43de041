//! A03: no signed object passes for one of another type, even where one key signs them all.

use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MailboxOperation, MailboxRequest};
use bulla_core::{InvitationId, JoiningCard, Signature, SpaceId, Verifier, domain};
use bulla_identity::{Card, Initiator, verify_acknowledgement};
use ed25519_dalek::Signer;

use super::people::{acknowledgement, entry, header, pair, transcript};

/// Whether a signature is accepted as that of one type of object.
type Verifies<'a> = Box<dyn Fn(Signature) -> bool + 'a>;

#[test]
fn a03_each_signed_type_verifies_as_itself_only() {
    let (device, node) = pair(1);
    let fields = header(device.author());
    let raw = entry(&fields, &device);
    let login = transcript(device.peer_key(), node.node_id());
    let ack = acknowledgement(&node);
    let card = device.card("laptop").unwrap();
    let card_signature =
        Signature(card.to_bytes()[card.to_bytes().len() - 64..].try_into().unwrap());
    let transfer = [7; 32];
    let joining = device.joining_card(SpaceId([1; 32]), InvitationId([2; 32]));
    let joining_signature =
        Signature(joining.to_bytes()[joining.to_bytes().len() - 64..].try_into().unwrap());
    // The mailbox key is derived and nobody's identity; here it is the same key all the same.
    let mailbox = MailboxRequest {
        node: node.node_id(),
        address: MailboxAddress(device.author().0),
        operation: MailboxOperation::Open,
    };
    let mailbox_key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let mailbox_proof = Signature(mailbox_key.sign(&mailbox.signing_message()).to_bytes());

    let signatures = [
        raw.signature,
        device.sign_login(&login).unwrap(),
        node.answer_login(&login).unwrap(),
        ack.signature,
        card_signature,
        device.sign_key_transfer(&transfer),
        joining_signature,
        mailbox_proof,
    ];
    let verifiers: [(&str, Verifies<'_>); 8] = [
        (
            "entry",
            Box::new(|signature| {
                let raw = bulla_core::RawEntry { signature, ..raw.clone() };
                Verifier::new([0; 32]).verify(&fields.space, raw).is_ok()
            }),
        ),
        ("initiator", Box::new(|signature| login.verify_initiator(&signature).is_ok())),
        ("responder", Box::new(|signature| login.verify_responder(&signature).is_ok())),
        (
            "acknowledgement",
            Box::new(|signature| {
                let ack = bulla_core::values::Acknowledgement { signature, ..ack };
                verify_acknowledgement(&ack, &node.node_id()).is_ok()
            }),
        ),
        (
            "card",
            Box::new(|signature| {
                let mut bytes = card.to_bytes();
                let at = bytes.len() - 64;
                bytes[at..].copy_from_slice(&signature.0);
                Card::from_bytes(&bytes).is_ok()
            }),
        ),
        (
            "transfer",
            Box::new(|signature| {
                let message = [domain::SIGN_KEY_TRANSFER, &transfer].concat();
                bulla_core::verify::verify_signature(&device.author().0, &message, &signature)
                    .is_ok()
            }),
        ),
        (
            "joining card",
            Box::new(|signature| {
                let mut bytes = joining.to_bytes();
                let at = bytes.len() - 64;
                bytes[at..].copy_from_slice(&signature.0);
                JoiningCard::from_bytes(&bytes).is_ok()
            }),
        ),
        ("mailbox", Box::new(|signature| mailbox.verify(&signature).is_ok())),
    ];
    for (row, signature) in signatures.iter().enumerate() {
        for (column, (name, verifies)) in verifiers.iter().enumerate() {
            assert_eq!(verifies(*signature), row == column, "signature {row} as {name}");
        }
    }
}

/// The same 32 bytes under every domain: only the domain string keeps the objects apart.
#[test]
fn a03_equal_digests_under_different_domains_stay_apart() {
    let (device, _) = pair(2);
    let digest = [9; 32];
    let as_entry = device.sign_header(&bulla_core::HeaderDigest(digest));
    let as_transfer = device.sign_key_transfer(&digest);
    let domains = [
        domain::SIGN_ENTRY,
        domain::SIGN_LOGIN_INITIATOR,
        domain::SIGN_LOGIN_RESPONDER,
        domain::SIGN_ACKNOWLEDGEMENT,
        domain::SIGN_CARD,
        domain::SIGN_KEY_TRANSFER,
        domain::SIGN_JOINING_CARD,
        domain::SIGN_MAILBOX,
    ];
    for prefix in domains {
        let message = [prefix, &digest].concat();
        let holds = |signature| {
            bulla_core::verify::verify_signature(&device.author().0, &message, signature).is_ok()
        };
        assert_eq!(holds(&as_entry), prefix == domain::SIGN_ENTRY);
        assert_eq!(holds(&as_transfer), prefix == domain::SIGN_KEY_TRANSFER);
    }
}

/// Reads the source, so that a string added later is held to the rule too.
#[test]
fn a03_no_domain_string_begins_with_another() {
    let source = include_str!("../../../bulla-core/src/domain.rs");
    let strings: Vec<&str> = source
        .lines()
        .filter(|line| line.trim_start().starts_with("pub const"))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    assert!(strings.len() >= 20, "the list was read");
    for (index, one) in strings.iter().enumerate() {
        assert!(one.starts_with("bulla "), "{one:?}");
        for (other_index, other) in strings.iter().enumerate() {
            assert!(index == other_index || !other.starts_with(one), "{one:?} begins {other:?}");
        }
    }
}
