//! The messages of a login (WIRE-20 to WIRE-23), and the list of spaces after it.

use serde_json::{Value, json};

use super::node::spaces_answer;
use super::{Message, bytes_list, hex_list, long_text, spaces, zeros};
use crate::vectors::Random;
use crate::vectors::wire::hex;
use crate::vectors::wire::parts::{Array, Element, Null, Number, Text};

pub(super) fn messages() -> Vec<Message> {
    vec![challenge_request(), challenge_answer(), login_request(), login_answer(), spaces_answer()]
}

fn bytes<const N: usize>(label: &str) -> [u8; N] {
    Random::new(&format!("login message {label}")).array()
}

fn request(origin: Element, spaces: Element) -> Element {
    let (client, nonce) = (bytes::<32>("client"), bytes::<32>("client nonce"));
    Array(vec![Element::of(client), Element::of(nonce), origin, spaces])
}

fn said(origin: &str, spaces: &[[u8; 32]]) -> Value {
    json!({
        "client": hex(bytes::<32>("client")), "nonce": hex(bytes::<32>("client nonce")),
        "origin": origin, "spaces": hex_list(spaces),
    })
}

const ORIGIN: &str = "https://relay.example:7440";

fn challenge_request() -> Message {
    let list = spaces(2);
    let full = spaces(256);
    let longest = format!("https://{}", "x".repeat(248));
    let (first, second) = (Element::of(list[0]), Element::of(list[1]));
    let base = request(Text(ORIGIN), bytes_list(&list));
    Message::new("challenge request", base)
        .good("two spaces", said(ORIGIN, &list))
        .also_good("all spaces", &request(Text(ORIGIN), Array(Vec::new())), said(ORIGIN, &[]))
        .edge(
            "an origin of 256 characters, 256 spaces",
            &request(Element::text(&longest), bytes_list(&full)),
            said(&longest, &full),
        )
        .edge("an origin of one character", &request(Text("!"), Array(Vec::new())), said("!", &[]))
        .bounds("client key of 31 bytes", &[0], Element::of([1; 31]))
        .bounds("nonce of 33 bytes", &[1], Element::of([1; 33]))
        .bounds("an empty origin", &[2], Text(""))
        .bounds("an origin of 257 characters", &[2], long_text(257))
        .bounds("an origin with a space", &[2], Text("https://relay example"))
        .bounds("an origin with a line feed", &[2], Text("https://relay\n"))
        .bounds("an origin with DEL", &[2], Text("https://relay\u{7f}"))
        .bounds("an origin beyond ASCII", &[2], Text("https://relais.exämple"))
        .bounds("257 spaces", &[3], zeros(257))
        .bounds("spaces descending", &[3], Array(vec![second, first.clone()]))
        .bounds("a space twice", &[3], Array(vec![first.clone(), first]))
        .bounds("a space of 16 bytes", &[3, 1], Element::of([1; 16]))
        .unexpected("origin as bytes", &[2], Element::of(b"https://relay.example"))
        .unexpected("client key as text", &[0], Text("client"))
        .unexpected("spaces null", &[3], Null)
        .fixed()
}

fn challenge_answer() -> Message {
    let elements = |time| {
        Array(vec![
            Element::of(bytes::<32>("node")),
            Element::of(bytes::<32>("node nonce")),
            Number(time),
            Element::of(bytes::<32>("tag")),
            Element::of(bytes::<64>("node signature")),
        ])
    };
    let says = |time: u64| {
        json!({
            "node": hex(bytes::<32>("node")), "nonce": hex(bytes::<32>("node nonce")),
            "time": time.to_string(), "tag": hex(bytes::<32>("tag")),
            "signature": hex(bytes::<64>("node signature")),
        })
    };
    let highest = (1 << 63) - 1;
    Message::new("challenge answer", elements(1_790_000_000_000))
        .good("a challenge", says(1_790_000_000_000))
        .edge("time 0", &elements(0), says(0))
        .edge("time 2^63 - 1", &elements(highest), says(highest))
        .bounds("node key of 33 bytes", &[0], Element::of([1; 33]))
        .bounds("nonce of 31 bytes", &[1], Element::of([1; 31]))
        .bounds("time 2^63", &[2], Number(1 << 63))
        .bounds("tag of 16 bytes", &[3], Element::of([1; 16]))
        .bounds("signature of 32 bytes", &[4], Element::of([1; 32]))
        .unexpected("time null", &[2], Null)
        .unexpected("signature as text", &[4], Text("signature"))
        .fixed()
}

fn login_request() -> Message {
    let list = spaces(2);
    let base = Array(vec![
        request(Text(ORIGIN), bytes_list(&list)),
        Element::of(bytes::<32>("node nonce")),
        Number(1_790_000_000_000),
        Element::of(bytes::<32>("tag")),
        Element::of(bytes::<64>("client signature")),
    ]);
    let says = json!({
        "request": said(ORIGIN, &list), "nonce": hex(bytes::<32>("node nonce")),
        "time": "1790000000000", "tag": hex(bytes::<32>("tag")),
        "signature": hex(bytes::<64>("client signature")),
    });
    Message::new("login request", base)
        .good("a login", says)
        .bounds("an empty origin inside", &[0, 2], Text(""))
        .bounds("a space twice inside", &[0, 3, 0], Element::of(list[1]))
        .bounds("nonce of 31 bytes", &[1], Element::of([1; 31]))
        .bounds("time 2^63", &[2], Number(1 << 63))
        .bounds("tag of 33 bytes", &[3], Element::of([1; 33]))
        .bounds("signature of 65 bytes", &[4], Element::of([1; 65]))
        .count("a challenge request of three elements", &[0], zeros(3))
        .unexpected("no challenge request", &[0], Null)
        .unexpected("tag as text", &[3], Text("tag"))
        .fixed()
}

fn login_answer() -> Message {
    let token: [u8; 32] = bytes("token");
    let elements = |lifetime| Array(vec![Element::of(token), Number(lifetime)]);
    let says = |lifetime: u64| json!({ "token": hex(token), "lifetime": lifetime.to_string() });
    let highest = (1 << 63) - 1;
    Message::new("login answer", elements(900_000))
        .good("a token for 15 minutes", says(900_000))
        .edge("a lifetime of 0", &elements(0), says(0))
        .edge("a lifetime of 2^63 - 1", &elements(highest), says(highest))
        .bounds("token of 31 bytes", &[0], Element::of([1; 31]))
        .bounds("token of 33 bytes", &[0], Element::of([1; 33]))
        .bounds("a lifetime of 2^63", &[1], Number(1 << 63))
        .unexpected("token as text", &[0], Text("token"))
        .unexpected("a lifetime of null", &[1], Null)
        .fixed()
}
