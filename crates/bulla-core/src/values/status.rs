//! How a store is doing.

/// When a store's writes survive a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is synced before it is acknowledged or seen.
    EveryCommit,
    /// Synced at this interval in milliseconds; acknowledged and seen only then.
    Interval(u64),
    /// Never synced: for tests, and for stores that live in memory.
    None,
    /// As durable as the store behind it.
    Upstream,
}

/// How a store is doing; figures a store does not have are zero or `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// `memory`, `disk`, `network`, `cached`, or a third party's word.
    pub engine: String,
    /// The policy.
    pub durability: Durability,
    /// Entries held (headers).
    pub entries: u64,
    /// Payload bytes held.
    pub payload_bytes: u64,
    /// Bytes on disk, for all spaces of the database together.
    pub disk_bytes: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Syncs to disk since the store was opened.
    pub fsyncs: u64,
    /// Compactions running now.
    pub compactions_running: u64,
    /// Bytes waiting to be compacted, estimated.
    pub compaction_pending_bytes: u64,
    /// What keeps the store from doing all of its work, each as a stable code: `store.full`, `store.read_only`,
    /// `store.needs_audit`, `upstream.unavailable`, and of one space `quarantine.full`.
    pub impairments: Vec<crate::Code>,
    /// The store behind this one.
    pub upstream: Option<Box<Self>>,
}

impl StoreStatus {
    /// A store with nothing in it.
    #[must_use]
    pub fn new(engine: impl Into<String>, durability: Durability) -> Self {
        Self {
            engine: engine.into(),
            durability,
            entries: 0,
            payload_bytes: 0,
            disk_bytes: 0,
            commits: 0,
            fsyncs: 0,
            compactions_running: 0,
            compaction_pending_bytes: 0,
            impairments: Vec::new(),
            upstream: None,
        }
    }
}
