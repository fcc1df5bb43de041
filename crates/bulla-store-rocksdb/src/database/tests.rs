//! That a sync asked for is one, by the engine's own count: a process that is killed loses nothing either way, so only a
//! power cut would show it otherwise.

use std::sync::Arc;

use bulla_core::SpaceId;
use bulla_store::{Bookmarks, SystemClock};

use super::*;
use crate::layout::Meta;
use crate::{DiskOptions, DiskSpaces};

#[test]
fn only_a_synced_write_syncs_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), &DiskOptions::default()).unwrap();
    let batch = || {
        let mut batch = Batch::new(&database);
        batch.put(Family::Meta, Meta::Space(&SpaceId([1; 32])).key(), [1]).unwrap();
        batch.into_inner()
    };
    let before = database.log_syncs();
    database.write(batch(), false).unwrap();
    assert_eq!(database.log_syncs(), before);
    for count in 1..4 {
        database.write(batch(), true).unwrap();
        assert_eq!(database.log_syncs(), before + count);
    }
}

/// Clauses: DISK-8.
#[tokio::test]
async fn every_commit_is_synced_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions { low_water_bytes: 0, ..DiskOptions::default() };
    let spaces = DiskSpaces::open(folder.path(), options, Arc::new(SystemClock::new())).unwrap();
    let bookmarks = spaces.bookmarks();
    for _ in 0..5 {
        let before = spaces.shared().database.log_syncs();
        bookmarks.write(b"key", b"value").await.unwrap();
        assert!(spaces.shared().database.log_syncs() > before);
    }
}
