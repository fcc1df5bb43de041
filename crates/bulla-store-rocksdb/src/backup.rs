//! Hot backup, restore, compaction.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_store::{Result, StoreError};
use rocksdb::{BottommostLevelCompaction, CompactOptions};

use crate::DiskSpaces;
use crate::error::OpenError;
use crate::folder;
use crate::layout::Family;
use crate::queue::Admin;
use crate::shared::blocking;
use crate::store::folder_bytes;
use crate::watermark::sync_folder;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionReport {
    /// Bytes on disk before.
    pub before_bytes: u64,
    /// Bytes on disk after.
    pub after_bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl DiskSpaces {
    /// Makes a backup in a folder that does not exist yet, while reads and writes go on; writes wait while files are
    /// linked or copied, some 100 ms. It holds exactly what was durable at one moment.
    ///
    /// On the same filesystem the table files are hard links: then the backup guards against mistakes, not against a
    /// failing disk. What lies in the folder is a store of its own; whoever opens it, or a copy of it, opens a *restored*
    /// store: every space takes a new lineage (DISK-12).
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`] with `store.exists` when the folder exists, [`StoreError::Internal`] when it cannot be
    /// written.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<()> {
        let to = to.as_ref().to_owned();
        if to.exists() {
            return Err(StoreError::request(
                "store.exists",
                format!("{} exists already", to.display()),
            ));
        }
        let partial = partial(&to);
        fresh_folder(&partial)
            .map_err(|error| StoreError::internal("cannot make the backup's folder", error))?;
        self.shared().ask(|reply| Admin::Checkpoint(partial.clone(), reply)).await?;
        blocking(move || {
            folder::write_format(&partial, folder::STORE)
                .and_then(|()| folder::write_restored(&partial))
                .and_then(|()| finish(&partial, &to))
                .map_err(|error| StoreError::internal("cannot write the backup", error))
        })
        .await
    }

    /// Rewrites all table files so that nothing in them was erased, removed or replaced; until then the bytes of an
    /// erased payload may still lie on the disk (DISK-11). Reads and writes go on.
    ///
    /// # Errors
    ///
    /// [`StoreError::ReadOnly`] after an earlier failure.
    pub async fn compact(&self) -> Result<CompactionReport> {
        let shared = Arc::clone(self.shared());
        blocking(move || {
            if let Some(reason) = shared.health.stopped() {
                return Err(StoreError::ReadOnly { reason });
            }
            let (before_bytes, start) = (folder_bytes(&shared.folder), shared.clock.monotonic());
            let mut options = CompactOptions::default();
            options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
            for family in Family::ALL {
                let handle = shared.database.family(family)?;
                shared.database.raw().compact_range_cf_opt(
                    handle,
                    None::<&[u8]>,
                    None::<&[u8]>,
                    &options,
                );
            }
            let took = shared.clock.monotonic().saturating_sub(start);
            Ok(CompactionReport {
                before_bytes,
                after_bytes: folder_bytes(&shared.folder),
                took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            })
        })
        .await
    }
}

/// Restores a backup into a folder that does not exist yet. The backup stays as it is. When the restored store is
/// opened, every space takes a new lineage, so that no reader skips what the backup lacks (DISK-12).
///
/// # Errors
///
/// [`OpenError::NotAStore`] when there is no store in `backup`, [`OpenError::NewerFormat`], [`OpenError::Locked`] when a
/// process has it open, [`OpenError::Exists`] when `to` exists, [`OpenError::Io`].
pub fn restore(
    backup: impl AsRef<Path>,
    to: impl AsRef<Path>,
) -> std::result::Result<(), OpenError> {
    let (backup, to) = (backup.as_ref(), to.as_ref());
    if to.exists() {
        return Err(OpenError::Exists { path: to.to_owned() });
    }
    let _lock = folder::lock(backup, false)?;
    folder::check_format(backup, folder::STORE, false)?;
    let partial = partial(to);
    let copied = fresh_folder(&partial)
        .and_then(|()| copy_folder(backup, &partial))
        .and_then(|()| folder::write_restored(&partial))
        .and_then(|()| finish(&partial, to));
    copied.map_err(OpenError::io(format!(
        "cannot restore {} to {}",
        backup.display(),
        to.display()
    )))
}

/// Where a folder is made before it gets its name.
fn partial(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// An empty folder; what an interrupted attempt left there goes.
fn fresh_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    fs::create_dir_all(folder)
}

/// Makes a finished folder durable and gives it its name.
fn finish(partial: &Path, to: &Path) -> io::Result<()> {
    sync_all(partial)?;
    fs::rename(partial, to)?;
    let parent =
        to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(parent)
}

fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Copies, never links: the two must not share a bad sector. Links and special files are not ours and are left out.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            fs::create_dir(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: DISK-12. What cannot be synced must not count as copied: `/dev/null` can be opened and not synced.
    #[cfg(unix)]
    #[test]
    fn a_copy_that_cannot_be_synced_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, to) = (folder.path().join("to.partial"), folder.path().join("to"));
        fs::create_dir_all(partial.join("db")).unwrap();
        std::os::unix::fs::symlink("/dev/null", partial.join("db/000001.sst")).unwrap();
        assert!(finish(&partial, &to).is_err());
        assert!(!to.exists(), "it has no name before it is whole");
    }

    /// The folders of a copy, and the one it lies in, are synced: inside before it has its name, outside after.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_folders_of_a_copy_are_synced() {
        use rustix::fs::inotify::ReadFlags;

        use crate::watermark::tests::opens_after;

        let folder = tempfile::tempdir().unwrap();
        let (partial, to) = (folder.path().join("to.partial"), folder.path().join("to"));
        fs::create_dir_all(&partial).unwrap();
        fs::write(partial.join("format"), "x").unwrap();
        assert!(opens_after(&partial, ReadFlags::OPEN, "format", || sync_all(&partial).unwrap()));
        assert!(opens_after(folder.path(), ReadFlags::MOVED_TO, "to", || {
            finish(&partial, &to).unwrap();
        }));
        assert!(to.join("format").exists());
    }
}
