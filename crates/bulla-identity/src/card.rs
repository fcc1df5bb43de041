//! What a device tells about itself: its two public keys and a label, signed by itself (chapter `keys.md`, CARD-1 to
//! CARD-5).

mod text;

use std::fmt;
use std::str::FromStr;

use bulla_core::cbor::{CborError, CborErrorKind, Reader, Writer};
use bulla_core::text::is_hidden;
use bulla_core::verify::{SignatureError, is_small_order_u, verify_signature};
use bulla_core::{AuthorKey, Code, SealingKey, Signature, domain};

pub use text::{ArmourError, armour, unarmour};

/// Longest label in bytes (CARD-2).
pub const MAX_LABEL_BYTES: usize = 64;
/// Longest card in bytes (CARD-1).
pub const MAX_CARD_BYTES: usize = 256;
const CARD_VERSION: u64 = 1;
const PREFIX: &str = "bulla-card1-";

/// A device's public card: `[version, Ed25519 key, X25519 key, label, signature]` (CARD-1).
///
/// A card proves that the holder of the signing key claims the sealing key and the label. It proves nothing about who
/// that is: whoever takes a card compares it with the person who sent it.
///
/// Its text is one line, `bulla-card1-` and then base32, with a checksum (CARD-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    author: AuthorKey,
    sealing_key: SealingKey,
    label: String,
    signature: Signature,
}

/// Why a text or bytes are not a card. Whoever sent them is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Not the text of a card (CARD-4).
    #[error(transparent)]
    Armour(#[from] ArmourError),
    /// Not canonical CBOR of the right shape (CARD-1).
    #[error("card is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown version (CARD-1).
    #[error("unknown card version {0}")]
    Version(u64),
    /// A label of more than 64 bytes, or with characters that steer, hide or turn text (CARD-2).
    #[error("label must be at most {MAX_LABEL_BYTES} bytes without control or hidden characters")]
    Label,
    /// A sealing key of small order: what is sealed to it, anyone opens (CARD-3).
    #[error("sealing key of small order")]
    SealingKey,
    /// The signature does not verify under the card's own key (CARD-3).
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl CardError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Armour(error) => return error.code(),
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "card.version",
            Self::Label => "card.label",
            Self::SealingKey => "card.sealing_key",
            Self::Signature(_) => "card.signature",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Armour(_) => "CARD-4",
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "CARD-1",
            Self::Label => "CARD-2",
            Self::SealingKey | Self::Signature(_) => "CARD-3",
        }
    }
}

impl Card {
    /// Called by [`DeviceKeys`](crate::DeviceKeys) alone, which passes its own keys and its own signature.
    pub(crate) fn sign(
        author: AuthorKey,
        sealing_key: SealingKey,
        label: &str,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<Self, CardError> {
        check_label(label)?;
        let signature = sign(&signing_message(&author, &sealing_key, label));
        Ok(Self { author, sealing_key, label: label.to_owned(), signature })
    }

    /// Reads and verifies a card.
    ///
    /// The order of the checks: length, canonical CBOR, version, shape, label, sealing key, signature (CARD-5).
    ///
    /// # Errors
    ///
    /// [`CardError`], all but [`CardError::Armour`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CardError> {
        if bytes.len() > MAX_CARD_BYTES {
            return Err(Reader::error_at(0, CborErrorKind::Bounds).into());
        }
        let mut reader = Reader::versioned(bytes, CARD_VERSION, 5, CardError::Version)?;
        let author = AuthorKey(reader.array_of()?);
        let sealing_key = SealingKey(reader.array_of()?);
        let label = reader.text(MAX_CARD_BYTES)?.to_owned();
        let signature = Signature(reader.array_of()?);
        reader.finish()?;
        check_label(&label)?;
        if is_small_order_u(&sealing_key.0) {
            return Err(CardError::SealingKey);
        }
        verify_signature(&author.0, &signing_message(&author, &sealing_key, &label), &signature)?;
        Ok(Self { author, sealing_key, label, signature })
    }

    /// The encoding (CARD-1).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(5).uint(CARD_VERSION).bytes(self.author).bytes(self.sealing_key);
        writer.text(&self.label).bytes(self.signature);
        writer.into_bytes()
    }

    /// The key that signs this device's entries.
    #[must_use]
    pub const fn author(&self) -> AuthorKey {
        self.author
    }

    /// The key to seal to.
    #[must_use]
    pub const fn sealing_key(&self) -> SealingKey {
        self.sealing_key
    }

    /// What the device calls itself.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&armour(PREFIX, domain::CARD_CHECKSUM, &self.to_bytes()))
    }
}

impl FromStr for Card {
    type Err = CardError;

    fn from_str(text: &str) -> Result<Self, CardError> {
        Self::from_bytes(&unarmour(PREFIX, domain::CARD_CHECKSUM, text, MAX_CARD_BYTES)?)
    }
}

/// The domain string, then `[version, Ed25519 key, X25519 key, label]` (CARD-2).
fn signing_message(author: &AuthorKey, sealing_key: &SealingKey, label: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(4).uint(CARD_VERSION).bytes(author).bytes(sealing_key).text(label);
    [domain::SIGN_CARD, writer.as_bytes()].concat()
}

/// Whether a text may be the label of a device or a group: at most 64 bytes without characters that are [hidden](is_hidden).
/// It is shown in terminals and logs and must not steer them, nor look like another label or like a code (CARD-2, CARD-6).
#[must_use]
pub fn label_fits(label: &str) -> bool {
    label.len() <= MAX_LABEL_BYTES && !label.chars().any(is_hidden)
}

fn check_label(label: &str) -> Result<(), CardError> {
    if label_fits(label) { Ok(()) } else { Err(CardError::Label) }
}

#[cfg(test)]
mod tests;
