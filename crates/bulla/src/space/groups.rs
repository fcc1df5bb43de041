//! Key groups: some members share keys that the others carry entries of and do not have (CTL-50, CTL-51).

use bulla_core::control::{Context as Place, Control, Group, Role};
use bulla_core::values::GetItem;
use bulla_core::{AuthorKey, EntryId, KeyId, Topic};
use bulla_crypto::{LabelSubject, open_label};
use bulla_directory::Directory;
use bulla_store::{Context, StoreExt as _};

use super::cuts::removed;
use super::pen::Pen;
use super::{Space, SpaceError};

/// A key group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpaceGroup {
    /// Its id: the entry that founded it.
    pub id: EntryId,
    /// What its founding entry calls it; `None` without a label, and where this device does not have the key that sealed
    /// it.
    pub label: Option<String>,
    /// The devices that read it, ascending.
    pub readers: Vec<AuthorKey>,
}

impl Space {
    /// The key groups of the space, ascending by id.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NoDirectory`] in a space without members, [`SpaceError::Store`].
    pub async fn groups(&self) -> Result<Vec<SpaceGroup>, SpaceError> {
        let groups = self
            .with_directory(Directory::groups)
            .ok_or_else(|| SpaceError::NoDirectory(self.id()))?;
        let mut rows = Vec::with_capacity(groups.len());
        for group in groups {
            let label = self.group_label(group.id).await?;
            rows.push(SpaceGroup { id: group.id, label, readers: group.readers });
        }
        Ok(rows)
    }

    /// The group whose key sealed an entry; zero for all readers of the space, and where that is not known.
    #[must_use]
    pub fn group_of(&self, key_id: &KeyId) -> EntryId {
        let epochs = self.with_directory(|directory| directory.epochs_of_key(key_id));
        let epochs = epochs.unwrap_or_default();
        // An epoch of the space that names a group's key does not make the group's entries everybody's (CTL-33).
        let group = epochs.iter().map(|epoch| epoch.group).find(|group| !group.is_zero());
        group.unwrap_or(EntryId::ZERO)
    }

    /// Whether this device reads a group now.
    #[must_use]
    pub fn reads_group(&self, group: &EntryId) -> bool {
        let me = self.inner.keys.author();
        self.with_directory(|directory| directory.reads(&me, group)).unwrap_or(false)
    }

    async fn group_label(&self, id: EntryId) -> Result<Option<String>, SpaceError> {
        let GetItem::Entry(entry) = self.inner.store.get_one(&Context::new(), id).await? else {
            return Ok(None);
        };
        let Some(Control::Group(Group { label: Some(label), .. })) = entry.control() else {
            return Ok(None);
        };
        let place = Place::from(entry.header());
        Ok(open_label(&label, &place, LabelSubject::Group, &self.inner.keyring()).ok())
    }

    /// The topic of an application's name within a group: only its members can compute it.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NotInGroup`] where no key of the group is held; for zero as [`topic`](Self::topic).
    pub fn topic_in(&self, group: EntryId, name: &str) -> Result<Topic, SpaceError> {
        if group.is_zero() {
            return self.topic(name);
        }
        let topics = self.inner.keyring().topics_of(&self.id(), &group);
        Ok(topics.ok_or(SpaceError::NotInGroup(group))?.topic(name.as_bytes()))
    }

    /// Founds a key group of these members and this device, and starts its first epoch. All members of the space see the
    /// label; an empty one is left out. Write to it by [`Write::with_group`](crate::Write::with_group).
    ///
    /// Returns the group's id.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin; [`SpaceError::NotMember`] for a device that does not read the
    /// space; [`SpaceError::Label`]; [`SpaceError::Write`] for more than 1,024 members. After any other error the group may
    /// be there without its epoch.
    pub async fn create_group(
        &self,
        label: &str,
        members: &[AuthorKey],
    ) -> Result<EntryId, SpaceError> {
        let (label, members) = (label.to_owned(), members.to_vec());
        self.act(move |mut pen| Box::pin(async move { pen.create_group(&label, members).await }))
            .await
    }

    /// Adds devices to a group and removes others; what is held here of those counts still. A new epoch of the group is
    /// started if this device is in it, otherwise by whoever of the group writes next.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] unless this device is admin; [`SpaceError::NotInGroup`] when there is no such group;
    /// [`SpaceError::NotMember`] for an added device that does not read the space; [`SpaceError::Write`] for a device that is
    /// both added and removed. After any other error the change may be written without its epoch.
    pub async fn change_group(
        &self,
        group: EntryId,
        added: &[AuthorKey],
        removed: &[AuthorKey],
    ) -> Result<EntryId, SpaceError> {
        let (added, removed) = (added.to_vec(), removed.to_vec());
        self.act(move |mut pen| {
            Box::pin(async move { pen.change_group(group, added, &removed).await })
        })
        .await
    }
}

impl Pen<'_> {
    async fn create_group(
        &mut self,
        label: &str,
        mut members: Vec<AuthorKey>,
    ) -> Result<EntryId, SpaceError> {
        self.need(Role::Admin)?;
        members.push(self.me());
        let added = self.readers_among(members)?;
        let label = match label {
            "" => None,
            label => {
                let key = self.writing_key(EntryId::ZERO).await?;
                Some(self.inner.writer.seal_label(LabelSubject::Group, label, &key)?)
            }
        };
        let founding = Group { group: EntryId::ZERO, label, added, removed: Vec::new() };
        let id = self.write(founding).await?;
        self.start_epoch(id).await?;
        Ok(id)
    }

    async fn change_group(
        &mut self,
        group: EntryId,
        added: Vec<AuthorKey>,
        gone: &[AuthorKey],
    ) -> Result<EntryId, SpaceError> {
        self.need(Role::Admin)?;
        if self.directory(|directory| directory.group(&group)).is_none() {
            return Err(SpaceError::NotInGroup(group));
        }
        let added = self.readers_among(added)?;
        let removed = removed(&*self.guard.engine, gone).await?;
        let id = self.write(Group { group, label: None, added, removed }).await?;
        self.rotate(vec![group]).await?;
        Ok(id)
    }

    /// These devices, ascending and each once; all of them read the space.
    fn readers_among(&self, mut devices: Vec<AuthorKey>) -> Result<Vec<AuthorKey>, SpaceError> {
        devices.sort_unstable();
        devices.dedup();
        let other = self.directory(|directory| {
            devices.iter().find(|device| !directory.reads(device, &EntryId::ZERO)).copied()
        });
        match other {
            Some(other) => Err(SpaceError::NotMember(other)),
            None => Ok(devices),
        }
    }
}
