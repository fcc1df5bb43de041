//! The compact form of entries (chapter `wire.md`, CMP-1 to CMP-11): tables that live for one body, and nothing that
//! the receiver can compute.
//!
//! The receiver rebuilds the canonical header and hands it on as bytes not yet believed: a wrong table, a wrong payload
//! or a wrong field shows when the signature does not verify.

mod table;

use bulla_core::cbor::{CborErrorKind, Encode, Reader, Writer};
use bulla_core::limits::{MAX_COUNTER, MAX_DEPENDENCIES, MAX_PAYLOAD_BYTES};
use bulla_core::values::PayloadState;
use bulla_core::{
    AuthorKey, ContentHash, EntryId, Header, KeyId, Kind, RawEntry, Salt, Signature, SpaceId, Topic,
};
use bytes::Bytes;

use self::table::{Reference, Table};
use crate::element::{decode_state, encode_state};
use crate::stream::StreamError;

/// Elements of a compact item, its tag and receipt among them (CMP-2).
pub(crate) const ELEMENTS: usize = 14;
/// Bits of a timestamp that count within one millisecond (ENT-6).
const COUNTER_BITS: u32 = 16;

/// What the entries before this one in the same body left behind; sender and receiver keep the same.
#[derive(Debug)]
pub(crate) struct Compact {
    space: SpaceId,
    authors: Table<32>,
    /// By author index: sequence and id of that author's last compact entry.
    last: Vec<(u64, EntryId)>,
    topics: Table<16>,
    keys: Table<32>,
    milliseconds: u64,
}

/// The payload, or why there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    Payload(&'a [u8]),
    State(PayloadState),
}

impl Compact {
    /// The state at the start of a body about `space`: zero topic and zero key id have index 0 (CMP-1).
    pub(crate) fn new(space: SpaceId) -> Self {
        Self {
            space,
            authors: Table::new(),
            last: Vec::new(),
            topics: Table::starting_with(Topic::ZERO.0),
            keys: Table::starting_with(KeyId::ZERO.0),
            milliseconds: 0,
        }
    }

    /// Whether the receiver would rebuild exactly this header.
    pub(crate) fn can_carry(&self, header: &Header, body: Body<'_>) -> bool {
        let expected = if header.kind == Kind::GENESIS { SpaceId::ZERO } else { self.space };
        let length_holds = match body {
            Body::Payload(payload) => u32::try_from(payload.len()) == Ok(header.payload_length),
            Body::State(_) => true,
        };
        header.space == expected && length_holds
    }

    /// Appends the elements after tag and receipt. The caller has asked [`can_carry`](Self::can_carry), and knows that a
    /// payload has the content hash of the header; otherwise the receiver rebuilds another header.
    pub(crate) fn encode(
        &mut self,
        writer: &mut Writer,
        id: EntryId,
        header: &Header,
        signature: &Signature,
        body: Body<'_>,
    ) {
        let author = self.authors.refer(header.author.0);
        author.encode(writer);
        writer.uint(header.sequence);
        if self.implied_previous(author.index(), header.sequence) == Some(header.previous) {
            writer.uint(0);
        } else {
            writer.bytes(header.previous);
        }
        let milliseconds = header.timestamp >> COUNTER_BITS;
        writer.uint(zigzag(milliseconds.wrapping_sub(self.milliseconds).cast_signed()));
        writer.uint(header.timestamp & 0xffff).uint(u64::from(header.kind.0));
        self.topics.refer(header.topic.0).encode(writer);
        writer.array(header.dependencies.len());
        for dependency in &header.dependencies {
            writer.bytes(dependency);
        }
        self.keys.refer(header.key_id.0).encode(writer);
        writer.bytes(header.salt).bytes(signature);
        match body {
            Body::Payload(payload) => {
                writer.bytes(payload);
            }
            Body::State(state) => {
                writer.array(3).uint(u64::from(header.payload_length)).bytes(header.content_hash);
                encode_state(state, writer);
            }
        }
        self.remember(author.index(), header.sequence, id);
        self.milliseconds = milliseconds;
    }

    /// Reads the elements after tag and receipt of an item whose bytes are `item`, and rebuilds the header. A payload
    /// shares the memory of `item`.
    pub(crate) fn decode(
        &mut self,
        reader: &mut Reader<'_>,
        item: &Bytes,
    ) -> Result<(RawEntry, PayloadState), StreamError> {
        let author: Reference<32> = self.authors.read(reader)?;
        let sequence = reader.uint(MAX_COUNTER)?;
        let previous = self.read_previous(reader, author.index(), sequence)?;
        let milliseconds = self.read_milliseconds(reader)?;
        let counter = reader.uint(0xffff)?;
        let kind = Kind(u16::try_from(reader.uint(u64::from(u16::MAX))?).unwrap_or(u16::MAX));
        let topic = Topic(self.topics.read(reader)?.value());
        let count = reader.array(MAX_DEPENDENCIES)?;
        let mut dependencies = Vec::with_capacity(count);
        for _ in 0..count {
            dependencies.push(EntryId(reader.array_of()?));
        }
        let key_id = KeyId(self.keys.read(reader)?.value());
        let salt = Salt(reader.array_of()?);
        let signature = Signature(reader.array_of()?);
        let (payload, payload_length, content_hash, state) = read_body(reader, item)?;
        let header = Header {
            space: if kind == Kind::GENESIS { SpaceId::ZERO } else { self.space },
            author: AuthorKey(author.value()),
            sequence,
            previous,
            timestamp: (milliseconds << COUNTER_BITS) | counter,
            kind,
            topic,
            dependencies,
            key_id,
            salt,
            payload_length,
            content_hash,
        };
        let mut writer = Writer::with_capacity(320 + 34 * count);
        header.encode(&mut writer);
        let header = Bytes::from(writer.into_bytes());
        let id = EntryId::compute(&Header::digest_of(&header), &signature);
        self.remember(author.index(), sequence, id);
        self.milliseconds = milliseconds;
        Ok((RawEntry { header, signature, payload }, state))
    }

    /// What `0` in the place of the previous id stands for, if for anything (CMP-6).
    fn implied_previous(&self, author: Option<usize>, sequence: u64) -> Option<EntryId> {
        if sequence == 1 {
            return Some(EntryId::ZERO);
        }
        let (last, id) = self.last.get(author?)?;
        (last.checked_add(1) == Some(sequence)).then_some(*id)
    }

    fn remember(&mut self, author: Option<usize>, sequence: u64, id: EntryId) {
        let Some(author) = author else { return };
        match self.last.get_mut(author) {
            Some(last) => *last = (sequence, id),
            // An index is either known or the next one, so this is its place.
            None => self.last.push((sequence, id)),
        }
    }

    fn read_previous(
        &self,
        reader: &mut Reader<'_>,
        author: Option<usize>,
        sequence: u64,
    ) -> Result<EntryId, StreamError> {
        let implied = self.implied_previous(author, sequence);
        if reader.peek_major() == Some(2) {
            let previous = EntryId(reader.array_of()?);
            return if implied == Some(previous) {
                Err(StreamError::Implied)
            } else {
                Ok(previous)
            };
        }
        reader.uint(0)?;
        implied.ok_or(StreamError::NotImplied)
    }

    fn read_milliseconds(&self, reader: &mut Reader<'_>) -> Result<u64, StreamError> {
        let start = reader.position();
        let delta = unzigzag(reader.uint(u64::MAX)?);
        let milliseconds = self.milliseconds.checked_add_signed(delta);
        let fits = milliseconds.filter(|value| *value <= MAX_COUNTER >> COUNTER_BITS);
        fits.ok_or(Reader::error_at(start, CborErrorKind::Bounds).into())
    }
}

/// Payload, length, content hash and state.
type ReadBody = (Option<Bytes>, u32, ContentHash, PayloadState);

fn read_body(reader: &mut Reader<'_>, item: &Bytes) -> Result<ReadBody, StreamError> {
    let most = u32::try_from(MAX_PAYLOAD_BYTES).unwrap_or(u32::MAX);
    if reader.peek_major() == Some(4) {
        reader.array_exact(3)?;
        let length = reader.u32(most)?;
        let content_hash = ContentHash(reader.array_of()?);
        return Ok((None, length, content_hash, decode_state(reader)?));
    }
    let start = reader.position();
    let payload = reader.bytes(MAX_PAYLOAD_BYTES)?;
    let length =
        u32::try_from(payload.len()).map_err(|_| Reader::error_at(start, CborErrorKind::Bounds))?;
    let hash = ContentHash::of(payload);
    Ok((Some(item.slice_ref(payload)), length, hash, PayloadState::Present))
}

/// Small numbers of either sign as small numbers: 0, -1, 1, -2 become 0, 1, 2, 3 (CMP-7).
const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg()
}
