//! A space with members: an owner, a reader, a relay that only carries, and a device that is lost and cut off. At the end all
//! devices are gone, and the words on paper bring everything back.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use bulla::space::{MemoryMarks, recovery_public};
use bulla::{
    Device, Founding, Keyring, Kind, MemorySpaces, NodeId, RecoveryKey, Role, Space, SpaceError,
    Write, sync,
};
use bulla_identity::OsRandomness;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let note = |text: &str| Write::new(Kind::OPERATION, text);
    let marks = || Arc::new(MemoryMarks::default());

    // The owner founds a space, and writes the recovery key down. The words are shown once.
    let (laptop, paper) = (Device::generate()?, RecoveryKey::generate(&OsRandomness)?);
    let words = paper.to_words();
    let founding = Founding::default().with_recovery(recovery_public(&paper));
    let owner = Space::found_as(&laptop, &MemorySpaces::new(), &founding, marks()).await?;
    let first = owner.write(note("the jar is empty")).await?;

    // A reader by the card that it signed for this space, a second writer, and a node that may carry and not read.
    let (tablet, phone) = (Device::generate()?, Device::generate()?);
    owner.grant(tablet.joining_card(owner.id(), None), Role::Reader, "tablet").await?;
    owner.grant(phone.joining_card(owner.id(), None), Role::Writer, "phone").await?;
    owner.grant(NodeId([7; 32]), Role::Relay, "cellar").await?;

    // The relay judges by the same control entries as everybody, and has no key at all.
    let nobody = Device::generate()?;
    let relay =
        Space::join_as(&nobody, &MemorySpaces::new(), owner.id(), Keyring::new(), marks()).await?;
    let carried = || Arc::clone(relay.store());
    assert!(sync::push(&owner, carried()).await.is_clean());
    assert!(matches!(relay.read(first).await, Err(SpaceError::Open(_))));

    let spaces = MemorySpaces::new();
    let (reader, report) = Space::join(&tablet, &spaces, owner.id(), carried()).await?;
    println!("the tablet joined: {report}");
    assert_eq!(reader.read(first).await?.as_slice(), b"the jar is empty");
    for member in reader.members().await? {
        println!("  {:6} {}", member.role, member.label.as_deref().unwrap_or("(founder)"));
    }

    // The phone is lost. One call takes it out and changes the locks.
    let spaces = MemorySpaces::new();
    let (lost, _) = Space::join(&phone, &spaces, owner.id(), carried()).await?;
    owner.revoke(phone.author()).await?;
    let second = owner.write(note("the jar is full again")).await?;
    assert!(sync::push(&owner, carried()).await.is_clean());

    // Whoever found it can neither push nor read what comes after, whatever they copy from the relay.
    let late = lost.write(note("let me in")).await?;
    println!("the lost phone pushes: {}", sync::push(&lost, carried()).await);
    assert!(matches!(relay.entry(late).await, Err(SpaceError::NotHeld(_))));
    sync::pull(&lost, carried()).await;
    assert!(matches!(lost.read(second).await, Err(SpaceError::Open(_))));
    assert!(matches!(lost.write(note("please")).await, Err(SpaceError::Revoked(_))));
    sync::pull(&reader, carried()).await;
    assert_eq!(reader.read(second).await?.as_slice(), b"the jar is full again");

    // The laptop burns. A new device, the relay and the words are enough.
    drop(owner);
    let (new, spaces) = (Device::generate()?, MemorySpaces::new());
    let (back, _) = Space::join(&new, &spaces, relay.id(), carried()).await?;
    let (key, next) = (RecoveryKey::from_words(&words)?, RecoveryKey::generate(&OsRandomness)?);
    back.recover(&key, &[laptop.author()], Some(&next)).await?;
    assert_eq!(back.read(first).await?.as_slice(), b"the jar is empty");
    assert_eq!(back.role(), Some(Role::Admin));
    println!("everything is back, and the next words are written down");
    Ok(())
}
