//! Bodies that are whole.

use bulla_core::values::{Cursor, PayloadState};
use bulla_core::{RawEntry, Signature};
use bulla_wire::stream::EntryItem;
use serde_json::{Value, json};

use super::{bounded, good, group};
use crate::vectors::wire::parts::{
    Array, Element, Number, Said, Sample, Text, World, cursor, end, id, page_end, state,
};
use crate::vectors::wire::{cursor_json, entry_json, hex, state_json};
use crate::vectors::{Case, Group};

pub(super) fn groups(world: &World) -> Vec<Group> {
    vec![
        group("put", world).cases(put(world)),
        group("get", world).cases(get(world)),
        bounded("get", world, 2, 100, 0).cases(full_get(world)),
        group("scan", world).cases(scan(world)),
        bounded("scan", world, 65_536, 16_777_216, 41).cases(scan_after(world)),
        bounded("scan", world, 2, 64, 0).cases(full_pages()),
    ]
}

/// An entry without its payload, in the plain form.
pub(super) fn header_only(sample: &Sample, receipt: u64, payload: PayloadState) -> Element {
    sample.plain(receipt).with(&[4], state(payload))
}

fn entry(sample: &Sample, receipt: u64, is_compact: bool) -> Value {
    let raw = sample.raw.clone();
    entry_json(&EntryItem { receipt, raw, state: PayloadState::Present, is_compact })
}

fn header(sample: &Sample, receipt: u64, state: PayloadState) -> Value {
    let raw = RawEntry { payload: None, ..sample.raw.clone() };
    entry_json(&EntryItem { receipt, raw, state, is_compact: false })
}

fn ended(count: u64) -> Value {
    json!({ "item": "end", "count": count.to_string() })
}

fn page_ended(count: u64, cursor: &Cursor, end: bool, more: bool) -> Value {
    json!({
        "item": "page end", "count": count.to_string(), "cursor": cursor_json(cursor), "end": end,
        "more": more,
    })
}

/// Bytes in the place of an entry, and what a receiver says of them.
fn opaque(bytes: &[u8], payload: &[u8]) -> (Element, Value) {
    let item = Array(vec![
        Number(3),
        Number(0),
        Element::of(bytes),
        Element::of(Signature([1; 64])),
        Element::of(payload),
    ]);
    let raw = RawEntry {
        header: bytes.to_vec().into(),
        signature: Signature([1; 64]),
        payload: Some(payload.to_vec().into()),
    };
    let state = PayloadState::Present;
    (item, entry_json(&EntryItem { receipt: 0, raw, state, is_compact: false }))
}

const STATES: [(&str, PayloadState); 2] =
    [("missing", PayloadState::Missing), ("left out", PayloadState::Present)];

fn put(world: &World) -> Vec<Case> {
    let chain = world.chain(2);
    let (first, second) = (&chain[0], &chain[1]);
    let (garbage, garbage_said) = opaque(b"no header at all", b"payload");
    let (empty, empty_said) = opaque(b"", b"");
    let (long, long_said) = opaque(&[0xff; 8_192], b"");
    let mut cases = vec![
        good("no entries", &[end(0)], vec![ended(0)]),
        good(
            "an entry in the plain form",
            &[first.plain(0), end(1)],
            vec![entry(first, 0, false), ended(1)],
        ),
        good(
            "both forms in one body",
            &[first.compact(0, &first.first()), second.plain(0), end(2)],
            vec![entry(first, 0, true), entry(second, 0, false), ended(2)],
        ),
        good(
            "an entry twice",
            &[first.plain(0), first.plain(0), end(2)],
            vec![entry(first, 0, false), entry(first, 0, false), ended(2)],
        ),
        good("no header", &[garbage, end(1)], vec![garbage_said, ended(1)]).flag("Opaque"),
        good("an empty header and payload", &[empty, end(1)], vec![empty_said, ended(1)])
            .flag("Opaque"),
        good("a header of 8 KiB", &[long, end(1)], vec![long_said, ended(1)])
            .flag("Opaque")
            .flag("Boundary"),
    ];
    for (name, state) in STATES {
        cases.push(good(
            &format!("a header, its payload {name}"),
            &[header_only(first, 0, state), end(1)],
            vec![header(first, 0, state), ended(1)],
        ));
    }
    cases
}

fn get(world: &World) -> Vec<Case> {
    let chain = world.chain(2);
    let (first, second) = (&chain[0], &chain[1]);
    let tag = |tag| Array(vec![Number(tag)]);
    let erased = PayloadState::Erased(id("erasing"));
    let pruned = PayloadState::Pruned(id("pruning"));
    vec![
        good("nothing was asked for", &[end(0)], vec![ended(0)]),
        good(
            "no payload and state 0: for the client to judge (WIRE-33)",
            &[header_only(first, 0, PayloadState::Present), end(1)],
            vec![header(first, 0, PayloadState::Present), ended(1)],
        ),
        good(
            "every answer",
            &[
                first.compact(0, &first.first()),
                tag(5),
                tag(6),
                tag(7),
                header_only(second, 0, erased),
                header_only(second, 0, pruned),
                header_only(second, 0, PayloadState::Missing),
                end(7),
            ],
            vec![
                entry(first, 0, true),
                json!({ "item": "absent" }),
                json!({ "item": "corrupt" }),
                json!({ "item": "unavailable" }),
                header(second, 0, erased),
                header(second, 0, pruned),
                header(second, 0, PayloadState::Missing),
                ended(7),
            ],
        ),
    ]
}

/// Two items and 100 bytes at most.
fn full_get(world: &World) -> Vec<Case> {
    let first = &world.chain(1)[0];
    let absent = || Array(vec![Number(5)]);
    let said = || json!({ "item": "absent" });
    let edge = |comment, items: &[Element], says| good(comment, items, says).flag("Boundary");
    vec![
        edge("two items", &[absent(), absent(), end(2)], vec![said(), said(), ended(2)]),
        edge(
            "one item, larger than all that was asked for",
            &[first.plain(0), end(1)],
            vec![entry(first, 0, false), ended(1)],
        ),
    ]
}

fn scan(world: &World) -> Vec<Case> {
    let chain = world.chain(3);
    let (first, second, third) = (&chain[0], &chain[1], &chain[2]);
    let at = |receipt| cursor("stream", receipt);
    let id_item = |receipt, of: &Sample, of_state| {
        Array(vec![Number(4), Number(receipt), Element::of(of.id()), state(of_state)])
    };
    let id_said = |receipt: u64, of: &Sample, state| {
        json!({
            "item": "id", "receipt": receipt.to_string(), "id": hex(of.id()),
            "state": state_json(state),
        })
    };
    let invalid =
        Array(vec![Number(8), Number(1), Element::of(second.id()), Text("entry.signature")]);
    let invalid_said = json!({
        "item": "invalid", "receipt": "2", "id": hex(second.id()), "code": "entry.signature",
    });
    let next = |earlier: &Sample, later: &Sample| Said {
        author: Number(0),
        previous: Number(0),
        milliseconds: later.after(earlier),
        topic: Number(1),
        key_id: Number(1),
    };
    let erased = PayloadState::Erased(id("erasing"));
    let highest = (1_u64 << 63) - 1;
    vec![
        good(
            "an empty store",
            &[page_end(0, &at(0), true, false)],
            vec![page_ended(0, &at(0), true, false)],
        ),
        good(
            "an empty page that moves its cursor",
            &[page_end(0, &at(500), false, false)],
            vec![page_ended(0, &at(500), false, false)],
        ),
        good(
            "ids: receipts as distances",
            &[
                id_item(1, first, PayloadState::Present),
                id_item(1, second, PayloadState::Missing),
                id_item(40, third, erased),
                page_end(3, &at(50), true, false),
            ],
            vec![
                id_said(1, first, PayloadState::Present),
                id_said(2, second, PayloadState::Missing),
                id_said(42, third, erased),
                page_ended(3, &at(50), true, false),
            ],
        ),
        good(
            "entries, one of which could not be given",
            &[
                first.compact(1, &first.first()),
                invalid,
                header_only(third, 1, PayloadState::Missing),
                page_end(3, &at(3), true, false),
            ],
            vec![
                entry(first, 1, true),
                invalid_said,
                header(third, 3, PayloadState::Missing),
                page_ended(3, &at(3), true, false),
            ],
        ),
        good(
            "two pages: tables go on, receipts are counted from the cursor between them",
            &[
                first.compact(1, &first.first()),
                second.compact(1, &next(first, second)),
                page_end(2, &at(10), false, true),
                third.compact(1, &next(second, third)),
                page_end(1, &at(11), true, false),
            ],
            vec![
                entry(first, 1, true),
                entry(second, 2, true),
                page_ended(2, &at(10), false, true),
                entry(third, 11, true),
                page_ended(1, &at(11), true, false),
            ],
        ),
        good(
            "three pages, the middle one empty",
            &[
                first.plain(1),
                page_end(1, &at(1), false, true),
                page_end(0, &at(20), false, true),
                second.plain(5),
                page_end(1, &at(25), false, false),
            ],
            vec![
                entry(first, 1, false),
                page_ended(1, &at(1), false, true),
                page_ended(0, &at(20), false, true),
                entry(second, 25, false),
                page_ended(1, &at(25), false, false),
            ],
        ),
        good(
            "the highest receipt",
            &[
                id_item(highest, first, PayloadState::Present),
                page_end(1, &at(highest), true, false),
            ],
            vec![
                id_said(highest, first, PayloadState::Present),
                page_ended(1, &at(highest), true, false),
            ],
        )
        .flag("Boundary"),
    ]
}

/// After receipt 41.
fn scan_after(world: &World) -> Vec<Case> {
    let first = &world.chain(1)[0];
    let at = |receipt| cursor("stream", receipt);
    vec![
        good(
            "the first receipt is counted from the cursor asked after",
            &[first.plain(1), page_end(1, &at(42), true, false)],
            vec![entry(first, 42, false), page_ended(1, &at(42), true, false)],
        ),
        good(
            "nothing new",
            &[page_end(0, &at(41), true, false)],
            vec![page_ended(0, &at(41), true, false)],
        ),
    ]
}

/// Two items and 64 bytes to a page: two ids.
fn full_pages() -> Vec<Case> {
    let at = |receipt| cursor("stream", receipt);
    let item = |n: u8| Array(vec![Number(4), Number(1), Element::of([n; 32]), Number(0)]);
    let said = |receipt: u64, n: u8| {
        json!({
            "item": "id", "receipt": receipt.to_string(), "id": hex([n; 32]),
            "state": { "is": "present" },
        })
    };
    let items = [
        item(1),
        item(2),
        page_end(2, &at(2), false, true),
        item(3),
        item(4),
        page_end(2, &at(4), true, false),
    ];
    let says = vec![
        said(1, 1),
        said(2, 2),
        page_ended(2, &at(2), false, true),
        said(3, 3),
        said(4, 4),
        page_ended(2, &at(4), true, false),
    ];
    vec![good("two full pages: each is counted alone", &items, says).flag("Boundary")]
}
