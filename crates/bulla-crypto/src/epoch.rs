//! Key epochs: a fresh key for a space or a key group, sealed to each of its readers, and what comes along from before
//! (chapter `control.md`, CTL-30 to CTL-36).
//!
//! All of it works on plain values: which devices read, which epochs are heads and which epoch is written with is for
//! the directory. Whoever creates an epoch signs the payload as a control entry
//! ([`EntryWriter::control`](crate::EntryWriter::control)); whoever opens one got it from a verified entry that counts.

mod draft;
mod error;
mod hedge;
mod inheritance;
mod place;

use std::fmt;

use bulla_core::control::{Context, Epoch};
use bulla_core::{EntryId, KeyId};
use bulla_identity::DeviceKeys;

use crate::wrap::{ENCAPSULATED_BYTES, unwrap};
use crate::{EpochKey, TopicSecret};
use place::{Place, recipients_digest};

pub use draft::{EpochDraft, EpochParent};
pub use error::EpochError;

/// A new epoch that no entry carries yet.
///
/// The keyring that has the key must be durable before the entry leaves the device, or nobody here can read what others
/// write under it.
#[derive(Debug)]
pub struct NewEpoch {
    /// The payload of the entry, within all its rules (CTL-30).
    pub payload: Epoch,
    /// The new key.
    pub key: EpochKey,
    /// The group's topic secret, which the payload hands on.
    pub topics: TopicSecret,
}

impl NewEpoch {
    /// The payload to sign, and what the author's own keyring learns once the entry has an id.
    #[must_use]
    pub fn split(self) -> (Epoch, OpenedEpoch) {
        let inheritance =
            Inheritance { topics: self.topics, parents: Vec::new(), older: Vec::new() };
        let opened = OpenedEpoch { group: self.payload.group, key: self.key, inheritance };
        (self.payload, opened)
    }
}

/// What a recipient got out of an epoch entry.
#[derive(Debug)]
pub struct OpenedEpoch {
    /// Zero for the space's own epochs; otherwise the id of the entry that founded the group.
    pub group: EntryId,
    /// The epoch's key.
    pub key: EpochKey,
    /// What came along from before.
    pub inheritance: Inheritance,
}

/// What an epoch hands down (CTL-33).
pub struct Inheritance {
    /// What the group's topics come from.
    pub topics: TopicSecret,
    /// The keys of those parents that it brings, each with the id of the parent's entry, in the order of the parents.
    pub parents: Vec<(EntryId, EpochKey)>,
    /// The keys that the space had before its first epoch, which this is. Whose they are only its author says.
    pub older: Vec<EpochKey>,
}

impl OpenedEpoch {
    /// Opens the epoch of an entry with this space and author, as the device that `device` is.
    ///
    /// `parent_key_ids` are the key ids that the entries of the payload's parents name, in the order of the parents.
    /// That the author may start an epoch, and that the parents are epochs of the group, the directory says.
    ///
    /// The order of the checks: recipient, seal, key id, parents, inheritance (CTL-34).
    ///
    /// # Errors
    ///
    /// [`EpochError::Parents`] when key ids are given for another number of parents: the caller is at fault.
    /// [`EpochError::NotRecipient`]; [`EpochError::Failed`] for everything else, and it does not say what.
    pub fn open(
        context: &Context,
        payload: &Epoch,
        parent_key_ids: &[KeyId],
        device: &DeviceKeys,
    ) -> Result<Self, EpochError> {
        if parent_key_ids.len() != payload.parents.len() {
            return Err(EpochError::Parents);
        }
        let sealed = payload.sealed_to(&device.author()).ok_or(EpochError::NotRecipient)?;
        let place = Place::of(context, payload);
        let digest = recipients_digest(payload.recipients.iter().map(|one| &one.device));
        let info = place.info(&digest, &device.author(), &device.sealing_key());
        let key = open_key(sealed, &info, device).ok_or(EpochError::Failed)?;
        let inheritance = Inheritance::open(context, payload, parent_key_ids, &key)?;
        Ok(Self { group: payload.group, key, inheritance })
    }
}

impl OpenedEpoch {
    /// Opens the epoch with a key that came another way, as [`Inheritance::open`]: its keyring then learns the key as that
    /// of the entry ([`Keyring::key_for_epoch`](crate::Keyring::key_for_epoch)).
    ///
    /// # Errors
    ///
    /// As [`Inheritance::open`].
    pub fn open_with(
        context: &Context,
        payload: &Epoch,
        parent_key_ids: &[KeyId],
        key: &EpochKey,
    ) -> Result<Self, EpochError> {
        let inheritance = Inheritance::open(context, payload, parent_key_ids, key)?;
        let key = EpochKey::dangerous_from_bytes(key.expose_secret());
        Ok(Self { group: payload.group, key, inheritance })
    }
}

impl Inheritance {
    /// Opens what an epoch hands down with the epoch's key, from the key id on (CTL-34): for those who have the key from
    /// a later epoch, and go back through the history with it.
    ///
    /// # Errors
    ///
    /// [`EpochError::Parents`] when key ids are given for another number of parents: the caller is at fault.
    /// [`EpochError::Failed`] for everything else.
    pub fn open(
        context: &Context,
        payload: &Epoch,
        parent_key_ids: &[KeyId],
        key: &EpochKey,
    ) -> Result<Self, EpochError> {
        if parent_key_ids.len() != payload.parents.len() {
            return Err(EpochError::Parents);
        }
        // The id commits to the key: without this check one ciphertext could open under two keys, to two inheritances.
        if !key.has_id(&payload.key_id) || parent_key_ids.contains(&payload.key_id) {
            return Err(EpochError::Failed);
        }
        let place = Place::of(context, payload);
        inheritance::open(&place, key, parent_key_ids, &payload.inherited).ok_or(EpochError::Failed)
    }
}

/// The epoch key in what is sealed to one device.
fn open_key(sealed: &[u8], info: &[u8], device: &DeviceKeys) -> Option<EpochKey> {
    let (encapsulated, ciphertext) = sealed.split_at_checked(ENCAPSULATED_BYTES)?;
    let secret = unwrap(device, encapsulated, info, ciphertext)?;
    secret.as_slice().try_into().ok().map(EpochKey::dangerous_from_bytes)
}

impl fmt::Debug for Inheritance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parents: Vec<&EntryId> = self.parents.iter().map(|(parent, _)| parent).collect();
        f.debug_struct("Inheritance")
            .field("parents", &parents)
            .field("older", &self.older)
            .finish_non_exhaustive()
    }
}
