//! What may enter a store, and what counts there?
//!
//! [`DirectoryAdmission`] judges every entry that is given to a store by the directory of its space, which it computes from
//! the control entries that the store holds (chapter `store.md`, part "Admission", ADM-5 to ADM-16). Put it before an engine
//! with [`GuardedStore::judging`](bulla_store::GuardedStore::judging):
//!
//! ```
//! # use std::sync::Arc;
//! # use bulla_core::SpaceId;
//! # use bulla_admission::{AdmissionSettings, DirectoryAdmission};
//! # use bulla_store::{Context, GuardedStore, MemoryStore, Result};
//! async fn open(space: SpaceId) -> Result<GuardedStore<MemoryStore, DirectoryAdmission>> {
//!     let engine = Arc::new(MemoryStore::new(space)?);
//!     let settings = AdmissionSettings::default();
//!     let admission =
//!         DirectoryAdmission::open(&Context::new(), Arc::clone(&engine), settings).await?;
//!     Ok(GuardedStore::judging(engine, Arc::new(admission)))
//! }
//! ```
//!
//! What it is not: it decides nothing of who belongs to a space (that is `bulla-directory`), keeps nothing (that is the
//! engine), and knows no peers. [`DirectoryAccess`] tells whoever does what a peer may do just now.
//!
//! Everything in memory here follows from what the engine holds: an admission that is dropped at any moment, or whose
//! process dies, is opened again and comes to the same marks.

mod access;
mod admission;
mod chains;
mod controls;
mod erasing;
mod flights;
mod judging;
mod keys;
mod links;
mod names;
mod quota;
mod rejudging;
mod settings;
mod startup;
mod state;
mod taking;
mod tending;
mod ward;

pub use access::{DirectoryAccess, Rights};
pub use admission::{DirectoryAdmission, Engine};
pub use quota::Totals;
pub use settings::AdmissionSettings;
pub use tending::Tending;
pub use ward::Retried;

/// The codes of what an admission says besides those of the directory.
pub mod codes {
    /// Headers that decide whether the entry counts are not held yet (DIR-5); control entries held without their payload.
    pub const OPEN: &str = "directory.open";
    /// Nobody that this store knows of ever gave the author a role.
    pub const STRANGER: &str = "directory.stranger";
    /// Too many control entries that do not count (ADM-7).
    pub const CONTROL: &str = "quota.control";
    /// Too many branches whose place is open (ADM-9).
    pub const BRANCHES: &str = "quota.branches";
    /// The author has as many entries as the policy allows (GEN-4).
    pub const AUTHOR_ENTRIES: &str = "quota.author_entries";
    /// The author has as many payload bytes as the policy allows.
    pub const AUTHOR_BYTES: &str = "quota.author_bytes";
    /// The space has as many entries as the policy allows.
    pub const SPACE_ENTRIES: &str = "quota.space_entries";
    /// The space has as many payload bytes as the policy allows.
    pub const SPACE_BYTES: &str = "quota.space_bytes";
}
