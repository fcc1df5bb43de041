//! Recovery entries (CTL-70).

use bulla_core::control::Recovery;
use bulla_core::genesis::RecoveryKey;
use bulla_core::{AuthorKey, InvitationId, SealingKey, SpaceId};

use super::parts::{
    bad, bounds, card, card_for, context, count, good, key, newcomer, removed, removed_cases,
    removed_element, unexpected,
};
use crate::vectors::Case;
use crate::vectors::element::Element::{self, Array, Null, Number};
use crate::vectors::keys::{SMALL_ORDER, hex};

fn whole() -> Recovery {
    Recovery {
        device: Some(card()),
        revoked: vec![removed(2), removed(4)],
        next: Some(RecoveryKey {
            author: AuthorKey(key(0x61)),
            sealing_key: SealingKey(key(0x62)),
        }),
    }
}

pub(super) fn base() -> Element {
    Array(vec![
        Number(1),
        Element::of(card().to_bytes()),
        Array(vec![removed_element(key(2)), removed_element(key(4))]),
        Array(vec![Element::of(key(0x61)), Element::of(key(0x62))]),
    ])
}

pub(super) fn valid() -> Vec<Case> {
    vec![
        good("a device, two revocations and the next key", whole()),
        good("a device alone", Recovery { revoked: Vec::new(), next: None, ..whole() }),
        good("the next key alone", Recovery { device: None, revoked: Vec::new(), ..whole() }),
        good("revocations and the next key", Recovery { device: None, ..whole() }),
        good("a device and revocations", Recovery { next: None, ..whole() }),
    ]
}

pub(super) fn refused() -> Vec<Case> {
    let with = |path: &[usize], value| base().with(path, value);
    let of = |bytes: Vec<u8>| Element::of(bytes);
    let elsewhere = card_for(&newcomer(), SpaceId(key(9)), InvitationId::ZERO).to_bytes();
    let mut changed = card().to_bytes();
    changed[150] ^= 1;
    let neither = with(&[1], Null).with(&[3], Null);
    let space = |comment: &str, payload: &Element| bad(comment, "grant.space", "CTL-10", payload);
    let mut cases = vec![
        unexpected("device as an array", &with(&[1], Array(Vec::new()))),
        bounds("device of 205 bytes", &with(&[1], of([card().to_bytes(), vec![0]].concat())))
            .flag("Boundary"),
        bad(
            "a bare key as the device",
            "cbor.unexpected",
            "CBOR-9",
            &with(&[1], of([vec![0x58, 0x1e], vec![1; 30]].concat())),
        ),
        bad(
            "a cut card",
            "cbor.truncated",
            "CBOR-2",
            &with(&[1], of(card().to_bytes()[..203].to_vec())),
        ),
        bad("a changed card", "joining_card.signature", "PAIR-3", &with(&[1], of(changed))),
        space("a card for another space", &with(&[1], of(elsewhere.clone()))),
    ];
    cases.extend(removed_cases("revoked", &base(), &[2]));
    cases.extend([
        unexpected("next as bytes", &with(&[3], Element::of(key(0x61)))),
        count("next of one key", &with(&[3], Array(vec![Element::of(key(0x61))]))),
        count("next of three keys", &with(&[3], Array(vec![Element::of(key(0x61)); 3]))),
        bounds("next: Ed25519 key of 31 bytes", &with(&[3, 0], Element::of([1; 31]))),
        bounds("next: X25519 key of 33 bytes", &with(&[3, 1], Element::of([1; 33]))),
        bad("neither device nor next", "recovery.empty", "CTL-70", &neither),
        bad(
            "nothing at all",
            "recovery.empty",
            "CTL-70",
            &neither.clone().with(&[2], Array(Vec::new())),
        ),
    ]);
    let author = context().author.0;
    let device = newcomer();
    let same = [
        ("zero", [0; 32]),
        ("the author's", author),
        ("the card's Ed25519 key", device.author().0),
        ("the card's X25519 key", device.sealing.0),
    ];
    for (what, key) in same {
        for (place, name) in [(0, "Ed25519"), (1, "X25519")] {
            let comment = format!("next: {name} key {what}");
            let payload = with(&[3, place], Element::of(key));
            cases.push(bad(&comment, "recovery.next", "CTL-70", &payload));
        }
    }
    for (point, digits) in SMALL_ORDER.into_iter().filter(|(point, _)| *point != "0") {
        let payload = with(&[3, 1], Element::of(hex(digits)));
        let comment = format!("next: X25519 key {point}");
        cases.push(bad(&comment, "recovery.next", "CTL-70", &payload));
    }
    cases.extend([
        bad(
            "next: one key twice",
            "recovery.next",
            "CTL-70",
            &with(&[3, 1], Element::of(key(0x61))),
        ),
        bad(
            "next: one key twice, no card",
            "recovery.next",
            "CTL-70",
            &with(&[1], Null).with(&[3, 1], Element::of(key(0x61))),
        ),
        space(
            "a card for another space, next of zeros",
            &with(&[1], of(elsewhere.clone())).with(&[3, 0], Element::of([0; 32])),
        )
        .flag("Order"),
        bad(
            "a card for another space, revoked descending",
            "control.order",
            "CTL-4",
            &with(&[1], of(elsewhere)).with(&[2, 0], removed_element(key(9))),
        )
        .flag("Order"),
        bad(
            "neither device nor next, revoked descending",
            "control.order",
            "CTL-4",
            &neither.with(&[2, 0], removed_element(key(9))),
        )
        .flag("Order"),
    ]);
    cases
}
