//! The folder of a store: what lies in it beside the engine's own files (chapter `disk.md`, DISK-1, DISK-2).

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::error::OpenError;
use crate::layout::FORMAT;
use crate::watermark::replace;

/// The folder of the engine's files.
pub(crate) const DATABASE: &str = "db";
/// The file that names the store's format.
const FORMAT_FILE: &str = "format";
/// The file whose lock a running process holds.
const LOCK: &str = "lock";
/// The file that says: what lies here is a backup, or was restored from one.
const RESTORED: &str = "restored";

/// What a folder holds, and the newest format of it known here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// As it stands in the format file.
    pub(crate) word: &'static str,
    pub(crate) format: u64,
}

/// A store.
pub(crate) const STORE: Kind = Kind { word: "store", format: FORMAT };

/// The lock of a folder, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do, were it not for a child process that is just being started somewhere else in this
        // one: it has the file open too until it runs its own program.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "could not give up the lock; it ends with the process");
        }
    }
}

/// Locks the folder of a store for this process; made if it is missing and `create` is given.
pub(crate) fn lock(folder: &Path, create: bool) -> Result<Lock, OpenError> {
    if create {
        fs::create_dir_all(folder)
            .map_err(OpenError::io(format!("cannot make {}", folder.display())))?;
    } else if !folder.is_dir() {
        return Err(OpenError::NotAStore {
            path: folder.to_owned(),
            what: "store",
            reason: "no such folder".to_owned(),
        });
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(OpenError::io(format!("cannot open the lock of {}", folder.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => {
            Err(OpenError::io(format!("cannot lock {}", folder.display()))(error))
        }
    }
}

/// Reads the format of a store or cache, or makes a new one; whether it is new.
pub(crate) fn check_format(folder: &Path, kind: Kind, create: bool) -> Result<bool, OpenError> {
    let Kind { word, format } = kind;
    let not_a_store = |reason: &str| OpenError::NotAStore {
        path: folder.to_owned(),
        what: word,
        reason: reason.to_owned(),
    };
    let io =
        |error| OpenError::io(format!("cannot read the format of {}", folder.display()))(error);
    match fs::read_to_string(folder.join(FORMAT_FILE)) {
        Ok(text) => match parse_format(&text, word) {
            Some(found) if found > format => Err(OpenError::NewerFormat {
                path: folder.to_owned(),
                what: word,
                found,
                known: format,
            }),
            Some(_) => Ok(false),
            None => Err(not_a_store("its format file says something else")),
        },
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(not_a_store("its format file says something else"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Never among files that are not ours, and never over a database that lost its format.
            let mut names = fs::read_dir(folder)
                .map_err(io)?
                .filter_map(Result::ok)
                .map(|entry| entry.file_name());
            if names.any(|name| name != LOCK && name != "format.new") {
                return Err(not_a_store("it has no format file, and is not empty"));
            }
            if !create {
                return Err(not_a_store("it is empty"));
            }
            write_format(folder, kind)
                .map_err(OpenError::io(format!("cannot write to {}", folder.display())))?;
            Ok(true)
        }
        Err(error) => Err(io(error)),
    }
}

/// Makes the store or cache in a folder one of the newest format, before anything of that format is written into it: a
/// program that knows older ones alone refuses it from then on (DISK-1).
pub(crate) fn raise_format(folder: &Path, kind: Kind) -> io::Result<()> {
    let text = fs::read_to_string(folder.join(FORMAT_FILE))?;
    match parse_format(&text, kind.word) {
        Some(found) if found < kind.format => write_format(folder, kind),
        Some(_) | None => Ok(()),
    }
}

/// Writes the format file.
pub(crate) fn write_format(folder: &Path, kind: Kind) -> io::Result<()> {
    replace(folder, FORMAT_FILE, format!("bulla {} {}\n", kind.word, kind.format).as_bytes())
}

/// Marks the store in this folder as restored: every space takes a new lineage when it is next opened.
pub(crate) fn write_restored(folder: &Path) -> io::Result<()> {
    replace(folder, RESTORED, b"every space takes a new lineage\n")
}

/// Whether the store in this folder was restored and not opened since.
pub(crate) fn is_restored(folder: &Path) -> bool {
    folder.join(RESTORED).exists()
}

/// Removes that mark.
pub(crate) fn remove_restored(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(RESTORED))?;
    crate::watermark::sync_folder(folder)
}

fn parse_format(text: &str, word: &str) -> Option<u64> {
    let line = text.strip_prefix("bulla ")?.strip_prefix(word)?;
    let number = line.strip_prefix(' ')?.strip_suffix('\n')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_line_is_exact() {
        assert_eq!(parse_format("bulla store 1\n", "store"), Some(1));
        assert_eq!(parse_format("bulla store 4294967297\n", "store"), Some(4_294_967_297));
        for other in [
            "",
            "bulla store 1",
            "bulla store +1\n",
            "bulla store \n",
            "bulla store 1\n\n",
            "store 1\n",
            "bulla cache 1\n",
        ] {
            assert_eq!(parse_format(other, "store"), None, "{other:?}");
        }
    }
}
