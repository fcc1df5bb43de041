//! Who belongs to the space, and changing that.

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;

use bulla_core::control::{
    Context as Place, Control, Cuts, Grant, GrantedDevice, Revoke, Role, RoleChange,
};
use bulla_core::values::GetItem;
use bulla_core::{AuthorKey, EntryId};
use bulla_crypto::{LabelSubject, open_label};
use bulla_directory::{Directory, Member};
use bulla_store::{Context, StoreExt as _};

use super::cuts::cuts_of;
use super::pen::{Pen, was_member};
use super::{Space, SpaceError};

/// A device that belongs to the space.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpaceMember {
    /// Its key.
    pub device: AuthorKey,
    /// What it may do now.
    pub role: Role,
    /// What the grant calls it; `None` for founders, for grants without a label, and where this device does not have the
    /// key that sealed it.
    pub label: Option<String>,
    /// Whether it can read at all: a node that was granted by its bare key cannot.
    pub has_sealing_key: bool,
    /// Whether it is this device.
    pub is_me: bool,
    /// Whether it founded the space: no grant gave it its place, so no label goes with it.
    pub is_founder: bool,
}

impl Space {
    /// Whether the space has members, as far as is known here: whether it is judged by its directory. A space of version
    /// 0.1 has none until [`rotate`](Self::rotate) gives it its first key epoch.
    #[must_use]
    pub fn has_members(&self) -> bool {
        self.inner.gate.guard().is_some()
    }

    /// Whether this device had a role in the space and lost it for good, as far as is known here. A relay tells that to
    /// nobody: it is learned from the space itself, by a sync or a bundle.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        let me = self.inner.keys.author();
        self.with_directory(|directory| directory.role(&me).is_none() && was_member(directory, &me))
            .unwrap_or(false)
    }

    /// What this device may do in the space now; `None` if it is no member.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        let me = self.inner.keys.author();
        let guard = self.inner.gate.guard()?;
        guard.admission.with_directory(|directory| directory.role(&me))
    }

    /// Asks the directory of the space; `None` while it has no members. What is asked must be short: writing waits for it.
    pub fn with_directory<T>(&self, ask: impl FnOnce(&Directory) -> T) -> Option<T> {
        Some(self.inner.gate.guard()?.admission.with_directory(ask))
    }

    /// Everybody who belongs to the space, ascending by key.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NoDirectory`] in a space without members, [`SpaceError::Store`].
    pub async fn members(&self) -> Result<Vec<SpaceMember>, SpaceError> {
        let members = self
            .with_directory(Directory::members)
            .ok_or_else(|| SpaceError::NoDirectory(self.id()))?;
        let founders = self.with_directory(|directory| {
            let founders = directory.genesis().into_iter().flat_map(|genesis| &genesis.founders);
            founders.map(|founder| founder.author).collect::<Vec<_>>()
        });
        let founders = founders.unwrap_or_default();
        let mut rows = Vec::with_capacity(members.len());
        for member in members {
            rows.push(SpaceMember {
                device: member.device,
                role: member.role,
                label: self.label_of(&member).await?,
                has_sealing_key: member.sealing_key.is_some(),
                is_me: member.device == self.inner.keys.author(),
                is_founder: founders.contains(&member.device),
            });
        }
        Ok(rows)
    }

    async fn label_of(&self, member: &Member) -> Result<Option<String>, SpaceError> {
        let Some(grant) = member.granted_by else { return Ok(None) };
        let GetItem::Entry(entry) = self.inner.store.get_one(&Context::new(), grant).await? else {
            return Ok(None);
        };
        let Some(Control::Grant(Grant { label: Some(label), .. })) = entry.control() else {
            return Ok(None);
        };
        let (place, subject) = (Place::from(entry.header()), LabelSubject::Device(member.device));
        Ok(open_label(&label, &place, subject, &self.inner.keyring()).ok())
    }

    /// Gives a device a role: by its joining card ([`Device::joining_card`](crate::Device::joining_card)), or a node the
    /// role relay by its bare key. Members see the label, nodes do not; an empty one is left out.
    ///
    /// For a role that reads a new key epoch is started, sealed to the new device too. Whether it gets the keys of what was
    /// written before is for the space's policy.
    ///
    /// Returns the grant's entry.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin; [`SpaceError::Revoked`] for a device that was revoked once;
    /// [`SpaceError::Write`] for a card of another space, and for a bare key with another role than relay;
    /// [`SpaceError::Label`]; [`SpaceError::NotCounting`] when it does not count, as for a device that is this one's
    /// senior or an invitation that was used. After any other error the grant may be written without its epoch: the next
    /// writer starts it, or [`rotate`](Self::rotate).
    pub async fn grant(
        &self,
        device: impl Into<GrantedDevice>,
        role: Role,
        label: &str,
    ) -> Result<EntryId, SpaceError> {
        let (device, label) = (device.into(), label.to_owned());
        self.act(move |mut pen| Box::pin(async move { pen.grant(device, role, &label).await }))
            .await
    }

    /// Gives a member another role: more than it has by a raise, less by a lowering that lets count what is held here of
    /// it. A new epoch is started when it begins or ceases to read.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin, or lowers itself; [`SpaceError::NotMember`];
    /// [`SpaceError::Revoked`]; [`SpaceError::Seniority`]; [`SpaceError::NoSealingKey`] when a node that was granted by its
    /// bare key is to read. After any other error the change may be written without its epoch.
    pub async fn change_role(&self, device: AuthorKey, role: Role) -> Result<EntryId, SpaceError> {
        self.act(move |mut pen| Box::pin(async move { pen.change_role(device, role).await })).await
    }

    /// Takes a device out of the space for good, and starts new epochs that it cannot read. What is held here of it counts
    /// still; what comes later under its name does not, anywhere. A [`frontier`](Self::frontier) goes along.
    ///
    /// A device may revoke itself, with any role; then whoever writes next starts the new epoch.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin; [`SpaceError::Seniority`]. After any other error the revocation may
    /// be written without its epochs: nobody writes with the old ones once it is known, and whoever writes next starts new
    /// ones.
    pub async fn revoke(&self, device: AuthorKey) -> Result<EntryId, SpaceError> {
        self.act(move |mut pen| Box::pin(async move { pen.revoke(device).await })).await
    }

    /// Starts a new key epoch of a group, sealed to everybody who is in it now; zero is the space itself, as
    /// [`rotate`](Self::rotate).
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin; [`SpaceError::NotInGroup`] unless it is in that group;
    /// [`SpaceError::Epoch`].
    pub async fn rotate_group(&self, group: EntryId) -> Result<EntryId, SpaceError> {
        if group.is_zero() {
            return self.rotate().await;
        }
        self.act(move |mut pen| {
            Box::pin(async move {
                pen.need(Role::Admin)?;
                pen.check_group(group)?;
                pen.start_epoch(group).await
            })
        })
        .await
    }

    /// Starts a new key epoch of the space, sealed to everybody who reads it now. In a space of version 0.1 this is the
    /// first: from then on only members count, so grant the other devices roles at once. They keep reading what was
    /// written before with the key they have; who comes later needs it [exported](Self::export_key).
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin; [`SpaceError::NotMember`] in a space of version 0.1 whose founder
    /// is another device; [`SpaceError::Epoch`].
    pub async fn rotate(&self) -> Result<EntryId, SpaceError> {
        self.upgrade().await?;
        self.act(|mut pen| {
            Box::pin(async move {
                pen.need(Role::Admin)?;
                pen.start_epoch(EntryId::ZERO).await
            })
        })
        .await
    }

    /// After how many entries, of everybody, that came here since a key epoch did [`rotate_if_due`](Self::rotate_if_due) starts
    /// the next, so that one key that leaks opens no more than that; `None`, as a space is opened, for never. A setting of
    /// this device, in force until the space is closed: no clock is asked, and no other device has to agree.
    pub fn set_rotate_after(&self, entries: Option<NonZeroU64>) {
        self.inner.rotate_after.store(entries.map_or(0, NonZeroU64::get), Ordering::Relaxed);
    }

    /// Starts new key epochs for the space and the groups of this device where the one that is written with leaves somebody
    /// out, since who was granted on another device at the same time reads nothing before (DIR-28), and where it is as
    /// [old](Self::set_rotate_after) as it may become. Does nothing, and says so, on a device that is no admin.
    /// [`sync::push`](crate::sync::push) does this before anything leaves; every write of an admin lets in who is left out.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Forked`], [`SpaceError::ShortLog`], [`SpaceError::Epoch`], [`SpaceError::Store`].
    pub async fn rotate_if_due(&self) -> Result<Vec<EntryId>, SpaceError> {
        if self.role() != Some(Role::Admin) {
            return Ok(Vec::new());
        }
        self.act(|mut pen| Box::pin(async move { pen.start_due_epochs().await })).await
    }
}

impl Pen<'_> {
    async fn grant(
        &mut self,
        device: GrantedDevice,
        role: Role,
        label: &str,
    ) -> Result<EntryId, SpaceError> {
        self.need(Role::Admin)?;
        let author = device.author();
        self.check_not_revoked(&author)?;
        let label = match label {
            "" => None,
            label => {
                let key = self.writing_key(EntryId::ZERO).await?;
                let subject = LabelSubject::Device(author);
                Some(self.inner.writer.seal_label(subject, label, &key)?)
            }
        };
        let id = self.write(Grant { device, role, label }).await?;
        if self.directory(|directory| directory.reads(&author, &EntryId::ZERO)) {
            self.rotate(vec![EntryId::ZERO]).await?;
        }
        Ok(id)
    }

    async fn change_role(&mut self, device: AuthorKey, role: Role) -> Result<EntryId, SpaceError> {
        let is_own = device == self.me();
        self.need(if is_own { Role::Relay } else { Role::Admin })?;
        self.check_not_revoked(&device)?;
        let member = self.directory(|directory| directory.member(&device));
        let member = member.ok_or(SpaceError::NotMember(device))?;
        let is_raise = role >= member.role;
        if is_raise && role >= Role::Reader && member.sealing_key.is_none() {
            return Err(SpaceError::NoSealingKey(device));
        }
        if is_raise && is_own {
            return Err(SpaceError::Seniority(device));
        }
        self.check_junior(&device)?;
        let groups = self.groups_of(&device);
        let cuts = match is_raise {
            true => None,
            false => Some(cuts_of(&*self.guard.engine, device).await?),
        };
        let id = self.write(RoleChange { device, role, cuts }).await?;
        let reads = role >= Role::Reader;
        if !is_own && reads != (member.role >= Role::Reader) {
            self.rotate(groups).await?;
        }
        if !is_raise && !is_own {
            self.witness_loss().await;
        }
        Ok(id)
    }

    async fn revoke(&mut self, device: AuthorKey) -> Result<EntryId, SpaceError> {
        let is_own = device == self.me();
        self.need(if is_own { Role::Relay } else { Role::Admin })?;
        self.check_junior(&device)?;
        let groups = self.groups_of(&device);
        let cuts: Cuts = cuts_of(&*self.guard.engine, device).await?;
        let id = self.write(Revoke { device, cuts }).await?;
        if !is_own {
            self.rotate(groups).await?;
            self.witness_loss().await;
        }
        Ok(id)
    }

    /// The groups whose keys a device may have: the space's own, and those that it is in.
    pub(super) fn groups_of(&self, device: &AuthorKey) -> Vec<EntryId> {
        self.directory(|directory| {
            let groups = directory.groups().into_iter();
            let groups = groups.filter(|group| group.readers.contains(device));
            std::iter::once(EntryId::ZERO).chain(groups.map(|group| group.id)).collect()
        })
    }

    fn check_junior(&self, device: &AuthorKey) -> Result<(), SpaceError> {
        let me = self.me();
        let may = *device == me || self.directory(|directory| !directory.is_senior(device, &me));
        if may { Ok(()) } else { Err(SpaceError::Seniority(*device)) }
    }

    pub(super) fn check_not_revoked(&self, device: &AuthorKey) -> Result<(), SpaceError> {
        let is_revoked = self.directory(|directory| {
            directory.role(device).is_none() && was_member(directory, device)
        });
        if is_revoked { Err(SpaceError::Revoked(*device)) } else { Ok(()) }
    }
}
