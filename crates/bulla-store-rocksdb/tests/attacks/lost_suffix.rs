//! A log that lost its end, or was changed: never a torn commit, and a loss of what was durable is noticed, said, and
//! answered with new lineages.

use std::fs::{self, File};
use std::path::Path;

use bulla_core::values::{Cursor, ScanRequest};
use bulla_core::{EntryId, VerifiedEntry};
use bulla_store::{ContentAddressedStore, CursorRefusal, StoreError};
use bulla_store_rocksdb::DiskSpaces;
use tempfile::TempDir;

use crate::support::{
    assert_clean, copy_folder, cx, flip, is_impaired, mixed, newest_log, open, open_with, options,
    put, runtime, scan_all, small, world,
};

const BATCH: u64 = 7;

/// A closed store with some commits in its log, the entries, and the cursor at its end.
fn written(batches: u64) -> (TempDir, Vec<VerifiedEntry>, Cursor) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world(3).space()).await.unwrap();
        let mut author = world(3).author(0);
        let mut entries = Vec::new();
        for _ in 0..batches {
            let batch = mixed(&mut author, BATCH);
            put(&store, &batch).await;
            entries.extend(batch);
        }
        let cursor = store.head(&cx()).await.unwrap().cursor();
        (folder, entries, cursor)
    })
}

/// The entries found are a beginning of those written, in whole batches.
async fn assert_whole_batches(spaces: &DiskSpaces, entries: &[VerifiedEntry]) -> u64 {
    let Ok(store) = spaces.disk_store(world(3).space()).await else { return 0 };
    let found: Vec<EntryId> = scan_all(&store).await.into_iter().map(|(id, _)| id).collect();
    let written: Vec<EntryId> = entries.iter().map(VerifiedEntry::id).collect();
    assert!(written.starts_with(&found), "what is left is a beginning");
    assert_eq!(u64::try_from(found.len()).unwrap() % BATCH, 0, "a commit was torn");
    u64::try_from(found.len()).unwrap()
}

/// A damaged copy opens, says that it lost something if it did, and goes on.
async fn check_damaged(folder: &Path, entries: &[VerifiedEntry], cursor: Cursor, what: &str) {
    let spaces = open(folder);
    let left = assert_whole_batches(&spaces, entries).await;
    let is_short = left < u64::try_from(entries.len()).unwrap();
    let says = is_impaired(&spaces, "store.needs_audit");
    assert!(
        says || !is_short,
        "{what}: lost a suffix in silence, {left} of {} left",
        entries.len()
    );
    let Ok(store) = spaces.disk_store(world(3).space()).await else { return };
    if says {
        let request = ScanRequest { after: Some(cursor), ..ScanRequest::everything() };
        let refused = store.scan(&cx(), request).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::Cursor(CursorRefusal::Lineage { .. })),
            "{what}: {refused:?}"
        );
    }
    // It goes on: what was lost can be given again, what was kept is a duplicate.
    put(&store, entries).await;
    assert_eq!(
        store.head(&cx()).await.unwrap().last_receipt,
        u64::try_from(entries.len()).unwrap(),
        "{what}"
    );
    assert_clean(&spaces).await;
    assert!(!is_impaired(&spaces, "store.needs_audit"), "a clean verification ends the audit");
}

/// Clauses: DISK-9.
#[test]
fn torn_log_gives_whole_commits_and_says_so() {
    let (folder, entries, cursor) = written(8);
    let log = newest_log(folder.path());
    let length = log.metadata().unwrap().len();
    let offsets = (0..40).map(|step| length * step / 40).chain((1..8).map(|back| length - back));
    for offset in offsets {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        File::options().write(true).open(newest_log(copy.path())).unwrap().set_len(offset).unwrap();
        runtime().block_on(check_damaged(
            copy.path(),
            &entries,
            cursor,
            &format!("cut at {offset}"),
        ));
    }
}

#[test]
fn flipped_bit_in_the_log_is_noticed() {
    let (folder, entries, cursor) = written(4);
    let length = usize::try_from(newest_log(folder.path()).metadata().unwrap().len()).unwrap();
    for step in 0..40 {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        let at = length * step / 40 + 3;
        flip(&newest_log(copy.path()), at.min(length - 1));
        runtime().block_on(check_damaged(
            copy.path(),
            &entries,
            cursor,
            &format!("flipped at {at}"),
        ));
    }
}

#[test]
fn suffix_lost_before_the_watermark_covered_it_is_a_plain_crash() {
    // Commits after the newest watermark may be lost unnoticed here; peers' cursors and the authors' chains notice. What
    // must hold is that nothing is torn and that a cursor from the lost part is refused.
    let folder = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(3);
        let spaces =
            open_with(folder.path(), options().with_watermark_ms(u64::from(u32::MAX))).unwrap();
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let entries = small(&mut world.author(0), 3 * BATCH);
        put(&store, &entries[..14]).await;
        spaces.settle().await.unwrap();
        copy_folder(folder.path(), copy.path());
        put(&store, &entries[14..]).await;
        let cursor = store.head(&cx()).await.unwrap().cursor();

        let spaces = open(copy.path());
        assert!(!is_impaired(&spaces, "store.needs_audit"));
        let store = spaces.disk_store(world.space()).await.unwrap();
        let request = ScanRequest { after: Some(cursor), ..ScanRequest::everything() };
        let refused = store.scan(&cx(), request).await.unwrap_err();
        assert!(
            matches!(refused, StoreError::Cursor(CursorRefusal::BeyondHead { .. })),
            "{refused:?}"
        );
        assert_eq!(assert_whole_batches(&spaces, &entries).await, 14);
    });
}

/// Clauses: DISK-9.
#[test]
fn watermark_removed_or_changed_is_noticed() {
    for damage in ["removed", "changed", "emptied", "another store's"] {
        let (folder, entries, cursor) = written(2);
        let watermark = folder.path().join("watermark");
        match damage {
            "removed" => fs::remove_file(&watermark).unwrap(),
            "changed" => flip(&watermark, 20),
            "emptied" => fs::write(&watermark, "").unwrap(),
            _ => {
                let (other, ..) = written(1);
                fs::copy(other.path().join("watermark"), &watermark).unwrap();
            }
        }
        runtime().block_on(async {
            let spaces = open(folder.path());
            // The two stores were given different spaces' lineages, so their chains differ from the first commit on.
            assert!(is_impaired(&spaces, "store.needs_audit"), "{damage}");
            drop(spaces);
            check_damaged(folder.path(), &entries, cursor, damage).await;
        });
    }
}

/// Clauses: DISK-9.
#[test]
fn audit_is_remembered_over_restarts() {
    let (folder, ..) = written(2);
    fs::remove_file(folder.path().join("watermark")).unwrap();
    runtime().block_on(async {
        let lineage_of = async |spaces: &DiskSpaces| {
            let store = spaces.disk_store(world(3).space()).await.unwrap();
            store.head(&cx()).await.unwrap().lineage
        };
        let spaces = open(folder.path());
        let lineage = lineage_of(&spaces).await;
        drop(spaces);
        let spaces = open(folder.path());
        assert!(is_impaired(&spaces, "store.needs_audit"));
        assert_eq!(lineage_of(&spaces).await, lineage, "one loss, one new lineage");
        assert_clean(&spaces).await;
        drop(spaces);
        assert!(!is_impaired(&open(folder.path()), "store.needs_audit"));
    });
}
