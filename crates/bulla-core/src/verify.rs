//! The one place where bytes from outside become verified entries (chapter `entries.md`, VER-1 to VER-11).
//!
//! Signatures are judged by ZIP-215 with `s < l`, and author keys that do not decode or are of small order are refused.
//! Under that rule a batch and single checks agree by construction; a batch that fails is judged one by one.

mod equation;
mod keys;
mod signature;
mod small_order;

use bytes::Bytes;

use crate::control::{Context, Control, ControlError, Trust};
use crate::header::signing_message;
use crate::{
    AuthorKey, Code, ContentHash, Header, HeaderDigest, HeaderError, Kind, RawEntry, Signature,
    SpaceId, Verified, VerifiedEntry, VerifiedHeader,
};

use keys::KeyCache;

pub use signature::{SignatureError, Signed, verify_signature};
pub use small_order::{is_small_order, is_small_order_u};

/// Entries whose signatures are judged together at most; larger inputs are cut.
const BATCH: usize = 1024;

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
    /// The payload of a control entry is not one of its kind (VER-7).
    #[error(transparent)]
    Control(#[from] ControlError),
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
            Self::Control(error) => return error.code(),
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
            Self::Control(error) => error.clause(),
        }
    }
}

/// Verifies entries, one by one or in batches. Every path by which bytes enter goes through here.
///
/// One verifier serves many threads at once. It remembers up to 14,336 author keys (some 3 MiB) that it found usable, and
/// nothing of any entry or signature; a clone starts without them.
#[derive(Clone)]
pub struct Verifier {
    seed: [u8; 32],
    keys: KeyCache,
}

impl std::fmt::Debug for Verifier {
    /// Without the seed, which no signer should foresee (VER-9).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier whose batches are randomized by `seed`: 32 bytes from the operating system, fresh per process.
    ///
    /// The coefficients of a batch come from BLAKE3 over the seed and everything that is judged, so that even a peer who
    /// knew the seed could not choose signatures to suit them.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, keys: KeyCache::new() }
    }

    /// Verifies one entry of `space`.
    ///
    /// # Errors
    ///
    /// The first [`VerifyError`] in the order of its variants.
    pub fn verify(&self, space: &SpaceId, raw: RawEntry) -> Result<Verified, VerifyError> {
        let candidate = Candidate::parse(raw)?;
        candidate.check_space(space)?;
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
        candidate.check_signature()?;
        candidate.finish()
    }

    /// Verifies any number of entries of `space`; one verdict each, in order, the same as [`verify`](Self::verify)
    /// would give.
    #[must_use]
    pub fn verify_batch(
        &self,
        space: &SpaceId,
        raw: Vec<RawEntry>,
    ) -> Vec<Result<Verified, VerifyError>> {
        let mut verdicts = Vec::with_capacity(raw.len());
        let mut raw = raw.into_iter().peekable();
        while raw.peek().is_some() {
            let candidates: Vec<_> = raw
                .by_ref()
                .take(BATCH)
                .map(|raw| {
                    let candidate = Candidate::parse(raw)?;
                    candidate.check_space(space)?;
                    Ok(candidate)
                })
                .collect();
            let messages: Vec<_> =
                candidates.iter().flatten().map(Candidate::signing_message).collect();
            let signed: Vec<_> = candidates
                .iter()
                .flatten()
                .zip(&messages)
                .map(|(candidate, m)| candidate.signed(m))
                .collect();
            let mut signatures = self.verify_signatures(&signed).into_iter();
            verdicts.extend(candidates.into_iter().map(
                |candidate: Result<Candidate, VerifyError>| {
                    let candidate = candidate?;
                    // One verdict per candidate that parsed; were one lacking, the entry would be refused.
                    let verdict = signatures.next().unwrap_or(Err(SignatureError::Mismatch));
                    verdict.map_err(|error| candidate.refuse(error))?;
                    candidate.finish()
                },
            ));
        }
        verdicts
    }

    /// Judges signatures by the rule of [`verify_signature`], together as far as that is faster; one verdict each, in
    /// order, the same as single judging would give (VER-5).
    #[must_use]
    pub fn verify_signatures(&self, signed: &[Signed<'_>]) -> Vec<Result<(), SignatureError>> {
        signed
            .chunks(BATCH)
            .flat_map(|chunk| signature::verify_together(&self.seed, &self.keys, chunk))
            .collect()
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
        Ok(Self {
            header,
            bytes: raw.header,
            digest,
            signature: raw.signature,
            payload: raw.payload,
        })
    }

    fn check_space(&self, expected: &SpaceId) -> Result<(), VerifyError> {
        let actual = if self.header.kind == Kind::GENESIS {
            crate::EntryId::compute(&self.digest, &self.signature).into()
        } else {
            self.header.space
        };
        if actual == *expected { Ok(()) } else { Err(VerifyError::Space { expected: *expected }) }
    }

    fn check_signature(&self) -> Result<(), VerifyError> {
        let message = self.signing_message();
        self.signed(&message).verify().map_err(|error| self.refuse(error))
    }

    fn signed<'a>(&'a self, message: &'a [u8]) -> Signed<'a> {
        Signed { key: &self.header.author.0, message, signature: &self.signature }
    }

    fn refuse(&self, error: SignatureError) -> VerifyError {
        let author = self.header.author;
        match error {
            SignatureError::Key => VerifyError::AuthorKey(author),
            SignatureError::Mismatch => VerifyError::Signature(author),
        }
    }

    fn signing_message(&self) -> [u8; crate::domain::SIGN_ENTRY.len() + 32] {
        signing_message(&self.digest)
    }

    /// Called only after the signature held; checks the payload, if there is one.
    fn finish(self) -> Result<Verified, VerifyError> {
        let Some(payload) = self.payload else {
            return Ok(
                VerifiedHeader::new(self.header, self.bytes, &self.digest, self.signature).into()
            );
        };
        let header = VerifiedHeader::new(self.header, self.bytes, &self.digest, self.signature);
        attach_payload(header, payload).map(Into::into)
    }
}

/// Adds a payload that arrived after its header.
///
/// # Errors
///
/// [`VerifyError::PayloadLength`], [`VerifyError::ContentHash`] or [`VerifyError::Control`].
pub fn attach_payload(
    header: VerifiedHeader,
    payload: Bytes,
) -> Result<VerifiedEntry, VerifyError> {
    join(header, payload, Trust::Nothing)
}

/// A header and the payload that it names (VER-6, VER-7).
pub(crate) fn join(
    header: VerifiedHeader,
    payload: Bytes,
    trust: Trust,
) -> Result<VerifiedEntry, VerifyError> {
    let fields = header.header();
    let expected = fields.payload_length;
    if u32::try_from(payload.len()) != Ok(expected) {
        return Err(VerifyError::PayloadLength { expected, actual: payload.len() });
    }
    let (expected, actual) = (fields.content_hash, ContentHash::of(&payload));
    if expected != actual {
        return Err(VerifyError::ContentHash { expected, actual });
    }
    if fields.kind.is_control() {
        Control::read(fields.kind, &payload, &Context::from(fields), trust)?;
    }
    Ok(VerifiedEntry::new(header, payload))
}

#[cfg(test)]
mod tests;
