//! Every store and combinator of this crate keeps every promise of the contract: the suite as named tests.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::{Harness, HarnessError, Kept, Options, Subject, trials};
use bulla_core::{NodeId, SpaceId};
use bulla_store::{
    Bookmarks, CacheSettings, CachedStore, ContentAddressedStore, MemoryBookmarks,
    MemoryCacheStorage, MemorySpaces, MemoryStore, Spaces, SystemClock,
};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let options = Options::default();
    let harnesses: [(&str, Arc<dyn Harness>); 5] = [
        ("memory", Arc::new(Memory)),
        ("cached", Arc::new(Caches { height: 1, max_bytes: 64 << 20 })),
        ("cached_twice", Arc::new(Caches { height: 2, max_bytes: 64 << 20 })),
        // So small that hardly anything stays: what is evicted must not be missed.
        ("cached_tiny", Arc::new(Caches { height: 1, max_bytes: 6_000 })),
        ("cached_nothing", Arc::new(Caches { height: 2, max_bytes: 0 })),
    ];
    let tests: Vec<Trial> =
        harnesses.iter().flat_map(|(name, harness)| trials(name, harness, &options)).collect();
    libtest_mimic::run(&arguments, tests).exit();
}

#[derive(Debug)]
struct Memory;

#[async_trait]
impl Harness for Memory {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        Ok(Subject::engine(Arc::new(MemoryStore::new(space)?)))
    }

    async fn spaces(&self) -> Result<Option<Kept<dyn Spaces>>, HarnessError> {
        Ok(Some(Kept { subject: Arc::new(MemorySpaces::new()), guard: None }))
    }

    async fn bookmarks(&self) -> Result<Option<Kept<dyn Bookmarks>>, HarnessError> {
        Ok(Some(Kept { subject: Arc::new(MemoryBookmarks::new()), guard: None }))
    }
}

/// Caches over a memory store, one upon the other.
#[derive(Debug)]
struct Caches {
    height: u8,
    max_bytes: usize,
}

#[async_trait]
impl Harness for Caches {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        let origin = Arc::new(MemoryStore::new(space)?);
        let mut top: Arc<dyn ContentAddressedStore> = Arc::clone(&origin) as _;
        for node in 1..=self.height {
            let storage = Arc::new(MemoryCacheStorage::new(self.max_bytes));
            let (node, clock) = (NodeId([node; 32]), Arc::new(SystemClock::new()));
            top = Arc::new(
                CachedStore::open(top, storage, node, clock, CacheSettings::default()).await?,
            );
        }
        Ok(Subject::new(top).with_origin(origin))
    }
}
