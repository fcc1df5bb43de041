//! A second process on the same database gets its own clear error, and the first goes on.

use bulla_store::{ContentAddressedStore, StoreError};
use bulla_store_rocksdb::OpenError;

use crate::child::Process;
use crate::support::{cx, open, open_with, options, put, runtime, small, world};

/// Clauses: DISK-2.
#[test]
fn second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Process::start("hold", folder.path());
    assert_eq!(first.next().as_deref(), Some("open"));
    let refused = open_with(folder.path(), options()).unwrap_err();
    assert!(matches!(&refused, OpenError::Locked { path } if path == folder.path()), "{refused:?}");
    assert_eq!(refused.code().as_str(), "store.locked");
    assert!(refused.to_string().contains("is open in another process"), "{refused}");
    assert!(
        matches!(StoreError::from(refused), StoreError::Unavailable { code, .. } if code.as_str() == "store.locked")
    );

    // A lock dies with its process, however that ends.
    first.kill();
    open(folder.path());
}

#[test]
fn second_opening_in_one_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    runtime.block_on(async {
        let world = world(1);
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        assert!(matches!(open_with(folder.path(), options()), Err(OpenError::Locked { .. })));
        put(&store, &small(&mut world.author(0), 1)).await;
        assert_eq!(store.head(&cx()).await.unwrap().last_receipt, 1);

        // The lock is given up only when nothing can write any more.
        drop(spaces);
        assert!(matches!(open_with(folder.path(), options()), Err(OpenError::Locked { .. })));
        drop(store);
        open(folder.path());
    });
}
