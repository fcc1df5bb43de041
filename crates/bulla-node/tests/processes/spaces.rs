//! Spaces with members, written by hand: devices, their chains, and control entries with real signatures.

use std::sync::Arc;

use bulla_core::control::{
    Control, Cut, Cuts, Erase, Grant, GrantedDevice, Revoke, Role, RoleChange,
};
use bulla_core::genesis::Policy;
use bulla_core::values::{PutOutcome, PutReport};
use bulla_core::{
    AuthorKey, EntryId, InvitationId, Kind, NodeId, SpaceId, Verified, VerifiedEntry, Verifier,
};
use bulla_crypto::{ChainEnd, ControlDraft, Draft, EntryWriter, EpochKey, Sealed, found_space};
use bulla_identity::{DeviceKeys, OsRandomness};
use bulla_store::ContentAddressedStore;

use crate::support::{cx, device};

/// A device that writes in a space.
pub(crate) struct Author {
    pub(crate) keys: Arc<DeviceKeys>,
    writer: EntryWriter,
    chain: ChainEnd,
    last_control: Option<EntryId>,
    /// The newest control entries that it knows of.
    pub(crate) knows: Vec<EntryId>,
    key: EpochKey,
}

/// Founds a space: its founder and its genesis.
pub(crate) fn found() -> (Author, VerifiedEntry) {
    found_by(device())
}

/// Founds a space by this device.
pub(crate) fn found_by(keys: Arc<DeviceKeys>) -> (Author, VerifiedEntry) {
    let sealed = found_space(&keys, &[], None, Policy::default(), 0, &OsRandomness).unwrap();
    let space = SpaceId(sealed.id.0);
    let mut founder = Author::new(keys, space);
    let genesis = founder.finish(sealed, true);
    (founder, genesis)
}

impl Author {
    /// A device in a space that it knows nothing of yet.
    pub(crate) fn new(keys: Arc<DeviceKeys>, space: SpaceId) -> Self {
        Self {
            writer: EntryWriter::new(Arc::clone(&keys), space, Arc::new(OsRandomness)),
            keys,
            chain: ChainEnd::EMPTY,
            last_control: None,
            knows: Vec::new(),
            key: EpochKey::generate(&OsRandomness).unwrap(),
        }
    }

    pub(crate) fn space(&self) -> SpaceId {
        self.writer.space()
    }

    pub(crate) fn author(&self) -> AuthorKey {
        self.writer.author()
    }

    /// Another device of the same space that knows what this one knows.
    pub(crate) fn beside(&self) -> Self {
        let mut other = Self::new(device(), self.space());
        other.knows.clone_from(&self.knows);
        other
    }

    /// An entry by somebody else in this space.
    pub(crate) fn beside_write(&self) -> VerifiedEntry {
        self.beside().write("beside")
    }

    pub(crate) fn control(&mut self, control: impl Into<Control>) -> VerifiedEntry {
        let mut dependencies = self.knows.clone();
        dependencies.extend(self.last_control);
        let draft = ControlDraft::new(control).with_dependencies(dependencies);
        let sealed = self.writer.control(&self.chain, &draft).unwrap();
        self.finish(sealed, true)
    }

    pub(crate) fn grant(&mut self, device: &Self, role: Role) -> VerifiedEntry {
        let card = device.keys.joining_card(self.space(), InvitationId::ZERO);
        self.control(Grant { device: card.into(), role, label: None })
    }

    pub(crate) fn grant_node(&mut self, node: NodeId) -> VerifiedEntry {
        self.control(Grant { device: GrantedDevice::from(node), role: Role::Relay, label: None })
    }

    /// Takes everything from a device, of which what was seen so far counts.
    pub(crate) fn revoke(&mut self, device: &Self) -> VerifiedEntry {
        let (device, cuts) = (device.author(), device.cuts());
        self.control(Revoke { device, cuts })
    }

    pub(crate) fn revoke_node(&mut self, node: NodeId) -> VerifiedEntry {
        self.control(Revoke { device: AuthorKey(node.0), cuts: Cuts::default() })
    }

    pub(crate) fn raise(&mut self, device: &Self, role: Role) -> VerifiedEntry {
        self.control(RoleChange { device: device.author(), role, cuts: None })
    }

    pub(crate) fn erase(&mut self, ids: Vec<EntryId>) -> VerifiedEntry {
        self.control(Erase { ids, ranges: Vec::new() })
    }

    /// An application entry.
    pub(crate) fn write(&mut self, text: &str) -> VerifiedEntry {
        let draft = Draft::new(Kind::OPERATION, text.as_bytes());
        let draft = draft.with_dependencies(self.knows.clone());
        let sealed = self.writer.seal(&self.chain, &draft, &self.key).unwrap();
        self.finish(sealed, false)
    }

    fn cuts(&self) -> Cuts {
        let (sequence, id) = (self.chain.sequence(), self.chain.id());
        let cut = Cut { sequence, id, control: self.last_control };
        Cuts(if sequence == 0 { Vec::new() } else { vec![cut] })
    }

    fn finish(&mut self, sealed: Sealed, is_control: bool) -> VerifiedEntry {
        self.chain = sealed.chain;
        if is_control {
            self.last_control = Some(sealed.id);
            self.knows = vec![sealed.id];
        }
        let verified = Verifier::new([1; 32]).verify_batch(&self.space(), vec![sealed.raw]);
        let Some(Ok(Verified::Entry(entry))) = verified.into_iter().next() else {
            panic!("an entry that does not verify");
        };
        entry
    }
}

/// Puts one entry; what became of it.
pub(crate) async fn offer(store: &dyn ContentAddressedStore, entry: &VerifiedEntry) -> PutOutcome {
    let report: PutReport = store.put(&cx(), vec![entry.clone().into()]).await.unwrap();
    report.outcomes[0].clone()
}

/// Puts entries, all of which must be there afterwards.
pub(crate) async fn share(store: &dyn ContentAddressedStore, entries: &[&VerifiedEntry]) {
    let batch = entries.iter().map(|entry| Verified::from((*entry).clone())).collect();
    let report = store.put(&cx(), batch).await.unwrap();
    let is_there = |outcome: &PutOutcome| outcome.receipt().is_some();
    assert!(report.outcomes.iter().all(is_there), "{:?}", report.outcomes);
}

/// The code by which an entry was refused.
pub(crate) fn refusal(outcome: &PutOutcome) -> String {
    match outcome {
        PutOutcome::Refused(refusal) => refusal.code.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The section of a space that says itself who may do what.
pub(crate) fn judged(space: SpaceId, mode: &str) -> String {
    format!("[[space]]\nid = '{space}'\nmode = {mode}\naccess = 'directory'\n")
}
