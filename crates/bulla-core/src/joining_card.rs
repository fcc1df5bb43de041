//! What a device signs to come into one space: both its keys and the invitation it answers (chapter `pairing.md`, PAIR-1
//! to PAIR-4).
//!
//! Grants carry it, so whoever reads a grant knows that the device itself claimed both keys for this space. It lies here
//! because nodes and directories check it, which link no code that pairs.

use crate::cbor::{CborError, CborErrorKind, Encode, Reader, Writer};
use crate::verify::{SignatureError, is_small_order_u, verify_signature};
use crate::{AuthorKey, Code, InvitationId, SealingKey, Signature, SpaceId, domain};

/// Every joining card has exactly this many bytes (PAIR-1).
pub const JOINING_CARD_BYTES: usize = 204;
const VERSION: u64 = 1;

/// What a joining card says of a device. Only a [`JoiningCard`] shows that the device said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JoiningClaim {
    /// The space to be joined.
    pub space: SpaceId,
    /// The key that signs the device's entries, and this card.
    pub author: AuthorKey,
    /// The key to seal to.
    pub sealing_key: SealingKey,
    /// The invitation it answers; zero for founders and for devices that were granted their role without one (PAIR-2).
    pub invitation: InvitationId,
}

/// A genuine joining card: `[version, space, Ed25519 key, X25519 key, invitation id, signature]`, 204 bytes (PAIR-1).
///
/// Its signature holds and nobody but the device can open what is sealed to it. It does not say that the device belongs to
/// the space: a grant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JoiningCard {
    claim: JoiningClaim,
    signature: Signature,
}

/// Why bytes are not a genuine joining card. Whoever sent them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoiningCardError {
    /// Not canonical CBOR of the right shape (PAIR-1).
    #[error("joining card is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown version (PAIR-1).
    #[error("unknown joining card version {0}")]
    Version(u64),
    /// A sealing key of small order: what is sealed to it, anyone opens (PAIR-3).
    #[error("sealing key of small order")]
    SealingKey,
    /// The signature does not verify under the card's own key (PAIR-3).
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl JoiningCardError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "joining_card.version",
            Self::SealingKey => "joining_card.sealing_key",
            Self::Signature(_) => "joining_card.signature",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "PAIR-1",
            Self::SealingKey | Self::Signature(_) => "PAIR-3",
        }
    }
}

impl JoiningClaim {
    /// What the device signs: the domain string, then `[version, space, Ed25519 key, X25519 key, invitation id]` (PAIR-2).
    #[must_use]
    pub fn signing_message(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(5);
        self.encode_fields(&mut writer);
        [domain::SIGN_JOINING_CARD, writer.as_bytes()].concat()
    }

    /// The genuine card that this claim and `signature` make.
    ///
    /// # Errors
    ///
    /// [`JoiningCardError::SealingKey`] before [`JoiningCardError::Signature`].
    pub fn verify(self, signature: Signature) -> Result<JoiningCard, JoiningCardError> {
        if is_small_order_u(&self.sealing_key.0) {
            return Err(JoiningCardError::SealingKey);
        }
        verify_signature(&self.author.0, &self.signing_message(), &signature)?;
        Ok(JoiningCard { claim: self, signature })
    }

    fn encode_fields(&self, writer: &mut Writer) {
        writer.uint(VERSION).bytes(self.space).bytes(self.author).bytes(self.sealing_key);
        writer.bytes(self.invitation);
    }
}

impl JoiningCard {
    /// Reads and verifies a joining card. Whether it is for the reader's space, the caller compares ([`space`](Self::space)).
    ///
    /// The order of the checks: length, canonical CBOR, version, shape, sealing key, signature (PAIR-4).
    ///
    /// # Errors
    ///
    /// [`JoiningCardError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JoiningCardError> {
        let (claim, signature) = Self::parse(bytes)?;
        claim.verify(signature)
    }

    /// Reads what a card claims and the signature said to be over it, and verifies nothing: for those who judge many
    /// signatures together, or who read back bytes that they verified before.
    ///
    /// # Errors
    ///
    /// [`JoiningCardError::Cbor`] or [`JoiningCardError::Version`].
    pub fn parse(bytes: &[u8]) -> Result<(JoiningClaim, Signature), JoiningCardError> {
        if bytes.len() > JOINING_CARD_BYTES {
            return Err(Reader::error_at(0, CborErrorKind::Bounds).into());
        }
        let mut reader = Reader::versioned(bytes, VERSION, 6, JoiningCardError::Version)?;
        let claim = JoiningClaim {
            space: SpaceId(reader.array_of()?),
            author: AuthorKey(reader.array_of()?),
            sealing_key: SealingKey(reader.array_of()?),
            invitation: InvitationId(reader.array_of()?),
        };
        let signature = Signature(reader.array_of()?);
        reader.finish()?;
        Ok((claim, signature))
    }

    /// The card that `claim` and `signature` make, whose signature held when it was verified (VER-8).
    pub(crate) const fn verified_before(claim: JoiningClaim, signature: Signature) -> Self {
        Self { claim, signature }
    }

    /// The encoding (PAIR-1), [`JOINING_CARD_BYTES`] long.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_cbor()
    }

    /// All that the card says.
    #[must_use]
    pub const fn claim(&self) -> &JoiningClaim {
        &self.claim
    }

    /// The space to be joined.
    #[must_use]
    pub const fn space(&self) -> SpaceId {
        self.claim.space
    }

    /// The key that signs this device's entries.
    #[must_use]
    pub const fn author(&self) -> AuthorKey {
        self.claim.author
    }

    /// The key to seal to.
    #[must_use]
    pub const fn sealing_key(&self) -> SealingKey {
        self.claim.sealing_key
    }

    /// The invitation it answers, zero for none.
    #[must_use]
    pub const fn invitation(&self) -> InvitationId {
        self.claim.invitation
    }
}

impl Encode for JoiningCard {
    fn encode(&self, writer: &mut Writer) {
        writer.array(6);
        self.claim.encode_fields(writer);
        writer.bytes(self.signature);
    }
}

#[cfg(test)]
mod tests;
