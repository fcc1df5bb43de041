//! Random operations and restarts, compared with a memory store that gets the same ones.

use bulla_conformance::suite::author::{Draft, header_of, whole};
use bulla_core::values::{GetRequest, Head, Rule, ScanRequest};
use bulla_core::{Code, Lineage, SetDigest, Verified, VerifiedEntry};
use bulla_store::{
    ContentAddressedStore, Erasable, Erasure, Judged, Judgement, KeptTotals, Mark, MemoryStore,
    Place, Quarantine, QuarantineBounds,
};
use bulla_store_rocksdb::{DiskOptions, DiskStore};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{assert_clean, cx, open, open_with, options, runtime, world};

/// Entries that operations name by number.
const POOL: usize = 24;

#[derive(Debug, Clone)]
enum Operation {
    Put {
        entries: Vec<usize>,
        headers_only: Vec<usize>,
    },
    Erase {
        entries: Vec<usize>,
        is_prune: bool,
        by: usize,
    },
    /// Under the rule *directory* from here on.
    Rule,
    PutJudged {
        entries: Vec<usize>,
        headers_only: Vec<usize>,
        marks: Vec<u8>,
    },
    Mark {
        entries: Vec<usize>,
        marks: Vec<u8>,
        by: Option<u8>,
    },
    Keep {
        entries: Vec<usize>,
        headers_only: Vec<usize>,
        codes: Vec<u8>,
    },
    Release {
        entries: Vec<usize>,
    },
    DropKept {
        entries: Vec<usize>,
    },
    Restore {
        entries: Vec<usize>,
    },
    Reopen,
    OpenCopy,
    Compact,
}

fn operation() -> impl Strategy<Value = Operation> {
    let some = || prop::collection::vec(0..POOL, 0..8);
    let marks = || prop::collection::vec(0..3_u8, 16);
    prop_oneof![
        3 => Just(Operation::Rule),
        4 => (some(), some(), marks())
            .prop_map(|(entries, headers_only, marks)| Operation::PutJudged { entries, headers_only, marks }),
        4 => (some(), marks(), prop::option::of(any::<u8>()))
            .prop_map(|(entries, marks, by)| Operation::Mark { entries, marks, by }),
        4 => (some(), some(), marks())
            .prop_map(|(entries, headers_only, codes)| Operation::Keep { entries, headers_only, codes }),
        1 => some().prop_map(|entries| Operation::Release { entries }),
        2 => some().prop_map(|entries| Operation::DropKept { entries }),
        2 => some().prop_map(|entries| Operation::Restore { entries }),
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

/// So small that random operations meet every bound.
fn bounds() -> QuarantineBounds {
    QuarantineBounds {
        author: KeptTotals { entries: 6, bytes: 60_000 },
        all: KeptTotals { entries: 8, bytes: 100_000 },
    }
}

fn mark(number: u8) -> Mark {
    match number {
        0 => Mark::Counts,
        1 => Mark::Not(Code::new("directory.cut")),
        _ => Mark::Not(Code::new("directory.stranger")),
    }
}

fn code(number: u8) -> Code {
    Code::new(if number == 0 { "directory.no_right" } else { "directory.stranger" })
}

fn batch(pool: &[VerifiedEntry], entries: &[usize], headers_only: &[usize]) -> Vec<Verified> {
    let mut batch: Vec<Verified> = whole(entries.iter().map(|&at| &pool[at]));
    batch.extend(headers_only.iter().map(|&at| Verified::from(header_of(&pool[at]))));
    batch
}

/// The answer, or the code of the error.
fn answer<T>(answer: bulla_store::Result<T>) -> Result<T, Code> {
    answer.map_err(|error| error.code())
}

/// What is judged and kept is the same on both.
async fn check_judged(disk: &DiskStore, model: &MemoryStore, pool: &[VerifiedEntry]) {
    let cx = cx();
    assert_eq!(disk.rule(&cx).await.unwrap(), model.rule(&cx).await.unwrap());
    assert_eq!(disk.judged_by(&cx).await.unwrap(), model.judged_by(&cx).await.unwrap());
    assert_eq!(disk.marked(&cx, 0, 100).await.unwrap(), model.marked(&cx, 0, 100).await.unwrap());
    assert_eq!(disk.kept(&cx, None, 100).await.unwrap(), model.kept(&cx, None, 100).await.unwrap());
    assert_eq!(disk.kept_totals(&cx).await.unwrap(), model.kept_totals(&cx).await.unwrap());
    let ids: Vec<_> = pool.iter().map(VerifiedEntry::id).collect();
    assert_eq!(disk.facts(&cx, &ids).await.unwrap(), model.facts(&cx, &ids).await.unwrap());
    let (on_disk, expected) = (
        disk.kept_entries(&cx, &ids, u32::MAX).await.unwrap(),
        model.kept_entries(&cx, &ids, u32::MAX).await.unwrap(),
    );
    assert_eq!(on_disk, expected);
    let author = pool[1].header().author;
    for after in [Place::default(), Place { sequence: 3, receipt: 5 }] {
        assert_eq!(
            disk.authored(&cx, author, after, 7).await.unwrap(),
            model.authored(&cx, author, after, 7).await.unwrap()
        );
    }
}

/// Everything but the histories, which differ between two stores.
fn comparable(head: Head) -> Head {
    Head { lineage: Lineage::ZERO, log_hash: bulla_core::LogHash::ZERO, ..head }
}

pub(crate) fn random_operations_match_the_model() {
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let pool = pool();
    let runtime = runtime();
    runner
        .run(&prop::collection::vec(operation(), 1..24), |operations| {
            runtime.block_on(check(&pool, &operations));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

async fn check(pool: &[VerifiedEntry], operations: &[Operation]) {
    let folder = tempfile::tempdir().unwrap();
    let space = world(11).space();
    // Digests written down every three receipts, so that rolling them forward is part of the game.
    let options = DiskOptions { checkpoint_every: 3, quarantine: bounds(), ..options() };
    let mut spaces = open_with(folder.path(), options.clone()).unwrap();
    let mut disk = spaces.create_disk_store(space).await.unwrap();
    let model = MemoryStore::with_quarantine(space, Lineage([1; 16]), bounds());
    for operation in operations {
        match operation {
            Operation::Put { entries, headers_only } => {
                let batch = batch(pool, entries, headers_only);
                let on_disk = disk.put(&cx(), batch.clone()).await.unwrap().outcomes;
                assert_eq!(on_disk, model.put(&cx(), batch).await.unwrap().outcomes);
            }
            Operation::Erase { entries, is_prune, by } => {
                let ids = entries.iter().map(|&at| pool[at].id()).collect();
                let erasure = Erasure { by: pool[*by].id(), is_prune: *is_prune, ids };
                let on_disk = disk.erase(&cx(), erasure.clone()).await.unwrap();
                assert_eq!(on_disk, model.erase(&cx(), erasure).await.unwrap());
            }
            Operation::Rule => {
                disk.set_rule(&cx(), Rule::Directory).await.unwrap();
                model.set_rule(&cx(), Rule::Directory).await.unwrap();
            }
            Operation::PutJudged { entries, headers_only, marks } => {
                let marks = marks.iter().map(|number| mark(*number));
                let batch: Vec<_> =
                    batch(pool, entries, headers_only).into_iter().zip(marks).collect();
                let on_disk = disk.put_judged(&cx(), batch.clone()).await.map(|put| put.outcomes);
                let expected = model.put_judged(&cx(), batch).await.map(|put| put.outcomes);
                assert_eq!(answer(on_disk), answer(expected));
            }
            Operation::Mark { entries, marks, by } => {
                let marks =
                    entries.iter().zip(marks).map(|(&at, number)| (pool[at].id(), mark(*number)));
                let judgement =
                    Judgement { marks: marks.collect(), by: by.map(|by| SetDigest([by; 32])) };
                let on_disk = disk.mark(&cx(), judgement.clone()).await;
                assert_eq!(answer(on_disk), answer(model.mark(&cx(), judgement).await));
            }
            Operation::Keep { entries, headers_only, codes } => {
                let codes = codes.iter().map(|number| code(*number));
                let batch: Vec<_> =
                    batch(pool, entries, headers_only).into_iter().zip(codes).collect();
                let on_disk = disk.keep(&cx(), batch.clone()).await.unwrap();
                assert_eq!(on_disk, model.keep(&cx(), batch).await.unwrap());
            }
            Operation::Release { entries } => {
                let ids: Vec<_> = entries.iter().map(|&at| pool[at].id()).collect();
                let on_disk = disk.release(&cx(), &ids).await.unwrap();
                assert_eq!(on_disk, model.release(&cx(), &ids).await.unwrap());
            }
            Operation::DropKept { entries } => {
                let ids: Vec<_> = entries.iter().map(|&at| pool[at].id()).collect();
                let on_disk = disk.drop_payloads(&cx(), &ids).await.unwrap();
                assert_eq!(on_disk, model.drop_payloads(&cx(), &ids).await.unwrap());
            }
            Operation::Restore { entries } => {
                let ids: Vec<_> = entries.iter().map(|&at| pool[at].id()).collect();
                let on_disk = disk.restore(&cx(), &ids).await.unwrap();
                assert_eq!(on_disk, model.restore(&cx(), &ids).await.unwrap());
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
                let store = copy.disk_store(space).await.unwrap();
                let head = store.head(&cx()).await.unwrap();
                assert_eq!(comparable(head), comparable(model.head(&cx()).await.unwrap()));
                check_judged(&store, &model, pool).await;
                assert_clean(&copy).await;
            }
            Operation::Compact => drop(spaces.compact().await.unwrap()),
        }
        let (head, expected) = (disk.head(&cx()).await.unwrap(), model.head(&cx()).await.unwrap());
        assert_eq!(comparable(head), comparable(expected));
        check_judged(&disk, &model, pool).await;
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
