//! What the payloads of several kinds have in common: devices, cards, cuts, labels, lists.

use bulla_core::cbor::Encode;
use bulla_core::control::{Context, Control, Cut, Cuts, RemovedDevice, SealedLabel};
use bulla_core::{
    AuthorKey, EntryId, InvitationId, JoiningCard, JoiningClaim, KeyId, Salt, SpaceId,
};

use super::fields;
use crate::vectors::element::Element::{self, Array, Map, Null, Number, Text};
use crate::vectors::sample::{Device, genesis};
use crate::vectors::{Case, Random};

/// 2^63, beyond every sequence.
pub(super) const TOO_HIGH: u64 = 1 << 63;

/// The entries of the vectors: by one device, in the space that it founds.
pub(super) fn context() -> Context {
    let author = Device::new("control author");
    Context { space: genesis(&author).1, author: author.author() }
}

/// A device that did not found the space.
pub(super) fn newcomer() -> Device {
    Device::new("control newcomer")
}

/// 32 bytes for an id or a device, the greater the number the greater they are.
pub(super) fn key(number: u8) -> [u8; 32] {
    let mut key: [u8; 32] = Random::new(&format!("control key {number}")).array();
    key[0] = number;
    key
}

pub(super) fn id(number: u8) -> EntryId {
    EntryId(key(number))
}

pub(super) fn device(number: u8) -> AuthorKey {
    AuthorKey(key(number))
}

pub(super) fn card_for(device: &Device, space: SpaceId, invitation: InvitationId) -> JoiningCard {
    let claim =
        JoiningClaim { space, author: device.author(), sealing_key: device.sealing, invitation };
    claim.verify(device.sign(&claim.signing_message())).expect("the device signed its card")
}

/// The newcomer's card for the space.
pub(super) fn card() -> JoiningCard {
    card_for(&newcomer(), context().space, InvitationId(key(0x77)))
}

pub(super) fn label() -> SealedLabel {
    let mut random = Random::new("control label");
    SealedLabel {
        key_id: KeyId(random.array()),
        salt: Salt(random.array()),
        ciphertext: random.array(),
    }
}

pub(super) fn cut(number: u8, sequence: u64, control: Option<EntryId>) -> Cut {
    Cut { sequence, id: id(number), control }
}

/// Two cuts: one on a control entry, one on an application's without a control entry before it.
pub(super) fn cuts() -> Cuts {
    Cuts(vec![cut(7, 5, None), cut(9, 3, Some(id(3)))])
}

pub(super) fn removed(number: u8) -> RemovedDevice {
    RemovedDevice { device: device(number), cuts: cuts() }
}

// Good and bad cases.

pub(super) fn good(comment: &str, control: impl Into<Control>) -> Case {
    let control = control.into();
    Case::valid(comment).hex("payload", control.to_cbor()).value("fields", fields::of(&control))
}

pub(super) fn bad(comment: &str, code: &str, clause: &str, payload: &Element) -> Case {
    Case::invalid(comment, code, clause).hex("payload", payload.to_bytes())
}

pub(super) fn unexpected(comment: &str, payload: &Element) -> Case {
    bad(comment, "cbor.unexpected", "CBOR-9", payload)
}

pub(super) fn count(comment: &str, payload: &Element) -> Case {
    bad(comment, "cbor.count", "CBOR-9", payload)
}

pub(super) fn bounds(comment: &str, payload: &Element) -> Case {
    bad(comment, "cbor.bounds", "CBOR-10", payload)
}

pub(super) fn zero(comment: &str, payload: &Element) -> Case {
    bad(comment, "control.zero", "CTL-4", payload)
}

pub(super) fn unordered(comment: &str, payload: &Element) -> Case {
    bad(comment, "control.order", "CTL-4", payload)
}

// Elements.

pub(super) fn removed_element(device: [u8; 32]) -> Element {
    Array(vec![Element::of(device), cuts_element()])
}

pub(super) fn cuts_element() -> Element {
    Array(vec![cut_element(5, key(7), None), cut_element(3, key(9), Some(key(3)))])
}

fn cut_element(sequence: u64, id: [u8; 32], control: Option<[u8; 32]>) -> Element {
    let control = control.map_or(Null, Element::of);
    Array(vec![Number(sequence), Element::of(id), control])
}

/// A string of bytes that is not as long as it should be.
pub(super) fn lengths(what: &str, base: &Element, path: &[usize], length: usize) -> Vec<Case> {
    [length - 1, length + 1]
        .map(|wrong| {
            let comment = format!("{what} of {wrong} bytes");
            bounds(&comment, &base.clone().with(path, Element::of(vec![1; wrong])))
        })
        .to_vec()
}

/// A device that stands alone, in the place of `path`.
pub(super) fn devices(base: &Element, path: &[usize]) -> Vec<Case> {
    let with = |value| base.clone().with(path, value);
    let mut cases = lengths("device", base, path, 32);
    cases.extend([
        unexpected("device as text", &with(Text("device"))),
        unexpected("device null", &with(Null)),
        zero("device of zeros", &with(Element::of([0; 32]))),
    ]);
    cases
}

/// A role, in the place of `path`.
pub(super) fn roles(base: &Element, path: &[usize]) -> Vec<Case> {
    let with = |value| base.clone().with(path, value);
    vec![
        bounds("role 0", &with(Number(0))).flag("Boundary"),
        bounds("role 5", &with(Number(5))).flag("Boundary"),
        bounds("role 2^64 - 1", &with(Number(u64::MAX))),
        unexpected("role as text", &with(Text("admin"))),
        unexpected("role null", &with(Null)),
    ]
}

/// A sealed label, in the place of `path`.
pub(super) fn labels(base: &Element, path: &[usize]) -> Vec<Case> {
    let sealed = Array(vec![
        Element::of(label().key_id),
        Element::of(label().salt),
        Element::of(label().ciphertext),
    ]);
    let with = |value| base.clone().with(path, value);
    let inside = |place: &[usize], value| with(sealed.clone().with(place, value));
    vec![
        unexpected("label as text", &with(Text("laptop"))),
        unexpected("label as bytes", &with(Element::of(label().ciphertext))),
        count("label of two elements", &with(sealed.clone().without(2))),
        count("label of four elements", &with(sealed.clone().and(Null))),
        unexpected("ciphertext of a label as text", &inside(&[2], Text("laptop"))),
        bounds("key id of a label of 31 bytes", &inside(&[0], Element::of([1; 31]))),
        bounds("salt of a label of 23 bytes", &inside(&[1], Element::of([1; 23]))),
        bounds("salt of a label of 25 bytes", &inside(&[1], Element::of([1; 25]))),
        bounds("ciphertext of a label of 80 bytes", &inside(&[2], Element::of([1; 80])))
            .flag("Boundary"),
        bounds("ciphertext of a label of 82 bytes", &inside(&[2], Element::of([1; 82])))
            .flag("Boundary"),
    ]
}

/// A list of at most `most` elements that begin with 32 bytes each, in the place of `path`.
pub(super) fn lists(
    what: &str,
    base: &Element,
    path: &[usize],
    most: usize,
    element: &dyn Fn([u8; 32]) -> Element,
) -> Vec<Case> {
    let with = |elements: Vec<Element>| base.clone().with(path, Array(elements));
    let of = |keys: &[[u8; 32]]| with(keys.iter().map(|key| element(*key)).collect());
    let two = [[0; 32], key(1)];
    let last = [key(2), [0; 32]];
    vec![
        unexpected(&format!("{what} null"), &base.clone().with(path, Null)),
        unexpected(&format!("{what} as a map"), &base.clone().with(path, Map(Vec::new()))),
        unexpected(&format!("{what}: an element as text"), &with(vec![Text("one")])),
        bounds(&format!("{what}: one more than the most"), &with(vec![Number(0); most + 1]))
            .flag("Boundary"),
        unexpected(&format!("{what}: the most, of another type"), &with(vec![Number(0); most]))
            .flag("Boundary"),
        zero(&format!("{what}: one of zeros"), &of(&two)),
        zero(&format!("{what}: one of zeros, not in its place"), &of(&last)).flag("Order"),
        unordered(&format!("{what}: descending"), &of(&[key(2), key(1)])),
        unordered(&format!("{what}: one twice"), &of(&[key(2), key(2)])),
        unordered(&format!("{what}: the last one descending"), &of(&[key(1), key(4), key(3)])),
    ]
}

/// Cuts, in the place of `path`.
pub(super) fn cut_cases(base: &Element, path: &[usize]) -> Vec<Case> {
    let with = |elements: Vec<Element>| base.clone().with(path, Array(elements));
    let one = |cut: Element| with(vec![cut]);
    let cut = |comment: &str, payload: &Element| bad(comment, "control.cut", "CTL-6", payload);
    let whole = cut_element(4, key(1), Some(key(2)));
    vec![
        unexpected("cuts as a map", &base.clone().with(path, Map(Vec::new()))),
        unexpected("a cut as an id", &one(Element::of(key(1)))),
        bounds("17 cuts", &with(vec![Number(0); 17])).flag("Boundary"),
        count("a cut of two elements", &one(whole.clone().without(2))),
        count("a cut of four elements", &one(whole.clone().and(Null))),
        unexpected("sequence of a cut null", &one(whole.clone().with(&[0], Null))),
        unexpected("id of a cut null", &one(whole.clone().with(&[1], Null))),
        unexpected("control of a cut as an integer", &one(whole.clone().with(&[2], Number(0)))),
        bounds("sequence of a cut 2^63", &one(whole.clone().with(&[0], Number(TOO_HIGH))))
            .flag("Boundary"),
        bounds("id of a cut of 31 bytes", &one(whole.clone().with(&[1], Element::of([1; 31])))),
        bounds("control of a cut of 33 bytes", &one(whole.with(&[2], Element::of([1; 33])))),
        cut("sequence of a cut 0", &one(cut_element(0, key(1), None))).flag("Boundary"),
        cut("id of a cut of zeros", &one(cut_element(4, [0; 32], None))),
        cut("control of a cut of zeros", &one(cut_element(4, key(1), Some([0; 32])))),
        cut(
            "the second cut names nothing",
            &with(vec![cut_element(4, key(1), None), cut_element(4, key(2), Some([0; 32]))]),
        ),
        cut(
            "cuts descending, one with sequence 0",
            &with(vec![cut_element(4, key(2), None), cut_element(0, key(1), None)]),
        )
        .flag("Order"),
        unordered(
            "cuts descending",
            &with(vec![cut_element(4, key(2), None), cut_element(4, key(1), None)]),
        ),
        unordered(
            "cuts at one id, with two sequences",
            &with(vec![cut_element(4, key(1), None), cut_element(5, key(1), None)]),
        ),
    ]
}

/// Elements that name a device and its cuts, in the place of `path`.
pub(super) fn removed_cases(what: &str, base: &Element, path: &[usize]) -> Vec<Case> {
    let mut cases = lists(what, base, path, 1_024, &removed_element);
    let with = |elements: Vec<Element>| base.clone().with(path, Array(elements));
    let first = |place: &[usize], value| with(vec![removed_element(key(1)).with(place, value)]);
    let broken = Array(vec![cut_element(0, key(1), None)]);
    cases.extend([
        count(
            &format!("{what}: a device without cuts"),
            &with(vec![removed_element(key(1)).without(1)]),
        ),
        unexpected(&format!("{what}: cuts null"), &first(&[1], Null)),
        bounds(&format!("{what}: device of 31 bytes"), &first(&[0], Element::of([1; 31]))),
        bounds(&format!("{what}: 17 cuts"), &first(&[1], Array(vec![Number(0); 17])))
            .flag("Boundary"),
        bad(
            &format!("{what}: a cut that names nothing"),
            "control.cut",
            "CTL-6",
            &first(&[1], broken.clone()),
        ),
        unordered(
            &format!("{what}: descending, and a cut that names nothing"),
            &with(vec![removed_element(key(2)).with(&[1], broken), removed_element(key(1))]),
        )
        .flag("Order"),
    ]);
    cases
}
