//! The one place where bytes from outside become verified entries (chapter `entries.md`, VER-1 to VER-8).
//!
//! Signatures are judged by ZIP-215 with `s < l`, and author keys that do not decode or are of small order are refused.
//! Under that rule a batch and single checks agree by construction; a batch that fails is judged one by one.

mod small_order;

use bytes::Bytes;
use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};

use crate::genesis::{Genesis, GenesisError};
use crate::header::signing_message;
use crate::{
    AuthorKey, Code, ContentHash, Header, HeaderDigest, HeaderError, Kind, RawEntry, Signature, SpaceId, Verified,
    VerifiedEntry, VerifiedHeader,
};

pub use small_order::is_small_order;

/// Entries whose signatures are judged together at most; larger inputs are cut.
const BATCH: usize = 256;

/// Why bytes are not a genuine entry of the space. The peer that sent them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The header is not canonical or breaks a rule of its fields (VER-2).
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The entry belongs to another space, or is a genesis other than the space's own (VER-3).
    #[error("entry belongs to another space than {expected}")]
    Space {
        /// The space it was given for.
        expected: SpaceId,
    },
    /// The author key does not decode to a point, or its point is of small order (VER-4).
    #[error("author key {0} is not usable")]
    AuthorKey(AuthorKey),
    /// The signature does not verify under the author key (VER-5).
    #[error("signature does not verify under author key {0}")]
    Signature(AuthorKey),
    /// The payload is not as long as the header says (VER-6).
    #[error("payload has {actual} bytes, header says {expected}")]
    PayloadLength {
        /// As the header says.
        expected: u32,
        /// As it came.
        actual: usize,
    },
    /// The payload does not hash to the content hash (VER-6).
    #[error("payload hashes to {actual}, header says {expected}")]
    ContentHash {
        /// As the header says.
        expected: ContentHash,
        /// As computed.
        actual: ContentHash,
    },
    /// The payload of a genesis is not one (VER-7).
    #[error(transparent)]
    Genesis(#[from] GenesisError),
}

impl VerifyError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Header(error) => return error.code(),
            Self::Space { .. } => "entry.space",
            Self::AuthorKey(_) => "entry.author_key",
            Self::Signature(_) => "entry.signature",
            Self::PayloadLength { .. } => "entry.payload_length",
            Self::ContentHash { .. } => "entry.content_hash",
            Self::Genesis(error) => return error.code(),
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Header(error) => error.clause(),
            Self::Space { .. } => "VER-3",
            Self::AuthorKey(_) => "VER-4",
            Self::Signature(_) => "VER-5",
            Self::PayloadLength { .. } | Self::ContentHash { .. } => "VER-6",
            Self::Genesis(error) => error.clause(),
        }
    }
}

/// Verifies entries, one by one or in batches. Every path by which bytes enter goes through here.
#[derive(Debug, Clone)]
pub struct Verifier {
    seed: [u8; 32],
}

impl Verifier {
    /// A verifier whose batches are randomized by `seed`: 32 bytes from the operating system, fresh per process.
    ///
    /// The coefficients of a batch come from BLAKE3 over the seed and everything that is judged, so that even a peer who
    /// knew the seed could not choose signatures to suit them.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Verifies one entry of `space`.
    ///
    /// # Errors
    ///
    /// The first [`VerifyError`] in the order of its variants.
    pub fn verify(&self, space: &SpaceId, raw: RawEntry) -> Result<Verified, VerifyError> {
        let candidate = Candidate::parse(raw)?;
        candidate.check_space(space)?;
        candidate.check_author()?;
        candidate.check_signature()?;
        candidate.finish()
    }

    /// Verifies the genesis entry of a space not known before; the entry's id is the space's.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify); [`HeaderError::Genesis`] for any other kind.
    pub fn verify_genesis(&self, raw: RawEntry) -> Result<Verified, VerifyError> {
        let candidate = Candidate::parse(raw)?;
        if candidate.header.kind != Kind::GENESIS {
            return Err(HeaderError::Genesis.into());
        }
        candidate.check_author()?;
        candidate.check_signature()?;
        candidate.finish()
    }

    /// Verifies any number of entries of `space`; one verdict each, in order, the same as [`verify`](Self::verify)
    /// would give.
    #[must_use]
    pub fn verify_batch(&self, space: &SpaceId, raw: Vec<RawEntry>) -> Vec<Result<Verified, VerifyError>> {
        let mut verdicts = Vec::with_capacity(raw.len());
        let mut raw = raw.into_iter().peekable();
        while raw.peek().is_some() {
            let candidates: Vec<_> = raw
                .by_ref()
                .take(BATCH)
                .map(|raw| {
                    let candidate = Candidate::parse(raw)?;
                    candidate.check_space(space)?;
                    candidate.check_author()?;
                    Ok(candidate)
                })
                .collect();
            let all_good = self.batch_holds(candidates.iter().flatten());
            verdicts.extend(candidates.into_iter().map(|candidate: Result<Candidate, VerifyError>| {
                let candidate = candidate?;
                if !all_good {
                    candidate.check_signature()?;
                }
                candidate.finish()
            }));
        }
        verdicts
    }

    fn batch_holds<'a>(&self, candidates: impl Iterator<Item = &'a Candidate>) -> bool {
        let mut verifier = batch::Verifier::new();
        let mut transcript = blake3::Hasher::new_keyed(&self.seed);
        for candidate in candidates {
            let message = candidate.signing_message();
            transcript.update(&candidate.header.author.0).update(&candidate.signature.0).update(&message);
            let key = VerificationKeyBytes::from(candidate.header.author.0);
            verifier.queue((key, ed25519_zebra::Signature::from(candidate.signature.0), &message));
        }
        verifier.verify(Coefficients(transcript.finalize_xof())).is_ok()
    }
}

/// What is known of an entry while it is being judged.
struct Candidate {
    header: Header,
    bytes: Bytes,
    digest: HeaderDigest,
    signature: Signature,
    payload: Option<Bytes>,
}

impl Candidate {
    fn parse(raw: RawEntry) -> Result<Self, VerifyError> {
        let header = Header::decode(&raw.header)?;
        let digest = Header::digest_of(&raw.header);
        Ok(Self { header, bytes: raw.header, digest, signature: raw.signature, payload: raw.payload })
    }

    fn check_space(&self, expected: &SpaceId) -> Result<(), VerifyError> {
        let actual = if self.header.kind == Kind::GENESIS {
            crate::EntryId::compute(&self.digest, &self.signature).into()
        } else {
            self.header.space
        };
        if actual == *expected { Ok(()) } else { Err(VerifyError::Space { expected: *expected }) }
    }

    fn check_author(&self) -> Result<(), VerifyError> {
        let author = self.header.author;
        // Whether the key decodes at all shows when the signature is checked; only then does it cost a square root.
        if is_small_order(&author.0) { Err(VerifyError::AuthorKey(author)) } else { Ok(()) }
    }

    fn check_signature(&self) -> Result<(), VerifyError> {
        let author = self.header.author;
        let key = VerificationKey::try_from(author.0).map_err(|_| VerifyError::AuthorKey(author))?;
        let signature = ed25519_zebra::Signature::from(self.signature.0);
        key.verify(&signature, &self.signing_message()).map_err(|_| VerifyError::Signature(author))
    }

    fn signing_message(&self) -> [u8; crate::domain::SIGN_ENTRY.len() + 32] {
        signing_message(&self.digest)
    }

    /// Called only after the signature held; checks the payload, if there is one.
    fn finish(self) -> Result<Verified, VerifyError> {
        let Some(payload) = self.payload else {
            return Ok(VerifiedHeader::new(self.header, self.bytes, &self.digest, self.signature).into());
        };
        let header = VerifiedHeader::new(self.header, self.bytes, &self.digest, self.signature);
        attach_payload(header, payload).map(Into::into)
    }
}

/// Adds a payload that arrived after its header.
///
/// # Errors
///
/// [`VerifyError::PayloadLength`], [`VerifyError::ContentHash`] or [`VerifyError::Genesis`].
pub fn attach_payload(header: VerifiedHeader, payload: Bytes) -> Result<VerifiedEntry, VerifyError> {
    let fields = header.header();
    let expected = fields.payload_length;
    if u32::try_from(payload.len()) != Ok(expected) {
        return Err(VerifyError::PayloadLength { expected, actual: payload.len() });
    }
    let (expected, actual) = (fields.content_hash, ContentHash::of(&payload));
    if expected != actual {
        return Err(VerifyError::ContentHash { expected, actual });
    }
    if fields.kind == Kind::GENESIS {
        Genesis::parse(&payload, &fields.author)?;
    }
    Ok(VerifiedEntry::new(header, payload))
}

/// Batch coefficients as a random number generator: extended output over seed and transcript.
struct Coefficients(blake3::OutputReader);

impl rand_core::TryRng for Coefficients {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Coefficients {}
