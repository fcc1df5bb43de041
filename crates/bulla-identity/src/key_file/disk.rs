//! Writing a small file whole or not at all, for its owner alone.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{KeyFileError, MAX_KEY_FILE_BYTES};
use crate::{OsRandomness, Randomness};

/// What becomes of a file of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Refuse,
    Replace,
}

/// Writes to a temporary file beside `path`, syncs it, renames it and syncs the directory.
pub(super) fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), KeyFileError> {
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(KeyFileError::Exists);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = Temporary::beside(path, directory)?;
    let mut file = temporary.create()?;
    write_synced(&mut file, bytes)?;
    drop(file);
    match existing {
        Existing::Replace => fs::rename(&temporary.0, path)?,
        Existing::Refuse => link(&temporary.0, path)?,
    }
    sync_directory(directory)?;
    Ok(())
}

/// Reads a key file that its owner alone may read.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let file = File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = file.metadata()?;
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_file() && mode & 0o077 != 0 {
            return Err(KeyFileError::Permissions(mode));
        }
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_KEY_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_KEY_FILE_BYTES { Err(KeyFileError::TooLong) } else { Ok(bytes) }
}

/// Gives the file its name unless there is one of that name, in one step where the file system has links.
fn link(from: &Path, to: &Path) -> Result<(), KeyFileError> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyFileError::Exists),
        // No links here (FAT): look first, then rename.
        Err(_) if to.symlink_metadata().is_ok() => Err(KeyFileError::Exists),
        Err(_) => Ok(fs::rename(from, to)?),
    }
}

/// A temporary file that is removed unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(path: &Path, directory: &Path) -> Result<Self, KeyFileError> {
        let mut random = [0; 8];
        OsRandomness.fill(&mut random)?;
        let mut name = OsString::from(".");
        name.push(path.file_name().ok_or(io::Error::from(io::ErrorKind::InvalidInput))?);
        name.push(format!(".{:016x}.tmp", u64::from_be_bytes(random)));
        Ok(Self(directory.join(name)))
    }

    fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options.open(&self.0)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is none, and a file that cannot be removed holds ciphertext only.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes bytes that are on the device when this returns.
pub(super) fn write_synced(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the new name durable. Windows has no such call and needs none.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
