//! `message.json`: every request and answer that is one item (chapters `wire.md` and `errors.md`).

mod errors;
mod fields;
mod logins;
mod mailboxes;
mod node;
mod reading;
mod writing;

use bulla_core::cbor::CborError;
use serde_json::Value;

pub(super) use fields::{error as error_json, error_shape};

use super::parts::{Array, Element, Number};
use crate::vectors::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};

/// Requests and answers that are one item.
pub(in crate::vectors) struct Messages;

/// The messages by the name in the file.
const NAMES: &[&str] = &[
    "capabilities",
    "challenge request",
    "challenge answer",
    "login request",
    "login answer",
    "spaces answer",
    "put answer",
    "get request",
    "has request",
    "has answer",
    "scan request",
    "summary request",
    "summary answer",
    "status answer",
    "feed request",
    "mailbox open",
    "mailbox",
    "mailbox answer",
    "error",
];

impl Format for Messages {
    fn name(&self) -> &'static str {
        "message"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![Field::required("message", Shape::OneOf(NAMES), "which message the cases are")]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("bytes", Shape::Hex, "the message"),
            Field::optional("fields", fields::shape(), "what it says"),
        ]
    }

    fn generate(&self) -> File {
        let messages = [
            node::messages(),
            logins::messages(),
            writing::messages(),
            reading::messages(),
            mailboxes::messages(),
        ];
        let mut groups: Vec<Message> = messages.into_iter().flatten().collect();
        groups.push(errors::message());
        assert!(
            groups.iter().map(|message| message.name).eq(NAMES.iter().copied()),
            "all are there"
        );
        let file = File::new()
            .note("Requests and answers that are one item: WIRE-20 to WIRE-40, WIRE-43 to WIRE-45, CAP-2 to CAP-5, FEED-2, ERR-4 and ERR-5.")
            .note("Bytes are written element by element. The answer to head is a head: see head.json.")
            .flag("Boundary", "a value at the edge of what is allowed")
            .flag("Later", "what a later version may add, and this one passes over");
        groups.into_iter().fold(file, |file, message| file.group(message.group()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("bytes")?;
        match fields::read(inputs.text("message")?, &bytes)? {
            Ok(read) => {
                Mismatch::unless_equal("fields", inputs.value("fields")?, &read.fields)?;
                // What a later version added is not written again.
                if !has_flag(inputs, "Later") {
                    Mismatch::unless_equal("bytes written again", &bytes, &read.encoded)?;
                }
                Ok(Verdict::Valid)
            }
            Err(error) => Ok(refused(&error)),
        }
    }
}

fn has_flag(inputs: &Inputs<'_>, flag: &str) -> bool {
    inputs.find("flags").and_then(Value::as_array).is_some_and(|flags| flags.contains(&flag.into()))
}

fn refused(error: &CborError) -> Verdict {
    Verdict::refused(&error.kind.code(), error.kind.clause())
}

/// The cases of one message.
struct Message {
    name: &'static str,
    /// A good one, of which the bad ones are made.
    base: Element,
    cases: Vec<Case>,
}

impl Message {
    fn new(name: &'static str, base: Element) -> Self {
        Self { name, base, cases: Vec::new() }
    }

    /// Accepted, and says this.
    fn good(self, comment: &str, fields: Value) -> Self {
        let base = self.base.clone();
        self.also_good(comment, &base, fields)
    }

    fn also_good(mut self, comment: &str, message: &Element, fields: Value) -> Self {
        self.cases
            .push(Case::valid(comment).hex("bytes", message.to_bytes()).value("fields", fields));
        self
    }

    fn edge(mut self, comment: &str, message: &Element, fields: Value) -> Self {
        let case = Case::valid(comment).flag("Boundary");
        self.cases.push(case.hex("bytes", message.to_bytes()).value("fields", fields));
        self
    }

    fn later(mut self, comment: &str, message: &Element, fields: Value) -> Self {
        let case = Case::valid(comment).flag("Later");
        self.cases.push(case.hex("bytes", message.to_bytes()).value("fields", fields));
        self
    }

    /// Refused with `cbor.bounds`: the message with this element replaced.
    fn bounds(self, comment: &str, path: &[usize], value: Element) -> Self {
        let message = self.base.clone().with(path, value);
        self.bad(comment, "cbor.bounds", &message)
    }

    fn unexpected(self, comment: &str, path: &[usize], value: Element) -> Self {
        let message = self.base.clone().with(path, value);
        self.bad(comment, "cbor.unexpected", &message)
    }

    fn count(self, comment: &str, path: &[usize], value: Element) -> Self {
        let message = self.base.clone().with(path, value);
        self.bad(comment, "cbor.count", &message)
    }

    fn bad(mut self, comment: &str, code: &str, message: &Element) -> Self {
        let clause = match code {
            "cbor.bounds" => "CBOR-10",
            "cbor.unexpected" | "cbor.count" => "CBOR-9",
            "cbor.map_keys" => "CBOR-6",
            "cbor.not_shortest" => "CBOR-3",
            "cbor.type" => "CBOR-5",
            "cbor.utf8" => "CBOR-7",
            "cbor.depth" => "CBOR-8",
            _ => "CBOR-2",
        };
        self.cases.push(Case::invalid(comment, code, clause).hex("bytes", message.to_bytes()));
        self
    }

    /// The faults that every message can have: cut, trailing, another number of elements, another type.
    fn every_fault(self) -> Self {
        let bytes = self.base.to_bytes();
        let base = self.base.clone();
        let cut = Element::Raw(bytes[..bytes.len() - 1].to_vec());
        let trailing = Element::Raw([&bytes[..], &[0xf6]].concat());
        let message = self
            .bad("cut", "cbor.truncated", &cut)
            .bad("nothing", "cbor.truncated", &Element::Raw(Vec::new()))
            .bad("a byte after it", "cbor.trailing", &trailing)
            .bad("an integer", "cbor.unexpected", &Number(0));
        match base {
            Array(_) => message.bad("a map", "cbor.unexpected", &Element::Map(Vec::new())),
            _ => message.bad("an array", "cbor.unexpected", &Array(Vec::new())),
        }
    }

    /// The faults of an array of a fixed number of elements.
    fn fixed(self) -> Self {
        let base = self.base.clone();
        self.bad("one element too few", "cbor.count", &base.clone().without(0))
            .bad("one element too many", "cbor.count", &base.and(Number(0)))
            .bad("an empty array", "cbor.count", &Array(Vec::new()))
            .every_fault()
    }

    fn group(self) -> Group {
        Group::new().value("message", self.name).cases(self.cases)
    }
}

/// Text of that many bytes.
fn long_text(bytes: usize) -> Element {
    Element::text(&"x".repeat(bytes))
}

/// An array of that many zeros: too many elements, whatever they are.
fn zeros(count: usize) -> Element {
    Array(vec![Number(0); count])
}

/// Space ids that ascend.
fn spaces(count: u16) -> Vec<[u8; 32]> {
    (0..count)
        .map(|number| {
            let [high, low] = number.to_be_bytes();
            std::array::from_fn(|i| match i {
                0 => high,
                1 => low,
                _ => 0x5a,
            })
        })
        .collect()
}

fn bytes_list(list: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Element {
    Array(list.into_iter().map(Element::of).collect())
}

fn hex_list(list: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<String> {
    list.into_iter().map(super::hex).collect()
}
