//! Files that appear whole or not at all, and are still there after a power cut.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes a small file, in the place of the one there was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder_of(path))?;
    file.write_all(bytes)?;
    keep(file, path)
}

/// Gives a file that was written under another name, in the same folder, its own: synced before it has it, or a name
/// without its bytes could be what a power cut leaves; and its folder after, which holds the name.
pub(crate) fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder_of(path))
}

/// The folder that a path names something in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and its names are kept in another way.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        for content in [&b"first"[..], b"second"] {
            replace(&path, content).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing stays beside it");
        assert_eq!(folder_of(Path::new("names")), Path::new("."));
    }

    /// What cannot be synced must not get its name. A pipe takes bytes and cannot be synced, a device neither.
    ///
    /// Clauses: BUN-8.
    #[cfg(unix)]
    #[test]
    fn what_cannot_be_synced_is_an_error_and_gets_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle");
        let (_reader, writer) = io::pipe().unwrap();
        let written = NamedTempFile::new_in(folder.path()).unwrap().into_temp_path();
        let pipe = File::from(std::os::fd::OwnedFd::from(writer));
        let mut file = NamedTempFile::from_parts(pipe, written);
        file.write_all(b"bundle").unwrap();
        assert!(keep(file, &path).is_err());
        assert!(!path.exists());
        assert!(sync_folder(Path::new("/dev/null")).is_err());
    }

    /// A new name is durable only when the folder is: it is opened, which syncing it begins with, after the name came.
    ///
    /// Clauses: BUN-8.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_folder_is_synced_after_the_name_came() {
        use rustix::fs::inotify::{self, ReadFlags};

        let folder = tempfile::tempdir().unwrap();
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&watch, folder.path(), inotify::WatchFlags::ALL_EVENTS).unwrap();
        replace(&folder.path().join("names"), b"names").unwrap();
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&watch, &mut buffer);
        let (mut has_name, mut is_opened) = (false, false);
        while let Ok(event) = events.next() {
            let name = event.file_name().map(|name| name.to_str().unwrap().to_owned());
            has_name |=
                event.events().contains(ReadFlags::MOVED_TO) && name.as_deref() == Some("names");
            is_opened |= has_name && name.is_none() && event.events().contains(ReadFlags::OPEN);
        }
        assert!(is_opened);
    }
}
