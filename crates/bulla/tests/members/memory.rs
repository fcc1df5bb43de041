//! What a space knew, after it was closed.

use std::sync::Arc;

use bulla::space::{MemoryMarks, recovery_public};
use bulla::{Device, EntryId, Founding, Keyring, RecoveryKey, Role, Space, sync};
use bulla_crypto::EpochKey;
use bulla_identity::{DeviceKeys, OsRandomness, Randomness as _};

use crate::engine::spaces;
use crate::memory_of_process::{Masked, left};
use crate::support::{Relay, bring, device, join, note, sync, text};

/// Every key that a space has, of all groups, and its topic secrets.
fn secrets_of(space: &Space) -> Vec<Masked> {
    let masked = |key: &Arc<EpochKey>| Masked::new("the key of an epoch", key.expose_secret());
    space.with_keyring(|keyring| {
        let groups: Vec<EntryId> = keyring.groups(&space.id()).collect();
        let mut secrets: Vec<Masked> = keyring.keys(&space.id()).iter().map(masked).collect();
        for group in &groups {
            secrets.extend(keyring.keys_of(&space.id(), group).iter().map(masked));
            let topics = keyring.topics_of(&space.id(), group).unwrap();
            secrets.push(Masked::new("a topic secret", topics.expose_secret()));
        }
        secrets
    })
}

async fn story() -> Vec<Masked> {
    let [signing, sealing, entropy] = [(); 3].map(|()| {
        let mut bytes = [0; 32];
        OsRandomness.fill(&mut bytes).unwrap();
        bytes
    });
    let second = Device::from(DeviceKeys::dangerous_from_secrets(&signing, &sealing));
    let (owner, new) = (device(), device());
    let key = RecoveryKey::dangerous_from_entropy(&entropy);
    let founding = Founding::default().with_recovery(recovery_public(&key));
    let marks = Arc::new(MemoryMarks::default());
    let mine = Space::found_as(&owner, &spaces(), &founding, marks).await.unwrap();
    let first = mine.write(note("first")).await.unwrap();
    let other = bring(&mine, &second, Role::Writer, "phone").await;
    let group = mine.create_group("few", &[second.author()]).await.unwrap();
    let inner = mine.write(note("inner").with_group(group)).await.unwrap();
    let relay = Relay::new(mine.id()).await;
    sync(&mine, &relay).await;
    sync(&other, &relay).await;
    assert_eq!(text(&other, inner).await, "inner");
    mine.rotate().await.unwrap();
    let transfer = mine.export_key(&second.card("").unwrap()).unwrap();
    other.import_key(&transfer, &owner.author()).unwrap();
    let kept = mine.with_keyring(Keyring::to_secret);
    assert!(Keyring::from_secret(&kept).is_ok());
    sync(&mine, &relay).await;
    let back = join(&relay.space, &new).await;
    back.recover(&key, &[owner.author()], None).await.unwrap();
    assert_eq!(text(&back, first).await, "first");
    sync::push(&back, relay.store()).await;
    let mut secrets = secrets_of(&back);
    assert!(secrets.len() > 5);
    assert_eq!(left(&secrets).len(), secrets.len(), "the search finds what is there");
    let devices = [("a signing key", signing), ("a sealing key", sealing), ("an entropy", entropy)];
    secrets.extend(devices.map(|(name, secret)| Masked::new(name, &secret)));
    secrets
}

#[tokio::test]
async fn a62_what_a_space_knew_is_wiped_when_it_is_closed() {
    let secrets = story().await;
    let left = left(&secrets);
    assert!(left.is_empty(), "of {} lie in memory still: {left:?}", secrets.len());
}
