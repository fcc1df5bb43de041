//! Key groups (CTL-50).

use bulla_core::EntryId;
use bulla_core::control::Group;

use super::parts::{
    bad, bounds, device, good, id, key, label, labels, lengths, lists, removed, removed_cases,
    removed_element, unexpected, unordered,
};
use crate::vectors::Case;
use crate::vectors::element::Element::{self, Array, Null, Number};

fn change() -> Group {
    Group {
        group: id(8),
        label: None,
        added: vec![device(1), device(3)],
        removed: vec![removed(2), removed(4)],
    }
}

pub(super) fn base() -> Element {
    Array(vec![
        Number(1),
        Element::of(key(8)),
        Null,
        Array(vec![Element::of(key(1)), Element::of(key(3))]),
        Array(vec![removed_element(key(2)), removed_element(key(4))]),
    ])
}

pub(super) fn valid() -> Vec<Case> {
    let founding = Group { group: EntryId::ZERO, removed: Vec::new(), ..change() };
    let nothing = Group { added: Vec::new(), removed: Vec::new(), ..change() };
    vec![
        good("two devices added, two removed", change()),
        good("a group is founded", Group { label: Some(label()), ..founding.clone() }),
        good("a group is founded without members", Group { added: Vec::new(), ..founding }),
        good("another label and nothing else", Group { label: Some(label()), ..nothing.clone() }),
        good("nothing is changed", nothing),
        good("100 devices added", Group { added: (100..200).map(device).collect(), ..change() }),
    ]
}

pub(super) fn refused() -> Vec<Case> {
    let with = |path: &[usize], value| base().with(path, value);
    let both = |comment: &str, payload: &Element| bad(comment, "group.both", "CTL-50", payload);
    let founding = with(&[1], Element::of([0; 32]));
    let mut cases = lengths("group", &base(), &[1], 32);
    cases.push(unexpected("group null", &with(&[1], Null)));
    cases.extend(labels(&base(), &[2]));
    cases.extend(lists("added", &base(), &[3], 1_024, &Element::of));
    cases.push(bounds("a device of 33 bytes added", &with(&[3, 1], Element::of([9; 33]))));
    cases.extend(removed_cases("removed", &base(), &[4]));
    cases.extend([
        both("the last of both lists", &with(&[3, 1], Element::of(key(4)))),
        both("the first of both lists", &with(&[4, 0], removed_element(key(1)))),
        bad("a founding entry that removes", "group.founding", "CTL-50", &founding),
        both(
            "a founding entry that adds and removes one device",
            &founding.with(&[3, 1], Element::of(key(4))),
        )
        .flag("Order"),
        unordered(
            "a device in both, removed descending",
            &with(&[4], Array(vec![removed_element(key(3)), removed_element(key(1))])),
        )
        .flag("Order"),
        unordered(
            "added descending, removed too",
            &with(&[3, 0], Element::of(key(7))).with(&[4, 0], removed_element(key(7))),
        )
        .flag("Order"),
    ]);
    cases
}
