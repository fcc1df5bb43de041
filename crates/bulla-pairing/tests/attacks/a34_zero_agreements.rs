//! A34: keys with which every agreement gives zero do not come in by pairing, on either side.

use bulla_core::cbor::Writer;
use bulla_core::{AuthorKey, InvitationId, SealingKey, domain};
use bulla_identity::OsRandomness;
use bulla_pairing::Joiner;
use ed25519_dalek::{Signer, SigningKey};

use super::support::{Forger, Host, SPACE, approver_hello, commitment, device, joiner_hello};

/// The points of small order on the curve and its twist, in each of their encodings.
fn small_order() -> Vec<[u8; 32]> {
    let near_p = |last: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (last, 0x7f);
        bytes
    };
    let eight: [u8; 32] = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let other: [u8; 32] = hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    let one = std::array::from_fn(|place| u8::from(place == 0));
    let mut points = vec![[0; 32], one, eight, other, near_p(0xec), near_p(0xed), near_p(0xee)];
    for place in 0..points.len() {
        let mut high = points[place];
        high[31] |= 0x80;
        points.push(high);
    }
    points
}

fn hex(digits: &str) -> [u8; 32] {
    let byte = |place: usize| u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// A joining card with any sealing key, well signed.
fn joining_card(key: &SigningKey, sealing_key: [u8; 32], invitation: InvitationId) -> Vec<u8> {
    let author = AuthorKey(key.verifying_key().to_bytes());
    let fields = |writer: &mut Writer| {
        writer.uint(1).bytes(SPACE).bytes(author).bytes(SealingKey(sealing_key)).bytes(invitation);
    };
    let mut message = Writer::new();
    message.array(5);
    fields(&mut message);
    let signature = key.sign(&[domain::SIGN_JOINING_CARD, message.as_bytes()].concat());
    let mut writer = Writer::new();
    writer.array(6);
    fields(&mut writer);
    writer.bytes(signature.to_bytes());
    writer.into_bytes()
}

/// Clauses: PAIR-3, PAIR-24.
#[test]
fn a34_a_joiner_with_such_a_key_is_refused() {
    let key = SigningKey::from_bytes(&[9; 32]);
    for point in small_order() {
        let mut host = Host::new();
        let id = host.id();
        let card = joining_card(&key, point, id);
        let hello = joiner_hello(&card, "x", &commitment(&id, 1, &card, &[1; 32]));
        let message = Forger::new(&host.invitation).seal(&hello);
        let refused = host.begin(&message).unwrap_err();
        assert_eq!(refused.code().as_str(), "joining_card.sealing_key", "{point:02x?}");
        // Nothing came of it: the invitation serves the next one.
        let (_, first) =
            Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
        host.begin(first.as_bytes()).unwrap();
    }
    // The same card with a usable key is taken.
    let mut host = Host::new();
    let id = host.id();
    let card = joining_card(&key, device(3).sealing_key().0, id);
    let hello = joiner_hello(&card, "x", &commitment(&id, 1, &card, &[1; 32]));
    let message = Forger::new(&host.invitation).seal(&hello);
    host.begin(&message).unwrap();
}

/// Clauses: CARD-3, PAIR-24.
#[test]
fn a34_an_approver_with_such_a_key_is_refused() {
    for point in small_order() {
        let host = Host::new();
        let (id, key) = (host.id(), SigningKey::from_bytes(&[1; 32]));
        let mut forger = Forger::new(&host.invitation);
        let (mut joiner, first) =
            Joiner::begin(&host.invitation, &device(2), "guest", &OsRandomness).unwrap();
        forger.open(first.as_bytes());
        let author = key.verifying_key().to_bytes();
        let mut message = Writer::new();
        message.array(4).uint(1).bytes(author).bytes(point).text("host");
        let signature = key.sign(&[domain::SIGN_CARD, message.as_bytes()].concat());
        let mut card = Writer::new();
        card.array(5).uint(1).bytes(author).bytes(point).text("host").bytes(signature.to_bytes());
        let card = card.into_bytes();
        let hello = approver_hello(&card, &commitment(&id, 2, &card, &[1; 32]));
        let refused = joiner.receive(&forger.seal(&hello), &OsRandomness).unwrap_err();
        assert_eq!(refused.code().as_str(), "card.sealing_key", "{point:02x?}");
        let after = joiner.receive(first.as_bytes(), &OsRandomness).unwrap_err();
        assert_eq!(after.code().as_str(), "pairing.over");
    }
}
