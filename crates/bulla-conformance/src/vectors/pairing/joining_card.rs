//! `joining-card.json`: what a device signs to come into a space (PAIR-1 to PAIR-4).

use bulla_core::{InvitationId, JoiningCard, SpaceId};

use super::super::keys::{SMALL_ORDER, Secrets, hex};
use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use super::parts::{CardParts, item};

/// Joining cards.
pub(in super::super) struct JoiningCards;

impl Format for JoiningCards {
    fn name(&self) -> &'static str {
        "joining-card"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("bytes", Shape::Hex, "the card (PAIR-1)"),
            Field::optional("space", Shape::HexOf(32), "the space"),
            Field::optional("author", Shape::HexOf(32), "its Ed25519 key"),
            Field::optional("sealingKey", Shape::HexOf(32), "its X25519 key"),
            Field::optional("invitation", Shape::HexOf(32), "the invitation id"),
            Field::optional("signingSecret", Shape::HexOf(32), "the Ed25519 seed that gives it"),
            Field::optional(
                "sealingSecret",
                Shape::HexOf(32),
                "the X25519 private key that gives it",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Joining cards: read `bytes`, verify, and compare the parts; from both secrets, space and invitation the same bytes come out (Ed25519 is deterministic).")
            .flag("Order", "breaks two rules; PAIR-4 says which is named")
            .flag("SmallOrder", "a sealing key with which every agreement gives zero")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(shape_refusals()))
            .group(Group::new().cases(rule_refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let bytes = inputs.hex("bytes")?;
        let card = match JoiningCard::from_bytes(&bytes) {
            Ok(card) => card,
            Err(error) => return Ok(Verdict::refused(&error.code(), error.clause())),
        };
        Mismatch::unless_equal("space", &inputs.array("space")?, &card.space().0)?;
        Mismatch::unless_equal("author", &inputs.array("author")?, &card.author().0)?;
        Mismatch::unless_equal("sealingKey", &inputs.array("sealingKey")?, &card.sealing_key().0)?;
        Mismatch::unless_equal("invitation", &inputs.array("invitation")?, &card.invitation().0)?;
        let secrets = Secrets {
            signing: inputs.array("signingSecret")?,
            sealing: inputs.array("sealingSecret")?,
        };
        let made = secrets.keys().joining_card(
            SpaceId(inputs.array("space")?),
            InvitationId(inputs.array("invitation")?),
        );
        Mismatch::unless_equal("bytes", &bytes, &made.to_bytes())?;
        Ok(Verdict::Valid)
    }
}

fn good() -> (Secrets, CardParts) {
    let secrets = Secrets::new("joining card");
    let mut random = Random::new("joining card");
    let parts = CardParts::of(&secrets, &random.bytes(32), &random.bytes(32));
    (secrets, parts)
}

fn valid() -> Vec<Case> {
    let case = |comment: &str, secrets: &Secrets, parts: &CardParts| {
        Case::valid(comment)
            .hex("bytes", parts.signed(secrets))
            .hex("space", &parts.space)
            .hex("author", &parts.author)
            .hex("sealingKey", &parts.sealing_key)
            .hex("invitation", &parts.invitation)
            .hex("signingSecret", secrets.signing)
            .hex("sealingSecret", secrets.sealing)
    };
    let (secrets, parts) = good();
    let (_, without) = good();
    let without = CardParts { invitation: vec![0; 32], ..without };
    vec![
        case("a card that answers an invitation", &secrets, &parts),
        case("a card without an invitation", &secrets, &without),
    ]
}

fn shape_refusals() -> Vec<Case> {
    let (secrets, parts) = good();
    let bytes = parts.signed(&secrets);
    let case = |comment: &str, code, clause, bytes: Vec<u8>| {
        Case::invalid(comment, code, clause).hex("bytes", bytes)
    };
    let with_version = |version| CardParts { version, ..good().1 }.signed(&secrets);
    let short = |length: usize, field: usize| {
        let of = |place: usize| vec![1; if place == field { length } else { 32 }];
        item(|w| {
            w.array(6).uint(1).bytes(of(0)).bytes(of(1)).bytes(of(2)).bytes(of(3));
            w.bytes(vec![1; if field == 4 { length } else { 64 }]);
        })
    };
    vec![
        case("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        case("a byte after the card", "cbor.bounds", "CBOR-10", [bytes.as_slice(), &[0]].concat()),
        case("an item after a short array", "cbor.trailing", "CBOR-2", vec![0x81, 1, 0]),
        case("a byte short", "cbor.truncated", "CBOR-2", bytes[..bytes.len() - 1].to_vec()),
        case(
            "version not in its shortest form",
            "cbor.not_shortest",
            "CBOR-3",
            vec![0x81, 0x18, 1],
        ),
        case("not an array", "cbor.unexpected", "CBOR-9", vec![0xa0]),
        case("no elements", "cbor.count", "CBOR-9", vec![0x80]),
        case("version 2 and nothing else", "joining_card.version", "PAIR-1", vec![0x81, 2])
            .flag("Order"),
        case("version 0", "joining_card.version", "PAIR-1", with_version(0)),
        case("version 2", "joining_card.version", "PAIR-1", with_version(2)),
        case("version is text", "cbor.unexpected", "CBOR-9", vec![0x81, 0x61, 0x31]),
        case("one element", "cbor.count", "CBOR-9", vec![0x81, 1]),
        case(
            "seven elements",
            "cbor.count",
            "CBOR-9",
            item(|w| {
                w.array(7).uint(1);
                (0..6).for_each(|_| {
                    w.null();
                });
            }),
        ),
        case("space of 31 bytes", "cbor.bounds", "CBOR-10", short(31, 0)),
        case("Ed25519 key of 31 bytes", "cbor.bounds", "CBOR-10", short(31, 1)),
        case("X25519 key of 31 bytes", "cbor.bounds", "CBOR-10", short(31, 2)),
        case("invitation id of 31 bytes", "cbor.bounds", "CBOR-10", short(31, 3)),
        case("no invitation id", "cbor.bounds", "CBOR-10", short(0, 3)),
        case("signature of 63 bytes", "cbor.bounds", "CBOR-10", short(63, 4)),
        case(
            "invitation id is null",
            "cbor.unexpected",
            "CBOR-9",
            item(|w| {
                w.array(6).uint(1).bytes([1; 32]).bytes([1; 32]).bytes([1; 32]).null();
                w.bytes([1; 64]);
            }),
        ),
    ]
}

fn rule_refusals() -> Vec<Case> {
    let (secrets, parts) = good();
    let other = Secrets::new("another device");
    let case = |comment: String, code, bytes: Vec<u8>| {
        Case::invalid(comment, code, "PAIR-3").hex("bytes", bytes)
    };
    let mut cases = Vec::new();
    for (name, digits) in SMALL_ORDER {
        for high in [0, 0x80] {
            let mut key = hex(digits);
            key[31] |= high;
            let weak = CardParts { sealing_key: key, ..good().1 };
            let comment = match high {
                0 => format!("sealing key {name}"),
                _ => format!("sealing key {name}, with the highest bit"),
            };
            cases.push(
                case(comment, "joining_card.sealing_key", weak.signed(&secrets)).flag("SmallOrder"),
            );
        }
    }
    let moved = |change: &dyn Fn(&mut CardParts)| {
        // The signature of the good card under other parts.
        let mut other = good().1;
        change(&mut other);
        let (good, mut bytes) = (parts.signed(&secrets), other.signed(&secrets));
        let at = bytes.len() - 64;
        bytes.splice(at.., good[at..].to_vec());
        bytes
    };
    let mut flipped = parts.signed(&secrets);
    let last = flipped.len() - 1;
    flipped.splice(last.., [0xff]);
    let weak = CardParts { author: vec![0; 32], ..good().1 };
    let identity = [[1].as_slice(), &[0; 31]].concat();
    let mut universal = CardParts { author: identity.clone(), ..good().1 }.signed(&secrets);
    let at = universal.len() - 64;
    universal.splice(at.., [identity, vec![0; 32]].concat());
    for (comment, bytes) in [
        ("signed by another device", good().1.signed(&other)),
        ("another space than was signed", moved(&|parts| parts.space = vec![9; 32])),
        ("another invitation than was signed", moved(&|parts| parts.invitation = vec![9; 32])),
        ("no invitation where one was signed", moved(&|parts| parts.invitation = vec![0; 32])),
        (
            "another device's sealing key",
            moved(&|parts| parts.sealing_key = other.keys().sealing_key().0.to_vec()),
        ),
        (
            "another device's signing key",
            moved(&|parts| parts.author = other.keys().author().0.to_vec()),
        ),
        ("s of the signature too large", flipped),
        ("an Ed25519 key of small order", weak.signed(&secrets)),
        ("a signature that holds for everything under the identity", universal),
    ] {
        cases.push(case(comment.to_owned(), "joining_card.signature", bytes));
    }
    let both = CardParts { sealing_key: vec![0; 32], ..good().1 };
    cases.push(
        case(
            "sealing key and signature".to_owned(),
            "joining_card.sealing_key",
            both.signed(&other),
        )
        .flag("Order"),
    );
    cases
}
