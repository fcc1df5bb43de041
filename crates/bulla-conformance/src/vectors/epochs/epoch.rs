//! `epoch.json`: what a reader gets out of an epoch entry (CTL-32 to CTL-34).

mod made;

use bulla_core::cbor::Writer;
use bulla_core::control::{Context, Control};
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, SpaceId};
use bulla_crypto::{EpochKey, Inheritance, OpenedEpoch};
use bulla_identity::DeviceKeys;
use serde_json::Value;

use super::super::keys::{SMALL_ORDER, hex};
use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};
use made::{Draft, Made, key, key_id, reader};

/// Writes a plaintext of any form.
type Write<'a> = &'a dyn Fn(&mut Writer);

/// Epochs, opened by one of their recipients.
pub(in super::super) struct Epochs;

impl Format for Epochs {
    fn name(&self) -> &'static str {
        "epoch"
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required("signingSecret", Shape::HexOf(32), "the reader's Ed25519 seed"),
            Field::required("sealingSecret", Shape::HexOf(32), "the reader's X25519 private key"),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("space", Shape::HexOf(32), "the space of the entry"),
            Field::required("author", Shape::HexOf(32), "the author of the entry"),
            Field::required("payload", Shape::Hex, "its payload, which reads (CTL-30)"),
            Field::required(
                "parentKeyIds",
                Shape::list(Shape::HexOf(32)),
                "the key ids that the entries of the parents name, in the order of the parents",
            ),
            Field::optional(
                "heldKey",
                Shape::HexOf(32),
                "an epoch key that the reader has already: what the epoch hands down is opened with it, and nothing else (CTL-34)",
            ),
            Field::optional("epochKey", Shape::HexOf(32), "the epoch's key"),
            Field::optional("topicSecret", Shape::HexOf(32), "the topic secret it hands on"),
            Field::optional(
                "parentKeys",
                Shape::list(Shape::nullable(Shape::HexOf(32))),
                "the key of each parent, in their order, where it is handed on",
            ),
            Field::optional(
                "olderKeys",
                Shape::list(Shape::HexOf(32)),
                "in a first epoch the keys that the space had before it; absent for none",
            ),
        ]
    }

    fn generate(&self) -> File {
        let reader = reader();
        File::new()
            .note("Payloads of epoch entries: read the payload, open it as the reader of the group (CTL-34), or with heldKey from the third check on; compare.")
            .note("With the epoch's key, topic secret and parents' keys, seal what is handed down again: the same bytes come out (CTL-33). Wraps take randomness, so there is no such case for them.")
            .note("Made from the primitives by the text of the clauses, and checked by a second implementation in another language.")
            .flag("Moved", "sealed for another place than the payload has")
            .flag("Form", "what is handed down opens, and has another form")
            .flag("SmallOrder", "an encapsulated key with which the agreement gives zero")
            .flag("Order", "breaks two rules; CTL-34 says which is named")
            .group(
                Group::new()
                    .hex("signingSecret", reader.signing)
                    .hex("sealingSecret", reader.sealing)
                    .cases(valid())
                    .cases(not_recipients())
                    .cases(wraps())
                    .cases(moved())
                    .cases(commitments())
                    .cases(inheritances()),
            )
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let context = Context {
            space: SpaceId(inputs.array("space")?),
            author: AuthorKey(inputs.array("author")?),
        };
        let payload = match Control::parse(Kind::EPOCH, &inputs.hex("payload")?, &context) {
            Ok(Control::Epoch(payload)) => payload,
            other => return Err(Mismatch(format!("the payload does not read: {other:?}"))),
        };
        let key_ids: Vec<KeyId> = inputs.arrays("parentKeyIds")?.into_iter().map(KeyId).collect();
        let opened = match inputs.find("heldKey") {
            Some(_) => {
                let held = EpochKey::dangerous_from_bytes(&inputs.array("heldKey")?);
                Inheritance::open(&context, &payload, &key_ids, &held).map(|opened| (None, opened))
            }
            None => {
                let device = DeviceKeys::dangerous_from_secrets(
                    &inputs.array("signingSecret")?,
                    &inputs.array("sealingSecret")?,
                );
                OpenedEpoch::open(&context, &payload, &key_ids, &device)
                    .map(|opened| (Some(opened.key), opened.inheritance))
            }
        };
        let (key, inheritance) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                return Ok(Verdict::refused(&error.code(), error.clause().unwrap_or_default()));
            }
        };
        if let Some(key) = key {
            Mismatch::unless_equal("epochKey", &inputs.array("epochKey")?, key.expose_secret())?;
        }
        let topics = inheritance.topics.expose_secret();
        Mismatch::unless_equal("topicSecret", &inputs.array("topicSecret")?, topics)?;
        let keys: Vec<Value> = payload
            .parents
            .iter()
            .map(|id| {
                let of_it = inheritance.parents.iter().find(|(parent, _)| parent == id);
                of_it.map(|(_, key)| KeyId(*key.expose_secret()).to_string()).into()
            })
            .collect();
        Mismatch::unless_equal("parentKeys", inputs.value("parentKeys")?, &keys.into())?;
        let older: Vec<[u8; 32]> =
            inheritance.older.iter().map(|key| *key.expose_secret()).collect();
        let expected = match inputs.find("olderKeys") {
            Some(_) => inputs.arrays("olderKeys")?,
            None => Vec::new(),
        };
        Mismatch::unless_equal("olderKeys", &expected, &older)?;
        Ok(Verdict::Valid)
    }
}

fn write(case: Case, made: &Made) -> Case {
    let ids: Vec<String> =
        made.draft.parents.iter().map(|(_, key)| KeyId(key_id(key)).to_string()).collect();
    case.hex("space", made.draft.space)
        .hex("author", made.draft.author)
        .hex("payload", made.encode())
        .value("parentKeyIds", ids)
}

fn answers(case: Case, made: &Made) -> Case {
    let draft = &made.draft;
    let parents = draft.parents.iter().zip(&draft.hands_on);
    let keys: Vec<Value> =
        parents.map(|((_, key), on)| on.then(|| KeyId(*key).to_string()).into()).collect();
    let case = case.hex("topicSecret", draft.topics).value("parentKeys", keys);
    if draft.older.is_empty() {
        return case;
    }
    let older: Vec<String> = draft.older.iter().map(|key| KeyId(*key).to_string()).collect();
    case.value("olderKeys", older)
}

fn valid() -> Vec<Case> {
    let case = |comment: &str, draft: Draft| {
        let made = draft.make();
        answers(write(Case::valid(comment), &made), &made).hex("epochKey", made.draft.key)
    };
    let base = Draft::new;
    let in_group = Draft { group: EntryId(key("the group")), ..base(2, 1) };
    let without = Draft { hands_on: vec![false; 2], ..base(2, 2) };
    let some = Draft { hands_on: vec![true, false, true], ..base(2, 3) };
    let held = base(2, 2).make();
    let after_none = |older: usize| Draft {
        older: (0..older).map(|index| key(&format!("older {index}"))).collect(),
        ..base(2, 0)
    };
    let first_held = after_none(2).make();
    vec![
        case("the first epoch of a space that had a key before", after_none(1)),
        case("the first epoch of a space that had 64 keys before", after_none(64)),
        answers(
            write(Case::valid("a first epoch, with the key from a later one"), &first_held)
                .hex("heldKey", first_held.draft.key),
            &first_held,
        ),
        case("the first epoch of a space, one reader", base(1, 0)),
        case("the first epoch, three readers", base(3, 0)),
        case("after one epoch", base(2, 1)),
        case("after two, both with their keys", base(2, 2)),
        case("after two, and newcomers get no history", without),
        case("after three, of which the author has two keys", some),
        case("after 64", base(1, 64)),
        case("of a group", in_group),
        case("for 100 readers", base(100, 1)),
        answers(
            write(Case::valid("with the key from a later epoch"), &held)
                .hex("heldKey", held.draft.key),
            &held,
        ),
    ]
}

fn not_recipients() -> Vec<Case> {
    let case = |comment: &str, made: &Made| {
        write(Case::invalid(comment, "epoch.not_recipient", "CTL-34"), made)
    };
    let for_others = Draft { reads: false, ..Draft::new(3, 1) }.make();
    let mut broken = for_others.clone();
    broken.inherited = vec![0; 16];
    vec![
        case("sealed to others alone", &for_others),
        case("sealed to others, and nothing of it opens", &broken).flag("Order"),
    ]
}

fn failed(comment: &str, made: &Made) -> Case {
    write(Case::invalid(comment, "epoch.failed", "CTL-34"), made)
}

/// What is sealed to the reader, altered or exchanged.
fn wraps() -> Vec<Case> {
    let good = Draft::new(3, 1).make();
    let at = good.place_of_reader();
    let with = |comment: &str, change: &dyn Fn(&mut Made)| {
        let mut made = good.clone();
        change(&mut made);
        failed(comment, &made)
    };
    let replayed = Draft { key: key("replayed"), ..Draft::new(3, 1) }.make();
    let mut cases = vec![
        with("first byte of the encapsulated key altered", &|made| made.wraps[at][0] ^= 1),
        with("highest bit of the encapsulated key altered", &|made| made.wraps[at][31] ^= 0x80),
        with("first byte of the ciphertext altered", &|made| made.wraps[at][32] ^= 1),
        with("last byte of the tag altered", &|made| made.wraps[at][79] ^= 0x80),
        with("zeros", &|made| made.wraps[at] = [0; 80]),
        with("what is sealed to the next reader", &|made| made.wraps.rotate_left(1)),
        with("what the same author sealed in another epoch", &|made| {
            made.wraps[at] = replayed.wraps[at];
        }),
    ];
    for (name, digits) in SMALL_ORDER {
        let comment = format!("encapsulated key {name}");
        let case = with(&comment, &|made| made.wraps[at][..32].copy_from_slice(&hex(digits)));
        cases.push(case.flag("SmallOrder"));
    }
    cases
}

/// Sealed for one place, carried in another.
fn moved() -> Vec<Case> {
    let good = Draft::new(3, 2).make();
    let with = |comment: &str, change: &dyn Fn(&mut Draft)| {
        let mut made = good.clone();
        change(&mut made.draft);
        failed(comment, &made).flag("Moved")
    };
    let held = |comment: &str, change: &dyn Fn(&mut Draft)| {
        let key = good.draft.key;
        with(comment, change).hex("heldKey", key)
    };
    let other = || EntryId(key("elsewhere"));
    let to_space: &dyn Fn(&mut Draft) = &|draft| draft.space = SpaceId(key("elsewhere"));
    let to_author: &dyn Fn(&mut Draft) = &|draft| draft.author = AuthorKey(key("elsewhere"));
    let to_group: &dyn Fn(&mut Draft) = &|draft| draft.group = other();
    let parent: &dyn Fn(&mut Draft) = &|draft| {
        draft.parents[0].0 = other();
        draft.parents.sort_by_key(|(id, _)| *id);
    };
    let fewer: &dyn Fn(&mut Draft) = &|draft| draft.parents.truncate(1);
    vec![
        with("to another space", to_space),
        with("to another author", to_author),
        with("to a group", to_group),
        with("another parent", parent),
        with("a parent less", fewer),
        with("a recipient less", &|draft| draft.recipients_less = 1),
        held("what is handed down, to another space", to_space),
        held("what is handed down, to another author", to_author),
        held("what is handed down, to a group", to_group),
        held("what is handed down, after another parent", parent),
        held("what is handed down, after a parent less", fewer),
    ]
}

/// Keys that are not the one that is named, and keys that are no new ones.
fn commitments() -> Vec<Case> {
    let good = Draft::new(3, 2).make();
    let other = Draft { named: Some(key_id(&key("another"))), ..Draft::new(3, 2) }.make();
    let parents_key = Draft::new(3, 2).parents[0].1;
    let again = Draft { key: parents_key, ..Draft::new(3, 2) }.make();
    let swapped = {
        let mut made = good.clone();
        let (first, second) = (made.draft.parents[0].1, made.draft.parents[1].1);
        (made.draft.parents[0].1, made.draft.parents[1].1) = (second, first);
        made
    };
    let elsewhere = {
        let mut made = good.clone();
        made.draft.parents[1].1 = key("another");
        made
    };
    vec![
        failed("opens, but to another key than it names", &other),
        failed("the key of a parent as a new one", &again),
        failed("the key of a parent as a new one, which the reader has", &again)
            .hex("heldKey", parents_key),
        failed("the keys of the parents in another order", &swapped),
        failed("another key than a parent's entry names", &elsewhere),
        failed("a held key that is not the one named", &good).hex("heldKey", key("another")),
        failed("a held key of the epoch before", &good).hex("heldKey", parents_key),
    ]
}

/// What comes along from before, altered or of another form.
fn inheritances() -> Vec<Case> {
    let good = Draft::new(2, 2).make();
    let with = |comment: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut made = good.clone();
        change(&mut made.inherited);
        failed(comment, &made)
    };
    let last = good.inherited.len() - 1;
    let mut cases = vec![
        with("handed down, first byte altered", &|bytes| bytes[0] ^= 1),
        with("handed down, last byte altered", &|bytes| bytes[last] ^= 0x80),
        with("handed down, a byte short", &|bytes| _ = bytes.pop()),
        with("handed down, a byte longer", &|bytes| bytes.push(0)),
        with("handed down, the tag alone", &|bytes| _ = bytes.drain(..last - 15)),
        with("handed down, sixteen zeros", &|bytes| *bytes = vec![0; 16]),
    ];
    let draft = Draft::new(2, 2);
    let (first, second) = (draft.parents[0].1, draft.parents[1].1);
    let topics = draft.topics;
    let forms: [(&str, Write<'_>); 12] = [
        ("nothing", &|_| {}),
        ("a topic secret alone", &|w| _ = w.bytes(topics)),
        ("no lists", &|w| _ = w.array(1).bytes(topics)),
        ("an element more", &|w| {
            w.array(3).bytes(topics).array(2).array(0).array(0).null();
        }),
        ("a topic secret of 31 bytes", &|w| {
            w.array(2).bytes(&topics[1..]).array(2).array(0).array(0);
        }),
        ("a topic secret of 33 bytes", &|w| {
            w.array(2).bytes([1; 33]).array(2).array(0).array(0);
        }),
        ("a list less than parents", &|w| _ = w.array(2).bytes(topics).array(1).array(0)),
        ("a list more than parents", &|w| {
            w.array(2).bytes(topics).array(3).array(0).array(0).array(0);
        }),
        ("null in the place of an empty list", &|w| {
            w.array(2).bytes(topics).array(2).null().null();
        }),
        ("two keys of one parent", &|w| {
            w.array(2).bytes(topics).array(2).array(2).bytes(first).bytes(first).array(0);
        }),
        ("the keys of the parents exchanged", &|w| {
            w.array(2).bytes(topics).array(2).array(1).bytes(second).array(1).bytes(first);
        }),
        ("a byte after it", &|w| {
            w.array(2).bytes(topics).array(2).array(0).array(0).uint(0);
        }),
    ];
    for (comment, form) in forms {
        let mut writer = Writer::new();
        form(&mut writer);
        let draft = Draft { form: Some(writer.into_bytes()), ..Draft::new(2, 2) };
        cases.push(failed(&format!("handed down, {comment}"), &draft.make()).flag("Form"));
    }
    cases.extend(older_keys());
    let long = Draft { form: Some(long_head(&topics)), ..Draft::new(2, 2) }.make();
    cases.push(failed("handed down, a length not in its shortest form", &long).flag("Form"));
    cases
}

/// Keys from before the first epoch, where or as they must not be.
fn older_keys() -> Vec<Case> {
    let (one, other) = (key("older 0"), key("older 1"));
    let case = |comment: &str, draft: Draft| {
        failed(&format!("handed down, {comment}"), &draft.make()).flag("Form")
    };
    let with = |older: &[[u8; 32]], draft: Draft| Draft { older: older.to_vec(), ..draft };
    let first = || Draft::new(2, 0);
    let many: Vec<[u8; 32]> = (0..65).map(|index| key(&format!("older {index}"))).collect();
    let form = |write: Write<'_>| {
        let mut writer = Writer::new();
        write(&mut writer);
        Draft { form: Some(writer.into_bytes()), ..first() }
    };
    let topics = first().topics;
    let of_group = Draft { group: EntryId(key("the group")), ..with(&[one], first()) };
    vec![
        case("65 keys from before the first epoch", with(&many, first())),
        case("a key from before twice", with(&[one, other, one], first())),
        case("the new key as one from before", with(&[other, first().key], first())),
        case("a key from before in an epoch with a parent", with(&[one], Draft::new(2, 1))),
        case("a key from before in the first epoch of a group", of_group),
        case(
            "an empty list in a first epoch",
            form(&|w| _ = w.array(2).bytes(topics).array(1).array(0)),
        ),
        case(
            "two keys in one list of a first epoch",
            form(&|w| {
                w.array(2).bytes(topics).array(1).array(2).bytes(one).bytes(other);
            }),
        ),
        case(
            "a key from before of 31 bytes",
            form(&|w| {
                w.array(2).bytes(topics).array(1).array(1).bytes(&one[1..]);
            }),
        ),
    ]
}

/// The form of CTL-33, but for the head of the topic secret, which takes a byte more than it needs.
fn long_head(topics: &[u8; 32]) -> Vec<u8> {
    [&[0x82, 0x59, 0x00, 0x20], topics.as_slice(), &[0x82, 0x80, 0x80]].concat()
}

/// Random bytes of these vectors.
fn random(label: &str) -> Random {
    Random::new(&format!("epoch {label}"))
}
