//! A random source that repeats itself: a restored backup, a cloned machine, a bad generator (A27, A28).

use std::collections::HashSet;
use std::sync::Arc;

use bulla_core::{EntryId, Kind, SpaceId, Topic};
use bulla_crypto::{
    ChainEnd, Draft, EntryWriter, EpochDraft, EpochKey, EpochParent, Inheritance, Keyring,
    LabelSubject, MAX_PLAINTEXT_BYTES, Padding, TopicSecret,
};
use proptest::prelude::*;

use crate::epochs::{author, draft, moved, open, parent};
use crate::support::{Constant, SPACE, device, key, seal};

fn repeating(seed: u8) -> EntryWriter {
    EntryWriter::new(device(seed), SPACE, Arc::new(Constant(7)))
}

/// Two machines with one device's keys and one random state write different things in one place of the chain.
/// Clauses: SEAL-3.
#[test]
fn a28_a_constant_random_source_never_gives_two_messages_one_key() {
    let id = EntryId([1; 32]);
    let base = Draft::new(Kind::OPERATION, b"a small secret");
    let drafts = [
        (ChainEnd::EMPTY, base.clone()),
        (ChainEnd::EMPTY, Draft::new(Kind::OPERATION, b"another secret")),
        (ChainEnd::EMPTY, base.clone().with_timestamp(1)),
        (ChainEnd::EMPTY, base.clone().with_topic(Topic([1; 16]))),
        (ChainEnd::EMPTY, base.clone().with_dependencies(vec![id])),
        (ChainEnd::EMPTY, base.clone().with_padding(Padding::Framed(64))),
        (ChainEnd::EMPTY, Draft { kind: Kind::CHUNK, ..base.clone() }),
        (ChainEnd::after(1, id), base.clone()),
        (ChainEnd::after(1, EntryId([2; 32])), base.clone()),
    ];
    let mut salts = HashSet::new();
    for (chain, draft) in &drafts {
        let sealed = seal(&repeating(1), chain, draft);
        assert!(salts.insert(crate::support::verified(sealed.raw).header().salt), "{draft:?}");
    }
    // Another author, another key and another space besides.
    let other = seal(&repeating(2), &ChainEnd::EMPTY, &base);
    assert!(salts.insert(crate::support::verified(other.raw).header().salt));
    let other = repeating(1).seal(&ChainEnd::EMPTY, &base, &key(9)).unwrap();
    assert!(salts.insert(crate::support::verified(other.raw).header().salt));
    // The very same entry is the very same bytes: one message under that key, not two.
    let again = seal(&repeating(1), &ChainEnd::EMPTY, &base);
    assert_eq!(again, seal(&repeating(1), &ChainEnd::EMPTY, &base));
}

/// A random source that repeats itself gives the key of the epoch before: then there is no new epoch, rather than one that
/// the removed device opens.
/// Clauses: CTL-31.
#[test]
fn a28_a_repeated_epoch_key_is_no_new_epoch() {
    let mut next = draft(&[2], &[]);
    let id = EntryId([1; 32]);
    next.parents.push(EpochParent { id, key_id: key(1).id(), key: None });
    // Even all that the key is hedged with is the same: the parent's own author drew it on a machine copied since.
    next.parents[0].key_id = next.clone().create(&author(), &Constant(7)).unwrap().key.id();
    let refused = next.clone().create(&author(), &Constant(7)).unwrap_err();
    assert_eq!(refused.code().as_str(), "epoch.repeated");
    assert!(next.create(&author(), &Constant(8)).is_ok());
}

/// A copy of a machine draws what the machine drew. It does not know of the epoch that was published since, and removes
/// somebody who has that one's key.
/// Clauses: CTL-31.
#[test]
fn a28_a_copied_machine_does_not_give_a_removed_device_the_next_key() {
    let published = draft(&[1, 2, 3], &[9]).create(&author(), &Constant(7)).unwrap();
    let rotated = draft(&[1, 2], &[9]).create(&author(), &Constant(7)).unwrap();
    let removed = open(&published.payload, 3).unwrap();
    assert!(!removed.key.has_id(&rotated.payload.key_id));
    let key_ids = crate::epochs::key_ids(&rotated.payload);
    let opened =
        Inheritance::open(&crate::epochs::context(), &rotated.payload, &key_ids, &removed.key);
    crate::epochs::assert_failed(opened, "with the key that the removed device has");
}

/// Whatever an epoch is made of makes its key another one, so that no two messages are encrypted under one key and nonce:
/// other readers, another place, other things handed down.
/// Clauses: CTL-31, CTL-32, CTL-33.
#[test]
fn a28_a_repeated_random_source_still_gives_every_epoch_a_key_of_its_own() {
    let without = |mut draft: EpochDraft| {
        draft.parents[0].key = None;
        draft
    };
    let older = |seeds: &[u8]| {
        let mut keyring = Keyring::new();
        seeds.iter().for_each(|seed| _ = keyring.insert(SPACE, key(*seed)));
        keyring.keys_before_epochs(&SPACE)
    };
    let other_key = EpochParent { key: None, key_id: key(7).id(), ..parent(9) };
    let mut resealed = draft(&[2], &[]);
    resealed.recipients[0].1 = device(3).sealing_key();
    let of_group = || moved(draft(&[2], &[]), SPACE, EntryId([5; 32]));
    let untold = |draft| EpochDraft { topics: None, ..draft };
    let drafts = [
        (1, draft(&[2], &[])),
        (1, draft(&[2, 3], &[])),
        (1, resealed),
        (
            1,
            EpochDraft {
                topics: Some(Arc::new(TopicSecret::derive(&key(1), &SPACE))),
                ..draft(&[2], &[])
            },
        ),
        (1, EpochDraft { older: older(&[8]), ..draft(&[2], &[]) }),
        (1, EpochDraft { older: older(&[8, 9]), ..draft(&[2], &[]) }),
        (1, draft(&[2], &[9])),
        (1, without(draft(&[2], &[9]))),
        (1, draft(&[2], &[8, 9])),
        (1, without(draft(&[2], &[8, 9]))),
        (1, of_group()),
        (1, untold(of_group())),
        (1, untold(moved(draft(&[2], &[]), SPACE, EntryId([6; 32])))),
        (1, untold(draft(&[2], &[]))),
        (3, draft(&[2], &[])),
        (1, moved(draft(&[2], &[]), SpaceId([1; 32]), EntryId::ZERO)),
    ];
    // A key that is not handed down does not count, nor does what a parent's entry says of it.
    let one = without(draft(&[2], &[9])).create(&author(), &Constant(7)).unwrap();
    let same = EpochDraft { parents: vec![other_key], ..draft(&[2], &[9]) };
    assert_eq!(same.create(&author(), &Constant(7)).unwrap().key.id(), one.key.id());
    let (mut keys, mut starts, mut wraps) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut made = HashSet::new();
    for (author, draft) in drafts {
        let (is_made, is_own) = (draft.topics.is_none(), draft.group.is_zero());
        let new = draft.create(&device(author), &Constant(7)).unwrap();
        assert!(keys.insert(new.key.id()));
        assert!(!is_made || made.insert(*new.topics.expose_secret()));
        assert!(is_own || new.topics.expose_secret() != new.key.expose_secret());
        let payload = new.payload;
        assert!(starts.insert(payload.inherited[..32].to_vec()));
        let sealed = payload.recipients[0].sealed;
        assert!(
            wraps.insert(sealed[32..].to_vec()),
            "one key, one encapsulated key, other ciphertexts"
        );
    }
}

/// Clauses: CTL-12.
#[test]
fn a28_labels_have_salts_of_their_own() {
    let subjects = [LabelSubject::Group, LabelSubject::Device(device(2).author())];
    let mut salts = HashSet::new();
    for seed in [1, 2] {
        for subject in subjects {
            for text in ["", "a", "b"] {
                let label = repeating(seed).seal_label(subject, text, &key(1)).unwrap();
                assert!(salts.insert(label.salt), "{seed} {subject:?} {text:?}");
            }
        }
    }
}

/// Clauses: SEAL-2, SEAL-6.
#[test]
fn what_is_too_long_is_refused_before_anything_is_signed() {
    let plaintext = vec![0; MAX_PLAINTEXT_BYTES + 1];
    let writer = repeating(1);
    let refused = writer.seal(&ChainEnd::EMPTY, &Draft::new(Kind::CHUNK, &plaintext), &key(1));
    assert_eq!(refused.unwrap_err().code().as_str(), "write.too_long");
    let longest = Draft::new(Kind::CHUNK, &plaintext[1..]);
    let sealed = writer.seal(&ChainEnd::EMPTY, &longest, &key(1)).unwrap();
    assert_eq!(sealed.raw.payload.unwrap().len(), 1 << 20);
}

proptest! {
    /// Clauses: SEAL-3.
    #[test]
    fn a28_different_plaintexts_have_different_salts(
        one in prop::collection::vec(any::<u8>(), 0..100),
        other in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let salt = |plaintext: &[u8], key: &EpochKey| {
            let draft = Draft::new(Kind::OPERATION, plaintext);
            let sealed = repeating(1).seal(&ChainEnd::EMPTY, &draft, key).unwrap();
            crate::support::verified(sealed.raw).header().salt
        };
        prop_assert_eq!(salt(&one, &key(1)) == salt(&other, &key(1)), one == other);
    }
}
