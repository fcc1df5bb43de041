//! The conformance suite over disk stores, and over caches that keep things on disk.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::{
    Harness, HarnessError, Kept, Options, Reopen, Subject, trials as suite_trials,
};
use bulla_core::{NodeId, SpaceId};
use bulla_store::{
    Bookmarks, CacheSettings, CachedStore, ContentAddressedStore, MemoryStore, Spaces, SystemClock,
};
use bulla_store_rocksdb::{DiskCacheOptions, DiskCacheStorage, DiskOptions, DiskSpaces};
use libtest_mimic::Trial;
use tempfile::TempDir;

pub(crate) fn trials() -> Vec<Trial> {
    let harnesses: [(&str, Arc<dyn Harness>); 4] = [
        ("suite", Arc::new(Disk)),
        ("cached", Arc::new(Caches { height: 1, max_bytes: 64 << 20 })),
        // So small that hardly anything stays: what is evicted must not be missed.
        ("cached_tiny", Arc::new(Caches { height: 1, max_bytes: 6_000 })),
        ("cached_nothing_twice", Arc::new(Caches { height: 2, max_bytes: 0 })),
    ];
    // Every commit waits for the device, which may be busy.
    let options = Options { case_timeout_ms: 600_000, ..Options::default() };
    let trials = |(name, harness): &(&str, Arc<dyn Harness>)| suite_trials(name, harness, &options);
    harnesses.iter().flat_map(trials).collect()
}

#[derive(Debug)]
struct Disk;

fn open(folder: PathBuf) -> Result<DiskSpaces, HarnessError> {
    Ok(DiskSpaces::open(folder, DiskOptions::default(), Arc::new(SystemClock::new()))?)
}

async fn subject(folder: TempDir, space: SpaceId) -> Result<Subject, HarnessError> {
    let spaces = open(folder.path().to_owned())?;
    let store = spaces.create_disk_store(space).await?;
    Ok(Subject::engine(Arc::new(store)).with_reopen(Closed { folder, space }))
}

#[async_trait]
impl Harness for Disk {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        subject(tempfile::tempdir()?, space).await
    }

    async fn spaces(&self) -> Result<Option<Kept<dyn Spaces>>, HarnessError> {
        let folder = tempfile::tempdir()?;
        let subject = Arc::new(open(folder.path().to_owned())?);
        Ok(Some(Kept { subject, guard: Some(Box::new(folder)) }))
    }

    async fn bookmarks(&self) -> Result<Option<Kept<dyn Bookmarks>>, HarnessError> {
        let folder = tempfile::tempdir()?;
        let subject = Arc::new(open(folder.path().to_owned())?.bookmarks());
        Ok(Some(Kept { subject, guard: Some(Box::new(folder)) }))
    }
}

struct Closed {
    folder: TempDir,
    space: SpaceId,
}

#[async_trait]
impl Reopen for Closed {
    async fn reopen(self: Box<Self>) -> Result<Subject, HarnessError> {
        subject(self.folder, self.space).await
    }
}

/// Caches over a memory store, one upon the other. Restarting closes the caches and opens them again; the origin stays.
#[derive(Debug)]
struct Caches {
    height: u8,
    max_bytes: u64,
}

async fn stack(
    folders: Vec<TempDir>,
    origin: Arc<MemoryStore>,
    max_bytes: u64,
) -> Result<Subject, HarnessError> {
    let mut top: Arc<dyn ContentAddressedStore> = Arc::clone(&origin) as _;
    for (node, folder) in (1..).zip(&folders) {
        let options = DiskCacheOptions::new(max_bytes).with_low_water_bytes(0);
        let storage = Arc::new(DiskCacheStorage::open(folder.path(), options)?);
        let (node, clock) = (NodeId([node; 32]), Arc::new(SystemClock::new()));
        let settings = CacheSettings::default();
        top = Arc::new(CachedStore::open(top, storage, node, clock, settings).await?);
    }
    let subject = Subject::new(top).with_origin(Arc::clone(&origin) as _);
    Ok(subject.with_reopen(ClosedCaches { folders, origin, max_bytes }))
}

#[async_trait]
impl Harness for Caches {
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError> {
        let folders = (0..self.height).map(|_| tempfile::tempdir()).collect::<Result<_, _>>()?;
        stack(folders, Arc::new(MemoryStore::new(space)?), self.max_bytes).await
    }
}

struct ClosedCaches {
    folders: Vec<TempDir>,
    origin: Arc<MemoryStore>,
    max_bytes: u64,
}

#[async_trait]
impl Reopen for ClosedCaches {
    async fn reopen(self: Box<Self>) -> Result<Subject, HarnessError> {
        stack(self.folders, self.origin, self.max_bytes).await
    }
}
