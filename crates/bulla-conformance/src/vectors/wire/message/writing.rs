//! The answer to put (WIRE-31).

use serde_json::{Value, json};

use super::{Message, zeros};
use crate::vectors::Random;
use crate::vectors::wire::hex;
use crate::vectors::wire::parts::{Array, Bool, Element, Null, Number, Text};

pub(super) fn messages() -> Vec<Message> {
    vec![put_answer()]
}

fn bytes<const N: usize>(label: &str) -> [u8; N] {
    Random::new(&format!("put answer {label}")).array()
}

fn answer(outcomes: Vec<Element>, count: u64) -> Element {
    let acknowledgement = Array(vec![
        Element::of(bytes::<32>("node")),
        Element::of(bytes::<32>("space")),
        Element::of(bytes::<16>("lineage")),
        Number(count),
        Element::of(bytes::<32>("digest")),
        Element::of(bytes::<64>("signature")),
    ]);
    Array(vec![Element::of(bytes::<16>("lineage")), Array(outcomes), acknowledgement])
}

fn says(outcomes: &Value, count: u64) -> Value {
    json!({
        "lineage": hex(bytes::<16>("lineage")),
        "outcomes": outcomes,
        "acknowledgement": {
            "node": hex(bytes::<32>("node")), "space": hex(bytes::<32>("space")),
            "lineage": hex(bytes::<16>("lineage")), "count": count.to_string(),
            "digest": hex(bytes::<32>("digest")), "signature": hex(bytes::<64>("signature")),
        },
    })
}

fn put_answer() -> Message {
    let outcome = |elements: &[u64]| Array(elements.iter().copied().map(Number).collect());
    let refused = |code, retryable| Array(vec![Number(3), code, retryable]);
    let outcomes = vec![
        outcome(&[0, 7]),
        outcome(&[1, 3]),
        outcome(&[2, 4]),
        refused(Text("entry.signature"), Bool(false)),
        refused(Text("store.full"), Bool(true)),
        refused(Text("code.of_a_later_version"), Bool(false)),
        outcome(&[4]),
    ];
    let said = json!([
        { "is": "stored", "receipt": "7" },
        { "is": "duplicate", "receipt": "3" },
        { "is": "payload added", "receipt": "4" },
        { "is": "refused", "code": "entry.signature", "retryable": false },
        { "is": "refused", "code": "store.full", "retryable": true },
        { "is": "refused", "code": "code.of_a_later_version", "retryable": false },
        { "is": "pending" },
    ]);
    let highest = json!([{ "is": "stored", "receipt": ((1_u64 << 63) - 1).to_string() }]);
    Message::new("put answer", answer(outcomes, 3))
        .good("every outcome", says(&said, 3))
        .also_good("no entries", &answer(Vec::new(), 0), says(&json!([]), 0))
        .edge("receipt 2^63 - 1", &answer(vec![outcome(&[0, (1 << 63) - 1])], 1), says(&highest, 1))
        .bounds("4,097 outcomes", &[1], zeros(4_097))
        .bounds("lineage of 15 bytes", &[0], Element::of([1; 15]))
        .bounds("stored with receipt 0", &[1, 0], outcome(&[0, 0]))
        .bounds("duplicate with receipt 0", &[1, 0], outcome(&[1, 0]))
        .bounds("payload added with receipt 2^63", &[1, 0], outcome(&[2, 1 << 63]))
        .bounds("outcome 5", &[1, 0], outcome(&[5]))
        .bounds("outcome 2^64 - 1", &[1, 0], outcome(&[u64::MAX, 1]))
        .bounds("an outcome of four elements", &[1, 0], outcome(&[0, 1, 2, 3]))
        .bounds("refused with a code in upper case", &[1, 0], refused(Text("Full"), Bool(true)))
        .bounds("refused with an empty code", &[1, 0], refused(Text(""), Bool(true)))
        .count("an empty outcome", &[1, 0], outcome(&[]))
        .count("stored without a receipt", &[1, 0], outcome(&[0]))
        .count("duplicate with more", &[1, 0], outcome(&[1, 2, 3]))
        .count("refused without a reason", &[1, 0], outcome(&[3]))
        .count("pending with a receipt", &[1, 0], outcome(&[4, 1]))
        .unexpected("an outcome as an integer", &[1, 0], Number(0))
        .unexpected("an outcome named by text", &[1, 0], Array(vec![Text("stored"), Number(1)]))
        .unexpected("retryable as an integer", &[1, 0], refused(Text("store.full"), Number(1)))
        .unexpected("a receipt null", &[1, 0, 1], Null)
        .unexpected("no acknowledgement", &[2], Null)
        .count("an acknowledgement of five elements", &[2], zeros(5))
        .bounds("node key of 31 bytes in it", &[2, 0], Element::of([1; 31]))
        .bounds("space of 33 bytes in it", &[2, 1], Element::of([1; 33]))
        .bounds("lineage of 17 bytes in it", &[2, 2], Element::of([1; 17]))
        .bounds("4,097 entries acknowledged", &[2, 3], Number(4_097))
        .bounds("digest of 31 bytes in it", &[2, 4], Element::of([1; 31]))
        .bounds("signature of 63 bytes in it", &[2, 5], Element::of([1; 63]))
        .fixed()
}
