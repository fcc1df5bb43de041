//! What control entries say, with devices by number and without what only those who open it need.

use std::sync::Arc;

use bulla_core::control::{Control, Cuts, Erase, GrantedDevice, RemovedDevice, Role};
use bulla_core::genesis::RecoveryKey;
use bulla_core::{AuthorKey, EntryId, InvitationId, JoiningCard, KeyId, SealingKey};

use super::{GenesisRow, Graph};
use crate::table::DeviceNo;

/// What a control entry says.
#[derive(Debug)]
pub(crate) enum What {
    Genesis,
    Grant { device: DeviceNo, role: Role, card: Option<Box<Card>> },
    Raise { device: DeviceNo, role: Role },
    Lowering { device: DeviceNo, role: Role, cuts: Arc<Cuts> },
    Revoke { device: DeviceNo, cuts: Arc<Cuts> },
    Epoch(Box<EpochEntry>),
    Group(Box<GroupEntry>),
    Erase(Box<Erase>),
    Recovery(Box<RecoveryEntry>),
}

/// Of a joining card, what the directory asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Card {
    pub(crate) sealing_key: SealingKey,
    pub(crate) invitation: Option<InvitationId>,
}

/// Of an epoch, all but what is sealed.
#[derive(Debug)]
pub(crate) struct EpochEntry {
    pub(crate) group: EntryId,
    pub(crate) parents: Vec<EntryId>,
    pub(crate) key_id: KeyId,
    /// Those that something else named before; ascending by number.
    known: Box<[DeviceNo]>,
    /// The others, ascending. They have no rows: whoever writes epochs can make up any number of them.
    others: Box<[AuthorKey]>,
}

#[derive(Debug)]
pub(crate) struct GroupEntry {
    pub(crate) group: EntryId,
    pub(crate) added: Vec<DeviceNo>,
    pub(crate) removed: Vec<(DeviceNo, Arc<Cuts>)>,
}

#[derive(Debug)]
pub(crate) struct RecoveryEntry {
    pub(crate) device: Option<(DeviceNo, Card)>,
    pub(crate) revoked: Vec<(DeviceNo, Arc<Cuts>)>,
    pub(crate) next: Option<(DeviceNo, RecoveryKey)>,
}

impl What {
    /// The devices to which it may give or from which it may take something.
    pub(crate) fn names(&self) -> Vec<DeviceNo> {
        match self {
            Self::Grant { device, .. }
            | Self::Raise { device, .. }
            | Self::Lowering { device, .. }
            | Self::Revoke { device, .. } => vec![*device],
            Self::Recovery(recovery) => {
                let revoked = recovery.revoked.iter().map(|(device, _)| *device);
                let mut named: Vec<DeviceNo> =
                    revoked.chain(recovery.device.map(|(device, _)| device)).collect();
                named.sort_unstable();
                named.dedup();
                named
            }
            Self::Genesis | Self::Epoch(_) | Self::Group(_) | Self::Erase(_) => Vec::new(),
        }
    }
}

impl What {
    /// Whether it takes from others and gives nobody anything (DIR-15).
    pub(crate) fn only_takes(&self, author: DeviceNo) -> bool {
        match self {
            Self::Lowering { device, .. } | Self::Revoke { device, .. } => *device != author,
            Self::Group(group) => group.added.is_empty() && !group.removed.is_empty(),
            _ => false,
        }
    }

    /// The cuts of all that it takes.
    pub(crate) fn cuts(&self) -> Vec<Arc<Cuts>> {
        let of = |removed: &[(DeviceNo, Arc<Cuts>)]| {
            removed.iter().map(|(_, cuts)| Arc::clone(cuts)).collect()
        };
        match self {
            Self::Lowering { cuts, .. } | Self::Revoke { cuts, .. } => vec![Arc::clone(cuts)],
            Self::Group(group) => of(&group.removed),
            Self::Recovery(recovery) => of(&recovery.revoked),
            Self::Genesis
            | Self::Grant { .. }
            | Self::Raise { .. }
            | Self::Epoch(_)
            | Self::Erase(_) => Vec::new(),
        }
    }
}

impl EpochEntry {
    /// Whether a device is among the recipients.
    pub(crate) fn is_sealed_to(&self, graph: &Graph, device: DeviceNo) -> bool {
        self.known.binary_search(&device).is_ok()
            || self.others.binary_search(&graph.key(device)).is_ok()
    }

    /// The recipients; `None` for one of which nothing is known but that.
    pub(crate) fn recipients<'a>(
        &'a self,
        graph: &'a Graph,
    ) -> impl Iterator<Item = Option<DeviceNo>> + 'a {
        let others = self.others.iter().map(|key| graph.known_device(key));
        self.known.iter().copied().map(Some).chain(others)
    }
}

impl Graph {
    /// `None` for a frontier and for kinds of later versions, which are no part of the graph.
    pub(super) fn read(&mut self, control: Control) -> Option<What> {
        Some(match control {
            Control::Genesis(payload) => {
                let founders =
                    payload.founders.iter().map(|founder| self.device(founder.author)).collect();
                let recovery = payload.recovery.map(|key| self.device(key.author));
                self.genesis = Some(GenesisRow { payload, founders, recovery });
                What::Genesis
            }
            Control::Grant(grant) => {
                let card = match grant.device {
                    GrantedDevice::Card(card) => Some(Box::new(read_card(&card))),
                    GrantedDevice::Node(_) => None,
                };
                let device = self.device(grant.device.author());
                What::Grant { device, role: grant.role, card }
            }
            Control::Role(change) => {
                let (device, role) = (self.device(change.device), change.role);
                match change.cuts {
                    None => What::Raise { device, role },
                    Some(cuts) => What::Lowering { device, role, cuts: Arc::new(cuts) },
                }
            }
            Control::Revoke(revoke) => {
                What::Revoke { device: self.device(revoke.device), cuts: Arc::new(revoke.cuts) }
            }
            Control::Epoch(epoch) => {
                let bulla_core::control::Epoch { group, parents, key_id, recipients, .. } = epoch;
                let (mut known, mut others) = (Vec::new(), Vec::new());
                for recipient in recipients {
                    match self.known_device(&recipient.device) {
                        Some(device) => known.push(device),
                        None => others.push(recipient.device),
                    }
                }
                known.sort_unstable();
                let (known, others) = (known.into(), others.into());
                What::Epoch(Box::new(EpochEntry { group, parents, key_id, known, others }))
            }
            Control::Group(group) => What::Group(Box::new(GroupEntry {
                group: group.group,
                added: group.added.into_iter().map(|device| self.device(device)).collect(),
                removed: self.read_removed(group.removed),
            })),
            Control::Erase(erase) => What::Erase(Box::new(erase)),
            Control::Recovery(recovery) => What::Recovery(Box::new(RecoveryEntry {
                device: recovery.device.map(|card| (self.device(card.author()), read_card(&card))),
                revoked: self.read_removed(recovery.revoked),
                next: recovery.next.map(|key| (self.device(key.author), key)),
            })),
            _ => return None,
        })
    }

    fn read_removed(&mut self, removed: Vec<RemovedDevice>) -> Vec<(DeviceNo, Arc<Cuts>)> {
        let removed = removed.into_iter();
        removed.map(|removed| (self.device(removed.device), Arc::new(removed.cuts))).collect()
    }
}

fn read_card(card: &JoiningCard) -> Card {
    let invitation = card.invitation();
    Card {
        sealing_key: card.sealing_key(),
        invitation: (!invitation.is_zero()).then_some(invitation),
    }
}
