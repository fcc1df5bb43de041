//! Random operations and restarts, compared with a memory store that gets the same ones.

use bulla_conformance::suite::author::{Draft, header_of, whole};
use bulla_core::values::{GetRequest, Head, ScanRequest};
use bulla_core::{Lineage, Verified, VerifiedEntry};
use bulla_store::{ContentAddressedStore, Erasable, Erasure, MemoryStore};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{assert_clean, cx, open, open_with, options, runtime, world};

/// Entries that operations name by number.
const POOL: usize = 24;

#[derive(Debug, Clone)]
enum Operation {
    Put { entries: Vec<usize>, headers_only: Vec<usize> },
    Erase { entries: Vec<usize>, is_prune: bool, by: usize },
    Reopen,
    OpenCopy,
    Compact,
}

fn operation() -> impl Strategy<Value = Operation> {
    let some = || prop::collection::vec(0..POOL, 0..8);
    prop_oneof![
        6 => (some(), some()).prop_map(|(entries, headers_only)| Operation::Put { entries, headers_only }),
        2 => (some(), any::<bool>(), 0..POOL)
            .prop_map(|(entries, is_prune, by)| Operation::Erase { entries, is_prune, by }),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::OpenCopy),
        1 => Just(Operation::Compact),
    ]
}

/// Twenty-four entries: payloads of several sizes, some shared by two entries, and the genesis.
fn pool() -> Vec<VerifiedEntry> {
    const SIZES: [usize; 6] = [16, 700, 16 * 1024, 16 * 1024 + 1, 30_000, 30_000];
    let world = world(11);
    let mut author = world.author(0);
    let mut pool = vec![world.genesis().clone()];
    pool.extend((1..POOL).map(|n| {
        let draft = Draft {
            payload_bytes: SIZES[n % SIZES.len()],
            content: (n / 8) as u64,
            ..Draft::default()
        };
        author.write(draft).unwrap()
    }));
    pool
}

/// Everything but the histories, which differ between two stores.
fn comparable(head: Head) -> Head {
    Head { lineage: Lineage::ZERO, log_hash: bulla_core::LogHash::ZERO, ..head }
}

pub(crate) fn random_operations_match_the_model() {
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let pool = pool();
    let runtime = runtime();
    runner
        .run(&prop::collection::vec(operation(), 1..20), |operations| {
            runtime.block_on(check(&pool, &operations));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

async fn check(pool: &[VerifiedEntry], operations: &[Operation]) {
    let folder = tempfile::tempdir().unwrap();
    let space = world(11).space();
    // Digests written down every three receipts, so that rolling them forward is part of the game.
    let options = bulla_store_rocksdb::DiskOptions { checkpoint_every: 3, ..options() };
    let mut spaces = open_with(folder.path(), options.clone()).unwrap();
    let mut disk = spaces.create_disk_store(space).await.unwrap();
    let model = MemoryStore::new(space).unwrap();
    for operation in operations {
        match operation {
            Operation::Put { entries, headers_only } => {
                let mut batch: Vec<Verified> = whole(entries.iter().map(|&at| &pool[at]));
                batch.extend(headers_only.iter().map(|&at| Verified::from(header_of(&pool[at]))));
                let on_disk = disk.put(&cx(), batch.clone()).await.unwrap().outcomes;
                assert_eq!(on_disk, model.put(&cx(), batch).await.unwrap().outcomes);
            }
            Operation::Erase { entries, is_prune, by } => {
                let ids = entries.iter().map(|&at| pool[at].id()).collect();
                let erasure = Erasure { by: pool[*by].id(), is_prune: *is_prune, ids };
                let on_disk = disk.erase(&cx(), erasure.clone()).await.unwrap();
                assert_eq!(on_disk, model.erase(&cx(), erasure).await.unwrap());
            }
            Operation::Reopen => {
                drop((disk, spaces));
                spaces = open_with(folder.path(), options.clone()).unwrap();
                disk = spaces.disk_store(space).await.unwrap();
            }
            Operation::OpenCopy => {
                // What lies on disk while the store is open is whole as well: a backup is an equal store.
                let to = tempfile::tempdir().unwrap();
                let to = to.path().join("backup");
                spaces.backup(&to).await.unwrap();
                let copy = open(&to);
                let head = copy.disk_store(space).await.unwrap().head(&cx()).await.unwrap();
                assert_eq!(comparable(head), comparable(model.head(&cx()).await.unwrap()));
                assert_clean(&copy).await;
            }
            Operation::Compact => drop(spaces.compact().await.unwrap()),
        }
        let (head, expected) = (disk.head(&cx()).await.unwrap(), model.head(&cx()).await.unwrap());
        assert_eq!(comparable(head), comparable(expected));
    }
    let request =
        GetRequest { ids: pool.iter().map(VerifiedEntry::id).collect(), max_bytes: u32::MAX };
    assert_eq!(
        disk.get(&cx(), request.clone()).await.unwrap(),
        model.get(&cx(), request.clone()).await.unwrap()
    );
    assert_eq!(
        disk.has(&cx(), &request.ids).await.unwrap(),
        model.has(&cx(), &request.ids).await.unwrap()
    );
    let everything = ScanRequest::everything();
    let (on_disk, expected) = (
        disk.scan(&cx(), everything.clone()).await.unwrap(),
        model.scan(&cx(), everything).await.unwrap(),
    );
    assert_eq!((on_disk.items, on_disk.end), (expected.items, expected.end));
    assert_clean(&spaces).await;
}
