//! Devices, relays, and ways between them.

use std::sync::Arc;

use bulla::space::MemoryMarks;
use bulla::sync::{self, Report};
use bulla::{
    ContentAddressedStore, Device, EntryId, Keyring, Kind, LocalStore, Role, Space, SpaceId, Write,
};
use bulla_core::control::{Control, Epoch};
use bulla_core::{Verified, Verifier};
use bulla_crypto::{ChainEnd, ControlDraft, EntryWriter, EpochDraft, EpochParent, TopicSecret};
use bulla_identity::OsRandomness;

use crate::engine::{Engine, engine, spaces};

pub(crate) fn note(text: &str) -> Write {
    Write::new(Kind::OPERATION, text)
}

pub(crate) fn device() -> Device {
    Device::generate().unwrap()
}

pub(crate) async fn found(device: &Device) -> Space {
    Space::found(device, &spaces()).await.unwrap()
}

/// What a relay holds: entries behind the same admission as everybody's, and no key. Whose device opens it plays no part.
pub(crate) struct Relay {
    pub(crate) space: Space,
    pub(crate) engine: Arc<Engine>,
}

impl Relay {
    pub(crate) async fn new(space: SpaceId) -> Self {
        let engine = engine(space).await;
        let marks = Arc::new(MemoryMarks::default());
        let local = LocalStore::judged(Arc::clone(&engine));
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
    let joined = Space::join(device, &spaces(), from.id(), from.outgoing()).await;
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

/// What an admin may say of an epoch that no program of ours says. It has no entry in the space yet.
pub(crate) async fn hostile_epoch(
    space: &Space,
    hostile: &Device,
    topics: TopicSecret,
    alter: impl Fn(&mut EpochDraft),
) -> (EntryId, Verified) {
    hostile_payload(space, hostile, topics, alter, |_| ()).await
}

pub(crate) async fn hostile_payload(
    space: &Space,
    hostile: &Device,
    topics: TopicSecret,
    alter: impl Fn(&mut EpochDraft),
    falsify: impl Fn(&mut Epoch),
) -> (EntryId, Verified) {
    let me = hostile.author();
    let mut draft = space
        .with_directory(|directory| {
            let heads = directory.epoch_heads(&EntryId::ZERO);
            let parents = heads.iter().map(|id| EpochParent {
                id: *id,
                key_id: directory.epoch(id).unwrap().key_id,
                key: None,
            });
            let recipients = directory.readers(&EntryId::ZERO);
            EpochDraft {
                space: space.id(),
                group: EntryId::ZERO,
                parents: parents.collect(),
                recipients: recipients.iter().map(|one| (one.device, one.sealing_key)).collect(),
                topics: Some(Arc::new(topics)),
                older: Vec::new(),
            }
        })
        .unwrap();
    alter(&mut draft);
    let (mut payload, _): (Epoch, _) = draft.create(hostile, &OsRandomness).unwrap().split();
    falsify(&mut payload);
    let writer = EntryWriter::new(Arc::clone(hostile), space.id(), Arc::new(OsRandomness));
    let dependencies = space.with_directory(|directory| directory.dependencies(&me)).unwrap();
    let draft = ControlDraft::new(Control::Epoch(payload)).with_dependencies(dependencies);
    let sealed = writer.control(&ChainEnd::EMPTY, &draft).unwrap();
    let entry = Verifier::new([1; 32]).verify(&space.id(), sealed.raw).unwrap();
    (sealed.id, entry)
}
