//! Erasures (CTL-60).

use bulla_core::Topic;
use bulla_core::control::{Erase, ErasedRange};

use super::parts::{
    TOO_HIGH, bad, bounds, count, device, good, id, key, lists, unexpected, unordered, zero,
};
use crate::vectors::Case;
use crate::vectors::element::Element::{self, Array, Null, Number};

fn range(author: u8, sequence: u64, topic: Option<u8>) -> ErasedRange {
    ErasedRange { author: device(author), sequence, topic: topic.map(|byte| Topic([byte; 16])) }
}

fn range_element(author: [u8; 32], sequence: u64, topic: Option<u8>) -> Element {
    let topic = topic.map_or(Null, |byte| Element::of([byte; 16]));
    Array(vec![Element::of(author), Number(sequence), topic])
}

pub(super) fn base() -> Element {
    Array(vec![
        Number(1),
        Array(vec![Element::of(key(1)), Element::of(key(2))]),
        Array(vec![range_element(key(3), 7, None), range_element(key(5), 9, Some(4))]),
    ])
}

pub(super) fn valid() -> Vec<Case> {
    let erase = |ids: Vec<u8>, ranges| Erase { ids: ids.into_iter().map(id).collect(), ranges };
    let steps = vec![
        range(3, 7, None),
        range(3, 7, Some(0)),
        range(3, 7, Some(1)),
        range(3, 8, None),
        range(4, 1, Some(0xff)),
    ];
    let edge = vec![range(3, 1, None), range(3, (1 << 63) - 1, None)];
    vec![
        good("ids and ranges", erase(vec![1, 2], vec![range(3, 7, None), range(5, 9, Some(4))])),
        good("one id", erase(vec![1], Vec::new())),
        good("one range of all topics", erase(Vec::new(), vec![range(3, 7, None)])),
        good("ranges by author, then sequence, then topic, none first", erase(Vec::new(), steps)),
        good("entries without a topic", erase(Vec::new(), vec![range(3, 7, Some(0))])),
        good("lowest and highest sequence", erase(Vec::new(), edge)).flag("Boundary"),
        good("200 ids", erase((1..=200).collect(), Vec::new())),
    ]
}

pub(super) fn refused() -> Vec<Case> {
    let with = |path: &[usize], value| base().with(path, value);
    let ranges = |ranges: Vec<Element>| base().with(&[2], Array(ranges));
    let mut cases = lists("ids", &base(), &[1], 4_096, &Element::of);
    cases.push(bounds("an id of 31 bytes", &with(&[1, 0], Element::of([1; 31]))));
    cases.extend(lists("ranges", &base(), &[2], 4_096, &|author| range_element(author, 7, None)));
    let pairs = [
        ("sequences descending", range_element(key(3), 8, None), range_element(key(3), 7, None)),
        ("topics descending", range_element(key(3), 7, Some(2)), range_element(key(3), 7, Some(1))),
        ("no topic after one", range_element(key(3), 7, Some(0)), range_element(key(3), 7, None)),
        ("one topic twice", range_element(key(3), 7, Some(1)), range_element(key(3), 7, Some(1))),
        ("sequence before author", range_element(key(4), 1, None), range_element(key(3), 2, None)),
        (
            "topic before sequence",
            range_element(key(3), 8, None),
            range_element(key(3), 7, Some(1)),
        ),
    ];
    for (comment, first, second) in pairs {
        cases.push(unordered(&format!("ranges: {comment}"), &ranges(vec![first, second])));
    }
    let neither = base().with(&[1], Array(Vec::new())).with(&[2], Array(Vec::new()));
    cases.extend([
        count(
            "a range without a topic's place",
            &with(&[2, 0], range_element(key(3), 7, None).without(2)),
        ),
        count("a range of four elements", &with(&[2, 0], range_element(key(3), 7, None).and(Null))),
        bounds("author of a range of 33 bytes", &with(&[2, 0, 0], Element::of([3; 33]))),
        unexpected("sequence of a range null", &with(&[2, 0, 1], Null)),
        bounds("sequence of a range 0", &with(&[2, 0, 1], Number(0))).flag("Boundary"),
        bounds("sequence of a range 2^63", &with(&[2, 0, 1], Number(TOO_HIGH))).flag("Boundary"),
        bounds("topic of a range of 15 bytes", &with(&[2, 0, 2], Element::of([1; 15]))),
        bounds("topic of a range of no bytes", &with(&[2, 0, 2], Element::of([]))),
        unexpected("topic of a range as an integer", &with(&[2, 0, 2], Number(0))),
        bad("neither ids nor ranges", "erase.empty", "CTL-60", &neither),
        unordered(
            "ids descending, an author of zeros",
            &with(&[1, 0], Element::of(key(9))).with(&[2, 0, 0], Element::of([0; 32])),
        )
        .flag("Order"),
        zero(
            "an id of zeros, ranges descending",
            &with(&[1, 0], Element::of([0; 32])).with(&[2, 0, 0], Element::of(key(9))),
        )
        .flag("Order"),
        bounds(
            "ids descending, sequence of a range 0",
            &with(&[1, 0], Element::of(key(9))).with(&[2, 0, 1], Number(0)),
        )
        .flag("Order"),
    ]);
    cases
}
