//! Each kind of object is recognised by its shape, and what breaks a rule is named with its clause.

use bulla_core::cbor::{Encode as _, Writer};
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, Lineage, LogHash, Salt, Topic};

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
