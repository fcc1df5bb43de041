//! Making entries: seal, hash, sign.

mod control;

use std::sync::Arc;

use bulla_core::cbor::Encode;
use bulla_core::control::ControlError;
use bulla_core::genesis::{Founder, Genesis, GenesisError, Policy, RecoveryKey};
use bulla_core::limits::MAX_DEPENDENCIES;
use bulla_core::{
    AuthorKey, Code, ContentHash, EntryId, Header, HeaderError, KeyId, Kind, RawEntry, Salt,
    SpaceId, Topic,
};
use bulla_identity::{Card, DeviceKeys, Randomness, RandomnessError};
use bytes::Bytes;

use crate::frame::{MAX_PLAINTEXT_BYTES, Padding, frame};
use crate::{EpochKey, seal};

/// Where an author's chain in a space ends (ENT-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnd {
    sequence: u64,
    id: EntryId,
}

impl ChainEnd {
    /// A chain without entries.
    pub const EMPTY: Self = Self { sequence: 0, id: EntryId::ZERO };

    /// A chain whose last entry has this sequence and id.
    #[must_use]
    pub const fn after(sequence: u64, id: EntryId) -> Self {
        Self { sequence, id }
    }

    /// The last sequence; 0 for none.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The last id; zero for none.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        self.id
    }
}

/// What an application wants to write.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// An application kind.
    pub kind: Kind,
    /// The topic; zero for none.
    pub topic: Topic,
    /// Entries this one builds on, in any order; doubles and the author's previous entry are left out by the writer.
    pub dependencies: Vec<EntryId>,
    /// From a hybrid logical clock ([`Hlc`](crate::Hlc)).
    pub timestamp: u64,
    /// What to seal, at most [`MAX_PLAINTEXT_BYTES`].
    pub plaintext: &'a [u8],
    /// How its length is hidden.
    pub padding: Padding,
}

impl<'a> Draft<'a> {
    /// A draft without topic and dependencies, at time 0, padded.
    #[must_use]
    pub const fn new(kind: Kind, plaintext: &'a [u8]) -> Self {
        Self {
            kind,
            topic: Topic::ZERO,
            dependencies: Vec::new(),
            timestamp: 0,
            plaintext,
            padding: Padding::Padme,
        }
    }

    /// With this topic.
    #[must_use]
    pub const fn with_topic(mut self, topic: Topic) -> Self {
        self.topic = topic;
        self
    }

    /// With these dependencies.
    #[must_use]
    pub fn with_dependencies(mut self, dependencies: Vec<EntryId>) -> Self {
        self.dependencies = dependencies;
        self
    }

    /// With this timestamp.
    #[must_use]
    pub const fn with_timestamp(mut self, timestamp: u64) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// With this padding.
    #[must_use]
    pub const fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

pub use control::ControlDraft;

/// A new entry: its bytes, its id, and where the chain ends after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The entry. A store takes it after verification, like any other.
    pub raw: RawEntry,
    /// Its id.
    pub id: EntryId,
    /// Where the author's next entry follows on.
    pub chain: ChainEnd,
}

/// Why an entry was not made. Nothing was signed. All but [`Randomness`](Self::Randomness) are the caller's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Control kinds are not sealed, and a genesis follows on no chain ([`found_space`]).
    #[error("an entry of kind {0} is not made so")]
    Kind(Kind),
    /// Longer than one entry holds; larger content is chunked.
    #[error("plaintext has {0} bytes, an entry holds {MAX_PLAINTEXT_BYTES}")]
    TooLong(usize),
    /// More than 64 dependencies.
    #[error("{0} dependencies, an entry names {MAX_DEPENDENCIES}")]
    Dependencies(usize),
    /// The header would break a rule of the format.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The founders or the policy break a rule.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The payload of a control entry breaks a rule or is beyond its bounds.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl WriteError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Kind(_) => "write.kind",
            Self::TooLong(_) => "write.too_long",
            Self::Dependencies(_) => "write.dependencies",
            Self::Header(error) => return error.code(),
            Self::Genesis(error) => return error.code(),
            Self::Control(error) => return error.code(),
            Self::Randomness(_) => "write.randomness",
        })
    }
}

/// Seals and signs the entries of one device in one space. It keeps no state: the caller tells where the chain ends, and
/// must never give two drafts one place, or the device forks.
#[derive(Debug, Clone)]
pub struct EntryWriter {
    keys: Arc<DeviceKeys>,
    space: SpaceId,
    randomness: Arc<dyn Randomness>,
}

impl EntryWriter {
    /// A writer for this device and space.
    #[must_use]
    pub fn new(keys: Arc<DeviceKeys>, space: SpaceId, randomness: Arc<dyn Randomness>) -> Self {
        Self { keys, space, randomness }
    }

    /// The device's author key.
    #[must_use]
    pub fn author(&self) -> AuthorKey {
        self.keys.author()
    }

    /// The space.
    #[must_use]
    pub const fn space(&self) -> SpaceId {
        self.space
    }

    /// Makes the entry that follows `chain`.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub fn seal(
        &self,
        chain: &ChainEnd,
        draft: &Draft<'_>,
        key: &EpochKey,
    ) -> Result<Sealed, WriteError> {
        if draft.kind.is_control() {
            return Err(WriteError::Kind(draft.kind));
        }
        let framed = frame(draft.plaintext, draft.padding)
            .ok_or(WriteError::TooLong(draft.plaintext.len()))?;
        let dependencies = in_order(&draft.dependencies, chain)?;
        let mut header = Header {
            space: self.space,
            author: self.keys.author(),
            sequence: chain.sequence.saturating_add(1),
            previous: chain.id,
            timestamp: draft.timestamp,
            kind: draft.kind,
            topic: draft.topic,
            dependencies,
            key_id: key.id(),
            salt: Salt::ZERO,
            payload_length: 0,
            content_hash: ContentHash::ZERO,
        };
        header.salt = fresh_salt(&self.keys, &header, &framed, self.randomness.as_ref())?;
        let payload =
            seal::seal(framed, &header, key).ok_or(WriteError::TooLong(draft.plaintext.len()))?;
        finish(&self.keys, header, payload)
    }
}

/// Makes the genesis of a new space. This device is the first founder and the author; `others` follow in order of
/// seniority.
///
/// The entry's id is the id of the space.
///
/// # Errors
///
/// [`WriteError::Genesis`] when a key occurs twice or founders are too many; [`WriteError::Header`];
/// [`WriteError::Randomness`].
pub fn found_space(
    keys: &DeviceKeys,
    others: &[Card],
    recovery: Option<RecoveryKey>,
    policy: Policy,
    timestamp: u64,
    randomness: &dyn Randomness,
) -> Result<Sealed, WriteError> {
    let first = Founder { author: keys.author(), sealing_key: keys.sealing_key() };
    let others = others
        .iter()
        .map(|card| Founder { author: card.author(), sealing_key: card.sealing_key() });
    let genesis =
        Genesis { founders: std::iter::once(first).chain(others).collect(), recovery, policy };
    genesis.validate(&keys.author())?;
    let payload = genesis.to_cbor();
    let mut header = Header {
        space: SpaceId::ZERO,
        author: keys.author(),
        sequence: 1,
        previous: EntryId::ZERO,
        timestamp,
        kind: Kind::GENESIS,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: KeyId::ZERO,
        salt: Salt::ZERO,
        payload_length: 0,
        content_hash: ContentHash::ZERO,
    };
    header.salt = fresh_salt(keys, &header, &payload, randomness)?;
    finish(keys, header, payload.into())
}

/// Dependencies as a header has them: ascending, none twice, the previous entry left out (ENT-9).
fn in_order(dependencies: &[EntryId], chain: &ChainEnd) -> Result<Vec<EntryId>, WriteError> {
    let mut dependencies = dependencies.to_vec();
    dependencies.sort_unstable();
    dependencies.dedup();
    dependencies.retain(|id| *id != chain.id);
    match dependencies.len() {
        0..=MAX_DEPENDENCIES => Ok(dependencies),
        many => Err(WriteError::Dependencies(many)),
    }
}

fn fresh_salt(
    keys: &DeviceKeys,
    header: &Header,
    framed: &[u8],
    randomness: &dyn Randomness,
) -> Result<Salt, RandomnessError> {
    let mut random = [0; 32];
    randomness.fill(&mut random)?;
    Ok(seal::salt(keys.salt_secret(), &random, &header.salt_input(), framed))
}

fn finish(keys: &DeviceKeys, mut header: Header, payload: Bytes) -> Result<Sealed, WriteError> {
    header.payload_length =
        u32::try_from(payload.len()).map_err(|_| WriteError::TooLong(payload.len()))?;
    header.content_hash = ContentHash::of(&payload);
    header.validate()?;
    let bytes = header.to_cbor();
    let digest = Header::digest_of(&bytes);
    let signature = keys.sign_header(&digest);
    let id = EntryId::compute(&digest, &signature);
    let raw = RawEntry { header: bytes.into(), signature, payload: Some(payload) };
    Ok(Sealed { raw, id, chain: ChainEnd::after(header.sequence, id) })
}

#[cfg(test)]
mod tests;
