//! Epochs of a small space, as their author makes them and their readers open them.

use std::sync::Arc;

use bulla_core::control::{Context, Epoch};
use bulla_core::{AuthorKey, EntryId, KeyId, SealingKey, SpaceId};
use bulla_crypto::{
    BoundKey, EpochDraft, EpochError, EpochKey, EpochParent, Inheritance, Keyring, NewEpoch,
    OpenedEpoch, TopicSecret,
};
use bulla_identity::{DeviceKeys, OsRandomness};

use crate::support::{SPACE, device, key};

/// The author of all epochs here.
pub(crate) fn author() -> Arc<DeviceKeys> {
    device(1)
}

pub(crate) fn context() -> Context {
    Context { space: SPACE, author: author().author() }
}

pub(crate) fn topics() -> Arc<TopicSecret> {
    Arc::new(TopicSecret::dangerous_from_bytes(&[0x70; 32]))
}

pub(crate) fn recipient(seed: u8) -> (AuthorKey, SealingKey) {
    (device(seed).author(), device(seed).sealing_key())
}

/// A parent whose epoch key is `key(seed)`.
pub(crate) fn parent(seed: u8) -> EpochParent {
    let id = EntryId([seed; 32]);
    EpochParent {
        id,
        key_id: key(seed).id(),
        key: Some(bound(SPACE, EntryId::ZERO, id, key(seed))),
    }
}

/// A key as a keyring knows it that learned it from this epoch of this group.
pub(crate) fn bound(space: SpaceId, group: EntryId, epoch: EntryId, key: EpochKey) -> BoundKey {
    let mut keyring = Keyring::new();
    let inheritance = Inheritance {
        topics: TopicSecret::dangerous_from_bytes(&[0x70; 32]),
        parents: Vec::new(),
        older: Vec::new(),
    };
    keyring.learn(space, epoch, OpenedEpoch { group, key, inheritance });
    keyring.key_of_epoch(&space, &group, &epoch).unwrap()
}

/// The same draft for another group or space: the keys of its parents are those of epochs there.
pub(crate) fn moved(mut draft: EpochDraft, space: SpaceId, group: EntryId) -> EpochDraft {
    for parent in &mut draft.parents {
        let secret = parent.key.take().map(|key| *key.key().expose_secret());
        let key = secret.map(|secret| EpochKey::dangerous_from_bytes(&secret));
        parent.key = key.map(|key| bound(space, group, parent.id, key));
    }
    EpochDraft { space, group, ..draft }
}

/// The space's own epoch for these devices after these parents.
pub(crate) fn draft(recipients: &[u8], parents: &[u8]) -> EpochDraft {
    EpochDraft {
        space: SPACE,
        group: EntryId::ZERO,
        parents: parents.iter().map(|seed| parent(*seed)).collect(),
        recipients: recipients.iter().map(|seed| recipient(*seed)).collect(),
        topics: Some(topics()),
        older: Vec::new(),
    }
}

pub(crate) fn create(recipients: &[u8], parents: &[u8]) -> NewEpoch {
    draft(recipients, parents).create(&author(), &OsRandomness).unwrap()
}

/// The key ids of parents made by [`parent`].
pub(crate) fn key_ids(payload: &Epoch) -> Vec<KeyId> {
    payload.parents.iter().map(|id| key(id.0[0]).id()).collect()
}

/// Opens as this device in the space where the epochs are made.
pub(crate) fn open(payload: &Epoch, seed: u8) -> Result<OpenedEpoch, EpochError> {
    OpenedEpoch::open(&context(), payload, &key_ids(payload), &device(seed))
}

/// All that a caller can see of a refusal.
pub(crate) fn seen(error: EpochError) -> String {
    format!("{error:?} {error} {} {:?}", error.code(), error.clause())
}

/// The one refusal of everything that does not open (CTL-34).
pub(crate) fn assert_failed<T: std::fmt::Debug>(opened: Result<T, EpochError>, what: &str) {
    let failed = seen(EpochError::Failed);
    assert_eq!(seen(opened.expect_err(what)), failed, "{what}");
    assert!(failed.contains("epoch.failed"));
}

pub(crate) fn same(one: &EpochKey, other: &EpochKey) -> bool {
    one.expose_secret() == other.expose_secret()
}
