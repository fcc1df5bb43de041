//! The invitations that a device made, and what became of them (PAIR-30 to PAIR-34).

mod file;

use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, InvitationId, SpaceId};
use bulla_identity::Randomness;
use subtle::ConstantTimeEq;

use crate::invitation::{Invitation, InvitationError, MailboxNode, check_node, expiry_minutes};
use crate::root::{Inviter, Root, Secret};

/// Most invitations that a device keeps (PAIR-30).
pub const MAX_INVITATIONS: usize = 64;
/// Longest life of an invitation in milliseconds: 7 days (PAIR-31).
pub const MAX_LIFETIME_MS: u64 = 604_800_000;
/// Life of an invitation in milliseconds where nobody says otherwise: 15 minutes, like a mailbox (PAIR-31).
pub const DEFAULT_LIFETIME_MS: u64 = 900_000;

/// The register of a device's invitations, at most 64. It holds their secrets, which are wiped when they have served.
///
/// Write it to its file ([`replace_file`](Self::replace_file)) after every change and before what follows from it: a message
/// that goes out, a grant that is signed (PAIR-34).
#[derive(Default)]
pub struct Invitations {
    /// Ascending by id.
    records: Vec<Record>,
}

/// What became of an invitation (PAIR-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Nobody answered it yet.
    Unused,
    /// This device is coming in with it.
    InProgress(AuthorKey),
    /// This device came in with it.
    Used(AuthorKey),
    /// It serves nobody.
    Cancelled,
}

/// An invitation as lists show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitationInfo {
    /// Its id.
    pub id: InvitationId,
    /// The space it invites into.
    pub space: SpaceId,
    /// When it was made, in milliseconds since 1970 by this device's clock.
    pub made_ms: u64,
    /// When it expires.
    pub expires_ms: u64,
    /// What became of it. Whether it expired, the caller's clock says.
    pub state: InvitationState,
}

struct Record {
    id: InvitationId,
    space: SpaceId,
    inviter: Inviter,
    /// There exactly as long as the invitation may still serve.
    secret: Option<Secret>,
    node: Option<MailboxNode>,
    made_ms: u64,
    expires_ms: u64,
    state: InvitationState,
}

impl Record {
    const fn is_live(&self, now_ms: u64) -> bool {
        let in_time = self.made_ms <= now_ms && now_ms < self.expires_ms;
        in_time && matches!(self.state, InvitationState::Unused | InvitationState::InProgress(_))
    }

    /// What PAIR-32 asks but whether a device is coming in already.
    const fn check(&self, now_ms: u64) -> Result<(), InvitationError> {
        match self.state {
            InvitationState::Used(_) => Err(InvitationError::Used),
            InvitationState::Cancelled => Err(InvitationError::Cancelled),
            InvitationState::Unused | InvitationState::InProgress(_) if self.is_live(now_ms) => {
                Ok(())
            }
            InvitationState::Unused | InvitationState::InProgress(_) => {
                Err(InvitationError::Expired)
            }
        }
    }

    /// What PAIR-32 asks of an invitation before its message 1 is opened.
    const fn check_unused(&self, now_ms: u64) -> Result<(), InvitationError> {
        match (self.check(now_ms), self.state) {
            (Ok(()), InvitationState::InProgress(_)) => Err(InvitationError::InUse),
            (checked, _) => checked,
        }
    }

    fn end(&mut self, state: InvitationState) {
        self.state = state;
        self.secret = None;
    }
}

impl Invitations {
    /// An empty register.
    #[must_use]
    pub const fn new() -> Self {
        Self { records: Vec::new() }
    }

    /// Makes an invitation by this device into a space, and keeps it. If the register is full, what cannot serve any more
    /// makes room, the one that expires first before the others.
    ///
    /// # Errors
    ///
    /// [`InvitationError::Node`], [`InvitationError::Lifetime`], [`InvitationError::TooMany`] or
    /// [`InvitationError::Randomness`].
    pub fn invite(
        &mut self,
        by: AuthorKey,
        space: SpaceId,
        node: Option<&MailboxNode>,
        lifetime_ms: u64,
        now_ms: u64,
        randomness: &dyn Randomness,
    ) -> Result<Invitation, InvitationError> {
        check_node(node)?;
        let expires_ms = now_ms.checked_add(lifetime_ms).filter(|end| *end <= MAX_COUNTER);
        let (Some(expires_ms), 1..=MAX_LIFETIME_MS) = (expires_ms, lifetime_ms) else {
            return Err(InvitationError::Lifetime);
        };
        let expiry_minutes = expiry_minutes(expires_ms).ok_or(InvitationError::Lifetime)?;
        let mut secret = Secret::default();
        randomness.fill(secret.as_mut_slice())?;
        self.make_room(now_ms)?;

        let (inviter, node) = (Inviter::of(&by), node.cloned());
        let invitation = Invitation { space, inviter, secret, node, expiry_minutes };
        let id = invitation.id();
        let record = Record {
            id,
            space,
            inviter,
            secret: Some(invitation.secret.clone()),
            node: invitation.node.clone(),
            made_ms: now_ms,
            expires_ms,
            state: InvitationState::Unused,
        };
        let place = self.records.partition_point(|known| known.id < id);
        self.records.insert(place, record);
        Ok(invitation)
    }

    /// The invitation again, to show it once more or to use its mailbox, as long as it may serve.
    ///
    /// # Errors
    ///
    /// [`InvitationError::Unknown`], [`InvitationError::Used`], [`InvitationError::Cancelled`] or
    /// [`InvitationError::Expired`].
    pub fn invitation(
        &self,
        id: &InvitationId,
        now_ms: u64,
    ) -> Result<Invitation, InvitationError> {
        let record = self.find(id).ok_or(InvitationError::Unknown)?;
        record.check(now_ms)?;
        let secret = record.secret.clone().ok_or(InvitationError::Used)?;
        let expiry_minutes = expiry_minutes(record.expires_ms).ok_or(InvitationError::Lifetime)?;
        let (space, inviter, node) = (record.space, record.inviter, record.node.clone());
        Ok(Invitation { space, inviter, secret, node, expiry_minutes })
    }

    /// Ends an invitation that was not used. Cancelling twice changes nothing.
    ///
    /// # Errors
    ///
    /// [`InvitationError::Unknown`] or [`InvitationError::Used`].
    pub fn cancel(&mut self, id: &InvitationId) -> Result<(), InvitationError> {
        let record = self.find_mut(id).ok_or(InvitationError::Unknown)?;
        if matches!(record.state, InvitationState::Used(_)) {
            return Err(InvitationError::Used);
        }
        record.end(InvitationState::Cancelled);
        Ok(())
    }

    /// Forgets the invitations that nobody answered in time, and gives their number. Those that are used or cancelled stay:
    /// they hold no secret.
    pub fn forget_expired(&mut self, now_ms: u64) -> usize {
        let before = self.records.len();
        self.records.retain(|record| record.secret.is_none() || now_ms < record.expires_ms);
        before - self.records.len()
    }

    /// All of them, ascending by id.
    pub fn iter(&self) -> impl Iterator<Item = InvitationInfo> + '_ {
        self.records.iter().map(|record| InvitationInfo {
            id: record.id,
            space: record.space,
            made_ms: record.made_ms,
            expires_ms: record.expires_ms,
            state: record.state,
        })
    }

    /// The space and the root of an invitation by this device that nobody answered yet.
    pub(crate) fn unused(
        &self,
        id: &InvitationId,
        by: &AuthorKey,
        now_ms: u64,
    ) -> Result<(SpaceId, Root), InvitationError> {
        let record = self.find(id).ok_or(InvitationError::Unknown)?;
        if record.inviter != Inviter::of(by) {
            return Err(InvitationError::Unknown);
        }
        record.check_unused(now_ms)?;
        let secret = record.secret.as_ref().ok_or(InvitationError::Used)?;
        Ok((record.space, Root::new(secret, &record.space, &record.inviter)))
    }

    /// A device comes in with an unused invitation.
    pub(crate) fn begin(
        &mut self,
        id: &InvitationId,
        joiner: &AuthorKey,
        now_ms: u64,
    ) -> Result<(), InvitationError> {
        let record = self.find_mut(id).ok_or(InvitationError::Unknown)?;
        record.check_unused(now_ms)?;
        record.state = InvitationState::InProgress(*joiner);
        Ok(())
    }

    /// The device that came in with it may be granted a role; it serves nobody any more.
    pub(crate) fn complete(
        &mut self,
        id: &InvitationId,
        joiner: &AuthorKey,
        now_ms: u64,
    ) -> Result<(), InvitationError> {
        let record = self.find_mut(id).ok_or(InvitationError::Unknown)?;
        record.check(now_ms)?;
        if record.state != InvitationState::InProgress(*joiner) {
            return Err(InvitationError::InUse);
        }
        record.end(InvitationState::Used(*joiner));
        Ok(())
    }

    fn make_room(&mut self, now_ms: u64) -> Result<(), InvitationError> {
        if self.records.len() < MAX_INVITATIONS {
            return Ok(());
        }
        let dead = self.records.iter().enumerate().filter(|(_, record)| !record.is_live(now_ms));
        let (place, _) =
            dead.min_by_key(|(_, record)| record.expires_ms).ok_or(InvitationError::TooMany)?;
        self.records.remove(place);
        Ok(())
    }

    /// Compares with every id in constant time, so that nobody learns by trying how much of an id was right (PAIR-32).
    fn place(&self, id: &InvitationId) -> Option<usize> {
        let mut found = None;
        for (place, record) in self.records.iter().enumerate() {
            if bool::from(record.id.0.ct_eq(&id.0)) {
                found = Some(place);
            }
        }
        found
    }

    fn find(&self, id: &InvitationId) -> Option<&Record> {
        self.records.get(self.place(id)?)
    }

    fn find_mut(&mut self, id: &InvitationId) -> Option<&mut Record> {
        let place = self.place(id)?;
        self.records.get_mut(place)
    }
}

impl std::fmt::Debug for Invitations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
