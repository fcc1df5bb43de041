//! Names of documents and their topics: all members agree, whatever an epoch says and whichever of them reached them first.

use std::sync::Arc;

use bulla::space::{KeyFaultKind, MemoryMarks};
use bulla::{Device, EntryId, Keyring, LocalStore, Role, Space, sync};
use bulla_crypto::TopicSecret;

use crate::engine::{engine, spaces};
use crate::support::{bring, device, found, hostile_epoch, join, writing_epoch};

const NAME: &str = "notes";

/// An admin starts an epoch with a topic secret of its own: with parents, or as if there had been none before.
async fn with_rival(has_parents: bool) -> (Device, Device, Space, EntryId) {
    let (owner, hostile, reader) = (device(), device(), device());
    let mine = found(&owner).await;
    mine.grant(hostile.joining_card(mine.id(), None), Role::Admin, "").await.unwrap();
    mine.grant(reader.joining_card(mine.id(), None), Role::Reader, "").await.unwrap();
    mine.rotate().await.unwrap();
    let secret = TopicSecret::dangerous_from_bytes(&[5; 32]);
    let (id, entry) = hostile_epoch(&mine, &hostile, secret, |draft| {
        if !has_parents {
            draft.parents.clear();
        }
    })
    .await;
    mine.store().put(&bulla::Context::new(), vec![entry]).await.unwrap();
    (owner, reader, mine, id)
}

/// Who comes after the hostile epoch meets it first.
///
/// Clauses: CTL-35.
#[tokio::test]
async fn a_rival_topic_secret_does_not_win_by_arriving_first() {
    for has_parents in [true, false] {
        let (_, reader, mine, id) = with_rival(has_parents).await;
        let topic = mine.topic(NAME).unwrap();
        let copy = join(&mine, &reader).await;
        assert_eq!(copy.topic(NAME).unwrap(), topic, "with parents: {has_parents}");
        assert_eq!(writing_epoch(&copy, EntryId::ZERO), Some(id), "with parents: {has_parents}");
        for space in [&mine, &copy] {
            let faults = space.learn_keys().await.unwrap().faults;
            let [fault] = faults[..] else { panic!("{faults:?}") };
            assert_eq!((fault.epoch, fault.what), (id, KeyFaultKind::OtherTopics));
            assert_eq!(space.topic(NAME).unwrap(), topic);
        }
        // What an honest device hands on next is the one that all agree on.
        mine.rotate().await.unwrap();
        assert!(sync::pull(&copy, mine.outgoing()).await.is_clean());
        assert_eq!((copy.topic(NAME).unwrap(), mine.topic(NAME).unwrap()), (topic, topic));
    }
}

/// Clauses: CTL-35.
#[tokio::test]
async fn topics_are_the_same_for_who_opens_the_space_without_a_keyring() {
    let (owner, _, mine, _) = with_rival(true).await;
    let topic = mine.topic(NAME).unwrap();
    let saved = mine.with_keyring(Keyring::to_secret);
    for keyring in [Keyring::new(), Keyring::from_secret(&saved).unwrap()] {
        let engine = engine(mine.id()).await;
        let marks = Arc::new(MemoryMarks::default());
        let again = Space::open(&owner, keyring, LocalStore::judged(engine), marks).await.unwrap();
        assert!(sync::pull(&again, mine.outgoing()).await.is_clean());
        again.learn_keys().await.unwrap();
        assert_eq!(again.topic(NAME).unwrap(), topic);
    }
}

/// Keys that somebody hands over come in whatever order that device learned them, and the newest may be the first of them.
///
/// Clauses: KEY-7, CTL-35.
#[tokio::test]
async fn topics_are_the_same_for_who_was_handed_the_keys() {
    let (_, reader, mine, _) = with_rival(true).await;
    let topic = mine.topic(NAME).unwrap();
    let copy = join(&mine, &reader).await;
    let newcomer = device();
    let transfer = copy.export_key(&newcomer.card("").unwrap()).unwrap();
    let joined = Space::join_with_key(&newcomer, &spaces(), &transfer, &reader.author()).await;
    let joined = joined.unwrap();
    sync::pull(&joined, mine.outgoing()).await;
    joined.learn_keys().await.unwrap();
    assert!(joined.has_members());
    assert_eq!(joined.topic(NAME).unwrap(), topic);

    let member = device();
    let granted = bring(&mine, &member, Role::Reader, "").await;
    let transfer = copy.export_key(&member.card("").unwrap()).unwrap();
    granted.import_key(&transfer, &reader.author()).unwrap();
    assert_eq!(granted.topic(NAME).unwrap(), topic);
}
