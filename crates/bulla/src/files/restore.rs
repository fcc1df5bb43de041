//! Writing a space's files into a folder.

use std::fs::{File, FileTimes};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bulla_core::values::{GetItem, GetRequest};
use bulla_crypto::manifest::{ContentReader, FileType, RecordError};
use bulla_store::Context;

use super::{FileError, FileProgress, Node, Tree, io, walk};
use crate::{Space, SpaceError};

/// Entries asked for at once.
const AHEAD: usize = 8;
/// Bytes asked for at once.
const AHEAD_BYTES: u32 = 8 * 1024 * 1024;

/// What to do with a file that is there already and differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Stop with an error before anything of it is lost.
    #[default]
    Keep,
    /// Replace it, whole or not at all.
    Replace,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoreReport {
    /// Files written.
    pub files: u64,
    /// Directories made or found.
    pub directories: u64,
    /// Bytes of content written.
    pub bytes: u64,
    /// Files that were there already, the same to the byte.
    pub unchanged: u64,
    /// Paths whose content was erased, so that there is nothing to write.
    pub erased: Vec<String>,
}

/// Writes the files of `tree` into the folder `into`, which is made if it does not exist. With `only`, writes those paths
/// and what lies below them.
///
/// A file appears whole or not at all. Nothing is written outside `into`: names are checked, and a link that stands where
/// a directory should be is refused.
///
/// # Errors
///
/// [`FileError::Exists`], [`FileError::Io`], [`FileError::Content`] for a content that does not fit its manifest,
/// [`FileError::Record`] for a record that tells another size than its content has,
/// [`FileError::Space`] with [`SpaceError::NotHeld`] or [`SpaceError::PayloadMissing`] for one that is not here yet. What was
/// written before stays.
pub async fn restore(
    space: &Space,
    tree: &Tree,
    into: &Path,
    only: &[String],
    existing: Existing,
    progress: &(dyn Fn(FileProgress) + Send + Sync),
) -> Result<RestoreReport, FileError> {
    let wanted = |path: &[String]| {
        only.is_empty()
            || only.iter().any(|prefix| {
                path.iter().map(String::as_str).collect::<Vec<_>>().starts_with(&split(prefix))
            })
    };
    let nodes: Vec<&Node> =
        tree.nodes.iter().filter(|(path, _)| wanted(path)).map(|(_, node)| node).collect();
    let size = |node: &&Node| match node.record.file_type() {
        FileType::File { size, .. } => size,
        FileType::Directory => 0,
    };
    let total_bytes = nodes.iter().map(size).fold(0, u64::saturating_add);
    let mut so_far = FileProgress { done: 0, total: nodes.len() as u64, bytes: 0, total_bytes };
    let mut report = RestoreReport::default();
    std::fs::create_dir_all(into).map_err(io("make", into))?;
    for node in nodes {
        let at = place(into, node.record.path())?;
        match node.record.file_type() {
            FileType::Directory => {
                make_directory(&at)?;
                report.directories += 1;
            }
            FileType::File { size, .. } => {
                match write_file(space, node, &at, existing).await {
                    Ok(true) => {
                        report.files += 1;
                        report.bytes += size;
                    }
                    Ok(false) => report.unchanged += 1,
                    // It is gone for good, and no reason to withhold the others.
                    Err(FileError::Space(SpaceError::Erased { .. })) => {
                        report.erased.push(node.record.path().join("/"));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        so_far.done += 1;
        so_far.bytes += size(&node);
        progress(so_far.clone());
    }
    Ok(report)
}

fn split(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

/// Where a record's file goes; makes the directories above it.
fn place(into: &Path, path: &[String]) -> Result<PathBuf, FileError> {
    let mut at = into.to_owned();
    let Some((name, above)) = path.split_last() else { return Ok(at) };
    for component in above {
        at.push(component);
        make_directory(&at)?;
    }
    at.push(name);
    Ok(at)
}

/// Makes a directory, or finds one that is no link: through a link the files would land elsewhere.
fn make_directory(at: &Path) -> Result<(), FileError> {
    match std::fs::symlink_metadata(at) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(FileError::Exists(at.to_owned())),
        Err(_) => std::fs::create_dir(at).map_err(io("make", at)),
    }
}

/// Writes one file; `false` when the same is there already.
async fn write_file(
    space: &Space,
    node: &Node,
    at: &Path,
    existing: Existing,
) -> Result<bool, FileError> {
    let FileType::File { manifest, is_executable, .. } = node.record.file_type() else {
        return Ok(false);
    };
    let folder = at.parent().unwrap_or(at);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io("write into", folder))?;
    write_content(space, node, manifest, &mut file).await?;
    if let Ok(metadata) = std::fs::symlink_metadata(at) {
        let is_same = metadata.is_file()
            && walk::is_executable(&metadata) == is_executable
            && same_content(file.path(), at).map_err(io("read", at))?;
        if is_same {
            return Ok(false);
        }
        if existing == Existing::Keep || !metadata.is_file() {
            return Err(FileError::Exists(at.to_owned()));
        }
    }
    finish(file.as_file(), node.record.modified_ms(), is_executable).map_err(io("write", at))?;
    let kept = match existing {
        Existing::Replace => file.persist(at).map(drop),
        Existing::Keep => file.persist_noclobber(at).map(drop),
    };
    kept.map_err(|error| io("write", at)(error.error))?;
    Ok(true)
}

async fn write_content(
    space: &Space,
    node: &Node,
    manifest: bulla_core::EntryId,
    file: &mut tempfile::NamedTempFile,
) -> Result<(), FileError> {
    let mut reader = ContentReader::new(manifest);
    while reader.wanted().is_some() {
        let ids: Vec<_> = reader.upcoming(AHEAD).collect();
        let request = GetRequest { ids: ids.clone(), max_bytes: AHEAD_BYTES };
        let items = space.store().get(&Context::new(), request).await.map_err(SpaceError::from)?;
        for (id, item) in ids.into_iter().zip(items) {
            // A manifest changes what is upcoming; what was fetched beyond it is asked for again.
            if reader.wanted() != Some(id) {
                break;
            }
            let entry = match item {
                GetItem::Entry(entry) => entry,
                other => return Err(SpaceError::without_payload(id, &other).into()),
            };
            let piece = space.supply(&mut reader, &entry);
            let piece = piece.map_err(|source| FileError::Content {
                path: node.record.path().join("/"),
                source,
            })?;
            check_size(node, reader.length())?;
            if let Some(piece) = piece {
                file.write_all(&piece.bytes).map_err(io("write", file.path()))?;
            }
        }
    }
    Ok(())
}

/// A record and the content it names must agree (MAN-12); seen as soon as the root manifest is open.
fn check_size(node: &Node, length: Option<u64>) -> Result<(), FileError> {
    let FileType::File { size: recorded, .. } = node.record.file_type() else { return Ok(()) };
    match length.filter(|actual| *actual != recorded) {
        Some(actual) => {
            let source = RecordError::Size { recorded, actual };
            Err(FileError::Record { id: node.id, source })
        }
        None => Ok(()),
    }
}

/// Sets mode and time, and syncs.
fn finish(file: &File, modified_ms: Option<u64>, is_executable: bool) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        // A temporary file is its owner's alone; a restored one gets the mode that a new file would have.
        let mode = if is_executable { 0o755 } else { 0o644 };
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = is_executable;
    if let Some(ms) = modified_ms {
        file.set_times(FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_millis(ms)))?;
    }
    file.sync_all()
}

fn same_content(a: &Path, b: &Path) -> std::io::Result<bool> {
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = a.read(&mut left)?;
        let (Some(left), Some(right)) = (left.get(..count), right.get_mut(..count)) else {
            return Ok(false);
        };
        b.read_exact(right)?;
        if left != right {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    /// What cannot be synced must not count as restored. A pipe cannot be synced.
    #[cfg(unix)]
    #[test]
    fn a_file_that_cannot_be_synced_is_an_error() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let pipe = super::File::from(std::os::fd::OwnedFd::from(writer));
        assert!(super::finish(&pipe, None, false).is_err());
    }
}
