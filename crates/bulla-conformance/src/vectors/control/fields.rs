//! What a payload says, as JSON.

use bulla_core::JoiningCard;
use bulla_core::control::{Control, Cuts, GrantedDevice, RemovedDevice, Role, SealedLabel};
use bulla_core::genesis::RecoveryKey;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::vectors::{Field, Shape};

const ROLES: &[&str] = &["relay", "reader", "writer", "admin"];

const fn key(name: &'static str, meaning: &'static str) -> Field {
    Field::required(name, Shape::HexOf(32), meaning)
}

fn list(name: &'static str, fields: Vec<Field>, meaning: &'static str) -> Field {
    Field::required(name, Shape::list(Shape::Object(fields)), meaning)
}

fn label_field() -> Field {
    let fields = vec![
        key("keyId", "id of the epoch key"),
        Field::required("salt", Shape::HexOf(24), "salt"),
        Field::required("ciphertext", Shape::HexOf(81), "ciphertext and tag"),
    ];
    Field::required("label", Shape::nullable(Shape::Object(fields)), "the sealed label (CTL-11)")
}

fn cuts_shape() -> Shape {
    Shape::list(Shape::Object(vec![
        Field::required("sequence", Shape::Uint64, "sequence of the entry"),
        key("id", "its id"),
        Field::required(
            "control",
            Shape::nullable(Shape::HexOf(32)),
            "the device's last control entry up to there",
        ),
    ]))
}

fn cuts_field() -> Field {
    Field::required("cuts", cuts_shape(), "what of the device counts (CTL-6)")
}

fn removed_field(name: &'static str, meaning: &'static str) -> Field {
    list(name, vec![key("device", "the device"), cuts_field()], meaning)
}

fn role_field() -> Field {
    Field::required("role", Shape::OneOf(ROLES), "the role (CTL-5)")
}

fn card_fields() -> Vec<Field> {
    vec![
        key("author", "Ed25519 key of the device"),
        key("sealingKey", "its X25519 key"),
        key("invitation", "id of the invitation it answers"),
    ]
}

pub(super) fn grant() -> Vec<Field> {
    vec![
        Field::optional("card", Shape::Object(card_fields()), "what the joining card says"),
        Field::optional("node", Shape::HexOf(32), "the bare key of a node"),
        role_field(),
        label_field(),
    ]
}

pub(super) fn role() -> Vec<Field> {
    let cuts = Field::required("cuts", Shape::nullable(cuts_shape()), "null for a raise (CTL-20)");
    vec![key("device", "the device concerned"), role_field(), cuts]
}

pub(super) fn revoke() -> Vec<Field> {
    vec![key("device", "the device revoked"), cuts_field()]
}

pub(super) fn epoch() -> Vec<Field> {
    let recipient = vec![
        key("device", "the device"),
        Field::required("sealed", Shape::HexOf(80), "the epoch key, sealed to it"),
    ];
    vec![
        key("group", "zero for the space's own epochs"),
        Field::required("parents", Shape::list(Shape::HexOf(32)), "the epochs before"),
        key("keyId", "id of the new epoch key"),
        list("recipients", recipient, "who may open it"),
        Field::required("inherited", Shape::Hex, "what comes along from before, sealed"),
    ]
}

pub(super) fn frontier() -> Vec<Field> {
    let proven = vec![
        Field::required("header", Shape::Hex, "bytes said to be a header"),
        Field::required("signature", Shape::HexOf(64), "the signature said to be over them"),
    ];
    let claimed = vec![
        key("author", "the author"),
        Field::required("sequence", Shape::Uint64, "sequence of its newest entry"),
        key("id", "id of its newest entry"),
    ];
    vec![
        list("proven", proven, "newest headers, not judged here"),
        list("claimed", claimed, "newest entries without their headers"),
    ]
}

pub(super) fn group() -> Vec<Field> {
    vec![
        key("group", "zero in an entry that founds a group"),
        label_field(),
        Field::required("added", Shape::list(Shape::HexOf(32)), "devices added"),
        removed_field("removed", "devices removed"),
    ]
}

pub(super) fn erase() -> Vec<Field> {
    let range = vec![
        key("author", "whose entries"),
        Field::required("sequence", Shape::Uint64, "the last sequence covered"),
        Field::required("topic", Shape::nullable(Shape::HexOf(16)), "null for all topics"),
    ];
    vec![
        Field::required("ids", Shape::list(Shape::HexOf(32)), "entries named one by one"),
        list("ranges", range, "entries named by author, sequence and topic"),
    ]
}

pub(super) fn recovery() -> Vec<Field> {
    let next = vec![key("author", "Ed25519 key"), key("sealingKey", "X25519 key")];
    vec![
        Field::required(
            "device",
            Shape::nullable(Shape::Object(card_fields())),
            "what the joining card of the new admin says",
        ),
        removed_field("revoked", "devices revoked"),
        Field::required("next", Shape::nullable(Shape::Object(next)), "the next recovery key"),
    ]
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn hexes(list: &[impl AsRef<[u8]>]) -> Vec<String> {
    list.iter().map(hex).collect()
}

fn label_value(label: Option<&SealedLabel>) -> Value {
    let value = |label: &SealedLabel| {
        json!({
            "keyId": hex(label.key_id),
            "salt": hex(label.salt),
            "ciphertext": hex(label.ciphertext),
        })
    };
    label.map_or(Value::Null, value)
}

fn cuts_value(cuts: &Cuts) -> Value {
    let cuts = cuts.0.iter().map(|cut| {
        json!({
            "sequence": cut.sequence.to_string(),
            "id": hex(cut.id),
            "control": cut.control.map(hex),
        })
    });
    cuts.collect()
}

fn removed_value(removed: &[RemovedDevice]) -> Value {
    let value =
        |one: &RemovedDevice| json!({ "device": hex(one.device), "cuts": cuts_value(&one.cuts) });
    removed.iter().map(value).collect()
}

fn card_value(card: &JoiningCard) -> Value {
    json!({
        "author": hex(card.author()),
        "sealingKey": hex(card.sealing_key()),
        "invitation": hex(card.invitation()),
    })
}

fn next_value(next: &RecoveryKey) -> Value {
    json!({ "author": hex(next.author), "sealingKey": hex(next.sealing_key) })
}

fn role_value(role: Role) -> Value {
    role.name().into()
}

/// What a payload says.
pub(super) fn of(control: &Control) -> Value {
    match control {
        Control::Grant(grant) => {
            let (role, label) = (role_value(grant.role), label_value(grant.label.as_ref()));
            match &grant.device {
                GrantedDevice::Card(card) => {
                    json!({ "card": card_value(card), "role": role, "label": label })
                }
                GrantedDevice::Node(node) => {
                    json!({ "node": hex(node), "role": role, "label": label })
                }
            }
        }
        Control::Role(change) => json!({
            "device": hex(change.device),
            "role": role_value(change.role),
            "cuts": change.cuts.as_ref().map(cuts_value),
        }),
        Control::Revoke(revoke) => {
            json!({ "device": hex(revoke.device), "cuts": cuts_value(&revoke.cuts) })
        }
        Control::Epoch(epoch) => json!({
            "group": hex(epoch.group),
            "parents": hexes(&epoch.parents),
            "keyId": hex(epoch.key_id),
            "recipients": epoch.recipients.iter().map(|one| {
                json!({ "device": hex(one.device), "sealed": hex(one.sealed) })
            }).collect::<Value>(),
            "inherited": hex(&epoch.inherited),
        }),
        Control::Frontier(frontier) => json!({
            "proven": frontier.proven.iter().map(|one| {
                json!({ "header": hex(&one.header), "signature": hex(one.signature) })
            }).collect::<Value>(),
            "claimed": frontier.claimed.iter().map(|one| json!({
                "author": hex(one.author),
                "sequence": one.sequence.to_string(),
                "id": hex(one.id),
            })).collect::<Value>(),
        }),
        Control::Group(group) => json!({
            "group": hex(group.group),
            "label": label_value(group.label.as_ref()),
            "added": hexes(&group.added),
            "removed": removed_value(&group.removed),
        }),
        Control::Erase(erase) => json!({
            "ids": hexes(&erase.ids),
            "ranges": erase.ranges.iter().map(|range| json!({
                "author": hex(range.author),
                "sequence": range.sequence.to_string(),
                "topic": range.topic.map(hex),
            })).collect::<Value>(),
        }),
        Control::Recovery(recovery) => json!({
            "device": recovery.device.as_ref().map(card_value),
            "revoked": removed_value(&recovery.revoked),
            "next": recovery.next.as_ref().map(next_value),
        }),
        other => panic!("no vectors of kind {}", other.kind()),
    }
}
