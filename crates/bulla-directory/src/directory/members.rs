//! Who belongs to the space (DIR-10, DIR-17).

use std::collections::HashSet;

use bulla_core::control::Role;
use bulla_core::{AuthorKey, EntryId, SealingKey};

use super::Directory;
use crate::graph::What;
use crate::judge::Place;
use crate::table::{DeviceNo, EntryNo};

/// A device that belongs to the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub device: AuthorKey,
    /// Its present role (DIR-17).
    pub role: Role,
    /// The key to seal to, of its card; a bare node has none.
    pub sealing_key: Option<SealingKey>,
    /// The grant by which it has its place; `None` for founders and for devices of recovery entries.
    pub granted_by: Option<EntryId>,
}

impl Directory {
    /// All members, ascending by key. Recovery keys are none.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let devices = self.state.devices.numbers();
        let mut members: Vec<Member> =
            devices.filter_map(|device| self.member_row(device)).collect();
        members.sort_unstable_by_key(|member| member.device);
        members
    }

    /// A member; `None` for everybody else.
    #[must_use]
    pub fn member(&self, device: &AuthorKey) -> Option<Member> {
        self.member_row(self.graph.known_device(device)?)
    }

    /// The present role of a device; `None` if it is not a member (DIR-17).
    #[must_use]
    pub fn role(&self, device: &AuthorKey) -> Option<Role> {
        self.state.devices[self.graph.known_device(device)?].present
    }

    /// Every device that has a place in the order of seniority, the senior first, whether or not it is a member still
    /// (DIR-10). Takes time in the number of all of them.
    #[must_use]
    pub fn seniority(&self) -> Vec<AuthorKey> {
        let mut grants: Vec<EntryNo> = Vec::new();
        let mut order: Vec<DeviceNo> = Vec::new();
        let mut seen: HashSet<DeviceNo> = HashSet::new();
        for root in &self.state.roots {
            if seen.insert(*root) {
                order.push(*root);
                grants.extend(self.placing_grants(*root));
            }
        }
        grants.reverse();
        while let Some(grant) = grants.pop() {
            let What::Grant { device, .. } = &self.graph.nodes[grant].what else { continue };
            if seen.insert(*device) {
                order.push(*device);
                let below: Vec<EntryNo> = self.placing_grants(*device).collect();
                grants.extend(below.into_iter().rev());
            }
        }
        order.into_iter().map(|device| self.graph.key(device)).collect()
    }

    /// Whether one device is senior to another. Takes time in the length of their chains of grants.
    #[must_use]
    pub fn is_senior(&self, senior: &AuthorKey, junior: &AuthorKey) -> bool {
        match (self.graph.known_device(senior), self.graph.known_device(junior)) {
            (Some(senior), Some(junior)) => self.state.is_senior(&self.graph, senior, junior),
            (Some(senior), None) => self.state.devices[senior].place.is_some(),
            (None, _) => false,
        }
    }

    /// Grants of a device by which others have their place, in their order.
    fn placing_grants(&self, device: DeviceNo) -> impl Iterator<Item = EntryNo> + '_ {
        self.graph.devices[device].own.iter().copied().filter(|entry| {
            match &self.graph.nodes[*entry].what {
                What::Grant { device, .. } => matches!(
                    self.state.devices[*device].place,
                    Some(Place::Granted { by, .. }) if by == *entry
                ),
                _ => false,
            }
        })
    }

    fn member_row(&self, device: DeviceNo) -> Option<Member> {
        let decided = &self.state.devices[device];
        let granted_by = match decided.place? {
            Place::Root { .. } => None,
            Place::Granted { by, .. } => Some(self.graph.nodes[by].id),
        };
        Some(Member {
            device: self.graph.key(device),
            role: decided.present?,
            sealing_key: self.sealing_key(device),
            granted_by,
        })
    }

    /// The key to seal to: of the genesis, or else of the counting entry with the least `(sequence, id)` that names one.
    pub(super) fn sealing_key(&self, device: DeviceNo) -> Option<SealingKey> {
        if let Some(genesis) = &self.graph.genesis {
            let founders = genesis.founders.iter().zip(&genesis.payload.founders);
            let founder = founders.into_iter().find(|(number, _)| **number == device);
            if let Some((_, founder)) = founder {
                return Some(founder.sealing_key);
            }
        }
        if self.state.devices[device].is_recovery_key {
            let key = self.recovery_key()?;
            return (key.author == self.graph.key(device)).then_some(key.sealing_key);
        }
        let gives = self.state.devices[device].gives.iter().filter_map(|give| give.by);
        let named = gives.filter_map(|by| {
            let key = match &self.graph.nodes[by].what {
                What::Grant { card, .. } => card.as_ref()?.sealing_key,
                What::Recovery(recovery) => recovery.device.as_ref()?.1.sealing_key,
                _ => return None,
            };
            Some((self.graph.order(by), key))
        });
        named.min_by_key(|(order, _)| *order).map(|(_, key)| key)
    }
}
