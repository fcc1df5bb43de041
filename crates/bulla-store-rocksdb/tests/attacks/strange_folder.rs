//! Folders that hold no store, or one of another format, are named as such and left alone.

use std::fs;

use bulla_store_rocksdb::OpenError;

use crate::support::{open, open_with, options, runtime, world};

/// Clauses: DISK-1.
#[test]
fn newer_format_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    fs::write(folder.path().join("format"), "bulla store 3\n").unwrap();
    let refused = open_with(folder.path(), options()).unwrap_err();
    assert!(matches!(refused, OpenError::NewerFormat { found: 3, known: 2, .. }), "{refused:?}");
    assert_eq!(refused.code().as_str(), "store.format");
    assert!(refused.to_string().contains("store format 3"), "{refused}");

    // Nothing was touched: with its own format again it opens.
    fs::write(folder.path().join("format"), "bulla store 2\n").unwrap();
    open(folder.path());
}

/// Clauses: DISK-1.
#[test]
fn other_folders_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let refused = open_with(folder.path(), options()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused:?}");
    assert!(!folder.path().join("db").exists());

    let missing = folder.path().join("missing");
    let refused = open_with(&missing, options().existing()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused:?}");
    assert!(!missing.exists());

    let empty = tempfile::tempdir().unwrap();
    let refused = open_with(empty.path(), options().existing()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused:?}");
}

#[test]
fn database_without_its_format_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        open(folder.path()).create_disk_store(world(1).space()).await.unwrap();
    });
    fs::remove_file(folder.path().join("format")).unwrap();
    let refused = open_with(folder.path(), options()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused:?}");
    for text in ["", "bulla store one\n", "bulla store 1", "\u{fffd}"] {
        fs::write(folder.path().join("format"), text).unwrap();
        assert!(
            matches!(open_with(folder.path(), options()), Err(OpenError::NotAStore { .. })),
            "{text:?}"
        );
    }
}
