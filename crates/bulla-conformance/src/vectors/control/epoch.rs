//! Key epochs (CTL-30).

use bulla_core::control::{Epoch, Recipient};
use bulla_core::{EntryId, KeyId};

use super::parts::{bad, bounds, count, device, good, id, key, lengths, lists, unexpected, zero};
use crate::vectors::element::Element::{self, Array, Null, Number};
use crate::vectors::{Case, Random};

fn epoch() -> Epoch {
    Epoch {
        group: EntryId::ZERO,
        parents: vec![id(1), id(2)],
        key_id: KeyId(key(0x55)),
        recipients: vec![recipient(3), recipient(6)],
        inherited: Random::new("control inherited").bytes(120),
    }
}

fn recipient(number: u8) -> Recipient {
    let sealed = Random::new(&format!("control sealed {number}")).array();
    Recipient { device: device(number), sealed }
}

fn recipient_element(device: [u8; 32]) -> Element {
    Array(vec![Element::of(device), Element::of(recipient(3).sealed)])
}

pub(super) fn base() -> Element {
    let epoch = epoch();
    Array(vec![
        Number(1),
        Element::of(epoch.group),
        Array(epoch.parents.iter().map(Element::of).collect()),
        Element::of(epoch.key_id),
        Array(vec![recipient_element(key(3)), recipient_element(key(6))]),
        Element::of(epoch.inherited),
    ])
}

pub(super) fn valid() -> Vec<Case> {
    let first = Epoch { parents: Vec::new(), recipients: vec![recipient(3)], ..epoch() };
    let inherited = |bytes: usize| Epoch { inherited: vec![0x11; bytes], ..first.clone() };
    vec![
        good("two parents, two recipients", epoch()),
        good("the first epoch of a space", first.clone()),
        good("an epoch of a group", Epoch { group: id(8), ..epoch() }),
        good("64 parents", Epoch { parents: (1..=64).map(id).collect(), ..epoch() })
            .flag("Boundary"),
        good("64 recipients", Epoch { recipients: (1..=64).map(recipient).collect(), ..epoch() }),
        good("16 bytes inherited", inherited(16)).flag("Boundary"),
        good("4,096 bytes inherited", inherited(4_096)).flag("Boundary"),
        good(
            "its own key id as a parent, which is another thing",
            Epoch { parents: vec![EntryId(key(0x55))], ..epoch() },
        ),
    ]
}

pub(super) fn refused() -> Vec<Case> {
    let with = |path: &[usize], value| base().with(path, value);
    let mut cases = lengths("group", &base(), &[1], 32);
    cases.push(unexpected("group null", &with(&[1], Null)));
    cases.extend(lists("parents", &base(), &[2], 64, &Element::of));
    cases.extend(lengths("key id", &base(), &[3], 32));
    cases.push(unexpected("key id null", &with(&[3], Null)));
    cases.extend(lists("recipients", &base(), &[4], 8_192, &recipient_element));
    let inherited = |bytes: usize| with(&[5], Element::of(vec![1; bytes]));
    let no_key = with(&[3], Element::of([0; 32]));
    cases.extend([
        bounds("a parent of 31 bytes", &with(&[2, 0], Element::of([1; 31]))),
        bad("key id of zeros", "epoch.key_id", "CTL-30", &no_key),
        bounds("no recipient", &with(&[4], Array(Vec::new()))).flag("Boundary"),
        count(
            "a recipient without what is sealed to it",
            &base().with(&[4, 0], recipient_element(key(3)).without(1)),
        ),
        count(
            "a recipient of three elements",
            &base().with(&[4, 0], recipient_element(key(3)).and(Null)),
        ),
        bounds("device of a recipient of 33 bytes", &with(&[4, 0, 0], Element::of([3; 33]))),
        bounds("79 bytes sealed", &with(&[4, 1, 1], Element::of([3; 79]))).flag("Boundary"),
        bounds("81 bytes sealed", &with(&[4, 1, 1], Element::of([3; 81]))).flag("Boundary"),
        unexpected("sealed as an array", &with(&[4, 1, 1], Array(vec![Null; 80]))),
        unexpected("inherited null", &with(&[5], Null)),
        bounds("15 bytes inherited", &inherited(15)).flag("Boundary"),
        bounds("nothing inherited", &inherited(0)),
        bounds("4,097 bytes inherited", &inherited(4_097)).flag("Boundary"),
        zero(
            "key id of zeros, a parent of zeros",
            &no_key.clone().with(&[2, 0], Element::of([0; 32])),
        )
        .flag("Order"),
        bad(
            "key id of zeros, recipients descending",
            "control.order",
            "CTL-4",
            &no_key.clone().with(&[4, 0], recipient_element(key(9))),
        )
        .flag("Order"),
        bounds("key id of zeros, too little inherited", &no_key.with(&[5], Element::of([1; 15])))
            .flag("Order"),
        bounds(
            "parents descending, no recipient",
            &with(&[2, 0], Element::of(key(9))).with(&[4], Array(Vec::new())),
        )
        .flag("Order"),
        bad(
            "parents descending, a recipient of zeros",
            "control.order",
            "CTL-4",
            &with(&[2, 0], Element::of(key(9))).with(&[4, 0], recipient_element([0; 32])),
        )
        .flag("Order"),
    ]);
    cases
}
