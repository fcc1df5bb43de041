//! Questions about a store: get, has, scan, summary, status, feed.

use bulla_core::cbor::Encode;
use bulla_core::values::{Filter, KindRange};
use bulla_core::{Bloom, EntryId, Kind, Topic};
use serde_json::{Value, json};

use super::node::status_answer;
use super::{Message, bytes_list, hex_list, spaces, zeros};
use crate::vectors::wire::parts::{
    Array, Bool, Element, Null, Number, Text, cursor, cursor_element, id,
};
use crate::vectors::wire::{cursor_json, hex};

pub(super) fn messages() -> Vec<Message> {
    vec![
        get_request(),
        has_request(),
        has_answer(),
        scan_request(),
        summary_request(),
        summary_answer(),
        status_answer(),
        feed_request(),
    ]
}

fn ids() -> Vec<EntryId> {
    vec![id("second"), id("first"), id("second")]
}

fn get_request() -> Message {
    let request =
        |ids: &[EntryId], most, form| Array(vec![bytes_list(ids), Number(most), Number(form)]);
    let says = |ids: &[EntryId], most: u64, form: &str| json!({ "ids": hex_list(ids), "mostBytes": most.to_string(), "form": form });
    let most = u64::from(u32::MAX);
    Message::new("get request", request(&ids(), 1 << 20, 0))
        .good("three ids in no order, one twice", says(&ids(), 1 << 20, "compact"))
        .also_good(
            "in the plain form",
            &request(&ids(), 1 << 20, 1),
            says(&ids(), 1 << 20, "plain"),
        )
        .edge("no ids, no bytes", &request(&[], 0, 0), says(&[], 0, "compact"))
        .edge("2^32 - 1 bytes", &request(&ids(), most, 0), says(&ids(), most, "compact"))
        .bounds("10,001 ids", &[0], zeros(10_001))
        .bounds("an id of 31 bytes", &[0, 1], Element::of([1; 31]))
        .bounds("2^32 bytes", &[1], Number(1 << 32))
        .bounds("form 2", &[2], Number(2))
        .unexpected("an id as text", &[0, 0], Text("id"))
        .unexpected("most bytes null", &[1], Null)
        .unexpected("form as a boolean", &[2], Bool(true))
        .fixed()
}

fn has_request() -> Message {
    let says = |ids: &[EntryId]| json!({ "ids": hex_list(ids) });
    Message::new("has request", bytes_list(ids()))
        .good("three ids in no order, one twice", says(&ids()))
        .also_good("no ids", &Array(Vec::new()), says(&[]))
        .bad("10,001 ids", "cbor.bounds", &zeros(10_001))
        .bounds("an id of 33 bytes", &[2], Element::of([1; 33]))
        .bounds("an empty id", &[0], Element::of([]))
        .unexpected("an id as an integer", &[0], Number(1))
        .every_fault()
}

fn has_answer() -> Message {
    let base = Array([0, 1, 2, 3, 1].map(Number).to_vec());
    Message::new("has answer", base)
        .good(
            "every answer",
            json!({ "presence": ["no", "yes", "payload missing", "unknown", "yes"] }),
        )
        .also_good("no ids were asked for", &Array(Vec::new()), json!({ "presence": [] }))
        .bad("10,001 answers", "cbor.bounds", &zeros(10_001))
        .bounds("answer 4", &[0], Number(4))
        .bounds("answer 2^64 - 1", &[4], Number(u64::MAX))
        .unexpected("an answer true", &[1], Bool(true))
        .unexpected("an answer null", &[3], Null)
        .every_fault()
}

/// Positions in a scan request (WIRE-35).
const AFTER: usize = 0;
const UNTIL: usize = 1;
const FILTER: usize = 2;
const EXCEPT: usize = 3;
const WANT: usize = 4;
const LIMIT: usize = 5;
const FORM: usize = 6;
const PAGES: usize = 7;

fn scan_request() -> Message {
    let filter = Filter {
        topics: vec![Topic([1; 16])],
        kinds: vec![KindRange { first: Kind(16), last: Kind(20) }],
        ..Filter::all()
    };
    let bloom = bloom();
    let after = cursor("scan", 41);
    let everything = Array(vec![
        Null,
        Null,
        Element::item(&Filter::all()),
        Null,
        entries(u32::MAX),
        limit(1 << 20, 4_096),
        Number(0),
        Number(1),
    ]);
    let said = json!({
        "after": null, "until": null, "filter": hex(Filter::all().to_cbor()), "except": null,
        "want": "entries", "inlineUpTo": u32::MAX.to_string(), "mostBytes": "1048576",
        "mostItems": "4096", "form": "compact", "pages": "1",
    });
    let everything_given = Array(vec![
        cursor_element(&after),
        Number(1_000),
        Element::item(&filter),
        Element::item(&bloom),
        Number(0),
        limit(1 << 24, 65_536),
        Number(1),
        Number(4_096),
    ]);
    let given_says = json!({
        "after": cursor_json(&after), "until": "1000", "filter": hex(filter.to_cbor()),
        "except": hex(bloom.to_cbor()), "want": "ids", "mostBytes": "16777216",
        "mostItems": "65536", "form": "plain", "pages": "4096",
    });
    let changed = |changes: &[(&str, Value)]| {
        let mut said = said.clone();
        for (name, value) in changes {
            said[*name] = value.clone();
        }
        said
    };
    let mut headers = changed(&[("want", json!("headers"))]);
    headers.as_object_mut().expect("an object").remove("inlineUpTo");
    let base = everything.clone();
    Message::new("scan request", everything)
        .good("everything", said.clone())
        .edge("every part given, at its highest", &everything_given, given_says)
        .also_good("headers", &base.clone().with(&[WANT], Number(1)), headers)
        .edge(
            "no payload inline",
            &base.clone().with(&[WANT], entries(0)),
            changed(&[("inlineUpTo", json!("0"))]),
        )
        .edge(
            "a page of nothing",
            &base.clone().with(&[LIMIT], limit(0, 0)),
            changed(&[("mostBytes", json!("0")), ("mostItems", json!("0"))]),
        )
        .edge(
            "until the highest receipt",
            &base.with(&[UNTIL], Number((1 << 63) - 1)),
            changed(&[("until", json!(((1_u64 << 63) - 1).to_string()))]),
        )
        .unexpected("after false", &[AFTER], Bool(false))
        .count("a cursor of two elements", &[AFTER], zeros(2))
        .bounds("a cursor with a lineage of 15 bytes", &[AFTER], {
            cursor_element(&after).with(&[0], Element::of([1; 15]))
        })
        .bounds("a cursor with receipt 2^63", &[AFTER], {
            cursor_element(&after).with(&[1], Number(1 << 63))
        })
        .bounds("until 2^63", &[UNTIL], Number(1 << 63))
        .unexpected("until as an array", &[UNTIL], Array(Vec::new()))
        .unexpected("no filter", &[FILTER], Null)
        .count("a filter of three elements", &[FILTER], zeros(3))
        .bounds("a filter with topics descending", &[FILTER], {
            let topics = bytes_list([[2; 16], [1; 16]]);
            Array(vec![topics, Array(Vec::new()), Array(Vec::new()), Null])
        })
        .unexpected("except true", &[EXCEPT], Bool(true))
        .bounds("except a filter of no bits", &[EXCEPT], {
            Array(vec![Element::of([1; 16]), Number(7), Number(0), Element::of([])])
        })
        .bounds("except a filter of 17 hashes", &[EXCEPT], {
            Array(vec![Element::of([1; 16]), Number(17), Number(0), Element::of([0])])
        })
        .bounds("want 2 without a length", &[WANT], Number(2))
        .bounds("want 3", &[WANT], Number(3))
        .bounds("want 1 with a length", &[WANT], Array(vec![Number(1), Number(1)]))
        .bounds("payloads up to 2^32 bytes", &[WANT, 1], Number(1 << 32))
        .count("want entries without a length", &[WANT], Array(vec![Number(2)]))
        .unexpected("want null", &[WANT], Null)
        .bounds("16 MiB and 1", &[LIMIT, 0], Number((1 << 24) + 1))
        .bounds("65,537 items", &[LIMIT, 1], Number(65_537))
        .count("a limit of bytes alone", &[LIMIT], zeros(1))
        .unexpected("no limit", &[LIMIT], Null)
        .bounds("form 2", &[FORM], Number(2))
        .bounds("no pages", &[PAGES], Number(0))
        .bounds("4,097 pages", &[PAGES], Number(4_097))
        .bounds("two pages without until", &[PAGES], Number(2))
        .unexpected("pages null", &[PAGES], Null)
        .fixed()
}

fn entries(inline_up_to: u32) -> Element {
    Array(vec![Number(2), Number(u64::from(inline_up_to))])
}

fn limit(bytes: u64, items: u64) -> Element {
    Array(vec![Number(bytes), Number(items)])
}

fn bloom() -> Bloom {
    let mut bloom = Bloom::for_count(10, [9; 16]);
    ids().iter().for_each(|id| bloom.insert(id));
    bloom
}

fn summary_request() -> Message {
    let filter = Array(vec![Number(0), Element::of([9; 16])]);
    let sketch = |symbols| Array(vec![Number(1), Number(symbols)]);
    Message::new("summary request", filter)
        .good("a Bloom filter", json!({ "summary": "bloom", "salt": hex([9; 16]) }))
        .also_good("a sketch", &sketch(64), json!({ "summary": "sketch", "symbols": "64" }))
        .edge("no symbols", &sketch(0), json!({ "summary": "sketch", "symbols": "0" }))
        .edge(
            "2^20 symbols",
            &sketch(1 << 20),
            json!({ "summary": "sketch", "symbols": "1048576" }),
        )
        .bad("2^20 symbols and one", "cbor.bounds", &sketch((1 << 20) + 1))
        .bounds("salt of 15 bytes", &[1], Element::of([9; 15]))
        .bounds("summary 2", &[0], Number(2))
        .unexpected("salt as an integer", &[1], Number(9))
        .unexpected("symbols as bytes", &[0], Number(1))
        .unexpected("summary null", &[0], Null)
        .fixed()
}

fn summary_answer() -> Message {
    let (upto, bloom) = (cursor("summary", 3), bloom());
    let base = Array(vec![Number(0), cursor_element(&upto), Element::item(&bloom)]);
    let bits =
        |k, bits: &[u8]| Array(vec![Element::of([9; 16]), Number(k), Number(0), Element::of(bits)]);
    Message::new("summary answer", base)
        .good(
            "a Bloom filter",
            json!({ "cursor": cursor_json(&upto), "bloom": hex(bloom.to_cbor()) }),
        )
        .bounds("summary 1", &[0], Number(1))
        .bounds("a cursor with a log hash of 31 bytes", &[1, 2], Element::of([1; 31]))
        .unexpected("no cursor", &[1], Null)
        .bounds("a filter of no bits", &[2], bits(7, &[]))
        .bounds("a filter of no hashes", &[2], bits(0, &[0]))
        .unexpected("no filter", &[2], Null)
        .count("a filter of three elements", &[2], zeros(3))
        .fixed()
}

fn feed_request() -> Message {
    let request =
        |spaces: Element, heartbeat, riders| Array(vec![spaces, Number(heartbeat), Number(riders)]);
    let says = |spaces: &[[u8; 32]], heartbeat: u64, riders: u64| {
        json!({
            "spaces": hex_list(spaces), "heartbeat": heartbeat.to_string(),
            "riderBytes": riders.to_string(),
        })
    };
    let list = spaces(2);
    let (first, second) = (Element::of(list[0]), Element::of(list[1]));
    Message::new("feed request", request(bytes_list(&list), 15_000, 0))
        .good("two spaces", says(&list, 15_000, 0))
        .edge(
            "the shortest interval, most bytes of riders",
            &request(bytes_list(&list), 100, 65_536),
            says(&list, 100, 65_536),
        )
        .edge(
            "the longest interval",
            &request(bytes_list(&list), 60_000, 1),
            says(&list, 60_000, 1),
        )
        .bounds("no spaces", &[0], Array(Vec::new()))
        .bounds("4,097 spaces", &[0], zeros(4_097))
        .bounds("spaces descending", &[0], Array(vec![second, first.clone()]))
        .bounds("a space twice", &[0], Array(vec![first.clone(), first]))
        .bounds("a space of 31 bytes", &[0, 0], Element::of([1; 31]))
        .bounds("an interval of 99 ms", &[1], Number(99))
        .bounds("an interval of 60,001 ms", &[1], Number(60_001))
        .bounds("65,537 bytes of riders", &[2], Number(65_537))
        .bounds("riders 2^32", &[2], Number(1 << 32))
        .unexpected("spaces null", &[0], Null)
        .unexpected("an interval null", &[1], Null)
        .unexpected("riders false", &[2], Bool(false))
        .fixed()
}
