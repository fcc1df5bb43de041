//! Writes histories: devices by number, each with the end of its chain.

use std::collections::{BTreeMap, BTreeSet};

use bulla_core::cbor::Encode;
use bulla_core::control::{
    Control, Cut, Cuts, Epoch, Erase, ErasedRange, Grant, GrantedDevice, Group, Recipient,
    Recovery, RemovedDevice, Revoke, Role, RoleChange, SEALED_KEY_BYTES,
};
use bulla_core::genesis::{Founder, Genesis, Policy, RecoveryKey};
use bulla_core::{
    ContentHash, EntryId, Header, InvitationId, JoiningCard, JoiningClaim, KeyId, Kind, RawEntry,
    Salt, SpaceId, Topic,
};

use crate::vectors::sample::{self, Device};

/// A place in the chain of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(super) sequence: u64,
    pub(super) id: EntryId,
    /// The device's last control entry up to there that is no frontier.
    pub(super) control: Option<EntryId>,
}

/// A space and what was written in it.
#[derive(Debug)]
pub(crate) struct History {
    pub(super) space: SpaceId,
    /// The genesis first.
    pub(super) raw: Vec<RawEntry>,
    pub(super) ends: BTreeMap<usize, End>,
    /// Of each control entry that is no frontier, which others are in its past.
    pub(super) pasts: BTreeMap<EntryId, BTreeSet<EntryId>>,
}

pub(super) fn device(number: usize) -> Device {
    Device::new(&format!("directory {number}"))
}

impl History {
    /// A space of the devices 0 to `founders - 1`.
    pub(super) fn new(
        founders: usize,
        recovery: Option<usize>,
        minimum_format: Option<u64>,
    ) -> Self {
        let founder = |number| {
            let device = device(number);
            Founder { author: device.author(), sealing_key: device.sealing }
        };
        let payload = Genesis {
            founders: (0..founders).map(founder).collect(),
            recovery: recovery.map(recovery_key),
            policy: Policy { minimum_format, ..Policy::default() },
        };
        let payload = payload.to_cbor();
        let first = device(0);
        let raw = first.sign_entry(&sample::genesis_header(&first, &payload), Some(&payload));
        let id = sample::id_of(&raw);
        Self {
            space: id.into(),
            raw: vec![raw],
            ends: BTreeMap::from([(0, End { sequence: 1, id, control: Some(id) })]),
            pasts: BTreeMap::from([(id, BTreeSet::new())]),
        }
    }

    /// Control entries that no other of those it has in its past names.
    pub(super) fn heads(&self) -> Vec<EntryId> {
        let covered: BTreeSet<&EntryId> = self.pasts.values().flatten().collect();
        self.pasts.keys().filter(|id| !covered.contains(id)).copied().collect()
    }

    /// Writes at the end of a chain, knowing everything.
    pub(super) fn write(&mut self, author: usize, control: impl Into<Control>) -> EntryId {
        let heads = self.heads();
        self.write_knowing(author, &heads, control)
    }

    /// Writes at the end of a chain, knowing just these and their pasts.
    pub(super) fn write_knowing(
        &mut self,
        author: usize,
        known: &[EntryId],
        control: impl Into<Control>,
    ) -> EntryId {
        let end = self.ends.get(&author).copied();
        self.write_at(author, end, known, control)
    }

    /// Writes after any entry of a chain, or at its beginning.
    pub(super) fn write_at(
        &mut self,
        author: usize,
        after: Option<End>,
        known: &[EntryId],
        control: impl Into<Control>,
    ) -> EntryId {
        let control = control.into();
        let payload = control.to_cbor();
        let header = self.header(author, after, known, control.kind(), KeyId::ZERO, &payload);
        let raw = device(author).sign_entry(&header, Some(&payload));
        let id = sample::id_of(&raw);
        let is_frontier = control.kind() == Kind::FRONTIER;
        let is_new = self.raw.iter().all(|other| *other != raw);
        if !is_frontier {
            let references = header.dependencies.iter().chain([&header.previous]);
            let references: Vec<&EntryId> =
                references.filter(|id| self.pasts.contains_key(id)).collect();
            let mut past: BTreeSet<EntryId> = references.iter().copied().copied().collect();
            for reference in references {
                past.extend(&self.pasts[reference]);
            }
            self.pasts.insert(id, past);
        }
        let last = after.and_then(|end| end.control);
        let control = if is_frontier { last } else { Some(id) };
        self.ends.insert(author, End { sequence: header.sequence, id, control });
        if is_new {
            self.raw.push(raw);
        }
        id
    }

    /// Writes an entry of the application at the end of a chain.
    pub(super) fn operation(&mut self, author: usize, key: u8) -> End {
        let after = self.ends.get(&author).copied();
        self.operation_at(author, after, key)
    }

    /// Writes an entry of the application after any entry of a chain.
    pub(super) fn operation_at(&mut self, author: usize, after: Option<End>, key: u8) -> End {
        let key_id = KeyId([key; 32]);
        let header = self.header(author, after, &[], Kind::OPERATION, key_id, &[0; 16]);
        let raw = device(author).sign_entry(&header, None);
        let control = after.and_then(|end| end.control);
        let end = End { sequence: header.sequence, id: sample::id_of(&raw), control };
        self.ends.insert(author, end);
        if self.raw.iter().all(|other| *other != raw) {
            self.raw.push(raw);
        }
        end
    }

    /// The end of a chain.
    pub(super) fn end(&self, device: usize) -> End {
        self.ends[&device]
    }

    fn header(
        &self,
        author: usize,
        after: Option<End>,
        known: &[EntryId],
        kind: Kind,
        key_id: KeyId,
        payload: &[u8],
    ) -> Header {
        let previous = after.map_or(EntryId::ZERO, |end| end.id);
        let known = known.iter().copied().chain(after.and_then(|end| end.control));
        let dependencies: BTreeSet<EntryId> = known.filter(|id| *id != previous).collect();
        Header {
            space: self.space,
            author: device(author).author(),
            sequence: after.map_or(1, |end| end.sequence + 1),
            previous,
            timestamp: 1_790_000_000_000 << 16,
            kind,
            topic: Topic::ZERO,
            dependencies: dependencies.into_iter().collect(),
            key_id,
            salt: Salt([0x24; 24]),
            payload_length: u32::try_from(payload.len()).expect("payloads of vectors are short"),
            content_hash: ContentHash::of(payload),
        }
    }

    fn card(&self, number: usize, invitation: u8) -> JoiningCard {
        let device = device(number);
        let claim = JoiningClaim {
            space: self.space,
            author: device.author(),
            sealing_key: device.sealing,
            invitation: InvitationId([invitation; 32]),
        };
        let signature = device.sign(&claim.signing_message());
        claim.verify(signature).expect("a card of our own")
    }

    pub(super) fn grant(&self, number: usize, role: Role) -> Control {
        self.invited(number, role, 0)
    }

    pub(super) fn invited(&self, number: usize, role: Role, invitation: u8) -> Control {
        let device = GrantedDevice::Card(self.card(number, invitation));
        Grant { device, role, label: None }.into()
    }

    pub(super) fn recovery(
        &self,
        card: Option<usize>,
        revoked: &[(usize, Cuts)],
        next: Option<usize>,
    ) -> Control {
        let device = card.map(|number| self.card(number, 0));
        Recovery { device, revoked: removed(revoked), next: next.map(recovery_key) }.into()
    }
}

fn recovery_key(number: usize) -> RecoveryKey {
    let device = device(number);
    RecoveryKey { author: device.author(), sealing_key: device.sealing }
}

pub(super) fn node(number: usize) -> Control {
    let device = GrantedDevice::Node(device(number).author());
    Grant { device, role: Role::Relay, label: None }.into()
}

pub(super) fn raise(number: usize, role: Role) -> Control {
    RoleChange { device: device(number).author(), role, cuts: None }.into()
}

pub(super) fn lowering(number: usize, role: Role, cuts: Cuts) -> Control {
    RoleChange { device: device(number).author(), role, cuts: Some(cuts) }.into()
}

pub(super) fn revoke(number: usize, cuts: Cuts) -> Control {
    Revoke { device: device(number).author(), cuts }.into()
}

pub(super) fn epoch(group: EntryId, parents: &[EntryId], key: u8, to: &[usize]) -> Control {
    let mut parents = parents.to_vec();
    parents.sort_unstable();
    let keys: BTreeSet<_> = to.iter().map(|number| device(*number).author()).collect();
    let sealed = |device| Recipient { device, sealed: [3; SEALED_KEY_BYTES] };
    let recipients = keys.into_iter().map(sealed).collect();
    let key_id = KeyId([key; 32]);
    Epoch { group, parents, key_id, recipients, inherited: vec![0; 16] }.into()
}

pub(super) fn group(of: EntryId, added: &[usize], gone: &[(usize, Cuts)]) -> Control {
    let added: BTreeSet<_> = added.iter().map(|number| device(*number).author()).collect();
    let added = added.into_iter().collect();
    Group { group: of, label: None, added, removed: removed(gone) }.into()
}

pub(super) fn erase(number: usize, sequence: u64, ids: &[EntryId]) -> Control {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let range = ErasedRange { author: device(number).author(), sequence, topic: None };
    Erase { ids, ranges: vec![range] }.into()
}

pub(super) fn cuts(ends: &[End]) -> Cuts {
    let cut = |end: &End| Cut { sequence: end.sequence, id: end.id, control: end.control };
    let mut cuts: Vec<Cut> = ends.iter().map(cut).collect();
    cuts.sort_unstable_by_key(|cut| cut.id);
    cuts.dedup_by_key(|cut| cut.id);
    Cuts(cuts)
}

fn removed(devices: &[(usize, Cuts)]) -> Vec<RemovedDevice> {
    let devices: BTreeMap<_, _> =
        devices.iter().map(|(number, cuts)| (device(*number).author(), cuts.clone())).collect();
    devices.into_iter().map(|(device, cuts)| RemovedDevice { device, cuts }).collect()
}
