//! Keyrings that know groups and epochs (KF-13), and what they make of those that did not (KF-11).

use bulla_core::cbor::Writer;
use bulla_core::{KeyId, SpaceId};
use bulla_crypto::Keyring;
use serde_json::{Value, json};

use super::super::super::{Case, Field, Inputs, Mismatch, Random, Shape};
use super::{common, content, refused};

pub(super) fn fields() -> Vec<Field> {
    let key = vec![
        Field::required("keyId", Shape::HexOf(32), "its id"),
        Field::required("epoch", Shape::nullable(Shape::HexOf(32)), "the entry that brings it"),
    ];
    let group = vec![
        Field::required("space", Shape::HexOf(32), "a space"),
        Field::required("group", Shape::HexOf(32), "a group of it; zero for its own epochs"),
        Field::required("topicSecret", Shape::HexOf(32), "what its topics come from (KEY-7)"),
        Field::required("keys", Shape::list(Shape::Object(key)), "its keys, in their order"),
    ];
    vec![
        Field::optional(
            "groups",
            Shape::list(Shape::Object(group)),
            "keyring: what it holds, by space and group",
        ),
        Field::optional("written", Shape::Hex, "keyring: the content that is written next (KF-13)"),
    ]
}

pub(super) fn compare(inputs: &Inputs<'_>, keyring: &Keyring) -> Result<(), Mismatch> {
    let groups: Vec<Value> = keyring
        .spaces()
        .flat_map(|space| keyring.groups(&space).map(move |group| (space, group)))
        .map(|(space, group)| {
            let topics = keyring.topics_of(&space, &group);
            let keys = keyring.keys_of(&space, &group).iter();
            let keys = keys.zip(keyring.epochs_of(&space, &group)).map(|(key, epoch)| {
                json!({ "keyId": key.id().to_string(), "epoch": epoch.map(|id| id.to_string()) })
            });
            json!({
                "space": space.to_string(),
                "group": group.to_string(),
                "topicSecret": topics.map(|topics| KeyId(*topics.expose_secret()).to_string()),
                "keys": keys.collect::<Vec<_>>(),
            })
        })
        .collect();
    Mismatch::unless_equal("groups", inputs.value("groups")?, &groups.into())?;
    Mismatch::unless_equal("written", &inputs.hex("written")?, &*keyring.to_secret())
}

/// Writes a group of any form.
type Write<'a> = &'a dyn Fn(&mut Writer);

/// One key: itself, and its epoch.
type Key = ([u8; 32], Option<[u8; 32]>);

/// A group as it stands in a keyring, with whatever in it.
#[derive(Clone)]
struct Held {
    space: [u8; 32],
    group: [u8; 32],
    topics: Option<[u8; 32]>,
    keys: Vec<Key>,
}

/// The content with these groups, the ones of one space beside each other.
fn ring(groups: &[Held]) -> Vec<u8> {
    let spaces: Vec<&[Held]> = groups.chunk_by(|a, b| a.space == b.space).collect();
    content(|w| {
        w.array(3).uint(1).uint(5).array(spaces.len());
        for space in spaces {
            w.array(2).bytes(space.first().map_or([0; 32], |held| held.space)).array(space.len());
            for held in space {
                w.array(3).bytes(held.group);
                optional(w, held.topics.as_ref());
                w.array(held.keys.len());
                for (key, epoch) in &held.keys {
                    w.array(2).bytes(key);
                    optional(w, epoch.as_ref());
                }
            }
        }
    })
}

fn optional(writer: &mut Writer, value: Option<&[u8; 32]>) {
    match value {
        Some(value) => writer.bytes(value),
        None => writer.null(),
    };
}

fn key_id(key: &[u8; 32]) -> String {
    KeyId(blake3::derive_key("bulla 2026 key id", key)).to_string()
}

/// The known answers for these groups.
pub(super) fn answers(case: Case, groups: &[(SpaceId, &[[u8; 32]])]) -> Case {
    let held = |(space, keys): &(SpaceId, &[[u8; 32]])| Held {
        space: space.0,
        group: [0; 32],
        topics: None,
        keys: keys.iter().map(|key| (*key, None)).collect(),
    };
    answers_of(case, &groups.iter().map(held).collect::<Vec<_>>())
}

fn answers_of(case: Case, groups: &[Held]) -> Case {
    let listed: Vec<Value> = groups
        .iter()
        .map(|held| {
            let first = held.keys.first().map_or([0; 32], |(key, _)| *key);
            let material = [first, held.space].concat();
            let topics =
                held.topics.unwrap_or_else(|| blake3::derive_key("bulla 2026 topic", &material));
            let key = |(key, epoch): &Key| {
                json!({ "keyId": key_id(key), "epoch": epoch.map(|id| KeyId(id).to_string()) })
            };
            json!({
                "space": SpaceId(held.space).to_string(),
                "group": SpaceId(held.group).to_string(),
                "topicSecret": KeyId(topics).to_string(),
                "keys": held.keys.iter().map(key).collect::<Vec<_>>(),
            })
        })
        .collect();
    case.value("groups", listed).hex("written", ring(groups))
}

pub(super) fn cases() -> Vec<Case> {
    let mut random = Random::new("key-file keyring with epochs");
    let keys: [[u8; 32]; 4] = std::array::from_fn(|_| random.array());
    let epochs: [[u8; 32]; 4] = std::array::from_fn(|_| random.array());
    let topics: [u8; 32] = random.array();
    let of_epoch = |index: usize| (keys[index], Some(epochs[index]));
    let own = |keys: Vec<Key>, topics: Option<[u8; 32]>| Held {
        space: [1; 32],
        group: [0; 32],
        topics,
        keys,
    };
    let in_group = |group: u8| Held {
        space: [1; 32],
        group: [group; 32],
        topics: Some(topics),
        keys: vec![of_epoch(3)],
    };
    let elsewhere = |held: &Held, space: u8| Held { space: [space; 32], ..held.clone() };
    let plain = own(vec![(keys[0], None), (keys[1], None)], None);
    let with_epochs = own(vec![of_epoch(0), of_epoch(1)], Some(topics));
    let mixed = own(vec![(keys[2], None), of_epoch(0)], Some(topics));
    let by_itself = own(vec![(keys[2], None)], Some(topics));
    let valid = |comment: &str, groups: &[Held]| {
        answers_of(Case::valid(comment).hex("content", ring(groups)), groups)
    };
    let rule =
        |comment: &str, groups: &[Held]| refused(comment, "key_file.rule", "KF-13", ring(groups));
    let good = [with_epochs.clone(), in_group(2), in_group(3), elsewhere(&plain, 2)];
    let mut cases = vec![
        valid("no spaces, with epochs", &[]),
        valid("a space without epochs", std::slice::from_ref(&plain)),
        valid("a space with epochs", std::slice::from_ref(&with_epochs)),
        valid("a key that came by itself, then one of an epoch", std::slice::from_ref(&mixed)),
        valid(
            "a topic secret, and a key whose epoch is not known",
            std::slice::from_ref(&by_itself),
        ),
        valid("groups, one of their keys in two of them", &good),
        valid("a group alone", &[in_group(2)]),
        rule("spaces with epochs descending", &[elsewhere(&plain, 2), plain.clone()]),
        rule("groups descending", &[with_epochs.clone(), in_group(3), in_group(2)]),
        rule(
            "a group twice, each with a key of its own",
            &[in_group(2), Held { keys: vec![of_epoch(1)], ..in_group(2) }],
        ),
        rule("a key twice in a group", &[own(vec![of_epoch(0), of_epoch(0)], Some(topics))]),
        rule(
            "a key twice in a group, of two epochs",
            &[own(vec![of_epoch(0), (keys[0], Some(epochs[1]))], Some(topics))],
        ),
        rule("a key of an epoch, and no topic secret", &[own(vec![of_epoch(0)], None)]),
        rule("a group without a topic secret", &[Held { topics: None, ..in_group(2) }]),
        rule(
            "a key of a group without its epoch",
            &[Held { keys: vec![of_epoch(3), (keys[0], None)], ..in_group(2) }],
        ),
        refused(
            "a space without groups",
            "cbor.bounds",
            "CBOR-10",
            content(|w| _ = w.array(3).uint(1).uint(5).array(1).array(2).bytes([1; 32]).array(0)),
        ),
        refused("a group without keys", "cbor.bounds", "CBOR-10", ring(&[own(Vec::new(), None)])),
        refused("a key twice, and an epoch of 31 bytes after that", "key_file.rule", "KF-13", {
            content(|w| {
                w.array(3).uint(1).uint(5).array(1).array(2).bytes([1; 32]).array(1).array(3);
                w.bytes([0; 32]).bytes(topics).array(2);
                w.array(2).bytes(keys[0]).null().array(2).bytes(keys[0]).bytes([1; 31]);
            })
        }),
        refused("groups descending, and a number after that", "key_file.rule", "KF-13", {
            content(|w| {
                w.array(3).uint(1).uint(5).array(1).array(2).bytes([1; 32]).array(2);
                w.array(3).bytes([2; 32]).bytes(topics).array(1).array(2).bytes(keys[0]);
                w.bytes(epochs[0]).array(3).bytes([1; 32]).uint(0).uint(0);
            })
        }),
    ];
    let parts: [(&str, &str, Write<'_>); 7] = [
        ("a topic secret of 31 bytes", "cbor.bounds", &|w| {
            w.array(3).bytes([0; 32]).bytes([1; 31]).array(1).array(2).bytes([1; 32]).null();
        }),
        ("a group of two parts", "cbor.count", &|w| _ = w.array(2).bytes([0; 32]).null()),
        ("a group of four parts", "cbor.count", &|w| {
            w.array(4).bytes([0; 32]).null().array(1).array(2).bytes([1; 32]).null().null();
        }),
        ("a key without a place for its epoch", "cbor.unexpected", &|w| {
            w.array(3).bytes([0; 32]).null().array(1).bytes([1; 32]);
        }),
        ("a key of 33 bytes", "cbor.bounds", &|w| {
            w.array(3).bytes([0; 32]).null().array(1).array(2).bytes([1; 33]).null();
        }),
        ("an epoch as text", "cbor.unexpected", &|w| {
            w.array(3).bytes([0; 32]).null().array(1).array(2).bytes([1; 32]).text("");
        }),
        ("an id of a group of 16 bytes", "cbor.bounds", &|w| {
            w.array(3).bytes([0; 16]).null().array(1).array(2).bytes([1; 32]).null();
        }),
    ];
    for (comment, code, group) in parts {
        let clause = if code == "cbor.bounds" { "CBOR-10" } else { "CBOR-9" };
        let bytes = content(|w| {
            w.array(3).uint(1).uint(5).array(1).array(2).bytes([1; 32]).array(1);
            group(w);
        });
        cases.push(refused(comment, code, clause, bytes));
    }
    cases.extend(common(5, 3, &ring(&good)));
    cases
}
