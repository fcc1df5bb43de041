//! What the tests of this crate share: folders, stores, entries, a clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_conformance::suite::author::{Author, Draft, World};
use bulla_core::values::{GetItem, GetRequest, PutOutcome, ScanBody, ScanRequest};
use bulla_core::{EntryId, SpaceId, Verified, VerifiedEntry};
use bulla_store::{Clock, ContentAddressedStore, Context, SystemClock};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces, DiskStore, OpenError, VerifyOptions};

/// A runtime for tests that are not async themselves.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn cx() -> Context {
    Context::new()
}

pub(crate) fn world(seed: u8) -> World {
    World::new([seed; 32]).unwrap()
}

/// Options for small stores: less memory, no reserve on the device.
pub(crate) fn options() -> DiskOptions {
    DiskOptions { low_water_bytes: 0, ..DiskOptions::default() }
}

pub(crate) fn open_with(folder: &Path, options: DiskOptions) -> Result<DiskSpaces, OpenError> {
    DiskSpaces::open(folder, options, Arc::new(SystemClock::new()))
}

pub(crate) fn open(folder: &Path) -> DiskSpaces {
    open_with(folder, options()).unwrap()
}

/// Entries with payloads of several sizes: inline, at the border, long.
pub(crate) fn mixed(author: &mut Author, count: u64) -> Vec<VerifiedEntry> {
    const SIZES: [usize; 5] = [16, 900, 16 * 1024, 16 * 1024 + 1, 40_000];
    (0..count)
        .map(|n| {
            let payload_bytes = SIZES[usize::try_from(n).unwrap() % SIZES.len()];
            author.write(Draft { payload_bytes, content: n, ..Draft::default() }).unwrap()
        })
        .collect()
}

/// Small entries.
pub(crate) fn small(author: &mut Author, count: u64) -> Vec<VerifiedEntry> {
    let draft = |content| Draft { payload_bytes: 200, content, ..Draft::default() };
    (0..count).map(|n| author.write(draft(n)).unwrap()).collect()
}

pub(crate) async fn put(store: &DiskStore, entries: &[VerifiedEntry]) -> Vec<PutOutcome> {
    let batch: Vec<Verified> = entries.iter().cloned().map(Verified::from).collect();
    store.put(&cx(), batch).await.unwrap().outcomes
}

/// Every id in receipt order with whether its whole entry came along.
pub(crate) async fn scan_all(store: &DiskStore) -> Vec<(EntryId, bool)> {
    let mut request = ScanRequest::everything();
    let mut found = Vec::new();
    loop {
        let page = store.scan(&cx(), request.clone()).await.unwrap();
        for item in &page.items {
            assert_eq!(
                item.receipt,
                u64::try_from(found.len()).unwrap() + 1,
                "receipts have no gap"
            );
            found.push((item.id, matches!(item.body, ScanBody::Entry(_))));
        }
        if page.end {
            return found;
        }
        request.after = Some(page.cursor);
    }
}

pub(crate) async fn get_one(store: &DiskStore, id: EntryId) -> GetItem {
    let request = GetRequest { ids: vec![id], max_bytes: u32::MAX };
    store.get(&cx(), request).await.unwrap().remove(0)
}

/// Asserts that a verification finds nothing.
pub(crate) async fn assert_clean(spaces: &DiskSpaces) {
    let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.problems);
}

/// Copies a closed store's folder.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Files of the engine with this ending, oldest first.
pub(crate) fn engine_files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder.join("db")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    files
}

/// The engine's log that holds the newest writes.
pub(crate) fn newest_log(folder: &Path) -> PathBuf {
    let logs = engine_files(folder, "log");
    logs.into_iter()
        .rfind(|path| path.metadata().unwrap().len() > 0)
        .expect("a log with something in it")
}

/// Flips one bit of a file.
pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

/// Whether `status` names this impairment.
pub(crate) fn is_impaired(spaces: &DiskSpaces, code: &str) -> bool {
    spaces.status().impairments.iter().any(|impairment| impairment.as_str() == code)
}

/// A clock that tests set.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    pub(crate) unix_ms: AtomicU64,
    pub(crate) monotonic_ms: AtomicU64,
}

impl Clock for TestClock {
    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms.load(Ordering::Relaxed))
    }
}

/// A space id that needs no entries.
pub(crate) fn space_number(number: u64) -> SpaceId {
    let mut id = [0x5a; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    SpaceId(id)
}
