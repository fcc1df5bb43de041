//! Control entries as their author makes them.

use std::sync::Arc;

use bulla_core::control::{Control, Cuts, Epoch, Erase, Frontier, Proven, Revoke};
use bulla_core::genesis::{Genesis, Policy};
use bulla_core::{Signature, Verified, Verifier};
use bulla_identity::OsRandomness;

use super::*;
use crate::{
    BoundKey, EpochDraft, EpochError, EpochParent, Inheritance, Keyring, OpenedEpoch, TopicSecret,
};

const SPACE: SpaceId = SpaceId([7; 32]);

fn device() -> Arc<DeviceKeys> {
    Arc::new(DeviceKeys::dangerous_from_secrets(&[1; 32], &[2; 32]))
}

fn writer() -> EntryWriter {
    EntryWriter::new(device(), SPACE, Arc::new(OsRandomness))
}

fn erase(ids: &[u8]) -> Control {
    Erase { ids: ids.iter().map(|id| EntryId([*id; 32])).collect(), ranges: Vec::new() }.into()
}

/// Clauses: CTL-7, ENT-8, ENT-10.
#[test]
fn a_control_entry_is_plaintext_in_its_place_in_the_chain() {
    let chain = ChainEnd::after(4, EntryId([4; 32]));
    let heads = vec![EntryId([9; 32]), EntryId([4; 32]), EntryId([8; 32]), EntryId([9; 32])];
    let draft = ControlDraft::new(erase(&[1])).with_dependencies(heads).with_timestamp(77);
    let sealed = writer().control(&chain, &draft).unwrap();
    let verified = Verifier::new([0; 32]).verify(&SPACE, sealed.raw).unwrap();
    let Verified::Entry(entry) = verified else { panic!("the payload came along") };
    let header = entry.header();
    assert_eq!((header.sequence, header.previous, header.timestamp), (5, chain.id(), 77));
    assert_eq!(
        header.dependencies,
        [EntryId([8; 32]), EntryId([9; 32])],
        "the previous is left out"
    );
    assert!(header.key_id.is_zero() && header.topic.is_zero() && !header.salt.is_zero());
    assert_eq!(entry.control(), Some(erase(&[1])));
    assert_eq!(sealed.chain, ChainEnd::after(5, sealed.id));
}

#[test]
fn what_no_reader_would_take_is_not_signed() {
    let refused = |control: Control| {
        let draft = ControlDraft::new(control);
        writer().control(&ChainEnd::EMPTY, &draft).unwrap_err().code().as_str().to_owned()
    };
    assert_eq!(refused(erase(&[])), "erase.empty");
    assert_eq!(refused(erase(&[2, 1])), "control.order");
    assert_eq!(refused(erase(&[0])), "control.zero");
    let founders = Vec::new();
    let genesis = Genesis { founders, recovery: None, policy: Policy::default() };
    assert_eq!(refused(genesis.into()), "write.kind");
    // Each element within its bounds, and together longer than a payload.
    let proven = Proven { header: vec![0; 8_000].into(), signature: Signature::ZERO };
    let long = Frontier { proven: vec![proven; 200], claimed: Vec::new() };
    assert_eq!(refused(long.into()), "cbor.bounds");
    let revoke = Revoke { device: AuthorKey([1; 32]), cuts: Cuts(Vec::new()) };
    let many = (1..=65).map(|id| EntryId([id; 32])).collect();
    let draft = ControlDraft::new(revoke).with_dependencies(many);
    let refused = writer().control(&ChainEnd::EMPTY, &draft).unwrap_err();
    assert_eq!(refused, WriteError::Dependencies(65));
}

/// A key as a keyring knows it that learned it from this epoch.
fn bound(epoch: EntryId, key: EpochKey) -> BoundKey {
    let mut keyring = Keyring::new();
    let topics = TopicSecret::dangerous_from_bytes(&[3; 32]);
    let inheritance = Inheritance { topics, parents: Vec::new(), older: Vec::new() };
    keyring.learn(SPACE, epoch, OpenedEpoch { group: EntryId::ZERO, key, inheritance });
    keyring.key_of_epoch(&SPACE, &EntryId::ZERO, &epoch).unwrap()
}

/// Clauses: CTL-30, CTL-32.
#[test]
fn a_rotation_for_100_members_has_at_most_16_kib() {
    let recipient = |seed: u8| {
        let device = DeviceKeys::dangerous_from_secrets(&[seed; 32], &[!seed; 32]);
        (device.author(), device.sealing_key())
    };
    let key = |seed| EpochKey::dangerous_from_bytes(&[seed; 32]);
    // One head is the rule; 32 are many authors that rotated at once.
    for (heads, most) in [(1, 12_500), (32, 16 * 1024)] {
        let parent = |seed| EpochParent {
            id: EntryId([seed; 32]),
            key_id: key(seed).id(),
            key: Some(bound(EntryId([seed; 32]), key(seed))),
        };
        let draft = EpochDraft {
            space: SPACE,
            group: EntryId::ZERO,
            parents: (1..=heads).map(parent).collect(),
            recipients: (1..=100).map(recipient).collect(),
            topics: Some(Arc::new(TopicSecret::dangerous_from_bytes(&[3; 32]))),
            older: Vec::new(),
        };
        let (payload, _) = draft.create(&device(), &OsRandomness).unwrap().split();
        let draft = ControlDraft::new(payload).with_dependencies(vec![EntryId([9; 32])]);
        let raw = writer().control(&ChainEnd::EMPTY, &draft).unwrap().raw;
        let bytes = raw.header.len() + raw.signature.0.len() + raw.payload.unwrap().len();
        assert!(bytes <= most, "{bytes} bytes with {heads} heads");
    }
}

/// Clauses: KEY-7.
#[test]
fn topic_secrets_are_made_for_first_epochs_only() {
    let recipient = (device().author(), device().sealing_key());
    let draft = EpochDraft {
        space: SPACE,
        group: EntryId::ZERO,
        parents: Vec::new(),
        recipients: vec![recipient],
        topics: None,
        older: Vec::new(),
    };
    let first = draft.clone().create(&device(), &OsRandomness).unwrap();
    assert!(first.topics.is_same(&TopicSecret::derive(&first.key, &SPACE)));
    let in_group = EpochDraft { group: EntryId([5; 32]), ..draft.clone() };
    let (one, other) = (
        in_group.clone().create(&device(), &OsRandomness).unwrap(),
        in_group.create(&device(), &OsRandomness).unwrap(),
    );
    assert!(!one.topics.is_same(&other.topics), "drawn");
    assert!(!one.topics.is_same(&TopicSecret::derive(&one.key, &SPACE)));
    let parent = EpochParent { id: EntryId([1; 32]), key_id: first.key.id(), key: None };
    let next = EpochDraft { parents: vec![parent], ..draft };
    assert_eq!(
        next.clone().create(&device(), &OsRandomness).unwrap_err(),
        EpochError::NoTopicSecret
    );
    let known = Arc::new(TopicSecret::derive(&first.key, &SPACE));
    let next = EpochDraft { topics: Some(known), ..next }.create(&device(), &OsRandomness).unwrap();
    assert!(next.topics.is_same(&first.topics));
    let Epoch { key_id, .. } = next.payload;
    assert!(next.key.has_id(&key_id) && !first.key.has_id(&key_id));
}
