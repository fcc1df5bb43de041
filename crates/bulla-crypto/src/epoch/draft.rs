//! What an author says of a new epoch, and how it becomes one.

use std::collections::HashSet;
use std::sync::Arc;

use bulla_core::control::{Context, Control, Epoch, Recipient, SEALED_KEY_BYTES};
use bulla_core::limits::{MAX_EPOCH_PARENTS, MIN_INHERITED_BYTES};
use bulla_core::{AuthorKey, EntryId, KeyId, SealingKey, SpaceId};
use bulla_identity::{DeviceKeys, Randomness};

use super::hedge::Hedge;
use super::place::{Place, recipients_digest};
use super::{EpochError, NewEpoch, inheritance};
use crate::wrap::{Wrapped, wrap};
use crate::{BoundKey, EpochKey, OlderKey, TopicSecret};

/// A new epoch in plain values. The directory gives all of them but the keys.
#[derive(Debug, Clone)]
pub struct EpochDraft {
    /// The space.
    pub space: SpaceId,
    /// Zero for the space's own epochs; otherwise the id of the entry that founded the group.
    pub group: EntryId,
    /// All heads of the group's epochs, in any order; at most 64.
    pub parents: Vec<EpochParent>,
    /// Every device that may read the group, the recovery key among them, each with its sealing key, in any order; 1 to
    /// 8,192 (CTL-31).
    pub recipients: Vec<(AuthorKey, SealingKey)>,
    /// The group's topic secret, if the author knows it ([`Keyring::topics`](crate::Keyring::topics)).
    pub topics: Option<Arc<TopicSecret>>,
    /// In the first epoch of a space's own the keys that the space had before it, to hand them to newcomers
    /// ([`Keyring::keys_before_epochs`](crate::Keyring::keys_before_epochs)), at most 64; none where policy gives them no
    /// history, and none in any other epoch.
    pub older: Vec<OlderKey>,
}

/// A head of the group's epochs.
#[derive(Debug, Clone)]
pub struct EpochParent {
    /// The entry.
    pub id: EntryId,
    /// The key id that the entry names.
    pub key_id: KeyId,
    /// Its key, to hand it to newcomers, as [`Keyring::key_of_epoch`](crate::Keyring::key_of_epoch) gives it for this
    /// entry; `None` where policy gives them no history, or where the author does not have it.
    pub key: Option<BoundKey>,
}

impl EpochDraft {
    /// Draws a new key for an epoch that `device` is going to sign, seals it to every recipient, and seals under it what
    /// comes along from before.
    ///
    /// Who had every key before does not have this one. It is hedged: where the random source repeats itself, it is still
    /// another key for other recipients, other parents or another inheritance (CTL-31). A topic secret is made only for the
    /// first epoch of a group that has none (KEY-7).
    ///
    /// Two curve multiplications a recipient.
    ///
    /// # Errors
    ///
    /// [`EpochError::Payload`] when parents or recipients break their rules, before any work is done;
    /// [`EpochError::Parents`] when a parent's key is not the one its entry names or was learned as that of another epoch,
    /// group or space, and for older keys of another space, twice, too many, or in an epoch that is not the first;
    /// [`EpochError::NoTopicSecret`]; [`EpochError::Repeated`]; [`EpochError::SealingKey`]; [`EpochError::Randomness`].
    #[expect(
        clippy::missing_panics_doc,
        reason = "what is handed down is far shorter than the cipher's bound"
    )]
    pub fn create(
        mut self,
        device: &DeviceKeys,
        randomness: &dyn Randomness,
    ) -> Result<NewEpoch, EpochError> {
        self.parents.sort_unstable_by_key(|parent| parent.id);
        self.recipients.sort_unstable_by_key(|(device, _)| *device);
        let context = Context { space: self.space, author: device.author() };
        let mut payload = self.skeleton(&context)?;
        let is_theirs = |parent: &EpochParent| {
            let is_its =
                |key: &BoundKey| key.is_of(&self.space, &self.group, &parent.id, &parent.key_id);
            parent.key.as_ref().is_none_or(is_its)
        };
        if !self.parents.iter().all(is_theirs) || !self.may_have_older() {
            return Err(EpochError::Parents);
        }
        if self.topics.is_none() && !self.parents.is_empty() {
            return Err(EpochError::NoTopicSecret);
        }

        let hedge = Hedge::draw(device, &self, randomness)?;
        let key = hedge.epoch_key();
        let is_known = self.parents.iter().any(|parent| key.has_id(&parent.key_id))
            || self.older.iter().any(|older| key.has_id(&older.key().id()));
        if is_known {
            return Err(EpochError::Repeated);
        }
        let topics = self.topic_secret(&key, &hedge);
        payload.key_id = key.id();
        let place = Place::of(&context, &payload);
        let parents =
            self.parents.iter().map(|parent| parent.key.as_ref().map(|key| key.key().as_ref()));
        let older = self.older.iter().map(|older| Some(older.key().as_ref()));
        let handed_down: Vec<Option<&EpochKey>> = parents.chain(older).collect();
        let inherited = inheritance::seal(&place, &key, &topics, handed_down.into_iter())
            .expect("what is handed down is far shorter than the cipher's bound");
        let digest = recipients_digest(self.recipients.iter().map(|(device, _)| device));
        let mut recipients = Vec::with_capacity(self.recipients.len());
        for (device, sealing_key) in &self.recipients {
            let info = place.info(&digest, device, sealing_key);
            let wrapped = wrap(sealing_key, &info, key.expose_secret(), randomness)
                .map_err(|error| EpochError::of_wrap(&error, *device))?;
            recipients.push(Recipient { device: *device, sealed: joined(&wrapped) });
        }
        (payload.inherited, payload.recipients) = (inherited, recipients);
        Ok(NewEpoch { payload, key, topics })
    }

    /// The payload with nothing sealed yet, its rules checked.
    fn skeleton(&self, context: &Context) -> Result<Epoch, EpochError> {
        let recipient = |(device, _): &(AuthorKey, SealingKey)| Recipient {
            device: *device,
            sealed: [0; SEALED_KEY_BYTES],
        };
        let skeleton = Control::Epoch(Epoch {
            group: self.group,
            parents: self.parents.iter().map(|parent| parent.id).collect(),
            key_id: KeyId([1; 32]),
            recipients: self.recipients.iter().map(recipient).collect(),
            inherited: vec![0; MIN_INHERITED_BYTES],
        });
        skeleton.validate(context).map_err(EpochError::Payload)?;
        let Control::Epoch(payload) = skeleton else { unreachable!("it was made an epoch above") };
        Ok(payload)
    }

    /// Whether it may hand down the older keys that it names: as the first epoch of their space, each once.
    fn may_have_older(&self) -> bool {
        let ids: HashSet<KeyId> = self.older.iter().map(|older| older.key().id()).collect();
        let is_first = self.group.is_zero() && self.parents.is_empty();
        self.older.is_empty()
            || is_first
                && ids.len() == self.older.len()
                && ids.len() <= MAX_EPOCH_PARENTS
                && self.older.iter().all(|older| older.is_of(&self.space))
    }

    /// The topic secret to hand on: the one known or, for the first epoch of a group, a new one (KEY-7).
    fn topic_secret(&self, key: &EpochKey, hedge: &Hedge) -> TopicSecret {
        match &self.topics {
            Some(known) => TopicSecret::dangerous_from_bytes(known.expose_secret()),
            None if self.group.is_zero() => TopicSecret::derive(key, &self.space),
            None => hedge.topic_secret(),
        }
    }
}

/// The encapsulated key and the ciphertext of one key, joined (CTL-32).
fn joined(wrapped: &Wrapped) -> [u8; SEALED_KEY_BYTES] {
    [wrapped.encapsulated.as_slice(), &wrapped.ciphertext]
        .concat()
        .try_into()
        .expect("32 bytes of key have 16 more when they are sealed")
}
