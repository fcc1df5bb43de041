//! A random source that repeats itself: a restored backup, a cloned machine, a bad generator (A27, A28).

use std::collections::HashSet;
use std::sync::Arc;

use bulla_core::{EntryId, Kind, SpaceId, Topic};
use bulla_crypto::{
    ChainEnd, Draft, EntryWriter, EpochDraft, EpochKey, EpochParent, LabelSubject,
    MAX_PLAINTEXT_BYTES, Padding,
};
use proptest::prelude::*;

use crate::epochs::draft;
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
    let first = draft(&[2, 3], &[]).create(&Constant(7)).unwrap();
    let mut next = draft(&[2], &[]);
    let id = EntryId([1; 32]);
    next.parents.push(EpochParent { id, key_id: first.payload.key_id, key: None });
    let refused = next.clone().create(&Constant(7)).unwrap_err();
    assert_eq!(refused.code().as_str(), "epoch.repeated");
    assert!(next.create(&Constant(8)).is_ok());
}

/// Even where one key was drawn for two epochs, no two messages are encrypted under one key and nonce.
/// Clauses: CTL-32, CTL-33.
#[test]
fn a28_a_repeated_epoch_key_still_gives_every_place_a_key_of_its_own() {
    let drafts = [
        draft(&[2], &[]),
        draft(&[2], &[9]),
        draft(&[2], &[8, 9]),
        EpochDraft { group: EntryId([5; 32]), ..draft(&[2], &[]) },
        EpochDraft { author: device(3).author(), ..draft(&[2], &[]) },
        EpochDraft { space: SpaceId([1; 32]), ..draft(&[2], &[]) },
    ];
    let (mut starts, mut wraps) = (HashSet::new(), HashSet::new());
    for draft in drafts {
        let payload = draft.create(&Constant(7)).unwrap().payload;
        // All begin with the same topic secret: under one key they would begin with the same bytes.
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
