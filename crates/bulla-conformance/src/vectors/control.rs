//! `control-*.json`: the payloads of control entries, one file for each kind (chapter `control.md`).

mod changes;
mod epoch;
mod erase;
mod fields;
mod frontier;
mod grant;
mod group;
mod parts;
mod recovery;

use bulla_core::Kind;
use bulla_core::cbor::Encode;
use bulla_core::control::Control;

use super::element::Element::{self, Array, Map, Number, Text};
use super::{Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Shape, Verdict};
use parts::{bad, context, count, unexpected};

/// The payloads of one kind.
pub(super) struct ControlPayload {
    name: &'static str,
    kind: Kind,
    /// What the file covers.
    note: &'static str,
    /// What a payload says.
    fields: fn() -> Vec<Field>,
    /// A good payload, element by element.
    base: fn() -> Element,
    /// Good payloads.
    valid: fn() -> Vec<Case>,
    /// Payloads that break the types, bounds and rules of the kind.
    refused: fn() -> Vec<Case>,
}

pub(super) const GRANT: ControlPayload = ControlPayload {
    name: "control-grant",
    kind: Kind::GRANT,
    note: "Payloads of grants (CTL-10 and CTL-11). Joining cards are signed deterministically, so a port can also make them.",
    fields: fields::grant,
    base: grant::base,
    valid: grant::valid,
    refused: grant::refused,
};
pub(super) const ROLE: ControlPayload = ControlPayload {
    name: "control-role",
    kind: Kind::ROLE,
    note: "Payloads of changes of role (CTL-20).",
    fields: fields::role,
    base: changes::role_base,
    valid: changes::role_valid,
    refused: changes::role_refused,
};
pub(super) const REVOKE: ControlPayload = ControlPayload {
    name: "control-revoke",
    kind: Kind::REVOKE,
    note: "Payloads of revocations (CTL-25).",
    fields: fields::revoke,
    base: changes::revoke_base,
    valid: changes::revoke_valid,
    refused: changes::revoke_refused,
};
pub(super) const EPOCH: ControlPayload = ControlPayload {
    name: "control-epoch",
    kind: Kind::EPOCH,
    note: "Payloads of key epochs (CTL-30): what everybody reads of them. Nothing in them opens.",
    fields: fields::epoch,
    base: epoch::base,
    valid: epoch::valid,
    refused: epoch::refused,
};
pub(super) const FRONTIER: ControlPayload = ControlPayload {
    name: "control-frontier",
    kind: Kind::FRONTIER,
    note: "Payloads of frontiers (CTL-40). The headers in them are any bytes: verification does not judge them.",
    fields: fields::frontier,
    base: frontier::base,
    valid: frontier::valid,
    refused: frontier::refused,
};
pub(super) const GROUP: ControlPayload = ControlPayload {
    name: "control-group",
    kind: Kind::GROUP,
    note: "Payloads of key groups (CTL-50).",
    fields: fields::group,
    base: group::base,
    valid: group::valid,
    refused: group::refused,
};
pub(super) const ERASE: ControlPayload = ControlPayload {
    name: "control-erase",
    kind: Kind::ERASE,
    note: "Payloads of erasures (CTL-60).",
    fields: fields::erase,
    base: erase::base,
    valid: erase::valid,
    refused: erase::refused,
};
pub(super) const RECOVERY: ControlPayload = ControlPayload {
    name: "control-recovery",
    kind: Kind::RECOVERY,
    note: "Payloads of recovery entries (CTL-70).",
    fields: fields::recovery,
    base: recovery::base,
    valid: recovery::valid,
    refused: recovery::refused,
};

impl Format for ControlPayload {
    fn name(&self) -> &'static str {
        self.name
    }

    fn group_fields(&self) -> Vec<Field> {
        vec![
            Field::required("space", Shape::HexOf(32), "the space of the entry"),
            Field::required("author", Shape::HexOf(32), "the author of the entry"),
        ]
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("payload", Shape::Hex, "payload of the entry"),
            Field::optional("repeated", Shape::Hex, "follows the payload `times` times"),
            Field::optional("times", Shape::Uint, "how often"),
            Field::optional("fields", Shape::Object((self.fields)()), "what the payload says"),
        ]
    }

    fn generate(&self) -> File {
        let group = || Group::new().hex("space", context().space).hex("author", context().author);
        File::new()
            .note(self.note)
            .flag("Order", "breaks several rules; CTL-3 says which is named")
            .flag("Boundary", "a value at the edge of what is allowed")
            .group(group().cases((self.valid)()))
            .group(group().cases(whole(&(self.base)())))
            .group(group().cases((self.refused)()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let mut payload = inputs.hex("payload")?;
        if let Some(repeated) = inputs.find_hex("repeated")? {
            (0..inputs.uint64("times")?).for_each(|_| payload.extend_from_slice(&repeated));
        }
        let context = bulla_core::control::Context {
            space: bulla_core::SpaceId(inputs.array("space")?),
            author: bulla_core::AuthorKey(inputs.array("author")?),
        };
        match Control::parse(self.kind, &payload, &context) {
            Ok(control) => {
                Mismatch::unless_equal("encoding", &payload, &control.to_cbor())?;
                Mismatch::unless_equal("fields", inputs.value("fields")?, &fields::of(&control))?;
                Mismatch::unless_equal(
                    "verdict before signing",
                    &Ok(()),
                    &control.validate(&context),
                )?;
                Ok(Verdict::Valid)
            }
            Err(error) => Ok(Verdict::refused(&error.code(), error.clause())),
        }
    }
}

/// What is refused of every kind alike, from a good payload.
fn whole(base: &Element) -> Vec<Case> {
    let bytes = base.to_bytes();
    let Array(elements) = base else { panic!("a payload is an array") };
    let last = elements.len() - 1;
    let raw = |comment: &str, code: &str, clause: &str, payload: &[u8]| {
        Case::invalid(comment, code, clause).hex("payload", payload)
    };
    let longest = "1,048,577 bytes";
    vec![
        raw("nothing", "cbor.truncated", "CBOR-2", &[]),
        raw("last byte missing", "cbor.truncated", "CBOR-2", &bytes[..bytes.len() - 1]),
        raw("byte after the payload", "cbor.trailing", "CBOR-2", &[&bytes[..], &[0]].concat()),
        raw(
            "version in an extra byte",
            "cbor.not_shortest",
            "CBOR-3",
            &[&bytes[..1], &[0x18, 1], &bytes[2..]].concat(),
        ),
        raw(
            "array of indefinite length",
            "cbor.indefinite",
            "CBOR-4",
            &[&[0x9f], &bytes[1..], &[0xff]].concat(),
        ),
        unexpected("a map", &Map(vec![(1, Number(1))])),
        unexpected("an integer", &Number(1)),
        count("an empty array", &Array(Vec::new())),
        count("the version alone", &Array(vec![Number(1)])),
        count("last element missing", &base.clone().without(last)),
        count("one element more", &base.clone().and(Element::Null)),
        unexpected("version as text", &base.clone().with(&[0], Text("1"))),
        bad("version 0", "control.version", "CTL-1", &base.clone().with(&[0], Number(0))),
        bad("version 2", "control.version", "CTL-1", &base.clone().with(&[0], Number(2))),
        bad(
            "version 2^64 - 1",
            "control.version",
            "CTL-1",
            &base.clone().with(&[0], Number(u64::MAX)),
        ),
        bad("version 2 and nothing else", "control.version", "CTL-1", &Array(vec![Number(2)]))
            .flag("Order"),
        bad(
            "version 2 with other elements",
            "control.version",
            "CTL-1",
            &Array(vec![Number(2), Text("other"), Number(7)]),
        )
        .flag("Order"),
        unexpected("last element false", &base.clone().with(&[last], Element::Bool(false))),
        raw(longest, "cbor.bounds", "CBOR-10", &[])
            .hex("repeated", [0])
            .value("times", (1 << 20) + 1)
            .flag("Boundary"),
        raw("1,048,576 bytes of something else", "cbor.trailing", "CBOR-2", &[])
            .hex("repeated", [0])
            .value("times", 1 << 20)
            .flag("Boundary"),
    ]
}
