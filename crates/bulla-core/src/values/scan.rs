//! Reading a store in receipt order (chapter `store.md`, SCAN-1 to SCAN-10).

use super::{Cursor, Filter, PayloadState};
use crate::limits::{MAX_PAGE_BYTES, MAX_PAGE_ITEMS};
use crate::{Bloom, Code, EntryId, VerifiedEntry, VerifiedHeader};

/// What a page carries of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Want {
    /// Ids and payload states.
    Ids,
    /// Headers and payload states.
    Headers,
    /// Entries; payloads longer than `inline_up_to` bytes are left for `get`, their items are headers.
    Entries {
        /// The longest payload to carry, in bytes.
        inline_up_to: u32,
    },
}

/// How much a page may hold; at least one item is always allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageLimit {
    /// Most bytes of headers, signatures and payloads (32 per id), checked first.
    pub max_bytes: u32,
    /// Most items.
    pub max_items: u32,
}

impl PageLimit {
    /// The largest page any store gives.
    pub const MAX: Self = Self { max_bytes: MAX_PAGE_BYTES, max_items: MAX_PAGE_ITEMS };

    /// This limit, bounded by [`MAX`](Self::MAX) and at least one item.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            max_bytes: self.max_bytes.min(MAX_PAGE_BYTES),
            max_items: self.max_items.clamp(1, MAX_PAGE_ITEMS),
        }
    }
}

impl Default for PageLimit {
    /// 1 MiB and 4,096 items.
    fn default() -> Self {
        Self { max_bytes: 1024 * 1024, max_items: 4096 }
    }
}

/// Asks for a page of a store in receipt order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRequest {
    /// Start after this cursor; `None` for the beginning. A cursor of another lineage, beyond the head or with another
    /// log hash is refused with a typed error.
    pub after: Option<Cursor>,
    /// Stop at this receipt; `None` for the newest durable one.
    pub until: Option<u64>,
    /// Which entries.
    pub filter: Filter,
    /// Leave out entries that this filter says are held.
    pub except: Option<Bloom>,
    /// What of them.
    pub want: Want,
    /// How much of it.
    pub limit: PageLimit,
}

impl ScanRequest {
    /// Every entry with its payload, from the beginning, on pages of the default size.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            after: None,
            until: None,
            filter: Filter::all(),
            except: None,
            want: Want::Entries { inline_up_to: u32::MAX },
            limit: PageLimit::default(),
        }
    }
}

/// What an item carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanBody {
    /// Asked for by [`Want::Ids`].
    Id(PayloadState),
    /// Asked for by [`Want::Headers`], or the payload is absent or too long to inline.
    Header(VerifiedHeader, PayloadState),
    /// The whole entry.
    Entry(VerifiedEntry),
    /// The source announced an entry here and what it sent does not verify; the code says why (SCAN-10).
    ///
    /// Only a store that verifies what a peer sends says this, of one item, so that the others on the page count. A
    /// reader treats the entry as missing and asks again later, here or elsewhere. The id is as announced and is not
    /// proven. When only the payload is wrong, the item is [`Header`](Self::Header) with
    /// [`PayloadState::Missing`] instead: the header holds.
    Invalid(Code),
}

/// One entry on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanItem {
    /// Where the store received it; strictly ascending on a page.
    pub receipt: u64,
    /// The entry's id.
    pub id: EntryId,
    /// What was asked for.
    pub body: ScanBody,
}

impl ScanItem {
    /// What this item counts against [`PageLimit::max_bytes`].
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match &self.body {
            ScanBody::Id(_) | ScanBody::Invalid(_) => EntryId::LEN,
            ScanBody::Header(header, _) => header.bytes().len() + crate::Signature::LEN,
            ScanBody::Entry(entry) => {
                entry.verified_header().bytes().len()
                    + crate::Signature::LEN
                    + entry.payload().len()
            }
        }
    }
}

/// A page of a store. It may be empty and still move its cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Items in receipt order.
    pub items: Vec<ScanItem>,
    /// Where the next page starts: everything up to here was handed over, left out by the filter or by `except`.
    pub cursor: Cursor,
    /// Whether the cursor reached `until`, or the newest durable receipt.
    pub end: bool,
}
