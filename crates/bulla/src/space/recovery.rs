//! Getting a space back with the key on paper (CTL-70, PAIR-50 to PAIR-52).

use std::sync::Arc;

use bulla_core::control::{Group, Recovery, Role};
use bulla_core::genesis;
use bulla_core::{AuthorKey, EntryId, InvitationId};
use bulla_crypto::EntryWriter;
use bulla_identity::OsRandomness;
use bulla_pairing::RecoveryKey;

use super::chain::Chain;
use super::cuts::removed;
use super::learning::learn;
use super::pen::Pen;
use super::{Space, SpaceError};

/// What everybody may know of a recovery key.
#[must_use]
pub fn recovery_public(key: &RecoveryKey) -> genesis::RecoveryKey {
    let keys = key.device_keys();
    genesis::RecoveryKey { author: keys.author(), sealing_key: keys.sealing_key() }
}

impl Space {
    /// Gets the space back: the recovery key makes this device an admin senior to all founders, revokes the devices that were
    /// lost, names the recovery key that follows it, and opens everything that was ever sealed to it. Key groups that nobody
    /// is left in get this device. Then new epochs are started that the lost devices cannot read.
    ///
    /// [Join](Self::join) the space with a new device first and sync all there is: what is held here of a lost device counts
    /// still, what is not does not. The recovery key signs this once; show the `next` words before, and let the old ones be
    /// destroyed after [`sync::push`](crate::sync::push) and after the keyring is saved.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NoDirectory`]; [`SpaceError::NotRecoveryKey`] when it signed before or another took its place;
    /// [`SpaceError::Revoked`] when this device itself was revoked once; [`SpaceError::Write`] for a next key that is not
    /// new. After any other error the recovery may be written without new epochs: [`rotate`](Self::rotate).
    pub async fn recover(
        &self,
        key: &RecoveryKey,
        revoke: &[AuthorKey],
        next: Option<&RecoveryKey>,
    ) -> Result<EntryId, SpaceError> {
        let keys = Arc::new(key.device_keys());
        let (next, revoke) = (next.map(recovery_public), revoke.to_vec());
        self.act(move |mut pen| {
            Box::pin(async move {
                let in_force = pen.directory(bulla_directory::Directory::recovery_key);
                if in_force.map(|key| key.author) != Some(keys.author()) {
                    return Err(SpaceError::NotRecoveryKey);
                }
                let (inner, me) = (pen.inner, pen.me());
                if revoke.contains(&me) {
                    return Err(SpaceError::Revoked(me));
                }
                pen.check_not_revoked(&me)?;
                learn(inner, pen.guard, &keys).await?;
                let card = inner.keys.joining_card(inner.gate_space(), InvitationId::ZERO);
                let revoked = removed(&*pen.guard.engine, &revoke).await?;
                let groups = pen.all_groups();
                let writer =
                    EntryWriter::new(Arc::clone(&keys), inner.gate_space(), Arc::new(OsRandomness));
                let chain = Chain::read(inner, keys.author()).await?;
                let recovery = Recovery { device: Some(card), revoked, next };
                let id = pen.write_as(&writer, recovery, &chain).await?;
                pen.take_over_groups().await?;
                pen.rotate(groups).await?;
                pen.witness_loss().await;
                Ok(id)
            })
        })
        .await
    }

    /// Gives a space its first recovery key, if its genesis names none: for the first founder. A new epoch is started that
    /// is sealed to it.
    ///
    /// # Errors
    ///
    /// [`SpaceError::NotRecoveryKey`] by any other device; [`SpaceError::HasRecoveryKey`]; [`SpaceError::NotCounting`] where
    /// there was one before that was used; [`SpaceError::Role`];
    /// [`SpaceError::Write`] for a key that is this device's own.
    pub async fn set_recovery_key(&self, key: &RecoveryKey) -> Result<EntryId, SpaceError> {
        let next = Some(recovery_public(key));
        self.act(move |mut pen| {
            Box::pin(async move {
                pen.need(Role::Admin)?;
                let me = pen.me();
                let is_first = pen.directory(|directory| {
                    let founders = directory.genesis().map(|genesis| &genesis.founders);
                    let first = founders.and_then(|founders| founders.first());
                    first.is_some_and(|first| first.author == me)
                });
                if !is_first {
                    return Err(SpaceError::NotRecoveryKey);
                }
                if pen.directory(bulla_directory::Directory::recovery_key).is_some() {
                    return Err(SpaceError::HasRecoveryKey);
                }
                let id = pen.write(Recovery { device: None, revoked: Vec::new(), next }).await?;
                pen.rotate(vec![EntryId::ZERO]).await?;
                Ok(id)
            })
        })
        .await
    }
}

impl Pen<'_> {
    /// Joins the groups that nobody reads any more: otherwise nobody could write to them, and what is in them would be
    /// sealed to no later recovery key.
    async fn take_over_groups(&mut self) -> Result<(), SpaceError> {
        let groups = self.directory(bulla_directory::Directory::groups);
        for group in groups.into_iter().filter(|group| group.readers.is_empty()) {
            let (label, added, removed) = (None, vec![self.me()], Vec::new());
            self.write(Group { group: group.id, label, added, removed }).await?;
        }
        Ok(())
    }

    fn all_groups(&self) -> Vec<EntryId> {
        let groups = self.directory(bulla_directory::Directory::groups);
        std::iter::once(EntryId::ZERO).chain(groups.into_iter().map(|group| group.id)).collect()
    }
}
