//! Each claim about the tablet fails when it is not so: at a door that lets everybody in, with a key too many, and for a
//! phone that takes everything.

use bulla::space::MemoryMarks;
use bulla::{Keyring, MemorySpaces};
use bulla_store::{Context, Spaces as _};

use super::*;
use crate::exit::Exit;

struct Scene {
    _work: tempfile::TempDir,
    tablet: Tablet,
    laptop: Replica,
    phone: Replica,
    phone_device: Device,
}

/// A laptop, a phone that reads, and a tablet that was revoked, without any node.
async fn scene() -> Scene {
    let work = tempfile::tempdir().unwrap();
    let (laptop_device, phone_device) = (new_device().unwrap(), new_device().unwrap());
    let device = new_device().unwrap();
    let laptop = Replica::found(work.path(), "laptop", &laptop_device).await.unwrap();
    let space = &laptop.space;
    let id = space.id();
    let card = phone_device.joining_card(id, None);
    space.grant(card, Role::Reader, "phone").await.unwrap();
    space.grant(device.joining_card(id, None), Role::Writer, "tablet").await.unwrap();
    let phone = Replica::join(work.path(), "phone", &phone_device, id).await.unwrap();
    let replica = Replica::join(work.path(), "tablet", &device, id).await.unwrap();
    let of = |replica: &Replica| replica.space.outgoing() as Arc<dyn ContentAddressedStore>;
    replica.pull(&of(&laptop)).await.unwrap();
    write(work.path(), &replica.space, BEFORE).await.unwrap();
    laptop.pull(&of(&replica)).await.unwrap();
    let before = sealed_entries(&**space.store()).await.unwrap();
    space.revoke(device.author()).await.unwrap();
    write(work.path(), space, AFTER).await.unwrap();
    phone.pull(&of(&laptop)).await.unwrap();
    write(work.path(), &replica.space, LATE).await.unwrap();
    let late = &sealed_entries(&**replica.space.store()).await.unwrap() - &before;
    let after = &sealed_entries(&**space.store()).await.unwrap() - &before;
    let tablet = Tablet { device, replica, late, before, after };
    Scene { _work: work, tablet, laptop, phone, phone_device }
}

fn code(claims: &Claims) -> Option<String> {
    let failure = claims.judge().err()?;
    assert_eq!(failure.exit, Exit::Integrity);
    failure.code
}

#[tokio::test]
async fn a_door_that_lets_it_in_is_told() {
    let Scene { tablet, laptop, _work, .. } = scene().await;
    // A relay that asks nobody who may do what.
    let spaces = MemorySpaces::new();
    let relay = spaces.create(&Context::new(), laptop.space.id()).await.unwrap();
    laptop.push(&relay).await.unwrap();
    let mut claims = Claims::default();
    let door = |way| Door { tries: "get in", by: "relay", way, store: Arc::clone(&relay) };
    let attempts = tablet.tries(&[door(Way::Push)], &*relay, &mut claims).await.unwrap();
    assert!(!attempts[0].failed);
    assert_eq!(code(&claims).as_deref(), Some("demo.revoked"));
    let mut claims = Claims::default();
    tablet.tries(&[door(Way::Login)], &*relay, &mut claims).await.unwrap();
    assert_eq!(code(&claims).as_deref(), Some("demo.revoked"));
}

#[tokio::test]
async fn a_phone_that_takes_what_is_late_is_told() {
    let Scene { tablet, laptop, phone, phone_device, _work } = scene().await;
    let mut claims = Claims::default();
    let attempt = tablet.hands_over(&phone, &mut claims).await.unwrap();
    assert_eq!((attempt.failed, attempt.answered.as_str()), (true, "directory.cut"));
    assert_eq!(code(&claims), None);
    // One that has not heard of the revocation.
    let behind = Replica::join(_work.path(), "behind", &phone_device, laptop.space.id()).await;
    let behind = behind.unwrap();
    let attempt = tablet.hands_over(&behind, &mut claims).await.unwrap();
    assert!(!attempt.failed);
    assert_eq!(code(&claims).as_deref(), Some("demo.late"));
}

#[tokio::test]
async fn a_key_too_many_is_told() {
    let Scene { tablet, laptop, phone, phone_device, _work } = scene().await;
    let copy = async |device: &Device| {
        let (spaces, marks) = (MemorySpaces::new(), Arc::new(MemoryMarks::default()));
        let id = laptop.space.id();
        let copy = Space::join_as(device, &spaces, id, Keyring::new(), marks).await.unwrap();
        bulla::sync::pull(&copy, laptop.space.outgoing()).await;
        copy
    };
    let mut claims = Claims::default();
    let own = copy(&tablet.device).await;
    assert!(tablet.opens(&own, &phone.space, &mut claims).await.unwrap().failed);
    assert_eq!(code(&claims), None);
    let others = copy(&phone_device).await;
    assert!(!tablet.opens(&others, &phone.space, &mut claims).await.unwrap().failed);
    assert_eq!(code(&claims).as_deref(), Some("demo.keys"));
    // A reader that opens nothing shows nothing, and a copy without the entries neither.
    let mut claims = Claims::default();
    tablet.opens(&own, &own, &mut claims).await.unwrap();
    assert_eq!(code(&claims).as_deref(), Some("demo.keys"));
    assert!(tablet.opens(&tablet.replica.space, &phone.space, &mut claims).await.is_err());
}
