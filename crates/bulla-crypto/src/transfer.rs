//! How epoch keys reach another device: sealed to its card, signed by the one who gives them (chapter `keys.md`, KEY-8 to
//! KEY-12).
//!
//! HPKE's base mode (RFC 9180, section 5.1.1) hides the keys from everybody but the recipient and says nothing about who
//! sent them. Whoever could pass off a key of their own as a space's would read what the recipient writes next, so the
//! exporter signs; a signature rather than HPKE's auth mode, because others know a device by its signing key, and because
//! auth mode falls with the *recipient's* key (RFC 9180, section 9.1.1).

use std::fmt;
use std::str::FromStr;

use bulla_core::cbor::{CborError, CborErrorKind, Reader, Writer};
use bulla_core::verify::{SignatureError, verify_signature};
use bulla_core::{AuthorKey, Code, KeyId, SealingKey, Signature, SpaceId, domain};
use bulla_identity::{
    ArmourError, Card, DeviceKeys, Randomness, RandomnessError, armour, unarmour,
};
use zeroize::Zeroizing;

use crate::EpochKey;
use crate::wrap::{WrapError, unwrap, wrap};

/// Most epoch keys in one transfer (KEY-8): those of a space that changes them every day for eleven years.
pub const MAX_TRANSFERRED_KEYS: usize = 4_096;
const VERSION: u64 = 1;
const PREFIX: &str = "bulla-key1-";
/// Room for as many keys, each with its id and 32 bytes sealed (KEY-8).
const MAX_BYTES: usize = 272 * 1024;

/// The epoch keys of a space on their way to one device:
/// `[version, space, exporter, recipient, [key id, …], encapsulated key, ciphertext, signature]` (KEY-8).
///
/// Its text is one line, `bulla-key1-` and then base32, with a checksum (KEY-10). It is no secret: only the recipient
/// opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTransfer {
    space: SpaceId,
    exporter: AuthorKey,
    recipient: AuthorKey,
    key_ids: Vec<KeyId>,
    encapsulated: [u8; 32],
    ciphertext: Vec<u8>,
    signature: Signature,
}

/// Why keys cannot be given or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// Not the text of a transfer. The text's sender is at fault (KEY-10).
    #[error(transparent)]
    Armour(#[from] ArmourError),
    /// Not canonical CBOR of the right shape. The sender is at fault (KEY-8).
    #[error("key transfer is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown version (KEY-8).
    #[error("unknown key transfer version {0}")]
    Version(u64),
    /// No keys, too many, one twice, or a ciphertext of another length than they have (KEY-8).
    #[error("a key transfer holds 1 to {MAX_TRANSFERRED_KEYS} different keys")]
    Keys,
    /// Sealed for another device. The caller's to mend (KEY-11).
    #[error("sealed for device {0}, not for this one")]
    Recipient(AuthorKey),
    /// Exported by another device than the caller trusts for it (KEY-11).
    #[error("exported by device {0}, not by the one expected")]
    Exporter(AuthorKey),
    /// The exporter's signature does not hold (KEY-9).
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// It does not open, or not to the keys it names. Says no more on purpose (KEY-12).
    #[error("the key transfer does not open")]
    Failed,
    /// The recipient's sealing key gives everybody the same secret (KEY-12).
    #[error("the recipient's sealing key is not usable")]
    SealingKey,
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl TransferError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Armour(error) => return error.code(),
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "transfer.version",
            Self::Keys => "transfer.keys",
            Self::Recipient(_) => "transfer.recipient",
            Self::Exporter(_) => "transfer.exporter",
            Self::Signature(_) => "transfer.signature",
            Self::Failed => "transfer.failed",
            Self::SealingKey => "transfer.sealing_key",
            Self::Randomness(_) => "transfer.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Armour(_) => "KEY-10",
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) | Self::Keys => "KEY-8",
            Self::Recipient(_) | Self::Exporter(_) => "KEY-11",
            Self::Signature(_) => "KEY-9",
            Self::Failed | Self::SealingKey => "KEY-12",
            Self::Randomness(_) => return None,
        })
    }
}

impl From<WrapError> for TransferError {
    fn from(error: WrapError) -> Self {
        match error {
            WrapError::SealingKey => Self::SealingKey,
            WrapError::Randomness(error) => Self::Randomness(error),
        }
    }
}

impl KeyTransfer {
    /// Seals the keys of a space, in their order, to the device of this card, and signs.
    ///
    /// # Errors
    ///
    /// [`TransferError::Keys`], [`TransferError::SealingKey`] or [`TransferError::Randomness`].
    pub fn export(
        exporter: &DeviceKeys,
        to: &Card,
        space: SpaceId,
        keys: &[impl AsRef<EpochKey>],
        randomness: &dyn Randomness,
    ) -> Result<Self, TransferError> {
        let keys: Vec<&EpochKey> = keys.iter().map(AsRef::as_ref).collect();
        let key_ids: Vec<KeyId> = keys.iter().map(|key| key.id()).collect();
        check_key_ids(&key_ids)?;
        let parties = Parties { space, exporter: exporter.author(), recipient: to.author() };
        let info = info(&parties, &to.sealing_key(), &key_ids);

        let mut plaintext = Zeroizing::new(Vec::with_capacity(keys.len() * 32));
        keys.iter().for_each(|key| plaintext.extend_from_slice(key.expose_secret()));
        let wrapped = wrap(&to.sealing_key(), &info, &plaintext, randomness)?;

        let mut transfer = Self {
            space,
            exporter: parties.exporter,
            recipient: parties.recipient,
            key_ids,
            encapsulated: wrapped.encapsulated,
            ciphertext: wrapped.ciphertext,
            signature: Signature::ZERO,
        };
        transfer.signature = exporter.sign_key_transfer(&transfer.digest());
        Ok(transfer)
    }

    /// Opens a transfer sealed for `device` by `expected`, the device that the caller knows to be of the space (a founder,
    /// or one whose card it was given). Keys come in their order in the exporter's keyring.
    ///
    /// The order of the checks: recipient, exporter, signature, opening, key ids.
    ///
    /// # Errors
    ///
    /// [`TransferError::Recipient`], [`TransferError::Exporter`], [`TransferError::Signature`] or
    /// [`TransferError::Failed`].
    pub fn open(
        &self,
        device: &DeviceKeys,
        expected: &AuthorKey,
    ) -> Result<Vec<EpochKey>, TransferError> {
        if self.recipient != device.author() {
            return Err(TransferError::Recipient(self.recipient));
        }
        if self.exporter != *expected {
            return Err(TransferError::Exporter(self.exporter));
        }
        let message = [domain::SIGN_KEY_TRANSFER, &self.digest()].concat();
        verify_signature(&expected.0, &message, &self.signature)?;

        let parties =
            Parties { space: self.space, exporter: self.exporter, recipient: self.recipient };
        let info = info(&parties, &device.sealing_key(), &self.key_ids);
        let plaintext = unwrap(device, &self.encapsulated, &info, &self.ciphertext)
            .ok_or(TransferError::Failed)?;
        let keys: Vec<EpochKey> = plaintext
            .chunks_exact(32)
            .filter_map(|secret| secret.try_into().ok())
            .map(EpochKey::dangerous_from_bytes)
            .collect();
        // The ids commit to the keys: nobody can give two devices different keys under one id.
        let as_named = keys.len() == self.key_ids.len()
            && keys.iter().zip(&self.key_ids).all(|(key, id)| key.has_id(id));
        if as_named { Ok(keys) } else { Err(TransferError::Failed) }
    }

    /// Reads a transfer. Nothing is verified yet; [`open`](Self::open) does that.
    ///
    /// The order of the checks: length, canonical CBOR, version, shape, keys.
    ///
    /// # Errors
    ///
    /// [`TransferError::Cbor`], [`TransferError::Version`] or [`TransferError::Keys`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TransferError> {
        if bytes.len() > MAX_BYTES {
            return Err(Reader::error_at(0, CborErrorKind::Bounds).into());
        }
        let mut reader = Reader::versioned(bytes, VERSION, 8, TransferError::Version)?;
        let space = SpaceId(reader.array_of()?);
        let (exporter, recipient) = (AuthorKey(reader.array_of()?), AuthorKey(reader.array_of()?));
        let count = reader.array(MAX_TRANSFERRED_KEYS)?;
        let mut key_ids = Vec::with_capacity(count);
        for _ in 0..count {
            key_ids.push(KeyId(reader.array_of()?));
        }
        let encapsulated = reader.array_of()?;
        let ciphertext = reader.bytes(MAX_BYTES)?.to_vec();
        let signature = Signature(reader.array_of()?);
        reader.finish()?;
        check_key_ids(&key_ids)?;
        if ciphertext.len() != key_ids.len() * 32 + crate::TAG_BYTES {
            return Err(TransferError::Keys);
        }
        Ok(Self { space, exporter, recipient, key_ids, encapsulated, ciphertext, signature })
    }

    /// The encoding (KEY-8).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(8);
        self.encode_signed(&mut writer);
        writer.bytes(self.signature);
        writer.into_bytes()
    }

    /// The space whose keys these are.
    #[must_use]
    pub const fn space(&self) -> SpaceId {
        self.space
    }

    /// Who says to have sealed them. Not verified before [`open`](Self::open).
    #[must_use]
    pub const fn exporter(&self) -> AuthorKey {
        self.exporter
    }

    /// The device they are sealed for.
    #[must_use]
    pub const fn recipient(&self) -> AuthorKey {
        self.recipient
    }

    /// The ids of the keys.
    #[must_use]
    pub fn key_ids(&self) -> &[KeyId] {
        &self.key_ids
    }

    /// What the exporter signs a domain string and: a digest over an array of everything but the signature (KEY-9).
    fn digest(&self) -> [u8; 32] {
        let mut writer = Writer::new();
        writer.array(7);
        self.encode_signed(&mut writer);
        blake3::derive_key(domain::KEY_TRANSFER_DIGEST, writer.as_bytes())
    }

    fn encode_signed(&self, writer: &mut Writer) {
        writer.uint(VERSION).bytes(self.space).bytes(self.exporter).bytes(self.recipient);
        encode_key_ids(writer, &self.key_ids);
        writer.bytes(self.encapsulated).bytes(&self.ciphertext);
    }
}

impl fmt::Display for KeyTransfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&armour(PREFIX, domain::KEY_TRANSFER_CHECKSUM, &self.to_bytes()))
    }
}

impl FromStr for KeyTransfer {
    type Err = TransferError;

    fn from_str(text: &str) -> Result<Self, TransferError> {
        Self::from_bytes(&unarmour(PREFIX, domain::KEY_TRANSFER_CHECKSUM, text, MAX_BYTES)?)
    }
}

/// Who gives the keys of what to whom.
struct Parties {
    space: SpaceId,
    exporter: AuthorKey,
    recipient: AuthorKey,
}

/// HPKE's info: the domain string, then `[space, exporter, recipient, recipient's sealing key, [key id, …]]` (KEY-8).
fn info(parties: &Parties, sealing_key: &SealingKey, key_ids: &[KeyId]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer
        .array(5)
        .bytes(parties.space)
        .bytes(parties.exporter)
        .bytes(parties.recipient)
        .bytes(sealing_key);
    encode_key_ids(&mut writer, key_ids);
    [domain::KEY_TRANSFER.as_bytes(), writer.as_bytes()].concat()
}

fn encode_key_ids(writer: &mut Writer, key_ids: &[KeyId]) {
    writer.array(key_ids.len());
    for id in key_ids {
        writer.bytes(id);
    }
}

fn check_key_ids(key_ids: &[KeyId]) -> Result<(), TransferError> {
    let mut sorted = key_ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let fits = !key_ids.is_empty()
        && key_ids.len() <= MAX_TRANSFERRED_KEYS
        && sorted.len() == key_ids.len();
    if fits { Ok(()) } else { Err(TransferError::Keys) }
}
