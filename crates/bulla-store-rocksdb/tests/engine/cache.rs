//! A cache's storage on disk: what it keeps, what it drops, and that damage never shows as anything but absence.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulla_conformance::suite::author::{Draft, header_of, whole};
use bulla_core::values::{Counted, Counting, Freshness, Head, PayloadState, ScanRequest};
use bulla_core::{EntryId, Lineage, LogHash, NodeId, SetDigest, SpaceId, Verified, VerifiedEntry};
use bulla_store::cached::{CachedEntry, CachedOrigin, CachedPart, CachedRow};
use bulla_store::{
    CacheSettings, CacheStorage, CachedStore, ContentAddressedStore, MemoryCacheStorage,
    MemoryStore, StoreError, StoreExt as _, SystemClock,
};
use bulla_store_rocksdb::{DiskCacheOptions, DiskCacheStorage, OpenError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{copy_folder, cx, flip, open, runtime, small, space_number, world};

const MIB: u64 = 1024 * 1024;

fn options(max_bytes: u64) -> DiskCacheOptions {
    DiskCacheOptions::new(max_bytes).with_low_water_bytes(0)
}

fn cache(folder: &Path, max_bytes: u64) -> DiskCacheStorage {
    DiskCacheStorage::open(folder, options(max_bytes)).unwrap()
}

fn kept(entry: impl Into<Verified>, generation: u64) -> CachedEntry {
    CachedEntry { entry: entry.into(), state: PayloadState::Present, generation }
}

fn origin(last_receipt: u64) -> CachedOrigin {
    let set = Counted { count: last_receipt, digest: SetDigest([4; 32]) };
    let head = Head {
        lineage: Lineage([1; 16]),
        last_receipt,
        log_hash: LogHash([2; 32]),
        control: set,
        held: set,
        counting: Counting::All,
        present: set,
        freshness: Freshness::StaleSince(7),
    };
    CachedOrigin { head, seen_unix_ms: 1_700_000_000_000, generation: 3, kept_upto: 9 }
}

fn row(receipt: u64) -> CachedRow {
    let state = match receipt % 4 {
        0 => PayloadState::Present,
        1 => PayloadState::Missing,
        2 => PayloadState::Erased(EntryId([9; 32])),
        _ => PayloadState::Pruned(EntryId([8; 32])),
    };
    let id = *blake3::hash(&receipt.to_be_bytes()).as_bytes();
    CachedRow { receipt, id: EntryId(id), log_hash: LogHash([receipt.to_le_bytes()[0]; 32]), state }
}

async fn get_one(
    cache: &dyn CacheStorage,
    space: SpaceId,
    id: EntryId,
    part: CachedPart,
) -> Option<CachedEntry> {
    cache.get(&space, &[id], part, u32::MAX).await.unwrap().remove(0)
}

async fn all_ids(cache: &dyn CacheStorage, space: SpaceId) -> Vec<EntryId> {
    let mut ids: Vec<EntryId> = Vec::new();
    loop {
        let page = cache.ids(&space, ids.last().copied(), 100).await.unwrap();
        if page.is_empty() {
            return ids;
        }
        ids.extend(page);
    }
}

/// Clauses: DISK-22.
pub(crate) fn what_is_kept_outlives_the_process() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (world, other) = (world(1), space_number(2));
        let entries = small(&mut world.author(0), 30);
        let space = world.space();
        let storage = cache(folder.path(), 64 * MIB);
        storage.set_origin(&space, origin(30)).await.unwrap();
        storage.keep_rows(&space, &(1..=30).map(row).collect::<Vec<_>>()).await.unwrap();
        let batch: Vec<_> = entries.iter().map(|entry| kept(entry.clone(), 3)).collect();
        storage.keep(&space, batch.clone()).await.unwrap();
        storage.keep(&other, vec![kept(header_of(&entries[0]), 0)]).await.unwrap();
        let usage = storage.usage(&space).await.unwrap();
        drop(storage);

        let storage = cache(folder.path(), 64 * MIB);
        assert_eq!(storage.origin(&space).await.unwrap(), Some(origin(30)));
        assert_eq!(storage.origin(&other).await.unwrap(), None);
        let rows = storage.rows(&space, 5, 1_000).await.unwrap();
        assert_eq!(rows, (5..=30).map(row).collect::<Vec<_>>());
        let ids: Vec<_> = entries.iter().map(VerifiedEntry::id).collect();
        let found = storage.get(&space, &ids, CachedPart::Whole, u32::MAX).await.unwrap();
        assert_eq!(found, batch.into_iter().map(Some).collect::<Vec<_>>());
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        assert_eq!(all_ids(&storage, space).await, sorted);
        assert_eq!(all_ids(&storage, other).await, [ids[0]], "spaces are apart");
        let again = storage.usage(&space).await.unwrap();
        assert_eq!((again.entries, again.rows, again.payload_bytes), (30, 30, 30 * 200));
        assert_eq!((usage.entries, usage.rows), (again.entries, again.rows));

        storage.restart_rows(&space, origin(4)).await.unwrap();
        assert_eq!(storage.rows(&space, 1, 10).await.unwrap(), []);
        assert_eq!(storage.origin(&space).await.unwrap(), Some(origin(4)));
        assert_eq!(storage.usage(&space).await.unwrap().rows, 0);
        assert_eq!(all_ids(&storage, space).await, sorted, "entries stay");
    });
}

#[derive(Debug, Clone)]
enum Operation {
    Keep(Vec<(usize, bool, u64)>),
    Evict(Vec<usize>),
    KeepRows { first: u64, count: u64 },
    RestartRows(u64),
    SetOrigin(u64),
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let entries = prop::collection::vec((0..POOL, any::<bool>(), 0..3_u64), 0..10);
    prop_oneof![
        6 => entries.prop_map(Operation::Keep),
        2 => prop::collection::vec(0..POOL, 0..6).prop_map(Operation::Evict),
        3 => (1..40_u64, 0..20_u64).prop_map(|(first, count)| Operation::KeepRows { first, count }),
        1 => (0..50_u64).prop_map(Operation::RestartRows),
        1 => (0..50_u64).prop_map(Operation::SetOrigin),
        1 => Just(Operation::Reopen),
    ]
}

const POOL: usize = 16;

/// The memory storage is the model: with room for everything the two must give the same answers.
pub(crate) fn random_operations_match_the_memory_storage() {
    const SIZES: [usize; 4] = [16, 300, 5_000, 40_000];
    let world = world(5);
    let mut author = world.author(0);
    let pool: Vec<VerifiedEntry> = (0..POOL)
        .map(|n| {
            let payload_bytes = SIZES[n % SIZES.len()];
            author.write(Draft { payload_bytes, content: n as u64, ..Draft::default() }).unwrap()
        })
        .collect();
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let runtime = runtime();
    let outcome = runner.run(&prop::collection::vec(operation(), 1..30), |operations| {
        runtime.block_on(compare(&pool, world.space(), operations));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn compare(pool: &[VerifiedEntry], space: SpaceId, operations: Vec<Operation>) {
    let folder = tempfile::tempdir().unwrap();
    let model = MemoryCacheStorage::new(64 << 20);
    let mut disk = cache(folder.path(), 64 * MIB);
    for operation in operations {
        match operation {
            Operation::Keep(entries) => {
                let entry = |&(n, is_header, generation): &(usize, bool, u64)| {
                    let entry = &pool[n];
                    if is_header {
                        kept(header_of(entry), generation)
                    } else {
                        kept(entry.clone(), generation)
                    }
                };
                let batch: Vec<CachedEntry> = entries.iter().map(entry).collect();
                model.keep(&space, batch.clone()).await.unwrap();
                disk.keep(&space, batch).await.unwrap();
            }
            Operation::Evict(entries) => {
                let ids: Vec<_> = entries.iter().map(|n| pool[*n].id()).collect();
                model.evict(&space, &ids).await.unwrap();
                disk.evict(&space, &ids).await.unwrap();
            }
            Operation::KeepRows { first, count } => {
                let rows: Vec<_> = (first..first + count).map(row).collect();
                model.keep_rows(&space, &rows).await.unwrap();
                disk.keep_rows(&space, &rows).await.unwrap();
            }
            Operation::RestartRows(n) => {
                model.restart_rows(&space, origin(n)).await.unwrap();
                disk.restart_rows(&space, origin(n)).await.unwrap();
            }
            Operation::SetOrigin(n) => {
                model.set_origin(&space, origin(n)).await.unwrap();
                disk.set_origin(&space, origin(n)).await.unwrap();
            }
            Operation::Reopen => {
                drop(disk);
                disk = cache(folder.path(), 64 * MIB);
            }
        }
        let ids: Vec<_> = pool.iter().map(VerifiedEntry::id).collect();
        for part in [CachedPart::Header, CachedPart::Whole] {
            for max_bytes in [1, 6_000, u32::MAX] {
                assert_eq!(
                    disk.get(&space, &ids, part, max_bytes).await.unwrap(),
                    model.get(&space, &ids, part, max_bytes).await.unwrap(),
                );
            }
        }
        for first in [1, 7, 30] {
            assert_eq!(
                disk.rows(&space, first, 12).await.unwrap(),
                model.rows(&space, first, 12).await.unwrap()
            );
        }
        assert_eq!(all_ids(&disk, space).await, all_ids(&model, space).await);
        assert_eq!(disk.origin(&space).await.unwrap(), model.origin(&space).await.unwrap());
        let (of_disk, of_model) =
            (disk.usage(&space).await.unwrap(), model.usage(&space).await.unwrap());
        assert_eq!(
            (of_disk.entries, of_disk.payload_bytes, of_disk.rows),
            (of_model.entries, of_model.payload_bytes, of_model.rows)
        );
    }
}

/// Between two looks at what the engine does beside its work.
const LOOK: Duration = Duration::from_millis(10);
/// Looks before it has failed: five minutes, for the slowest machine.
const LOOKS: u32 = 30_000;

fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Ten times as much as fits (DISK-23): the bound holds in what is counted and on the disk, the newest are there, those asked for
/// meanwhile outlive those that were not, and rows have their share.
pub(crate) fn bound_holds_and_what_is_asked_for_stays_longer() {
    const MAX: u64 = 8 * MIB;
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let world = world(2);
        let space = world.space();
        let mut author = world.author(0);
        let storage = cache(folder.path(), MAX);
        let favourites: Vec<EntryId> = {
            let entries = small(&mut author, 20);
            let ids = entries.iter().map(VerifiedEntry::id).collect();
            storage
                .keep(&space, entries.into_iter().map(|entry| kept(entry, 0)).collect())
                .await
                .unwrap();
            ids
        };
        let mut newest = EntryId([0; 32]);
        let bytes = |n: u64| Draft { payload_bytes: 16_000, content: n, ..Draft::default() };
        for step in 0..100_u64 {
            let batch: Vec<_> =
                (0..50).map(|n| author.write(bytes(step * 50 + n)).unwrap()).collect();
            newest = batch.last().unwrap().id();
            storage
                .keep(&space, batch.into_iter().map(|entry| kept(entry, 0)).collect())
                .await
                .unwrap();
            let first = step * 1_000 + 1;
            let rows: Vec<_> = (first..first + 1_000).map(row).collect();
            storage.keep_rows(&space, &rows).await.unwrap();
            storage.get(&space, &favourites, CachedPart::Whole, u32::MAX).await.unwrap();
            let usage = storage.usage(&space).await.unwrap();
            assert!(usage.payload_bytes + usage.rows * 64 <= MAX, "{usage:?}");
            assert!(usage.rows * 128 <= MAX / 4, "{usage:?}");
            // The engine removes files beside its work, and may be a moment behind on a busy machine.
            let mut looks = 0;
            while folder_bytes(folder.path()) > 2 * MAX + 4 * MIB {
                looks += 1;
                assert!(looks < LOOKS, "the files of a cache of {MAX} bytes are too many");
                tokio::time::sleep(LOOK).await;
            }
        }
        assert!(get_one(&storage, space, newest, CachedPart::Whole).await.is_some());
        let held = storage.get(&space, &favourites, CachedPart::Whole, u32::MAX).await.unwrap();
        assert_eq!(held.iter().flatten().count(), 20, "asked for at every step, and still there");
        assert_eq!(
            storage.rows(&space, 99_001, 2_000).await.unwrap().len(),
            1_000,
            "the newest rows"
        );
        assert_eq!(storage.rows(&space, 1, 1).await.unwrap(), [], "the oldest rows went first");
        let usage = storage.usage(&space).await.unwrap();
        assert_eq!(usage.entries, all_ids(&storage, space).await.len() as u64);

        // A smaller bound takes hold with the next thing kept.
        drop(storage);
        let storage = cache(folder.path(), MAX / 4);
        storage.keep(&space, vec![kept(author.write(bytes(0)).unwrap(), 0)]).await.unwrap();
        let usage = storage.usage(&space).await.unwrap();
        assert!(usage.payload_bytes + usage.rows * 64 <= MAX / 4, "{usage:?}");
        assert_eq!(usage.entries, all_ids(&storage, space).await.len() as u64);
    });
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// One changed bit anywhere in its files, at many places (DISK-22): a cache opens, serves what is right or nothing, and a client of
/// the cache gets every entry whole, from the origin if need be.
pub(crate) fn damaged_contents_are_fetched_again_and_never_served() {
    runtime().block_on(async {
        let home = tempfile::tempdir().unwrap();
        let good = home.path().join("good");
        let world = world(3);
        let origin = Arc::new(MemoryStore::new(world.space()).unwrap());
        let entries = small(&mut world.author(0), 60);
        origin.put(&cx(), whole(&entries)).await.unwrap();
        let pull = async |folder: &Path| {
            // A small buffer, so that some of it is in table files.
            let storage = Arc::new(cache(folder, MIB));
            let store = CachedStore::open(
                Arc::clone(&origin) as _,
                storage,
                NodeId([9; 32]),
                Arc::new(SystemClock::new()),
                CacheSettings::default(),
            );
            let store = store.await.unwrap();
            let mut request = ScanRequest::everything();
            let mut found = Vec::new();
            loop {
                let page = store.scan(&cx(), request.clone()).await.unwrap();
                found.extend(page.items.iter().map(|item| item.id));
                request.after = Some(page.cursor);
                if page.end {
                    break;
                }
            }
            assert_eq!(found, entries.iter().map(VerifiedEntry::id).collect::<Vec<_>>());
            for entry in &entries {
                let item = store.get_one(&cx(), entry.id()).await.unwrap();
                assert_eq!(item, bulla_core::values::GetItem::Entry(entry.clone()));
            }
        };
        pull(&good).await;
        // Twice more, so that what was in the log reaches table files.
        pull(&good).await;
        pull(&good).await;
        let names: Vec<PathBuf> = files(&good)
            .into_iter()
            .map(|file| file.strip_prefix(&good).unwrap().to_owned())
            .filter(|name| !matches!(name.to_str(), Some("format" | "lock")))
            .filter(|name| good.join(name).metadata().unwrap().len() > 0)
            .collect();
        assert!(names.iter().any(|name| name.extension().is_some_and(|ending| ending == "sst")));
        for name in names {
            let len = usize::try_from(good.join(&name).metadata().unwrap().len()).unwrap();
            for place in [0, len / 2, len - 1] {
                let bad = home.path().join("bad");
                copy_folder(&good, &bad);
                flip(&bad.join(&name), place);
                pull(&bad).await;
                std::fs::remove_dir_all(&bad).unwrap();
            }
            // Gone altogether.
            let bad = home.path().join("bad");
            copy_folder(&good, &bad);
            std::fs::remove_file(bad.join(&name)).unwrap();
            pull(&bad).await;
            std::fs::remove_dir_all(&bad).unwrap();
        }
    });
}

/// Damage that shows while the cache is open: it answers as an empty one, and keeps again afterwards.
/// Clauses: DISK-22.
pub(crate) fn damage_found_in_use_begins_the_cache_anew() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let world = world(4);
        let space = world.space();
        let entries = small(&mut world.author(0), 2_000);
        let ids: Vec<_> = entries.iter().map(VerifiedEntry::id).collect();
        let batch = || entries.iter().map(|entry| kept(entry.clone(), 0)).collect::<Vec<_>>();
        drop({
            let storage = cache(folder.path(), 4 * MIB);
            storage.keep(&space, batch()).await.unwrap();
            storage
        });
        // Opened once more, so that the log is in table files; nothing of them is in memory yet.
        let storage = cache(folder.path(), 4 * MIB);
        let tables = files(folder.path());
        let tables = tables.iter().filter(|path| path.extension().is_some_and(|end| end == "sst"));
        for table in tables {
            let len = usize::try_from(table.metadata().unwrap().len()).unwrap();
            for place in (0..len.saturating_sub(1_500)).step_by(512) {
                flip(table, place);
            }
        }
        let found = storage.get(&space, &ids[..200], CachedPart::Whole, u32::MAX).await.unwrap();
        assert_eq!(found.len(), 200);
        assert!(found.iter().all(Option::is_none), "nothing of it can be trusted");
        storage.keep(&space, batch()).await.unwrap();
        let found = storage.get(&space, &ids[..200], CachedPart::Whole, u32::MAX).await.unwrap();
        assert_eq!(found.iter().flatten().count(), 200, "kept anew");
        assert_eq!(all_ids(&storage, space).await.len(), 2_000);
    });
}

/// Clauses: DISK-2, DISK-20.
pub(crate) fn cache_folders_are_locked_and_marked() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("cache");
    let storage = cache(&folder, MIB);
    let refused = DiskCacheStorage::open(&folder, options(MIB)).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused:?}");
    drop(storage);

    std::fs::write(folder.join("format"), "bulla cache 2\n").unwrap();
    let refused = DiskCacheStorage::open(&folder, options(MIB)).unwrap_err();
    assert!(
        matches!(refused, OpenError::NewerFormat { what: "cache", found: 2, known: 1, .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("cache format 2"), "{refused}");
    std::fs::write(folder.join("format"), "bulla cache 1\n").unwrap();
    drop(cache(&folder, MIB));

    // Neither is taken for the other.
    let store = home.path().join("store");
    drop(open(&store));
    let refused = DiskCacheStorage::open(&store, options(MIB)).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { what: "cache", .. }), "{refused:?}");
    let refused = crate::support::open_with(&folder, crate::support::options()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { what: "store", .. }), "{refused:?}");
}

/// Clauses: DISK-22.
pub(crate) fn nothing_is_kept_while_the_device_is_nearly_full() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let world = world(6);
        let space = world.space();
        let entries = small(&mut world.author(0), 2);
        let storage = cache(folder.path(), MIB);
        storage.keep(&space, vec![kept(entries[0].clone(), 0)]).await.unwrap();
        drop(storage);
        let greedy = options(MIB).with_low_water_bytes(u64::MAX);
        let storage = DiskCacheStorage::open(folder.path(), greedy).unwrap();
        let refused = storage.keep(&space, vec![kept(entries[1].clone(), 0)]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Full), "{refused:?}");
        let held: HashSet<EntryId> = all_ids(&storage, space).await.into_iter().collect();
        assert_eq!(held, HashSet::from([entries[0].id()]), "reads go on, and nothing was lost");
        storage.evict(&space, &[entries[0].id()]).await.unwrap();
        assert_eq!(all_ids(&storage, space).await, [], "what must go, goes");
    });
}
