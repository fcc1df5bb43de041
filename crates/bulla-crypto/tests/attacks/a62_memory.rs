//! Secrets in memory that nobody holds any more, as a core dump or a swapped page would show them.

use std::sync::Arc;

use bulla_core::control::Context;
use bulla_core::{EntryId, Kind};
use bulla_crypto::{
    ChainEnd, Draft, EntryWriter, EpochDraft, EpochKey, EpochParent, Inheritance, KeyTransfer,
    Keyring, LabelSubject, OpenedEpoch, TopicSecret, open, open_label,
};
use bulla_identity::{DeviceKeys, OsRandomness, Passphrase, Randomness as _, WorkFactor};

use crate::epochs::bound;
use crate::memory::{Masked, left};
use crate::support::{SPACE, verified};

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRandomness.fill(&mut bytes).unwrap();
    bytes
}

/// Uses every kind of secret in every way, and drops all of it. What to look for.
#[inline(never)]
fn story() -> Vec<Masked> {
    let (signing, sealing, of_parent, of_topics) = (random(), random(), random(), random());
    let author = Arc::new(DeviceKeys::dangerous_from_secrets(&random(), &random()));
    let reader = DeviceKeys::dangerous_from_secrets(&signing, &sealing);
    let context = Context { space: SPACE, author: author.author() };
    let (before, id) = (EntryId([9; 32]), EntryId([1; 32]));
    let parent = EpochKey::dangerous_from_bytes(&of_parent);
    let key_id = parent.id();
    let key = Some(bound(SPACE, EntryId::ZERO, before, parent));
    let draft = EpochDraft {
        space: SPACE,
        group: EntryId::ZERO,
        parents: vec![EpochParent { id: before, key_id, key }],
        recipients: [&*author, &reader].map(|one| (one.author(), one.sealing_key())).to_vec(),
        topics: Some(Arc::new(TopicSecret::dangerous_from_bytes(&of_topics))),
        older: Vec::new(),
    };
    let (payload, made) = draft.create(&author, &OsRandomness).unwrap().split();
    let secrets = vec![
        Masked::new("the key of a new epoch", made.key.expose_secret()),
        Masked::new("the key of its parent", &of_parent),
        Masked::new("a topic secret", &of_topics),
        Masked::new("what a device signs with", &signing),
        Masked::new("what a device opens with", &sealing),
    ];
    let mut ring = Keyring::new();
    ring.learn(SPACE, id, made);

    let opened = OpenedEpoch::open(&context, &payload, &[key_id], &reader).unwrap();
    assert!(Inheritance::open(&context, &payload, &[key_id], &opened.key).is_ok());
    let mut taken = Keyring::new();
    taken.learn(SPACE, id, opened);
    assert_eq!(left(&secrets[..3]).len(), 3, "the search finds what is there");
    let key = taken.get(&SPACE, &payload.key_id).unwrap();
    let writer = EntryWriter::new(Arc::clone(&author), SPACE, Arc::new(OsRandomness));
    let sealed = writer.seal(&ChainEnd::EMPTY, &Draft::new(Kind::OPERATION, b"x"), &key).unwrap();
    assert!(open(&verified(sealed.raw), &taken).is_ok());
    let label = writer.seal_label(LabelSubject::Group, "label", &key).unwrap();
    assert!(open_label(&label, &context, LabelSubject::Group, &taken).is_ok());
    let (card, keys) = (reader.card("").unwrap(), taken.keys(&SPACE));
    let transfer = KeyTransfer::export(&author, &card, SPACE, keys, &OsRandomness).unwrap();
    let keys = KeyTransfer::from_bytes(&transfer.to_bytes()).unwrap();
    assert_eq!(keys.open(&reader, &author.author()).unwrap().len(), 2);
    let again = Keyring::from_secret(&taken.to_secret()).unwrap();
    assert_eq!(again.keys(&SPACE).len(), 2);
    // Through files and back.
    let (folder, passphrase) = (tempfile::tempdir().unwrap(), Passphrase::new("a phrase").unwrap());
    let (keys, ring) = (folder.path().join("keys"), folder.path().join("keyring"));
    let quick = WorkFactor::dangerous(1);
    reader.create_file(&keys, &passphrase, quick).unwrap();
    assert_eq!(DeviceKeys::read_file(&keys, &passphrase).unwrap().author(), reader.author());
    taken.create_file(&ring, &passphrase, quick).unwrap();
    assert_eq!(Keyring::read_file(&ring, &passphrase).unwrap().keys(&SPACE).len(), 2);
    secrets
}

#[test]
fn a62_what_was_dropped_is_wiped() {
    let left = left(&story());
    assert!(left.is_empty(), "lie in memory still: {left:?}");
}
