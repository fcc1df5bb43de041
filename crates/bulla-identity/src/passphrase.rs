//! Where a passphrase comes from.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bulla_core::Code;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Longest passphrase in bytes (KF-7).
pub const MAX_PASSPHRASE_BYTES: usize = 1024;

/// A passphrase: 1 to 1,024 bytes of UTF-8 without control characters. Wiped on drop, never printed.
///
/// Take it from a file, a descriptor or a terminal, never from an argument: arguments are in everybody's process list.
#[derive(Clone)]
pub struct Passphrase(SecretString);

/// Why there is no passphrase. The caller's to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The file or descriptor cannot be read.
    #[error("cannot read the passphrase")]
    Io(#[from] std::io::Error),
    /// Everybody on the machine may read or change the file.
    #[error(
        "everybody on this machine may read or change the passphrase file (mode {0:03o}); take that right away"
    )]
    Permissions(u32),
    /// Empty, too long, not UTF-8, or with control characters.
    #[error("a passphrase is one line of 1 to {MAX_PASSPHRASE_BYTES} bytes of text")]
    Text,
}

impl PassphraseError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        Code::new(match self {
            Self::Io(_) => "passphrase.io",
            Self::Permissions(_) => "passphrase.permissions",
            Self::Text => "passphrase.text",
        })
    }
}

impl Passphrase {
    /// A passphrase from text that the caller has.
    ///
    /// # Errors
    ///
    /// [`PassphraseError::Text`].
    pub fn new(text: &str) -> Result<Self, PassphraseError> {
        let fits = !text.is_empty()
            && text.len() <= MAX_PASSPHRASE_BYTES
            && !text.chars().any(char::is_control);
        if fits { Ok(Self(SecretString::from(text))) } else { Err(PassphraseError::Text) }
    }

    /// Reads a file of one line; one line end after it is ignored. A descriptor that this process was started with is
    /// the file `/dev/fd/3` and so on.
    ///
    /// # Errors
    ///
    /// [`PassphraseError`]. The permissions of pipes and other special files are not looked at.
    pub fn read(path: &Path) -> Result<Self, PassphraseError> {
        let file = File::open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = file.metadata()?;
            let mode = metadata.permissions().mode() & 0o777;
            if metadata.is_file() && mode & 0o007 != 0 {
                return Err(PassphraseError::Permissions(mode));
            }
        }
        // Room for everything at once, so that no grown buffer leaves a copy behind.
        let most = MAX_PASSPHRASE_BYTES + 3;
        let mut bytes = Zeroizing::new(Vec::with_capacity(most));
        file.take(most as u64).read_to_end(&mut bytes)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| PassphraseError::Text)?;
        let line =
            text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        Self::new(line)
    }

    pub(crate) fn secret(&self) -> SecretString {
        self.0.clone()
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
