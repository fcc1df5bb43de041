//! The change feed: one stream for many spaces (chapter `wire.md`, FEED-1 to FEED-8).
//!
//! An item is a head; the first one of each space is its head now, which is how a feed resumes. Losing items is harmless,
//! so a slow reader is given only the newest head of each space.

use bulla_core::cbor::{CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_HEADER_BYTES, MAX_PAYLOAD_BYTES};
use bulla_core::values::{Head, PayloadState};
use bulla_core::{RawEntry, Signature, SpaceId, cbor::CborError};
use bytes::Bytes;

use crate::WireError;
use crate::element::{decode_state, encode_state};
use crate::limits::{HEARTBEAT_MS, MAX_FEED_SPACES, MAX_RIDER_BYTES, MAX_RIDERS};
use crate::login::ascending_spaces;
use crate::stream::{ItemReader, StreamError};

/// Asks for the heads of spaces as they change. Encoded as `[spaces, heartbeat in milliseconds, most rider bytes]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRequest {
    /// 1 to 4,096 spaces, strictly ascending.
    pub spaces: Vec<SpaceId>,
    /// The longest silence: the node sends a heartbeat when nothing else was sent for so long; 100 ms to 60 s.
    pub heartbeat_ms: u64,
    /// Most bytes of new entries that may ride along with one item; 0 for none, at most 64 KiB.
    pub rider_bytes: u32,
}

/// An entry that rides along with a head. Not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rider {
    /// Where the store received it.
    pub receipt: u64,
    /// Header, signature and perhaps payload.
    pub raw: RawEntry,
    /// Why there is no payload, if there is none.
    pub state: PayloadState,
}

/// One item of a feed.
///
/// Encoded as `[0]` heartbeat; `[1, code, message, retryable, retry after, details]` the feed is over; `[2, space, head,
/// riders]` a head, each rider `[receipt, header, signature, payload or state]`; `[3, space, error]` this space is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedItem {
    /// Nothing changed.
    Heartbeat,
    /// The feed ends here.
    Over(WireError),
    /// The newest head of a space.
    Head {
        /// The space.
        space: SpaceId,
        /// Its head.
        head: Head,
        /// Entries that came since the item before, the last ones of that head; may be fewer than there are.
        riders: Vec<Rider>,
    },
    /// The feed goes on without this space.
    SpaceOver {
        /// The space.
        space: SpaceId,
        /// Why.
        error: WireError,
    },
}

impl Encode for FeedRequest {
    fn encode(&self, writer: &mut Writer) {
        writer.array(3).array(self.spaces.len());
        for space in &self.spaces {
            writer.bytes(space);
        }
        writer.uint(self.heartbeat_ms).uint(u64::from(self.rider_bytes));
    }
}

impl Decode for FeedRequest {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        reader.array_exact(3)?;
        let start = reader.position();
        let spaces = ascending_spaces(reader, MAX_FEED_SPACES)?;
        if spaces.is_empty() {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        let start = reader.position();
        let heartbeat_ms = reader.uint(*HEARTBEAT_MS.end())?;
        if heartbeat_ms < *HEARTBEAT_MS.start() {
            return Err(Reader::error_at(start, CborErrorKind::Bounds));
        }
        let rider_bytes = reader.u32(u32::try_from(MAX_RIDER_BYTES).unwrap_or(u32::MAX))?;
        Ok(Self { spaces, heartbeat_ms, rider_bytes })
    }
}

impl Encode for FeedItem {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Heartbeat => {
                writer.array(1).uint(0);
            }
            Self::Over(error) => {
                writer.array(6).uint(1);
                error.encode_fields(writer);
            }
            Self::Head { space, head, riders } => {
                writer.array(4).uint(2).bytes(space);
                head.encode(writer);
                writer.array(riders.len());
                for rider in riders {
                    writer.array(4).uint(rider.receipt).bytes(&rider.raw.header);
                    writer.bytes(rider.raw.signature);
                    match &rider.raw.payload {
                        Some(payload) => {
                            writer.bytes(payload);
                        }
                        None => encode_state(rider.state, writer),
                    }
                }
            }
            Self::SpaceOver { space, error } => {
                writer.array(3).uint(3).bytes(space);
                error.encode(writer);
            }
        }
    }
}

impl Decode for FeedItem {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        let elements = reader.array(6)?;
        if elements == 0 {
            return Err(Reader::error_at(start, CborErrorKind::Count));
        }
        match (reader.uint(u64::MAX)?, elements) {
            (0, 1) => Ok(Self::Heartbeat),
            (1, 6) => WireError::decode_fields(reader).map(Self::Over),
            (2, 4) => {
                let space = SpaceId(reader.array_of()?);
                let head = Head::decode(reader)?;
                Ok(Self::Head { space, head, riders: decode_riders(reader)? })
            }
            (3, 3) => {
                let space = SpaceId(reader.array_of()?);
                Ok(Self::SpaceOver { space, error: WireError::decode(reader)? })
            }
            (0..=3, _) => Err(Reader::error_at(start, CborErrorKind::Count)),
            _ => Err(Reader::error_at(start, CborErrorKind::Bounds)),
        }
    }
}

fn decode_riders(reader: &mut Reader<'_>) -> Result<Vec<Rider>, CborError> {
    let start = reader.position();
    let bounds = Reader::error_at(start, CborErrorKind::Bounds);
    let count = reader.array(MAX_RIDERS)?;
    let mut riders = Vec::with_capacity(count);
    let (mut bytes, mut last) = (0, 0);
    for _ in 0..count {
        reader.array_exact(4)?;
        let receipt = reader.uint(MAX_COUNTER)?;
        let header = Bytes::copy_from_slice(reader.bytes(MAX_HEADER_BYTES)?);
        let signature = Signature(reader.array_of()?);
        let (payload, state) = if reader.peek_major() == Some(2) {
            let payload = Bytes::copy_from_slice(reader.bytes(MAX_PAYLOAD_BYTES)?);
            (Some(payload), PayloadState::Present)
        } else {
            (None, decode_state(reader)?)
        };
        bytes += header.len() + Signature::LEN + payload.as_ref().map_or(0, Bytes::len);
        if receipt <= last || bytes > MAX_RIDER_BYTES {
            return Err(bounds);
        }
        last = receipt;
        riders.push(Rider { receipt, raw: RawEntry { header, signature, payload }, state });
    }
    Ok(riders)
}

/// Takes the bytes of a feed as they arrive and gives its items.
#[derive(Debug, Default)]
pub struct FeedDecoder {
    items: ItemReader,
    is_over: bool,
}

impl FeedDecoder {
    /// At the start of a feed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes that arrived. Nothing is kept of what follows *over* (FEED-6).
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_over {
            self.items.push(bytes);
        }
    }

    /// The next item; `None` when more bytes are needed, or the feed is over.
    ///
    /// # Errors
    ///
    /// [`StreamError`]; the feed cannot be read further.
    pub fn next_item(&mut self) -> Result<Option<FeedItem>, StreamError> {
        if self.is_over {
            return Ok(None);
        }
        let Some(item) = self.items.next_item()? else { return Ok(None) };
        let mut reader = Reader::new(&item);
        let read = FeedItem::decode(&mut reader)?;
        reader.finish()?;
        self.is_over = matches!(read, FeedItem::Over(_));
        Ok(Some(read))
    }
}
