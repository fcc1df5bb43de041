//! What counts, and what is kept of what was refused, as it lies on the disk.

use bulla_core::values::{Head, Rule};
use bulla_core::{Code, Lineage, LogHash, SetDigest, Verified, VerifiedEntry};
use bulla_store::{
    ContentAddressedStore, Facts, Judged, Judgement, Kept, KeptFacts, KeptTotals, Mark, Quarantine,
    QuarantineBounds, Spaces, StoreError,
};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces, DiskStore, restore};

use crate::support::{assert_clean, cx, mixed, open, open_with, options, runtime, small, world};

const BY: SetDigest = SetDigest([0xd1; 32]);

fn code() -> Code {
    Code::new("directory.cut")
}

fn given(entries: &[VerifiedEntry]) -> Vec<(Verified, Code)> {
    entries.iter().map(|entry| (entry.clone().into(), code())).collect()
}

/// Ten entries of which every third does not count, judged by `BY`, and five in quarantine.
async fn judged(spaces: &DiskSpaces) -> DiskStore {
    let world = world(0x51);
    let store = spaces.create_disk_store(world.space()).await.unwrap();
    store.set_rule(&cx(), Rule::Directory).await.unwrap();
    let marks = (0..10).map(|n| if n % 3 == 0 { Mark::Not(code()) } else { Mark::Counts });
    let entries = mixed(&mut world.author(0), 10);
    let batch = entries.iter().cloned().map(Verified::from).zip(marks).collect();
    store.put_judged(&cx(), batch).await.unwrap();
    store.mark(&cx(), Judgement { marks: Vec::new(), by: Some(BY) }).await.unwrap();
    store.keep(&cx(), given(&mixed(&mut world.author(1), 5))).await.unwrap();
    store
}

type Seen = (Head, Vec<Facts>, Option<SetDigest>, Vec<KeptFacts>);

/// Everything that is judged and kept, without the history.
async fn seen(store: &DiskStore) -> Seen {
    let head = store.head(&cx()).await.unwrap();
    let head = Head { lineage: Lineage::ZERO, log_hash: LogHash::ZERO, ..head };
    let marked = store.marked(&cx(), 0, 100).await.unwrap().facts;
    let by = store.judged_by(&cx()).await.unwrap();
    (head, marked, by, store.kept(&cx(), None, 100).await.unwrap().facts)
}

/// Clauses: MARK-7, QUAR-3, DISK-12, DISK-13.
pub(crate) fn marks_and_quarantine_outlive_backup_restore_and_new_lineage() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (backup, restored) = (to.path().join("backup"), to.path().join("restored"));
    runtime().block_on(async {
        let spaces = open(folder.path());
        let store = judged(&spaces).await;
        let (before, lineage) = (seen(&store).await, store.head(&cx()).await.unwrap().lineage);
        assert_eq!((before.1.len(), before.2, before.3.len()), (4, Some(BY), 5));
        spaces.backup(&backup).await.unwrap();
        restore(&backup, &restored).unwrap();
        let copy = open(&restored);
        let store = copy.disk_store(world(0x51).space()).await.unwrap();
        assert_eq!(seen(&store).await, before);
        assert_ne!(store.head(&cx()).await.unwrap().lineage, lineage);
        assert_clean(&copy).await;
        // And both go on.
        let marks = vec![(before.1[0].id, Mark::Counts)];
        store.mark(&cx(), Judgement { marks, by: None }).await.unwrap();
        assert_eq!(seen(&store).await.1.len(), 3);
        assert_clean(&copy).await;
    });
}

/// Clauses: SPACES-4, QUAR-1.
pub(crate) fn removed_space_leaves_no_marks_and_nothing_in_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let spaces = open(folder.path());
        let store = judged(&spaces).await;
        let other = spaces.create_disk_store(world(0x52).space()).await.unwrap();
        other.keep(&cx(), given(&small(&mut world(0x52).author(0), 1))).await.unwrap();
        assert!(spaces.remove(&cx(), world(0x51).space()).await.unwrap());
        let gone = store.marked(&cx(), 0, 1).await.unwrap_err();
        assert!(matches!(gone, StoreError::NotServed(_)), "{gone}");
        let again = spaces.create_disk_store(world(0x51).space()).await.unwrap();
        let (head, marked, by, kept) = seen(&again).await;
        assert_eq!((head.held.count, marked, by, kept), (0, Vec::new(), None, Vec::new()));
        assert_eq!(again.rule(&cx()).await.unwrap(), Rule::All);
        assert_eq!(
            other.kept_totals(&cx()).await.unwrap().entries,
            1,
            "another space keeps its own"
        );
        assert_clean(&spaces).await;
    });
}

/// Clauses: QUAR-4.
pub(crate) fn full_quarantine_is_an_impairment_until_something_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = QuarantineBounds {
        author: KeptTotals { entries: 2, bytes: u64::MAX },
        all: KeptTotals { entries: 3, bytes: u64::MAX },
    };
    let options = DiskOptions { quarantine: bounds, ..options() };
    runtime().block_on(async {
        let spaces = open_with(folder.path(), options).unwrap();
        let world = world(0x53);
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let (one, two) = (small(&mut world.author(0), 3), small(&mut world.author(1), 2));
        let codes = |kept: Vec<Kept>| -> Vec<Option<String>> {
            let code = |kept| match kept {
                Kept::Refused(refusal) => {
                    assert!(refusal.is_retryable);
                    Some(refusal.code.to_string())
                }
                Kept::Kept | Kept::Already | Kept::Held(_) => None,
            };
            kept.into_iter().map(code).collect()
        };
        let full = |code: &str| Some(code.to_owned());
        let impairments = || async { store.status(&cx()).await.unwrap().impairments };
        let commits = || spaces.status().commits;
        let kept = store.keep(&cx(), given(&one)).await.unwrap();
        assert_eq!(codes(kept), [None, None, full("quarantine.author_full")]);
        assert_eq!(impairments().await, []);
        let kept = store.keep(&cx(), given(&two)).await.unwrap();
        assert_eq!(codes(kept), [None, full("quarantine.full")]);
        assert_eq!(impairments().await, [Code::new("quarantine.full")]);
        let before = commits();
        let kept = store.keep(&cx(), given(&two[1..])).await.unwrap();
        assert_eq!(codes(kept), [full("quarantine.full")]);
        assert_eq!(commits(), before, "what is refused costs no commit");
        assert_eq!(store.release(&cx(), &[one[0].id()]).await.unwrap(), 1);
        assert_eq!(impairments().await, []);
        let kept = store.keep(&cx(), given(&two[1..])).await.unwrap();
        assert_eq!(codes(kept), [None]);
        assert_clean(&spaces).await;
    });
}

/// Clauses: DISK-15.
pub(crate) fn nearly_full_device_keeps_nothing_more_and_still_judges() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        drop(judged(&open(folder.path())).await);
        let spaces = open_with(folder.path(), options().with_low_water_bytes(u64::MAX)).unwrap();
        let store = spaces.disk_store(world(0x51).space()).await.unwrap();
        let before = seen(&store).await;
        let full =
            store.keep(&cx(), given(&small(&mut world(0x51).author(2), 1))).await.unwrap_err();
        assert!(matches!(full, StoreError::Full), "{full}");
        assert_eq!(seen(&store).await, before);
        let marks = vec![(before.1[0].id, Mark::Counts)];
        assert_eq!(store.mark(&cx(), Judgement { marks, by: None }).await.unwrap().changed, 1);
        assert_eq!(store.release(&cx(), &[before.3[0].id]).await.unwrap(), 1);
    });
}

/// Clauses: MARK-5, DISK-7.
pub(crate) fn judgements_that_change_nothing_cost_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let spaces = open(folder.path());
        let store = judged(&spaces).await;
        let marked = store.marked(&cx(), 0, 100).await.unwrap().facts;
        let before = spaces.status().commits;
        let marks = marked.iter().map(|facts| (facts.id, facts.mark.clone())).collect();
        let report = store.mark(&cx(), Judgement { marks, by: Some(BY) }).await.unwrap();
        assert_eq!((report.changed, report.unchanged), (0, 4));
        store.set_rule(&cx(), Rule::Directory).await.unwrap();
        assert_eq!(spaces.status().commits, before);
    });
}
