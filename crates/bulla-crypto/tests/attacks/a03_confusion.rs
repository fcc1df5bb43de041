//! Each signed or sealed object presented as each other one, by somebody who has every key.

use std::sync::Arc;

use bulla_core::cbor::Encode;
use bulla_core::control::{
    Control, Cut, Cuts, Epoch, Erase, Frontier, Grant, GrantedDevice, Group, Recovery, Revoke,
    Role, RoleChange, SealedLabel,
};
use bulla_core::{ContentHash, EntryId, Header, InvitationId, Kind, RawEntry, Salt, Verifier};
use bulla_crypto::{
    ChainEnd, ControlDraft, Draft, EntryWriter, Inheritance, KeyTransfer, LabelSubject,
    OpenedEpoch, Padding, open_label_with, open_with,
};
use bulla_identity::OsRandomness;

use crate::epochs::{context, create, open};
use crate::support::{SPACE, device, key, verified, writer};

fn payloads() -> Vec<Control> {
    let other = device(2).author();
    let cut = Cut { sequence: 3, id: EntryId([3; 32]), control: None };
    let cuts = Cuts(vec![cut]);
    let label = writer(1).seal_label(LabelSubject::Group, "label", &key(1)).unwrap();
    let card = device(2).joining_card(SPACE, InvitationId::ZERO);
    vec![
        Grant { device: GrantedDevice::Card(card), role: Role::Writer, label: None }.into(),
        RoleChange { device: other, role: Role::Reader, cuts: Some(cuts.clone()) }.into(),
        Revoke { device: other, cuts }.into(),
        create(&[1, 2], &[9]).payload.into(),
        Frontier { proven: Vec::new(), claimed: Vec::new() }.into(),
        Group { group: EntryId::ZERO, label: Some(label), added: vec![other], removed: vec![] }
            .into(),
        Erase { ids: vec![EntryId([4; 32])], ranges: Vec::new() }.into(),
        Recovery { device: Some(card), revoked: Vec::new(), next: None }.into(),
    ]
}

/// A signature over an entry of one kind is none over the same payload as another kind, whoever holds the log; and who may
/// sign anew still does not get a payload of one kind read as one of another, but for those of one shape.
/// Clauses: CTL-2, CTL-3, ENT-31.
#[test]
fn a03_no_control_entry_passes_for_one_of_another_kind() {
    let verifier = Verifier::new([0; 32]);
    let payloads = payloads();
    assert_eq!(payloads.len(), 8);
    for control in &payloads {
        let sealed =
            writer(1).control(&ChainEnd::EMPTY, &ControlDraft::new(control.clone())).unwrap();
        assert_eq!(verified(sealed.raw.clone()).control().as_ref(), Some(control));
        let fields = Header::decode(&sealed.raw.header).unwrap();
        assert!(fields.topic.is_zero() && fields.key_id.is_zero() && !fields.salt.is_zero());
        for number in 1..=9 {
            let renamed = Header { kind: Kind(number), ..fields.clone() };
            if Kind(number) == control.kind() {
                continue;
            }
            // Under the old signature, and signed anew by the same device.
            let old = RawEntry { header: renamed.to_cbor().into(), ..sealed.raw.clone() };
            assert!(verifier.verify(&SPACE, old).is_err(), "{:?} as {number}", control.kind());
            let bytes = renamed.to_cbor();
            let signature = device(1).sign_header(&Header::digest_of(&bytes));
            let anew = RawEntry { header: bytes.into(), signature, ..sealed.raw.clone() };
            let read = verifier.verify(&SPACE, anew);
            // The roles and devices of one kind never read as those of another, except that a list of nothing is a list of
            // nothing.
            assert!(read.is_err(), "{:?} signed as {number}: {read:?}", control.kind());
        }
        // As an application's entry the payload is a ciphertext that names no key.
        let as_operation = Header { kind: Kind::OPERATION, ..fields };
        let bytes = as_operation.to_cbor();
        let signature = device(1).sign_header(&Header::digest_of(&bytes));
        let raw = RawEntry { header: bytes.into(), signature, ..sealed.raw.clone() };
        assert!(verifier.verify(&SPACE, raw).is_err());
    }
}

/// The bytes of each sealed object, as each opener would take them; `None` where they cannot even have its shape.
struct Sealed {
    name: &'static str,
    bytes: Vec<u8>,
}

/// Everything is sealed under one epoch key, for one device, in one space by one author: only the domain strings, and what
/// else each object is bound to, keep them apart.
/// Clauses: KEY-1, CTL-12, CTL-32, CTL-33, SEAL-4, KEY-8.
#[test]
fn a03_each_sealed_object_opens_as_itself_only() {
    let epoch = create(&[2], &[]);
    let payload = &epoch.payload;
    let subject = LabelSubject::Device(device(2).author());
    let label = writer(1).seal_label(subject, "label", &epoch.key).unwrap();
    // 59 bytes make a payload as long as a sealed label.
    let draft = Draft::new(Kind::OPERATION, &[7; 59]).with_padding(Padding::None);
    let entry = EntryWriter::new(device(1), SPACE, Arc::new(OsRandomness))
        .seal(&ChainEnd::EMPTY, &draft, &epoch.key)
        .unwrap();
    let header = Header::decode(&entry.raw.header).unwrap();
    let transfer = {
        let keys =
            [Arc::new(bulla_crypto::EpochKey::dangerous_from_bytes(epoch.key.expose_secret()))];
        let card = device(2).card("").unwrap();
        KeyTransfer::export(&device(1), &card, SPACE, &keys, &OsRandomness).unwrap().to_bytes()
    };
    // Encapsulated key and ciphertext: 32 bytes, and 48 behind their head of two.
    let at = transfer.len() - 66 - 48;
    let in_transfer = [&transfer[at - 34..at - 2], &transfer[at..at + 48]].concat();
    let wrap = payload.recipients[0].sealed.to_vec();

    let objects = [
        Sealed { name: "payload", bytes: entry.raw.payload.unwrap().to_vec() },
        Sealed { name: "label", bytes: label.ciphertext.to_vec() },
        Sealed { name: "inheritance", bytes: payload.inherited.clone() },
        Sealed { name: "epoch wrap", bytes: wrap },
        Sealed { name: "transfer wrap", bytes: in_transfer },
    ];
    // Salts are those of the object, so that nothing but its own domain is missing.
    let opens = |name: &str, bytes: &[u8], salt: Salt| -> bool {
        match name {
            "payload" => {
                let mut header = Header { salt, ..header.clone() };
                header.payload_length = u32::try_from(bytes.len()).unwrap();
                header.content_hash = ContentHash::of(bytes);
                let encoded = header.to_cbor();
                let signature = device(1).sign_header(&Header::digest_of(&encoded));
                let payload = Some(bytes.to_vec().into());
                let raw = RawEntry { header: encoded.into(), signature, payload };
                open_with(&verified(raw), &epoch.key).is_ok()
            }
            "label" => {
                let Ok(ciphertext) = bytes.try_into() else { return false };
                let label = SealedLabel { key_id: epoch.key.id(), salt, ciphertext };
                open_label_with(&label, &context(), subject, &epoch.key).is_ok()
            }
            "inheritance" => {
                let payload = Epoch { inherited: bytes.to_vec(), ..payload.clone() };
                Inheritance::open(&context(), &payload, &[], &epoch.key).is_ok()
            }
            "epoch wrap" => {
                let Ok(sealed) = bytes.try_into() else { return false };
                let mut payload = payload.clone();
                payload.recipients[0].sealed = sealed;
                OpenedEpoch::open(&context(), &payload, &[], &device(2)).is_ok()
            }
            _ => {
                let Ok(sealed) = <&[u8; 80]>::try_from(bytes) else { return false };
                let mut altered = transfer.clone();
                altered[at - 34..at - 2].copy_from_slice(&sealed[..32]);
                altered[at..at + 48].copy_from_slice(&sealed[32..]);
                let signed_part = altered.len() - 66;
                let digest = blake3::derive_key(
                    "bulla 2026 transfer digest",
                    &[&[0x87], &altered[1..signed_part]].concat(),
                );
                let signature = device(1).sign_key_transfer(&digest);
                altered[signed_part + 2..].copy_from_slice(&signature.0);
                KeyTransfer::from_bytes(&altered)
                    .is_ok_and(|transfer| transfer.open(&device(2), &device(1).author()).is_ok())
            }
        }
    };
    for object in &objects {
        let salt = if object.name == "payload" { header.salt } else { label.salt };
        for opener in &objects {
            let opened = opens(opener.name, &object.bytes, salt);
            assert_eq!(opened, object.name == opener.name, "{} as {}", object.name, opener.name);
            // Cut or filled to the length that the opener expects.
            let mut fitted = object.bytes.clone();
            fitted.resize(opener.bytes.len(), 0);
            let opened = opens(opener.name, &fitted, salt);
            assert_eq!(opened, object.name == opener.name, "{} as {}", object.name, opener.name);
        }
    }
    assert!(open(payload, 2).is_ok());
}
