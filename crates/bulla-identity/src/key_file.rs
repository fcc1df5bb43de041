//! How secrets lie on disk: one canonical CBOR item in an `age` file under a passphrase (chapter `keys.md`, KF-1 to
//! KF-13). Any other `age` tool opens it with the passphrase.

mod content;
mod disk;
mod envelope;

use std::path::Path;

use bulla_core::Code;
use bulla_core::cbor::CborError;
use zeroize::Zeroizing;

use crate::{Passphrase, RandomnessError};

pub use content::key_file_content;
pub use envelope::{MAX_WORK_FACTOR, WorkFactor};

/// Longest key file in bytes, and with it the longest secret (KF-3).
pub const MAX_KEY_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Why a key file cannot be written or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file system refused. The caller's machine is at fault.
    #[error("cannot read or write the key file")]
    Io(#[from] std::io::Error),
    /// There is a file of that name; a key file is never written over another one by accident.
    #[error("there is a key file already; it is not written over")]
    Exists,
    /// Others than the owner may read or change the file (KF-2).
    #[error("others may read or change the key file (mode {0:03o}); make it 600")]
    Permissions(u32),
    /// Longer than 16 MiB (KF-3).
    #[error("key file longer than {MAX_KEY_FILE_BYTES} bytes")]
    TooLong,
    /// Not an `age` file with exactly one passphrase (KF-4).
    #[error("not an age file with one passphrase")]
    Format,
    /// The file asks for more work than this program does for any file (KF-5).
    #[error("key file asks for a work factor of {0}, at most {MAX_WORK_FACTOR} is done")]
    WorkFactor(u32),
    /// The passphrase is wrong, or the wrapped file key was altered: the format cannot tell these apart (KF-6).
    #[error("wrong passphrase")]
    Passphrase,
    /// The passphrase is right and what follows was cut or altered (KF-6).
    #[error("key file is damaged")]
    Damaged,
    /// The content is not canonical CBOR of the right shape (KF-8).
    #[error("key file content is not canonical: {0}")]
    Content(#[from] CborError),
    /// The content is of a version this program does not know (KF-8).
    #[error("unknown version {0} of key file content")]
    Version(u64),
    /// The file holds other secrets than asked for (KF-8).
    #[error("key file holds other secrets than asked for (kind {0})")]
    Kind(u64),
    /// The content breaks a rule of its kind (KF-11).
    #[error("key file content breaks a rule: {0}")]
    Rule(&'static str),
    /// A keyring that knows epochs breaks a rule (KF-13).
    #[error("keyring breaks a rule: {0}")]
    KeyringRule(&'static str),
    /// A register of invitations breaks a rule (KF-12).
    #[error("register of invitations breaks a rule: {0}")]
    InvitationRule(&'static str),
    /// No random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

impl KeyFileError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        Code::new(match self {
            Self::Io(_) => "key_file.io",
            Self::Exists => "key_file.exists",
            Self::Permissions(_) => "key_file.permissions",
            Self::TooLong => "key_file.too_long",
            Self::Format => "key_file.format",
            Self::WorkFactor(_) => "key_file.work_factor",
            Self::Passphrase => "key_file.passphrase",
            Self::Damaged => "key_file.damaged",
            Self::Content(error) => return error.kind.code(),
            Self::Version(_) => "key_file.version",
            Self::Kind(_) => "key_file.kind",
            Self::Rule(_) | Self::KeyringRule(_) | Self::InvitationRule(_) => "key_file.rule",
            Self::Randomness(_) => "key_file.randomness",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(&self) -> Option<&'static str> {
        Some(match self {
            Self::Exists | Self::Permissions(_) => "KF-2",
            Self::TooLong => "KF-3",
            Self::Format => "KF-4",
            Self::WorkFactor(_) => "KF-5",
            Self::Passphrase | Self::Damaged => "KF-6",
            Self::Content(error) => error.kind.clause(),
            Self::Version(_) | Self::Kind(_) => "KF-8",
            Self::Rule(_) => "KF-11",
            Self::InvitationRule(_) => "KF-12",
            Self::KeyringRule(_) => "KF-13",
            Self::Io(_) | Self::Randomness(_) => return None,
        })
    }
}

/// Seals a secret under a passphrase: the bytes of an `age` file (KF-1).
///
/// Takes as long as the work factor says, a few tenths of a second by default; call it where that does not block others.
///
/// # Errors
///
/// [`KeyFileError::TooLong`].
pub fn seal_secret(
    secret: &[u8],
    passphrase: &Passphrase,
    work_factor: WorkFactor,
) -> Result<Vec<u8>, KeyFileError> {
    envelope::seal(secret, passphrase, work_factor)
}

/// Opens the bytes of a key file. The work factor is checked before any work is done (KF-5).
///
/// # Errors
///
/// [`KeyFileError::TooLong`], [`KeyFileError::Format`], [`KeyFileError::WorkFactor`], [`KeyFileError::Passphrase`] or
/// [`KeyFileError::Damaged`].
pub fn open_secret(
    bytes: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    envelope::open(bytes, passphrase)
}

/// Writes a new key file, mode 600, whole or not at all, durable on return (KF-2).
///
/// # Errors
///
/// [`KeyFileError::Exists`] when there is one of that name; [`KeyFileError::Io`]; as [`seal_secret`].
pub fn create_key_file(
    path: &Path,
    secret: &[u8],
    passphrase: &Passphrase,
    work_factor: WorkFactor,
) -> Result<(), KeyFileError> {
    disk::write(path, &seal_secret(secret, passphrase, work_factor)?, disk::Existing::Refuse)
}

/// Replaces a key file, or writes the first one; the old one stays whole until the new one is durable (KF-2).
///
/// # Errors
///
/// [`KeyFileError::Io`]; as [`seal_secret`].
pub fn replace_key_file(
    path: &Path,
    secret: &[u8],
    passphrase: &Passphrase,
    work_factor: WorkFactor,
) -> Result<(), KeyFileError> {
    disk::write(path, &seal_secret(secret, passphrase, work_factor)?, disk::Existing::Replace)
}

/// Reads and opens a key file.
///
/// # Errors
///
/// [`KeyFileError::Io`], [`KeyFileError::Permissions`]; as [`open_secret`].
pub fn read_key_file(
    path: &Path,
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    open_secret(&disk::read(path)?, passphrase)
}

#[cfg(test)]
mod tests;
