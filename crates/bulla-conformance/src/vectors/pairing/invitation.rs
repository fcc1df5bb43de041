//! `invitation.json`: what a device is given to come into a space (PAIR-10 to PAIR-13, PAIR-41).

use bulla_core::{AuthorKey, domain};
use bulla_pairing::Invitation;
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::super::keys::{Secrets, line};
use super::super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};
use super::parts::{Parts, item};

/// Invitations as text.
pub(in super::super) struct InvitationFormat;

const PREFIX: &str = "bulla-invite1-";

impl Format for InvitationFormat {
    fn name(&self) -> &'static str {
        "invitation"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("text", Shape::Text, "the invitation as text (PAIR-12)"),
            Field::optional("bytes", Shape::Hex, "its encoding (PAIR-10)"),
            Field::optional("space", Shape::HexOf(32), "the space"),
            Field::optional("inviterKey", Shape::HexOf(32), "Ed25519 key of the inviter"),
            Field::optional("node", Shape::nullable(Shape::Text), "the URL of a node"),
            Field::optional(
                "nodeKey",
                Shape::nullable(Shape::HexOf(32)),
                "its key, if there is one",
            ),
            Field::optional("expiryMinutes", Shape::Uint, "when it expires, as a hint"),
            Field::optional("id", Shape::HexOf(32), "its id (PAIR-11)"),
            Field::optional("mailbox", Shape::HexOf(32), "address of its mailbox (PAIR-41)"),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Invitations: read `text` and compare; encode again and compare `bytes`; that the inviter is the one whose key is `inviterKey`; derive id and mailbox.")
            .flag("Order", "breaks two rules; PAIR-13 says which is named")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(text_refusals()))
            .group(Group::new().cases(shape_refusals()))
            .group(Group::new().cases(node_refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let read = match inputs.text("text")?.parse::<Invitation>() {
            Ok(read) => read,
            Err(error) => {
                return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
            }
        };
        Mismatch::unless_equal("bytes", &inputs.hex("bytes")?, &*read.to_bytes())?;
        Mismatch::unless_equal("space", &inputs.array("space")?, &read.space().0)?;
        let inviter = AuthorKey(inputs.array("inviterKey")?);
        Mismatch::unless_equal("inviterKey", &true, &read.is_by(&inviter))?;
        let node = read.node().map(|node| (node.url.clone(), node.key.to_string())).unzip();
        Mismatch::unless_equal("node", inputs.value("node")?, &Value::from(node.0))?;
        Mismatch::unless_equal("nodeKey", inputs.value("nodeKey")?, &Value::from(node.1))?;
        let expiry = inputs.uint64("expiryMinutes")? * 60_000;
        Mismatch::unless_equal("expiryMinutes", &expiry, &read.expiry_hint_ms())?;
        Mismatch::unless_equal("id", &inputs.array("id")?, &read.id().0)?;
        Mismatch::unless_equal("mailbox", &inputs.array("mailbox")?, &read.mailbox().address().0)?;
        Ok(Verdict::Valid)
    }
}

fn text_of(bytes: &[u8]) -> String {
    line(PREFIX, domain::INVITATION_CHECKSUM, bytes)
}

fn good() -> (Secrets, Parts) {
    let secrets = Secrets::new("inviter");
    let parts = Parts::by(&secrets, "good");
    (secrets, parts)
}

fn valid() -> Vec<Case> {
    let case = |comment: &str, change: &dyn Fn(&mut Parts), wrap: &dyn Fn(String) -> String| {
        let (secrets, mut parts) = good();
        change(&mut parts);
        let bytes = parts.encode();
        Case::valid(comment)
            .value("text", wrap(text_of(&bytes)))
            .hex("bytes", bytes)
            .hex("space", &parts.space)
            .hex("inviterKey", secrets.keys().author())
            .value("node", parts.node.clone().map(|(url, _)| url))
            .value("nodeKey", parts.node.as_ref().map(|(_, key)| HEXLOWER.encode(key)))
            .value("expiryMinutes", parts.expiry)
            .hex("id", parts.id())
            .hex("mailbox", parts.mailbox().verifying_key().to_bytes())
    };
    let node = |url: &str| {
        let node = (url.to_owned(), vec![0xab; 32]);
        move |parts: &mut Parts| parts.node = Some(node.clone())
    };
    let same = |text: String| text;
    vec![
        case("without a node", &|_| (), &same),
        case("with a node", &node("https://relay.example.org:8443"), &same),
        case("a node of one character", &node("~"), &same),
        case("a node of 128 characters", &node(&"!".repeat(128)), &same),
        case("the first minute", &|parts| parts.expiry = 0, &same),
        case("the last minute", &|parts| parts.expiry = (1 << 32) - 1, &same),
        case(
            "the longest one",
            &|parts| {
                parts.node = Some(("n".repeat(128), vec![0xff; 32]));
                parts.expiry = (1 << 32) - 1;
            },
            &same,
        ),
        case(
            "another secret gives another id and mailbox",
            &|parts| parts.secret = vec![0; 16],
            &same,
        ),
        case("in upper case, as in a QR code", &|_| (), &|text| text.to_uppercase()),
        case("white space around the line", &|_| (), &|text| format!("\t\n\u{c}\r {text} \r\n")),
        case("in upper case, white space around it", &|_| (), &|text| {
            format!(" {}\n", text.to_uppercase())
        }),
    ]
}

fn text_refusals() -> Vec<Case> {
    let (_, parts) = good();
    let text = text_of(&parts.encode());
    let case = |comment: &str, code, text: String| {
        Case::invalid(comment, code, "PAIR-12").value("text", text)
    };
    let body = &text[PREFIX.len()..];
    let mut mistyped = text.clone();
    let other = if text.as_bytes()[60] == b'a' { "b" } else { "a" };
    mistyped.replace_range(60..=60, other);
    vec![
        case("nothing", "armour.prefix", String::new()),
        case("the prefix of a card", "armour.prefix", text.replace("invite", "card")),
        case("a prefix of version 2", "armour.prefix", text.replace("invite1", "invite2")),
        case(
            "the prefix alone in upper case",
            "armour.prefix",
            format!("{}{body}", PREFIX.to_uppercase()),
        ),
        case(
            "the rest alone in upper case",
            "armour.base32",
            format!("{PREFIX}{}", body.to_uppercase()),
        ),
        case("one letter in upper case", "armour.base32", {
            let at = body.find(|c: char| c.is_ascii_lowercase()).unwrap_or_default();
            let mut body = body.to_owned();
            body[at..=at].make_ascii_uppercase();
            format!("{PREFIX}{body}")
        }),
        case(
            "in upper case but for one letter beyond ASCII",
            "armour.base32",
            format!("{}\u{e4}", text.to_uppercase()),
        ),
        case("the prefix alone", "armour.checksum", PREFIX.to_owned()),
        case("longer than any", "armour.too_long", format!("{PREFIX}{}", "a".repeat(392))),
        case(
            "longer than any, in upper case",
            "armour.too_long",
            format!("{PREFIX}{}", "a".repeat(392)).to_uppercase(),
        ),
        case(
            "as long as the longest, in upper case",
            "armour.checksum",
            format!("{PREFIX}{}", "a".repeat(391)).to_uppercase(),
        ),
        case("a long text in upper case of something else", "armour.prefix", "A".repeat(450)),
        case(
            "upper case, spaces inside, longer than any",
            "armour.too_long",
            format!("{}{}A", PREFIX.to_uppercase(), " ".repeat(450)),
        ),
        case("as long as the longest", "armour.checksum", format!("{PREFIX}{}", "a".repeat(391))),
        case("a no-break space after it", "armour.base32", format!("{text}\u{a0}")),
        case("mistyped", "armour.checksum", mistyped),
        case("mistyped in upper case", "armour.checksum", {
            let mut text = text.to_uppercase();
            let other = if text.as_bytes()[60] == b'A' { "B" } else { "A" };
            text.replace_range(60..=60, other);
            text
        }),
        case(
            "the checksum of a message",
            "armour.checksum",
            line(PREFIX, domain::PAIRING_CHECKSUM, &parts.encode()),
        ),
    ]
}

fn shape_refusals() -> Vec<Case> {
    let (_, parts) = good();
    let bytes = parts.encode();
    let case = |comment: &str, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).value("text", text_of(&bytes))
    };
    let bounds = |comment: &str, change: &dyn Fn(&mut Parts)| {
        let (_, mut parts) = good();
        change(&mut parts);
        case(comment, "cbor.bounds", "CBOR-10", parts.encode())
    };
    vec![
        case("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        case("a byte after it", "cbor.trailing", "CBOR-2", [bytes.as_slice(), &[0]].concat()),
        case("a byte short", "cbor.truncated", "CBOR-2", bytes[..bytes.len() - 1].to_vec()),
        case("not an array", "cbor.unexpected", "CBOR-9", vec![0xa0]),
        case("no elements", "cbor.count", "CBOR-9", vec![0x80]),
        case("version 2 and nothing else", "invitation.version", "PAIR-10", vec![0x81, 2])
            .flag("Order"),
        case(
            "version 0",
            "invitation.version",
            "PAIR-10",
            Parts { version: 0, ..good().1 }.encode(),
        ),
        case(
            "version 2",
            "invitation.version",
            "PAIR-10",
            Parts { version: 2, ..good().1 }.encode(),
        ),
        case("one element", "cbor.count", "CBOR-9", vec![0x81, 1]),
        bounds("space of 31 bytes", &|parts| parts.space.truncate(31)),
        bounds("inviter of 15 bytes", &|parts| parts.inviter.truncate(15)),
        bounds("inviter of 32 bytes", &|parts| parts.inviter = vec![1; 32]),
        bounds("secret of 15 bytes", &|parts| parts.secret.truncate(15)),
        bounds("secret of 17 bytes", &|parts| parts.secret.push(0)),
        bounds("expiry beyond 32 bits", &|parts| parts.expiry = 1 << 32),
        case(
            "node is text alone",
            "cbor.unexpected",
            "CBOR-9",
            item(|w| {
                w.array(6).uint(1).bytes([1; 32]).bytes([1; 16]).bytes([1; 16]).text("x").uint(1);
            }),
        ),
        case(
            "node without a key",
            "cbor.count",
            "CBOR-9",
            item(|w| {
                w.array(6).uint(1).bytes([1; 32]).bytes([1; 16]).bytes([1; 16]);
                w.array(1).text("x").uint(1);
            }),
        ),
        case(
            "the URL is bytes",
            "cbor.unexpected",
            "CBOR-9",
            item(|w| {
                w.array(6).uint(1).bytes([1; 32]).bytes([1; 16]).bytes([1; 16]);
                w.array(2).bytes(b"x").bytes([1; 32]).uint(1);
            }),
        ),
        bounds("a node's key of 31 bytes", &|parts| {
            parts.node = Some(("x".to_owned(), vec![1; 31]));
        }),
        bounds("a node's key of 31 bytes, and a space in its URL", &|parts| {
            parts.node = Some((" ".to_owned(), vec![1; 31]));
        })
        .flag("Order"),
        case(
            "expiry is null",
            "cbor.unexpected",
            "CBOR-9",
            item(|w| {
                w.array(6).uint(1).bytes([1; 32]).bytes([1; 16]).bytes([1; 16]).null().null();
            }),
        ),
        case(
            "a node with a space and expiry beyond 32 bits",
            "cbor.bounds",
            "CBOR-10",
            Parts { node: Some((" ".to_owned(), vec![1; 32])), expiry: 1 << 32, ..good().1 }
                .encode(),
        )
        .flag("Order"),
    ]
}

fn node_refusals() -> Vec<Case> {
    let long = "n".repeat(129);
    [
        ("an empty node", ""),
        ("a node of 129 characters", long.as_str()),
        ("a node with a space", "https://a b"),
        ("a node with a line feed", "https://a\nb"),
        ("a node with an escape", "\u{1b}[2J"),
        ("a node with a delete", "https://a\u{7f}"),
        ("a node beyond ASCII", "https://b\u{fc}ro"),
    ]
    .into_iter()
    .map(|(comment, node)| {
        let parts = Parts { node: Some((node.to_owned(), vec![1; 32])), expiry: 1, ..good().1 };
        Case::invalid(comment, "invitation.node", "PAIR-10").value("text", text_of(&parts.encode()))
    })
    .collect()
}
