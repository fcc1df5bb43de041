//! Epochs that are not as they should be, and what is kept of them.

use bulla::space::KeyFaultKind;
use bulla::{Device, EntryId, EpochKey, Role, Space, SpaceError, sync};
use bulla_core::SealingKey;
use bulla_core::control::Epoch;
use bulla_crypto::TopicSecret;
use bulla_identity::{OsRandomness, Randomness as _};

use crate::support::{
    bring, device, found, hostile_epoch, hostile_payload, join, note, text, writing_epoch,
};

async fn with_admin() -> (Device, Device, Space) {
    let (owner, hostile) = (device(), device());
    let mine = found(&owner).await;
    mine.grant(hostile.joining_card(mine.id(), None), Role::Admin, "").await.unwrap();
    (owner, hostile, mine)
}

/// Clauses: CTL-35.
#[tokio::test]
async fn another_topic_secret_is_reported_and_not_taken() {
    let (_, hostile, mine) = with_admin().await;
    let topic = mine.topic("notes").unwrap();
    let secret = TopicSecret::dangerous_from_bytes(&[5; 32]);
    let (id, entry) = hostile_epoch(&mine, &hostile, secret, |_| ()).await;
    mine.store().put(&bulla::Context::new(), vec![entry]).await.unwrap();
    let report = mine.learn_keys().await.unwrap();
    assert_eq!(report.new_keys, 1);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!((fault.epoch, fault.what), (id, KeyFaultKind::OtherTopics));
    assert_eq!(fault.author, hostile.author());
    assert_eq!(mine.topic("notes").unwrap(), topic);
    // It is told once more whenever somebody asks, and what it seals is read.
    assert_eq!(mine.learn_keys().await.unwrap().faults, report.faults);
    assert_eq!(writing_epoch(&mine, EntryId::ZERO), Some(id));
    let written = mine.write(note("all the same")).await.unwrap();
    assert_eq!(text(&mine, written).await, "all the same");
}

/// Clauses: CTL-34.
#[tokio::test]
async fn an_epoch_that_does_not_open_is_reported_and_an_admin_goes_on() {
    let (owner, hostile, mine) = with_admin().await;
    let wrong = SealingKey(device().sealing_key().0);
    let me = owner.author();
    let secret = TopicSecret::dangerous_from_bytes(&[5; 32]);
    let (id, entry) = hostile_epoch(&mine, &hostile, secret, |draft| {
        let mine = draft.recipients.iter_mut().find(|(device, _)| *device == me);
        mine.unwrap().1 = wrong;
    })
    .await;
    mine.store().put(&bulla::Context::new(), vec![entry]).await.unwrap();
    let report = mine.learn_keys().await.unwrap();
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!((fault.epoch, fault.what), (id, KeyFaultKind::Unopenable));
    // Nobody could write here any more: an admin starts another epoch, and says what was wrong with this one.
    let written = mine.write(note("goes on")).await.unwrap();
    assert_eq!(text(&mine, written).await, "goes on");
}

/// An admin outside of a group copies the key id of the group's epoch into an epoch of the space, which is sealed to nobody.
/// The next epoch of the space has it as a parent, and hands the group's key to nobody.
///
/// Clauses: CTL-33.
#[tokio::test]
async fn a08_a_copied_key_id_discloses_no_key_of_a_group() {
    let (owner, hostile, mine) = with_admin().await;
    let group = mine.create_group("board", &[owner.author()]).await.unwrap();
    let lie = mine.with_directory(|directory| directory.writing_epoch(&group).unwrap()).unwrap();
    let secret = TopicSecret::dangerous_from_bytes(&[5; 32]);
    let copy = |payload: &mut Epoch| {
        payload.key_id = lie.key_id;
        payload.recipients.iter_mut().for_each(|one| one.sealed = [7; 80]);
    };
    let (id, entry) = hostile_payload(&mine, &hostile, secret, |_| (), copy).await;
    mine.store().put(&bulla::Context::new(), vec![entry]).await.unwrap();
    assert_eq!(writing_epoch(&mine, EntryId::ZERO), Some(id));
    mine.rotate().await.unwrap();
    let next = writing_epoch(&mine, EntryId::ZERO).unwrap();
    let parents = mine.with_directory(|directory| directory.epoch(&next).unwrap().parents).unwrap();
    assert_eq!(parents, [id]);
    let copy = join(&mine, &hostile).await;
    copy.learn_keys().await.unwrap();
    assert!(
        copy.with_keyring(|keyring| keyring.key_of_epoch(&copy.id(), &EntryId::ZERO, &next))
            .is_some()
    );
    assert!(copy.with_keyring(|keyring| keyring.get(&copy.id(), &lie.key_id)).is_none());
}

/// An epoch by somebody who may not start one brings nothing, whatever it is sealed to.
///
/// Clauses: DIR-25.
#[tokio::test]
async fn keys_are_learned_from_epochs_that_count_and_from_no_others() {
    let (owner, writing) = (device(), device());
    let mine = found(&owner).await;
    mine.grant(writing.joining_card(mine.id(), None), Role::Writer, "").await.unwrap();
    let before = writing_epoch(&mine, EntryId::ZERO);
    let secret = TopicSecret::dangerous_from_bytes(&[5; 32]);
    let (id, entry) = hostile_epoch(&mine, &writing, secret, |_| ()).await;
    mine.store().put(&bulla::Context::new(), vec![entry]).await.unwrap();
    assert!(mine.entry(id).await.is_ok(), "it is in the log, and does not count");
    let report = mine.learn_keys().await.unwrap();
    assert_eq!((report.new_keys, report.faults.len()), (0, 0));
    assert_eq!(writing_epoch(&mine, EntryId::ZERO), before);
}

#[tokio::test]
async fn a_transfer_for_another_space_is_refused() {
    let (owner, phone) = (device(), device());
    let (mine, other) = (found(&owner).await, found(&owner).await);
    let copy = bring(&mine, &phone, Role::Reader, "").await;
    let transfer = other.export_key(&phone.card("").unwrap()).unwrap();
    assert!(matches!(copy.import_key(&transfer, &owner.author()), Err(SpaceError::Transfer(_))));
    let transfer = mine.export_key(&phone.card("").unwrap()).unwrap();
    assert!(copy.import_key(&transfer, &phone.author()).is_err(), "not by whom it says");
    let keys = copy.with_keyring(|keyring| keyring.keys(&mine.id()).len());
    assert_eq!(keys, 2);
}

/// Whoever has only the newest key gets the older ones one after the other, each from the epoch after it.
#[tokio::test]
async fn a_long_history_is_handed_down() {
    let mine = found(&device()).await;
    let mut ids = Vec::new();
    for number in 0..12 {
        ids.push(mine.write(note(&number.to_string())).await.unwrap());
        mine.rotate().await.unwrap();
    }
    let phone = device();
    mine.grant(phone.joining_card(mine.id(), None), Role::Reader, "").await.unwrap();
    let copy = join(&mine, &phone).await;
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(text(&copy, *id).await, number.to_string());
    }
    let mut secret = [0; 32];
    OsRandomness.fill(&mut secret).unwrap();
    let foreign = EpochKey::dangerous_from_bytes(&secret);
    assert!(copy.with_keyring(|keyring| keyring.get(&mine.id(), &foreign.id()).is_none()));
    assert!(sync::pull(&copy, mine.outgoing()).await.is_clean());
}
