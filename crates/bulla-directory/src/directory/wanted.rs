//! What has to be taken in, whatever else is bounded: who bounds the entries that do not count asks here first (ADM-7).

use bulla_core::control::{Control, Role, RoleChange};
use bulla_core::{AuthorKey, EntryId, KeyId, Kind, VerifiedEntry};

use super::Directory;
use crate::graph::What;
use crate::table::DeviceNo;

/// What an entry must have to count: a role of its author, which something the author took from itself may have ended or
/// not; and a device that is junior to the author.
struct Asked {
    role: Role,
    /// It stands against what the author took from itself (DIR-13, DIR-15).
    outlives_own_losses: bool,
    concerns: Option<AuthorKey>,
}

impl Directory {
    /// Whether an entry that was not taken in may decide anything: whether it may count, be it because of entries that are
    /// not held either; or is an epoch that says whose a key is that counts for a group alone by now (DIR-30), or that keeps a
    /// later one of its author from counting (DIR-25).
    ///
    /// A no holds as long as nothing else counts than now, but for an entry that [`missing_references`] names: its author has
    /// not the right, whatever lies in its past, or what it concerns is senior to its author. Of what is held no more is gone
    /// through than the epochs of one group.
    ///
    /// [`missing_references`]: Self::missing_references
    #[must_use]
    pub fn may_matter(&self, entry: &VerifiedEntry) -> bool {
        let header = entry.header();
        let Some(control) = entry.control() else { return false };
        let place = || (header.sequence, entry.id());
        match &control {
            Control::Genesis(_) => true,
            Control::Recovery(_) => self.may_recover(&header.author, place()),
            Control::Epoch(epoch) if epoch.group.is_zero() && self.opens(&epoch.key_id) => true,
            Control::Epoch(epoch) if self.is_overtaken(&header.author, place(), &epoch.group) => {
                true
            }
            control => asked(&header.author, control).is_some_and(|asked| {
                let role = match asked.outlives_own_losses {
                    true => self.role_by_others(&header.author),
                    false => self.role(&header.author),
                };
                role >= Some(asked.role)
                    && asked.concerns.is_none_or(|device| !self.is_above(&device, &header.author))
            }),
        }
    }

    /// Whether what is held asks for an entry that was not taken in, whoever wrote it and whether that counts or not: as a
    /// previous entry, a dependency or a control of cuts; or because it says that the key of a group is the space's own. A
    /// yes stays one whatever comes.
    #[must_use]
    pub fn is_asked_for(&self, entry: &VerifiedEntry) -> bool {
        self.graph.is_missed(&entry.id())
            || entry.header().kind == Kind::EPOCH
                && matches!(
                    entry.control(),
                    Some(Control::Epoch(epoch))
                        if epoch.group.is_zero() && self.is_named_for_a_group(&epoch.key_id)
                )
    }

    /// Whether a later epoch of the same author and group counts, not by an admin: an earlier one may be why it does not
    /// (DIR-25). Each that is takes one away that counts, so there are no more of them.
    fn is_overtaken(&self, author: &AuthorKey, place: (u64, EntryId), group: &EntryId) -> bool {
        let author = self.graph.known_device(author);
        self.counting_epochs(group).any(|(entry, _)| {
            author == Some(self.graph.nodes[entry].author)
                && place < self.graph.order(entry)
                && self.state.epochs.get(&entry).is_some_and(|state| !state.by_admin)
        })
    }

    /// Whether entries of this author may count, whatever they say: it has a role, or ended it itself (DIR-15).
    #[must_use]
    pub fn is_heard(&self, author: &AuthorKey) -> bool {
        self.role_by_others(author).is_some()
    }

    /// The present role of a device, but for what it took from itself.
    fn role_by_others(&self, device: &AuthorKey) -> Option<Role> {
        let device = self.graph.known_device(device)?;
        let is_own = |by| self.graph.nodes[by].author == device;
        self.state.present_role_but_for(device, is_own)
    }

    /// Whether a device is senior to another, or the same.
    fn is_above(&self, device: &AuthorKey, author: &AuthorKey) -> bool {
        device == author || self.is_senior(device, author)
    }

    /// Whether a recovery entry at this place would be the first of its author that can count (DIR-20).
    fn may_recover(&self, author: &AuthorKey, place: (u64, EntryId)) -> bool {
        let Some(device) = self.graph.known_device(author) else { return false };
        let is_before = |counting| place < self.graph.order(counting);
        let mut steps = self.state.succession.iter();
        match steps.find(|step| step.device == device) {
            Some(step) => step.signed.is_none_or(is_before),
            None => {
                let first = self.state.succession.first().and_then(|step| step.named_by);
                self.names_the_first_key(device) && first.is_none_or(is_before)
            }
        }
    }

    /// Whether a device may name the first recovery key of the space.
    fn names_the_first_key(&self, device: DeviceNo) -> bool {
        let genesis = self.graph.genesis.as_ref();
        genesis.is_some_and(|genesis| {
            genesis.recovery.is_none() && genesis.founders.first() == Some(&device)
        })
    }

    /// Whether an epoch of a group names a key, counting or not.
    fn is_named_for_a_group(&self, key_id: &KeyId) -> bool {
        let entries = self.graph.by_key_id.get(key_id).into_iter().flatten();
        entries.into_iter().any(|entry| match &self.graph.nodes[*entry].what {
            What::Epoch(epoch) => !epoch.group.is_zero(),
            _ => false,
        })
    }

    /// Whether the first epoch of the space's own that names this key decides something (DIR-30).
    fn opens(&self, key_id: &KeyId) -> bool {
        self.epochs_with(key_id).next().is_some() && !self.is_named_for_the_space(key_id)
    }
}

/// `None` for what never counts by its author's role.
fn asked(author: &AuthorKey, control: &Control) -> Option<Asked> {
    let loss_of = |device: &AuthorKey| Asked {
        role: if device == author { Role::Relay } else { Role::Admin },
        outlives_own_losses: true,
        concerns: Some(*device).filter(|device| device != author),
    };
    let give_to = |device: AuthorKey| Asked {
        role: Role::Admin,
        outlives_own_losses: false,
        concerns: Some(device),
    };
    let by = |role| Asked { role, outlives_own_losses: false, concerns: None };
    Some(match control {
        Control::Grant(grant) => give_to(grant.device.author()),
        Control::Role(RoleChange { device, cuts: None, .. }) => give_to(*device),
        Control::Role(RoleChange { device, cuts: Some(_), .. }) => loss_of(device),
        Control::Revoke(revoke) => loss_of(&revoke.device),
        Control::Group(group) => Asked {
            outlives_own_losses: group.added.is_empty() && !group.removed.is_empty(),
            ..by(Role::Admin)
        },
        Control::Epoch(_) | Control::Erase(_) => by(Role::Writer),
        _ => return None,
    })
}
