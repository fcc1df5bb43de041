//! Errors as they are sent (ERR-2, ERR-4, ERR-5), and the HTTP status that goes with them (ERR-6).

use serde_json::{Value, json};

use super::{Message, long_text, zeros};
use crate::vectors::wire::hex;
use crate::vectors::wire::parts::{Array, Bool, Element, Map, Null, Number, Text};

pub(super) fn message() -> Message {
    let elements = |code, message: Element, retryable, after, details: Vec<(u64, Element)>| {
        Array(vec![code, message, Bool(retryable), after, Map(details)])
    };
    let says = |code: &str, message: &str, retryable: bool, after: Option<u64>, status: u16| {
        json!({
            "code": code, "message": message, "retryable": retryable,
            "retryAfter": after.map(|ms| ms.to_string()), "details": {}, "status": status,
        })
    };
    let plain = |code: &'static str, retryable| {
        elements(Text(code), Text("words"), retryable, Null, Vec::new())
    };
    let long = "x".repeat(64);
    let longest = "é".repeat(256);
    let mut message = Message::new("error", plain("store.full", true))
        .good("no space left", says("store.full", "words", true, None, 507))
        .also_good(
            "busy, and when to ask again",
            &elements(Text("node.busy"), Text(""), true, Number(250), Vec::new()),
            says("node.busy", "", true, Some(250), 429),
        )
        .edge(
            "ask again after 2^63 - 1 ms",
            &elements(Text("node.busy"), Text(""), true, Number((1 << 63) - 1), Vec::new()),
            says("node.busy", "", true, Some((1 << 63) - 1), 429),
        )
        .edge(
            "ask again at once",
            &elements(Text("node.busy"), Text(""), true, Number(0), Vec::new()),
            says("node.busy", "", true, Some(0), 429),
        )
        .also_good(
            "the node may know better than the table whether to retry",
            &plain("store.internal", true),
            says("store.internal", "words", true, None, 500),
        )
        .also_good(
            "a code of a later version, retryable",
            &plain("zeta.9_9", true),
            says("zeta.9_9", "words", true, None, 503),
        )
        .also_good(
            "a code of a later version, final",
            &plain("zeta", false),
            says("zeta", "words", false, None, 400),
        )
        .edge(
            "a code of 64 bytes, a message of 512",
            &elements(Element::text(&long), Element::text(&longest), false, Null, Vec::new()),
            says(&long, &longest, false, None, 400),
        );
    message = details(message);
    message
        .bounds("an empty code", &[0], Text(""))
        .bounds("a code of 65 bytes", &[0], long_text(65))
        .bounds("a code in upper case", &[0], Text("Store.full"))
        .bounds("a code with a space", &[0], Text("store full"))
        .bounds("a code with a hyphen", &[0], Text("store-full"))
        .bounds("a code with NUL", &[0], Text("store\0"))
        .bounds("a code beyond ASCII", &[0], Text("störe"))
        .bounds("a message of 513 bytes", &[1], long_text(513))
        .bounds("ask again after 2^63 ms", &[3], Number(1 << 63))
        .unexpected("code as an integer", &[0], Number(507))
        .unexpected("message null", &[1], Null)
        .unexpected("retryable as an integer", &[2], Number(1))
        .unexpected("retryable null", &[2], Null)
        .unexpected("ask again false", &[3], Bool(false))
        .unexpected("details null", &[4], Null)
        .unexpected("details as an array", &[4], Array(Vec::new()))
        .fixed()
}

fn details(mut message: Message) -> Message {
    let base = message.base.clone();
    let with = |pairs: Vec<(u64, Element)>| base.clone().with(&[4], Map(pairs));
    let said = |details: Value| {
        json!({
            "code": "store.full", "message": "words", "retryable": true, "retryAfter": null,
            "details": details, "status": 507,
        })
    };
    let versions = || Array(vec![Number(1), Number(3)]);
    let all = vec![
        (1, versions()),
        (2, Array(vec![Number(4), Number(4)])),
        (3, Element::of([3; 16])),
        (4, Element::of([4; 16])),
        (5, Number((1 << 63) - 1)),
        (6, Number(0)),
        (7, Element::of([7; 32])),
        (8, Element::of([8; 32])),
        (9, Element::of([9; 32])),
        (10, Element::of([10; 32])),
        (11, Element::of([11; 32])),
        (12, Element::of([12; 32])),
        (13, Text("read")),
    ];
    let all_said = json!({
        "nodeVersions": { "min": "1", "max": "3" },
        "clientVersions": { "min": "4", "max": "4" },
        "cursorLineage": hex([3; 16]), "storeLineage": hex([4; 16]),
        "cursorReceipt": ((1_u64 << 63) - 1).to_string(), "storeReceipt": "0",
        "cursorLogHash": hex([7; 32]), "storeLogHash": hex([8; 32]), "space": hex([9; 32]),
        "node": hex([10; 32]), "actualNode": hex([11; 32]), "entry": hex([12; 32]),
        "right": "read",
    });
    let unknown: Vec<(u64, Element)> = (14..46).map(|key| (key, Null)).collect();
    message = message
        .also_good("every detail", &with(all), said(all_said))
        .later(
            "unknown details around a known one",
            &with(vec![
                (0, Null),
                (9, Element::of([9; 32])),
                (14, Map(vec![(0, Array(vec![Text("anything")]))])),
                ((1 << 63) - 1, Bool(true)),
            ]),
            said(json!({ "space": hex([9; 32]) })),
        )
        .later("32 unknown details", &with(unknown), said(json!({})));
    for (key, length) in [(3, 16), (4, 16), (7, 32), (8, 32), (9, 32), (10, 32), (11, 32), (12, 32)]
    {
        let short = with(vec![(key, Element::of(vec![1; length - 1]))]);
        message =
            message.bad(&format!("detail {key} of {} bytes", length - 1), "cbor.bounds", &short);
    }
    for (key, comment, value) in [
        (1, "node versions from 3 to 1", Array(vec![Number(3), Number(1)])),
        (2, "client version 65,536", Array(vec![Number(0), Number(65_536)])),
        (5, "cursor receipt 2^63", Number(1 << 63)),
        (6, "store receipt 2^63", Number(1 << 63)),
        (13, "a right in upper case", Text("Read")),
        (1 << 63, "detail 2^63", Null),
    ] {
        message = message.bad(comment, "cbor.bounds", &with(vec![(key, value)]));
    }
    let many: Vec<(u64, Element)> = (14..47).map(|key| (key, Null)).collect();
    message
        .bad("33 details", "cbor.bounds", &with(many))
        .bad("node versions of one element", "cbor.count", &with(vec![(1, zeros(1))]))
        .bad("a right as bytes", "cbor.unexpected", &with(vec![(13, Element::of(b"read"))]))
        .bad("an entry null", "cbor.unexpected", &with(vec![(12, Null)]))
        .bad("details descending", "cbor.map_keys", &with(vec![(6, Number(1)), (5, Number(1))]))
        .bad("a detail twice", "cbor.map_keys", &with(vec![(6, Number(1)), (6, Number(1))]))
}
