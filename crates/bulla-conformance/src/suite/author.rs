//! Authors who write entries for the cases: deterministic, and independent of the code that real devices use.

use bulla_core::cbor::Encode;
use bulla_core::genesis::{Founder, Genesis, Policy};
use bulla_core::header::signing_message;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, KeyId, Kind, RawEntry, Salt, SealingKey, Signature,
    SpaceId, Topic, Verified, VerifiedEntry, VerifiedHeader, Verifier, VerifyError,
};
use ed25519_dalek::{Signer as _, SigningKey};

/// What an author is about to write; the rest follows from the author's chain.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Length of the payload in bytes; at least 16.
    pub payload_bytes: usize,
    /// Seed of the payload's bytes; equal seeds and lengths give equal payloads.
    pub content: u64,
    /// The kind.
    pub kind: Kind,
    /// The topic.
    pub topic: Topic,
    /// The timestamp.
    pub timestamp: u64,
    /// The dependencies, in any order.
    pub dependencies: Vec<EntryId>,
}

impl Default for Draft {
    /// An operation with 64 bytes of payload, no topic and no dependencies.
    fn default() -> Self {
        Self {
            payload_bytes: 64,
            content: 0,
            kind: Kind::OPERATION,
            topic: Topic::ZERO,
            timestamp: 0,
            dependencies: Vec::new(),
        }
    }
}

/// A device that signs entries of one space, one after the other. Cloned, it can fork its own chain.
#[derive(Debug, Clone)]
pub struct Author {
    key: SigningKey,
    space: SpaceId,
    sequence: u64,
    previous: EntryId,
    verifier: Verifier,
}

impl Author {
    /// An author whose key comes from 32 bytes of seed.
    #[must_use]
    pub fn new(seed: [u8; 32], space: SpaceId) -> Self {
        let key = SigningKey::from_bytes(&seed);
        Self { key, space, sequence: 0, previous: EntryId::ZERO, verifier: Verifier::new(seed) }
    }

    /// The author's key.
    #[must_use]
    pub fn id(&self) -> AuthorKey {
        AuthorKey(self.key.verifying_key().to_bytes())
    }

    /// Writes the next entry.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] when the draft breaks a rule of the format.
    pub fn write(&mut self, draft: Draft) -> Result<VerifiedEntry, VerifyError> {
        let Draft { payload_bytes, content, kind, topic, timestamp, mut dependencies } = draft;
        let payload = filler(content, payload_bytes);
        dependencies.sort_unstable();
        dependencies.dedup();
        let header = Header {
            space: self.space,
            author: self.id(),
            sequence: self.sequence + 1,
            previous: self.previous,
            timestamp,
            kind,
            topic,
            dependencies,
            key_id: KeyId([0xe0; 32]),
            salt: Salt([0x5a; 24]),
            payload_length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            content_hash: ContentHash::of(&payload),
        };
        let entry = self.sign(&header, payload)?;
        self.sequence += 1;
        self.previous = entry.id();
        Ok(entry)
    }

    /// Founds a space with this author as the only founder. The space is the entry's own id.
    fn found(&self, salt: Salt) -> Result<VerifiedEntry, VerifyError> {
        let author = self.id();
        let founder = Founder { author, sealing_key: SealingKey([0x55; 32]) };
        let genesis =
            Genesis { founders: vec![founder], recovery: None, policy: Policy::default() };
        let payload = genesis.to_cbor();
        let header = Header {
            space: SpaceId::ZERO,
            author,
            sequence: 1,
            previous: EntryId::ZERO,
            timestamp: 0,
            kind: Kind::GENESIS,
            topic: Topic::ZERO,
            dependencies: Vec::new(),
            key_id: KeyId::ZERO,
            salt,
            payload_length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
            content_hash: ContentHash::of(&payload),
        };
        self.sign(&header, payload)
    }

    fn sign(&self, header: &Header, payload: Vec<u8>) -> Result<VerifiedEntry, VerifyError> {
        let bytes = header.to_cbor();
        let signature = self.key.sign(&signing_message(&Header::digest_of(&bytes)));
        let raw = RawEntry {
            header: bytes.into(),
            signature: Signature(signature.to_bytes()),
            payload: Some(payload.into()),
        };
        let verified = if header.kind == Kind::GENESIS {
            self.verifier.verify_genesis(raw)?
        } else {
            self.verifier.verify(&header.space, raw)?
        };
        match verified {
            Verified::Entry(entry) => Ok(entry),
            Verified::Header(_) => {
                Err(VerifyError::PayloadLength { expected: header.payload_length, actual: 0 })
            }
        }
    }
}

/// A space with a founder and as many authors as a case asks for.
#[derive(Debug, Clone)]
pub struct World {
    seed: [u8; 32],
    genesis: VerifiedEntry,
}

impl World {
    /// The space that this seed gives; every seed another one.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], which would be a fault of this suite.
    pub fn new(seed: [u8; 32]) -> Result<Self, VerifyError> {
        let founder = Author::new(derive(&seed, "founder", 0), SpaceId::ZERO);
        let salt = derive(&seed, "space", 0);
        let genesis = founder.found(Salt(*salt.first_chunk().unwrap_or(&[0; 24])))?;
        Ok(Self { seed, genesis })
    }

    /// The space.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.genesis.id().into()
    }

    /// The entry that founds the space.
    #[must_use]
    pub const fn genesis(&self) -> &VerifiedEntry {
        &self.genesis
    }

    /// The author of this number, with nothing written yet.
    #[must_use]
    pub fn author(&self, number: u64) -> Author {
        Author::new(derive(&self.seed, "author", number), self.space())
    }

    /// `count` entries by author `number`, 64 bytes of payload each, all different.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], which would be a fault of this suite.
    pub fn entries(&self, number: u64, count: u64) -> Result<Vec<VerifiedEntry>, VerifyError> {
        let mut author = self.author(number);
        (0..count)
            .map(|content| author.write(Draft { content, timestamp: content, ..Draft::default() }))
            .collect()
    }
}

/// The ids of entries, in order.
pub fn ids<'a>(entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Vec<EntryId> {
    entries.into_iter().map(VerifiedEntry::id).collect()
}

/// The entries as `put` takes them.
pub fn whole<'a>(entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Vec<Verified> {
    entries.into_iter().cloned().map(Verified::from).collect()
}

/// The headers of entries as `put` takes them.
pub fn headers<'a>(entries: impl IntoIterator<Item = &'a VerifiedEntry>) -> Vec<Verified> {
    entries.into_iter().map(|entry| header_of(entry).into()).collect()
}

/// The header of an entry.
#[must_use]
pub fn header_of(entry: &VerifiedEntry) -> VerifiedHeader {
    entry.verified_header().clone()
}

/// Bytes that do not compress, the same for the same seed.
fn filler(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new_derive_key("bulla 2026 suite payload")
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// 32 bytes for one purpose from a seed.
pub(crate) fn derive(seed: &[u8; 32], purpose: &str, number: u64) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(seed);
    hasher.update(&number.to_le_bytes()).update(purpose.as_bytes());
    hasher.finalize().into()
}
