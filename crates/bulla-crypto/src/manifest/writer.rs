//! Cutting content into chunks and naming them.

use bulla_core::{EntryId, Kind};
use zeroize::Zeroizing;

use super::{
    CHUNK_BYTES, Child, ChunkHash, ChunkHashKey, MAX_CHILDREN, Manifest, within_plaintext,
};
use crate::frame::{FRAME_BYTES, MAX_FRAMED_BYTES};
use crate::{EpochKey, Padding, padme};

/// Turns a content into parts to seal: chunks in order, manifests as they fill, the root manifest last.
///
/// ```
/// # use bulla_core::EntryId;
/// # use bulla_crypto::{EpochKey, manifest::ContentWriter};
/// # let key = EpochKey::dangerous_from_bytes(&[7; 32]);
/// # let mut sealed = 0_u8;
/// # let mut seal = |part: &bulla_crypto::manifest::Part| { sealed += 1; EntryId([sealed; 32]) };
/// let mut writer = ContentWriter::new(&key);
/// for piece in [b"some".as_slice(), b" bytes"] {
///     writer.write(piece);
///     while let Some(part) = writer.next_part() {
///         writer.sealed(seal(&part));
///     }
/// }
/// writer.finish();
/// while let Some(part) = writer.next_part() {
///     writer.sealed(seal(&part));
/// }
/// assert!(writer.root().is_some());
/// ```
#[derive(Debug)]
pub struct ContentWriter {
    hashes: ChunkHashKey,
    chunk_bytes: u32,
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes of the buffer that are in parts already.
    taken: usize,
    length: u64,
    /// For each level the children that no manifest names yet.
    levels: Vec<Level>,
    /// Children on their way into their level; the last one goes first.
    waiting: Vec<Waiting>,
    in_flight: Option<InFlight>,
    is_finished: bool,
    root: Option<EntryId>,
}

/// One plaintext to seal as an entry.
#[derive(Debug)]
pub struct Part {
    /// [`Kind::CHUNK`] or [`Kind::MANIFEST`].
    pub kind: Kind,
    /// What to seal.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Its keyed hash. A chunk of this hash that the caller sealed before, *opened and compared*, may stand for a new one.
    pub hash: ChunkHash,
    /// The padding to seal it with.
    pub padding: Padding,
}

#[derive(Debug, Default)]
struct Level {
    children: Vec<Child>,
    length: u64,
}

#[derive(Debug)]
struct Waiting {
    level: usize,
    child: Child,
    length: u64,
}

#[derive(Debug)]
struct InFlight {
    hash: ChunkHash,
    length: u64,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Chunk,
    Manifest(usize),
    Root,
}

impl ContentWriter {
    /// A writer for a content whose manifests are sealed under this key.
    #[must_use]
    pub fn new(key: &EpochKey) -> Self {
        Self::with_chunk_bytes(key, CHUNK_BYTES)
    }

    /// A writer with another chunk size, at least 1 and at most [`MAX_PLAINTEXT_BYTES`](crate::MAX_PLAINTEXT_BYTES).
    /// Other sizes than [`CHUNK_BYTES`] set a content apart in the eyes of a relay.
    #[must_use]
    pub fn with_chunk_bytes(key: &EpochKey, chunk_bytes: u32) -> Self {
        let chunk_bytes = if chunk_bytes >= 1 && within_plaintext(chunk_bytes) {
            chunk_bytes
        } else {
            CHUNK_BYTES
        };
        Self {
            hashes: ChunkHashKey::derive(key),
            chunk_bytes,
            buffer: Zeroizing::new(Vec::new()),
            taken: 0,
            length: 0,
            levels: Vec::new(),
            waiting: Vec::new(),
            in_flight: None,
            is_finished: false,
            root: None,
        }
    }

    /// Adds bytes to the end of the content. Take the parts after each call: what is not taken is held in memory.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
    }

    /// Says that the content is whole.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// The id of the root manifest, once everything is sealed.
    #[must_use]
    pub const fn root(&self) -> Option<EntryId> {
        self.root
    }

    /// Bytes of content so far.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The next part to seal; answer with [`sealed`](Self::sealed). `None` when more bytes are needed, when all is done,
    /// or while a part is unanswered.
    pub fn next_part(&mut self) -> Option<Part> {
        if self.in_flight.is_some() || self.root.is_some() {
            return None;
        }
        while let Some(Waiting { level, child, length }) = self.waiting.pop() {
            if self.levels.len() <= level {
                self.levels.resize_with(level + 1, Level::default);
            }
            let place = self.levels.get_mut(level)?;
            if place.children.len() == MAX_CHILDREN {
                self.waiting.push(Waiting { level, child, length });
                return self.manifest(level, What::Manifest(level));
            }
            place.children.push(child);
            place.length += length;
        }
        let left = self.buffer.len() - self.taken;
        let full = usize::try_from(self.chunk_bytes).unwrap_or(usize::MAX);
        if left >= full {
            return self.chunk(full);
        }
        if !self.is_finished {
            return None;
        }
        if left > 0 {
            return self.chunk(left);
        }
        self.close()
    }

    /// Says under which id the last part was sealed.
    pub fn sealed(&mut self, id: EntryId) {
        let Some(InFlight { hash, length, what }) = self.in_flight.take() else { return };
        let child = Child { id, hash };
        match what {
            What::Chunk => self.waiting.push(Waiting { level: 0, child, length }),
            What::Manifest(level) => self.waiting.push(Waiting { level: level + 1, child, length }),
            What::Root => self.root = Some(id),
        }
    }

    fn chunk(&mut self, bytes: usize) -> Option<Part> {
        let end = self.taken + bytes;
        let plaintext = Zeroizing::new(self.buffer.get(self.taken..end)?.to_vec());
        self.taken = end;
        let padding = self.chunk_padding(bytes as u64);
        Some(self.part(Kind::CHUNK, plaintext, padding, bytes as u64, What::Chunk))
    }

    /// The tail grows to where Padmé puts the length of the whole content, but not beyond a full chunk (MAN-3).
    fn chunk_padding(&self, bytes: u64) -> Padding {
        let full = u64::from(self.chunk_bytes);
        let grown =
            if bytes == full { full } else { full.min(bytes + (padme(self.length) - self.length)) };
        let framed = padme(FRAME_BYTES as u64 + grown);
        Padding::Framed(usize::try_from(framed).unwrap_or(MAX_FRAMED_BYTES).min(MAX_FRAMED_BYTES))
    }

    /// Names what no manifest names yet, from the chunks up; the last one is the root.
    fn close(&mut self) -> Option<Part> {
        let lowest = self.levels.iter().position(|level| !level.children.is_empty());
        let Some(lowest) = lowest else {
            // The manifest of the empty content has no chunks (MAN-4).
            self.levels.resize_with(1, Level::default);
            return self.manifest(0, What::Root);
        };
        let above = self.levels.iter().skip(lowest + 1).any(|level| !level.children.is_empty());
        self.manifest(lowest, if above { What::Manifest(lowest) } else { What::Root })
    }

    fn manifest(&mut self, level: usize, what: What) -> Option<Part> {
        let Level { children, length } = std::mem::take(self.levels.get_mut(level)?);
        let level = u8::try_from(level).ok()?;
        let manifest = Manifest::new(level, length, self.chunk_bytes, children).ok()?;
        let plaintext = Zeroizing::new(manifest.encode());
        Some(self.part(Kind::MANIFEST, plaintext, Padding::Padme, length, what))
    }

    fn part(
        &mut self,
        kind: Kind,
        plaintext: Zeroizing<Vec<u8>>,
        padding: Padding,
        length: u64,
        what: What,
    ) -> Part {
        let hash = self.hashes.hash(&plaintext);
        self.in_flight = Some(InFlight { hash, length, what });
        Part { kind, plaintext, hash, padding }
    }
}
