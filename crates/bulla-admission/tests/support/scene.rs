//! Spaces written by hand: a founder, devices with roles, chains of entries with real signatures.

use bulla_core::control::{
    Control, Cut, Cuts, Epoch, Erase, ErasedRange, Frontier, Grant, GrantedDevice, Recipient,
    Revoke, Role, RoleChange, SEALED_KEY_BYTES,
};
use bulla_core::genesis::Policy;
use bulla_core::verify::attach_payload;
use bulla_core::{AuthorKey, EntryId, KeyId, SpaceId, Verified, VerifiedEntry};

use crate::entries::{Device, Spot, genesis};

/// A device, its chain and the control entries that it knows of.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) device: Device,
    space: SpaceId,
    sequence: u64,
    previous: EntryId,
    last_control: Option<EntryId>,
    knows: Vec<EntryId>,
}

/// A founder and its space.
pub(crate) fn found(policy: Policy) -> (Writer, VerifiedEntry) {
    let device = Device::new(1);
    let entry = genesis(&[&device], None, policy);
    let id = entry.id();
    let space = entry.verified_header().space();
    let writer = Writer {
        device,
        space,
        sequence: 1,
        previous: id,
        last_control: Some(id),
        knows: vec![id],
    };
    (writer, entry)
}

/// A founder, an admin, a writer that is junior to both, and the control entries that say so.
pub(crate) fn with_admin_and_writer(policy: Policy) -> (Writer, Writer, Writer, Vec<Verified>) {
    let (mut founder, genesis) = found(policy);
    let space = founder.space();
    let (mut admin, mut writer) = (Writer::new(3, space), Writer::new(4, space));
    let grant = founder.grant(&admin.device, Role::Admin);
    // A device granted later is junior to the admin.
    let junior = founder.grant(&writer.device, Role::Writer);
    admin.learn(&junior);
    writer.learn(&junior);
    (founder, admin, writer, all([&genesis, &grant, &junior]))
}

impl Writer {
    pub(crate) fn new(number: u64, space: SpaceId) -> Self {
        let device = Device::new(number);
        let (previous, last_control) = (EntryId::ZERO, None);
        Self { device, space, sequence: 0, previous, last_control, knows: vec![] }
    }

    /// Learns of a control entry that lies after all it knows.
    pub(crate) fn learn(&mut self, entry: &VerifiedEntry) {
        self.knows = vec![entry.id()];
    }

    pub(crate) fn control(&mut self, control: &Control) -> VerifiedEntry {
        let mut dependencies = self.knows.clone();
        dependencies.extend(self.last_control);
        let entry = self.spot(dependencies).signed(&self.device, control);
        self.advance(entry.id());
        if !matches!(control, Control::Frontier(_)) {
            self.last_control = Some(entry.id());
            self.knows = vec![entry.id()];
        }
        entry
    }

    /// The same as a store reads it back: tests of many entries need no signatures.
    pub(crate) fn unsigned(&mut self, control: &Control) -> VerifiedEntry {
        let mut dependencies = self.knows.clone();
        dependencies.extend(self.last_control);
        let entry = self.spot(dependencies).unsigned(control);
        self.advance(entry.id());
        self.last_control = Some(entry.id());
        self.knows = vec![entry.id()];
        entry
    }

    /// A control entry that names nothing but its previous, against CTL-7.
    pub(crate) fn careless(&mut self, control: &Control) -> VerifiedEntry {
        let entry = self.spot(vec![]).signed(&self.device, control);
        self.advance(entry.id());
        self.last_control = Some(entry.id());
        entry
    }

    /// An application entry of 16 bytes of payload, under a key that nobody started an epoch with.
    pub(crate) fn write(&mut self) -> VerifiedEntry {
        self.seal(KeyId([7; 32]))
    }

    /// One under this key.
    pub(crate) fn seal(&mut self, key_id: KeyId) -> VerifiedEntry {
        let header = self.spot(self.knows.clone()).signed_operation(&self.device, key_id);
        self.advance(header.id());
        attach_payload(header, vec![0; 16].into()).unwrap()
    }

    /// The same as a store reads it back: tests of many entries need no signatures.
    pub(crate) fn write_many(&mut self, count: usize) -> Vec<Verified> {
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let header = self.spot(vec![]).unsigned_operation(KeyId([7; 32]));
            self.advance(header.id());
            entries.push(attach_payload(header, vec![0; 16].into()).unwrap().into());
        }
        entries
    }

    pub(crate) fn grant(&mut self, device: &Device, role: Role) -> VerifiedEntry {
        let device = device.granted(self.space);
        self.control(&Grant { device, role, label: None }.into())
    }

    pub(crate) fn grant_node(&mut self, device: &Device) -> VerifiedEntry {
        let device = GrantedDevice::Node(device.key);
        self.control(&Grant { device, role: Role::Relay, label: None }.into())
    }

    pub(crate) fn revoke(&mut self, writer: &Self) -> VerifiedEntry {
        self.control(&Revoke { device: writer.device.key, cuts: writer.cuts() }.into())
    }

    /// A revocation after which nothing counts.
    pub(crate) fn revoke_all(&mut self, device: &Device) -> VerifiedEntry {
        self.control(&Revoke { device: device.key, cuts: Cuts(vec![]) }.into())
    }

    pub(crate) fn role(
        &mut self,
        device: &Device,
        role: Role,
        cuts: Option<Cuts>,
    ) -> VerifiedEntry {
        self.control(&RoleChange { device: device.key, role, cuts }.into())
    }

    /// An epoch of the space's own.
    pub(crate) fn epoch(&mut self, recipients: &[&Device], key: u8) -> VerifiedEntry {
        let keys = recipients.iter().map(|device| device.key);
        self.control(&epoch(EntryId::ZERO, keys, key))
    }

    pub(crate) fn frontier(&mut self) -> VerifiedEntry {
        self.control(&Frontier { proven: vec![], claimed: vec![] }.into())
    }

    pub(crate) fn erase(&mut self, mut ids: Vec<EntryId>) -> VerifiedEntry {
        ids.sort_unstable();
        self.control(&Erase { ids, ranges: vec![] }.into())
    }

    pub(crate) fn erase_range(&mut self, device: &Device, sequence: u64) -> VerifiedEntry {
        let range = ErasedRange { author: device.key, sequence, topic: None };
        self.control(&Erase { ids: vec![], ranges: vec![range] }.into())
    }

    /// The cuts of a revocation by who has seen all of this chain.
    pub(crate) fn cuts(&self) -> Cuts {
        let cut = Cut { sequence: self.sequence, id: self.previous, control: self.last_control };
        Cuts(if self.sequence == 0 { vec![] } else { vec![cut] })
    }

    pub(crate) const fn space(&self) -> SpaceId {
        self.space
    }

    pub(crate) const fn last(&self) -> EntryId {
        self.previous
    }

    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    fn spot(&self, dependencies: Vec<EntryId>) -> Spot {
        Spot {
            space: self.space,
            author: self.device.key,
            sequence: self.sequence + 1,
            previous: self.previous,
            dependencies,
        }
    }

    /// The next entry comes after this one, whosever it is.
    pub(crate) const fn continue_at(&mut self, previous: EntryId, sequence: u64) {
        (self.previous, self.sequence) = (previous, sequence);
    }

    const fn advance(&mut self, id: EntryId) {
        self.sequence += 1;
        self.previous = id;
    }
}

/// An epoch without parents.
pub(crate) fn epoch(
    group: EntryId,
    recipients: impl IntoIterator<Item = AuthorKey>,
    key: u8,
) -> Control {
    let mut recipients: Vec<Recipient> = recipients
        .into_iter()
        .map(|device| Recipient { device, sealed: [1; SEALED_KEY_BYTES] })
        .collect();
    recipients.sort_unstable_by_key(|recipient| recipient.device);
    Epoch { group, parents: vec![], key_id: KeyId([key; 32]), recipients, inherited: vec![2; 16] }
        .into()
}

/// Entries as a `put` takes them.
pub(crate) fn all<'a>(entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Vec<Verified> {
    entries.into_iter().cloned().map(Verified::from).collect()
}
