//! Items of streams written element by element, apart from the code under test, so that any of them can be wrong.

use bulla_core::values::{Cursor, PayloadState};
use bulla_core::{ContentHash, EntryId, Header, Kind, LogHash, RawEntry, SpaceId, Topic};
use bulla_core::{KeyId, Lineage, Salt};

use crate::vectors::Random;
use crate::vectors::sample::{Device, genesis_header, genesis_payload, id_of};

pub(super) use crate::vectors::element::Element;
pub(super) use Element::{Array, Bool, Bytes, Map, Null, Number, Raw, Text};

/// Items one after another.
pub(super) fn sequence(items: &[Element]) -> Vec<u8> {
    items.iter().flat_map(Element::to_bytes).collect()
}

/// The end item of a put or a get.
pub(super) fn end(count: u64) -> Element {
    Array(vec![Number(0), Number(count)])
}

/// The end item of a page.
pub(super) fn page_end(count: u64, cursor: &Cursor, end: bool, more: bool) -> Element {
    Array(vec![Number(0), Number(count), cursor_element(cursor), Bool(end), Bool(more)])
}

pub(super) fn cursor_element(cursor: &Cursor) -> Element {
    Array(vec![Element::of(cursor.lineage), Number(cursor.receipt), Element::of(cursor.log_hash)])
}

pub(super) fn cursor(label: &str, receipt: u64) -> Cursor {
    let mut random = Random::new(&format!("cursor {label}"));
    Cursor { lineage: Lineage(random.array()), receipt, log_hash: LogHash(random.array()) }
}

pub(super) fn id(label: &str) -> EntryId {
    EntryId(Random::new(&format!("id {label}")).array())
}

/// A signed entry, its fields at hand.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) header: Header,
    pub(super) raw: RawEntry,
}

impl Sample {
    pub(super) fn id(&self) -> EntryId {
        id_of(&self.raw)
    }

    pub(super) fn payload(&self) -> Element {
        Element::of(self.raw.payload.as_deref().unwrap_or_default())
    }

    /// The entry in the plain form.
    pub(super) fn plain(&self, receipt: u64) -> Element {
        Array(vec![
            Number(3),
            Number(receipt),
            Element::of(&self.raw.header),
            Element::of(self.raw.signature),
            self.payload(),
        ])
    }

    /// The entry in the compact form. What depends on the items before it is given.
    pub(super) fn compact(&self, receipt: u64, said: &Said) -> Element {
        let header = &self.header;
        Array(vec![
            Number(2),
            Number(receipt),
            said.author.clone(),
            Number(header.sequence),
            said.previous.clone(),
            Number(said.milliseconds),
            Number(header.timestamp & 0xffff),
            Number(u64::from(header.kind.0)),
            said.topic.clone(),
            Array(header.dependencies.iter().map(Element::of).collect()),
            said.key_id.clone(),
            Element::of(header.salt),
            Element::of(self.raw.signature),
            self.payload(),
        ])
    }

    /// Everything spelled out, the previous id implied: the first entry of its author in a body.
    pub(super) fn first(&self) -> Said {
        Said {
            author: Element::of(self.header.author),
            previous: Number(0),
            milliseconds: 2 * (self.header.timestamp >> 16),
            topic: Element::of(self.header.topic),
            key_id: Element::of(self.header.key_id),
        }
    }

    /// The number for milliseconds after an entry of this time (CMP-7).
    pub(super) fn after(&self, earlier: &Self) -> u64 {
        let (now, then) = (self.header.timestamp >> 16, earlier.header.timestamp >> 16);
        if now >= then { 2 * (now - then) } else { 2 * (then - now) - 1 }
    }
}

/// What a sender says of an entry by its tables.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) author: Element,
    pub(super) previous: Element,
    pub(super) milliseconds: u64,
    pub(super) topic: Element,
    pub(super) key_id: Element,
}

/// What the body of the vectors is about, and who writes in it.
pub(super) struct World {
    pub(super) space: SpaceId,
    pub(super) device: Device,
}

pub(super) const START_MS: u64 = 1_790_000_000_000;

impl World {
    pub(super) fn new(label: &str) -> Self {
        let space = SpaceId(Random::new(&format!("space {label}")).array());
        Self { space, device: Device::new(&format!("author {label}")) }
    }

    /// The same space, another author.
    pub(super) fn by(&self, name: &str) -> Self {
        Self { space: self.space, device: Device::new(name) }
    }

    /// A header; all but its salt may be changed before it is signed.
    pub(super) fn header(&self, sequence: u64, previous: EntryId) -> Header {
        let mut random = Random::new(&format!("header {sequence} {}", self.device.author()));
        Header {
            space: self.space,
            author: self.device.author(),
            sequence,
            previous,
            timestamp: (START_MS + 10 * (sequence & 0xff)) << 16,
            kind: Kind::OPERATION,
            topic: Topic([0x70; 16]),
            dependencies: Vec::new(),
            key_id: KeyId([0x6b; 32]),
            salt: Salt(random.array()),
            payload_length: 0,
            content_hash: ContentHash::ZERO,
        }
    }

    /// The header signed, with a short payload.
    pub(super) fn sign(&self, header: Header) -> Sample {
        let mut random = Random::new(&format!("payload of {}", header.salt));
        self.sign_payload(header, &random.bytes(24))
    }

    pub(super) fn sign_payload(&self, mut header: Header, payload: &[u8]) -> Sample {
        header.payload_length = u32::try_from(payload.len()).expect("payloads are short");
        header.content_hash = ContentHash::of(payload);
        let raw = self.device.sign_entry(&header, Some(payload));
        Sample { header, raw }
    }

    /// The first `count` entries of the author, a chain.
    pub(super) fn chain(&self, count: u64) -> Vec<Sample> {
        let mut chain: Vec<Sample> = Vec::new();
        for sequence in 1..=count {
            let previous = chain.last().map_or(EntryId::ZERO, Sample::id);
            chain.push(self.sign(self.header(sequence, previous)));
        }
        chain
    }

    /// The genesis of a space that the author founds alone.
    pub(super) fn genesis(&self) -> Sample {
        let payload = genesis_payload(&self.device);
        let header = genesis_header(&self.device, &payload);
        self.sign_payload(header, &payload)
    }
}

/// A payload state as an element (WIRE-16).
pub(super) fn state(state: PayloadState) -> Element {
    match state {
        PayloadState::Present => Number(0),
        PayloadState::Missing => Number(1),
        PayloadState::Erased(by) => Array(vec![Number(2), Element::of(by)]),
        PayloadState::Pruned(by) => Array(vec![Number(3), Element::of(by)]),
    }
}
