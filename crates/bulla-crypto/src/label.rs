//! What members call a device or a group, sealed so that nodes cannot read it (chapter `control.md`, CTL-11, CTL-12).

use bulla_core::control::{Context, SEALED_LABEL_BYTES, SealedLabel};
use bulla_core::{AuthorKey, Code, KeyId, Salt, domain};
use bulla_identity::{DeviceKeys, MAX_LABEL_BYTES, Randomness, RandomnessError, label_fits};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{EpochKey, Keyring, TAG_BYTES, once, seal};

/// One byte of length, and room for the longest: every label has one length.
const PLAINTEXT_BYTES: usize = 1 + MAX_LABEL_BYTES;
const _: () = assert!(PLAINTEXT_BYTES + TAG_BYTES == SEALED_LABEL_BYTES);

/// What a label is for (CTL-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSubject {
    /// The device of a grant.
    Device(AuthorKey),
    /// A key group.
    Group,
}

/// Why a label is not sealed or does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// No text of at most 64 bytes without characters that steer, hide or turn text. When sealing the caller's to mend, when
    /// opening its author's (CTL-12, CARD-6).
    #[error(
        "a label has at most {MAX_LABEL_BYTES} bytes of text without control or hidden characters"
    )]
    Text,
    /// The keyring has no key of that id for this space. The label may open once the key arrives (KEY-6).
    #[error("no epoch key {0} for this space")]
    UnknownKey(KeyId),
    /// It was not sealed for this place under the key it names. Says no more on purpose (CTL-12).
    #[error("the label does not open")]
    Failed,
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl LabelError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Text => "label.text",
            Self::UnknownKey(_) => "open.unknown_key",
            Self::Failed => "label.failed",
            Self::Randomness(_) => "label.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Text | Self::Failed => "CTL-12",
            Self::UnknownKey(_) => "KEY-6",
            Self::Randomness(_) => return None,
        })
    }
}

/// Seals a label for an entry by this device. `EntryWriter::seal_label` is the way here.
pub(crate) fn seal_label(
    keys: &DeviceKeys,
    context: &Context,
    subject: LabelSubject,
    label: &str,
    key: &EpochKey,
    randomness: &dyn Randomness,
) -> Result<SealedLabel, LabelError> {
    if !label_fits(label) {
        return Err(LabelError::Text);
    }
    let length = u8::try_from(label.len()).map_err(|_| LabelError::Text)?;
    let mut text = Vec::with_capacity(PLAINTEXT_BYTES + TAG_BYTES);
    text.push(length);
    text.extend_from_slice(label.as_bytes());
    text.resize(PLAINTEXT_BYTES, 0);

    let info = info(context, subject);
    let mut random = [0; 32];
    randomness.fill(&mut random)?;
    let salt = seal::salt(keys.salt_secret(), &random, &info, &text);
    let sealed = once::seal(&label_key(key, &salt, &info), &[], text);
    let ciphertext = sealed
        .and_then(|sealed| sealed.try_into().ok())
        .expect("65 bytes of plaintext have 16 more when they are sealed");
    Ok(SealedLabel { key_id: key.id(), salt, ciphertext })
}

/// Opens a label in an entry of this space by this author, with the key of the space that it names.
///
/// # Errors
///
/// [`LabelError::UnknownKey`], [`LabelError::Failed`] or [`LabelError::Text`], in this order.
pub fn open_label(
    label: &SealedLabel,
    context: &Context,
    subject: LabelSubject,
    keyring: &Keyring,
) -> Result<String, LabelError> {
    let key =
        keyring.get(&context.space, &label.key_id).ok_or(LabelError::UnknownKey(label.key_id))?;
    open_label_with(label, context, subject, &key)
}

/// Opens a label with this key. That it is the one the label names is checked first, as for payloads
/// ([`open_with`](crate::open_with)).
///
/// # Errors
///
/// As [`open_label`].
pub fn open_label_with(
    label: &SealedLabel,
    context: &Context,
    subject: LabelSubject,
    key: &EpochKey,
) -> Result<String, LabelError> {
    if !key.has_id(&label.key_id) {
        return Err(LabelError::UnknownKey(label.key_id));
    }
    let once = label_key(key, &label.salt, &info(context, subject));
    let text = once::open(&once, &[], &label.ciphertext).ok_or(LabelError::Failed)?;
    read(&text).ok_or(LabelError::Text)
}

/// The text in a plaintext: its length, itself, zeros.
fn read(plaintext: &[u8]) -> Option<String> {
    let (length, rest) = plaintext.split_first()?;
    let (text, zeros) = rest.split_at_checked(usize::from(*length))?;
    let text = std::str::from_utf8(text).ok()?;
    let is_plain = zeros.iter().all(|byte| *byte == 0) && label_fits(text);
    is_plain.then(|| text.to_owned())
}

/// The domain string, then space, author and subject. Everything after the string has a fixed length.
fn info(context: &Context, subject: LabelSubject) -> Vec<u8> {
    let subject = match subject {
        LabelSubject::Device(device) => device.0,
        LabelSubject::Group => [0; 32],
    };
    [domain::LABEL.as_bytes(), &context.space.0, &context.author.0, &subject].concat()
}

/// The key of one label: HKDF-SHA256 (RFC 5869) from the epoch key, with the label's salt.
fn label_key(key: &EpochKey, salt: &Salt, info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut okm = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(&salt.0), key.expose_secret())
        .expand(info, okm.as_mut())
        .expect("32 bytes are fewer than the 255 blocks HKDF can give");
    okm
}
