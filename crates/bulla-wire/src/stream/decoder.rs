//! Reads streams of entries.

use bulla_core::cbor::Decode;
use bulla_core::cbor::{CborErrorKind, Reader};
use bulla_core::limits::{
    MAX_COUNTER, MAX_ENTRIES_PER_PUT, MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES, MAX_PUT_BYTES,
};
use bulla_core::values::{Cursor, GetRequest, PageLimit, PayloadState};
use bulla_core::{EntryId, RawEntry, SetDigest, Signature, SpaceId};
use bytes::Bytes;

use super::{BodyEnd, BodyItem, EntryItem, ItemReader, PageEnd, StreamError, tag};
use crate::WireError;
use crate::capabilities::read_code;
use crate::compact::{self, Compact};
use crate::element::decode_state;

/// How much a body, or each page of a `scan`, may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Most items.
    pub items: usize,
    /// Most bytes of headers, signatures and payloads (32 per id); one item is always allowed.
    pub bytes: usize,
}

/// Which stream it is; that decides which items may occur in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Put,
    Get,
    Scan,
    Bundle,
}

/// Takes the bytes of a body as they arrive and gives its items. It verifies nothing but the shape of the stream.
#[derive(Debug)]
pub struct BodyDecoder {
    items: ItemReader,
    compact: Compact,
    stream: Stream,
    limits: BodyLimits,
    receipt: u64,
    count: usize,
    bytes: usize,
    /// Once it is over: whether it ended well.
    over: Option<Result<(), StreamError>>,
}

impl BodyDecoder {
    /// The body of a `put` to this space: at most 4,096 entries and 16 MiB (WIRE-30).
    #[must_use]
    pub fn put(space: SpaceId) -> Self {
        let limits = BodyLimits { items: MAX_ENTRIES_PER_PUT, bytes: MAX_PUT_BYTES };
        Self::new(space, Stream::Put, limits, 0)
    }

    /// The answer to this `get` in this space: no more items than ids, no more bytes than asked for.
    #[must_use]
    pub fn get(space: SpaceId, request: &GetRequest) -> Self {
        let bytes = usize::try_from(request.max_bytes).unwrap_or(usize::MAX);
        let limits = BodyLimits { items: request.ids.len(), bytes };
        Self::new(space, Stream::Get, limits, 0)
    }

    /// The answer to a `scan` of this space after this cursor, with no more on each page than asked for.
    #[must_use]
    pub fn scan(space: SpaceId, after: Option<&Cursor>, limit: PageLimit) -> Self {
        let wide = |bound: u32| usize::try_from(bound).unwrap_or(usize::MAX);
        let limit = limit.clamped();
        let limits = BodyLimits { items: wide(limit.max_items), bytes: wide(limit.max_bytes) };
        Self::new(space, Stream::Scan, limits, after.map_or(0, |cursor| cursor.receipt))
    }

    /// What follows the first item of a bundle.
    pub(crate) fn bundle(space: SpaceId, from: Option<&Cursor>, items: ItemReader) -> Self {
        let limits = BodyLimits { items: usize::MAX, bytes: usize::MAX };
        let receipt = from.map_or(0, |cursor| cursor.receipt);
        Self { items, ..Self::new(space, Stream::Bundle, limits, receipt) }
    }

    fn new(space: SpaceId, stream: Stream, limits: BodyLimits, receipt: u64) -> Self {
        Self {
            items: ItemReader::new(),
            compact: Compact::new(space),
            stream,
            limits,
            receipt,
            count: 0,
            bytes: 0,
            over: None,
        }
    }

    /// The same with other limits, such as those a node announces.
    #[must_use]
    pub fn with_limits(mut self, limits: BodyLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        // After the end or an error nothing is kept: bytes only tell that the stream goes on where it must not.
        match self.over {
            None => self.items.push(bytes),
            Some(Ok(())) if !bytes.is_empty() => self.over = Some(Err(StreamError::Trailing)),
            Some(_) => {}
        }
    }

    /// The next item; `None` when more bytes are needed, or the body has ended.
    ///
    /// # Errors
    ///
    /// [`StreamError`], the same one from then on.
    pub fn next_item(&mut self) -> Result<Option<BodyItem>, StreamError> {
        if let Some(over) = &self.over {
            return over.clone().map(|()| None);
        }
        let next = self.read_next();
        if let Err(error) = &next {
            self.over = Some(Err(error.clone()));
        }
        next
    }

    /// Whether the end item has come.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.over, Some(Ok(())))
    }

    /// To be called when no more bytes will arrive.
    ///
    /// # Errors
    ///
    /// [`StreamError::Truncated`] when the end item is missing, or the error the stream broke off with.
    pub fn finish(&self) -> Result<(), StreamError> {
        self.over.clone().unwrap_or(Err(StreamError::Truncated))
    }

    fn read_next(&mut self) -> Result<Option<BodyItem>, StreamError> {
        let Some(item) = self.items.next_item()? else { return Ok(None) };
        let body_item = self.read_item(&item)?;
        let ends = match &body_item {
            BodyItem::End(_) => true,
            BodyItem::PageEnd(page) => !page.more,
            _ => false,
        };
        if ends {
            let trailing = !self.items.is_empty();
            self.over = Some(if trailing { Err(StreamError::Trailing) } else { Ok(()) });
            if trailing {
                return Err(StreamError::Trailing);
            }
        }
        Ok(Some(body_item))
    }

    fn read_item(&mut self, item: &Bytes) -> Result<BodyItem, StreamError> {
        let mut reader = Reader::new(item);
        let elements = reader.array(compact::ELEMENTS)?;
        if elements == 0 {
            return Err(Reader::error_at(0, CborErrorKind::Count).into());
        }
        let tag = reader.uint(u64::MAX)?;
        let scan = matches!(self.stream, Stream::Scan);
        let read = match (tag, elements) {
            (tag::COMPACT, compact::ELEMENTS) => {
                let receipt = self.read_receipt(&mut reader)?;
                let (raw, state) = self.compact.decode(&mut reader, item)?;
                BodyItem::Entry(EntryItem { receipt, raw, state, is_compact: true })
            }
            (tag::PLAIN, 5) => {
                let receipt = self.read_receipt(&mut reader)?;
                let (raw, state) = read_plain(&mut reader, item)?;
                BodyItem::Entry(EntryItem { receipt, raw, state, is_compact: false })
            }
            (tag::ID, 4) if scan => {
                let receipt = self.read_receipt(&mut reader)?;
                let id = EntryId(reader.array_of()?);
                BodyItem::Id { receipt, id, state: decode_state(&mut reader)? }
            }
            (tag::INVALID, 4) if scan => {
                let receipt = self.read_receipt(&mut reader)?;
                let id = EntryId(reader.array_of()?);
                BodyItem::Invalid { receipt, id, code: read_code(&mut reader)? }
            }
            (tag::ABSENT, 1) if self.stream == Stream::Get => BodyItem::Absent,
            (tag::CORRUPT, 1) if self.stream == Stream::Get => BodyItem::Corrupt,
            (tag::UNAVAILABLE, 1) if self.stream == Stream::Get => BodyItem::Unavailable,
            (tag::END, _) => return self.read_end(&mut reader, elements),
            (tag::ERROR, 6) => {
                let error = WireError::decode_fields(&mut reader)?;
                reader.finish()?;
                return Err(StreamError::Peer(error));
            }
            (tag::COMPACT..=tag::INVALID, _) if !self.belongs(tag) => {
                return Err(StreamError::Tag(tag));
            }
            (tag::ERROR..=tag::INVALID, _) => {
                return Err(Reader::error_at(0, CborErrorKind::Count).into());
            }
            _ => return Err(StreamError::Tag(tag)),
        };
        reader.finish()?;
        self.count_item(&read)?;
        Ok(read)
    }

    fn belongs(&self, tag: u64) -> bool {
        match tag {
            tag::COMPACT | tag::PLAIN => true,
            tag::ID | tag::INVALID => self.stream == Stream::Scan,
            _ => self.stream == Stream::Get,
        }
    }

    /// A receipt is written as the distance to the one before: at least 1 where there are receipts, else 0 (WIRE-17).
    fn read_receipt(&mut self, reader: &mut Reader<'_>) -> Result<u64, StreamError> {
        let delta = reader.uint(MAX_COUNTER)?;
        let has_receipts = matches!(self.stream, Stream::Scan | Stream::Bundle);
        if has_receipts != (delta > 0) {
            return Err(StreamError::Receipts);
        }
        let next = self.receipt.checked_add(delta).filter(|next| *next <= MAX_COUNTER);
        self.receipt = next.ok_or(StreamError::Receipts)?;
        Ok(self.receipt)
    }

    fn count_item(&mut self, item: &BodyItem) -> Result<(), StreamError> {
        self.count += 1;
        if self.count > self.limits.items {
            return Err(StreamError::TooManyItems(self.limits.items));
        }
        self.bytes += match item {
            BodyItem::Entry(entry) => {
                let payload = entry.raw.payload.as_ref().map_or(0, Bytes::len);
                entry.raw.header.len() + Signature::LEN + payload
            }
            BodyItem::Id { .. } | BodyItem::Invalid { .. } => EntryId::LEN,
            _ => 0,
        };
        if self.bytes > self.limits.bytes && self.count > 1 {
            return Err(StreamError::TooManyBytes(self.limits.bytes));
        }
        Ok(())
    }

    fn read_end(
        &mut self,
        reader: &mut Reader<'_>,
        elements: usize,
    ) -> Result<BodyItem, StreamError> {
        let expected = match self.stream {
            Stream::Put | Stream::Get => 2,
            Stream::Bundle => 3,
            Stream::Scan => 5,
        };
        if elements != expected {
            return Err(Reader::error_at(0, CborErrorKind::Count).into());
        }
        let stated = reader.uint(MAX_COUNTER)?;
        let actual = self.count as u64;
        let end = match self.stream {
            Stream::Put | Stream::Get => BodyItem::End(BodyEnd { count: stated, digest: None }),
            Stream::Bundle => {
                let digest = Some(SetDigest(reader.array_of()?));
                BodyItem::End(BodyEnd { count: stated, digest })
            }
            Stream::Scan => {
                let cursor = Cursor::decode(reader)?;
                let (end, more) = (reader.bool()?, reader.bool()?);
                if cursor.receipt < self.receipt {
                    return Err(StreamError::Receipts);
                }
                self.receipt = cursor.receipt;
                (self.count, self.bytes) = (0, 0);
                BodyItem::PageEnd(PageEnd { count: stated, cursor, end, more })
            }
        };
        reader.finish()?;
        if stated == actual { Ok(end) } else { Err(StreamError::Count { stated, actual }) }
    }
}

/// Header bytes, signature, then the payload or its state.
fn read_plain(
    reader: &mut Reader<'_>,
    item: &Bytes,
) -> Result<(RawEntry, PayloadState), StreamError> {
    let header = item.slice_ref(reader.bytes(MAX_HEADER_BYTES)?);
    let signature = Signature(reader.array_of()?);
    if reader.peek_major() == Some(2) {
        let payload = item.slice_ref(reader.bytes(MAX_PAYLOAD_BYTES)?);
        return Ok((RawEntry { header, signature, payload: Some(payload) }, PayloadState::Present));
    }
    Ok((RawEntry { header, signature, payload: None }, decode_state(reader)?))
}
