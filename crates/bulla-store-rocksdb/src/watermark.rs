//! The mark outside the engine's files by which a lost suffix is noticed (chapter `disk.md`, DISK-9).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::layout::CommitRow;

/// The name of the file in the store's folder.
const NAME: &str = "watermark";
/// The name of the file that is there only after a failed write: the last accepted commit (DISK-10).
const ACCEPTED: &str = "accepted";
const MAGIC: &[u8; 8] = b"bullawm1";
/// BLAKE3 derive-key context of the checksum.
const CHECKSUM: &str = "bulla 2026 store watermark";
/// `magic (8) | commit (8) | hash (32) | checksum (16)`.
const LEN: usize = 64;

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watermark {
    /// There is none.
    Absent,
    /// It is not what was written.
    Damaged,
    /// The database held this commit once.
    Commit(CommitRow),
}

/// Reads the mark.
pub(crate) fn read(folder: &Path) -> io::Result<Watermark> {
    read_named(folder, NAME)
}

/// Reads the note of the last accepted commit.
pub(crate) fn read_accepted(folder: &Path) -> io::Result<Watermark> {
    read_named(folder, ACCEPTED)
}

/// Notes the last accepted commit after a failed write.
pub(crate) fn write_accepted(folder: &Path, commit: CommitRow) -> io::Result<()> {
    replace(folder, ACCEPTED, &encode(commit))
}

/// Removes that note.
pub(crate) fn remove_accepted(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(ACCEPTED))?;
    sync_folder(folder)
}

fn read_named(folder: &Path, name: &str) -> io::Result<Watermark> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(parse(&bytes).map_or(Watermark::Damaged, Watermark::Commit)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Watermark::Absent),
        Err(error) => Err(error),
    }
}

/// Replaces the mark: write, sync, rename, sync of the folder. Two syncs.
pub(crate) fn write(folder: &Path, commit: CommitRow) -> io::Result<()> {
    replace(folder, NAME, &encode(commit))
}

/// Replaces a small file as a whole, durably.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.new"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn encode(commit: CommitRow) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&commit.to_bytes());
    let checksum = blake3::derive_key(CHECKSUM, &bytes);
    bytes.extend_from_slice(checksum.first_chunk::<16>().map_or(&[], |sum| sum.as_slice()));
    bytes
}

fn parse(bytes: &[u8]) -> Option<CommitRow> {
    let bytes: &[u8; LEN] = bytes.try_into().ok()?;
    let (_, rest) = bytes.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (hash, _) = rest.split_first_chunk::<32>()?;
    let commit = CommitRow { number: u64::from_be_bytes(*number), hash: *hash };
    (encode(commit) == bytes).then_some(commit)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), Watermark::Absent);
        let commit = CommitRow { number: 77, hash: [3; 32] };
        write(folder.path(), commit).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Watermark::Commit(commit));

        let good = fs::read(folder.path().join(NAME)).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(folder.path().join(NAME), &bad).unwrap();
            assert_eq!(read(folder.path()).unwrap(), Watermark::Damaged, "byte {at}");
            fs::write(folder.path().join(NAME), &good[..at]).unwrap();
            assert_eq!(read(folder.path()).unwrap(), Watermark::Damaged, "cut at {at}");
        }
    }

    /// What cannot be synced must not count as written: `/dev/null` takes bytes and cannot be synced.
    ///
    /// Clauses: DISK-9.
    #[cfg(unix)]
    #[test]
    fn what_cannot_be_synced_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let commit = CommitRow { number: 77, hash: [3; 32] };
        std::os::unix::fs::symlink("/dev/null", folder.path().join("watermark.new")).unwrap();
        assert!(write(folder.path(), commit).is_err());
        assert_eq!(read(folder.path()).unwrap(), Watermark::Absent);
        assert!(sync_folder(Path::new("/dev/null")).is_err());
    }

    /// A new name, and the end of one, are durable only when the folder is.
    ///
    /// Clauses: DISK-9, DISK-10.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_folder_is_synced_after_a_name_came_or_went() {
        use rustix::fs::inotify::ReadFlags;

        let folder = tempfile::tempdir().unwrap();
        let (folder, commit) = (folder.path(), CommitRow { number: 77, hash: [3; 32] });
        assert!(opens_after(folder, ReadFlags::MOVED_TO, NAME, || write(folder, commit).unwrap()));
        write_accepted(folder, commit).unwrap();
        assert!(opens_after(folder, ReadFlags::DELETE, ACCEPTED, || {
            remove_accepted(folder).unwrap();
        }));
        crate::folder::write_restored(folder).unwrap();
        assert!(opens_after(folder, ReadFlags::DELETE, "restored", || {
            crate::folder::remove_restored(folder).unwrap();
        }));
    }

    /// Whether `work` opened `folder` itself after `event` was seen of the file `name` in it. Syncing a folder begins with
    /// opening it, and nothing else of this crate does after that event opens it.
    #[cfg(target_os = "linux")]
    pub(crate) fn opens_after(
        folder: &Path,
        event: rustix::fs::inotify::ReadFlags,
        name: &str,
        work: impl FnOnce(),
    ) -> bool {
        use rustix::fs::inotify;

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
