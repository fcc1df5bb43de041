//! Looking entries up by id (chapter `store.md`, GET-1 to GET-7).

use crate::{EntryId, VerifiedEntry, VerifiedHeader};

/// What became of an entry's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadState {
    /// The store holds it.
    Present,
    /// Not fetched yet, lost or withheld: wanted.
    Missing,
    /// Erased by the control entry named.
    Erased(EntryId),
    /// Pruned by the control entry named.
    Pruned(EntryId),
}

/// Asks for entries by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetRequest {
    /// The ids, at most [`MAX_IDS_PER_REQUEST`](crate::limits::MAX_IDS_PER_REQUEST).
    pub ids: Vec<EntryId>,
    /// Stop before the answer holds more bytes of headers, signatures and payloads than this; one item is always
    /// given.
    pub max_bytes: u32,
}

/// The answer for one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GetItem {
    /// The whole entry.
    Entry(VerifiedEntry),
    /// The header; the state says why there is no payload and is never `Present`.
    Header(VerifiedHeader, PayloadState),
    /// The store does not hold it, and would know.
    Absent,
    /// The store holds it, and what it holds is damaged; of a store that verifies what a peer sends: what the peer sent
    /// for this id does not verify.
    Corrupt,
    /// The store cannot say now: its origin is away.
    Unavailable,
}

/// What a store knows of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Has {
    /// Held, with its payload or validly without it.
    Yes,
    /// The header is held, its payload is wanted.
    PayloadMissing,
    /// Not held.
    No,
    /// The store cannot say now: its origin is away.
    Unknown,
}

/// One answer per id asked, in order.
pub type Presence = Vec<Has>;
