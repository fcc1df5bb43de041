//! Putting content together again, whole or a range of it.

use std::ops::Range;

use bulla_core::{EntryId, Kind, VerifiedEntry};
use zeroize::Zeroizing;

use super::{ChunkHashKey, Manifest, ManifestError};
use crate::{Keyring, open};

/// Reads a content from its root manifest on: says which entry it wants next, checks and opens what it is given, and hands
/// out bytes in order.
///
/// The order, number and length of chunks are checked against the manifests, and every plaintext against its keyed hash:
/// swapped, missing, doubled or foreign chunks never become content (MAN-7).
#[derive(Debug)]
pub struct ContentReader {
    root: EntryId,
    range: Option<Range<u64>>,
    hashes: Option<ChunkHashKey>,
    length: Option<u64>,
    /// The manifests from the root down to the one being read.
    path: Vec<Node>,
}

/// Some bytes of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where they begin in the content.
    pub offset: u64,
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
}

#[derive(Debug)]
struct Node {
    manifest: Manifest,
    start: u64,
    next: usize,
}

impl ContentReader {
    /// Reads the whole content under this root manifest.
    #[must_use]
    pub const fn new(root: EntryId) -> Self {
        Self { root, range: None, hashes: None, length: None, path: Vec::new() }
    }

    /// Reads only these bytes of it; asks for no chunk outside.
    #[must_use]
    pub const fn with_range(root: EntryId, range: Range<u64>) -> Self {
        Self { root, range: Some(range), hashes: None, length: None, path: Vec::new() }
    }

    /// Bytes of the whole content, known once the root was supplied.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The entry to supply next; `None` when all bytes were handed out.
    #[must_use]
    pub fn wanted(&self) -> Option<EntryId> {
        if self.length.is_none() {
            return Some(self.root);
        }
        let node = self.path.last()?;
        node.manifest.children().get(node.next).map(|child| child.id)
    }

    /// The wanted entry and those after it that are known already, at most `most`: what to fetch ahead.
    pub fn upcoming(&self, most: usize) -> impl Iterator<Item = EntryId> + '_ {
        let root = self.length.is_none().then_some(self.root);
        let end = self.range.as_ref().map_or(u64::MAX, |range| range.end);
        let children = self.path.last().into_iter().flat_map(move |node| {
            let indices = node.next..node.manifest.children().len();
            let inside = indices.take_while(move |index| node.child_start(*index) < end);
            inside.filter_map(|index| node.manifest.children().get(index).map(|child| child.id))
        });
        root.into_iter().chain(children).take(most)
    }

    /// Takes the wanted entry. A chunk gives its bytes, a manifest gives none. After an error nothing has changed.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn supply(
        &mut self,
        entry: &VerifiedEntry,
        keyring: &Keyring,
    ) -> Result<Option<Piece>, ManifestError> {
        if self.wanted() != Some(entry.id()) {
            return Err(ManifestError::Unasked(entry.id()));
        }
        let Some(node) = self.path.last() else {
            self.supply_root(entry, keyring)?;
            return Ok(None);
        };
        let is_chunk = node.manifest.level() == 0;
        let kind = if is_chunk { Kind::CHUNK } else { Kind::MANIFEST };
        if entry.header().kind != kind {
            return Err(ManifestError::Kind(entry.id()));
        }
        let plaintext = open(entry, keyring)?;
        let child =
            node.manifest.children().get(node.next).ok_or(ManifestError::Unasked(entry.id()))?;
        let hashes = self.hashes.as_ref().ok_or(ManifestError::Unasked(entry.id()))?;
        if !hashes.matches(&plaintext, &child.hash) {
            return Err(ManifestError::Hash(entry.id()));
        }
        let start = node.child_start(node.next);
        if !is_chunk {
            let manifest = Manifest::decode(&plaintext)?;
            manifest.check_child_of(&node.manifest, node.next)?;
            self.advance();
            self.enter(manifest, start);
            return Ok(None);
        }
        let (expected, actual) =
            (node.manifest.child_length(node.next).unwrap_or(0), plaintext.len() as u64);
        if expected != actual {
            return Err(ManifestError::ChunkLength { expected, actual });
        }
        self.advance();
        self.leave();
        Ok(Some(self.cut(start, plaintext)))
    }

    fn supply_root(
        &mut self,
        entry: &VerifiedEntry,
        keyring: &Keyring,
    ) -> Result<(), ManifestError> {
        let header = entry.header();
        if header.kind != Kind::MANIFEST {
            return Err(ManifestError::Kind(entry.id()));
        }
        let manifest = Manifest::decode(&open(entry, keyring)?)?;
        manifest.check_root()?;
        let length = manifest.length();
        if let Some(range) = self.range.as_ref().filter(|range| range.end > length) {
            return Err(ManifestError::Range { end: range.end, length });
        }
        let key = keyring
            .get(&header.space, &header.key_id)
            .ok_or(ManifestError::HashKey(header.key_id))?;
        self.hashes = Some(ChunkHashKey::derive(&key));
        self.length = Some(length);
        self.enter(manifest, 0);
        Ok(())
    }

    /// Goes down into a manifest, past the children before the range.
    fn enter(&mut self, manifest: Manifest, start: u64) {
        let wanted = self.range.as_ref().map_or(0, |range| range.start).saturating_sub(start);
        let next = usize::try_from(wanted / manifest.child_span()).unwrap_or(usize::MAX);
        self.path.push(Node { manifest, start, next });
        self.leave();
    }

    fn advance(&mut self) {
        if let Some(node) = self.path.last_mut() {
            node.next += 1;
        }
    }

    /// Goes up from manifests that are read to their end, or to the end of the range.
    fn leave(&mut self) {
        let end = self.range.as_ref().map_or(u64::MAX, |range| range.end);
        let is_empty = self.range.as_ref().is_some_and(Range::is_empty);
        while let Some(node) = self.path.last() {
            let is_done =
                node.next >= node.manifest.children().len() || node.child_start(node.next) >= end;
            if !is_done && !is_empty {
                return;
            }
            self.path.pop();
        }
    }

    fn cut(&self, offset: u64, mut bytes: Zeroizing<Vec<u8>>) -> Piece {
        let Some(range) = &self.range else { return Piece { offset, bytes } };
        let index =
            |position: u64| usize::try_from(position.saturating_sub(offset)).unwrap_or(usize::MAX);
        bytes.truncate(index(range.end));
        let skipped = index(range.start).min(bytes.len());
        bytes.drain(..skipped);
        Piece { offset: offset + skipped as u64, bytes }
    }
}

impl Node {
    fn child_start(&self, index: usize) -> u64 {
        self.start.saturating_add(self.manifest.child_span().saturating_mul(index as u64))
    }
}
