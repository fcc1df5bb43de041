//! Spaces of version 0.1: one key for everybody who has it, until the first epoch.

use std::sync::Arc;

use bulla::space::{Founding, MemoryMarks, new_genesis};
use bulla::{Device, EpochKey, Keyring, LocalStore, Role, Space, SpaceError, sync};
use bulla_core::genesis::Policy;
use bulla_core::values::Rule;
use bulla_core::{Verified, Verifier};
use bulla_crypto::{TransferError, found_space};
use bulla_identity::OsRandomness;
use bulla_store::Judged as _;

use crate::engine::{engine, spaces};
use crate::support::{Relay, bring, device, note, sync, text};

async fn old(owner: &Device) -> Space {
    old_of(owner, new_genesis(owner).unwrap()).await
}

async fn old_of(owner: &Device, genesis: Verified) -> Space {
    let mut keyring = Keyring::new();
    keyring.insert(genesis.verified_header().space(), EpochKey::dangerous_from_bytes(&[9; 32]));
    let (spaces, marks) = (spaces(), Arc::new(MemoryMarks::default()));
    Space::found_with(owner, keyring, &spaces, &genesis, marks).await.unwrap()
}

async fn old_copy(space: &Space, owner: &Device, device: &Device) -> Space {
    let transfer = space.export_key(&device.card("").unwrap()).unwrap();
    let spaces = spaces();
    Space::join_with_key(device, &spaces, &transfer, &owner.author()).await.unwrap()
}

#[tokio::test]
async fn a_space_of_version_0_1_goes_on_until_it_is_upgraded() {
    let (owner, second, third) = (device(), device(), device());
    let mine = old(&owner).await;
    let other = old_copy(&mine, &owner, &second).await;
    let relay = Relay::new(mine.id()).await;
    let first = mine.write(note("first")).await.unwrap();
    let topic = mine.topic("notes").unwrap();
    assert!(sync::push(&mine, relay.store()).await.is_clean());
    assert!(sync::pull(&other, relay.store()).await.is_clean());
    let answer = other.write(note("answer")).await.unwrap();
    assert!(sync::push(&other, relay.store()).await.is_clean());
    assert!(sync::pull(&mine, relay.store()).await.is_clean());
    assert_eq!(text(&mine, answer).await, "answer");
    assert!(!mine.has_members() && !relay.space.has_members());
    assert!(matches!(mine.members().await, Err(SpaceError::NoDirectory(_))));
    assert!(matches!(
        mine.grant(third.joining_card(mine.id(), None), Role::Reader, "").await,
        Err(SpaceError::NoDirectory(_))
    ));
    let refused = other.rotate().await;
    assert!(matches!(refused, Err(SpaceError::NotMember(device)) if device == second.author()));
    assert!(!other.has_members(), "who did not found it does not change it");

    mine.rotate().await.unwrap();
    mine.grant(second.joining_card(mine.id(), None), Role::Writer, "second").await.unwrap();
    let later = mine.write(note("later")).await.unwrap();
    sync(&mine, &relay).await;
    sync(&other, &relay).await;
    assert!(other.has_members() && relay.space.has_members());
    for space in [&mine, &other] {
        assert_eq!(text(space, first).await, "first");
        assert_eq!(text(space, answer).await, "answer");
        assert_eq!(text(space, later).await, "later");
        assert_eq!(space.topic("notes").unwrap(), topic);
    }
    let id = other.write(note("as a member")).await.unwrap();
    assert!(sync::push(&other, relay.store()).await.is_clean());
    sync::pull(&mine, relay.store()).await;
    assert_eq!(text(&mine, id).await, "as a member");

    // Who comes now reads from then on: the genesis of such a space promises newcomers no history. The rest opens once
    // somebody hands over the keys.
    let newcomer = bring(&mine, &third, Role::Reader, "").await;
    let now = mine.write(note("now")).await.unwrap();
    assert!(sync::pull(&newcomer, mine.outgoing()).await.is_clean());
    assert_eq!(text(&newcomer, now).await, "now");
    assert!(newcomer.read(first).await.is_err() && newcomer.read(later).await.is_err());
    let transfer = mine.export_key(&third.card("").unwrap()).unwrap();
    newcomer.import_key(&transfer, &owner.author()).unwrap();
    assert_eq!(text(&newcomer, first).await, "first");
    assert_eq!(text(&newcomer, later).await, "later");
    assert_eq!(newcomer.topic("notes").unwrap(), topic);
}

/// Where policy gives newcomers the history, the first epoch hands on what was before it, and the ones after it do the rest.
///
/// Clauses: CTL-33.
#[tokio::test]
async fn the_keys_of_an_old_space_are_handed_down_where_policy_gives_the_history() {
    for gives in [Some(true), Some(false), None] {
        let (owner, second) = (device(), device());
        let policy = Policy { history_for_newcomers: gives, ..Policy::default() };
        let founded = found_space(&owner, &[], None, policy, 0, &OsRandomness).unwrap();
        let space = founded.id.into();
        let genesis = Verifier::new([1; 32]).verify(&space, founded.raw).unwrap();
        let mine = old_of(&owner, genesis).await;
        let other = old_copy(&mine, &owner, &second).await;
        let first = mine.write(note("first")).await.unwrap();
        let topic = mine.topic("notes").unwrap();
        mine.rotate().await.unwrap();
        mine.grant(second.joining_card(space, None), Role::Writer, "").await.unwrap();
        let later = mine.write(note("later")).await.unwrap();
        let newcomer = bring(&mine, &device(), Role::Reader, "").await;
        assert_eq!(newcomer.topic("notes").unwrap(), topic);
        for id in [first, later] {
            assert_eq!(newcomer.read(id).await.is_ok(), gives == Some(true), "{gives:?}");
        }
        assert!(newcomer.learn_keys().await.unwrap().faults.is_empty());
        // Who was there before reads all of it, and goes on.
        assert!(sync::pull(&other, mine.outgoing()).await.is_clean());
        assert_eq!(text(&other, first).await, "first");
        assert_eq!(text(&other, later).await, "later");
        assert_eq!(other.topic("notes").unwrap(), topic);
        assert!(other.learn_keys().await.unwrap().faults.is_empty());
        other.write(note("as a member")).await.unwrap();
    }
}

/// A control entry by a stranger must not bring a space under rules that its founder did not ask for, or whoever carries
/// it could end what its devices do.
#[tokio::test]
async fn a_strangers_control_entry_does_not_upgrade_a_space() {
    let (owner, second) = (device(), device());
    let mine = old(&owner).await;
    let other = old_copy(&mine, &owner, &second).await;
    let engine = engine(mine.id()).await;
    let (keyring, marks) = (Keyring::new(), Arc::new(MemoryMarks::default()));
    // A stranger upgrades a copy of its own making and writes what it likes there.
    let stranger = device();
    let cx = bulla::Context::new();
    engine.set_rule(&cx, Rule::Directory).await.unwrap();
    let local = LocalStore::judged(Arc::clone(&engine));
    let hostile = Space::open(&stranger, keyring, local, marks).await.unwrap();
    sync::pull(&hostile, mine.outgoing()).await;
    let entry = control_entry(&stranger, mine.id());
    for space in [&mine, &other] {
        space.store().put(&cx, vec![entry.clone()]).await.unwrap();
        assert!(!space.has_members());
    }
    let id = other.write(note("still")).await.unwrap();
    sync::pull(&mine, other.outgoing()).await;
    assert_eq!(text(&mine, id).await, "still");
}

fn control_entry(device: &Device, space: bulla::SpaceId) -> Verified {
    use bulla_core::control::{Cuts, Revoke};
    use bulla_crypto::{ChainEnd, ControlDraft, EntryWriter};

    let writer = EntryWriter::new(Arc::clone(device), space, Arc::new(OsRandomness));
    let revoke = Revoke { device: device.author(), cuts: Cuts::default() };
    let sealed = writer.control(&ChainEnd::EMPTY, &ControlDraft::new(revoke)).unwrap();
    Verifier::new([1; 32]).verify(&space, sealed.raw).unwrap()
}

/// Opened again over its engine, an upgraded space is one with members at once.
#[tokio::test]
async fn an_upgrade_survives_opening_the_store_again() {
    let owner = device();
    let mine = old(&owner).await;
    let engine = engine(mine.id()).await;
    let relay = |engine| async {
        let marks = Arc::new(MemoryMarks::default());
        Space::open(&device(), Keyring::new(), LocalStore::judged(engine), marks).await.unwrap()
    };
    let first = relay(Arc::clone(&engine)).await;
    sync::push(&mine, Arc::clone(first.store())).await;
    assert_eq!(engine.rule(&bulla::Context::new()).await.unwrap(), Rule::All);
    mine.rotate().await.unwrap();
    sync::push(&mine, Arc::clone(first.store())).await;
    assert!(first.has_members());
    drop(first);
    assert!(relay(engine).await.has_members());
}

/// The keys of a space go over whole and in their order, however often they were changed: one that stayed behind is history
/// that a device cannot read, and another first one gives other topics (KEY-7).
///
/// Clauses: KEY-8.
#[tokio::test]
async fn a_thousand_keys_go_over_as_one() {
    for count in [64, 65, 1_000, 4_096_u32] {
        let (owner, second) = (device(), device());
        let genesis = new_genesis(&owner).unwrap();
        let mut keyring = Keyring::new();
        for number in 0..count {
            let mut secret = [9; 32];
            secret[..4].copy_from_slice(&number.to_be_bytes());
            let key = EpochKey::dangerous_from_bytes(&secret);
            keyring.insert(genesis.verified_header().space(), key);
        }
        let (spaces, marks) = (spaces(), Arc::new(MemoryMarks::default()));
        let mine = Space::found_with(&owner, keyring, &spaces, &genesis, marks).await.unwrap();
        // As text, which is how people pass it on.
        let transfer = mine.export_key(&second.card("").unwrap()).unwrap().to_string();
        let transfer = transfer.parse().unwrap();
        let elsewhere = crate::engine::spaces();
        let founder = owner.author();
        let other = Space::join_with_key(&second, &elsewhere, &transfer, &founder).await.unwrap();
        let ids = |space: &Space| {
            space.with_keyring(|keyring| {
                let keys = keyring.keys(&space.id()).iter();
                keys.map(|key| key.id()).collect::<Vec<_>>()
            })
        };
        assert_eq!(ids(&other).len(), count as usize);
        assert!(ids(&other) == ids(&mine), "{count} keys in their order");
        assert_eq!(other.topic("notes").unwrap(), mine.topic("notes").unwrap());
    }
}

/// Beyond what a transfer holds nothing is given, rather than a part that looks like the whole.
///
/// Clauses: KEY-8.
#[tokio::test]
async fn more_keys_than_a_transfer_holds_are_refused() {
    let (owner, second) = (device(), device());
    let genesis = new_genesis(&owner).unwrap();
    let mut keyring = Keyring::new();
    for _ in 0..=4_096 {
        let key = EpochKey::generate(&OsRandomness).unwrap();
        keyring.insert(genesis.verified_header().space(), key);
    }
    let (spaces, marks) = (spaces(), Arc::new(MemoryMarks::default()));
    let mine = Space::found_with(&owner, keyring, &spaces, &genesis, marks).await.unwrap();
    let refused = mine.export_key(&second.card("").unwrap()).unwrap_err();
    assert!(matches!(refused, SpaceError::Transfer(TransferError::Keys)), "{refused}");
}

/// Keys of epochs are as good: who comes later gets all that there were.
///
/// Clauses: KEY-8.
#[tokio::test]
async fn a_newcomer_gets_the_keys_of_seventy_epochs() {
    let (owner, second) = (device(), device());
    let policy = Policy { history_for_newcomers: Some(false), ..Policy::default() };
    let founding = Founding::default().with_policy(policy);
    let marks = Arc::new(MemoryMarks::default());
    let mine = Space::found_as(&owner, &spaces(), &founding, marks).await.unwrap();
    let first = mine.write(note("first")).await.unwrap();
    for _ in 0..70 {
        mine.rotate().await.unwrap();
    }
    let newcomer = bring(&mine, &second, Role::Reader, "").await;
    assert!(newcomer.read(first).await.is_err());
    let transfer = mine.export_key(&second.card("").unwrap()).unwrap();
    assert!(newcomer.import_key(&transfer, &owner.author()).unwrap() >= 70);
    assert_eq!(text(&newcomer, first).await, "first");
}
