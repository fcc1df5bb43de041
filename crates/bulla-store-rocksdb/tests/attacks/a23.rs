//! A23, replay of old valid entries: no effect, and no growth on disk.

use bulla_store::ContentAddressedStore;

use crate::support::{cx, mixed, open, put, runtime, world};

#[test]
fn a23_replay_changes_nothing_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let spaces = open(folder.path());
        let store = spaces.create_disk_store(world(4).space()).await.unwrap();
        let mut entries = mixed(&mut world(4).author(0), 10);
        put(&store, &entries).await;
        // The watermark is written every few seconds while there are commits it does not cover; then there are none.
        spaces.settle().await.unwrap();
        let (head, before) = (store.head(&cx()).await.unwrap(), spaces.status());
        for _ in 0..1_000 {
            entries.rotate_left(3);
            put(&store, &entries).await;
        }
        assert_eq!(store.head(&cx()).await.unwrap(), head);
        let after = spaces.status();
        assert_eq!(
            (after.commits, after.fsyncs),
            (before.commits, before.fsyncs),
            "replay writes nothing"
        );
    });
}
