//! Grants (CTL-10).

use bulla_core::control::{Grant, GrantedDevice, Role};
use bulla_core::{InvitationId, JoiningCard, SpaceId, domain};

use super::parts::{
    bad, bounds, card, card_for, context, device, good, key, label, labels, newcomer, roles,
    unexpected, zero,
};
use crate::vectors::Case;
use crate::vectors::element::Element::{self, Array, Null, Number, Text};
use crate::vectors::keys::SMALL_ORDER;
use crate::vectors::sample::Device;

pub(super) fn base() -> Element {
    Array(vec![Number(1), Element::of(card().to_bytes()), Number(3), Null])
}

pub(super) fn valid() -> Vec<Case> {
    let grant = |device, role, label| Grant { device, role, label };
    let of = |card: JoiningCard| GrantedDevice::Card(card);
    let uninvited = card_for(&newcomer(), context().space, InvitationId::ZERO);
    let own = card_for(&Device::new("control author"), context().space, InvitationId::ZERO);
    let mut cases = vec![
        good("a writer by its card, with a label", grant(of(card()), Role::Writer, Some(label()))),
        good("without a label", grant(of(card()), Role::Writer, None)),
        good("a card without an invitation", grant(of(uninvited), Role::Admin, None)),
        good("a relay by its card", grant(of(card()), Role::Relay, None)),
        good("a relay by its bare key", grant(GrantedDevice::Node(device(4)), Role::Relay, None)),
        good(
            "a relay by its bare key, with a label",
            grant(GrantedDevice::Node(device(4)), Role::Relay, Some(label())),
        ),
        good("the author itself, which counts for nothing", grant(of(own), Role::Reader, None)),
    ];
    cases.push(good("a reader", grant(of(card()), Role::Reader, None)));
    cases
}

/// The card's six elements, signed by `signer` over what they are.
fn signed(parts: &[Element; 5], signer: &Device) -> Vec<u8> {
    let message = [domain::SIGN_JOINING_CARD, &Array(parts.to_vec()).to_bytes()].concat();
    let signature = Element::of(signer.sign(&message));
    Array([parts.as_slice(), &[signature]].concat()).to_bytes()
}

fn parts() -> [Element; 5] {
    let device = newcomer();
    [
        Number(1),
        Element::of(context().space),
        Element::of(device.author()),
        Element::of(device.sealing),
        Element::of(key(0x77)),
    ]
}

fn card_parts(place: usize, value: Element) -> Vec<u8> {
    let mut parts = parts();
    parts[place] = value;
    signed(&parts, &newcomer())
}

fn with_device(bytes: &[u8]) -> Element {
    base().with(&[1], Element::of(bytes))
}

pub(super) fn refused() -> Vec<Case> {
    let bytes = card().to_bytes();
    assert_eq!(bytes, signed(&parts(), &newcomer()), "both ways to make a card");
    let with = |value| base().with(&[1], value);
    let node = |role: u64| with(Element::of(key(4))).with(&[2], Number(role));
    let mut cases = vec![
        unexpected("device as an array", &with(Array(vec![Number(1)]))),
        unexpected("device null", &with(Null)),
        unexpected("device as text", &with(Text("node"))),
        bounds("device of 205 bytes", &with_device(&[bytes.clone(), vec![0]].concat()))
            .flag("Boundary"),
        zero("a node key of zeros", &with(Element::of([0; 32])).with(&[2], Number(1))),
        zero("a node key of zeros as a writer", &with(Element::of([0; 32]))).flag("Order"),
    ];
    for (role, name) in [(2, "reader"), (3, "writer"), (4, "admin")] {
        let comment = format!("a bare key as {name}");
        cases.push(bad(&comment, "grant.device", "CTL-10", &node(role)));
    }
    cases.extend(broken_cards(&bytes));
    cases.extend(roles(&base(), &[2]));
    cases.extend(labels(&base(), &[3]));
    let short = with_device(&bytes[..203]);
    cases.extend([
        bad(
            "a cut card, a role that is none",
            "cbor.truncated",
            "CBOR-2",
            &short.with(&[2], Number(9)),
        )
        .flag("Order"),
        bounds("a bare key, a role that is none", &node(9)).flag("Order"),
        unexpected("a bare key as writer, a label of another type", &node(3).with(&[3], Number(0)))
            .flag("Order"),
    ]);
    cases
}

fn broken_cards(bytes: &[u8]) -> Vec<Case> {
    let case = |comment: &str, code: &str, clause: &str, bytes: &[u8]| {
        bad(comment, code, clause, &with_device(bytes))
    };
    let signature =
        |comment: &str, bytes: &[u8]| case(comment, "joining_card.signature", "PAIR-3", bytes);
    let other = Device::new("control other");
    let elsewhere = card_for(&newcomer(), SpaceId(key(9)), InvitationId::ZERO).to_bytes();
    let mut flipped = bytes.to_vec();
    flipped[150] ^= 1;
    let mut swapped = bytes.to_vec();
    let sealing = bytes.windows(32).position(|part| part == newcomer().sealing.0);
    let sealing = sealing.expect("the card has its sealing key");
    swapped[sealing..sealing + 32].copy_from_slice(&other.sealing.0);
    let weak = card_parts(3, Element::of([0; 32]));
    let mut cases = vec![
        case("no bytes", "cbor.truncated", "CBOR-2", &[]),
        case("a cut card", "cbor.truncated", "CBOR-2", &bytes[..203]),
        case("33 bytes", "cbor.trailing", "CBOR-2", &[0; 33]),
        case("31 bytes", "cbor.trailing", "CBOR-2", &[0; 31]),
        case("a card that is no array", "cbor.unexpected", "CBOR-9", &[0x01]),
        case("a card without elements", "cbor.count", "CBOR-9", &[0x80]),
        case(
            "a card of five elements",
            "cbor.count",
            "CBOR-9",
            &Array(parts().to_vec()).to_bytes(),
        ),
        case("a card of version 2", "joining_card.version", "PAIR-1", &card_parts(0, Number(2))),
        case("a card whose invitation is null", "cbor.unexpected", "CBOR-9", &card_parts(4, Null)),
        case(
            "a card for a space of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            &card_parts(1, Element::of([1; 31])),
        ),
        signature("a card with a changed signature", &flipped),
        signature("a card with another device's sealing key", &swapped),
        signature("a card signed by another device", &signed(&parts(), &other)),
        signature(
            "a card with an Ed25519 key of small order",
            &card_parts(2, Element::of([0; 32])),
        ),
        case("a card for another space", "grant.space", "CTL-10", &elsewhere),
    ];
    for (name, digits) in SMALL_ORDER {
        let sealing = crate::vectors::keys::hex(digits);
        let comment = format!("a card with sealing key {name}");
        let card = card_parts(3, Element::of(sealing));
        cases.push(case(&comment, "joining_card.sealing_key", "PAIR-3", &card));
    }
    let mut both = weak;
    both[190] ^= 1;
    cases.extend([
        case(
            "a card with a weak sealing key and a changed signature",
            "joining_card.sealing_key",
            "PAIR-3",
            &both,
        )
        .flag("Order"),
        signature("a changed card for another space", &{
            let mut changed = elsewhere.clone();
            changed[170] ^= 1;
            changed
        })
        .flag("Order"),
        bad(
            "a card for another space, a role that is none",
            "cbor.bounds",
            "CBOR-10",
            &with_device(&elsewhere).with(&[2], Number(0)),
        )
        .flag("Order"),
    ]);
    cases
}
