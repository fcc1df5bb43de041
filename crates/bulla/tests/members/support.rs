//! Devices, relays, and ways between them.

use std::sync::Arc;

use bulla::space::MemoryMarks;
use bulla::sync::{self, Report};
use bulla::{
    ContentAddressedStore, Device, EntryId, Keyring, Kind, LocalStore, MemorySpaces, Role, Space,
    SpaceId, Write,
};
use bulla_store::MemoryStore;

pub(crate) fn note(text: &str) -> Write {
    Write::new(Kind::OPERATION, text)
}

pub(crate) fn device() -> Device {
    Device::generate().unwrap()
}

pub(crate) async fn found(device: &Device) -> Space {
    Space::found(device, &MemorySpaces::new()).await.unwrap()
}

/// What a relay holds: entries behind the same admission as everybody's, and no key. Whose device opens it plays no part.
pub(crate) struct Relay {
    pub(crate) space: Space,
    pub(crate) engine: Arc<MemoryStore>,
}

impl Relay {
    pub(crate) async fn new(space: SpaceId) -> Self {
        let engine = Arc::new(MemoryStore::new(space).unwrap());
        let marks = Arc::new(MemoryMarks::default());
        let local = LocalStore::from(Arc::clone(&engine));
        let space = Space::open(&device(), Keyring::new(), local, marks).await.unwrap();
        Self { space, engine }
    }

    pub(crate) fn store(&self) -> Arc<dyn ContentAddressedStore> {
        Arc::clone(self.space.store())
    }
}

/// Pulls and pushes until both have what either had.
pub(crate) async fn sync(space: &Space, relay: &Relay) -> (Report, Report) {
    let pulled = sync::pull(space, relay.store()).await;
    let pushed = sync::push(space, relay.store()).await;
    (pulled, pushed)
}

/// Grants a device its role, and gives it a copy.
pub(crate) async fn bring(admin: &Space, device: &Device, role: Role, label: &str) -> Space {
    admin.grant(device.joining_card(admin.id(), None), role, label).await.unwrap();
    join(admin, device).await
}

pub(crate) async fn join(from: &Space, device: &Device) -> Space {
    let joined = Space::join(device, &MemorySpaces::new(), from.id(), from.outgoing()).await;
    let (space, report) = joined.unwrap();
    assert!(report.verdict.is_complete(), "{report}");
    space
}

pub(crate) async fn text(space: &Space, id: EntryId) -> String {
    String::from_utf8(space.read(id).await.unwrap().to_vec()).unwrap()
}

/// The writing epoch, as this device computes it.
pub(crate) fn writing_epoch(space: &Space, group: EntryId) -> Option<EntryId> {
    let epoch = space.with_directory(|directory| directory.writing_epoch(&group));
    epoch.flatten().map(|epoch| epoch.id)
}

/// Members by key and role.
pub(crate) async fn roles(space: &Space) -> Vec<(bulla::AuthorKey, Role)> {
    let members = space.members().await.unwrap();
    members.into_iter().map(|member| (member.device, member.role)).collect()
}
