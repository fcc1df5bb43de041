//! The payload of a genesis entry: who founds a space, and by which policy (chapter `entries.md`, clauses GEN-1 to
//! GEN-6).

use crate::cbor::{CborError, Decode, Encode, Reader, Writer};
use crate::limits::{MAX_COUNTER, MAX_FOUNDERS, MAX_GENESIS_BYTES};
use crate::verify::is_small_order_u;
use crate::{AuthorKey, Code, SealingKey};

const PAYLOAD_VERSION: u64 = 1;
const POLICY_KEYS: u64 = 6;

/// A founding device: its signing key and its sealing key (GEN-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Founder {
    /// Ed25519 verifying key, 32 bytes.
    pub author: AuthorKey,
    /// X25519 public key.
    pub sealing_key: SealingKey,
}

/// A key that is kept offline and signs one entry when all else is lost: its signing key and its sealing key (GEN-5,
/// CTL-70).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryKey {
    /// Ed25519 verifying key, 32 bytes; senior to every founder.
    pub author: AuthorKey,
    /// X25519 public key, to which epoch keys are sealed (CTL-36).
    pub sealing_key: SealingKey,
}

/// What a space asks of its members; a map with ascending integer keys, of which unknown ones are refused (GEN-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Key 1: lowest entry format version that counts.
    pub minimum_format: Option<u64>,
    /// Key 2: whether newcomers receive the keys of earlier epochs.
    pub history_for_newcomers: Option<bool>,
    /// Key 3: most entries of one author.
    pub author_entries: Option<u64>,
    /// Key 4: most payload bytes of one author.
    pub author_bytes: Option<u64>,
    /// Key 5: most entries of the space.
    pub space_entries: Option<u64>,
    /// Key 6: most payload bytes of the space.
    pub space_bytes: Option<u64>,
}

/// The payload of a genesis entry (GEN-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The founders in order of seniority, the entry's author first; 1 to 64, no key twice (GEN-3).
    pub founders: Vec<Founder>,
    /// The recovery key, if there is one (GEN-5).
    pub recovery: Option<RecoveryKey>,
    /// The policy (GEN-4).
    pub policy: Policy,
}

/// Why a payload is not that of a genesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// Longer than 16 KiB (GEN-2).
    #[error("genesis payload longer than {MAX_GENESIS_BYTES} bytes")]
    TooLong,
    /// Not canonical CBOR of the right shape.
    #[error("genesis payload is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown payload version (GEN-1).
    #[error("unknown genesis version {0}")]
    Version(u64),
    /// No founder, too many, a key twice, a zero key, a sealing key of small order, or the author not first (GEN-3).
    #[error("founders must be distinct usable keys with the entry's author first")]
    Founders,
    /// A policy key this version does not know (GEN-4).
    #[error("unknown policy key {0}")]
    PolicyKey(u64),
    /// A number beyond 2^63 - 1 in a policy built by hand; read from bytes it is out of bounds (GEN-4).
    #[error("policy number beyond its bound")]
    PolicyValue,
}

impl GenesisError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::TooLong => "genesis.too_long",
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "genesis.version",
            Self::Founders => "genesis.founders",
            Self::PolicyKey(_) => "genesis.policy_key",
            Self::PolicyValue => "genesis.policy_value",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::TooLong => "GEN-2",
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "GEN-1",
            Self::Founders => "GEN-3",
            Self::PolicyKey(_) | Self::PolicyValue => "GEN-4",
        }
    }
}

impl Genesis {
    /// Reads the payload of a genesis entry by `author`.
    ///
    /// The order of the checks: length, canonical CBOR, version, shape, policy keys, founders.
    ///
    /// # Errors
    ///
    /// [`GenesisError`]; the bytes are at fault.
    pub fn parse(payload: &[u8], author: &AuthorKey) -> Result<Self, GenesisError> {
        if payload.len() > MAX_GENESIS_BYTES {
            return Err(GenesisError::TooLong);
        }
        let mut reader = Reader::versioned(payload, PAYLOAD_VERSION, 4, GenesisError::Version)?;
        let count = reader.array(MAX_FOUNDERS)?;
        let mut founders = Vec::with_capacity(count);
        for _ in 0..count {
            reader.array_exact(2)?;
            founders.push(Founder {
                author: AuthorKey(reader.array_of()?),
                sealing_key: SealingKey(reader.array_of()?),
            });
        }
        let recovery = if reader.null() { None } else { Some(RecoveryKey::decode(&mut reader)?) };
        let policy = Policy::read(&mut reader)?;
        reader.finish()?;
        let genesis = Self { founders, recovery, policy };
        genesis.validate(author)?;
        Ok(genesis)
    }

    /// Checks what a payload built by hand may break, for an entry by `author`.
    ///
    /// # Errors
    ///
    /// [`GenesisError::PolicyValue`], then [`GenesisError::Founders`].
    pub fn validate(&self, author: &AuthorKey) -> Result<(), GenesisError> {
        if self.policy.numbers().iter().any(|(_, number)| number.is_some_and(|n| n > MAX_COUNTER)) {
            return Err(GenesisError::PolicyValue);
        }
        let mut keys: Vec<[u8; 32]> =
            self.founders.iter().flat_map(|f| [f.author.0, f.sealing_key.0]).collect();
        keys.extend(self.recovery.iter().flat_map(|key| [key.author.0, key.sealing_key.0]));
        keys.sort_unstable();
        let distinct = keys.windows(2).all(|pair| pair.first() != pair.last());
        let no_zero = keys.first().is_none_or(|key| *key != [0; 32]);
        let author_first = self.founders.first().is_some_and(|first| first.author == *author);
        let fits = self.founders.len() <= MAX_FOUNDERS;
        // One key to which nothing can be sealed would stop every epoch of the space (CTL-32).
        let mut sealing_keys = self.founders.iter().map(|founder| &founder.sealing_key);
        let sealable = !sealing_keys.any(|key| is_small_order_u(&key.0))
            && self.recovery.is_none_or(|key| !is_small_order_u(&key.sealing_key.0));
        if distinct && no_zero && author_first && fits && sealable {
            Ok(())
        } else {
            Err(GenesisError::Founders)
        }
    }
}

impl Encode for RecoveryKey {
    fn encode(&self, writer: &mut Writer) {
        writer.array(2).bytes(self.author).bytes(self.sealing_key);
    }
}

impl Decode for RecoveryKey {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(2)?;
        Ok(Self {
            author: AuthorKey(reader.array_of()?),
            sealing_key: SealingKey(reader.array_of()?),
        })
    }
}

impl Policy {
    /// The values that are numbers, with their keys.
    const fn numbers(&self) -> [(u64, Option<u64>); 5] {
        [
            (1, self.minimum_format),
            (3, self.author_entries),
            (4, self.author_bytes),
            (5, self.space_entries),
            (6, self.space_bytes),
        ]
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, GenesisError> {
        let mut policy = Self::default();
        for _ in 0..reader.map(usize::MAX)? {
            match reader.uint(u64::MAX)? {
                1 => policy.minimum_format = Some(reader.uint(MAX_COUNTER)?),
                2 => policy.history_for_newcomers = Some(reader.bool()?),
                3 => policy.author_entries = Some(reader.uint(MAX_COUNTER)?),
                4 => policy.author_bytes = Some(reader.uint(MAX_COUNTER)?),
                5 => policy.space_entries = Some(reader.uint(MAX_COUNTER)?),
                6 => policy.space_bytes = Some(reader.uint(MAX_COUNTER)?),
                key => return Err(GenesisError::PolicyKey(key)),
            }
        }
        Ok(policy)
    }
}

impl Encode for Genesis {
    fn encode(&self, writer: &mut Writer) {
        writer.array(4).uint(PAYLOAD_VERSION).array(self.founders.len());
        for founder in &self.founders {
            writer.array(2).bytes(founder.author).bytes(founder.sealing_key);
        }
        match &self.recovery {
            Some(key) => key.encode(writer),
            None => _ = writer.null(),
        }
        let policy = &self.policy;
        let numbers = policy.numbers();
        let set = numbers.iter().filter(|(_, value)| value.is_some()).count();
        writer.map(set + usize::from(policy.history_for_newcomers.is_some()));
        for key in 1..=POLICY_KEYS {
            if key == 2 {
                if let Some(history) = policy.history_for_newcomers {
                    writer.uint(key).bool(history);
                }
            } else if let Some(value) =
                numbers.iter().find(|(k, _)| *k == key).and_then(|(_, value)| *value)
            {
                writer.uint(key).uint(value);
            }
        }
    }
}
