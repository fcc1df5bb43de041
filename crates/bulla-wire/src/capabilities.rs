//! What a node can do and how much of it (chapter `wire.md`, CAP-1 to CAP-5).

use bulla_core::cbor::{CborError, CborErrorKind, Decode, Encode, Reader, Writer};
use bulla_core::limits::{
    MAX_CODE_BYTES, MAX_COUNTER, MAX_ENTRIES_PER_PUT, MAX_IDS_PER_REQUEST, MAX_PAGE_BYTES,
    MAX_PAGE_ITEMS, MAX_PUT_BYTES,
};
use bulla_core::{Code, NodeId};

use crate::VersionRange;
use crate::limits::{MAX_CAPABILITIES, MAX_CAPABILITY_NAMES, MAX_FEED_SPACES, MAX_PAGES_PER_SCAN};

/// A way of finding out what is missing that a node supports (CAP-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rung {
    /// Comparing heads.
    Heads,
    /// Reading on from a cursor.
    Cursor,
    /// A sketch in the answer to `summary`; no node of this version has one.
    Sketch,
    /// A Bloom filter in the answer to `summary` and in `scan.except`.
    Bloom,
    /// Reading everything.
    Scan,
}

impl Rung {
    /// Its name in the capabilities.
    #[must_use]
    pub const fn name(self) -> Code {
        Code::new(match self {
            Self::Heads => "heads",
            Self::Cursor => "cursor",
            Self::Sketch => "sketch",
            Self::Bloom => "bloom",
            Self::Scan => "scan",
        })
    }
}

/// How much a node takes and gives in one request (CAP-5). Each is at most the bound of the formats, and at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLimits {
    /// Most bytes of headers, signatures and payloads in one `put`.
    pub put_bytes: u64,
    /// Most entries in one `put`.
    pub put_entries: u64,
    /// Most bytes of headers, signatures and payloads on one page of a `scan` and in one answer to `get`.
    pub page_bytes: u64,
    /// Most items on one page of a `scan`.
    pub page_items: u64,
    /// Most ids in one `get` or `has`.
    pub ids_per_request: u64,
    /// Most pages in one answer to `scan`.
    pub pages_per_scan: u64,
    /// Most spaces in one feed.
    pub feed_spaces: u64,
}

impl NodeLimits {
    /// The bounds of the formats.
    pub const MAX: Self = Self {
        put_bytes: MAX_PUT_BYTES as u64,
        put_entries: MAX_ENTRIES_PER_PUT as u64,
        page_bytes: MAX_PAGE_BYTES as u64,
        page_items: MAX_PAGE_ITEMS as u64,
        ids_per_request: MAX_IDS_PER_REQUEST as u64,
        pages_per_scan: MAX_PAGES_PER_SCAN as u64,
        feed_spaces: MAX_FEED_SPACES as u64,
    };
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self::MAX
    }
}

/// What a node can do: fetched once, and never guessed when the fetch fails (CAP-1).
///
/// Encoded as a map with integer keys: 1 versions `[min, max]`, 2 node key, 3 rungs and 4 features (arrays of names),
/// 5 limits (an array of 7 integers in the order of [`NodeLimits`]). Keys above 5 are passed over, so that later versions
/// can add (CAP-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The protocol versions spoken.
    pub versions: VersionRange,
    /// The node's key. Believed only once a login has proved it.
    pub node: NodeId,
    /// The rungs supported, by name; unknown names are kept.
    pub rungs: Vec<Code>,
    /// Further features by name; unknown names are kept.
    pub features: Vec<Code>,
    /// The limits.
    pub limits: NodeLimits,
}

impl Capabilities {
    /// What a node of this version with this key offers when nothing is restricted.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        let rungs = [Rung::Heads, Rung::Cursor, Rung::Bloom, Rung::Scan];
        Self {
            versions: VersionRange::OURS,
            node,
            rungs: rungs.map(Rung::name).to_vec(),
            features: Vec::new(),
            limits: NodeLimits::MAX,
        }
    }

    /// Whether the rung is supported.
    #[must_use]
    pub fn supports(&self, rung: Rung) -> bool {
        self.rungs.contains(&rung.name())
    }

    /// Whether the feature of this name is there.
    #[must_use]
    pub fn has(&self, feature: &Code) -> bool {
        self.features.contains(feature)
    }
}

impl Encode for Capabilities {
    fn encode(&self, writer: &mut Writer) {
        writer.map(5).uint(1);
        self.versions.encode(writer);
        writer.uint(2).bytes(self.node);
        for (key, names) in [(3, &self.rungs), (4, &self.features)] {
            writer.uint(key).array(names.len());
            for name in names {
                writer.text(name.as_str());
            }
        }
        let limits = &self.limits;
        writer.uint(5).array(7).uint(limits.put_bytes).uint(limits.put_entries);
        writer.uint(limits.page_bytes).uint(limits.page_items).uint(limits.ids_per_request);
        writer.uint(limits.pages_per_scan).uint(limits.feed_spaces);
    }
}

impl Decode for Capabilities {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let start = reader.position();
        let missing = Reader::error_at(start, CborErrorKind::Count);
        let (mut versions, mut node, mut rungs, mut features, mut limits) =
            (None, None, None, None, None);
        for _ in 0..reader.map(MAX_CAPABILITIES)? {
            match reader.uint(MAX_COUNTER)? {
                1 => versions = Some(VersionRange::decode(reader)?),
                2 => node = Some(NodeId(reader.array_of()?)),
                3 => rungs = Some(names(reader)?),
                4 => features = Some(names(reader)?),
                5 => limits = Some(read_limits(reader)?),
                _ => reader.skip()?,
            }
        }
        Ok(Self {
            versions: versions.ok_or(missing)?,
            node: node.ok_or(missing)?,
            rungs: rungs.ok_or(missing)?,
            features: features.ok_or(missing)?,
            limits: limits.ok_or(missing)?,
        })
    }
}

fn names(reader: &mut Reader<'_>) -> Result<Vec<Code>, CborError> {
    let count = reader.array(MAX_CAPABILITY_NAMES)?;
    (0..count).map(|_| read_code(reader)).collect()
}

/// A code, which keeps the rule of ERR-2.
pub(crate) fn read_code(reader: &mut Reader<'_>) -> Result<Code, CborError> {
    let start = reader.position();
    let text = reader.text(MAX_CODE_BYTES)?;
    Code::parse(text).ok_or(Reader::error_at(start, CborErrorKind::Bounds))
}

fn read_limits(reader: &mut Reader<'_>) -> Result<NodeLimits, CborError> {
    reader.array_exact(7)?;
    let mut limit = |most: u64| {
        let start = reader.position();
        match reader.uint(most)? {
            0 => Err(Reader::error_at(start, CborErrorKind::Bounds)),
            value => Ok(value),
        }
    };
    let most = NodeLimits::MAX;
    Ok(NodeLimits {
        put_bytes: limit(most.put_bytes)?,
        put_entries: limit(most.put_entries)?,
        page_bytes: limit(most.page_bytes)?,
        page_items: limit(most.page_items)?,
        ids_per_request: limit(most.ids_per_request)?,
        pages_per_scan: limit(most.pages_per_scan)?,
        feed_spaces: limit(most.feed_spaces)?,
    })
}
