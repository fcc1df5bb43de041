//! Keys.

use bulla_core::{AuthorKey, ContentHash, EntryId, SpaceId};

/// A key of at most 64 bytes, kept on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Key {
    const MAX: usize = 64;

    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        let mut key = Self { bytes: [0; Self::MAX], len: 0 };
        for part in parts {
            let end = key.len + part.len();
            key.bytes
                .get_mut(key.len..end)
                .expect("the longest key, of the author index, has 52 bytes")
                .copy_from_slice(part);
            key.len = end;
        }
        key
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Rows of the meta family (DISK-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meta<'a> {
    /// `f`: the format version.
    Format,
    /// `n`: the next space number.
    NextSpace,
    /// `e`: the epoch of lineages; a space of an older epoch takes a new lineage when it is next used.
    Epoch,
    /// `a`: present while the database needs an audit.
    Audit,
    /// `c`: the newest commit.
    Commit,
    /// `k` and a slot: one of the newest commits.
    CommitSlot(u16),
    /// `u`: what the newest commit found, to take it back if it failed.
    Undo,
    /// `s` and a space id: its number, lineage and epoch.
    Space(&'a SpaceId),
    /// `l` and a space number: its state.
    Live(u32),
    /// `d` and a space number: its digests.
    Digests(u32),
    /// `j` and a space number: what counts in it.
    Judged(u32),
    /// `q` and a space number: how much is in its quarantine.
    Kept(u32),
    /// `t` and a space number: what left its quarantine last by being stored.
    Left(u32),
}

impl Meta<'_> {
    /// Every space row sorts after this.
    pub(crate) const SPACES: u8 = b's';

    pub(crate) fn key(self) -> Key {
        match self {
            Self::Format => Key::new(&[b"f"]),
            Self::NextSpace => Key::new(&[b"n"]),
            Self::Epoch => Key::new(&[b"e"]),
            Self::Audit => Key::new(&[b"a"]),
            Self::Commit => Key::new(&[b"c"]),
            Self::CommitSlot(slot) => Key::new(&[b"k", &slot.to_be_bytes()]),
            Self::Undo => Key::new(&[b"u"]),
            Self::Space(space) => Key::new(&[&[Self::SPACES], &space.0]),
            Self::Live(space) => Key::new(&[b"l", &space.to_be_bytes()]),
            Self::Digests(space) => Key::new(&[b"d", &space.to_be_bytes()]),
            Self::Judged(space) => Key::new(&[b"j", &space.to_be_bytes()]),
            Self::Kept(space) => Key::new(&[b"q", &space.to_be_bytes()]),
            Self::Left(space) => Key::new(&[b"t", &space.to_be_bytes()]),
        }
    }
}

pub(crate) fn receipt_key(space: u32, receipt: u64) -> Key {
    Key::new(&[&space.to_be_bytes(), &receipt.to_be_bytes()])
}

pub(crate) fn id_key(space: u32, id: &EntryId) -> Key {
    Key::new(&[&space.to_be_bytes(), &id.0])
}

pub(crate) fn hash_key(space: u32, hash: &ContentHash) -> Key {
    Key::new(&[&space.to_be_bytes(), &hash.0])
}

pub(crate) fn marker_key(space: u32, hash: &ContentHash, receipt: u64) -> Key {
    Key::new(&[&space.to_be_bytes(), &hash.0, &receipt.to_be_bytes()])
}

/// The receipt comes last because a fork has several entries with one author and sequence.
pub(crate) fn author_key(space: u32, author: &AuthorKey, sequence: u64, receipt: u64) -> Key {
    Key::new(&[&space.to_be_bytes(), &author.0, &sequence.to_be_bytes(), &receipt.to_be_bytes()])
}

/// What the keys of an author's entries begin with.
pub(crate) fn author_prefix(space: u32, author: &AuthorKey) -> Key {
    Key::new(&[&space.to_be_bytes(), &author.0])
}

/// An entry in quarantine.
pub(crate) fn kept_key(space: u32, id: &EntryId) -> Key {
    Key::new(&[&space.to_be_bytes(), &[0], &id.0])
}

/// How much an author has in quarantine.
pub(crate) fn kept_author_key(space: u32, author: &AuthorKey) -> Key {
    Key::new(&[&space.to_be_bytes(), &[1], &author.0])
}

/// First key of the entries in quarantine, first key of the authors there, and first key after them.
pub(crate) fn kept_range(space: u32) -> [Key; 3] {
    [0, 1, 2].map(|tag: u8| Key::new(&[&space.to_be_bytes(), &[tag]]))
}

/// First key of a space and first key after it. Space numbers end below `u32::MAX`.
pub(crate) fn space_range(space: u32) -> (Key, Key) {
    (Key::new(&[&space.to_be_bytes()]), Key::new(&[&space.saturating_add(1).to_be_bytes()]))
}
