//! A removed device with everything it ever had, and everything a relay has.

use std::sync::Arc;

use bulla_core::control::{Context, Epoch};
use bulla_core::{EntryId, Kind, SpaceId, VerifiedEntry};
use bulla_crypto::{
    ChainEnd, Draft, EntryWriter, EpochDraft, EpochKey, EpochParent, Inheritance, Keyring,
    OpenedEpoch, open, open_with,
};
use bulla_identity::OsRandomness;

use crate::epochs::{assert_failed, author, context, recipient};
use crate::support::{SPACE, device, key, verified};

/// An epoch of the space by its author, for these devices, with the whole history handed down.
fn rotate(own: &mut Keyring, before: &[(EntryId, Epoch)], recipients: &[u8]) -> (EntryId, Epoch) {
    let id = EntryId([u8::try_from(before.len()).unwrap() + 1; 32]);
    let parents = before.last().map(|(id, payload)| EpochParent {
        id: *id,
        key_id: payload.key_id,
        key: own.key_of_epoch(&SPACE, &EntryId::ZERO, id),
    });
    let draft = EpochDraft {
        space: SPACE,
        group: EntryId::ZERO,
        parents: parents.into_iter().collect(),
        recipients: recipients.iter().map(|seed| recipient(*seed)).collect(),
        topics: own.topics(&SPACE),
        older: Vec::new(),
    };
    let (payload, opened) = draft.create(&author(), &OsRandomness).unwrap().split();
    own.learn(SPACE, id, opened);
    (id, payload)
}

/// Entries of all members under the key of this epoch.
fn entries(own: &Keyring, epoch: &Epoch) -> Vec<VerifiedEntry> {
    let key = own.get(&SPACE, &epoch.key_id).unwrap();
    let write = |seed: u8| {
        let writer = EntryWriter::new(device(seed), SPACE, Arc::new(OsRandomness));
        let draft = Draft::new(Kind::OPERATION, b"after the removal");
        verified(writer.seal(&ChainEnd::EMPTY, &draft, &key).unwrap().raw)
    };
    vec![write(1), write(2)]
}

/// Device 3 has its secrets, every key of the epochs it was in, every entry and every payload of the log. Of what was
/// written after its removal it opens nothing.
/// Clauses: CTL-31, CTL-32, CTL-33, CTL-34.
#[test]
fn a08_a_removed_device_opens_nothing_of_the_next_epoch() {
    let mut own = Keyring::new();
    let mut log = Vec::new();
    for _ in 0..3 {
        let epoch = rotate(&mut own, &log, &[1, 2, 3]);
        log.push(epoch);
    }
    // What device 3 learned while it belonged to the space.
    let mut taken = Keyring::new();
    let mut before = Vec::new();
    for (id, payload) in &log {
        let opened = OpenedEpoch::open(&context(), payload, &before, &device(3)).unwrap();
        taken.learn(SPACE, *id, opened);
        before = vec![payload.key_id];
    }
    assert_eq!(taken.keys(&SPACE).len(), 3);
    let readable = entries(&own, &log[2].1);
    assert!(readable.iter().all(|entry| open(entry, &taken).is_ok()));

    // Removed, and two rotations later.
    for _ in 0..2 {
        let epoch = rotate(&mut own, &log, &[1, 2]);
        log.push(epoch);
    }
    let after = &log[3..];
    let mut own_before = log[2].1.key_id;
    for (_, payload) in after {
        let device = device(3);
        let refused = OpenedEpoch::open(&context(), payload, &[own_before], &device);
        assert_eq!(refused.unwrap_err().code().as_str(), "epoch.not_recipient");
        // What is sealed to others, under its own name, with and without the true list of recipients.
        for one in &payload.recipients {
            let mut forged = payload.clone();
            forged.recipients = vec![*one];
            forged.recipients[0].device = device.author();
            let opened = OpenedEpoch::open(&context(), &forged, &[own_before], &device);
            assert_failed(opened, "sealed to another, alone");
            let mut forged = payload.clone();
            let mut mine = *one;
            mine.device = device.author();
            forged.recipients.push(mine);
            forged.recipients.sort_by_key(|one| one.device);
            let opened = OpenedEpoch::open(&context(), &forged, &[own_before], &device);
            assert_failed(opened, "sealed to another, among all");
        }
        // What is handed down opens under none of the old keys, whatever key the payload is made to name.
        for key in taken.keys(&SPACE) {
            assert_failed(Inheritance::open(&context(), payload, &[own_before], key), "an old key");
            let mut forged = payload.clone();
            forged.key_id = key.id();
            let other = [SpaceId([9; 32]).0.into()];
            assert_failed(Inheritance::open(&context(), &forged, &other, key), "renamed to it");
        }
        for entry in entries(&own, payload) {
            assert_eq!(open(&entry, &taken).unwrap_err().code().as_str(), "open.unknown_key");
            for key in taken.keys(&SPACE) {
                assert!(open_with(&entry, key).is_err());
            }
        }
        own_before = payload.key_id;
    }
    assert_nothing_contains_a_new_key(&log, &own, &taken);

    // The member that stayed reads on, from before the removal and from after it.
    let stayed = OpenedEpoch::open(&context(), &log[3].1, &[log[2].1.key_id], &device(2)).unwrap();
    assert!(stayed.key.has_id(&log[3].1.key_id));
    assert!(stayed.inheritance.parents[0].1.has_id(&log[2].1.key_id));
}

/// No new key lies in the open in any payload, or is a hash of an old one.
fn assert_nothing_contains_a_new_key(log: &[(EntryId, Epoch)], own: &Keyring, taken: &Keyring) {
    use bulla_core::cbor::Encode;
    let bytes: Vec<u8> = log.iter().flat_map(|(_, payload)| payload.to_cbor()).collect();
    for (_, payload) in &log[3..] {
        let new = own.get(&SPACE, &payload.key_id).unwrap();
        assert!(!bytes.windows(16).any(|part| part == &new.expose_secret()[..16]));
        for old in taken.keys(&SPACE) {
            assert_ne!(blake3::hash(old.expose_secret()).as_bytes(), new.expose_secret());
        }
    }
}

/// Another group of the same space is another matter: its keys open nothing of the space's own epochs, nor the other way.
/// Clauses: CTL-30, CTL-51.
#[test]
fn a08_a_member_outside_a_group_opens_nothing_of_it() {
    let group = EntryId([5; 32]);
    let mut own = Keyring::new();
    let log = [rotate(&mut own, &[], &[1, 2, 3])];
    let draft = EpochDraft { group, topics: None, ..crate::epochs::draft(&[1, 2], &[]) };
    let (payload, opened) = draft.create(&author(), &OsRandomness).unwrap().split();
    own.learn(SPACE, EntryId([6; 32]), opened);
    let outside = OpenedEpoch::open(&context(), &payload, &[], &device(3));
    assert_eq!(outside.unwrap_err().code().as_str(), "epoch.not_recipient");
    let key: Arc<EpochKey> = own.get(&SPACE, &log[0].1.key_id).unwrap();
    assert_failed(Inheritance::open(&context(), &payload, &[], &key), "the key of all");
    // Topics of the group are its own, so that those outside cannot compute them.
    let (of_space, of_group) =
        (own.topics(&SPACE).unwrap(), own.topics_of(&SPACE, &group).unwrap());
    assert!(!of_space.is_same(&of_group));
    assert_ne!(of_space.topic(b"notes"), of_group.topic(b"notes"));
    let inside = Context { ..context() };
    assert!(OpenedEpoch::open(&inside, &payload, &[], &device(2)).is_ok());
}

/// Who reads the space and is not in a group copies the key id of the group's epoch into an epoch of the space. Members of
/// the group take that one as a parent, and have a key of that id: it must not go to all who read the space.
/// Clauses: CTL-33.
#[test]
fn a08_a_copied_key_id_hands_down_no_key_of_a_group() {
    let group = EntryId([5; 32]);
    let (own_id, group_id, lie) = (EntryId([1; 32]), EntryId([6; 32]), EntryId([7; 32]));
    let mut own = Keyring::new();
    let log = [rotate(&mut own, &[], &[1, 2, 3])];
    let draft = crate::epochs::moved(crate::epochs::draft(&[1, 2], &[]), SPACE, group);
    let (of_group, opened) = draft.create(&author(), &OsRandomness).unwrap().split();
    own.learn(SPACE, group_id, opened);
    assert!(own.get(&SPACE, &of_group.key_id).is_some(), "to read with");

    // The epoch that lies opens for nobody; nothing is learned of it, and its key is nobody's.
    assert!(own.key_of_epoch(&SPACE, &EntryId::ZERO, &lie).is_none());
    assert!(own.key_of_epoch(&SPACE, &group, &lie).is_none());
    assert!(own.key_of_epoch(&SPACE, &EntryId::ZERO, &group_id).is_none());
    assert!(own.key_for_epoch(&SPACE, &EntryId::ZERO, &lie, &of_group.key_id).is_none());
    assert!(own.key_for_epoch(&SPACE, &group, &lie, &of_group.key_id).is_none());
    let bound = own.key_of_epoch(&SPACE, &group, &group_id).unwrap();
    assert!(bound.key().has_id(&of_group.key_id));

    // A caller that confuses them is refused: neither as the key of the lie nor as one of the space's own epochs.
    let of_space = own.key_of_epoch(&SPACE, &EntryId::ZERO, &own_id).unwrap();
    for (id, key) in [(lie, &bound), (group_id, &bound), (lie, &of_space)] {
        let parent = EpochParent { id, key_id: key.key().id(), key: Some(key.clone()) };
        let draft = EpochDraft { parents: vec![parent], ..crate::epochs::draft(&[1, 2, 3], &[]) };
        let refused = draft.create(&author(), &OsRandomness).unwrap_err();
        assert_eq!(refused.code().as_str(), "epoch.parents");
    }
    assert!(of_space.key().has_id(&log[0].1.key_id));
    let parents = [(own_id, log[0].1.key_id, Some(of_space)), (lie, of_group.key_id, None)];
    let parents = parents.map(|(id, key_id, key)| EpochParent { id, key_id, key });
    let draft = EpochDraft { parents: parents.into(), ..crate::epochs::draft(&[1, 2, 3], &[]) };
    let payload = draft.create(&author(), &OsRandomness).unwrap().payload;
    let key_ids = [log[0].1.key_id, of_group.key_id];
    let opened = OpenedEpoch::open(&context(), &payload, &key_ids, &device(3)).unwrap();
    assert_eq!(opened.inheritance.parents.len(), 1);
    assert!(!opened.inheritance.parents[0].1.has_id(&of_group.key_id));
}

/// A key that came by itself is that of the entry that it opens, from then on.
/// Clauses: CTL-34.
#[test]
fn a_key_from_elsewhere_belongs_to_the_epoch_it_opens() {
    let mut own = Keyring::new();
    let log = [rotate(&mut own, &[], &[1, 2])];
    let (id, payload) = &log[0];
    let mut held = Keyring::new();
    let secret = own.get(&SPACE, &payload.key_id).unwrap();
    held.insert(SPACE, EpochKey::dangerous_from_bytes(secret.expose_secret()));
    assert!(held.key_of_epoch(&SPACE, &EntryId::ZERO, id).is_none());
    let key = held.key_for_epoch(&SPACE, &EntryId::ZERO, id, &payload.key_id).unwrap();
    let opened = OpenedEpoch::open_with(&context(), payload, &[], &key).unwrap();
    assert!(!held.learn(SPACE, *id, opened).repeated);
    assert!(held.key_of_epoch(&SPACE, &EntryId::ZERO, id).is_some());
    assert!(
        held.key_for_epoch(&SPACE, &EntryId::ZERO, &EntryId([9; 32]), &payload.key_id).is_none()
    );
}

/// Only the first epoch of a space's own hands keys down that no epoch brought, and only those of this space.
///
/// Clauses: CTL-33.
#[test]
fn a08_older_keys_come_along_in_the_first_epoch_of_a_space_and_nowhere_else() {
    let older = |space, seeds: std::ops::Range<u8>| {
        let mut keyring = Keyring::new();
        seeds.for_each(|seed| _ = keyring.insert(space, key(seed)));
        keyring.keys_before_epochs(&space)
    };
    let first = EpochDraft { older: older(SPACE, 10..74), ..crate::epochs::draft(&[1, 2], &[]) };
    let refused =
        |draft: EpochDraft| draft.create(&author(), &OsRandomness).unwrap_err().code().to_string();
    let mut twice = first.clone();
    twice.older.truncate(1);
    twice.older.push(twice.older[0].clone());
    assert_eq!(refused(twice), "epoch.parents");
    let mut many = first.clone();
    many.older.extend(older(SPACE, 100..101));
    assert_eq!(refused(many), "epoch.parents");
    let foreign = older(SpaceId([1; 32]), 10..11);
    assert_eq!(refused(EpochDraft { older: foreign, ..first.clone() }), "epoch.parents");
    let after = EpochDraft { older: first.older.clone(), ..crate::epochs::draft(&[1, 2], &[9]) };
    assert_eq!(refused(after), "epoch.parents");
    assert_eq!(refused(EpochDraft { group: EntryId([5; 32]), ..first.clone() }), "epoch.parents");

    let new = first.create(&author(), &OsRandomness).unwrap();
    let opened = crate::epochs::open(&new.payload, 2).unwrap();
    assert!(opened.inheritance.parents.is_empty());
    let ids: Vec<_> = opened.inheritance.older.iter().map(EpochKey::id).collect();
    assert_eq!(ids, (10..74).map(|seed| key(seed).id()).collect::<Vec<_>>());
}
