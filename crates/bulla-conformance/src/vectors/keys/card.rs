//! `card.json`: device cards (CARD-1 to CARD-5).

use bulla_core::cbor::Writer;
use bulla_core::domain;
use bulla_identity::Card;
use ed25519_dalek::{Signer, SigningKey};

use super::super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};
use super::hidden::{beside_hidden, with_hidden};
use super::{SMALL_ORDER, Secrets, hex, line};

/// Device cards as text.
pub(in super::super) struct Cards;

const PREFIX: &str = "bulla-card1-";

impl Format for Cards {
    fn name(&self) -> &'static str {
        "card"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("text", Shape::Text, "the card as text (CARD-4)"),
            Field::optional("bytes", Shape::Hex, "the card's encoding (CARD-1)"),
            Field::optional("author", Shape::HexOf(32), "its Ed25519 key"),
            Field::optional("sealingKey", Shape::HexOf(32), "its X25519 key"),
            Field::optional("label", Shape::Text, "its label"),
            Field::optional(
                "signingSecret",
                Shape::HexOf(32),
                "the Ed25519 seed that gives this card",
            ),
            Field::optional(
                "sealingSecret",
                Shape::HexOf(32),
                "the X25519 private key that gives this card",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Cards of devices: parse `text`, verify, and compare the parts; from both secrets and the label the same text comes out (Ed25519 is deterministic).")
            .flag("Order", "breaks two rules; CARD-5 says which is named")
            .flag("SmallOrder", "a sealing key with which every agreement gives zero")
            .flag("Hidden", "a label with a code point of CARD-6")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(text_refusals()))
            .group(Group::new().cases(shape_refusals()))
            .group(Group::new().cases(rule_refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let card = match inputs.text("text")?.parse::<Card>() {
            Ok(card) => card,
            Err(error) => return Ok(Verdict::refused(&error.code(), error.clause())),
        };
        Mismatch::unless_equal("bytes", &inputs.hex("bytes")?, &card.to_bytes())?;
        Mismatch::unless_equal("author", &inputs.array("author")?, &card.author().0)?;
        Mismatch::unless_equal("sealingKey", &inputs.array("sealingKey")?, &card.sealing_key().0)?;
        Mismatch::unless_equal("label", &inputs.text("label")?, &card.label())?;
        let secrets = Secrets {
            signing: inputs.array("signingSecret")?,
            sealing: inputs.array("sealingSecret")?,
        };
        Mismatch::unless_equal(
            "card of the secrets",
            &Ok(card.clone()),
            &secrets.keys().card(card.label()),
        )?;
        Ok(Verdict::Valid)
    }
}

/// A card's bytes with any parts, signed by `secrets` over whatever the parts are.
struct Parts {
    version: u64,
    author: Vec<u8>,
    sealing_key: Vec<u8>,
    label: String,
}

impl Parts {
    fn of(secrets: &Secrets) -> Self {
        let keys = secrets.keys();
        Self {
            version: 1,
            author: keys.author().0.to_vec(),
            sealing_key: keys.sealing_key().0.to_vec(),
            label: "laptop".to_owned(),
        }
    }

    fn encode(&self, count: usize, writer: &mut Writer) {
        writer
            .array(count)
            .uint(self.version)
            .bytes(&self.author)
            .bytes(&self.sealing_key)
            .text(&self.label);
    }

    fn signed(&self, secrets: &Secrets) -> Vec<u8> {
        let mut message = Writer::new();
        self.encode(4, &mut message);
        let message = [domain::SIGN_CARD, message.as_bytes()].concat();
        let signature = SigningKey::from_bytes(&secrets.signing).sign(&message).to_bytes();
        let mut writer = Writer::new();
        self.encode(5, &mut writer);
        writer.bytes(signature);
        writer.into_bytes()
    }
}

fn text_of(bytes: &[u8]) -> String {
    line(PREFIX, domain::CARD_CHECKSUM, bytes)
}

fn good() -> (Secrets, Vec<u8>) {
    let secrets = Secrets::new("card");
    let bytes = Parts::of(&secrets).signed(&secrets);
    (secrets, bytes)
}

fn valid() -> Vec<Case> {
    let labels = [
        ("a label", "laptop"),
        ("no label", ""),
        ("a label beyond ASCII", "Büro 🏺"),
        ("a label of 64 bytes", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    ];
    let mut cases: Vec<_> = labels
        .iter()
        .map(|(comment, label)| {
            let secrets = Secrets::new(comment);
            valid_case(comment, &secrets, label)
        })
        .collect();
    for (comment, label) in beside_hidden() {
        cases.push(valid_case(&comment, &Secrets::new("card"), &label));
    }
    let comment = "white space around the line is ignored";
    cases.push(valid_case_in(comment, &Secrets::new("card"), "laptop", |text| {
        format!("  {text}\r\n")
    }));
    let comment = "each of the five white spaces, on both sides";
    cases.push(valid_case_in(comment, &Secrets::new("card"), "laptop", |text| {
        format!("\t\n\u{c}\r {text} \r\u{c}\n\t")
    }));
    cases
}

fn valid_case(comment: &str, secrets: &Secrets, label: &str) -> Case {
    valid_case_in(comment, secrets, label, |text| text)
}

/// A case whose text stands in something.
fn valid_case_in(
    comment: &str,
    secrets: &Secrets,
    label: &str,
    wrap: impl FnOnce(String) -> String,
) -> Case {
    let parts = Parts { label: label.to_owned(), ..Parts::of(secrets) };
    let bytes = parts.signed(secrets);
    Case::valid(comment)
        .value("text", wrap(text_of(&bytes)))
        .hex("bytes", bytes)
        .hex("author", parts.author)
        .hex("sealingKey", parts.sealing_key)
        .value("label", label)
        .hex("signingSecret", secrets.signing)
        .hex("sealingSecret", secrets.sealing)
}

fn text_refusals() -> Vec<Case> {
    let (_, bytes) = good();
    let text = text_of(&bytes);
    let body = text.trim_start_matches(PREFIX).to_owned();
    let case = |comment: &str, code, text: String| {
        Case::invalid(comment, code, "CARD-4").value("text", text)
    };
    let flipped = |at: usize| {
        let mut text = text.clone();
        let other = if text.as_bytes().get(at) == Some(&b'a') { "b" } else { "a" };
        text.replace_range(at..=at, other);
        text
    };
    let context = line(PREFIX, domain::KEY_TRANSFER_CHECKSUM, &bytes);
    vec![
        case("nothing", "armour.prefix", String::new()),
        case("the prefix of a key transfer", "armour.prefix", text.replace("card", "key")),
        case("a prefix of version 2", "armour.prefix", text.replace("card1", "card2")),
        case("the prefix in upper case", "armour.prefix", text.to_uppercase()),
        case("the prefix alone", "armour.checksum", PREFIX.to_owned()),
        case("too few bytes for a checksum", "armour.checksum", format!("{PREFIX}aaaaa")),
        case("longer than any card", "armour.too_long", format!("{PREFIX}{}", "a".repeat(417))),
        case("209 letters of two bytes", "armour.too_long", format!("{PREFIX}{}", "ä".repeat(209))),
        case("208 letters of two bytes", "armour.base32", format!("{PREFIX}{}", "ä".repeat(208))),
        case("a no-break space before it", "armour.prefix", format!("\u{a0}{text}")),
        case("a no-break space after it", "armour.base32", format!("{text}\u{a0}")),
        case("a vertical tab before it", "armour.prefix", format!("\u{b}{text}")),
        case("a byte order mark before it", "armour.prefix", format!("\u{feff}{text}")),
        case("upper case", "armour.base32", format!("{PREFIX}{}", body.to_uppercase())),
        case(
            "one upper-case letter",
            "armour.base32",
            format!("{PREFIX}{}", body.replacen('a', "A", 1)),
        ),
        case(
            "the digit 1",
            "armour.base32",
            format!("{PREFIX}1{}", body.get(1..).unwrap_or_default()),
        ),
        case("padding", "armour.base32", format!("{text}=")),
        case(
            "a space inside",
            "armour.base32",
            format!(
                "{PREFIX}{} {}",
                body.get(..20).unwrap_or_default(),
                body.get(20..).unwrap_or_default()
            ),
        ),
        case("a length that base32 does not have", "armour.base32", format!("{PREFIX}aaaaaaaaa")),
        case("unused bits set", "armour.base32", format!("{PREFIX}aaaaaab")),
        case("first letter mistyped", "armour.checksum", flipped(PREFIX.len())),
        case("a letter in the middle mistyped", "armour.checksum", flipped(PREFIX.len() + 100)),
        case("a letter of the checksum mistyped", "armour.checksum", flipped(text.len() - 3)),
        case(
            "eight letters cut off",
            "armour.checksum",
            text.get(..text.len() - 8).unwrap_or_default().to_owned(),
        ),
        case("the checksum of a key transfer", "armour.checksum", context),
    ]
}

fn shape_refusals() -> Vec<Case> {
    let (secrets, bytes) = good();
    let case = |comment: &str, code, clause, bytes: &[u8]| {
        Case::invalid(comment, code, clause).value("text", text_of(bytes))
    };
    let array = |count: usize, write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        writer.array(count);
        write(&mut writer);
        writer.into_bytes()
    };
    let parts = Parts::of(&secrets);
    let (author, sealing, signature) = (&parts.author, &parts.sealing_key, [1; 64]);
    vec![
        case("no bytes", "cbor.truncated", "CBOR-2", &[]),
        case(
            "a byte after the card",
            "cbor.trailing",
            "CBOR-2",
            &[bytes.as_slice(), &[0]].concat(),
        ),
        case(
            "a byte short",
            "cbor.truncated",
            "CBOR-2",
            bytes.get(..bytes.len() - 1).unwrap_or_default(),
        ),
        case(
            "version not in its shortest form",
            "cbor.not_shortest",
            "CBOR-3",
            &[&[0x85, 0x18, 1], bytes.get(2..).unwrap_or_default()].concat(),
        ),
        case("not an array", "cbor.unexpected", "CBOR-9", &[0xa0]),
        case("no elements", "cbor.count", "CBOR-9", &[0x80]),
        case("version 2 and nothing else", "card.version", "CARD-1", &[0x81, 2]).flag("Order"),
        case(
            "version 0",
            "card.version",
            "CARD-1",
            &Parts { version: 0, ..Parts::of(&secrets) }.signed(&secrets),
        ),
        case(
            "version 2",
            "card.version",
            "CARD-1",
            &Parts { version: 2, ..Parts::of(&secrets) }.signed(&secrets),
        ),
        case("version is text", "cbor.unexpected", "CBOR-9", &[0x81, 0x61, 0x31]),
        case(
            "four elements",
            "cbor.count",
            "CBOR-9",
            &array(4, &|w| {
                w.uint(1).bytes(author).bytes(sealing).text("x");
            }),
        ),
        case(
            "six elements",
            "cbor.count",
            "CBOR-9",
            &array(6, &|w| {
                w.uint(1).bytes(author).bytes(sealing).text("x").bytes(signature).null();
            }),
        ),
        case(
            "Ed25519 key of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            &array(5, &|w| {
                w.uint(1).bytes([1; 31]).bytes(sealing).text("x").bytes(signature);
            }),
        ),
        case(
            "Ed25519 key of 33 bytes",
            "cbor.bounds",
            "CBOR-10",
            &array(5, &|w| {
                w.uint(1).bytes([1; 33]).bytes(sealing).text("x").bytes(signature);
            }),
        ),
        case(
            "X25519 key of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            &array(5, &|w| {
                w.uint(1).bytes(author).bytes([1; 31]).text("x").bytes(signature);
            }),
        ),
        case(
            "label is bytes",
            "cbor.unexpected",
            "CBOR-9",
            &array(5, &|w| {
                w.uint(1).bytes(author).bytes(sealing).bytes(b"x").bytes(signature);
            }),
        ),
        case(
            "signature of 63 bytes",
            "cbor.bounds",
            "CBOR-10",
            &array(5, &|w| {
                w.uint(1).bytes(author).bytes(sealing).text("x").bytes([1; 63]);
            }),
        ),
        case(
            "signature is null",
            "cbor.unexpected",
            "CBOR-9",
            &array(5, &|w| {
                w.uint(1).bytes(author).bytes(sealing).text("x").null();
            }),
        ),
    ]
}

fn rule_refusals() -> Vec<Case> {
    let (secrets, bytes) = good();
    let other = Secrets::new("another device");
    let case = |comment: String, code, clause, bytes: &[u8]| {
        Case::invalid(comment, code, clause).value("text", text_of(bytes))
    };
    let label = |comment: &str, label: &str| {
        let parts = Parts { label: label.to_owned(), ..Parts::of(&secrets) };
        case(comment.to_owned(), "card.label", "CARD-2", &parts.signed(&secrets))
    };
    let mut cases = vec![
        label("label of 65 bytes", &"x".repeat(65)),
        label("label with an escape", "\u{1b}[2J"),
        label("label with a line feed", "a\nb"),
        label("label with NUL", "a\0b"),
        label("label with a delete", "\u{7f}"),
        label("label with a control character beyond ASCII", "\u{85}"),
    ];
    for (comment, hidden) in with_hidden() {
        let parts = Parts { label: hidden, ..Parts::of(&secrets) };
        cases.push(case(comment, "card.label", "CARD-2", &parts.signed(&secrets)).flag("Hidden"));
    }
    for (name, digits) in SMALL_ORDER {
        let parts = Parts { sealing_key: hex(digits), ..Parts::of(&secrets) };
        let comment = format!("sealing key {name}");
        cases.push(
            case(comment, "card.sealing_key", "CARD-3", &parts.signed(&secrets)).flag("SmallOrder"),
        );
    }
    let signed_by_other = Parts::of(&secrets).signed(&other);
    let mut swapped = bytes.clone();
    let at = 38;
    swapped.splice(at..at + 32, other.keys().sealing_key().0);
    let mut relabelled = bytes.clone();
    let letter = relabelled.len() - 67;
    relabelled.splice(letter..=letter, *b"q");
    let mut flipped = bytes.clone();
    let last = flipped.len() - 1;
    flipped.splice(last.., [0xff]);
    let weak = Parts { author: vec![0; 32], ..Parts::of(&secrets) };
    for (comment, bytes) in [
        ("signed by another device", signed_by_other),
        ("another device's sealing key", swapped),
        ("another label than was signed", relabelled),
        ("s of the signature too large", flipped),
        ("an Ed25519 key of small order", weak.signed(&secrets)),
    ] {
        cases.push(case(comment.to_owned(), "card.signature", "CARD-3", &bytes));
    }
    let both = Parts { label: "a\nb".to_owned(), sealing_key: vec![0; 32], ..Parts::of(&secrets) };
    cases.push(
        case("label and sealing key".to_owned(), "card.label", "CARD-2", &both.signed(&other))
            .flag("Order"),
    );
    let both = Parts { sealing_key: vec![0; 32], ..Parts::of(&secrets) };
    cases.push(
        case(
            "sealing key and signature".to_owned(),
            "card.sealing_key",
            "CARD-3",
            &both.signed(&other),
        )
        .flag("Order"),
    );
    cases
}
