//! Streams of entries: CBOR sequences (RFC 8742) that say where they end (chapter `wire.md`, WIRE-10 to WIRE-18).
//!
//! Every item is an array that begins with its tag. A body is whole only when its end item has come, the count in it is
//! right and nothing follows; so a body that was cut at any byte is noticed.

mod decoder;
mod encoder;
mod items;

use bulla_core::Code;
use bulla_core::cbor::CborError;
use bulla_core::values::{Cursor, PayloadState};
use bulla_core::{EntryId, RawEntry, SetDigest};

use crate::WireError;
use crate::limits::MAX_ITEM_BYTES;

pub use decoder::{BodyDecoder, BodyLimits};
pub use encoder::BodyEncoder;
pub use items::ItemReader;

/// Tags of the items (WIRE-14).
pub(crate) mod tag {
    pub(crate) const END: u64 = 0;
    pub(crate) const ERROR: u64 = 1;
    pub(crate) const COMPACT: u64 = 2;
    pub(crate) const PLAIN: u64 = 3;
    pub(crate) const ID: u64 = 4;
    pub(crate) const ABSENT: u64 = 5;
    pub(crate) const CORRUPT: u64 = 6;
    pub(crate) const UNAVAILABLE: u64 = 7;
    pub(crate) const INVALID: u64 = 8;
}

/// One item of a body, as it came: entries are not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyItem {
    /// An entry, or its header alone.
    Entry(EntryItem),
    /// `scan`: an id and the state of its payload.
    Id {
        /// Where the store received it.
        receipt: u64,
        /// The id.
        id: EntryId,
        /// The state.
        state: PayloadState,
    },
    /// `scan`: an entry that the store holds and that is damaged, or that did not verify on its way.
    Invalid {
        /// Where the store received it.
        receipt: u64,
        /// The id it is said to have.
        id: EntryId,
        /// What is wrong with it.
        code: Code,
    },
    /// `get`: not held.
    Absent,
    /// `get`: held, and damaged.
    Corrupt,
    /// `get`: the node cannot say now.
    Unavailable,
    /// `scan`: the end of a page.
    PageEnd(PageEnd),
    /// `put`, `get` and bundles: the end of the body.
    End(BodyEnd),
}

/// An entry in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryItem {
    /// Where the store received it; 0 in `put` and `get`.
    pub receipt: u64,
    /// Header, signature and, if it came along, the payload.
    pub raw: RawEntry,
    /// `Present` with a payload. Without one: why, or `Present` when it was only left out.
    pub state: PayloadState,
    /// Whether it came in the compact form.
    pub is_compact: bool,
}

/// The end of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageEnd {
    /// Items on the page.
    pub count: u64,
    /// Where the next page starts.
    pub cursor: Cursor,
    /// Whether the page reached `until` or the newest receipt.
    pub end: bool,
    /// Whether another page follows in this body.
    pub more: bool,
}

/// The end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyEnd {
    /// Items in the body.
    pub count: u64,
    /// Bundles: the set digest of the ids in it (BUN-5).
    pub digest: Option<SetDigest>,
}

/// Why bytes are not the stream that was asked for. The sender is at fault, except for [`StreamError::Peer`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// An item is not canonical, or not of the right shape; the offset counts from the item's first byte.
    #[error("stream item is malformed: {0}")]
    Cbor(#[from] CborError),
    /// The body ends before its end item (WIRE-11).
    #[error("body ends before its end item")]
    Truncated,
    /// Bytes follow the end item (WIRE-11).
    #[error("bytes follow the end item")]
    Trailing,
    /// An item is longer than [`MAX_ITEM_BYTES`] (WIRE-12).
    #[error("stream item longer than {MAX_ITEM_BYTES} bytes")]
    ItemTooLarge,
    /// More items than the body may have.
    #[error("more than {0} items")]
    TooManyItems(usize),
    /// More bytes of headers, signatures and payloads than the body may have.
    #[error("more than {0} bytes of entries")]
    TooManyBytes(usize),
    /// An item that does not belong into this body (WIRE-14).
    #[error("item with tag {0} does not belong here")]
    Tag(u64),
    /// The end item names another number of items (WIRE-11).
    #[error("end item counts {stated} items, {actual} came")]
    Count {
        /// As the end item says.
        stated: u64,
        /// As they came.
        actual: u64,
    },
    /// A receipt of zero or not greater than the one before, or a page whose cursor lies before its last item (WIRE-17).
    #[error("receipts do not ascend")]
    Receipts,
    /// A number that the tables do not have (CMP-5).
    #[error("reference to something that is not in the tables")]
    Reference,
    /// A value spelled out that the tables have (CMP-5).
    #[error("value spelled out that could be referred to")]
    NotShortest,
    /// A previous id left out that nothing implies (CMP-6).
    #[error("previous id left out that nothing implies")]
    NotImplied,
    /// A previous id spelled out that is implied (CMP-6).
    #[error("previous id spelled out that is implied")]
    Implied,
    /// A bundle whose ids do not have the digest its end item names (BUN-7).
    #[error("set digest of the entries differs from the one at the end")]
    Digest,
    /// A file that does not begin as a bundle of a known version (BUN-2).
    #[error("not a bundle of a known version")]
    Bundle,
    /// The sender gave up with this error; what came before it is not to be used.
    #[error("the other side gave up: {0}")]
    Peer(WireError),
}

impl StreamError {
    /// The stable code; of [`StreamError::Peer`] the one that was sent.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::new(match self {
            Self::Cbor(error) => return error.kind.code(),
            Self::Peer(error) => return error.code.clone(),
            Self::Truncated => "wire.truncated",
            Self::Trailing => "wire.trailing",
            Self::ItemTooLarge => "wire.item_too_large",
            Self::TooManyItems(_) => "wire.too_many_items",
            Self::TooManyBytes(_) => "wire.too_many_bytes",
            Self::Tag(_) => "wire.tag",
            Self::Count { .. } => "wire.count",
            Self::Receipts => "wire.receipts",
            Self::Reference | Self::NotImplied => "compact.reference",
            Self::NotShortest | Self::Implied => "compact.not_shortest",
            Self::Digest => "bundle.digest",
            Self::Bundle => "bundle.version",
        })
    }

    /// The clause of the spec that refuses this.
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::Cbor(error) => error.kind.clause(),
            Self::Peer(_) => "WIRE-18",
            Self::Truncated | Self::Trailing | Self::Count { .. } => "WIRE-11",
            Self::ItemTooLarge => "WIRE-12",
            Self::TooManyItems(_) | Self::TooManyBytes(_) => "WIRE-27",
            Self::Tag(_) => "WIRE-14",
            Self::Receipts => "WIRE-17",
            Self::Reference | Self::NotShortest => "CMP-5",
            Self::NotImplied | Self::Implied => "CMP-6",
            Self::Digest => "BUN-7",
            Self::Bundle => "BUN-2",
        }
    }
}
