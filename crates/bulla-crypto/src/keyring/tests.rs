//! What a keyring keeps, gives and refuses; its file against whatever was learned before.

use proptest::prelude::*;

use super::*;
use crate::{EpochDraft, Inheritance};
use bulla_core::control::{Context, Epoch};
use bulla_identity::{DeviceKeys, KeyFileError, OsRandomness};

const SPACE: SpaceId = SpaceId([7; 32]);
const GROUP: EntryId = EntryId([8; 32]);

fn key(seed: u8) -> EpochKey {
    EpochKey::dangerous_from_bytes(&[seed; 32])
}

fn topics(seed: u8) -> TopicSecret {
    TopicSecret::dangerous_from_bytes(&[seed; 32])
}

/// What an epoch of this group brought.
fn opened(group: EntryId, seed: u8, topic: u8, parents: &[(EntryId, u8)]) -> OpenedEpoch {
    let parents = parents.iter().map(|(id, seed)| (*id, key(*seed))).collect();
    let inheritance = Inheritance { topics: topics(topic), parents, older: Vec::new() };
    OpenedEpoch { group, key: key(seed), inheritance }
}

fn epoch(seed: u8) -> EntryId {
    EntryId([seed; 32])
}

#[test]
fn keys_are_found_by_space_and_id_whatever_their_group() {
    let mut keyring = Keyring::new();
    keyring.learn(SPACE, epoch(1), opened(OWN, 1, 9, &[]));
    keyring.learn(SPACE, epoch(2), opened(GROUP, 2, 8, &[]));
    for seed in [1, 2] {
        assert!(keyring.get(&SPACE, &key(seed).id()).unwrap().has_id(&key(seed).id()));
    }
    assert!(keyring.get(&SPACE, &key(3).id()).is_none());
    assert!(keyring.get(&SpaceId([1; 32]), &key(1).id()).is_none());
    assert_eq!(keyring.groups(&SPACE).collect::<Vec<_>>(), [OWN, GROUP]);
    assert_eq!(keyring.epochs_of(&SPACE, &GROUP), [Some(epoch(2))]);
    assert!(keyring.topics(&SPACE).unwrap().is_same(&topics(9)));
    assert!(keyring.topics_of(&SPACE, &GROUP).unwrap().is_same(&topics(8)));
    assert!(keyring.topics_of(&SPACE, &epoch(4)).is_none());
}

/// The last key learned is the one to write with only while nobody names another.
/// Clauses: KEY-7, CTL-35.
#[test]
fn a_space_with_epochs_has_no_current_key_and_keeps_its_topics() {
    let mut keyring = Keyring::new();
    keyring.insert(SPACE, key(1));
    keyring.insert(SPACE, key(2));
    assert!(keyring.current(&SPACE).unwrap().has_id(&key(2).id()));
    let before = keyring.topics(&SPACE).unwrap();
    assert!(before.is_same(&TopicSecret::derive(&key(1), &SPACE)));

    let learned = keyring.learn(SPACE, epoch(3), opened(OWN, 3, 9, &[]));
    assert_eq!((learned.new_keys, learned.repeated), (1, false));
    assert!(keyring.current(&SPACE).is_none());
    let before = keyring.topics(&SPACE).unwrap();
    assert!(before.is_same(&topics(9)), "a computed secret gives way to that of the epochs");
    assert!(!keyring.has_rival_topics(&SPACE, &OWN));
    keyring.learn(SPACE, epoch(7), opened(OWN, 7, 8, &[]));
    assert!(keyring.has_rival_topics(&SPACE, &OWN));
    assert_eq!(keyring.settle_topics(&SPACE, &OWN, &[epoch(3), epoch(7)]), [epoch(7)]);
    assert!(keyring.topics(&SPACE).unwrap().is_same(&before));
    // Keys that come in front afterwards do not change topics any more.
    assert_eq!(keyring.merge(SPACE, vec![key(5), key(2)]), 1);
    assert!(keyring.topics(&SPACE).unwrap().is_same(&before));
    let ids: Vec<_> = keyring.keys(&SPACE).iter().map(|key| key.id()).collect();
    assert_eq!(ids, [5, 2, 1, 3, 7].map(|seed| key(seed).id()));
    let epochs = [None, None, None, Some(epoch(3)), Some(epoch(7))];
    assert_eq!(keyring.epochs_of(&SPACE, &OWN), epochs);

    let parents = [(epoch(3), 3), (epoch(6), 6)];
    let learned = keyring.learn(SPACE, epoch(4), opened(OWN, 4, 9, &parents));
    assert_eq!((learned.new_keys, learned.repeated), (2, false));
}

/// Whose secret was taken before gives way, as soon as an epoch that comes before it in the order is learned or counts; and
/// where none of them counts, nothing changes.
/// Clauses: CTL-35.
#[test]
fn the_secret_is_that_of_the_first_epoch_in_the_order() {
    let mut keyring = Keyring::new();
    let is = |keyring: &Keyring, seed: u8| {
        keyring.topics_of(&SPACE, &GROUP).unwrap().is_same(&topics(seed))
    };
    assert!(keyring.settle_topics(&SPACE, &GROUP, &[epoch(1)]).is_empty());
    assert_eq!(keyring.spaces().count(), 0, "nothing is made for a group that nothing is known of");
    keyring.learn(SPACE, epoch(2), opened(GROUP, 2, 2, &[]));
    assert!(keyring.settle_topics(&SPACE, &GROUP, &[epoch(1), epoch(2)]).is_empty());
    assert!(is(&keyring, 2));
    keyring.learn(SPACE, epoch(1), opened(GROUP, 1, 1, &[]));
    assert!(is(&keyring, 2), "until it is settled");
    let order = [epoch(1), epoch(2)];
    assert_eq!(keyring.settle_topics(&SPACE, &GROUP, &order), [epoch(2)]);
    assert!(is(&keyring, 1));
    assert_eq!(
        keyring.settle_topics(&SPACE, &GROUP, &[epoch(2)]),
        [],
        "the first does not count now"
    );
    assert!(is(&keyring, 2) && keyring.has_rival_topics(&SPACE, &GROUP));
    assert_eq!(keyring.settle_topics(&SPACE, &GROUP, &[]), []);
    assert!(is(&keyring, 2));
    // The file's gives way to those of epochs too.
    let mut again = Keyring::from_secret(&keyring.to_secret()).unwrap();
    assert!(is(&again, 2) && !again.has_rival_topics(&SPACE, &GROUP));
    again.learn(SPACE, epoch(1), opened(GROUP, 1, 1, &[]));
    assert!(is(&again, 2) && again.has_rival_topics(&SPACE, &GROUP));
    assert!(again.settle_topics(&SPACE, &GROUP, &order).is_empty());
    assert!(is(&again, 1) && !again.has_rival_topics(&SPACE, &GROUP));
}

/// Two members came in by other ways: one has the newest key first. The first epoch that either opens gives both one secret.
/// Clauses: KEY-7, CTL-35.
#[test]
fn topics_do_not_depend_on_which_key_came_first() {
    let of = |seeds: [u8; 2]| {
        let mut keyring = Keyring::new();
        keyring.merge(SPACE, seeds.map(key).into());
        let computed = keyring.topics(&SPACE).unwrap();
        let parents = [(epoch(1), 1), (epoch(2), 2)];
        keyring.learn(SPACE, epoch(3), opened(OWN, 3, 9, &parents));
        (computed, keyring.topics(&SPACE).unwrap())
    };
    let (one, other) = (of([1, 2]), of([2, 1]));
    assert!(!one.0.is_same(&other.0));
    assert!(one.1.is_same(&other.1) && one.1.is_same(&topics(9)));
}

/// Clauses: CTL-31, CTL-35.
#[test]
fn keys_and_topics_that_are_not_new_are_told() {
    let mut keyring = Keyring::new();
    assert!(!keyring.learn(SPACE, epoch(1), opened(OWN, 1, 9, &[])).repeated);
    // The same epoch again, and its key from a later one.
    assert_eq!(keyring.learn(SPACE, epoch(1), opened(OWN, 1, 9, &[])), Learned::default());
    let child = keyring.learn(SPACE, epoch(2), opened(OWN, 2, 9, &[(epoch(1), 1)]));
    assert_eq!((child.new_keys, child.repeated), (1, false));
    // Another epoch with the same key, and another group.
    assert!(!keyring.is_repeated(&SPACE, &key(1).id()));
    assert!(keyring.learn(SPACE, epoch(3), opened(OWN, 1, 9, &[])).repeated);
    assert!(
        keyring.is_repeated(&SPACE, &key(1).id()) && !keyring.is_repeated(&SPACE, &key(2).id())
    );
    let other = keyring.learn(SPACE, epoch(4), opened(GROUP, 1, 8, &[]));
    assert_eq!((other.new_keys, other.repeated), (0, true));
    assert!(keyring.topics_of(&SPACE, &GROUP).unwrap().is_same(&topics(8)));
    // A key that came by itself takes the epoch that is known for it later.
    keyring.insert(SPACE, key(5));
    assert!(!keyring.learn(SPACE, epoch(5), opened(OWN, 5, 9, &[])).repeated);
    assert!(keyring.learn(SPACE, epoch(6), opened(OWN, 5, 9, &[])).repeated);
}

/// Clauses: CTL-33.
#[test]
fn only_keys_of_no_epoch_and_no_group_are_older_ones() {
    let mut keyring = Keyring::new();
    assert!(keyring.keys_before_epochs(&SPACE).is_empty());
    keyring.learn(SPACE, epoch(1), opened(GROUP, 1, 8, &[]));
    keyring.learn(SPACE, epoch(2), opened(OWN, 2, 9, &[(epoch(3), 3)]));
    // A group's key that somebody hands over as one of the space does not become one.
    for seed in [4, 1, 5, 3] {
        keyring.insert(SPACE, key(seed));
    }
    let older = |keyring: &Keyring| -> Vec<KeyId> {
        keyring.keys_before_epochs(&SPACE).iter().map(|older| older.key().id()).collect()
    };
    assert_eq!(older(&keyring), [key(4).id(), key(5).id()]);
    keyring.learn(SPACE, epoch(6), opened(OWN, 5, 9, &[]));
    assert_eq!(older(&keyring), [key(4).id()]);
    assert!(keyring.keys_before_epochs(&SpaceId([1; 32])).is_empty());

    let mut keyring = Keyring::new();
    for seed in 0..70 {
        keyring.insert(SPACE, key(seed));
    }
    assert_eq!(older(&keyring), (6..70).map(|seed| key(seed).id()).collect::<Vec<_>>());
}

/// What the first epoch says of the keys before it adds keys to read with and takes nothing from others.
/// Clauses: CTL-33.
#[test]
fn older_keys_are_learned_as_keys_of_the_space() {
    let with = |older: &[u8]| {
        let mut first = opened(OWN, 1, 9, &[]);
        first.inheritance.older = older.iter().map(|seed| key(*seed)).collect();
        first
    };
    let mut keyring = Keyring::new();
    let learned = keyring.learn(SPACE, epoch(1), with(&[5, 6]));
    assert_eq!((learned.new_keys, learned.repeated), (3, false));
    assert_eq!(keyring.epochs_of(&SPACE, &OWN), [Some(epoch(1)), None, None]);
    assert!(
        keyring.topics(&SPACE).unwrap().is_same(&topics(9)) && keyring.current(&SPACE).is_none()
    );
    assert_eq!(keyring.learn(SPACE, epoch(1), with(&[5, 6])), Learned::default());
    let again = Keyring::from_secret(&keyring.to_secret()).unwrap();
    assert_eq!(state(&again), state(&keyring));
    // The key of a later epoch that somebody calls an older one is that epoch's all the same.
    assert!(!keyring.learn(SPACE, epoch(5), opened(OWN, 5, 9, &[])).repeated);
    assert!(keyring.key_of_epoch(&SPACE, &OWN, &epoch(5)).is_some());
    // A group's key that all readers of the space are given serves no more for the group, in either order.
    keyring.learn(SPACE, epoch(7), opened(GROUP, 7, 8, &[]));
    assert!(keyring.learn(SPACE, epoch(8), with(&[7])).repeated);
    assert!(keyring.is_repeated(&SPACE, &key(7).id()));
    assert!(keyring.learn(SPACE, epoch(9), opened(GROUP, 6, 8, &[])).repeated);
    assert!(keyring.is_repeated(&SPACE, &key(6).id()));
}

/// A newcomer goes back through the epochs before with nothing but the key of the last one.
/// Clauses: CTL-33, CTL-34.
#[test]
fn the_history_opens_from_the_last_epoch_backwards() {
    let device = DeviceKeys::dangerous_from_secrets(&[1; 32], &[2; 32]);
    let newcomer = DeviceKeys::dangerous_from_secrets(&[3; 32], &[4; 32]);
    let context = Context { space: SPACE, author: device.author() };
    let mut own = Keyring::new();
    let mut entries: Vec<(EntryId, Epoch)> = Vec::new();
    for seed in 1..=5 {
        let reader = if seed == 5 { &newcomer } else { &device };
        let parents = entries.last().map(|(id, payload)| crate::EpochParent {
            id: *id,
            key_id: payload.key_id,
            key: own.key_of_epoch(&SPACE, &OWN, id),
        });
        let draft = EpochDraft {
            space: SPACE,
            group: OWN,
            parents: parents.into_iter().collect(),
            recipients: vec![(reader.author(), reader.sealing_key())],
            topics: own.topics(&SPACE),
            older: Vec::new(),
        };
        let (payload, opened) = draft.create(&device, &OsRandomness).unwrap().split();
        own.learn(SPACE, epoch(seed), opened);
        entries.push((epoch(seed), payload));
    }

    let mut keyring = Keyring::new();
    let (id, last) = entries.pop().unwrap();
    let before = entries.last().map(|(_, payload)| payload.key_id);
    let opened = OpenedEpoch::open(&context, &last, before.as_slice(), &newcomer).unwrap();
    keyring.learn(SPACE, id, opened);
    while let Some((id, payload)) = entries.pop() {
        let key = keyring.key_for_epoch(&SPACE, &OWN, &id, &payload.key_id).unwrap();
        let before: Vec<_> =
            entries.last().map(|(_, payload)| payload.key_id).into_iter().collect();
        let opened = OpenedEpoch::open_with(&context, &payload, &before, &key).unwrap();
        assert!(!keyring.learn(SPACE, id, opened).repeated, "{id}");
    }
    assert!(!keyring.has_rival_topics(&SPACE, &OWN));
    assert_eq!(keyring.keys(&SPACE).len(), 5);
    assert!(keyring.epochs_of(&SPACE, &OWN).iter().all(Option::is_some));
    assert!(keyring.topics(&SPACE).unwrap().is_same(&own.topics(&SPACE).unwrap()));
}

/// Clauses: KF-11, KF-13.
#[test]
fn a_file_of_the_old_kind_opens_and_is_written_as_the_new_one() {
    let mut old = bulla_core::cbor::Writer::new();
    old.array(3).uint(1).uint(3).array(1).array(2).bytes(SPACE).array(2);
    old.bytes([1; 32]).bytes([2; 32]);
    let keyring = Keyring::from_secret(&old.into_bytes()).unwrap();
    assert!(keyring.current(&SPACE).unwrap().has_id(&key(2).id()));
    let written = keyring.to_secret();
    assert_eq!(written[..3], [0x83, 1, 5]);
    let again = Keyring::from_secret(&written).unwrap();
    assert_eq!(state(&again), state(&keyring));
    assert!(again.topics(&SPACE).unwrap().is_same(&TopicSecret::derive(&key(1), &SPACE)));
    let device = DeviceKeys::dangerous_from_secrets(&[1; 32], &[2; 32]).to_secret();
    assert!(matches!(Keyring::from_secret(&device), Err(KeyFileError::Kind(1))));
}

/// All that a keyring holds.
fn state(keyring: &Keyring) -> Vec<String> {
    let mut lines = Vec::new();
    for space in keyring.spaces() {
        for group in keyring.groups(&space) {
            let topics = keyring.topics_of(&space, &group).map(|topics| *topics.expose_secret());
            let keys: Vec<_> =
                keyring.keys_of(&space, &group).iter().map(|key| *key.expose_secret()).collect();
            let current = keyring.current(&space).map(|key| key.id());
            let epochs = keyring.epochs_of(&space, &group);
            assert_eq!(keys.len(), epochs.len());
            lines.push(format!("{space} {group} {topics:?} {current:?} {keys:?} {epochs:?}"));
        }
    }
    lines
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u8, u8),
    Learn(u8, u8, u8, u8, Vec<(u8, u8)>),
    Merge(u8, Vec<u8>),
    Remove(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let small = 0..3_u8;
    let parents = prop::collection::vec((1..6_u8, 0..12_u8), 0..3);
    let step = prop_oneof![
        (small.clone(), 0..12_u8).prop_map(|(space, key)| Step::Insert(space, key)),
        (small.clone(), small.clone(), 0..12_u8, 0..2_u8, parents).prop_map(
            |(space, group, key, topic, parents)| Step::Learn(space, group, key, topic, parents)
        ),
        (small.clone(), prop::collection::vec(0..12_u8, 0..4))
            .prop_map(|(space, keys)| Step::Merge(space, keys)),
        small.prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..30)
}

proptest! {
    /// Whatever was learned, what is written can be read, and is the same.
    /// Clauses: KF-13.
    #[test]
    fn a_file_gives_back_what_was_written(steps in steps()) {
        let mut keyring = Keyring::new();
        for step in steps {
            let with_ids = |parents: Vec<(u8, u8)>| -> Vec<(EntryId, u8)> {
                parents.into_iter().map(|(id, seed)| (epoch(id), seed)).collect()
            };
            match step {
                Step::Insert(space, seed) => _ = keyring.insert(SpaceId([space; 32]), key(seed)),
                Step::Learn(space, group, seed, topic, parents) => {
                    let opened = opened(EntryId([group; 32]), seed, topic, &with_ids(parents));
                    keyring.learn(SpaceId([space; 32]), epoch(seed), opened);
                }
                Step::Merge(space, seeds) => {
                    keyring.merge(SpaceId([space; 32]), seeds.into_iter().map(key).collect());
                }
                Step::Remove(space) => _ = keyring.remove(&SpaceId([space; 32])),
            }
        }
        let secret = keyring.to_secret();
        prop_assert!(secret.len() <= 16 + keyring.encoded_bytes(), "room for everything at once");
        let again = Keyring::from_secret(&secret);
        prop_assert!(again.is_ok(), "{:?}", again.err());
        prop_assert_eq!(state(&again.unwrap()), state(&keyring));
    }

    /// Two devices learn the same epochs, each in an order of its own, with what the other way in gave them before; one saves
    /// its keyring on the way and opens it again. Both have one topic secret.
    /// Clauses: CTL-35.
    #[test]
    fn topics_do_not_depend_on_the_order_in_which_epochs_are_learned(
        (epochs, other) in epochs_in_two_orders(),
        order in Just((0..12_u8).collect::<Vec<_>>()).prop_shuffle(),
        keys in prop::collection::vec(20..24_u8, 0..3),
        settled in any::<[bool; 12]>(),
        saved_after in 0..12_usize,
    ) {
        let order: Vec<EntryId> = order.into_iter().map(epoch).collect();
        let mut one = Keyring::new();
        one.merge(SPACE, keys.into_iter().map(key).collect());
        for (place, (id, topic)) in epochs.iter().enumerate() {
            one.learn(SPACE, epoch(*id), opened(OWN, *id, *topic, &[]));
            if settled[place] {
                one.settle_topics(&SPACE, &OWN, &order);
            }
            if place == saved_after {
                one = Keyring::from_secret(&one.to_secret()).unwrap();
                for (id, topic) in &epochs[..=place] {
                    one.learn(SPACE, epoch(*id), opened(OWN, *id, *topic, &[]));
                }
            }
        }
        let mut two = Keyring::new();
        for (id, topic) in &other {
            two.learn(SPACE, epoch(*id), opened(OWN, *id, *topic, &[]));
        }
        prop_assert_eq!(
            one.settle_topics(&SPACE, &OWN, &order),
            two.settle_topics(&SPACE, &OWN, &order)
        );
        let first = order.iter().find_map(|id| epochs.iter().find(|(seed, _)| epoch(*seed) == *id));
        let (_, topic) = first.unwrap();
        for keyring in [one, two] {
            prop_assert!(keyring.topics(&SPACE).unwrap().is_same(&topics(*topic)));
        }
    }
}

type EpochsLearned = Vec<(u8, u8)>;

/// Epochs, each with the topic secret it brings, and the same in another order.
fn epochs_in_two_orders() -> impl Strategy<Value = (EpochsLearned, EpochsLearned)> {
    prop::collection::btree_map(0..12_u8, 0..3_u8, 1..12).prop_flat_map(|epochs| {
        let epochs: EpochsLearned = epochs.into_iter().collect();
        (Just(epochs.clone()).prop_shuffle(), Just(epochs).prop_shuffle())
    })
}
