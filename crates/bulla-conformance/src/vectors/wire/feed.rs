//! `feed.json`: what a feed sends (chapter `wire.md`, FEED-3 to FEED-8).

use bulla_core::cbor::Encode;
use bulla_core::values::{Counted, Counting, Freshness, Head, PayloadState};
use bulla_core::{Lineage, LogHash, SetDigest};
use bulla_wire::feed::{FeedDecoder, FeedItem, Rider};
use bulla_wire::stream::StreamError;
use serde_json::{Value, json};

use super::message::{error_json, error_shape};
use super::parts::{
    Array, Bool, Element, Map, Null, Number, Raw, Sample, Text, World, id, sequence, state,
};
use super::{hex, state_json, state_shape};
use crate::vectors::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// Items of feeds.
pub(in crate::vectors) struct Feeds;

impl Format for Feeds {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn case_fields(&self) -> Vec<Field> {
        let rider = vec![
            Field::required("receipt", Shape::Uint64, "where the store received it"),
            Field::required("header", Shape::Hex, "the header"),
            Field::required("signature", Shape::HexOf(64), "the signature"),
            Field::required("payload", Shape::nullable(Shape::Hex), "the payload, null without it"),
            Field::required("state", state_shape(), "the state of its payload"),
        ];
        let names = &["heartbeat", "over", "head", "space over"];
        let item = vec![
            Field::required("item", Shape::OneOf(names), "what it is (FEED-3)"),
            Field::optional("space", Shape::HexOf(32), "the space"),
            Field::optional("head", Shape::Hex, "the head, encoded: see head.json"),
            Field::optional("riders", Shape::list(Shape::Object(rider)), "entries that ride along"),
            Field::optional("error", Shape::Object(error_shape()), "why it is over"),
        ];
        vec![
            Field::required("bytes", Shape::Hex, "what came of the feed so far"),
            Field::optional("items", Shape::list(Shape::Object(item)), "the whole items in it"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("What a feed sends (FEED-3 to FEED-8). A feed has no end item.")
            .flag("Boundary", "a value at the edge of what is allowed")
            .flag(
                "Cut",
                "the last item is not whole: the feed was cut, and what came is good (FEED-8)",
            )
            .flag("After", "bytes follow the item *over*, and are not looked at (FEED-6)")
            .group(Group::new().cases(good()))
            .group(Group::new().cases(refused()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("bytes")?;
        let whole = read([&bytes[..]]);
        Mismatch::unless_equal("whole and byte by byte", &whole, &read(bytes.chunks(1)))?;
        match whole {
            Ok(items) => {
                let computed: Vec<Value> = items.iter().map(item_json).collect();
                Mismatch::unless_equal("items", inputs.value("items")?, &Value::from(computed))?;
                let again: Vec<u8> = items.iter().flat_map(Encode::to_cbor).collect();
                let begins = bytes.starts_with(&again);
                Mismatch::unless_equal("written again", &true, &begins)?;
                Ok(Verdict::Valid)
            }
            Err(error) => Ok(Verdict::refused(&error.code(), error.clause())),
        }
    }
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<FeedItem>, StreamError> {
    let mut decoder = FeedDecoder::new();
    let mut items = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(item) = decoder.next_item()? {
            items.push(item);
        }
    }
    Ok(items)
}

fn item_json(item: &FeedItem) -> Value {
    match item {
        FeedItem::Heartbeat => json!({ "item": "heartbeat" }),
        FeedItem::Over(error) => json!({ "item": "over", "error": error_json(error) }),
        FeedItem::Head { space, head, riders } => json!({
            "item": "head", "space": hex(space), "head": hex(head.to_cbor()),
            "riders": riders.iter().map(rider_json).collect::<Vec<_>>(),
        }),
        FeedItem::SpaceOver { space, error } => {
            json!({ "item": "space over", "space": hex(space), "error": error_json(error) })
        }
    }
}

fn rider_json(rider: &Rider) -> Value {
    json!({
        "receipt": rider.receipt.to_string(), "header": hex(&rider.raw.header),
        "signature": hex(rider.raw.signature), "payload": rider.raw.payload.as_ref().map(hex),
        "state": state_json(rider.state),
    })
}

fn head(last_receipt: u64) -> Head {
    let mut random = Random::new(&format!("feed head {last_receipt}"));
    let mut set = |count| Counted { count, digest: SetDigest(random.array()) };
    let (control, all, present) = (set(1), set(last_receipt), set(last_receipt));
    Head {
        lineage: Lineage(random.array()),
        last_receipt,
        log_hash: LogHash(random.array()),
        control,
        held: all,
        counting: Counting::All,
        present,
        freshness: Freshness::Fresh,
    }
}

const SPACE: [u8; 32] = [0x5a; 32];

fn heartbeat() -> Element {
    Array(vec![Number(0)])
}

fn head_item(last_receipt: u64, riders: Vec<Element>) -> Element {
    Array(vec![Number(2), Element::of(SPACE), Element::item(&head(last_receipt)), Array(riders)])
}

fn head_said(last_receipt: u64, riders: &[Value]) -> Value {
    json!({
        "item": "head", "space": hex(SPACE), "head": hex(head(last_receipt).to_cbor()),
        "riders": riders,
    })
}

fn error(code: &'static str) -> Vec<Element> {
    vec![Text(code), Text("words"), Bool(false), Null, Map(Vec::new())]
}

fn over(code: &'static str) -> Element {
    Array([vec![Number(1)], error(code)].concat())
}

fn space_over(code: &'static str) -> Element {
    Array(vec![Number(3), Element::of(SPACE), Array(error(code))])
}

fn error_said(code: &str, status: u16) -> Value {
    json!({
        "code": code, "message": "words", "retryable": false, "retryAfter": null, "details": {},
        "status": status,
    })
}

fn rider(sample: &Sample, receipt: u64, body: Element) -> Element {
    Array(vec![
        Number(receipt),
        Element::of(&sample.raw.header),
        Element::of(sample.raw.signature),
        body,
    ])
}

fn rider_said(sample: &Sample, receipt: u64, payload: Option<&[u8]>, is: PayloadState) -> Value {
    json!({
        "receipt": receipt.to_string(), "header": hex(&sample.raw.header),
        "signature": hex(sample.raw.signature), "payload": payload.map(hex),
        "state": state_json(is),
    })
}

fn good() -> Vec<Case> {
    let case = |comment: &str, items: &[Element], says: Vec<Value>| {
        Case::valid(comment).hex("bytes", sequence(items)).value("items", says)
    };
    let chain = World::new("feed").chain(3);
    let erased = PayloadState::Erased(id("erasing"));
    let payload = chain[0].raw.payload.as_deref();
    let riders = vec![
        rider(&chain[0], 1, chain[0].payload()),
        rider(&chain[1], 7, state(erased)),
        rider(&chain[2], (1 << 63) - 1, state(PayloadState::Present)),
    ];
    let riders_said = vec![
        rider_said(&chain[0], 1, payload, PayloadState::Present),
        rider_said(&chain[1], 7, None, erased),
        rider_said(&chain[2], (1 << 63) - 1, None, PayloadState::Present),
    ];
    let beats = || json!({ "item": "heartbeat" });
    let over_said = |code, status| json!({ "item": "over", "error": error_said(code, status) });
    let short = Array(vec![Number(1), Element::of([]), Element::of([1; 64]), Number(1)]);
    let ascending = |receipt| short.clone().with(&[0], Number(receipt));
    let short_said = |receipt: u64| {
        json!({
            "receipt": receipt.to_string(), "header": "", "signature": hex([1; 64]),
            "payload": null, "state": { "is": "missing" },
        })
    };
    let cut = sequence(&[heartbeat(), head_item(4, Vec::new())]);
    vec![
        case("nothing yet", &[], Vec::new()),
        case("a heartbeat", &[heartbeat()], vec![beats()]),
        case("a head", &[head_item(4, Vec::new())], vec![head_said(4, &[])]),
        case(
            "heads and heartbeats",
            &[head_item(4, Vec::new()), heartbeat(), head_item(9, Vec::new()), heartbeat()],
            vec![head_said(4, &[]), beats(), head_said(9, &[]), beats()],
        ),
        case("entries that ride along", &[head_item(9, riders)], vec![head_said(9, &riders_said)]),
        case(
            "64 riders",
            &[head_item(9, (1..=64).map(ascending).collect())],
            vec![head_said(9, &(1..=64).map(short_said).collect::<Vec<_>>())],
        )
        .flag("Boundary"),
        case(
            "a space that is over, and another that goes on",
            &[space_over("space.not_served"), head_item(4, Vec::new())],
            vec![
                json!({
                    "item": "space over", "space": hex(SPACE),
                    "error": error_said("space.not_served", 404),
                }),
                head_said(4, &[]),
            ],
        ),
        Case::valid("what follows over is not looked at")
            .flag("After")
            .hex("bytes", [sequence(&[over("node.draining")]), vec![0x9f, 0xff]].concat())
            .value("items", vec![over_said("node.draining", 503)]),
        Case::valid("a head after over is not one of the feed")
            .flag("After")
            .hex("bytes", sequence(&[over("login.token"), head_item(4, Vec::new())]))
            .value("items", vec![over_said("login.token", 401)]),
        case("the token has expired", &[over("login.token")], vec![over_said("login.token", 401)]),
        case("the node stops", &[over("node.draining")], vec![over_said("node.draining", 503)]),
        Case::valid("cut inside a head")
            .flag("Cut")
            .hex("bytes", &cut[..cut.len() - 20])
            .value("items", vec![beats()]),
        Case::valid("cut in the first byte of an item")
            .flag("Cut")
            .hex("bytes", [sequence(&[heartbeat()]), vec![0x84]].concat())
            .value("items", vec![beats()]),
    ]
}

fn refused() -> Vec<Case> {
    let case = |comment: &str, code, clause, items: &[Element]| {
        Case::invalid(comment, code, clause).hex("bytes", sequence(items))
    };
    let bounds = |comment, item: Element| case(comment, "cbor.bounds", "CBOR-10", &[item]);
    let count = |comment, item: Element| case(comment, "cbor.count", "CBOR-9", &[item]);
    let unexpected = |comment, item: Element| case(comment, "cbor.unexpected", "CBOR-9", &[item]);
    let world = World::new("feed");
    let sample = world.chain(1).remove(0);
    let good = || head_item(9, vec![rider(&sample, 3, sample.payload())]);
    let with = |path: &[usize], value| good().with(path, value);
    let two = |first, second| {
        head_item(
            9,
            vec![rider(&sample, first, sample.payload()), rider(&sample, second, sample.payload())],
        )
    };
    let heavy = |receipt, payload: usize| {
        Array(vec![
            Number(receipt),
            Element::of([]),
            Element::of([0; 64]),
            Element::of(vec![0; payload]),
        ])
    };
    vec![
        bounds("tag 4", Array(vec![Number(4)])),
        bounds("tag 2^64 - 1", Array(vec![Number(u64::MAX), Null])),
        bounds("seven elements", Array(vec![Number(0); 7])),
        count("an empty array", Array(Vec::new())),
        count("a heartbeat with more", Array(vec![Number(0), Number(0)])),
        count("over without an error", Array(vec![Number(1)])),
        count("over of five elements", over("login.token").without(5)),
        count("a head without riders", good().without(3)),
        count("a head of five elements", good().and(Null)),
        count("a space over without an error", space_over("space.not_served").without(2)),
        count("a space over with an error of four elements", {
            space_over("space.not_served").with(&[2], Array(vec![Number(0); 4]))
        }),
        unexpected("an integer", Number(0)),
        unexpected("a map", Map(Vec::new())),
        unexpected("a tag as text", Array(vec![Text("heartbeat")])),
        unexpected("a head null", with(&[2], Null)),
        unexpected("riders null", with(&[3], Null)),
        unexpected("a rider null", with(&[3, 0], Null)),
        unexpected("a rider with a header as text", with(&[3, 0, 1], Text("header"))),
        unexpected("a rider with a payload null", with(&[3, 0, 3], Null)),
        unexpected("a space over with an error as text", {
            space_over("space.not_served").with(&[2], Text("space.not_served"))
        }),
        bounds("a space of 31 bytes", with(&[1], Element::of([1; 31]))),
        bounds(
            "a head whose counting digest has 31 bytes",
            with(&[2], {
                let bytes = Element::of([1; 32]);
                let counted = || Array(vec![Number(1), bytes.clone()]);
                Array(vec![
                    Element::of([1; 16]),
                    Number(1),
                    bytes.clone(),
                    counted(),
                    counted(),
                    Array(vec![Number(1), Element::of([1; 31])]),
                    counted(),
                    Null,
                ])
            }),
        ),
        bounds("65 riders", with(&[3], Array(vec![Number(0); 65]))),
        count("a rider of three elements", with(&[3, 0], Array(vec![Number(0); 3]))),
        bounds("a rider with receipt 0", with(&[3, 0, 0], Number(0))),
        bounds("a rider with receipt 2^63", with(&[3, 0, 0], Number(1 << 63))),
        bounds("riders descending", two(3, 2)),
        bounds("a receipt twice", two(3, 3)),
        bounds(
            "a rider with a header of 8 KiB and 1",
            with(&[3, 0, 1], Element::of(vec![0; 8_193])),
        ),
        bounds("a rider with a signature of 63 bytes", with(&[3, 0, 2], Element::of([0; 63]))),
        bounds("a rider with state 2 and no id", with(&[3, 0, 3], Number(2))),
        bounds("64 KiB and 1 of riders", head_item(9, vec![heavy(1, 32_704), heavy(2, 32_705)]))
            .flag("Boundary"),
        bounds("over with a code in upper case", over("Login.token")),
        bounds("a space over with an empty code", space_over("")),
        case(
            "a fault behind good items",
            "cbor.bounds",
            "CBOR-10",
            &[heartbeat(), head_item(4, Vec::new()), Array(vec![Number(4)])],
        ),
        case("an array without end", "cbor.indefinite", "CBOR-4", &[Raw(vec![0x9f, 0, 0xff])]),
        case(
            "a tag not in its shortest form",
            "cbor.not_shortest",
            "CBOR-3",
            &[Raw(vec![0x81, 0x18, 0])],
        ),
        case("a float", "cbor.type", "CBOR-5", &[Raw(vec![0xf9, 0, 0])]),
    ]
}
