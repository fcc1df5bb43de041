//! Epochs of a small space, as their author makes them and their readers open them.

use std::sync::Arc;

use bulla_core::control::{Context, Epoch};
use bulla_core::{AuthorKey, EntryId, KeyId, SealingKey};
use bulla_crypto::{
    EpochDraft, EpochError, EpochKey, EpochParent, NewEpoch, OpenedEpoch, TopicSecret,
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
    EpochParent { id: EntryId([seed; 32]), key_id: key(seed).id(), key: Some(Arc::new(key(seed))) }
}

/// The space's own epoch for these devices after these parents.
pub(crate) fn draft(recipients: &[u8], parents: &[u8]) -> EpochDraft {
    EpochDraft {
        space: SPACE,
        author: author().author(),
        group: EntryId::ZERO,
        parents: parents.iter().map(|seed| parent(*seed)).collect(),
        recipients: recipients.iter().map(|seed| recipient(*seed)).collect(),
        topics: Some(topics()),
    }
}

pub(crate) fn create(recipients: &[u8], parents: &[u8]) -> NewEpoch {
    draft(recipients, parents).create(&OsRandomness).unwrap()
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
