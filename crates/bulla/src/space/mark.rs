//! The mark outside the database: what this device has given out.
//!
//! A store that was restored from a backup, or lost its newest commits in a crash, looks whole. If the device went on
//! writing it would sign a second entry with a sequence that others have seen. The mark lies elsewhere and is written
//! before an entry leaves, so a log that ends before it is noticed.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bulla_core::cbor::{CborError, Decode, Encode, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{AuthorKey, EntryId, SpaceId};

use super::SpaceError;

const VERSION: u64 = 1;

/// The newest own entry that may have left the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its sequence.
    pub sequence: u64,
    /// Its id.
    pub id: EntryId,
}

/// Where marks are kept: not in the store they guard, and not in its backups.
pub trait Marks: std::fmt::Debug + Send + Sync + 'static {
    /// The mark of a device in a space.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Mark`] when there may be one and it cannot be read.
    fn read(&self, space: SpaceId, author: AuthorKey) -> Result<Option<Mark>, SpaceError>;

    /// Replaces the mark, durably.
    ///
    /// # Errors
    ///
    /// [`SpaceError::Mark`]; the old one is still there.
    fn write(&self, space: SpaceId, author: AuthorKey, mark: Mark) -> Result<(), SpaceError>;
}

/// Marks that are forgotten with the process, for stores that are too.
#[derive(Debug, Default)]
pub struct MemoryMarks {
    marks: Mutex<HashMap<(SpaceId, AuthorKey), Mark>>,
}

impl Marks for MemoryMarks {
    fn read(&self, space: SpaceId, author: AuthorKey) -> Result<Option<Mark>, SpaceError> {
        Ok(self.marks.lock().unwrap_or_else(PoisonError::into_inner).get(&(space, author)).copied())
    }

    fn write(&self, space: SpaceId, author: AuthorKey, mark: Mark) -> Result<(), SpaceError> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert((space, author), mark);
        Ok(())
    }
}

/// A file for each space and device in one folder: `[1, sequence, id]` in CBOR.
#[derive(Debug)]
pub struct FileMarks {
    folder: PathBuf,
}

impl FileMarks {
    /// Marks in this folder, which is made when the first is written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, space: SpaceId, author: AuthorKey) -> PathBuf {
        self.folder.join(format!("{space}.{}", author.short()))
    }
}

impl Marks for FileMarks {
    fn read(&self, space: SpaceId, author: AuthorKey) -> Result<Option<Mark>, SpaceError> {
        let path = self.path(space, author);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(space, &error)),
        };
        // A damaged mark must not be taken for none: the chain it guards could fork.
        Mark::from_cbor(&bytes).map(Some).map_err(|error| failed(space, &error))
    }

    fn write(&self, space: SpaceId, author: AuthorKey, mark: Mark) -> Result<(), SpaceError> {
        replace(&self.folder, &self.path(space, author), &mark.to_cbor())
            .map_err(|error| failed(space, &error))
    }
}

fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    write_synced(file.as_file_mut(), bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename is durable only when the folder is.
    sync_folder(folder)
}

fn write_synced(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn failed(space: SpaceId, error: &dyn std::fmt::Display) -> SpaceError {
    SpaceError::Mark { space, reason: error.to_string() }
}

impl Encode for Mark {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).uint(VERSION).uint(self.sequence).bytes(self.id);
    }
}

impl Decode for Mark {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let start = reader.position();
        if reader.uint(u64::MAX)? != VERSION {
            return Err(Reader::error_at(start, bulla_core::cbor::CborErrorKind::Bounds));
        }
        Ok(Self { sequence: reader.uint(MAX_COUNTER)?, id: EntryId(reader.array_of()?) })
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    use rustix::fs::inotify;

    use super::*;

    /// What cannot be synced must not count as written. A pipe takes bytes and cannot be synced, a device neither.
    #[cfg(unix)]
    #[test]
    fn a_mark_that_cannot_be_synced_is_an_error() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut pipe = File::from(std::os::fd::OwnedFd::from(writer));
        assert!(write_synced(&mut pipe, b"mark").is_err());
        assert!(sync_folder(Path::new("/dev/null")).is_err());
    }

    /// A mark is durable only when its folder is.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_folder_of_a_mark_is_synced_after_its_name_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        assert!(opens_after(folder.path(), inotify::ReadFlags::MOVED_TO, "mark", || {
            replace(folder.path(), &path, b"mark").unwrap();
        }));
    }

    /// Whether `work` opened `folder` itself after `event` was seen of the file `name` in it. Syncing a folder begins with
    /// opening it, and nothing else of a mark does after that event opens it.
    #[cfg(target_os = "linux")]
    fn opens_after(
        folder: &Path,
        event: inotify::ReadFlags,
        name: &str,
        work: impl FnOnce(),
    ) -> bool {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&watch, folder, inotify::WatchFlags::ALL_EVENTS).unwrap();
        work();
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&watch, &mut buffer);
        let mut seen = false;
        while let Ok(next) = events.next() {
            let file = next.file_name().map(|name| name.to_str().unwrap().to_owned());
            seen |= next.events().contains(event) && file.as_deref() == Some(name);
            if seen && file.is_none() && next.events().contains(inotify::ReadFlags::OPEN) {
                return true;
            }
        }
        false
    }
}
