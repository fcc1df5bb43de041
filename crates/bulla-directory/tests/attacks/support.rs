//! A space and what its devices write, one after another or knowing only a part of it.

use std::collections::BTreeMap;

use bulla_core::control::{
    Control, Cuts, Epoch, Erase, ErasedRange, Grant, GrantedDevice, Group, Recipient, Recovery,
    RemovedDevice, Revoke, Role, RoleChange, SEALED_KEY_BYTES,
};
use bulla_core::genesis::Policy;
use bulla_core::{EntryId, InvitationId, KeyId, SpaceId, VerifiedEntry, VerifiedHeader};
use bulla_directory::{CutWalk, Directory, Link, Outcome, Refusal, Standing, Verdict};

use crate::entries::{Device, Spot, cut, cuts, genesis};
use crate::random::Random;

pub(crate) const COUNTS: Verdict = Verdict::Counts;
pub(crate) const CUT: Verdict = Verdict::Refused(Refusal::Cut);
pub(crate) const NO_RIGHT: Verdict = Verdict::Refused(Refusal::NoRight);
pub(crate) const SENIORITY: Verdict = Verdict::Refused(Refusal::Seniority);
pub(crate) const STRANGER: Verdict = Verdict::Refused(Refusal::Stranger);
/// An epoch key that no epoch names.
pub(crate) const SOME_KEY: KeyId = KeyId([0x77; 32]);

/// The end of a device's chain.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) sequence: u64,
    pub(crate) id: EntryId,
    /// Its last control entry.
    pub(crate) control: Option<EntryId>,
}

pub(crate) struct Scene {
    pub(crate) space: SpaceId,
    devices: Vec<Device>,
    pub(crate) ends: BTreeMap<usize, End>,
    pub(crate) entries: Vec<VerifiedEntry>,
    pub(crate) operations: Vec<VerifiedHeader>,
}

impl Scene {
    /// A space of the devices 0 to `founders - 1`.
    pub(crate) fn new(founders: usize) -> Self {
        Self::with_recovery(founders, None)
    }

    pub(crate) fn with_recovery(founders: usize, recovery: Option<usize>) -> Self {
        let devices: Vec<Device> = (0..40).map(Device::new).collect();
        let named: Vec<&Device> = devices[..founders].iter().collect();
        let recovery = recovery.map(|device| &devices[device]);
        let genesis = genesis(&named, recovery, Policy::default());
        let id = genesis.id();
        let end = End { sequence: 1, id, control: Some(id) };
        Self {
            space: genesis.verified_header().space(),
            devices,
            ends: BTreeMap::from([(0, end)]),
            entries: vec![genesis],
            operations: vec![],
        }
    }

    /// The same space, to go on another way.
    pub(crate) fn clone_entries(&self) -> Self {
        Self {
            space: self.space,
            devices: self.devices.clone(),
            ends: self.ends.clone(),
            entries: self.entries.clone(),
            operations: self.operations.clone(),
        }
    }

    pub(crate) fn device(&self, device: usize) -> &Device {
        &self.devices[device]
    }

    /// Writes an entry at the end of a chain, knowing everything written so far.
    pub(crate) fn write(&mut self, author: usize, control: impl Into<Control>) -> EntryId {
        let dependencies = self.heads();
        self.write_knowing(author, &dependencies, control)
    }

    /// Writes an entry at the end of a chain, knowing just these and what they know.
    pub(crate) fn write_knowing(
        &mut self,
        author: usize,
        known: &[EntryId],
        control: impl Into<Control>,
    ) -> EntryId {
        let end = self.ends.get(&author).copied();
        self.write_at(author, end, known, control)
    }

    /// Writes an entry after any of the author's own, or at the beginning.
    pub(crate) fn write_at(
        &mut self,
        author: usize,
        after: Option<End>,
        known: &[EntryId],
        control: impl Into<Control>,
    ) -> EntryId {
        let spot = self.spot(author, after, known);
        let entry = spot.signed(&self.devices[author], &control.into());
        let id = entry.id();
        self.ends.insert(author, End { sequence: spot.sequence, id, control: Some(id) });
        self.entries.push(entry);
        id
    }

    /// Writes an entry of the application at the end of a chain.
    pub(crate) fn operation(&mut self, author: usize, key_id: KeyId) -> End {
        let after = self.ends.get(&author).copied();
        self.operation_at(author, after, key_id)
    }

    pub(crate) fn operation_at(&mut self, author: usize, after: Option<End>, key_id: KeyId) -> End {
        let spot = self.spot(author, after, &[]);
        let header = spot.signed_operation(&self.devices[author], key_id);
        let control = after.and_then(|end| end.control);
        let end = End { sequence: spot.sequence, id: header.id(), control };
        self.operations.push(header);
        self.ends.insert(author, end);
        end
    }

    fn spot(&self, author: usize, after: Option<End>, known: &[EntryId]) -> Spot {
        let mut dependencies = known.to_vec();
        dependencies.extend(after.and_then(|end| end.control));
        Spot {
            space: self.space,
            author: self.devices[author].key,
            sequence: after.map_or(1, |end| end.sequence + 1),
            previous: after.map_or(EntryId::ZERO, |end| end.id),
            dependencies,
        }
    }

    /// The cut at the end of a device's chain.
    pub(crate) fn cuts_at(&self, ends: &[End]) -> Cuts {
        cuts(ends.iter().map(|end| cut(end.sequence, end.id, end.control)).collect())
    }

    pub(crate) fn heads(&self) -> Vec<EntryId> {
        self.directory().control_heads().into_iter().take(60).collect()
    }

    pub(crate) fn directory(&self) -> Directory {
        let mut directory = Directory::new(self.space);
        directory.extend(&self.entries);
        directory
    }

    /// The directory after many other orders of arrival says the same.
    pub(crate) fn settled(&self) -> Directory {
        let expected = self.directory();
        for seed in 0..20 {
            let mut entries = self.entries.clone();
            // First as they were written, as they mostly arrive.
            if seed > 0 {
                Random::new(seed).shuffle(&mut entries);
            }
            let mut directory = Directory::new(self.space);
            for entry in &entries {
                directory.insert(entry);
            }
            assert_eq!(directory.members(), expected.members(), "seed {seed}");
            assert_eq!(directory.seniority(), expected.seniority(), "seed {seed}");
            for entry in &entries {
                let id = entry.id();
                assert_eq!(directory.verdict(&id), expected.verdict(&id), "seed {seed}");
            }
            for group in expected.groups().iter().map(|group| group.id).chain([EntryId::ZERO]) {
                let of = |directory: &Directory| {
                    let epochs = directory.epochs(&group);
                    (directory.writing_epoch(&group), epochs, directory.topic_order(&group))
                };
                assert_eq!(of(&directory), of(&expected), "seed {seed}");
            }
        }
        expected
    }

    pub(crate) fn role(&self, device: usize) -> Option<Role> {
        self.settled().role(&self.devices[device].key)
    }

    pub(crate) fn verdict(&self, id: EntryId) -> Verdict {
        self.settled().verdict(&id).unwrap()
    }

    /// What a store says of an entry of the application when it holds all headers.
    pub(crate) fn judge(&self, directory: &Directory, id: EntryId) -> Outcome {
        let header = self.operations.iter().find(|header| header.id() == id).unwrap();
        let fields = header.header();
        match directory.standing(&fields.author, &fields.key_id) {
            Standing::Counts => Outcome::Decided(COUNTS),
            Standing::Stranger => Outcome::Decided(STRANGER),
            Standing::Refused(refusal) => Outcome::Decided(Verdict::Refused(refusal)),
            Standing::Limited(limits) => {
                let mut walk = CutWalk::new(fields.author, limits);
                walk.judge_with(fields.sequence, &id, 1_000, |id| self.link(id))
            }
        }
    }

    pub(crate) fn link(&self, id: &EntryId) -> Option<Link> {
        let controls = self.entries.iter().map(|entry| entry.verified_header());
        let header = controls.chain(&self.operations).find(|header| header.id() == *id)?.header();
        let (author, sequence, previous) = (header.author, header.sequence, header.previous);
        Some(Link { author, sequence, previous })
    }

    pub(crate) fn grant(&self, device: usize, role: Role) -> Control {
        let device = self.devices[device].granted(self.space);
        Grant { device, role, label: None }.into()
    }

    pub(crate) fn invited(&self, device: usize, invitation: u8) -> Control {
        let card = self.devices[device].card(self.space, InvitationId([invitation; 32]));
        Grant { device: GrantedDevice::Card(card), role: Role::Admin, label: None }.into()
    }

    pub(crate) fn raise(&self, device: usize, role: Role) -> Control {
        RoleChange { device: self.devices[device].key, role, cuts: None }.into()
    }

    pub(crate) fn lowering(&self, device: usize, role: Role, cuts: Cuts) -> Control {
        RoleChange { device: self.devices[device].key, role, cuts: Some(cuts) }.into()
    }

    pub(crate) fn revoke(&self, device: usize, cuts: Cuts) -> Control {
        Revoke { device: self.devices[device].key, cuts }.into()
    }

    pub(crate) fn epoch(
        &self,
        group: EntryId,
        parents: &[EntryId],
        key: u8,
        to: &[usize],
    ) -> Control {
        let mut parents = parents.to_vec();
        parents.sort_unstable();
        let recipients = to.iter().map(|device| Recipient {
            device: self.devices[*device].key,
            sealed: [3; SEALED_KEY_BYTES],
        });
        let mut recipients: Vec<Recipient> = recipients.collect();
        recipients.sort_unstable_by_key(|recipient| recipient.device);
        Epoch { group, parents, key_id: KeyId([key; 32]), recipients, inherited: vec![0; 16] }
            .into()
    }

    pub(crate) fn group(
        &self,
        group: EntryId,
        added: &[usize],
        removed: &[(usize, Cuts)],
    ) -> Control {
        let mut added: Vec<_> = added.iter().map(|device| self.devices[*device].key).collect();
        added.sort_unstable();
        Group { group, label: None, added, removed: self.removed(removed) }.into()
    }

    pub(crate) fn recovery(
        &self,
        card: Option<usize>,
        revoked: &[(usize, Cuts)],
        next: Option<usize>,
    ) -> Control {
        let card = card.map(|device| self.devices[device].card(self.space, InvitationId::ZERO));
        let next = next.map(|device| self.devices[device].recovery_key());
        Recovery { device: card, revoked: self.removed(revoked), next }.into()
    }

    pub(crate) fn erase(&self, device: usize) -> Control {
        let author = self.devices[device].key;
        let ranges = vec![ErasedRange { author, sequence: 1 << 40, topic: None }];
        Erase { ids: vec![], ranges }.into()
    }

    fn removed(&self, removed: &[(usize, Cuts)]) -> Vec<RemovedDevice> {
        let removed = removed.iter().map(|(device, cuts)| RemovedDevice {
            device: self.devices[*device].key,
            cuts: cuts.clone(),
        });
        let mut removed: Vec<RemovedDevice> = removed.collect();
        removed.sort_unstable_by_key(|removed| removed.device);
        removed
    }
}

/// Cuts that leave nothing.
pub(crate) fn nothing() -> Cuts {
    Cuts(vec![])
}
