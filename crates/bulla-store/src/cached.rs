//! A cache in front of a store.

mod memory;
mod storage;

pub use memory::MemoryCacheStorage;
pub use storage::{CacheStorage, CacheUsage, CachedEntry, CachedOrigin, CachedPart, CachedRow};
