//! What a node says of itself: capabilities, spaces, status.

use serde_json::{Value, json};

use super::{Message, bytes_list, hex_list, long_text, spaces, zeros};
use crate::vectors::Random;
use crate::vectors::wire::parts::{Array, Bool, Bytes, Element, Map, Null, Number, Text};

pub(super) fn messages() -> Vec<Message> {
    vec![capabilities()]
}

const MOST: [u64; 7] = [16_777_216, 4_096, 16_777_216, 65_536, 10_000, 4_096, 4_096];

fn range(min: u64, max: u64) -> Element {
    Array(vec![Number(min), Number(max)])
}

/// The map with its five keys: some replaced, some taken out, some added behind them.
fn with(changes: &[(u64, Option<Element>)]) -> Element {
    let node: [u8; 32] = Random::new("node").array();
    let rungs = ["heads", "cursor", "bloom", "scan"].map(Text).to_vec();
    let mut pairs = vec![
        (1, range(1, 1)),
        (2, Element::of(node)),
        (3, Array(rungs)),
        (4, Array(Vec::new())),
        (5, Array(MOST.map(Number).to_vec())),
    ];
    for (key, value) in changes {
        let at = pairs.iter().position(|(known, _)| known >= key).unwrap_or(pairs.len());
        if pairs.get(at).is_some_and(|(known, _)| known == key) {
            pairs.remove(at);
        }
        if let Some(value) = value {
            pairs.insert(at, (*key, value.clone()));
        }
    }
    Map(pairs)
}

fn fields(changes: &[(&str, Value)]) -> Value {
    let node: [u8; 32] = Random::new("node").array();
    let names = ["putBytes", "putEntries", "pageBytes", "pageItems", "ids", "pages", "feedSpaces"];
    let limits: serde_json::Map<String, Value> = names
        .into_iter()
        .zip(MOST)
        .map(|(name, most)| (name.to_owned(), most.to_string().into()))
        .collect();
    let mut fields = json!({
        "versions": { "min": "1", "max": "1" },
        "node": hex_list([node]).remove(0),
        "rungs": ["heads", "cursor", "bloom", "scan"],
        "features": [],
        "limits": limits,
    });
    for (name, value) in changes {
        fields[*name] = value.clone();
    }
    fields
}

fn capabilities() -> Message {
    let ones = json!({
        "putBytes": "1", "putEntries": "1", "pageBytes": "1", "pageItems": "1", "ids": "1",
        "pages": "1", "feedSpaces": "1",
    });
    let unknown = Array(vec![Text("heads"), Text("heads"), Text("a.b_9"), Text("zeta")]);
    let names = json!(["heads", "heads", "a.b_9", "zeta"]);
    let nested = Array(vec![Map(vec![(0, Array(vec![Text("anything"), Null, Bool(true)]))])]);
    let many: Vec<(u64, Option<Element>)> = (6..65).map(|key| (key, Some(Null))).collect();
    let too_many: Vec<(u64, Option<Element>)> = (6..66).map(|key| (key, Some(Null))).collect();
    let long = "x".repeat(64);
    let mut message = Message::new("capabilities", with(&[]))
        .good("a node of this version", fields(&[]))
        .edge(
            "all limits 1",
            &with(&[(5, Some(Array(vec![Number(1); 7])))]),
            fields(&[("limits", ones)]),
        )
        .edge(
            "versions 0 to 65,535",
            &with(&[(1, Some(range(0, 65_535)))]),
            fields(&[("versions", json!({ "min": "0", "max": "65535" }))]),
        )
        .also_good(
            "versions this text does not describe",
            &with(&[(1, Some(range(2, 7)))]),
            fields(&[("versions", json!({ "min": "2", "max": "7" }))]),
        )
        .also_good(
            "unknown and repeated names are kept",
            &with(&[(3, Some(unknown.clone())), (4, Some(unknown))]),
            fields(&[("rungs", names.clone()), ("features", names)]),
        )
        .edge(
            "no rungs, 64 features",
            &with(&[
                (3, Some(Array(Vec::new()))),
                (4, Some(Array(vec![Element::text(&long); 64]))),
            ]),
            fields(&[("rungs", json!([])), ("features", vec![long.clone(); 64].into())]),
        )
        .later("an unknown key", &with(&[(6, Some(nested))]), fields(&[]))
        .later("key 0", &with(&[(0, Some(Null))]), fields(&[]))
        .later("key 2^63 - 1", &with(&[((1 << 63) - 1, Some(Bytes(vec![1])))]), fields(&[]))
        .later("64 keys", &with(&many), fields(&[]))
        .bad("65 keys", "cbor.bounds", &with(&too_many))
        .bad("key 2^63", "cbor.bounds", &with(&[(1 << 63, Some(Null))]));
    for (key, what) in
        [(1, "versions"), (2, "node key"), (3, "rungs"), (4, "features"), (5, "limits")]
    {
        message = message.bad(&format!("no {what}"), "cbor.count", &with(&[(key, None)]));
    }
    for (key, comment, value) in [
        (1, "versions from 2 to 1", range(2, 1)),
        (1, "version 65,536", range(1, 65_536)),
        (2, "node key of 31 bytes", Element::of([1; 31])),
        (3, "65 rungs", zeros(65)),
        (3, "an empty name", Array(vec![Text("")])),
        (3, "a name in upper case", Array(vec![Text("Heads")])),
        (3, "a name with a hyphen", Array(vec![Text("a-b")])),
        (3, "a name of 65 bytes", Array(vec![long_text(65)])),
        (4, "65 features", zeros(65)),
        (4, "a name beyond ASCII", Array(vec![Text("é")])),
    ] {
        message = message.bad(comment, "cbor.bounds", &with(&[(key, Some(value))]));
    }
    for (at, most) in MOST.into_iter().enumerate() {
        let limits = |value| {
            let mut limits = MOST.map(Number);
            limits[at] = Number(value);
            with(&[(5, Some(Array(limits.to_vec())))])
        };
        let number = at + 1;
        message = message.bad(&format!("limit {number} is 0"), "cbor.bounds", &limits(0)).bad(
            &format!("limit {number} is {}", most + 1),
            "cbor.bounds",
            &limits(most + 1),
        );
    }
    message
        .bad("one version", "cbor.count", &with(&[(1, Some(Array(vec![Number(1)])))]))
        .bad("six limits", "cbor.count", &with(&[(5, Some(zeros(6)))]))
        .bad("eight limits", "cbor.count", &with(&[(5, Some(zeros(8)))]))
        .bad("versions as text", "cbor.unexpected", &with(&[(1, Some(Text("1-1")))]))
        .bad("a name as bytes", "cbor.unexpected", &with(&[(3, Some(bytes_list([b"heads"])))]))
        .bad("limits null", "cbor.unexpected", &with(&[(5, Some(Null))]))
        .bad("no keys", "cbor.count", &Map(Vec::new()))
        .bad("keys descending", "cbor.map_keys", &Map(vec![(2, Null), (1, Null)]))
        .bad("a key twice", "cbor.map_keys", &Map(vec![(1, range(1, 1)), (1, range(1, 1))]))
        .every_fault()
}

/// `[spaces, end]`.
pub(super) fn spaces_answer() -> Message {
    let list = spaces(2);
    let (first, second) = (Element::of(list[0]), Element::of(list[1]));
    let base = Array(vec![bytes_list(&list), Bool(false)]);
    Message::new("spaces answer", base)
        .good("two spaces, and more to come", json!({ "spaces": hex_list(&list), "end": false }))
        .also_good(
            "none",
            &Array(vec![Array(Vec::new()), Bool(true)]),
            json!({ "spaces": [], "end": true }),
        )
        .bounds("4,097 spaces", &[0], zeros(4_097))
        .bounds("spaces descending", &[0], Array(vec![second, first.clone()]))
        .bounds("a space twice", &[0], Array(vec![first.clone(), first]))
        .bounds("a space of 31 bytes", &[0, 0], Element::of([1; 31]))
        .unexpected("end as an integer", &[1], Number(1))
        .unexpected("spaces null", &[0], Null)
        .fixed()
}

/// An array of statuses (WIRE-39).
pub(super) fn status_answer() -> Message {
    let one = |engine: &'static str, durability: Element, impairments: Vec<Element>| {
        let mut elements = vec![Text(engine), durability];
        elements.extend((1..=7).map(|n| Number(1000 * n)));
        elements.push(Array(impairments));
        Array(elements)
    };
    let said = |engine: &str, durability: Value, impairments: &[&str]| {
        json!({
            "engine": engine, "durability": durability, "entries": "1000", "payloadBytes": "2000",
            "diskBytes": "3000", "commits": "4000", "fsyncs": "5000", "compactionsRunning": "6000",
            "compactionPendingBytes": "7000", "impairments": impairments,
        })
    };
    let interval = |ms| Array(vec![Number(1), Number(ms)]);
    let every = json!({ "is": "every commit" });
    let base = Array(vec![one("rocksdb", Number(0), Vec::new())]);
    let chain = Array(vec![
        one("network", Number(3), vec![Text("upstream.unavailable")]),
        one("cache", interval(250), Vec::new()),
        one("memory", Number(2), Vec::new()),
    ]);
    let says = json!({ "statuses": [
        said("network", json!({ "is": "upstream" }), &["upstream.unavailable"]),
        said("cache", json!({ "is": "interval", "milliseconds": "250" }), &[]),
        said("memory", json!({ "is": "none" }), &[]),
    ] });
    let longest = "x".repeat(64);
    let mut highest = vec![Element::text(&longest), interval((1 << 63) - 1)];
    highest.extend(vec![Number((1 << 63) - 1); 7]);
    highest.push(Array(vec![Element::text(&longest); 16]));
    let number = ((1_u64 << 63) - 1).to_string();
    let highest_says = json!({
        "engine": longest, "durability": { "is": "interval", "milliseconds": number },
        "entries": number, "payloadBytes": number, "diskBytes": number, "commits": number,
        "fsyncs": number, "compactionsRunning": number, "compactionPendingBytes": number,
        "impairments": vec![longest.clone(); 16],
    });
    let mut message = Message::new("status answer", base)
        .good("one store", json!({ "statuses": [said("rocksdb", every.clone(), &[])] }))
        .also_good("a store behind two others", &chain, says)
        .edge(
            "17 stores",
            &Array(vec![one("network", Number(0), Vec::new()); 17]),
            json!({ "statuses": vec![said("network", every.clone(), &[]); 17] }),
        )
        .edge(
            "everything at its highest",
            &Array(vec![Array(highest)]),
            json!({ "statuses": [highest_says] }),
        )
        .also_good(
            "an engine without a name",
            &Array(vec![one("", Number(0), Vec::new())]),
            json!({ "statuses": [said("", every, &[])] }),
        )
        .bad("no store", "cbor.bounds", &Array(Vec::new()))
        .bad("18 stores", "cbor.bounds", &zeros(18))
        .bounds("an engine name of 65 bytes", &[0, 0], long_text(65))
        .bounds("durability 1 without an interval", &[0, 1], Number(1))
        .bounds("durability 4", &[0, 1], Number(4))
        .bounds("durability 0 with an interval", &[0, 1], Array(vec![Number(0), Number(1)]))
        .bounds("an interval of 2^63", &[0, 1], interval(1 << 63))
        .bounds("17 impairments", &[0, 9], zeros(17))
        .bounds("an impairment in upper case", &[0, 9], Array(vec![Text("Stale")]));
    for at in 2..9 {
        message = message.bounds(&format!("figure {} is 2^63", at - 1), &[0, at], Number(1 << 63));
    }
    message
        .count("an interval without its length", &[0, 1], Array(vec![Number(1)]))
        .count("a status of nine elements", &[0], zeros(9))
        .unexpected("an engine as bytes", &[0, 0], Element::of(b"x"))
        .unexpected("durability null", &[0, 1], Null)
        .unexpected("a figure null", &[0, 2], Null)
        .unexpected("an impairment as an integer", &[0, 9], zeros(1))
        .unexpected("a status null", &[0], Null)
        .every_fault()
}
