//! A device that was revoked is out on every path.

use std::sync::Arc;

use bulla::space::MemoryMarks;
use bulla::{
    Device, EntryId, Founding, Keyring, LocalStore, Policy, Role, Space, SpaceError, sync,
};
use bulla_core::control::{self, Control, Recipient};
use bulla_crypto::{Inheritance, OpenError, OpenedEpoch, open_with};

use crate::engine::spaces;
use crate::support::{Relay, bring, device, found, join, note, roles, sync, text, writing_epoch};

#[tokio::test]
async fn a_revoked_device_neither_pushes_nor_reads_what_comes_after() {
    let (owner, lost) = (device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &lost, Role::Writer, "lost").await;
    let relay = Relay::new(mine.id()).await;
    let before = copy.write(note("before")).await.unwrap();
    sync(&copy, &relay).await;
    sync(&mine, &relay).await;

    mine.revoke(lost.author()).await.unwrap();
    let newest = mine.with_directory(|directory| directory.epochs(&EntryId::ZERO).pop().unwrap());
    let newest = newest.unwrap();
    assert!(newest.is_clean, "the same call changed the locks");
    assert_eq!(writing_epoch(&mine, EntryId::ZERO), Some(newest.id));
    let after = mine.write(note("after")).await.unwrap();
    // It does not know yet, and goes on.
    let late = copy.write(note("late")).await.unwrap();
    sync(&mine, &relay).await;

    let pushed = sync::push(&copy, relay.store()).await;
    assert!(!pushed.is_clean(), "{pushed}");
    assert!(matches!(relay.space.entry(late).await, Err(SpaceError::NotHeld(_))));
    let pulled = sync::pull(&mine, copy.outgoing()).await;
    assert!(!pulled.is_clean(), "nor from the device itself: {pulled}");
    assert!(matches!(mine.entry(late).await, Err(SpaceError::NotHeld(_))));
    assert_eq!(text(&mine, before).await, "before", "what was held of it counts still");

    sync::pull(&copy, relay.store()).await;
    assert!(matches!(copy.read(after).await, Err(SpaceError::Open(_))));
    assert_eq!(copy.role(), None);
    let me = lost.author();
    let refused = copy.write(note("never")).await;
    assert!(matches!(refused, Err(SpaceError::Revoked(device)) if device == me), "{refused:?}");
    assert!(matches!(copy.rotate().await, Err(SpaceError::Revoked(_))));
    assert!(matches!(copy.frontier().await, Err(SpaceError::Revoked(_))));

    let card = lost.joining_card(mine.id(), None);
    let again = mine.grant(card, Role::Reader, "").await;
    assert!(matches!(again, Err(SpaceError::Revoked(device)) if device == me));
    sync::pull(&mine, relay.store()).await;
    assert!(mine.write(note("goes on")).await.is_ok());
}

/// A08: whoever was removed and holds everything the relay holds has the keys of before and none of after.
///
/// Clauses: CTL-31.
#[tokio::test]
async fn a08_a_removed_device_with_all_of_the_relay_opens_nothing_of_the_next_epoch() {
    let (owner, lost, friend) = (device(), device(), device());
    let mine = found(&owner).await;
    let copy = bring(&mine, &lost, Role::Admin, "").await;
    let friends = bring(&mine, &friend, Role::Writer, "").await;
    let relay = Relay::new(mine.id()).await;
    let before = mine.write(note("before")).await.unwrap();
    sync(&mine, &relay).await;
    mine.revoke(lost.author()).await.unwrap();
    let mut after = vec![mine.write(note("after")).await.unwrap()];
    sync(&mine, &relay).await;
    sync(&friends, &relay).await;
    after.push(friends.write(note("from a friend")).await.unwrap());
    sync(&friends, &relay).await;
    sync(&mine, &relay).await;
    mine.rotate().await.unwrap();
    after.push(mine.write(note("and later")).await.unwrap());
    sync(&mine, &relay).await;

    let pulled = sync::pull(&copy, relay.store()).await;
    assert!(pulled.verdict.is_complete(), "it carries all of it: {pulled}");
    assert_eq!(text(&copy, before).await, "before");
    for id in &after {
        assert!(copy.entry(*id).await.is_ok());
        let read = copy.read(*id).await;
        assert!(matches!(read, Err(SpaceError::Open(OpenError::UnknownKey(_)))), "{read:?}");
        assert!(mine.read(*id).await.is_ok());
    }
    let report = copy.learn_keys().await.unwrap();
    assert_eq!((report.new_keys, report.faults), (0, vec![]));
    opens_nothing_by_force(&copy, &lost, &after).await;

    // All that lies at the relay itself, opened in its place with what the device has.
    let keyring = copy.with_keyring(|keyring| Keyring::from_secret(&keyring.to_secret())).unwrap();
    let Relay { space, engine } = relay;
    drop(space);
    let marks = Arc::new(MemoryMarks::default());
    let taken = Space::open(&lost, keyring, LocalStore::judged(engine), marks).await.unwrap();
    assert_eq!(text(&taken, before).await, "before");
    for id in &after {
        let read = taken.read(*id).await;
        assert!(matches!(read, Err(SpaceError::Open(OpenError::UnknownKey(_)))), "{read:?}");
    }
    opens_nothing_by_force(&taken, &lost, &after).await;
}

/// Every key that a removed device ever had at these entries and at what the later epochs hand down, and its own device key
/// at every wrap of theirs, as if it were among their recipients.
async fn opens_nothing_by_force(space: &Space, removed: &Device, entries: &[EntryId]) {
    let keys = space.with_keyring(|keyring| keyring.keys(&space.id()).to_vec());
    assert!(keys.len() > 1, "it has keys to try");
    for id in entries {
        let entry = space.entry(*id).await.unwrap();
        assert!(keys.iter().all(|key| open_with(&entry, key).is_err()));
    }
    let epochs = space.with_directory(|directory| directory.epochs(&EntryId::ZERO)).unwrap();
    let later: Vec<_> =
        epochs.iter().filter(|epoch| keys.iter().all(|key| !key.has_id(&epoch.key_id))).collect();
    assert_eq!(later.len(), 2, "the revocation's, and one by command");
    for epoch in later {
        let entry = space.entry(epoch.id).await.unwrap();
        let context = control::Context::from(entry.header());
        let Some(Control::Epoch(payload)) = entry.control() else { panic!("it is an epoch") };
        let key_id = |id: &EntryId| epochs.iter().find(|other| other.id == *id).unwrap().key_id;
        let parents: Vec<_> = payload.parents.iter().map(key_id).collect();
        let opened = OpenedEpoch::open(&context, &payload, &parents, removed);
        assert_eq!(opened.unwrap_err().code().as_str(), "epoch.not_recipient");
        for recipient in payload.recipients.clone() {
            let mut forged = payload.clone();
            forged.recipients.push(Recipient { device: removed.author(), ..recipient });
            forged.recipients.sort_unstable_by_key(|recipient| recipient.device);
            let opened = OpenedEpoch::open(&context, &forged, &parents, removed);
            assert_eq!(opened.unwrap_err().code().as_str(), "epoch.failed");
        }
        for key in &keys {
            let handed_down = Inheritance::open(&context, &payload, &parents, key);
            assert_eq!(handed_down.unwrap_err().code().as_str(), "epoch.failed");
        }
    }
}

/// A revocation without a new epoch, as when a device leaves by itself: the epochs before that were not sealed to the device
/// were handed down to it. Nobody writes with one, and whoever writes next starts another, admin or not.
///
/// Clauses: DIR-27.
#[tokio::test]
async fn nobody_writes_with_a_key_that_was_handed_down_to_one_who_left() {
    for by_admin in [true, false] {
        let (owner, writing, leaving) = (device(), device(), device());
        let mine = found(&owner).await;
        let writer = bring(&mine, &writing, Role::Writer, "").await;
        let copy = bring(&mine, &leaving, Role::Reader, "").await;
        let known = copy.with_keyring(|keyring| keyring.keys(&copy.id()).len());
        assert!(known > 1, "the history came along");
        copy.revoke(leaving.author()).await.unwrap();
        for space in [&mine, &writer] {
            assert!(sync::pull(space, copy.outgoing()).await.verdict.is_complete());
            assert_eq!(roles(space).await.len(), 2);
            assert_eq!(writing_epoch(space, EntryId::ZERO), None);
            let epochs = space.with_directory(|directory| directory.epochs(&EntryId::ZERO));
            assert!(epochs.unwrap().iter().all(|epoch| !epoch.is_clean));
        }
        let (next, other) = if by_admin { (&mine, &writer) } else { (&writer, &mine) };
        let id = next.write(note("without it")).await.unwrap();
        assert!(writing_epoch(next, EntryId::ZERO).is_some());
        for space in [&copy, other] {
            sync::pull(space, next.outgoing()).await;
        }
        assert!(matches!(copy.read(id).await, Err(SpaceError::Open(_))));
        assert_eq!(text(other, id).await, "without it");
        other.write(note("and again")).await.unwrap();
    }
}

/// Where no history is handed down nobody waits for an admin: whoever writes next starts the epoch, or writes with one that
/// the device never had.
///
/// Clauses: DIR-27.
#[tokio::test]
async fn writers_start_an_epoch_when_no_clean_one_is_left() {
    let (owner, writing) = (device(), device());
    let policy = Policy { history_for_newcomers: Some(false), ..Policy::default() };
    let founding = Founding::default()
        .with_policy(policy)
        .with_others(vec![writing.card("").unwrap(), device().card("").unwrap()]);
    let marks = Arc::new(MemoryMarks::default());
    let mine = Space::found_as(&owner, &spaces(), &founding, marks).await.unwrap();
    let second = join(&mine, &writing).await;
    assert_eq!(second.role(), Some(Role::Admin));
    mine.revoke(owner.author()).await.unwrap();
    sync::pull(&second, mine.outgoing()).await;
    assert_eq!(writing_epoch(&second, EntryId::ZERO), None);
    let id = second.write(note("goes on")).await.unwrap();
    assert_eq!(text(&second, id).await, "goes on");
    sync::pull(&mine, second.outgoing()).await;
    assert!(matches!(mine.read(id).await, Err(SpaceError::Open(_))));
}
