//! Why a space did not do what was asked, and what to do next.

use bulla_core::control::Role;
use bulla_core::values::{GetItem, PayloadState};
use bulla_core::{AuthorKey, Code, EntryId, SpaceId};
use bulla_crypto::{EpochError, LabelError, OpenError, TransferError, WriteError};
use bulla_identity::RandomnessError;
use bulla_store::StoreError;

/// Why a space did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The store failed; its error says what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry cannot be written as given. *Fix the draft.*
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The payload does not open. *Get the key*, or distrust its author.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A key transfer does not open or is not for this device.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// A key epoch could not be made; its error says what to do.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// A label does not fit. *Shorten it.*
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The device has no key for the space. *Import one*, or ask for a grant.
    #[error("no key of space {0} is held here")]
    NoKey(SpaceId),
    /// The key that the space or the group is written with is not sealed to this device. *Sync*, or ask an admin to
    /// rotate.
    #[error("the key of epoch {epoch} is not held here")]
    NoEpochKey {
        /// The writing epoch.
        epoch: EntryId,
    },
    /// There is no key to write with that nobody has who was to lose it (DIR-27): a device was revoked and no epoch followed
    /// yet, or the one that did is not to be trusted. *Write*, where this device may write: that starts an epoch. Where
    /// that is refused, *ask an admin to rotate*.
    #[error("the keys of the space (or group {0}) have to be rotated before this device writes")]
    NeedsRotation(EntryId),
    /// The key that seals now is another one than when the work began: somebody rotated. *Begin again.*
    #[error("the writing epoch changed meanwhile")]
    KeyChanged,
    /// The store does not judge what enters it, so nothing is known of members. *Open the space over an engine*, memory
    /// or disk.
    #[error("the store of space {0} does not judge by the directory")]
    NoDirectory(SpaceId),
    /// The device does not belong to the space, as far as is known here. *Sync*, or ask an admin for a grant.
    #[error("device {0} is not a member of the space")]
    NotMember(AuthorKey),
    /// The device was revoked, and nothing brings it back. *Take a new identity* and ask for a grant for that.
    #[error("device {0} was revoked")]
    Revoked(AuthorKey),
    /// This device's role is not enough. *Ask an admin.*
    #[error("this device is {role}, and this needs {needed}")]
    Role {
        /// The least role that may.
        needed: Role,
        /// The role of this device.
        role: Role,
    },
    /// The device is this one's senior, or this one itself. *Ask a device that is senior to it*, or use the recovery key.
    #[error("device {0} is not junior to this one")]
    Seniority(AuthorKey),
    /// The device has no key to seal to: a node that was granted by its bare key. *Grant it with a joining card.*
    #[error("device {0} has no sealing key")]
    NoSealingKey(AuthorKey),
    /// No such group counts here, or this device is not in it. *Sync*, or ask a member of the group.
    #[error("this device is not in a group {0}")]
    NotInGroup(EntryId),
    /// The recovery key is not the one in force: it signed before, or another took its place. *Find the newer words.*
    #[error("this is not the recovery key in force")]
    NotRecoveryKey,
    /// Nothing of it is held here that could be erased. *Sync first.*
    #[error("nothing of that is held here")]
    NothingHeld,
    /// The control entry was written and does not count: something that was not known when it was signed, or not here,
    /// stands against it. *Sync and look again.*
    #[error("control entry {id} does not count: {code}")]
    NotCounting {
        /// The entry; it stays in the log.
        id: EntryId,
        /// Why.
        code: Code,
    },
    /// The entry is not held here, or its payload is not. *Sync.*
    #[error("entry {0} is not held here")]
    NotHeld(EntryId),
    /// The space has a recovery key. *[Recover](crate::Space::recover)* with it to name the next.
    #[error("the space has a recovery key already")]
    HasRecoveryKey,
    /// The entry is held without its payload: it was not fetched yet, was lost, or is withheld. *Sync.*
    #[error("the payload of entry {0} is missing")]
    PayloadMissing(EntryId),
    /// The payload was dropped for good, everywhere, because an entry that counts says so.
    #[error("entry {id} was erased by entry {by}")]
    Erased {
        /// The entry.
        id: EntryId,
        /// The erasure, or what pruned it.
        by: EntryId,
    },
    /// What the store gave for this entry is damaged. *Verify the store.*
    #[error("entry {0} is damaged")]
    Damaged(EntryId),
    /// The local log ends before entries that this device has given out: a restored backup, or a lost suffix. Signing
    /// now would fork the chain. *Sync first*, to fetch the own entries back, or take a new identity.
    #[error(
        "the log ends at this device's entry {found}, but entry {marked} has left it; sync before writing"
    )]
    ShortLog {
        /// The last own sequence that the log holds.
        found: u64,
        /// The last own sequence that has left the device.
        marked: u64,
    },
    /// Two entries with one sequence are signed by this device's key: a cloned device or a restored backup wrote with
    /// it. *Take a new identity.*
    #[error("this device's chain forks at sequence {sequence}: take a new identity")]
    Forked {
        /// Where.
        sequence: u64,
    },
    /// The mark that guards the chain could not be read or written. *Check the disk.*
    #[error("mark of space {space}: {reason}")]
    Mark {
        /// The space.
        space: SpaceId,
        /// What happened.
        reason: String,
    },
    /// The store did not take an entry of this device.
    #[error("the store refused the entry: {0}")]
    Refused(Code),
    /// The batch in which this draft was written was given up; whether it was stored is not known. *Look, then retry.*
    #[error("the write was interrupted")]
    Interrupted,
}

impl SpaceError {
    /// Why a store gave no entry with its payload.
    pub(crate) const fn without_payload(id: EntryId, item: &GetItem) -> Self {
        match item {
            GetItem::Corrupt => Self::Damaged(id),
            GetItem::Header(_, PayloadState::Erased(by) | PayloadState::Pruned(by)) => {
                Self::Erased { id, by: *by }
            }
            GetItem::Header(..) => Self::PayloadMissing(id),
            GetItem::Entry(_) | GetItem::Absent | GetItem::Unavailable => Self::NotHeld(id),
        }
    }
}
