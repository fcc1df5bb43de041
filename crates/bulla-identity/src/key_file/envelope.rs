//! The `age` envelope, read strictly: one passphrase, bounded work.

use std::io::{Read, Write};
use std::iter;

use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt};
use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

use super::{KeyFileError, MAX_KEY_FILE_BYTES};
use crate::Passphrase;

/// Highest work factor that is done for a file that asks for it: 2^18 takes 256 MiB and about a second (KF-5).
pub const MAX_WORK_FACTOR: u8 = 18;
/// 2^17 takes 128 MiB and some tenths of a second, at every guess of a thief too.
const DEFAULT_WORK_FACTOR: u8 = 17;
/// Longest header with its four line ends (KF-4); those that are written have some 150 bytes.
const MAX_HEADER_BYTES: usize = 512;

/// How much work a guess at the passphrase costs: scrypt with N = 2^n, r = 8, p = 1 (KF-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkFactor(u8);

impl Default for WorkFactor {
    fn default() -> Self {
        Self(DEFAULT_WORK_FACTOR)
    }
}

impl WorkFactor {
    /// N = 2^`log_n`, between 1 and 18, whatever is asked for. Below the default a thief of the file guesses faster; for
    /// tests.
    #[must_use]
    pub fn dangerous(log_n: u8) -> Self {
        Self(log_n.clamp(1, MAX_WORK_FACTOR))
    }
}

pub(super) fn seal(
    secret: &[u8],
    passphrase: &Passphrase,
    work_factor: WorkFactor,
) -> Result<Vec<u8>, KeyFileError> {
    // The envelope adds a header and 16 bytes for each 64 KiB.
    if secret.len() > MAX_KEY_FILE_BYTES - MAX_KEY_FILE_BYTES / 1024 {
        return Err(KeyFileError::TooLong);
    }
    let mut recipient = scrypt::Recipient::new(passphrase.secret());
    recipient.set_work_factor(work_factor.0);
    let encryptor = match Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient))
    {
        Ok(encryptor) => encryptor,
        Err(EncryptError::Io(error)) => return Err(error.into()),
        // One passphrase is always a valid set of recipients.
        Err(_) => return Err(KeyFileError::Format),
    };
    let mut writer = encryptor.wrap_output(Vec::with_capacity(secret.len() + MAX_HEADER_BYTES))?;
    writer.write_all(secret)?;
    Ok(writer.finish()?)
}

pub(super) fn open(
    bytes: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    if bytes.len() > MAX_KEY_FILE_BYTES {
        return Err(KeyFileError::TooLong);
    }
    check_header(bytes)?;
    let mut identity = scrypt::Identity::new(passphrase.secret());
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let decryptor = Decryptor::new_buffered(bytes).map_err(|error| refuse(&error))?;
    let mut reader = decryptor
        .decrypt(iter::once(&identity as &dyn age::Identity))
        .map_err(|error| refuse(&error))?;
    // The secret is shorter than the file: with room for it at once no grown buffer leaves a copy behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(bytes.len()));
    reader.read_to_end(&mut secret).map_err(|_| KeyFileError::Damaged)?;
    Ok(secret)
}

fn refuse(error: &DecryptError) -> KeyFileError {
    match error {
        DecryptError::DecryptionFailed
        | DecryptError::KeyDecryptionFailed
        | DecryptError::NoMatchingKeys => KeyFileError::Passphrase,
        DecryptError::ExcessiveWork { required, .. } => {
            KeyFileError::WorkFactor((*required).into())
        }
        DecryptError::InvalidMac | DecryptError::Io(_) => KeyFileError::Damaged,
        // Invalid or unknown header, and whatever a later version of the library adds.
        _ => KeyFileError::Format,
    }
}

/// Checks the shape of the header before any parser or hash works on it: version, one scrypt stanza with one line of
/// body, and the MAC (KF-4), and the work it asks for (KF-5).
fn check_header(bytes: &[u8]) -> Result<(), KeyFileError> {
    let start = bytes.get(..bytes.len().min(MAX_HEADER_BYTES)).unwrap_or_default();
    let mut lines = start.splitn(5, |byte| *byte == b'\n');
    let mut line =
        || lines.next().and_then(|line| std::str::from_utf8(line).ok()).ok_or(KeyFileError::Format);
    if line()? != "age-encryption.org/v1" {
        return Err(KeyFileError::Format);
    }
    let stanza = line()?.strip_prefix("-> scrypt ").ok_or(KeyFileError::Format)?;
    let (salt, work) = stanza.split_once(' ').ok_or(KeyFileError::Format)?;
    // 16 and 32 bytes in base64 without padding. The stanza's body and the MAC are a line each.
    let body = line()?;
    let mac = line()?.strip_prefix("--- ").ok_or(KeyFileError::Format)?;
    // A file that ends before the fourth line does was cut, and has no such header.
    if lines.next().is_none() {
        return Err(KeyFileError::Format);
    }
    for (text, bytes) in [(salt, 16), (body, 32), (mac, 32)] {
        if !BASE64_NOPAD.decode(text.as_bytes()).is_ok_and(|decoded| decoded.len() == bytes) {
            return Err(KeyFileError::Format);
        }
    }
    let digits = !work.is_empty()
        && !work.starts_with('0')
        && work.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(KeyFileError::Format);
    }
    match work.parse::<u32>() {
        Ok(factor) if factor <= u32::from(MAX_WORK_FACTOR) => Ok(()),
        Ok(factor) => Err(KeyFileError::WorkFactor(factor)),
        Err(_) => Err(KeyFileError::WorkFactor(u32::MAX)),
    }
}
