//! Writing control entries: one hand at a time holds the chain, looks the directory up and signs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_core::control::{Control, Role};
use bulla_core::values::{PutOutcome, Refusal};
use bulla_core::{AuthorKey, EntryId, Kind, Verified};
use bulla_crypto::{ControlDraft, EntryWriter, EpochDraft, EpochKey, EpochParent, Sealed};
use bulla_directory::{Directory, Standing};
use bulla_identity::OsRandomness;
use bulla_store::Context;
use futures_util::future::BoxFuture;

use super::chain::Chain;
use super::learning::learn;
use super::local::Guard;
use super::{Inner, Space, SpaceError, verify_own};

/// The right to write the next entry of this device.
pub(super) struct Pen<'a> {
    pub(super) inner: &'a Inner,
    pub(super) guard: &'a Guard,
    pub(super) chain: &'a mut Chain,
}

impl Space {
    /// Does something with the pen in hand, in a task of its own: who stops waiting leaves nothing half done.
    pub(super) async fn act<T: Send + 'static>(
        &self,
        act: impl for<'a> FnOnce(Pen<'a>) -> BoxFuture<'a, Result<T, SpaceError>> + Send + 'static,
    ) -> Result<T, SpaceError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::spawn(async move {
            let mut chain = inner.chain.lock().await;
            chain.refresh(&inner).await?;
            chain.check()?;
            let guard = inner.gate.guard().ok_or(SpaceError::NoDirectory(inner.gate_space()))?;
            act(Pen { inner: &inner, guard, chain: &mut chain }).await
        });
        done.await.unwrap_or(Err(SpaceError::Interrupted))
    }
}

impl Pen<'_> {
    /// This device.
    pub(super) fn me(&self) -> AuthorKey {
        self.inner.keys.author()
    }

    /// Asks the directory.
    pub(super) fn directory<T>(&self, ask: impl FnOnce(&Directory) -> T) -> T {
        self.guard.admission.with_directory(ask)
    }

    /// Whether this device may do what needs this role.
    pub(super) fn need(&self, needed: Role) -> Result<Role, SpaceError> {
        need(self.inner, self.guard, needed)
    }

    /// Signs and stores the next control entry of this device, which is durable and counts when this returns.
    pub(super) async fn write(
        &mut self,
        control: impl Into<Control>,
    ) -> Result<EntryId, SpaceError> {
        let (inner, me) = (self.inner, self.me());
        let control = control.into();
        let is_frontier = control.kind() == Kind::FRONTIER;
        let draft = self.draft(control, &me);
        let sealed = inner.writer.control(&self.chain.end, &draft)?;
        let (id, end) = (sealed.id, sealed.chain);
        match self.put(sealed).await {
            Ok(()) => {
                self.chain.end = end;
                if is_frontier {
                    self.chain.frontier = Some((end.sequence(), id));
                }
            }
            Err(error) => {
                // Whether it was stored is not known: read the chain again before the next entry is signed after it.
                self.chain.read_again(inner).await;
                return Err(error);
            }
        }
        self.counts(id)
    }

    /// Signs and stores the first and only control entry of another key: the recovery key.
    pub(super) async fn write_as(
        &mut self,
        writer: &EntryWriter,
        control: impl Into<Control>,
        chain: &Chain,
    ) -> Result<EntryId, SpaceError> {
        let draft = self.draft(control.into(), &writer.author());
        let sealed = writer.control(&chain.end, &draft)?;
        let id = sealed.id;
        self.put(sealed).await?;
        self.counts(id)
    }

    fn draft(&mut self, control: Control, author: &AuthorKey) -> ControlDraft {
        let timestamp = self.chain.clock.next(self.inner.clock.unix_ms());
        let dependencies = self.directory(|directory| directory.dependencies(author));
        ControlDraft::new(control).with_dependencies(dependencies).with_timestamp(timestamp)
    }

    async fn put(&self, sealed: Sealed) -> Result<(), SpaceError> {
        let entries = verify_own(&self.inner.verifier, self.inner.gate_space(), vec![sealed.raw])?;
        put_own(self.inner, entries).await
    }

    fn counts(&self, id: EntryId) -> Result<EntryId, SpaceError> {
        let verdict = self.directory(|directory| directory.verdict(&id));
        match verdict.and_then(bulla_directory::Verdict::refusal) {
            None => Ok(id),
            Some(refusal) => Err(SpaceError::NotCounting { id, code: refusal.code() }),
        }
    }

    /// The key that seals for a group now. A new epoch is started if there is none to write with (DIR-27), and by an
    /// admin also if somebody is left out who reads by now (DIR-28), or if somebody may have the key who reads no more.
    pub(super) async fn writing_key(
        &mut self,
        group: EntryId,
    ) -> Result<Arc<EpochKey>, SpaceError> {
        self.check_group(group)?;
        let is_admin = self.need(Role::Reader)? == Role::Admin;
        if let Err(SpaceError::NoEpochKey { .. }) = writing_key(self.inner, self.guard, group) {
            learn(self.inner, self.guard, &self.inner.keys).await?;
        }
        match writing_key(self.inner, self.guard, group) {
            Err(SpaceError::NeedsRotation(_)) if is_admin || self.has_no_epoch(group) => {
                self.start_epoch(group).await?;
            }
            Ok(_) if is_admin && self.leaves_somebody_out(group) => {
                self.start_epoch(group).await?;
            }
            _ => {}
        }
        writing_key(self.inner, self.guard, group)
    }

    /// Whether there is no epoch to write with, so that any writer may start one (DIR-25).
    fn has_no_epoch(&self, group: EntryId) -> bool {
        self.directory(|directory| directory.writing_epoch(&group).is_none())
    }

    /// Whether the writing epoch of a group is not sealed to somebody who reads it: one that was granted elsewhere.
    fn leaves_somebody_out(&self, group: EntryId) -> bool {
        let generation = self.guard.admission.access().generation();
        let writing = self.directory(|directory| directory.writing_epoch(&group));
        let Some(writing) = writing else { return false };
        if self.inner.learning.is_whole(group, (writing.id, generation)) {
            return false;
        }
        let left_out = self.directory(|directory| directory.readers_left_out(&group));
        if left_out.is_empty() {
            self.inner.learning.set_whole(group, (writing.id, generation));
        }
        !left_out.is_empty()
    }

    /// Whether so many entries came since the writing epoch of a group that another is to be started. Counted by receipts.
    async fn is_worn(&self, group: EntryId) -> Result<bool, SpaceError> {
        let most = self.inner.rotate_after.load(Ordering::Relaxed);
        let writing = self.directory(|directory| directory.writing_epoch(&group));
        let (Some(writing), 1..) = (writing, most) else { return Ok(false) };
        let cx = Context::new();
        let facts = self.guard.engine.facts(&cx, &[writing.id]).await?.pop().flatten();
        let Some(facts) = facts else { return Ok(false) };
        let last = self.guard.engine.head(&cx).await?.last_receipt;
        Ok(last.saturating_sub(facts.receipt) >= most)
    }

    /// Starts new epochs for those groups of this device whose writing epochs leave somebody out or are worn, if it is an
    /// admin.
    pub(super) async fn start_due_epochs(&mut self) -> Result<Vec<EntryId>, SpaceError> {
        let mut started = Vec::new();
        if self.need(Role::Admin).is_err() {
            return Ok(started);
        }
        let groups = self.directory(Directory::groups).into_iter().map(|group| group.id);
        let groups: Vec<EntryId> = std::iter::once(EntryId::ZERO).chain(groups).collect();
        for group in groups {
            if self.check_group(group).is_ok()
                && (self.leaves_somebody_out(group) || self.is_worn(group).await?)
            {
                started.push(self.start_epoch(group).await?);
            }
        }
        Ok(started)
    }

    /// Whether this device reads a group.
    pub(super) fn check_group(&self, group: EntryId) -> Result<(), SpaceError> {
        let me = self.me();
        let reads = self.directory(|directory| directory.reads(&me, &group));
        if reads { Ok(()) } else { Err(SpaceError::NotInGroup(group)) }
    }

    /// Starts a new epoch of a group: a fresh key, sealed to everybody who reads it now (CTL-30).
    pub(super) async fn start_epoch(&mut self, group: EntryId) -> Result<EntryId, SpaceError> {
        // The topic secret and the parents' keys come out of the epochs before.
        learn(self.inner, self.guard, &self.inner.keys).await?;
        let (parents, recipients, history) = self.directory(|directory| {
            let heads = directory.epoch_heads(&group);
            let parents: Vec<_> = heads.iter().filter_map(|id| directory.epoch(id)).collect();
            let history = directory.policy().history_for_newcomers == Some(true);
            (parents, directory.readers(&group), history)
        });
        let space = self.inner.gate_space();
        let draft = {
            let keyring = self.inner.keyring();
            // Before the first epoch a space of version 0.1 had keys that no entry brings.
            let older = if history && group.is_zero() && parents.is_empty() {
                keyring.keys_before_epochs(&space)
            } else {
                Vec::new()
            };
            let parents = parents.into_iter().map(|parent| EpochParent {
                id: parent.id,
                key_id: parent.key_id,
                key: history.then(|| keyring.key_of_epoch(&space, &group, &parent.id)).flatten(),
            });
            let parents = parents.collect();
            let recipients = recipients.into_iter().map(|one| (one.device, one.sealing_key));
            let recipients = recipients.collect();
            let topics = keyring.topics_of(&space, &group);
            EpochDraft { space, group, parents, recipients, topics, older }
        };
        let (payload, opened) = draft.create(&self.inner.keys, &OsRandomness)?.split();
        let id = self.write(payload).await?;
        self.inner.keyring_mut().learn(space, id, opened);
        Ok(id)
    }

    /// New epochs for the space and for all these groups that this device reads; members of the others start theirs when
    /// they write next.
    pub(super) async fn rotate(&mut self, groups: Vec<EntryId>) -> Result<(), SpaceError> {
        for group in groups {
            if self.check_group(group).is_ok() {
                self.start_epoch(group).await?;
            }
        }
        Ok(())
    }
}

/// Whether this device may do what needs this role.
pub(super) fn need(inner: &Inner, guard: &Guard, needed: Role) -> Result<Role, SpaceError> {
    let me = inner.keys.author();
    guard.admission.with_directory(|directory| match directory.role(&me) {
        Some(role) if role >= needed => Ok(role),
        Some(role) => Err(SpaceError::Role { needed, role }),
        None if was_member(directory, &me) => Err(SpaceError::Revoked(me)),
        None => Err(SpaceError::NotMember(me)),
    })
}

/// Whether a device that is no member was one before.
pub(super) fn was_member(directory: &Directory, device: &AuthorKey) -> bool {
    directory.frontier_standing(device) != Standing::Stranger
}

/// The key of a group's writing epoch.
pub(super) fn writing_key(
    inner: &Inner,
    guard: &Guard,
    group: EntryId,
) -> Result<Arc<EpochKey>, SpaceError> {
    let space = inner.gate_space();
    let writing = guard.admission.with_directory(|directory| directory.writing_epoch(&group));
    let writing = writing.ok_or(SpaceError::NeedsRotation(group))?;
    // Only as the key of that entry: anybody can write the id of a group's key into an epoch of the space (CTL-33).
    let (key, is_repeated) = {
        let keyring = inner.keyring();
        let key = keyring.key_of_epoch(&space, &group, &writing.id);
        (key, keyring.is_repeated(&space, &writing.key_id))
    };
    match key {
        Some(key) if !is_repeated => Ok(Arc::clone(key.key())),
        // Somebody has this key who was to lose it, or it opens for nobody here (CTL-31).
        None if !inner.learning.is_at_fault(&writing.id) => {
            Err(SpaceError::NoEpochKey { epoch: writing.id })
        }
        _ => Err(SpaceError::NeedsRotation(group)),
    }
}

/// Stores entries of this device. One that is refused is not kept for later: its number is given to another.
pub(super) async fn put_own(inner: &Inner, entries: Vec<Verified>) -> Result<(), SpaceError> {
    let ids: Vec<EntryId> = entries.iter().map(Verified::id).collect();
    let report = inner.store.put(&Context::new(), entries).await?;
    let mut refused = None;
    for outcome in report.outcomes {
        match outcome {
            PutOutcome::Refused(Refusal { code, .. }) => {
                refused.get_or_insert(SpaceError::Refused(code));
            }
            PutOutcome::Pending => _ = refused.get_or_insert(SpaceError::Interrupted),
            PutOutcome::Stored(_) | PutOutcome::Duplicate(_) | PutOutcome::PayloadAdded(_) => {}
        }
    }
    let Some(refused) = refused else { return Ok(()) };
    if let Some(guard) = inner.gate.guard() {
        guard.engine.release(&Context::new(), &ids).await?;
    }
    Err(refused)
}
