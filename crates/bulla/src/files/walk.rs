//! What is in a folder, in one order on every machine.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{FileError, io};

/// Something that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) at: PathBuf,
    /// Its name in the space.
    pub(super) path: Vec<String>,
    pub(super) what: What,
    /// Milliseconds since 1970; `None` if the file system does not say.
    pub(super) modified_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Directory,
    File { size: u64, is_executable: bool },
}

/// Lists a folder without the folder itself, or one file by its name. Links, devices and names that are not Unicode are
/// returned apart: they cannot be stored.
pub(super) fn walk(root: &Path) -> Result<(Vec<Found>, Vec<PathBuf>), FileError> {
    let metadata = std::fs::metadata(root).map_err(io("read", root))?;
    let mut found = Vec::new();
    let mut skipped = Vec::new();
    if !metadata.is_dir() {
        match root.file_name().and_then(|name| name.to_str()) {
            Some(name) => found.extend(look(root, vec![name.to_owned()], &metadata)),
            None => skipped.push(root.to_owned()),
        }
        return Ok((found, skipped));
    }
    // A list of folders still to read instead of recursion: their depth is the user's.
    let mut folders = vec![(root.to_owned(), Vec::new())];
    while let Some((folder, path)) = folders.pop() {
        for child in std::fs::read_dir(&folder).map_err(io("read", &folder))? {
            let at = child.map_err(io("read", &folder))?.path();
            let metadata = std::fs::symlink_metadata(&at).map_err(io("read", &at))?;
            let Some(name) = at.file_name().and_then(|name| name.to_str()) else {
                skipped.push(at);
                continue;
            };
            let mut path: Vec<String> = path.clone();
            path.push(name.to_owned());
            match look(&at, path, &metadata) {
                Some(one) => {
                    if one.what == What::Directory {
                        folders.push((at, one.path.clone()));
                    }
                    found.push(one);
                }
                None => skipped.push(at),
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    skipped.sort();
    Ok((found, skipped))
}

fn look(at: &Path, path: Vec<String>, metadata: &Metadata) -> Option<Found> {
    let what = if metadata.is_dir() {
        What::Directory
    } else if metadata.is_file() {
        What::File { size: metadata.len(), is_executable: is_executable(metadata) }
    } else {
        return None;
    };
    Some(Found { at: at.to_owned(), path, what, modified_ms: modified_ms(metadata) })
}

/// When it was last written, in milliseconds since 1970.
pub(super) fn modified_ms(metadata: &Metadata) -> Option<u64> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(unix)]
pub(super) fn is_executable(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
pub(super) fn is_executable(_metadata: &Metadata) -> bool {
    false
}
