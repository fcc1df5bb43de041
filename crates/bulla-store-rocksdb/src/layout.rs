//! How rows are laid out in the engine's column families (chapter `disk.md`, DISK-3 to DISK-8).
//!
//! All integers in keys are big-endian, so that keys sort as numbers do.

mod judged;
mod keys;
mod rows;

pub(crate) use judged::{JudgedRow, KeptRow, LeftRow, kept_row, totals_row};
pub(crate) use keys::{
    Key, Meta, author_key, author_prefix, hash_key, id_key, kept_author_key, kept_key, kept_range,
    marker_key, receipt_key, space_range,
};
pub(crate) use rows::{
    Before, CommitRow, Fields, HeaderRow, IndexRow, LiveRow, RemovalRow, Row, SpaceRow, State,
    UndoRow, header_row,
};

/// The newest layout this crate reads, and the one it writes (DISK-1).
pub(crate) const FORMAT: u64 = 2;

/// Payloads up to this many bytes lie beside their headers; longer ones are kept once per space and hash (DISK-5).
pub(crate) const INLINE_BYTES: usize = 16 * 1024;

/// The column families (DISK-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Format, spaces, their state, commits, digest checkpoints.
    Meta,
    /// (space, receipt) to header row.
    Headers,
    /// (space, receipt) to a payload of at most 16 KiB.
    Payloads,
    /// (space, content hash) to a longer payload.
    Large,
    /// (space, content hash, receipt): this entry's long payload arrived.
    Markers,
    /// (space, id) to receipt and state.
    Ids,
    /// (space, author, sequence, receipt).
    Authors,
    /// (space, id) of an entry that lost its payload before it came.
    Removals,
    /// (space, receipt) to the code of an entry that does not count.
    Marks,
    /// Entries that were refused and are kept, by id, and how much each author has there.
    Quarantine,
    /// A caller's checkpoints.
    Bookmarks,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Meta,
        Self::Headers,
        Self::Payloads,
        Self::Large,
        Self::Markers,
        Self::Ids,
        Self::Authors,
        Self::Removals,
        Self::Marks,
        Self::Quarantine,
        Self::Bookmarks,
    ];
    /// Those whose keys begin with a space number.
    pub(crate) const PER_SPACE: [Self; 9] = [
        Self::Headers,
        Self::Payloads,
        Self::Large,
        Self::Markers,
        Self::Ids,
        Self::Authors,
        Self::Removals,
        Self::Marks,
        Self::Quarantine,
    ];

    /// The name on disk.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Headers => "headers",
            Self::Payloads => "payloads",
            Self::Large => "large",
            Self::Markers => "markers",
            Self::Ids => "ids",
            Self::Authors => "authors",
            Self::Removals => "removals",
            Self::Marks => "marks",
            Self::Quarantine => "quarantine",
            Self::Bookmarks => "bookmarks",
        }
    }
}
