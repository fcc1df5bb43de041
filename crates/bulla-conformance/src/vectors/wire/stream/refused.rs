//! Bodies that are refused.

use bulla_core::values::{Cursor, PayloadState};

use super::good::header_only;
use super::{bad, bounded, group};
use crate::vectors::wire::parts::{
    Array, Bool, Element, Map, Null, Number, Raw, Sample, Text, World, cursor, end, id, page_end,
    sequence,
};
use crate::vectors::{Case, Group};

pub(super) fn groups(world: &World) -> Vec<Group> {
    let first = world.chain(1).remove(0);
    vec![
        group("put", world).cases(ends(&first)),
        group("put", world).cases(items(&first)),
        group("put", world).cases(plain(&first)),
        group("put", world).cases(lengths()),
        group("put", world).cases(errors(&first)),
        bounded("put", world, 2, 300, 0).cases(too_much_put(&first)),
        group("get", world).cases(get(&first)),
        bounded("get", world, 2, 100, 0).cases(too_much_get(&first)),
        group("scan", world).cases(scan(&first)),
        bounded("scan", world, 65_536, 16_777_216, 41).cases(scan_after(&first)),
        bounded("scan", world, 2, 40, 0).cases(too_much_scan()),
    ]
}

fn at(receipt: u64) -> Cursor {
    cursor("stream", receipt)
}

fn raw(comment: &str, code: &str, clause: &str, bytes: Vec<u8>) -> Case {
    Case::invalid(comment, code, clause).hex("body", bytes)
}

fn ends(first: &Sample) -> Vec<Case> {
    let whole = sequence(&[first.plain(0), end(1)]);
    let truncated = |comment, bytes: Vec<u8>| raw(comment, "wire.truncated", "WIRE-11", bytes);
    let trailing = |comment, items: &[Element]| bad(comment, "wire.trailing", "WIRE-11", items);
    let count = |comment, items: &[Element]| bad(comment, "wire.count", "WIRE-11", items);
    let shape = |comment, item: Element| bad(comment, "cbor.count", "CBOR-9", &[item]);
    vec![
        truncated("nothing", Vec::new()),
        truncated("no end item", sequence(&[first.plain(0)])),
        truncated("cut in the head of the first item", whole[..1].to_vec()),
        truncated("cut inside a header", whole[..60].to_vec()),
        truncated("cut inside the end item", whole[..whole.len() - 1].to_vec()),
        truncated("an array that says it has 2^40 elements", vec![0x9b, 0, 0, 1, 0, 0, 0, 0, 0]),
        truncated("a map that says it has 2^63 pairs, and two that come", {
            [&[0xbb, 0x80][..], &[0; 7], &[1, 0, 2, 0]].concat()
        }),
        truncated("text that is not UTF-8 and is cut", vec![0x81, 0x62, 0xff]),
        truncated("a payload that says it has 1 GiB", {
            let mut bytes = vec![0x85, 3, 0, 0x41, 0, 0x58, 64];
            bytes.extend([0; 64]);
            bytes.extend([0x5a, 0x40, 0, 0, 0, 1, 2, 3]);
            bytes
        }),
        trailing("a second end", &[end(0), end(0)]),
        trailing("an entry after the end", &[end(0), first.plain(0)]),
        trailing("a byte after the end that begins no item", &[end(0), Raw(vec![0xff])]),
        trailing("an error after the end", &[end(0), error("store.full")]),
        count("the end counts one too few", &[first.plain(0), end(0)]),
        count("the end counts one too many", &[first.plain(0), end(2)]),
        count("no entries, and the end counts one", &[end(1)]),
        count("the end counts 2^63 - 1", &[first.plain(0), end((1 << 63) - 1)]),
        count("a wrong count and bytes after it", &[first.plain(0), end(0), end(1)]),
        shape("an end without a count", Array(vec![Number(0)])),
        shape("an end of three elements", Array(vec![Number(0), Number(0), Number(0)])),
        shape("the end of a page", page_end(0, &at(0), true, false)),
        bad("a count of 2^63", "cbor.bounds", "CBOR-10", &[end(1 << 63)]),
        bad("a count null", "cbor.unexpected", "CBOR-9", &[Array(vec![Number(0), Null])]),
    ]
}

fn items(first: &Sample) -> Vec<Case> {
    let tag = |comment, item: Element| bad(comment, "wire.tag", "WIRE-14", &[item, end(1)]);
    let cbor = |comment, code, clause, bytes: Vec<u8>| {
        raw(comment, code, clause, [bytes, sequence(&[end(1)])].concat())
    };
    let only = |number| Array(vec![Number(number)]);
    let four = |number| Array(vec![Number(number), Number(0), Element::of(first.id()), Number(0)]);
    vec![
        tag("an id in a put", four(4)),
        tag("absent in a put", only(5)),
        tag("corrupt in a put", only(6)),
        tag("unavailable in a put", only(7)),
        tag("an invalid entry in a put", four(8).with(&[3], Text("entry.signature"))),
        tag("an id of another number of elements in a put", only(4)),
        tag("tag 9", only(9)),
        tag("tag 2^64 - 1, of two elements", Array(vec![Number(u64::MAX), Null])),
        bad("an empty array", "cbor.count", "CBOR-9", &[Array(Vec::new()), end(1)]),
        bad("15 elements", "cbor.bounds", "CBOR-10", &[Array(vec![Number(9); 15]), end(1)]),
        bad("a map", "cbor.unexpected", "CBOR-9", &[Map(Vec::new()), end(1)]),
        bad("an integer", "cbor.unexpected", "CBOR-9", &[Number(0), end(1)]),
        bad("null", "cbor.unexpected", "CBOR-9", &[Null, end(1)]),
        bad("a tag as text", "cbor.unexpected", "CBOR-9", &[Array(vec![Text("end")]), end(1)]),
        bad("a tag null", "cbor.unexpected", "CBOR-9", &[Array(vec![Null, Number(0)])]),
        cbor("an array without end", "cbor.indefinite", "CBOR-4", vec![0x9f, 0x05, 0xff]),
        cbor("a negative tag", "cbor.type", "CBOR-5", vec![0x81, 0x20]),
        cbor("a tag not in its shortest form", "cbor.not_shortest", "CBOR-3", vec![0x82, 0x18, 0]),
        cbor("nine arrays deep", "cbor.depth", "CBOR-8", vec![0x81; 9]),
        cbor("text that is not UTF-8", "cbor.utf8", "CBOR-7", vec![0x82, 9, 0x61, 0xff]),
        cbor("map keys descending", "cbor.map_keys", "CBOR-6", vec![0x82, 9, 0xa2, 1, 0, 0, 0]),
        cbor(
            "a count that cannot come true, and a fault after it",
            "cbor.indefinite",
            "CBOR-4",
            vec![0x9b, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x9f],
        ),
        cbor(
            "a map that says it has 2^63 pairs, and a key twice",
            "cbor.map_keys",
            "CBOR-6",
            [&[0xbb, 0x80][..], &[0; 7], &[1, 0, 1]].concat(),
        ),
        raw("canonical form comes before the tag", "cbor.type", "CBOR-5", vec![0x82, 9, 0xfb]),
    ]
}

fn plain(first: &Sample) -> Vec<Case> {
    let bounds = |comment, path: &[usize], value| {
        bad(comment, "cbor.bounds", "CBOR-10", &[first.plain(0).with(path, value), end(1)])
    };
    let count = |comment, item: Element| bad(comment, "cbor.count", "CBOR-9", &[item, end(1)]);
    let unexpected = |comment, path: &[usize], value| {
        bad(comment, "cbor.unexpected", "CBOR-9", &[first.plain(0).with(path, value), end(1)])
    };
    let with_id = |number, id: &[u8]| Array(vec![Number(number), Element::of(id)]);
    let receipts = |comment, receipt| {
        bad(comment, "wire.receipts", "WIRE-17", &[first.plain(receipt), end(1)])
    };
    vec![
        count("four elements", first.plain(0).without(4)),
        count("six elements", first.plain(0).and(Number(0))),
        bounds("a header of 8 KiB and 1", &[2], Element::of(vec![0; 8_193])),
        bounds("a signature of 63 bytes", &[3], Element::of([0; 63])),
        bounds("state 2 without an id", &[4], Number(2)),
        bounds("state 4", &[4], Number(4)),
        bounds("state 2^64 - 1", &[4], Number(u64::MAX)),
        bounds("state 1 with an id", &[4], with_id(1, &[1; 32])),
        bounds("state 4 with an id", &[4], with_id(4, &[1; 32])),
        bounds("erased by an id of 31 bytes", &[4], with_id(2, &[1; 31])),
        count("erased by nothing", first.plain(0).with(&[4], Array(vec![Number(2)]))),
        count("a state of three elements", first.plain(0).with(&[4], Array(vec![Number(2); 3]))),
        unexpected("a header as text", &[2], Text("header")),
        unexpected("a signature null", &[3], Null),
        unexpected("a payload as text", &[4], Text("payload")),
        unexpected("a payload null", &[4], Null),
        unexpected("erased by an integer", &[4], Array(vec![Number(2), Number(1)])),
        unexpected("a receipt null", &[1], Null),
        bounds("a receipt of 2^63", &[1], Number(1 << 63)),
        receipts("a receipt in a put", 1),
        receipts("the highest receipt in a put", (1 << 63) - 1),
        bad(
            "a receipt in a put before a header too long",
            "wire.receipts",
            "WIRE-17",
            &[first.plain(1).with(&[2], Element::of(vec![0; 8_193])), end(1)],
        ),
    ]
}

/// Items at and beyond 1,057,792 bytes.
fn lengths() -> Vec<Case> {
    // An array of a tag and a byte string with a length of four bytes: seven bytes before the string's own.
    let item = |length: u32| [&[0x82, 9, 0x5a][..], &length.to_be_bytes()].concat();
    let longest = 1_057_792 - 7;
    let case = |comment, code, clause, head: Vec<u8>, times: u64| {
        raw(comment, code, clause, head).hex("repeated", [0]).value("times", times)
    };
    let too_large = |comment, head, times| {
        case(comment, "wire.item_too_large", "WIRE-12", head, times).flag("Boundary")
    };
    vec![
        case("the longest item is judged", "wire.tag", "WIRE-14", item(longest), longest.into())
            .flag("Boundary"),
        too_large("an item of one byte more", item(longest + 1), u64::from(longest) + 1),
        too_large("an item that goes on", item(u32::MAX), u64::from(longest) + 1),
        too_large(
            "an array of 2^40 elements that come",
            vec![0x9b, 0, 0, 1, 0, 0, 0, 0, 0],
            1_057_784,
        ),
        too_large(
            "text that goes on beyond the bound, and is not UTF-8",
            [&[0x82, 9, 0x7a][..], &u32::MAX.to_be_bytes(), &[0xff]].concat(),
            u64::from(longest),
        ),
        case(
            "an array of 2^40 elements, and a fault among those that come",
            "cbor.map_keys",
            "CBOR-6",
            [&[0x9b, 0, 0, 1, 0, 0, 0, 0, 0][..], &[0xa1, 0x40]].concat(),
            1_057_792,
        ),
        case(
            "a fault within the bound of a longer item",
            "cbor.not_shortest",
            "CBOR-3",
            [&[0x83, 0x18, 9, 0x5a][..], &u32::MAX.to_be_bytes()].concat(),
            1_057_792,
        ),
        case(
            "the longest item, cut",
            "wire.truncated",
            "WIRE-11",
            item(longest),
            u64::from(longest) - 1,
        )
        .flag("Boundary"),
    ]
}

fn error(code: &'static str) -> Element {
    Array(vec![Number(1), Text(code), Text("words"), Bool(true), Null, Map(Vec::new())])
}

fn errors(first: &Sample) -> Vec<Case> {
    let gave_up = |comment, code: &str, items: &[Element]| bad(comment, code, "WIRE-18", items);
    let bounds = |comment, item: Element| bad(comment, "cbor.bounds", "CBOR-10", &[item]);
    let later = Element::text("node.busy");
    let details = error("space.not_served").with(&[5], Map(vec![(9, Element::of([9; 32]))]));
    vec![
        gave_up("the sender gives up at once", "store.full", &[error("store.full")]),
        gave_up(
            "the sender gives up after an entry",
            "upstream.unavailable",
            &[first.plain(0), error("upstream.unavailable")],
        ),
        gave_up("an error with details", "space.not_served", &[details]),
        gave_up(
            "an error that says when to ask again",
            "node.busy",
            &[error("node.busy").with(&[1], later).with(&[4], Number(250))],
        ),
        bad("an error of five elements", "cbor.count", "CBOR-9", &[error("store.full").without(5)]),
        bad(
            "an error of seven elements",
            "cbor.count",
            "CBOR-9",
            &[error("store.full").and(Number(0))],
        ),
        bounds("an error with a code in upper case", error("Store.full")),
        bounds("an error with an empty code", error("")),
        bad(
            "an error with details null",
            "cbor.unexpected",
            "CBOR-9",
            &[error("store.full").with(&[5], Null)],
        ),
    ]
}

/// Two items and 300 bytes at most; an entry has about 350.
fn too_much_put(first: &Sample) -> Vec<Case> {
    let short = |payload: usize| {
        Array(vec![
            Number(3),
            Number(0),
            Element::of([0xff; 6]),
            Element::of([0; 64]),
            Element::of(vec![0; payload]),
        ])
    };
    let items = |comment, items: &[Element]| bad(comment, "wire.too_many_items", "WIRE-27", items);
    let bytes = |comment, items: &[Element]| bad(comment, "wire.too_many_bytes", "WIRE-27", items);
    vec![
        items("three entries", &[short(0), short(0), short(0), end(3)]),
        items("three entries, and too many bytes", &[short(0), short(0), first.plain(0), end(3)]),
        bytes("301 bytes in two entries", &[short(80), short(81), end(2)]).flag("Boundary"),
        bytes("a small entry, then a large one", &[short(0), first.plain(0), end(2)]),
        bytes("a large entry, then a small one", &[first.plain(0), short(0), end(2)]),
        bad(
            "what is wrong with an item comes first",
            "cbor.count",
            "CBOR-9",
            &[short(0), short(0), Array(vec![Number(3)])],
        ),
    ]
}

fn get(first: &Sample) -> Vec<Case> {
    let count = |comment, item: Element| bad(comment, "cbor.count", "CBOR-9", &[item, end(1)]);
    let tag = |comment, item: Element| bad(comment, "wire.tag", "WIRE-14", &[item, end(1)]);
    let four = |number, last| Array(vec![Number(number), Number(1), Element::of(first.id()), last]);
    let receipts =
        |comment, item: Element| bad(comment, "wire.receipts", "WIRE-17", &[item, end(1)]);
    vec![
        tag("an id in a get", four(4, Number(0))),
        tag("an invalid entry in a get", four(8, Text("entry.signature"))),
        tag("tag 2^32", Array(vec![Number(1 << 32)])),
        count("absent, and an id", Array(vec![Number(5), Element::of(first.id())])),
        count("corrupt, and an id", Array(vec![Number(6), Element::of(first.id())])),
        count("unavailable, and a reason", Array(vec![Number(7), Text("store.full")])),
        count("the end of a page", page_end(1, &at(1), true, false)),
        receipts("a receipt in a get", first.plain(1)),
        receipts("a receipt in a get, compact", first.compact(7, &first.first())),
        bad("absent is counted", "wire.count", "WIRE-11", &[Array(vec![Number(5)]), end(0)]),
    ]
}

fn too_much_get(first: &Sample) -> Vec<Case> {
    let absent = || Array(vec![Number(5)]);
    vec![
        bad(
            "three answers to two ids",
            "wire.too_many_items",
            "WIRE-27",
            &[absent(), absent(), absent(), end(3)],
        ),
        bad(
            "an item larger than all that was asked for is the only one",
            "wire.too_many_bytes",
            "WIRE-27",
            &[first.plain(0), absent(), end(2)],
        ),
        bad(
            "an item too large after another",
            "wire.too_many_bytes",
            "WIRE-27",
            &[absent(), header_only(first, 0, PayloadState::Missing), end(2)],
        ),
    ]
}

fn scan(first: &Sample) -> Vec<Case> {
    let id_item =
        |receipt, state| Array(vec![Number(4), Number(receipt), Element::of(id("an id")), state]);
    let invalid = |code| Array(vec![Number(8), Number(1), Element::of(id("an id")), code]);
    let one = |item: Element| [item, page_end(1, &at(1), true, false)];
    let receipts = |comment, items: &[Element]| bad(comment, "wire.receipts", "WIRE-17", items);
    let count = |comment, items: &[Element]| bad(comment, "cbor.count", "CBOR-9", items);
    let bounds = |comment, item| bad(comment, "cbor.bounds", "CBOR-10", &one(item));
    let unexpected = |comment, item| bad(comment, "cbor.unexpected", "CBOR-9", &one(item));
    let tag =
        |comment, number| bad(comment, "wire.tag", "WIRE-14", &one(Array(vec![Number(number)])));
    let wrong = |comment, items: &[Element]| bad(comment, "wire.count", "WIRE-11", items);
    let highest = (1 << 63) - 1;
    let cut = sequence(&[first.plain(1), page_end(1, &at(1), false, true)]);
    let last = page_end(0, &at(0), true, false);
    vec![
        receipts("receipt 0", &one(id_item(0, Number(0)))),
        receipts("receipt 0 of an entry", &one(first.plain(0))),
        receipts("receipt 0 of a compact entry", &one(first.compact(0, &first.first()))),
        receipts("receipt 0 of an invalid entry", &one(invalid(Text("x")).with(&[1], Number(0)))),
        receipts("receipts beyond 2^63 - 1", &[id_item(highest, Number(0)), id_item(1, Number(0))]),
        receipts(
            "a cursor before the last item",
            &[id_item(5, Number(0)), page_end(1, &at(4), true, false)],
        ),
        receipts(
            "a cursor before the last item, and a wrong count",
            &[id_item(5, Number(0)), page_end(7, &at(4), true, false)],
        ),
        receipts(
            "a second page whose cursor goes back",
            &[page_end(0, &at(10), false, true), page_end(0, &at(9), true, false)],
        ),
        tag("absent in a scan", 5),
        tag("corrupt in a scan", 6),
        tag("unavailable in a scan", 7),
        tag("tag 9 in a scan", 9),
        count("the end of a put", &[end(0)]),
        count("the end of a bundle", &[Array(vec![Number(0), Number(0), Element::of([0; 32])])]),
        count("the end of a page without more", &[last.clone().without(4)]),
        count("the end of a page of six elements", &[last.clone().and(Null)]),
        count("an id without a state", &[id_item(1, Number(0)).without(3)]),
        count("an invalid entry without a code", &[invalid(Null).without(3)]),
        count("a cursor of two elements", &[last.clone().with(&[2], Array(vec![Number(0); 2]))]),
        bounds("an id of 31 bytes", id_item(1, Number(0)).with(&[2], Element::of([1; 31]))),
        bounds("an id with state 5", id_item(1, Number(5))),
        bounds("an invalid entry with a code in upper case", invalid(Text("X"))),
        bounds("an invalid entry with an empty code", invalid(Text(""))),
        bounds("a receipt of 2^63", id_item(1 << 63, Number(0))),
        unexpected("an id with its payload", id_item(1, Element::of([1]))),
        unexpected("an invalid entry with a code as bytes", invalid(Element::of(b"x"))),
        bad(
            "more as an integer",
            "cbor.unexpected",
            "CBOR-9",
            &[last.clone().with(&[4], Number(1))],
        ),
        bad("end null", "cbor.unexpected", "CBOR-9", &[last.clone().with(&[3], Null)]),
        bad("no cursor", "cbor.unexpected", "CBOR-9", &[last.clone().with(&[2], Null)]),
        bad(
            "a cursor with receipt 2^63",
            "cbor.bounds",
            "CBOR-10",
            &[last.clone().with(&[2, 1], Number(1 << 63))],
        ),
        wrong(
            "a page that counts one too few",
            &[first.plain(1), page_end(0, &at(1), true, false)],
        ),
        wrong(
            "a second page that counts the first",
            &[first.plain(1), page_end(1, &at(1), false, true), page_end(1, &at(2), true, false)],
        ),
        raw("another page was promised", "wire.truncated", "WIRE-11", cut),
        bad("a page after the last", "wire.trailing", "WIRE-11", &[last.clone(), last]),
        bad(
            "the node gives up on the second page",
            "cursor.lineage",
            "WIRE-18",
            &[first.plain(1), page_end(1, &at(1), false, true), error("cursor.lineage")],
        ),
    ]
}

/// After receipt 41.
fn scan_after(first: &Sample) -> Vec<Case> {
    let receipts = |comment, items: &[Element]| bad(comment, "wire.receipts", "WIRE-17", items);
    vec![
        receipts("a cursor before the one asked after", &[page_end(0, &at(40), true, false)]),
        receipts("receipt 0 after a cursor", &[first.plain(0), page_end(1, &at(42), true, false)]),
        receipts(
            "receipts beyond 2^63 - 1 by the cursor asked after",
            &[first.plain((1 << 63) - 41)],
        ),
    ]
}

/// Two items and 40 bytes to a page: one id, and a second only on the next page.
fn too_much_scan() -> Vec<Case> {
    let item = || Array(vec![Number(4), Number(1), Element::of([7; 32]), Number(0)]);
    vec![
        bad(
            "64 bytes of ids on a page of 40",
            "wire.too_many_bytes",
            "WIRE-27",
            &[item(), item(), page_end(2, &at(2), true, false)],
        ),
        bad(
            "too many bytes on the second page",
            "wire.too_many_bytes",
            "WIRE-27",
            &[
                item(),
                page_end(1, &at(1), false, true),
                item(),
                item(),
                page_end(2, &at(3), true, false),
            ],
        ),
    ]
}
