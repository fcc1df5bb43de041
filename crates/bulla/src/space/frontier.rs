//! Saying what was seen: whoever is shown less of the space later can prove it (CTL-40, SYN-56, SYN-57).

use bulla_core::EntryId;
use bulla_core::control::Role;
use bulla_core::limits::MAX_IDS_PER_REQUEST;
use bulla_core::values::Has;
use bulla_store::Context;
use bulla_sync::frontier_of;

use super::pen::Pen;
use super::{Space, SpaceError};

/// How many entries of others, for each member, a device receives before it signs a frontier by itself (SYN-57). So never
/// more than one entry in 64 is a frontier, however many members answer each other's.
const ENTRIES_PER_MEMBER: u64 = 64;
/// Members counted at least.
const FEWEST_MEMBERS: u64 = 4;

impl Space {
    /// Writes down, signed, the newest entry that is held here of every other device: with its header for as many as fit,
    /// by its id for the others ([`frontier_of`]). Takes one pass over the headers held.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Role`] for a relay; [`SpaceError::Store`].
    pub async fn frontier(&self) -> Result<EntryId, SpaceError> {
        self.act(|mut pen| {
            Box::pin(async move {
                pen.need(Role::Reader)?;
                pen.write_frontier().await
            })
        })
        .await
    }

    /// Writes a frontier if this device may and its last one is old (SYN-57): if more than 64 entries of others for each
    /// member, 256 at least, came since. [`sync::push`](crate::sync::push) does so before anything leaves.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Forked`], [`SpaceError::ShortLog`], [`SpaceError::Store`].
    pub async fn frontier_if_due(&self) -> Result<Option<EntryId>, SpaceError> {
        if self.role().is_none_or(|role| role < Role::Reader) {
            return Ok(None);
        }
        self.act(|mut pen| {
            Box::pin(async move {
                if pen.need(Role::Reader).is_err() || !pen.is_frontier_due().await? {
                    return Ok(None);
                }
                pen.write_frontier().await.map(Some)
            })
        })
        .await
    }

    /// Those of these entries that are not held here, in their order; with their payload or without.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Store`].
    pub async fn lacking(&self, ids: &[EntryId]) -> Result<Vec<EntryId>, SpaceError> {
        let mut lacking = Vec::new();
        for ids in ids.chunks(MAX_IDS_PER_REQUEST) {
            let presence = self.store().has(&Context::new(), ids).await?;
            let held = |has: &Has| matches!(has, Has::Yes | Has::PayloadMissing);
            lacking
                .extend(ids.iter().zip(&presence).filter(|(_, has)| !held(has)).map(|(id, _)| id));
        }
        Ok(lacking)
    }
}

impl Pen<'_> {
    pub(super) async fn write_frontier(&mut self) -> Result<EntryId, SpaceError> {
        let me = self.me();
        let frontier = frontier_of(&Context::new(), &*self.inner.store, &me).await?;
        self.write(frontier).await
    }

    /// After rights were taken from a device: what was seen of all by then goes along. The loss holds without it.
    pub(super) async fn witness_loss(&mut self) {
        if let Err(error) = self.write_frontier().await {
            let space = self.inner.gate_space();
            tracing::warn!(space = %space.short(), %error, "no frontier goes with the loss of rights");
        }
    }

    /// Whether so many entries of others came since the last frontier of this device that it is to sign another.
    ///
    /// Counted by receipts, in four look-ups: own entries are told apart by their numbers.
    async fn is_frontier_due(&self) -> Result<bool, SpaceError> {
        let cx = Context::new();
        let (last, end) = (self.chain.frontier, self.chain.end.sequence());
        let received = self.guard.engine.head(&cx).await?.last_receipt;
        let since = match last {
            Some((sequence, id)) => {
                let facts = self.guard.engine.facts(&cx, &[id]).await?.pop().flatten();
                let receipt = facts.map_or(0, |facts| facts.receipt);
                received.saturating_sub(receipt).saturating_sub(end.saturating_sub(sequence))
            }
            None => received.saturating_sub(end),
        };
        let members = self.directory(|directory| directory.members().len());
        let members = u64::try_from(members).unwrap_or(u64::MAX).max(FEWEST_MEMBERS);
        Ok(since >= members.saturating_mul(ENTRIES_PER_MEMBER))
    }
}
