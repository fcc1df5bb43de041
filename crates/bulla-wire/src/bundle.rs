//! A space, or what follows a cursor, as one file (chapter `bundle.md`, BUN-1 to BUN-8).

use bulla_core::SpaceId;
use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::values::{Cursor, Head, ScanItem};
use bulla_core::{EntryId, SetDigest, SetHash};
use bytes::Bytes;

use crate::stream::{BodyItem, ItemReader, StreamError};
use crate::{BodyDecoder, BodyEncoder, Form};

/// The text a bundle begins with.
pub const MAGIC: &str = "bulla bundle";
/// The version of the format.
pub const VERSION: u64 = 1;

/// The first bytes of every bundle: an array of five, the text, the version (BUN-2).
const BEGINNING: &[u8; 15] = b"\x85\x6cbulla bundle\x01";

/// The first item of a bundle: what it is a bundle of (BUN-2).
///
/// Encoded as `["bulla bundle", 1, space, from, to]`; `from` is a cursor or `null`, `to` a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleStart {
    /// The space.
    pub space: SpaceId,
    /// The bundle holds what follows this cursor; `None` for everything.
    pub from: Option<Cursor>,
    /// The head of the store at the time; the bundle goes up to its last receipt.
    pub to: Head,
}

impl Encode for BundleStart {
    fn encode(&self, writer: &mut Writer) {
        writer.array(5).text(MAGIC).uint(VERSION).bytes(self.space);
        match &self.from {
            Some(cursor) => cursor.encode(writer),
            None => {
                writer.null();
            }
        }
        self.to.encode(writer);
    }
}

impl Decode for BundleStart {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(5)?;
        let start = reader.position();
        if reader.text(MAGIC.len())? != MAGIC || reader.uint(u64::MAX)? != VERSION {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        let space = SpaceId(reader.array_of()?);
        let from = if reader.null() { None } else { Some(Cursor::decode(reader)?) };
        Ok(Self { space, from, to: Head::decode(reader)? })
    }
}

/// Writes a bundle into a buffer, which the caller takes away piece by piece.
#[derive(Debug)]
pub struct BundleWriter {
    body: BodyEncoder,
    ids: SetHash,
}

impl BundleWriter {
    /// Begins a bundle.
    #[must_use]
    pub fn new(start: &BundleStart, form: Form) -> Self {
        let mut body = BodyEncoder::scan(start.space, form, start.from.as_ref());
        body.prefix(start);
        Self { body, ids: SetHash::new() }
    }

    /// Appends an entry or a header from a page of a scan, in receipt order. An item that is neither is left out, and
    /// `false` returned.
    pub fn push(&mut self, item: &ScanItem) -> bool {
        use bulla_core::values::ScanBody;
        if !matches!(item.body, ScanBody::Header(..) | ScanBody::Entry(_)) {
            return false;
        }
        self.body.scan_item(item);
        self.ids.insert(&item.id);
        true
    }

    /// Bytes written and not taken yet.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.body.size_bytes()
    }

    /// Takes what was written so far.
    pub fn take(&mut self) -> Bytes {
        self.body.take(64 * 1024)
    }

    /// Ends the bundle and gives what was not taken yet.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        self.body.end_bundle(&self.ids.digest());
        self.body.take(0)
    }
}

/// Takes the bytes of a bundle as they are read and gives what is in it, to be verified like anything from a peer.
///
/// The digest at the end is over ids, which are known only after verification:
/// [`received`](Self::received) is told each of them.
#[derive(Debug)]
pub struct BundleReader {
    stage: Stage,
    ids: SetHash,
}

#[derive(Debug)]
enum Stage {
    Start(Box<ItemReader>),
    Body(Box<BodyDecoder>),
}

/// One part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleItem {
    /// The first item.
    Start(BundleStart),
    /// An entry or a header.
    Entry(crate::stream::EntryItem),
    /// The end: how many entries there were, and the digest to be compared by [`BundleReader::finish`].
    End {
        /// Entries in the bundle.
        count: u64,
        /// The set digest of their ids.
        digest: SetDigest,
    },
}

impl Default for BundleReader {
    fn default() -> Self {
        Self { stage: Stage::Start(Box::default()), ids: SetHash::new() }
    }
}

impl BundleReader {
    /// At the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Start(items) => items.push(bytes),
            Stage::Body(body) => body.push(bytes),
        }
    }

    /// The next part; `None` when more bytes are needed, or the bundle has ended.
    ///
    /// # Errors
    ///
    /// [`StreamError::Bundle`] when the file is not a bundle of this version, or any other error of a stream.
    pub fn next_item(&mut self) -> Result<Option<BundleItem>, StreamError> {
        let item = match &mut self.stage {
            Stage::Start(items) => {
                // Another file is known by its first bytes, before any more of it is kept.
                if !items.may_begin_with(BEGINNING) {
                    return Err(StreamError::Bundle);
                }
                let Some(item) = items.next_item().map_err(|_| StreamError::Bundle)? else {
                    return Ok(None);
                };
                let start = BundleStart::from_cbor(&item).map_err(|_| StreamError::Bundle)?;
                let rest = std::mem::take(items.as_mut());
                let body = BodyDecoder::bundle(start.space, start.from.as_ref(), rest);
                self.stage = Stage::Body(Box::new(body));
                return Ok(Some(BundleItem::Start(start)));
            }
            Stage::Body(body) => body.next_item()?,
        };
        Ok(match item {
            Some(BodyItem::Entry(entry)) => Some(BundleItem::Entry(entry)),
            Some(BodyItem::End(end)) => {
                let digest = end.digest.unwrap_or(SetDigest::ZERO);
                Some(BundleItem::End { count: end.count, digest })
            }
            _ => None,
        })
    }

    /// Notes the id of an entry of this bundle, each once.
    pub fn received(&mut self, id: &EntryId) {
        self.ids.insert(id);
    }

    /// Whether the end came and nothing after it. To be called when no more bytes will come, and before what was found
    /// out about the entries is told (BUN-7).
    ///
    /// # Errors
    ///
    /// [`StreamError::Truncated`] when the end is missing.
    pub fn ended(&self) -> Result<(), StreamError> {
        match &self.stage {
            Stage::Start(_) => Err(StreamError::Truncated),
            Stage::Body(body) => body.finish(),
        }
    }

    /// To be called when no more bytes will come; `digest` is that of [`BundleItem::End`].
    ///
    /// # Errors
    ///
    /// [`StreamError::Truncated`] when the end is missing; [`StreamError::Digest`] when other ids came than the writer
    /// counted.
    pub fn finish(&self, digest: &SetDigest) -> Result<(), StreamError> {
        self.ended()?;
        if self.ids.digest() == *digest { Ok(()) } else { Err(StreamError::Digest) }
    }
}
