//! Content beyond one entry (chapter `manifest.md`): fixed-size chunks, each sealed like any payload, named in order by a
//! sealed manifest, or by a tree of manifests when they are many.
//!
//! Chunk sizes never depend on content, so stored sizes do not fingerprint a file. The tail is padded to where Padmé puts
//! the length of the whole. Ranges are read without the rest: [`ContentReader`] asks only for what covers them.
//!
//! Both sides are state machines without I/O: [`ContentWriter`] says what to seal next, [`ContentReader`] what to fetch
//! next.

mod file_record;
mod reader;
mod writer;

use std::fmt;

use bulla_core::cbor::{CborError, CborErrorKind, Reader, Writer};
use bulla_core::limits::MAX_COUNTER;
use bulla_core::{Code, EntryId, KeyId, domain};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{EpochKey, MAX_PLAINTEXT_BYTES, OpenError};

pub use file_record::{
    FileRecord, FileType, MAX_COMPONENT_BYTES, MAX_PATH_COMPONENTS, PathError, RecordError,
    check_component,
};
pub use reader::{ContentReader, Piece};
pub use writer::{ContentWriter, Part};

/// Bytes of plaintext in every chunk but the last of a content that this crate writes (MAN-2).
pub const CHUNK_BYTES: u32 = 1024 * 1024 - 64;
/// Most children of one manifest (MAN-5): 8,192 chunks are 8 GiB, two levels 64 TiB.
pub const MAX_CHILDREN: usize = 8_192;
/// Highest level of a manifest; 0 names chunks, a higher one manifests of the level below (MAN-5).
pub const MAX_LEVEL: u8 = 2;

const VERSION: u64 = 1;

/// What a manifest names: an entry, and the keyed hash of the plaintext in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The entry.
    pub id: EntryId,
    /// Hash of its plaintext under the [`ChunkHashKey`] of the content's root.
    pub hash: ChunkHash,
}

/// A keyed hash of a plaintext, 32 bytes. Only readers can compute it, and only they see it (MAN-6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkHash(pub [u8; 32]);

impl fmt::Debug for ChunkHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkHash(..)")
    }
}

/// The key of plaintext hashes, from the epoch key that seals a content's manifests (MAN-6).
pub struct ChunkHashKey(Zeroizing<[u8; 32]>);

impl ChunkHashKey {
    /// The key that belongs to an epoch key.
    #[must_use]
    pub fn derive(key: &EpochKey) -> Self {
        Self(Zeroizing::new(blake3::derive_key(domain::CHUNK_HASH, key.expose_secret())))
    }

    /// The hash of a plaintext.
    #[must_use]
    pub fn hash(&self, plaintext: &[u8]) -> ChunkHash {
        ChunkHash(blake3::keyed_hash(&self.0, plaintext).into())
    }

    /// Whether a plaintext has this hash, in constant time.
    #[must_use]
    pub fn matches(&self, plaintext: &[u8], hash: &ChunkHash) -> bool {
        self.hash(plaintext).0.ct_eq(&hash.0).into()
    }
}

impl fmt::Debug for ChunkHashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkHashKey(..)")
    }
}

/// The plaintext of a manifest entry: `[version, level, length, chunk size, [[entry id, hash], …]]` (MAN-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    level: u8,
    length: u64,
    chunk_bytes: u32,
    children: Vec<Child>,
}

/// Why a content cannot be read. Its author is at fault, but for [`Open`](Self::Open) with a key missing and
/// [`Unasked`](Self::Unasked).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not canonical CBOR of the right shape (MAN-4).
    #[error("manifest is not canonical: {0}")]
    Cbor(#[from] CborError),
    /// An unknown version (MAN-4).
    #[error("unknown manifest version {0}")]
    Version(u64),
    /// The number of children is not what length, chunk size and level ask for (MAN-5).
    #[error("manifest of level {level} over {length} bytes cannot have {children} children")]
    Shape {
        /// The level it says.
        level: u8,
        /// The length it says.
        length: u64,
        /// The children it has.
        children: usize,
    },
    /// A root of a higher level than its length asks for, or a manifest that does not fit its place in the tree (MAN-5).
    #[error("manifest does not fit its place in the tree")]
    Place,
    /// The entry named is of another kind (MAN-7).
    #[error("entry {0} is of another kind than the manifest says")]
    Kind(EntryId),
    /// The chunk is not as long as its place asks for (MAN-7).
    #[error("chunk has {actual} bytes where {expected} belong")]
    ChunkLength {
        /// By the manifest.
        expected: u64,
        /// As opened.
        actual: u64,
    },
    /// What was opened does not have the hash that the manifest names (MAN-7).
    #[error("entry {0} does not hold the content that the manifest names")]
    Hash(EntryId),
    /// The entry does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An entry that was not asked for. The caller's mistake.
    #[error("entry {0} was not asked for")]
    Unasked(EntryId),
    /// The range ends beyond the content.
    #[error("range ends at {end}, the content at {length}")]
    Range {
        /// The end asked for.
        end: u64,
        /// The length of the content.
        length: u64,
    },
    /// No key of that id to check hashes with.
    #[error("no epoch key {0} for this content")]
    HashKey(KeyId),
}

impl ManifestError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> Code {
        Code::new(match self {
            Self::Cbor(error) => return error.kind.code(),
            Self::Version(_) => "manifest.version",
            Self::Shape { .. } => "manifest.shape",
            Self::Place => "manifest.place",
            Self::Kind(_) => "manifest.kind",
            Self::ChunkLength { .. } => "manifest.chunk_length",
            Self::Hash(_) => "manifest.hash",
            Self::Open(error) => return error.code(),
            Self::Unasked(_) => "manifest.unasked",
            Self::Range { .. } => "manifest.range",
            Self::HashKey(_) => "manifest.hash_key",
        })
    }

    /// The clause of the spec that refuses this; `None` when it is not about the format.
    #[must_use]
    pub const fn clause(self) -> Option<&'static str> {
        Some(match self {
            Self::Cbor(error) => error.kind.clause(),
            Self::Version(_) => "MAN-4",
            Self::Shape { .. } | Self::Place => "MAN-5",
            Self::Kind(_) | Self::ChunkLength { .. } | Self::Hash(_) => "MAN-7",
            Self::Open(error) => error.clause(),
            Self::Unasked(_) | Self::Range { .. } | Self::HashKey(_) => return None,
        })
    }
}

impl Manifest {
    /// A manifest; `level` 0 names chunks.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Shape`] or, for a value out of bounds, [`ManifestError::Cbor`].
    pub fn new(
        level: u8,
        length: u64,
        chunk_bytes: u32,
        children: Vec<Child>,
    ) -> Result<Self, ManifestError> {
        let fits = chunk_bytes >= 1
            && within_plaintext(chunk_bytes)
            && level <= MAX_LEVEL
            && length <= MAX_COUNTER;
        if !fits {
            return Err(Reader::error_at(0, CborErrorKind::Bounds).into());
        }
        let manifest = Self { level, length, chunk_bytes, children };
        manifest.check_shape()?;
        Ok(manifest)
    }

    /// Reads the plaintext of a manifest entry.
    ///
    /// The order of the checks: canonical CBOR, version, shape, bounds, number of children.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Cbor`], [`ManifestError::Version`] or [`ManifestError::Shape`].
    pub fn decode(plaintext: &[u8]) -> Result<Self, ManifestError> {
        let mut reader = Reader::versioned(plaintext, VERSION, 5, ManifestError::Version)?;
        let level = u8::try_from(reader.uint(MAX_LEVEL.into())?).unwrap_or(MAX_LEVEL);
        let length = reader.uint(MAX_COUNTER)?;
        let start = reader.position();
        let chunk_bytes = reader.u32(u32::try_from(MAX_PLAINTEXT_BYTES).unwrap_or(u32::MAX))?;
        if chunk_bytes == 0 {
            return Err(Reader::error_at(start, CborErrorKind::Bounds).into());
        }
        let count = reader.array(MAX_CHILDREN)?;
        let mut children = Vec::with_capacity(count);
        for _ in 0..count {
            reader.array_exact(2)?;
            children.push(Child {
                id: EntryId(reader.array_of()?),
                hash: ChunkHash(reader.array_of()?),
            });
        }
        reader.finish()?;
        let manifest = Self { level, length, chunk_bytes, children };
        manifest.check_shape()?;
        Ok(manifest)
    }

    /// The plaintext to seal (MAN-4).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(32 + self.children.len() * 69);
        writer
            .array(5)
            .uint(VERSION)
            .uint(self.level.into())
            .uint(self.length)
            .uint(self.chunk_bytes.into());
        writer.array(self.children.len());
        for child in &self.children {
            writer.array(2).bytes(child.id).bytes(child.hash.0);
        }
        writer.into_bytes()
    }

    /// 0 when the children are chunks, else one more than theirs.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Bytes of content under this manifest.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of every chunk but the last of the content.
    #[must_use]
    pub const fn chunk_bytes(&self) -> u32 {
        self.chunk_bytes
    }

    /// The children in the order of the content.
    #[must_use]
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// Checks that this may be a root: no lower level would do (MAN-5).
    ///
    /// # Errors
    ///
    /// [`ManifestError::Place`].
    pub fn check_root(&self) -> Result<(), ManifestError> {
        // A root above level 0 with one child could have been that child.
        if self.level == 0 || self.children.len() > 1 { Ok(()) } else { Err(ManifestError::Place) }
    }

    /// Checks that this is what child number `index` of `parent` must be: one level lower, the same chunk size, and just
    /// the length of its place (MAN-5).
    ///
    /// # Errors
    ///
    /// [`ManifestError::Place`].
    pub fn check_child_of(&self, parent: &Self, index: usize) -> Result<(), ManifestError> {
        let fits = parent.level.checked_sub(1) == Some(self.level)
            && self.chunk_bytes == parent.chunk_bytes
            && parent.child_length(index) == Some(self.length);
        if fits { Ok(()) } else { Err(ManifestError::Place) }
    }

    /// How many bytes of content child number `index` stands for; `None` when there is none.
    #[must_use]
    pub fn child_length(&self, index: usize) -> Option<u64> {
        if index >= self.children.len() {
            return None;
        }
        let span = self.child_span();
        let start = u64::try_from(index).ok()?.checked_mul(span)?;
        self.length.checked_sub(start).map(|rest| rest.min(span))
    }

    /// Bytes of content that every child but the last stands for.
    #[must_use]
    pub fn child_span(&self) -> u64 {
        (0..self.level)
            .fold(u64::from(self.chunk_bytes), |span, _| span.saturating_mul(MAX_CHILDREN as u64))
    }

    fn check_shape(&self) -> Result<(), ManifestError> {
        let expected = self.length.div_ceil(self.child_span());
        let fits = self.children.len() <= MAX_CHILDREN
            && u64::try_from(self.children.len()) == Ok(expected);
        let (level, length, children) = (self.level, self.length, self.children.len());
        if fits { Ok(()) } else { Err(ManifestError::Shape { level, length, children }) }
    }
}

fn within_plaintext(bytes: u32) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_PLAINTEXT_BYTES)
}
