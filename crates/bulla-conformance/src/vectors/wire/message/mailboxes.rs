//! What is asked of a node's mailboxes (WIRE-43 to WIRE-45). What a proof is over is in `mailbox.json`.

use serde_json::{Value, json};

use super::Message;
use crate::vectors::Random;
use crate::vectors::wire::hex;
use crate::vectors::wire::parts::{Array, Element, Null, Number, Text};

pub(super) fn messages() -> Vec<Message> {
    vec![open(), call(), answer()]
}

fn address() -> [u8; 32] {
    Random::new("mailbox message address").array()
}

fn proof() -> [u8; 64] {
    Random::new("mailbox message proof").array()
}

fn open() -> Message {
    let base = Array(vec![Element::of(address()), Element::of(proof())]);
    Message::new("mailbox open", base)
        .good("open", json!({ "address": hex(address()), "proof": hex(proof()) }))
        .bounds("an address of 31 bytes", &[0], Element::of([1; 31]))
        .bounds("a proof of 63 bytes", &[1], Element::of([1; 63]))
        .unexpected("an address as text", &[0], Text("address"))
        .unexpected("no proof", &[1], Null)
        .fixed()
}

fn about(operation: Vec<Element>) -> Element {
    Array(vec![Element::of(address()), Element::of(proof()), Array(operation)])
}

fn says(operation: &str, more: &[(&str, String)]) -> Value {
    let mut fields = json!({ "address": hex(address()), "proof": hex(proof()) });
    fields["operation"] = operation.into();
    for (name, value) in more {
        fields[*name] = value.clone().into();
    }
    fields
}

fn call() -> Message {
    let leave =
        |slot: u64, message: &[u8]| about(vec![Number(2), Number(slot), Element::of(message)]);
    let left = |slot: u64, message: &[u8]| {
        says("leave", &[("slot", slot.to_string()), ("content", hex(message))])
    };
    let fetch = |slot: u64| about(vec![Number(3), Number(slot)]);
    let fetched = |slot: u64| says("fetch", &[("slot", slot.to_string())]);
    let longest = vec![7; 8_192];
    Message::new("mailbox", leave(1, b"a message"))
        .good("leave a message", left(1, b"a message"))
        .also_good("leave nothing", &leave(8, b""), left(8, b""))
        .also_good("fetch", &fetch(2), fetched(2))
        .also_good("close", &about(vec![Number(4)]), says("close", &[]))
        .edge("slots that mailboxes do not have are judged later", &fetch(0), fetched(0))
        .edge("slot 255", &fetch(255), fetched(255))
        .edge("a message of 8,192 bytes is judged later", &leave(1, &longest), left(1, &longest))
        .bounds("an address of 33 bytes", &[0], Element::of([1; 33]))
        .bounds("a proof of 65 bytes", &[1], Element::of([1; 65]))
        .bounds("slot 256", &[2, 1], Number(256))
        .bounds("a message of 8,193 bytes", &[2, 2], Element::of(vec![7; 8_193]))
        .bounds("operation 0", &[2, 0], Number(0))
        .bounds("open, which is another request", &[2, 0], Number(1))
        .bounds("operation 5", &[2, 0], Number(5))
        .bad("open of one element", "cbor.bounds", &about(vec![Number(1)]))
        .bounds("an operation of four elements", &[2], Array(vec![Number(2); 4]))
        .count("an operation of no elements", &[2], Array(Vec::new()))
        .count("leave without a message", &[2], Array(vec![Number(2), Number(1)]))
        .count("fetch with a message", &[2], Array(vec![Number(3), Number(1), Element::of(b"x")]))
        .count("fetch without a slot", &[2], Array(vec![Number(3)]))
        .count("close with a slot", &[2], Array(vec![Number(4), Number(1)]))
        .unexpected("an operation alone", &[2], Number(4))
        .unexpected("a slot as text", &[2, 1], Text("1"))
        .unexpected("a message as text", &[2, 2], Text("a message"))
        .unexpected("an address as text", &[0], Text("address"))
        .fixed()
}

fn answer() -> Message {
    let longest = vec![7; 4_096];
    let says = |message: &[u8]| json!({ "content": hex(message) });
    Message::new("mailbox answer", Element::of(b"a message"))
        .good("a message", says(b"a message"))
        .also_good("nothing", &Null, json!({ "content": null }))
        .edge("an empty message", &Element::of(b""), says(b""))
        .edge("a message of 4,096 bytes", &Element::of(&longest), says(&longest))
        .bad("a message of 4,097 bytes", "cbor.bounds", &Element::of(vec![7; 4_097]))
        .bad("text", "cbor.unexpected", &Text("a message"))
        .every_fault()
}
