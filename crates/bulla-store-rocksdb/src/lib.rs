//! How is it kept on disk?
//!
//! [`DiskSpaces`] is one RocksDB database that keeps many spaces; each is a [`DiskStore`]. What a caller may rely on is
//! the store contract of `bulla-store`; what lies on disk, and what survives a crash, is chapter `disk.md`.
//!
//! - One thread writes. Whatever waits goes into one batch and one sync, so many callers share the cost.
//! - Readers see only what is durable.
//! - Every read computes ids and content hashes anew; damage is reported, never returned.
//! - A watermark outside the engine's files notices when it lost writes that were durable; then every space takes a new
//!   lineage, and readers reconcile instead of skipping.
//!
//! What it is not: it opens no payload, talks to no network, and decides nothing about who may write.
//!
//! ```
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # runtime.block_on(async {
//! use std::sync::Arc;
//!
//! use bulla_core::SpaceId;
//! use bulla_store::{ContentAddressedStore, Context, SystemClock};
//! use bulla_store_rocksdb::{DiskOptions, DiskSpaces};
//!
//! let folder = tempfile::tempdir()?;
//! let spaces = DiskSpaces::open(folder.path(), DiskOptions::default(), Arc::new(SystemClock::new()))?;
//! let store = spaces.create_disk_store(SpaceId([7; 32])).await?;
//! assert_eq!(store.head(&Context::new()).await?.last_receipt, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod active;
mod backup;
mod bookmarks;
mod cache;
mod database;
mod digests;
mod engine;
mod error;
mod folder;
mod layout;
mod options;
mod queue;
mod read;
mod shared;
mod space;
mod spaces;
mod store;
mod verify;
mod watermark;
mod writer;

pub use backup::{CompactionReport, restore};
pub use bookmarks::DiskBookmarks;
pub use cache::{DiskCacheOptions, DiskCacheStorage};
pub use error::OpenError;
pub use options::DiskOptions;
pub use spaces::DiskSpaces;
pub use store::DiskStore;
pub use verify::{Problem, ProblemKind, VerifyOptions, VerifyReport};
