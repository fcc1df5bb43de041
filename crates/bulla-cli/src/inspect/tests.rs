//! Each kind of object is recognised by its shape, and what breaks a rule is named with its clause.

use bulla_core::cbor::{Encode as _, Writer};
use bulla_core::control::{
    Claimed, Control, Cut, Cuts, Epoch, Erase, ErasedRange, Frontier, Grant, GrantedDevice, Group,
    Proven, Recipient, Recovery, RemovedDevice, Revoke, Role, RoleChange, SealedLabel,
};
use bulla_core::genesis::RecoveryKey;
use bulla_core::{
    AuthorKey, EntryId, InvitationId, KeyId, Kind, Lineage, LogHash, Salt, SealingKey, Topic,
};
use std::sync::Arc;

use bulla_crypto::{ChainEnd, ControlDraft, EntryWriter};
use bulla_identity::DeviceKeys;

use super::*;

fn sample() -> Header {
    Header {
        space: SpaceId([1; 32]),
        author: AuthorKey([2; 32]),
        sequence: 7,
        previous: EntryId([3; 32]),
        timestamp: 1_700_000_000_000 << 16,
        kind: Kind::OPERATION,
        topic: Topic::ZERO,
        dependencies: vec![EntryId([4; 32])],
        key_id: KeyId([5; 32]),
        salt: Salt([6; 24]),
        payload_length: 100,
        content_hash: ContentHash([7; 32]),
    }
}

#[test]
fn a_header_is_explained_field_by_field() {
    let explanation = explain(&sample().to_cbor());
    assert_eq!((explanation.what, &explanation.refusal), ("entry header", &None));
    let clauses: Vec<_> = explanation.fields.iter().map(|field| field.clause).collect();
    for clause in [
        "ENT-1", "ENT-3", "ENT-4", "ENT-5", "ENT-6", "ENT-7", "ENT-8", "ENT-9", "ENT-10", "ENT-11",
        "ENT-12", "ENT-13",
    ] {
        assert!(clauses.contains(&clause), "{clause}");
    }
}

#[test]
fn a_broken_rule_is_named() {
    let broken = Header { sequence: 1, ..sample() };
    assert_eq!(explain(&broken.to_cbor()).refusal.unwrap().clause, "ENT-5");
    let mut bytes = sample().to_cbor();
    bytes.push(0);
    let refusal = explain(&bytes).refusal.unwrap();
    assert_eq!((refusal.clause.as_str(), refusal.offset), ("CBOR-2", Some(bytes.len() - 1)));
}

#[test]
fn other_objects_are_told_apart() {
    let cursor = Cursor { lineage: Lineage([1; 16]), receipt: 9, log_hash: LogHash([2; 32]) };
    assert_eq!(explain(&cursor.to_cbor()).what, "cursor");
    assert_eq!(explain(&Filter::all().to_cbor()).what, "filter");
    assert_eq!(explain(&Bloom::for_count(10, [0; 16]).to_cbor()).what, "Bloom filter");
    let mut writer = Writer::new();
    writer.array(3).bytes(sample().to_cbor()).bytes([0; 64]).null();
    let explanation = explain(&writer.into_bytes());
    assert_eq!(explanation.what, "signed entry");
    assert!(explanation.refusal.is_some(), "a zero signature does not verify");
}

const SPACE: SpaceId = SpaceId([1; 32]);

/// A control entry with this payload, signed, in plain form.
fn control_entry(keys: &DeviceKeys, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        author: keys.author(),
        kind,
        topic: Topic::ZERO,
        key_id: KeyId::ZERO,
        payload_length: u32::try_from(payload.len()).unwrap(),
        content_hash: ContentHash::of(payload),
        ..sample()
    };
    let bytes = header.to_cbor();
    let signature = keys.sign_header(&Header::digest_of(&bytes));
    let mut writer = Writer::new();
    writer.array(3).bytes(&bytes).bytes(signature).bytes(payload);
    writer.into_bytes()
}

fn controls(keys: &DeviceKeys) -> Vec<(Control, &'static [&'static str])> {
    let device = AuthorKey([8; 32]);
    let id = EntryId([9; 32]);
    let cuts = Cuts(vec![Cut { sequence: 3, id, control: Some(EntryId([0xaa; 32])) }]);
    let card = keys.joining_card(SPACE, InvitationId([0xbb; 32]));
    let label = SealedLabel { key_id: KeyId([0xcc; 32]), salt: Salt([1; 24]), ciphertext: [2; 81] };
    let removed = vec![RemovedDevice { device, cuts: cuts.clone() }];
    let next = RecoveryKey { author: AuthorKey([0xdd; 32]), sealing_key: SealingKey([0xee; 32]) };
    vec![
        (
            Grant { device: GrantedDevice::Card(card), role: Role::Writer, label: Some(label) }
                .into(),
            &["CTL-1", "CTL-5", "CTL-10", "CTL-11", "PAIR-1", "PAIR-2", "PAIR-3"],
        ),
        (
            Grant { device: GrantedDevice::Node(device), role: Role::Relay, label: None }.into(),
            &["CTL-5", "CTL-10"],
        ),
        (
            RoleChange { device, role: Role::Reader, cuts: Some(cuts.clone()) }.into(),
            &["CTL-5", "CTL-6", "CTL-20"],
        ),
        (Revoke { device, cuts: Cuts::default() }.into(), &["CTL-6", "CTL-25"]),
        (
            Epoch {
                group: id,
                parents: vec![EntryId([0xaa; 32])],
                key_id: KeyId([0xcc; 32]),
                recipients: vec![Recipient { device, sealed: [1; 80] }],
                inherited: vec![0; 20],
            }
            .into(),
            &["CTL-30", "CTL-32", "CTL-33"],
        ),
        (
            Frontier {
                proven: vec![Proven {
                    header: sample().to_cbor().into(),
                    signature: Signature([0; 64]),
                }],
                claimed: vec![Claimed { author: device, sequence: 4, id }],
            }
            .into(),
            &["CTL-40", "CTL-41"],
        ),
        (
            Group {
                group: id,
                label: None,
                added: vec![AuthorKey([7; 32])],
                removed: removed.clone(),
            }
            .into(),
            &["CTL-6", "CTL-11", "CTL-50"],
        ),
        (
            Erase {
                ids: vec![id],
                ranges: vec![ErasedRange {
                    author: device,
                    sequence: 5,
                    topic: Some(Topic([6; 16])),
                }],
            }
            .into(),
            &["CTL-60"],
        ),
        (
            Recovery { device: Some(card), revoked: removed, next: Some(next) }.into(),
            &["CTL-6", "CTL-70", "PAIR-1"],
        ),
    ]
}

#[test]
fn every_control_payload_is_explained_field_by_field() {
    let keys = DeviceKeys::dangerous_from_secrets(&[5; 32], &[6; 32]);
    for (control, expected) in controls(&keys) {
        let payload = control.to_cbor();
        let explanation = explain(&control_entry(&keys, control.kind(), &payload));
        assert_eq!(explanation.refusal, None, "{}", control.kind());
        let clauses: Vec<_> = explanation.fields.iter().map(|field| field.clause).collect();
        for clause in expected {
            assert!(clauses.contains(clause), "{}: {clause}", control.kind());
        }
        // Every 32-byte string of the payload is shown, in digits.
        let text: String = explanation.fields.iter().map(|field| field.value.as_str()).collect();
        let mut reader = Reader::new(&payload);
        let shown = keys_in(&mut reader);
        assert!(shown.iter().all(|key| text.contains(key)), "{}: {shown:?}", control.kind());
    }
}

/// The byte strings of 32 bytes in an item, in digits, however deep.
fn keys_in(reader: &mut Reader<'_>) -> Vec<String> {
    match reader.peek_major() {
        Some(4) => {
            let count = reader.array(usize::MAX).unwrap();
            (0..count).flat_map(|_| keys_in(reader)).collect()
        }
        Some(2) => {
            let bytes = reader.bytes(usize::MAX).unwrap();
            let key = (bytes.len() == 32).then(|| data_encoding::HEXLOWER.encode(bytes));
            key.into_iter().collect()
        }
        _ => {
            reader.skip().unwrap();
            Vec::new()
        }
    }
}

#[test]
fn a_control_payload_that_breaks_a_rule_is_refused_by_its_clause() {
    let keys = DeviceKeys::dangerous_from_secrets(&[5; 32], &[6; 32]);
    let zero = RoleChange { device: AuthorKey::ZERO, role: Role::Admin, cuts: None };
    let entry = control_entry(&keys, Kind::ROLE, &Control::from(zero).to_cbor());
    let explanation = explain(&entry);
    let refusal = explanation.refusal.unwrap();
    assert_eq!((refusal.code.as_str(), refusal.clause.as_str()), ("control.zero", "CTL-4"));
    assert!(explanation.fields.iter().any(|field| field.name == "content"));
}

/// Only what holds is listed as proven, and only in its place.
///
/// Clauses: CTL-41.
#[test]
fn a_frontier_is_shown_with_what_it_proves() {
    let space = SpaceId([1; 32]);
    let signed = |sequence: u64| {
        let keys = Arc::new(DeviceKeys::generate(&OsRandomness).unwrap());
        let writer = EntryWriter::new(Arc::clone(&keys), space, Arc::new(OsRandomness));
        let frontier = Frontier { proven: vec![], claimed: vec![] };
        let end = match sequence {
            1 => ChainEnd::EMPTY,
            _ => ChainEnd::after(sequence - 1, EntryId([8; 32])),
        };
        let sealed = writer.control(&end, &ControlDraft::new(Control::Frontier(frontier))).unwrap();
        let RawEntry { header, signature, .. } = sealed.raw;
        (keys.author(), sealed.id, Proven { header, signature })
    };
    let mut signed = [signed(1), signed(4)];
    signed.sort_by_key(|(author, ..)| *author);
    let [(_, first, one), (author, second, other)] = signed.clone();
    let mut broken = other.clone();
    broken.signature.0[9] ^= 1;
    let frontier = Frontier { proven: vec![broken, one.clone(), other, one], claimed: vec![] };
    let header = Header { space, kind: Kind::FRONTIER, ..sample() };
    let fields = control::payload(&header, &frontier.to_cbor()).unwrap();
    let says: Vec<_> = fields.iter().filter(|field| field.clause == "CTL-41").collect();
    let names: Vec<_> = says.iter().map(|field| field.name.trim()).collect();
    assert_eq!(names, ["proves nothing", "proven", "proven", "proves nothing"]);
    assert!(says[0].value.contains("entry.signature"), "{}", says[0].value);
    assert!(says[1].value.starts_with(&format!("entry {first}, number ")), "{}", says[1].value);
    assert!(says[2].value.starts_with(&format!("entry {second}, number ")), "{}", says[2].value);
    assert!(says[2].value.ends_with(&author.to_string()), "{}", says[2].value);
}
