//! The record of one name in a folder (MAN-8 to MAN-10). Names are content: they never leave unsealed.

use bulla_core::cbor::{CborError, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{Code, EntryId};

/// Most components of a path (MAN-9).
pub const MAX_PATH_COMPONENTS: usize = 64;
/// Longest component of a path in bytes (MAN-9).
pub const MAX_COMPONENT_BYTES: usize = 255;

const VERSION: u64 = 1;
const FILE: u64 = 0;
const DIRECTORY: u64 = 1;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// A file with content.
    File {
        /// The root manifest of its content, also when that is empty.
        manifest: EntryId,
        /// Bytes of its content.
        size: u64,
        /// Whether its owner may execute it.
        is_executable: bool,
    },
    /// A directory.
    Directory,
}

/// The plaintext of a file entry:
/// `[version, [component, …], type, manifest id or null, size, executable, modified or null]` (MAN-8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    path: Vec<String>,
    file_type: FileType,
    modified_ms: Option<u64>,
}

/// Why a path is not one that may be restored anywhere (MAN-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathError {
    /// No component.
    #[error("path is empty")]
    Empty,
    /// More than 64 components.
    #[error("path has more than {MAX_PATH_COMPONENTS} components")]
    TooDeep,
    /// A component that is empty, `.`, `..`, too long, or with `/` or NUL in it.
    #[error("path has a component that is no plain name")]
    Component,
}

/// Why a plaintext is not a file record. Its author is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not canonical CBOR of the right shape (MAN-8).
    #[error("file record is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown version (MAN-8).
    #[error("unknown file record version {0}")]
    Version(u64),
    /// A path that may lead out of the folder it is restored in (MAN-9).
    #[error(transparent)]
    Path(#[from] PathError),
    /// Neither a file nor a directory, a file without a manifest, or a directory with content (MAN-10).
    #[error("file record is neither a file with a manifest nor a directory without content")]
    Type,
    /// The content has another length than its record says (MAN-12).
    #[error("file record says {recorded} bytes, its content has {actual}")]
    Size {
        /// By the record.
        recorded: u64,
        /// By the root manifest.
        actual: u64,
    },
}

impl RecordError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "file.version",
            Self::Path(_) => "file.path",
            Self::Type => "file.type",
            Self::Size { .. } => "file.size",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "MAN-8",
            Self::Path(_) => "MAN-9",
            Self::Type => "MAN-10",
            Self::Size { .. } => "MAN-12",
        }
    }
}

impl FileRecord {
    /// A record. `modified_ms` is in milliseconds since 1970, `None` when unknown or before.
    ///
    /// # Errors
    ///
    /// [`PathError`].
    pub fn new(
        path: Vec<String>,
        file_type: FileType,
        modified_ms: Option<u64>,
    ) -> Result<Self, PathError> {
        check_path(&path)?;
        Ok(Self { path, file_type, modified_ms: modified_ms.map(|ms| ms.min(MAX_COUNTER)) })
    }

    /// Reads the plaintext of a file entry.
    ///
    /// The order of the checks: canonical CBOR, version, shape, path, type.
    ///
    /// # Errors
    ///
    /// [`RecordError`].
    pub fn decode(plaintext: &[u8]) -> Result<Self, RecordError> {
        let mut reader = Reader::versioned(plaintext, VERSION, 7, RecordError::Version)?;
        let count = reader.array(MAX_PATH_COMPONENTS)?;
        let mut path = Vec::with_capacity(count);
        for _ in 0..count {
            path.push(reader.text(MAX_COMPONENT_BYTES)?.to_owned());
        }
        let file_type = reader.uint(u64::MAX)?;
        let manifest = if reader.null() { None } else { Some(EntryId(reader.array_of()?)) };
        let size = reader.uint(MAX_COUNTER)?;
        let is_executable = reader.bool()?;
        let modified_ms = if reader.null() { None } else { Some(reader.uint(MAX_COUNTER)?) };
        reader.finish()?;
        check_path(&path)?;
        let file_type = match (file_type, manifest, size, is_executable) {
            (FILE, Some(manifest), size, is_executable) => {
                FileType::File { manifest, size, is_executable }
            }
            (DIRECTORY, None, 0, false) => FileType::Directory,
            _ => return Err(RecordError::Type),
        };
        Ok(Self { path, file_type, modified_ms })
    }

    /// The plaintext to seal (MAN-8).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(7).uint(VERSION).array(self.path.len());
        for component in &self.path {
            writer.text(component);
        }
        match self.file_type {
            FileType::File { manifest, size, is_executable } => {
                writer.uint(FILE).bytes(manifest).uint(size).bool(is_executable)
            }
            FileType::Directory => writer.uint(DIRECTORY).null().uint(0).bool(false),
        };
        match self.modified_ms {
            Some(ms) => writer.uint(ms),
            None => writer.null(),
        };
        writer.into_bytes()
    }

    /// The components of the path, from the folder's top: plain names, safe to join one by one on a system whose only
    /// separator is `/`. Others check for their own.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// What the name stands for.
    #[must_use]
    pub const fn file_type(&self) -> FileType {
        self.file_type
    }

    /// When the file was last changed, in milliseconds since 1970.
    #[must_use]
    pub const fn modified_ms(&self) -> Option<u64> {
        self.modified_ms
    }
}

/// Checks one component of a path (MAN-9).
///
/// # Errors
///
/// [`PathError::Component`].
pub fn check_component(name: &str) -> Result<(), PathError> {
    let is_plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    if is_plain && name.len() <= MAX_COMPONENT_BYTES { Ok(()) } else { Err(PathError::Component) }
}

fn check_path(path: &[String]) -> Result<(), PathError> {
    if path.is_empty() {
        return Err(PathError::Empty);
    }
    if path.len() > MAX_PATH_COMPONENTS {
        return Err(PathError::TooDeep);
    }
    path.iter().try_for_each(|name| check_component(name))
}
