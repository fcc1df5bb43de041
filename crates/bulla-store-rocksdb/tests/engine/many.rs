//! Many writers, many spaces, and what they share.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla_conformance::suite::author::{Author, Draft, whole};
use bulla_core::values::{Durability, PutOutcome, ScanRequest};
use bulla_store::{ContentAddressedStore, Erasable, Erasure, Spaces, StoreError};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces};
use futures_util::StreamExt;

use crate::support::{
    TestClock, assert_clean, cx, mixed, open, open_with, options, put, runtime, scan_all, small,
    space_number, world,
};

/// Between two looks at something that the writer does; longer than an interval of the tests.
const LOOK: Duration = Duration::from_millis(100);
/// Looks before it has failed: five minutes, for the slowest machine.
const LOOKS: u64 = 3_000;

/// Receipts become visible in order and whole commits at a time (DISK-16).
pub(crate) fn writers_share_syncs_and_see_receipts_in_order() {
    const WRITERS: u64 = 32;
    const EACH: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(12);
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let before = spaces.status();
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (store, entries) = (store.clone(), small(&mut world.author(number), EACH));
                tokio::spawn(async move {
                    let mut receipts = Vec::new();
                    for entry in &entries {
                        let [PutOutcome::Stored(receipt)] =
                            put(&store, std::slice::from_ref(entry)).await[..]
                        else {
                            panic!("a new entry is stored");
                        };
                        // What was acknowledged is visible, and so is everything before it.
                        assert!(store.head(&cx()).await.unwrap().last_receipt >= receipt);
                        receipts.push(receipt);
                    }
                    receipts
                })
            })
            .collect();
        let reader = {
            let store = store.clone();
            tokio::spawn(async move {
                let mut request = ScanRequest::everything();
                let mut seen = 0;
                while seen < WRITERS * EACH {
                    let page = store.scan(&cx(), request.clone()).await.unwrap();
                    for item in &page.items {
                        seen += 1;
                        assert_eq!(item.receipt, seen, "no receipt is seen before a smaller one");
                    }
                    request.after = Some(page.cursor);
                    tokio::task::yield_now().await;
                }
            })
        };
        let mut receipts = HashSet::new();
        for writer in writers {
            let own = writer.await.unwrap();
            assert!(own.is_sorted());
            receipts.extend(own);
        }
        reader.await.unwrap();
        assert_eq!(receipts.len() as u64, WRITERS * EACH, "no receipt is given twice");
        let after = spaces.status();
        let (commits, fsyncs) = (after.commits - before.commits, after.fsyncs - before.fsyncs);
        assert!(commits < WRITERS * EACH, "{commits} commits for {} puts", WRITERS * EACH);
        assert!(fsyncs >= commits, "every commit is synced");
        assert_clean(&spaces).await;
    });
}

pub(crate) fn spaces_in_use_are_bounded_and_lose_nothing() {
    const SPACES: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions { active_bytes: 200_000, durability: Durability::None, ..options() };
    runtime().block_on(async {
        let spaces = open_with(folder.path(), options.clone()).unwrap();
        let mut heads = Vec::new();
        for number in 0..SPACES {
            let space = space_number(number);
            let store = spaces.create_disk_store(space).await.unwrap();
            let mut author = Author::new([3; 32], space);
            for _ in 0..2 {
                put(&store, &small(&mut author, 2)).await;
                heads.push((space, store.head(&cx()).await.unwrap()));
            }
            assert!(spaces.spaces_in_use() <= 40, "{} spaces in memory", spaces.spaces_in_use());
        }
        // Digests of spaces that left memory come back as they were.
        let newest = heads.iter().skip(1).step_by(2);
        for (space, head) in newest.clone() {
            assert_eq!(spaces.disk_store(*space).await.unwrap().head(&cx()).await.unwrap(), *head);
        }
        drop(spaces);
        let spaces = open_with(folder.path(), options).unwrap();
        for (space, head) in newest {
            assert_eq!(spaces.disk_store(*space).await.unwrap().head(&cx()).await.unwrap(), *head);
        }
        let page = spaces.list(&cx(), Some(space_number(99)), 150).await.unwrap();
        assert_eq!((page.spaces.len(), page.end), (150, false));
        assert_eq!(page.spaces[0], space_number(100));
        assert_clean(&spaces).await;
    });
}

pub(crate) fn large_put_does_not_starve_small_ones() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let spaces = open(folder.path());
        let (large, little) = (world(13), world(14));
        let big_store = spaces.create_disk_store(large.space()).await.unwrap();
        let small_store = spaces.create_disk_store(little.space()).await.unwrap();
        let mut author = large.author(0);
        let draft = |content| Draft { payload_bytes: 1_000_000, content, ..Draft::default() };
        let big: Vec<_> = (0..15).map(|n| author.write(draft(n)).unwrap()).collect();
        let batch = whole(&big);
        let putting = {
            let store = big_store.clone();
            tokio::spawn(async move { store.put(&cx(), batch).await.unwrap() })
        };
        // 15 MB take four commits or more; whoever comes meanwhile is in the next one.
        put(&small_store, &small(&mut little.author(0), 1)).await;
        let report = putting.await.unwrap();
        assert!(report.outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Stored(_))));
        assert!(spaces.status().commits >= 6, "at most 4 MiB a commit");
        assert_eq!(scan_all(&big_store).await.len(), 15);
        assert_clean(&spaces).await;
    });
}

pub(crate) fn interval_syncs_rarely_and_answers_after() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    clock.monotonic_ms.store(1_000_000, Ordering::Relaxed);
    runtime().block_on(async {
        let options = options().with_durability(Durability::Interval(20));
        let spaces = DiskSpaces::open(folder.path(), options, Arc::clone(&clock) as _).unwrap();
        let world = world(15);
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        assert_eq!(store.status(&cx()).await.unwrap().durability, Durability::Interval(20));
        let puts = small(&mut world.author(0), 10).into_iter().map(|entry| {
            let store = store.clone();
            tokio::spawn(async move { put(&store, &[entry]).await })
        });
        let puts: Vec<_> = puts.collect();
        // The interval since the commit that made the space has not passed by this clock, so nothing is answered or seen.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        assert!(puts.iter().all(|put| !put.is_finished()));
        assert_eq!(store.head(&cx()).await.unwrap().last_receipt, 0);
        let commits = spaces.status().commits;
        // On a busy machine some come only after the interval has ended, and wait for the next one.
        let mut answers = Box::pin(futures_util::future::join_all(puts));
        let mut intervals = 0;
        let outcomes = loop {
            clock.monotonic_ms.fetch_add(20, Ordering::Relaxed);
            intervals += 1;
            if let Ok(outcomes) = tokio::time::timeout(LOOK, &mut answers).await {
                break outcomes;
            }
            assert!(intervals < LOOKS, "they are never answered");
        };
        for outcomes in outcomes {
            assert!(matches!(outcomes.unwrap()[..], [PutOutcome::Stored(_)]));
        }
        let commits = spaces.status().commits - commits;
        assert!((1..=intervals).contains(&commits), "{commits} commits in {intervals} intervals");
        assert_eq!(scan_all(&store).await.len(), 10);
    });
}

/// Clauses: DISK-7.
pub(crate) fn digests_are_written_down_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions { checkpoint_every: 50, durability: Durability::None, ..options() };
    runtime().block_on(async {
        let world = world(16);
        let spaces = open_with(folder.path(), options.clone()).unwrap();
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let mut author = world.author(0);
        for _ in 0..40 {
            put(&store, &small(&mut author, 7)).await;
        }
        let head = store.head(&cx()).await.unwrap();
        let model: bulla_core::SetHash = scan_all(&store).await.iter().map(|(id, _)| id).collect();
        assert_eq!(head.held.digest, model.digest());
        // Without an orderly close: a copy of the folder as it lies there.
        let copy = tempfile::tempdir().unwrap();
        spaces.settle().await.unwrap();
        crate::support::copy_folder(folder.path(), copy.path());
        let other = open_with(copy.path(), options).unwrap();
        assert_eq!(other.disk_store(world.space()).await.unwrap().head(&cx()).await.unwrap(), head);
        assert_clean(&other).await;
    });
}

pub(crate) fn closed_store_answers_and_ends_watchers() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(17);
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let entries = mixed(&mut world.author(0), 3);
        let mut heads = store.watch(&cx()).await.unwrap();
        assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 0);
        put(&store, &entries).await;
        assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 3);
        spaces.close().await;
        assert!(heads.next().await.is_none(), "a watch ends when the store is closed");
        let refused = store.put(&cx(), whole(&entries)).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Unavailable { code, .. } if code.as_str() == "store.closed"));
        assert_eq!(scan_all(&store).await.len(), 3, "reads go on");
        drop((store, spaces));
        // The stream is still held, and does not hold the store.
        open(folder.path());
        drop(heads);
    });
}

pub(crate) fn erased_bytes_leave_the_disk_with_compaction() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(18);
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let entries = mixed(&mut world.author(0), 10);
        put(&store, &entries).await;
        let ids = entries.iter().map(bulla_core::VerifiedEntry::id).collect();
        let by = world.genesis().id();
        store.erase(&cx(), Erasure { by, is_prune: false, ids }).await.unwrap();
        // The first compaction moves the log into table files, the second drops what the first had to keep beside it.
        for _ in 0..2 {
            let report = spaces.compact().await.unwrap();
            assert!(report.after_bytes > 0);
        }
        drop((store, spaces));
        // The engine deletes files it no longer needs when it opens or closes, at the latest.
        drop(open(folder.path()));
        let payloads: Vec<&[u8]> = entries.iter().map(|entry| &entry.payload()[..16]).collect();
        for file in std::fs::read_dir(folder.path().join("db")).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            for payload in &payloads {
                let found = bytes.windows(16).any(|window| window == *payload);
                assert!(!found, "an erased payload is still in {}", path.display());
            }
        }
    });
}

/// A space goes while many write to it: each is told, either what was stored or that there is no such space.
pub(crate) fn removal_answers_every_put_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(13);
        let spaces = open(folder.path());
        let mut author = world.author(0);
        for _ in 0..5 {
            let store = spaces.create_disk_store(world.space()).await.unwrap();
            let put_one = |entry| {
                let store = store.clone();
                tokio::spawn(async move { store.put(&cx(), whole([&entry])).await })
            };
            let before: Vec<_> = small(&mut author, 20).into_iter().map(put_one).collect();
            let removal = {
                let (spaces, space) = (spaces.clone(), world.space());
                tokio::spawn(async move { spaces.remove(&cx(), space).await })
            };
            let after: Vec<_> = small(&mut author, 20).into_iter().map(put_one).collect();
            assert!(removal.await.unwrap().unwrap());
            for put in before.into_iter().chain(after) {
                match put.await.unwrap() {
                    Ok(report) => assert!(
                        matches!(report.outcomes[..], [PutOutcome::Stored(_)]),
                        "{report:?}"
                    ),
                    Err(error) => assert!(matches!(error, StoreError::NotServed(_)), "{error:?}"),
                }
            }
            assert_clean(&spaces).await;
        }
    });
}
