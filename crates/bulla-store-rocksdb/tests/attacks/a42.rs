//! A42, a cursor that survives a restore or reset: nothing may be skipped.

use std::path::Path;

use bulla_core::VerifiedEntry;
use bulla_core::values::{Cursor, ScanRequest};
use bulla_store::{ContentAddressedStore, CursorRefusal, Spaces, StoreError};
use bulla_store_rocksdb::{DiskSpaces, DiskStore, OpenError, restore};

use crate::support::{
    assert_clean, copy_folder, cx, is_impaired, mixed, open, open_with, options, put, runtime,
    scan_all, small, world,
};

async fn refusal(store: &DiskStore, cursor: Cursor) -> CursorRefusal {
    let request = ScanRequest { after: Some(cursor), ..ScanRequest::everything() };
    match store.scan(&cx(), request).await {
        Err(StoreError::Cursor(refusal)) => refusal,
        other => panic!("cursor was not refused: {other:?}"),
    }
}

/// A reader at `cursor` of a store that then continues from a copy with other entries: the cursor is refused, and a scan
/// from the beginning gives everything.
async fn reader_misses_nothing(
    spaces: &DiskSpaces,
    cursor: Cursor,
    other: &[VerifiedEntry],
) -> CursorRefusal {
    let store = spaces.disk_store(world(5).space()).await.unwrap();
    put(&store, other).await;
    let refused = refusal(&store, cursor).await;
    let found = scan_all(&store).await;
    assert!(other.iter().all(|entry| found.contains(&(entry.id(), true))));
    assert_clean(spaces).await;
    refused
}

#[test]
fn a42_copied_folder_never_lets_a_cursor_skip() {
    // A folder copied by hand cannot be told from the store itself: it has the same lineage. The log hash is what
    // refuses cursors of the history that was cut off, whether the copy is behind the cursor or has passed it.
    for more in [1, 10, 40] {
        let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        runtime().block_on(async {
            let world = world(5);
            let spaces = open(folder.path());
            let store = spaces.create_disk_store(world.space()).await.unwrap();
            put(&store, &mixed(&mut world.author(0), 10)).await;
            drop((store, spaces));
            copy_folder(folder.path(), copy.path());

            let spaces = open(folder.path());
            let store = spaces.disk_store(world.space()).await.unwrap();
            put(&store, &small(&mut world.author(1), 20)).await;
            let cursor = store.head(&cx()).await.unwrap().cursor();
            drop((store, spaces));

            let spaces = open(copy.path());
            let refused =
                reader_misses_nothing(&spaces, cursor, &small(&mut world.author(2), more)).await;
            match refused {
                CursorRefusal::BeyondHead { .. } => assert!(more < 20),
                CursorRefusal::LogHash { .. } => assert!(more >= 20),
                other => panic!("{other:?}"),
            }
        });
    }
}

#[test]
fn a42_restored_backup_has_new_lineages() {
    let folder = tempfile::tempdir().unwrap();
    let (live, backup, restored) =
        (folder.path().join("live"), folder.path().join("backup"), folder.path().join("restored"));
    runtime().block_on(async {
        let world = world(5);
        let spaces = open(&live);
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let kept = mixed(&mut world.author(0), 10);
        put(&store, &kept).await;
        spaces.backup(&backup).await.unwrap();
        let refused = spaces.backup(&backup).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "store.exists");
        put(&store, &small(&mut world.author(1), 5)).await;
        let cursor = store.head(&cx()).await.unwrap().cursor();

        // While the first goes on.
        restore(&backup, &restored).unwrap();
        assert!(matches!(restore(&backup, &restored), Err(OpenError::Exists { .. })));
        let copy = open(&restored);
        let refused = reader_misses_nothing(&copy, cursor, &small(&mut world.author(2), 7)).await;
        assert!(matches!(refused, CursorRefusal::Lineage { .. }), "{refused:?}");
        let found = scan_all(&copy.disk_store(world.space()).await.unwrap()).await;
        assert!(kept.iter().all(|entry| found.contains(&(entry.id(), true))));
        assert!(
            !is_impaired(&copy, "store.needs_audit"),
            "a restore loses nothing that the backup had"
        );

        // Opened again it stays what it became.
        let head = copy.disk_store(world.space()).await.unwrap().head(&cx()).await.unwrap();
        drop(copy);
        let copy = open(&restored);
        assert_eq!(copy.disk_store(world.space()).await.unwrap().head(&cx()).await.unwrap(), head);
    });
}

/// Clauses: DISK-12.
#[test]
fn a42_backup_opened_where_it_lies_is_a_restored_store() {
    let folder = tempfile::tempdir().unwrap();
    let (live, backup) = (folder.path().join("live"), folder.path().join("backup"));
    runtime().block_on(async {
        let world = world(5);
        let spaces = open(&live);
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        put(&store, &mixed(&mut world.author(0), 3)).await;
        spaces.backup(&backup).await.unwrap();
        let head = store.head(&cx()).await.unwrap();
        let copy = open(&backup);
        let found = copy.disk_store(world.space()).await.unwrap().head(&cx()).await.unwrap();
        assert_ne!(found.lineage, head.lineage);
        assert!(found.same_entries(&head));
    });
}

#[test]
fn a42_removed_and_made_again_is_another_history() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(5);
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let entries = mixed(&mut world.author(0), 5);
        put(&store, &entries).await;
        let cursor = store.head(&cx()).await.unwrap().cursor();
        assert!(spaces.remove(&cx(), world.space()).await.unwrap());
        let again = spaces.create_disk_store(world.space()).await.unwrap();
        put(&again, &entries).await;
        assert!(matches!(refusal(&again, cursor).await, CursorRefusal::Lineage { .. }));
        assert!(
            matches!(store.head(&cx()).await, Err(StoreError::NotServed(_))),
            "the old handle is not the new space"
        );
        assert_clean(&spaces).await;
    });
}

#[test]
fn restore_refuses_what_is_no_backup() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("to");
    let refused = restore(Path::new("/nonexistent/backup"), &to).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused:?}");
    let live = folder.path().join("live");
    let _spaces = open_with(&live, options()).unwrap();
    assert!(
        matches!(restore(&live, &to), Err(OpenError::Locked { .. })),
        "a live store is backed up, not copied"
    );
    assert!(!to.exists());
}
