//! What does a store promise?
//!
//! [`ContentAddressedStore`] is the one trait that everything in this project stands on: memory, disk, a proxy of a
//! store on another machine, a cache in front of one. Its documentation is the contract; `bulla-conformance` holds every
//! implementation to it.

pub mod bookmarks;
pub mod cached;
pub mod clock;
pub mod context;
pub mod error;
pub mod ext;
pub mod guarded;
pub mod judged;
pub mod memory;
pub mod quarantine;
pub mod rules;
pub mod spaces;
pub mod store;
pub mod tally;
#[cfg(feature = "testing")]
pub mod testing;

pub use bookmarks::Bookmarks;
pub use cached::{CacheSettings, CacheStorage, CachedStore, MemoryCacheStorage};
pub use clock::{Clock, SystemClock};
pub use context::{Context, HopPath};
pub use error::{CursorRefusal, StoreError};
pub use ext::StoreExt;
pub use guarded::{Admission, AdmitAll, GuardedStore, JudgedEngine, Operation, Ruling, Verdict};
pub use judged::{Facts, FactsPage, Judged, Judgement, Mark, MarkReport, Place};
pub use memory::{MemoryBookmarks, MemorySpaces, MemoryStore, random_lineage};
pub use quarantine::{
    Kept, KeptEntry, KeptFacts, KeptPage, KeptTotals, Quarantine, QuarantineBounds, kept_pages,
};
pub use spaces::{SpacePage, Spaces};
pub use store::{ContentAddressedStore, Erasable, Erasure, ErasureReport, HeadStream};

/// What store operations return.
pub type Result<T> = std::result::Result<T, StoreError>;
