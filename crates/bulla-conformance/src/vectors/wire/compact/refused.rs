//! Bodies that are refused.

use bulla_core::EntryId;

use super::{Body, known};
use crate::vectors::Case;
use crate::vectors::wire::parts::{
    Array, Element, Null, Number, Raw, Said, Sample, Text, World, end, id, sequence,
};

/// Places of the elements of a compact entry (CMP-2), from 0.
const RECEIPT: usize = 1;
const AUTHOR: usize = 2;
const SEQUENCE: usize = 3;
const PREVIOUS: usize = 4;
const MILLISECONDS: usize = 5;
const COUNTER: usize = 6;
const KIND: usize = 7;
const TOPIC: usize = 8;
const DEPENDENCIES: usize = 9;
const KEY_ID: usize = 10;
const SALT: usize = 11;
const SIGNATURE: usize = 12;
const PAYLOAD: usize = 13;

pub(super) fn cases(world: &World) -> Vec<Case> {
    let chain = world.chain(3);
    let bodies =
        Bodies { first: chain[0].clone(), second: chain[1].clone(), third: chain[2].clone() };
    let mut cases = references(&bodies);
    cases.extend(previous(&bodies));
    cases.extend(bounds(&bodies));
    cases.extend(shapes(&bodies));
    cases
}

struct Bodies {
    first: Sample,
    second: Sample,
    third: Sample,
}

fn bad(comment: &str, code: &str, clause: &str, items: &[Element]) -> Case {
    let items = [items, &[end(items.len() as u64)]].concat();
    Case::invalid(comment, code, clause).hex("body", sequence(&items))
}

impl Bodies {
    /// The first entry alone, one element replaced.
    fn one(&self, path: &[usize], value: Element) -> Element {
        self.first.compact(0, &self.first.first()).with(path, value)
    }

    /// The first entry, then the second with one element replaced.
    fn two(&self, path: &[usize], value: Element) -> Vec<Element> {
        let second = known(0, self.second.after(&self.first));
        vec![
            self.first.compact(0, &self.first.first()),
            self.second.compact(0, &second).with(path, value),
        ]
    }
}

fn references(bodies: &Bodies) -> Vec<Case> {
    let none = |comment, items: &[Element]| bad(comment, "compact.reference", "CMP-5", items);
    let spelled = |comment, items: &[Element]| bad(comment, "compact.not_shortest", "CMP-5", items);
    let header = &bodies.first.header;
    vec![
        none("author 0 of an empty table", &[bodies.one(&[AUTHOR], Number(0))]),
        none("author 1 of a table of one", &bodies.two(&[AUTHOR], Number(1))),
        none("author 2^64 - 1", &[bodies.one(&[AUTHOR], Number(u64::MAX))]),
        none("topic 1 where there is the zero topic only", &[bodies.one(&[TOPIC], Number(1))]),
        none("topic 2 of a table of two", &bodies.two(&[TOPIC], Number(2))),
        none("key id 1 where there is the zero key id only", &[bodies.one(&[KEY_ID], Number(1))]),
        none("key id 2^32", &bodies.two(&[KEY_ID], Number(1 << 32))),
        none(
            "the author of a plain entry is in no table",
            &[
                bodies.first.plain(0),
                bodies.second.compact(0, &known(0, 2 * (bodies.second.header.timestamp >> 16))),
            ],
        ),
        spelled("an author spelled out twice", &bodies.two(&[AUTHOR], Element::of(header.author))),
        spelled("a topic spelled out twice", &bodies.two(&[TOPIC], Element::of(header.topic))),
        spelled("a key id spelled out twice", &bodies.two(&[KEY_ID], Element::of(header.key_id))),
        spelled("the zero topic spelled out", &[bodies.one(&[TOPIC], Element::of([0; 16]))]),
        spelled("the zero key id spelled out", &[bodies.one(&[KEY_ID], Element::of([0; 32]))]),
    ]
}

fn previous(bodies: &Bodies) -> Vec<Case> {
    let none = |comment, items: &[Element]| bad(comment, "compact.reference", "CMP-6", items);
    let spelled = |comment, items: &[Element]| bad(comment, "compact.not_shortest", "CMP-6", items);
    let third = |previous: Element| {
        let said = Said { previous, ..known(0, bodies.third.after(&bodies.first)) };
        vec![bodies.first.compact(0, &bodies.first.first()), bodies.third.compact(0, &said)]
    };
    let second = bodies.second.compact(0, &bodies.second.first());
    let back = Said { previous: Element::of(bodies.first.id()), ..bodies.second.first() };
    vec![
        none("nothing before sequence 2", &[second]),
        none("a gap", &third(Number(0))),
        none(
            "the same sequence again",
            &[bodies.second.compact(0, &back), bodies.second.compact(0, &known(0, 0))],
        ),
        none(
            "the entry before is another author's",
            &[
                bodies.first.compact(0, &bodies.first.first()),
                bodies
                    .second
                    .compact(0, &known(0, bodies.second.after(&bodies.first)))
                    .with(&[AUTHOR], Element::of(id("another author"))),
            ],
        ),
        spelled("zero before sequence 1", &[bodies.one(&[PREVIOUS], Element::of(EntryId::ZERO))]),
        spelled(
            "the id of the entry before",
            &bodies.two(&[PREVIOUS], Element::of(bodies.first.id())),
        ),
        bad("previous 1", "cbor.bounds", "CBOR-10", &[bodies.one(&[PREVIOUS], Number(1))]),
        bad("previous of 31 bytes", "cbor.bounds", "CBOR-10", &third(Element::of([1; 31]))),
        bad("previous of no bytes", "cbor.bounds", "CBOR-10", &third(Element::of([]))),
        bad("previous null", "cbor.unexpected", "CBOR-9", &third(Null)),
        bad(
            "no previous entry, and nothing implied",
            "cbor.unexpected",
            "CBOR-9",
            &third(Text("")),
        ),
    ]
}

fn bounds(bodies: &Bodies) -> Vec<Case> {
    let one = |comment, path: &[usize], value| {
        bad(comment, "cbor.bounds", "CBOR-10", &[bodies.one(path, value)]).flag("Boundary")
    };
    let two = |comment, path: &[usize], value| {
        bad(comment, "cbor.bounds", "CBOR-10", &bodies.two(path, value)).flag("Boundary")
    };
    let start = bodies.first.header.timestamp >> 16;
    let body =
        |length, hash: &[u8], state| Array(vec![Number(length), Element::of(hash), Number(state)]);
    let many = Array((0_u64..65).map(|n| Element::of(id(&n.to_string()))).collect());
    vec![
        one("author of 31 bytes", &[AUTHOR], Element::of([1; 31])),
        one("author of 33 bytes", &[AUTHOR], Element::of([1; 33])),
        one("topic of 32 bytes", &[TOPIC], Element::of([1; 32])),
        one("key id of 16 bytes", &[KEY_ID], Element::of([1; 16])),
        one("sequence 2^63", &[SEQUENCE], Number(1 << 63)),
        one("milliseconds below zero at the start", &[MILLISECONDS], Number(1)),
        one("milliseconds 2^47", &[MILLISECONDS], Number(1 << 48)),
        one("milliseconds 2^64 - 1: down by 2^63", &[MILLISECONDS], Number(u64::MAX)),
        one("milliseconds 2^64 - 2: up by 2^63 - 1", &[MILLISECONDS], Number(u64::MAX - 1)),
        two("milliseconds to just below zero", &[MILLISECONDS], Number(2 * (start + 1) - 1)),
        two("milliseconds to 2^47", &[MILLISECONDS], Number(2 * ((1 << 47) - start))),
        one("counter 65,536", &[COUNTER], Number(65_536)),
        one("kind 65,536", &[KIND], Number(65_536)),
        one("65 dependencies", &[DEPENDENCIES], many),
        one("a dependency of 31 bytes", &[DEPENDENCIES], Array(vec![Element::of([1; 31])])),
        one("salt of 23 bytes", &[SALT], Element::of([1; 23])),
        one("signature of 63 bytes", &[SIGNATURE], Element::of([1; 63])),
        one("payload length of 1 MiB and 1", &[PAYLOAD], body(1_048_577, &[1; 32], 1)),
        one("content hash of 33 bytes", &[PAYLOAD], body(1, &[1; 33], 1)),
        one("payload state 2 without an id", &[PAYLOAD], body(1, &[1; 32], 2)),
        one("payload state 4", &[PAYLOAD], body(1, &[1; 32], 4)),
        one(
            "payload state 1 with an id",
            &[PAYLOAD],
            Array(vec![
                Number(1),
                Element::of([1; 32]),
                Array(vec![Number(1), Element::of([1; 32])]),
            ]),
        ),
        one("receipt 2^63", &[RECEIPT], Number(1 << 63)),
        bad("a receipt in a put", "wire.receipts", "WIRE-17", &[bodies.one(&[RECEIPT], Number(1))]),
    ]
}

fn shapes(bodies: &Bodies) -> Vec<Case> {
    let unexpected = |comment, path: &[usize], value| {
        bad(comment, "cbor.unexpected", "CBOR-9", &[bodies.one(path, value)])
    };
    let item = bodies.first.compact(0, &bodies.first.first());
    let good = sequence(&[item.clone(), end(1)]);
    let raw = |comment, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("body", bytes)
    };
    let count = |comment, item: Element| bad(comment, "cbor.count", "CBOR-9", &[item]);
    let body = |elements: Vec<Element>| bodies.one(&[PAYLOAD], Array(elements));
    let full = || vec![Number(1), Element::of([1; 32]), Number(1)];
    vec![
        unexpected("author as text", &[AUTHOR], Text("author")),
        unexpected("author null", &[AUTHOR], Null),
        unexpected("sequence as bytes", &[SEQUENCE], Element::of([1])),
        unexpected("milliseconds null", &[MILLISECONDS], Null),
        unexpected("topic as an array", &[TOPIC], Array(Vec::new())),
        unexpected("dependencies null", &[DEPENDENCIES], Null),
        unexpected("a dependency as a number", &[DEPENDENCIES], Array(vec![Number(0)])),
        unexpected("salt as text", &[SALT], Text("x")),
        unexpected("payload as text", &[PAYLOAD], Text("payload")),
        unexpected("payload null", &[PAYLOAD], Null),
        unexpected(
            "payload length as bytes",
            &[PAYLOAD],
            Array(vec![Element::of([1]), Element::of([1; 32]), Number(1)]),
        ),
        count("13 elements", item.clone().without(PAYLOAD)),
        bad("15 elements", "cbor.bounds", "CBOR-10", &[item.clone().and(Number(0))]),
        count("a payload left out without its state", body(full()[..2].to_vec())),
        count("a payload left out with more", body([full(), vec![Number(0)]].concat())),
        bad(
            "a negative number for milliseconds",
            "cbor.type",
            "CBOR-5",
            &[bodies.one(&[MILLISECONDS], Raw(vec![0x20]))],
        ),
        bad(
            "a sequence not in its shortest form",
            "cbor.not_shortest",
            "CBOR-3",
            &[bodies.one(&[SEQUENCE], Raw(vec![0x18, 0x01]))],
        ),
        raw("cut inside an entry", "wire.truncated", "WIRE-11", good[..100].to_vec()),
        raw(
            "cut before the end item",
            "wire.truncated",
            "WIRE-11",
            good[..good.len() - 3].to_vec(),
        ),
        raw("nothing", "wire.truncated", "WIRE-11", Vec::new()),
        bad(
            "a fault in the second of two entries",
            "compact.reference",
            "CMP-5",
            &bodies.two(&[AUTHOR], Number(7)),
        ),
        raw("a body that counts one entry too few", "wire.count", "WIRE-11", {
            let one = Body::new().compact(&bodies.first, &bodies.first.first());
            sequence(&[one.items, vec![end(0)]].concat())
        }),
    ]
}
