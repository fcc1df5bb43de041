//! The signed header of an entry: its fields, its one encoding and the rules it keeps (chapter `entries.md`).

use crate::cbor::{CborError, Encode, Reader, Writer};
use crate::limits::{
    MAX_COUNTER, MAX_DEPENDENCIES, MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, MIN_SEALED_BYTES,
};
use crate::{
    AuthorKey, Code, ContentHash, EntryId, HeaderDigest, KeyId, Kind, Salt, SpaceId, Topic, derive,
    domain,
};

/// The format version this crate writes and reads (ENT-1).
pub const FORMAT_VERSION: u64 = 1;
/// Elements of the header array.
const FIELDS: usize = 13;

/// The fields of a header, in the order of their encoding (ENT-2).
///
/// The encoding is an array of 13 elements: format version, then the fields below. A `Header` built by hand may break
/// the rules; [`Header::validate`] says which, and nothing that breaks one verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The space; all zero in the genesis entry only (ENT-3).
    pub space: SpaceId,
    /// The signing device (ENT-4).
    pub author: AuthorKey,
    /// The author's own 1, 2, 3… in this space (ENT-5).
    pub sequence: u64,
    /// The author's entry `sequence - 1`; zero for sequence 1 (ENT-5).
    pub previous: EntryId,
    /// Hybrid logical clock: milliseconds since 1970 shifted left by 16, plus a counter. A hint (ENT-6).
    pub timestamp: u64,
    /// What the entry is for (ENT-7).
    pub kind: Kind,
    /// Opaque filter tag; zero for none and for every control kind (ENT-8).
    pub topic: Topic,
    /// Entries this one builds on: at most 64, strictly ascending, without `previous` (ENT-9).
    pub dependencies: Vec<EntryId>,
    /// The epoch key that sealed the payload; zero exactly for control kinds (ENT-10).
    pub key_id: KeyId,
    /// The per-entry salt (ENT-11).
    pub salt: Salt,
    /// Ciphertext bytes, at most 1 MiB (ENT-12).
    pub payload_length: u32,
    /// BLAKE3 of the ciphertext (ENT-13).
    pub content_hash: ContentHash,
}

/// Why bytes are not a header, or a header is not one that may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Longer than 8 KiB (ENT-20).
    #[error("header longer than {MAX_HEADER_BYTES} bytes")]
    TooLong,
    /// Not canonical CBOR of the right shape.
    #[error("header is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// A format version this crate does not know (ENT-1).
    #[error("unknown format version {0}")]
    Version(u64),
    /// A control entry with a topic (ENT-8).
    #[error("control entry with a topic")]
    Topic,
    /// Sequence 0, or sequence 1 with a previous entry, or a later one without (ENT-5).
    #[error("sequence and previous entry do not agree")]
    Sequence,
    /// A timestamp beyond 2^63 - 1 in a header built by hand; read from bytes it is out of bounds (ENT-6).
    #[error("timestamp beyond its bound")]
    Timestamp,
    /// A control kind this version does not know (ENT-7).
    #[error("unknown control kind {0}")]
    ControlKind(u16),
    /// Dependencies not strictly ascending, zero, or repeating the previous entry (ENT-9).
    #[error("dependencies are not strictly ascending ids other than the previous entry")]
    Dependencies,
    /// A control entry with a key id, or another entry without (ENT-10).
    #[error("key id must be zero exactly for control kinds")]
    KeyId,
    /// A sealed payload shorter than its authentication tag (ENT-12).
    #[error("sealed payload shorter than its tag")]
    PayloadLength,
    /// A zero space outside a genesis, a space in a genesis, or a genesis with a history, topic or dependencies (ENT-3).
    #[error(
        "genesis rules broken: zero space, sequence 1, no previous, topic or dependencies, and only there"
    )]
    Genesis,
}

impl HeaderError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::TooLong => "header.too_long",
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "header.version",
            Self::Topic => "header.topic",
            Self::Sequence => "header.sequence",
            Self::Timestamp => "header.timestamp",
            Self::ControlKind(_) => "header.control_kind",
            Self::Dependencies => "header.dependencies",
            Self::KeyId => "header.key_id",
            Self::PayloadLength => "header.payload_length",
            Self::Genesis => "header.genesis",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::TooLong => "ENT-20",
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "ENT-1",
            Self::Topic => "ENT-8",
            Self::Sequence => "ENT-5",
            Self::Timestamp => "ENT-6",
            Self::ControlKind(_) => "ENT-7",
            Self::Dependencies => "ENT-9",
            Self::KeyId => "ENT-10",
            Self::PayloadLength => "ENT-12",
            Self::Genesis => "ENT-3",
        }
    }
}

impl Header {
    /// Reads a header and checks every rule that needs nothing but its bytes.
    ///
    /// The order of the checks is fixed, so that every implementation names the same error: length, canonical CBOR of
    /// the whole, format version, shape field by field, then the rules in the order of [`Header::validate`] (ENT-25).
    ///
    /// # Errors
    ///
    /// [`HeaderError`]; the bytes are at fault.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLong);
        }
        let mut reader = Reader::versioned(bytes, FORMAT_VERSION, FIELDS, HeaderError::Version)?;
        let space = SpaceId(reader.array_of()?);
        let author = AuthorKey(reader.array_of()?);
        let sequence = reader.uint(MAX_COUNTER)?;
        let previous = EntryId(reader.array_of()?);
        let timestamp = reader.uint(MAX_COUNTER)?;
        let kind = Kind(u16::try_from(reader.uint(u64::from(u16::MAX))?).unwrap_or(u16::MAX));
        let topic = Topic(reader.array_of()?);
        let count = reader.array(MAX_DEPENDENCIES)?;
        let mut dependencies = Vec::with_capacity(count);
        for _ in 0..count {
            dependencies.push(EntryId(reader.array_of()?));
        }
        let key_id = KeyId(reader.array_of()?);
        let salt = Salt(reader.array_of()?);
        let payload_length = reader.u32(u32::try_from(MAX_PAYLOAD_BYTES).unwrap_or(u32::MAX))?;
        let content_hash = ContentHash(reader.array_of()?);
        reader.finish()?;
        let header = Self {
            space,
            author,
            sequence,
            previous,
            timestamp,
            kind,
            topic,
            dependencies,
            key_id,
            salt,
            payload_length,
            content_hash,
        };
        header.validate()?;
        Ok(header)
    }

    /// Checks the rules between the fields.
    ///
    /// # Errors
    ///
    /// The first rule broken, in this order: [`HeaderError::ControlKind`], [`HeaderError::Genesis`],
    /// [`HeaderError::Topic`], [`HeaderError::Sequence`], [`HeaderError::Timestamp`], [`HeaderError::Dependencies`],
    /// [`HeaderError::KeyId`], [`HeaderError::PayloadLength`].
    pub fn validate(&self) -> Result<(), HeaderError> {
        let genesis = self.kind == Kind::GENESIS;
        if self.kind.is_control() && self.kind > Kind::LAST_CONTROL {
            return Err(HeaderError::ControlKind(self.kind.0));
        }
        if self.space.is_zero() != genesis {
            return Err(HeaderError::Genesis);
        }
        let plain_start = self.sequence == 1 && self.previous.is_zero() && self.topic.is_zero();
        if genesis && !(plain_start && self.dependencies.is_empty()) {
            return Err(HeaderError::Genesis);
        }
        if self.kind.is_control() && !self.topic.is_zero() {
            return Err(HeaderError::Topic);
        }
        if self.sequence == 0
            || self.sequence > MAX_COUNTER
            || (self.sequence == 1) != self.previous.is_zero()
        {
            return Err(HeaderError::Sequence);
        }
        if self.timestamp > MAX_COUNTER {
            return Err(HeaderError::Timestamp);
        }
        let ascending = self.dependencies.is_sorted_by(|a, b| a < b);
        let foreign = self.dependencies.iter().all(|id| !id.is_zero() && *id != self.previous);
        if !ascending || !foreign || self.dependencies.len() > MAX_DEPENDENCIES {
            return Err(HeaderError::Dependencies);
        }
        if self.key_id.is_zero() != self.kind.is_control() {
            return Err(HeaderError::KeyId);
        }
        let length = usize::try_from(self.payload_length).unwrap_or(usize::MAX);
        if length > MAX_PAYLOAD_BYTES || (!self.kind.is_control() && length < MIN_SEALED_BYTES) {
            return Err(HeaderError::PayloadLength);
        }
        Ok(())
    }

    /// The associated data of the payload's seal: the encoding of every field before the payload length, as an array of
    /// 11 elements that begins with the format version (SEAL-5).
    #[must_use]
    pub fn associated_data(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(320);
        writer.array(FIELDS - 2);
        self.encode_before_salt(&mut writer);
        writer.bytes(self.salt);
        writer.into_bytes()
    }

    /// What the salt is derived from besides secret and random bytes: the encoding of every field before the salt, as an
    /// array of 10 elements that begins with the format version (SEAL-3).
    #[must_use]
    pub fn salt_input(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(320);
        writer.array(FIELDS - 3);
        self.encode_before_salt(&mut writer);
        writer.into_bytes()
    }

    /// The digest that is signed (ENT-30).
    #[must_use]
    pub fn digest_of(bytes: &[u8]) -> HeaderDigest {
        HeaderDigest(derive::HEADER.hash(bytes))
    }

    fn encode_before_salt(&self, writer: &mut Writer) {
        writer
            .uint(FORMAT_VERSION)
            .bytes(self.space)
            .bytes(self.author)
            .uint(self.sequence)
            .bytes(self.previous);
        writer.uint(self.timestamp).uint(u64::from(self.kind.0)).bytes(self.topic);
        writer.array(self.dependencies.len());
        for id in &self.dependencies {
            writer.bytes(id);
        }
        writer.bytes(self.key_id);
    }
}

impl Encode for Header {
    fn encode(&self, writer: &mut Writer) {
        writer.array(FIELDS);
        self.encode_before_salt(writer);
        writer.bytes(self.salt).uint(u64::from(self.payload_length)).bytes(self.content_hash);
    }
}

/// The bytes that an author signs for a header with this digest: the domain string, then the 32 bytes (ENT-31).
#[must_use]
pub fn signing_message(
    digest: &HeaderDigest,
) -> [u8; domain::SIGN_ENTRY.len() + HeaderDigest::LEN] {
    let mut message = [0; domain::SIGN_ENTRY.len() + HeaderDigest::LEN];
    let (prefix, rest) = message.split_at_mut(domain::SIGN_ENTRY.len());
    prefix.copy_from_slice(domain::SIGN_ENTRY);
    rest.copy_from_slice(&digest.0);
    message
}
