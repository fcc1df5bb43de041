//! Files and folders as sealed entries: chunks, a manifest for each content, a record for each name (spec, chapter
//! `manifest.md`).
//!
//! A folder goes in with [`add`], comes out with [`restore`], and [`Tree::read`] lists what is there. Names, sizes and
//! times are sealed like the content.

mod add;
mod entries;
mod restore;
mod tree;
mod walk;

use std::path::PathBuf;

use bulla_core::EntryId;
use bulla_crypto::manifest::{ManifestError, PathError, RecordError};

use crate::SpaceError;

pub use add::{AddReport, add, add_to};
pub use entries::entries_of;
pub use restore::{Existing, RestoreReport, restore};
pub use tree::{Conflict, Node, Tree};

/// The name whose topic all entries of files carry.
const TOPIC: &str = "files";

/// Why files were not stored or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The space failed; its error says what to do.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A file could not be read or written.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A path cannot be named in a space.
    #[error("{}: {source}", path.display())]
    Path {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: PathError,
    },
    /// A record breaks its format; its author is at fault.
    #[error("file record {id}: {source}")]
    Record {
        /// The entry.
        id: EntryId,
        /// What is wrong.
        source: RecordError,
    },
    /// A content does not fit its manifest; its author is at fault.
    #[error("content of {path}: {source}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        source: ManifestError,
    },
    /// Something else stands where a file is to be restored.
    #[error("{} is there already and differs", .0.display())]
    Exists(PathBuf),
    /// A file changed while it was read. *Add it again.*
    #[error("{} changed while it was read", .0.display())]
    Changed(PathBuf),
}

/// What is being done, for a progress bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProgress {
    /// Files and directories done.
    pub done: u64,
    /// Of so many.
    pub total: u64,
    /// Bytes of content done.
    pub bytes: u64,
    /// Of so many.
    pub total_bytes: u64,
}

fn io(what: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { what, path, source }
}

#[cfg(test)]
mod tests;
