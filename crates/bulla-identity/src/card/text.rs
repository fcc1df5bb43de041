//! Bytes as one line of text that a person can carry: a prefix, base32 and a checksum (CARD-4).

use bulla_core::Code;
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

/// Bytes of the checksum.
const CHECKSUM_BYTES: usize = 4;

/// Why a line of text does not hold what its reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArmourError {
    /// It does not begin with the prefix.
    #[error("text does not begin with \"{0}\"")]
    Prefix(&'static str),
    /// Longer than what it could hold.
    #[error("text is too long")]
    TooLong,
    /// Other characters than `a` to `z` and `2` to `7`, or bits that no encoder leaves set.
    #[error("text is not base32")]
    Base32,
    /// The checksum does not match: mistyped or cut.
    #[error("checksum does not match; the text was mistyped or cut")]
    Checksum,
}

impl ArmourError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Prefix(_) => "armour.prefix",
            Self::TooLong => "armour.too_long",
            Self::Base32 => "armour.base32",
            Self::Checksum => "armour.checksum",
        })
    }
}

/// `bytes` as a line: the prefix, then base32 (RFC 4648, section 6, lower case, no padding) of the bytes and of the first
/// 4 bytes of BLAKE3 over them under `context`.
#[must_use]
pub fn armour(prefix: &str, context: &str, bytes: &[u8]) -> String {
    // What is made into text may be a secret: nothing of it stays behind but the text.
    let mut data = Zeroizing::new(Vec::with_capacity(bytes.len() + CHECKSUM_BYTES));
    data.extend_from_slice(bytes);
    data.extend_from_slice(&checksum(context, bytes));
    let body = BASE32_NOPAD.encode_len(data.len());
    let mut text = String::with_capacity(prefix.len() + body);
    BASE32_NOPAD.encode_append(&data, &mut text);
    text.make_ascii_lowercase();
    text.insert_str(0, prefix);
    text
}

/// Reads such a line of at most `max_bytes` bytes; ASCII white space around it is ignored (CARD-4).
///
/// # Errors
///
/// [`ArmourError`], in the order of its variants.
pub fn unarmour(
    prefix: &'static str,
    context: &str,
    text: &str,
    max_bytes: usize,
) -> Result<Vec<u8>, ArmourError> {
    let body = text
        .trim_matches(|c: char| c.is_ascii_whitespace())
        .strip_prefix(prefix)
        .ok_or(ArmourError::Prefix(prefix))?;
    if body.len() > BASE32_NOPAD.encode_len(max_bytes + CHECKSUM_BYTES) {
        return Err(ArmourError::TooLong);
    }
    // One text for one card: upper case would be a second.
    if body.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ArmourError::Base32);
    }
    let upper = Zeroizing::new(body.to_ascii_uppercase());
    let decoded = BASE32_NOPAD.decode(upper.as_bytes()).map_err(|_| ArmourError::Base32)?;
    let mut data = Zeroizing::new(decoded);
    let end = data.len().checked_sub(CHECKSUM_BYTES).ok_or(ArmourError::Checksum)?;
    let sum = data.split_off(end);
    if sum == checksum(context, &data) {
        Ok(std::mem::take(&mut *data))
    } else {
        Err(ArmourError::Checksum)
    }
}

fn checksum(context: &str, bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let [a, b, c, d, ..] = blake3::derive_key(context, bytes);
    [a, b, c, d]
}
