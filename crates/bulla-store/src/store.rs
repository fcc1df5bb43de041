//! The store contract.

use std::fmt::Debug;
use std::pin::Pin;

use async_trait::async_trait;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus, Summary,
    SummaryRequest,
};
use bulla_core::{EntryId, SpaceId, Verified};
use futures_util::Stream;

use crate::{Context, Result};

/// Heads as they change; see [`ContentAddressedStore::watch`].
pub type HeadStream = Pin<Box<dyn Stream<Item = Result<Head>> + Send>>;

/// A store of the entries of one space.
///
/// # Contract
///
/// Every implementation keeps every clause; the conformance suite has a case for each (chapter `store.md`).
///
/// - **STO-1 Verified only.** What goes in and comes out are verified types. A store that reads from a disk or a network
///   verifies what it read before it returns it, or has recorded that it did.
/// - **STO-2 Durable on return.** When `put` returns, everything it calls stored is as durable as
///   [`status`](Self::status) says. Nothing is seen by any reader before that.
/// - **STO-3 Receipts.** Each entry gets the next receipt, 1, 2, 3…, once; a receipt is visible only when all smaller
///   ones are. A receipt is never given twice within a lineage, not after erasure, eviction or restart.
/// - **STO-4 Idempotence.** An entry held already is a duplicate and changes nothing, except that a payload for a header
///   held without one is added; its receipt and the digests of ids stay as they are.
/// - **STO-5 One outcome each.** `put` gives one outcome per entry, in order. One bad entry never stops the others. An
///   entry that occurs twice in a batch is stored once and a duplicate the second time.
/// - **STO-6 Order is free.** Sequence, previous entry and dependencies never decide whether an entry is stored.
/// - **STO-7 Atomicity and cancellation.** A dropped call leaves whole commits or nothing; repeating it is safe. Entry,
///   receipt, log hash and indexes become visible together.
/// - **STO-8 Failed calls** change nothing that any reader can see.
/// - **STO-9 Own space only.** An entry of another space is refused with `entry.space`, each on its own.
/// - **STO-10 Bounds** of `bulla_core::limits` hold: requests beyond them are refused with `request.too_large` and do no
///   work.
/// - **STO-11 Absence is an answer.** An id not held is [`GetItem::Absent`], never an error. A store whose origin is away
///   says [`GetItem::Unavailable`] of what it does not hold.
/// - **STO-12 Cursors.** A cursor of another lineage, beyond the head or with another log hash is refused with
///   [`StoreError::Cursor`](crate::StoreError::Cursor) and nothing else.
#[async_trait]
pub trait ContentAddressedStore: Debug + Send + Sync + 'static {
    /// The space whose entries these are.
    fn space(&self) -> SpaceId;

    /// The state of the store: what is durable and visible now.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError), as for every method here.
    async fn head(&self, cx: &Context) -> Result<Head>;

    /// Stores a batch: at most 4,096 entries and 16 MiB.
    ///
    /// # Errors
    ///
    /// An error means that no outcome is known; what was committed before it stays and is a duplicate the next time.
    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport>;

    /// Looks up entries: answers for a prefix of the ids asked, in order, as many as `max_bytes` allows and at least one.
    ///
    /// # Errors
    ///
    /// Never because of a single id: one damaged entry is [`GetItem::Corrupt`].
    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>>;

    /// Whether the ids are held; one answer each, in order.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence>;

    /// A page in receipt order, bounded by bytes first; it may be empty and still move its cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError::Cursor`](crate::StoreError::Cursor) when the cursor is not of this history.
    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page>;

    /// A hint of what is held.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsupported`](crate::StoreError::Unsupported) for a kind of summary the store does not keep.
    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary>;

    /// The head now, then each newer one; a slow reader sees only the newest. The stream ends with an error or when the
    /// store is closed.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    async fn watch(&self, cx: &Context) -> Result<HeadStream>;

    /// How the store is doing.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    async fn status(&self, cx: &Context) -> Result<StoreStatus>;
}

/// Which entries lose their payload, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The control entry that says so.
    pub by: EntryId,
    /// Whether it prunes (payloads kept elsewhere) instead of erasing.
    pub is_prune: bool,
    /// The entries. Those not held yet are remembered and stored as headers when they arrive.
    pub ids: Vec<EntryId>,
}

/// What an erasure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErasureReport {
    /// Payloads dropped now.
    pub dropped: u64,
    /// Ids whose payload was absent already.
    pub already_absent: u64,
    /// Ids not held: remembered.
    pub remembered: u64,
    /// Control entries: refused, nothing done.
    pub refused: u64,
}

/// A store that can drop payloads and keep headers. Called by admission only, never over the network.
#[async_trait]
pub trait Erasable: ContentAddressedStore {
    /// Drops payloads durably and keeps headers, receipts and digests of ids. Doing it twice changes nothing.
    ///
    /// # Errors
    ///
    /// As [`head`](ContentAddressedStore::head).
    async fn erase(&self, cx: &Context, erasure: Erasure) -> Result<ErasureReport>;

    /// Takes back what erasures said of at most 10,000 entries, durably: payloads that are erased are missing, and what was
    /// remembered of entries that are not held is forgotten (ERA-8). Prunings stay. How many entries that was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`](crate::StoreError::Request) with `request.too_large`; else as
    /// [`head`](ContentAddressedStore::head).
    async fn restore(&self, cx: &Context, ids: &[EntryId]) -> Result<u64>;
}
