//! Bytes that changed on disk: damage is reported for what it hit, everything else is served, and a payload made missing
//! can be fetched again.

use std::fs;
use std::path::Path;

use bulla_core::VerifiedEntry;
use bulla_core::values::{GetItem, Has, PayloadState, PutOutcome, ScanBody, ScanRequest};
use bulla_store::{ContentAddressedStore, StoreError};
use bulla_store_rocksdb::{OpenError, ProblemKind, VerifyOptions};

use crate::support::{
    assert_clean, cx, engine_files, get_one, mixed, open, open_with, options, put, runtime, world,
};

/// A closed store whose entries all lie in table files, and the entries.
fn in_table_files(folder: &Path, count: u64) -> Vec<VerifiedEntry> {
    runtime().block_on(async {
        let spaces = open(folder);
        let store = spaces.create_disk_store(world(7).space()).await.unwrap();
        let entries = mixed(&mut world(7).author(0), count);
        put(&store, &entries).await;
        spaces.compact().await.unwrap();
        entries
    })
}

/// Flips a bit in the middle of `needle` in whichever engine file holds it.
fn flip_where(folder: &Path, endings: [&str; 2], needle: &[u8]) {
    for path in endings.iter().flat_map(|ending| engine_files(folder, ending)) {
        let mut bytes = fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
            bytes[at + needle.len() / 2] ^= 1;
            fs::write(&path, bytes).unwrap();
            return;
        }
    }
    panic!("the bytes are in no table file");
}

/// Damage to one payload, long or short.
async fn damaged_payload(folder: &Path, entries: &[VerifiedEntry], victim: usize) {
    flip_where(folder, ["sst", "blob"], &entries[victim].payload()[..16]);
    let id = entries[victim].id();
    let spaces = open(folder);
    let store = spaces.disk_store(world(7).space()).await.unwrap();

    // Never returned, and never in the way of others.
    assert_eq!(get_one(&store, id).await, GetItem::Corrupt);
    let page = store.scan(&cx(), ScanRequest::everything()).await.unwrap();
    assert_eq!((page.items.len(), page.end), (entries.len(), true));
    let damaged: Vec<usize> = (0..entries.len())
        .filter(
            |&at| !matches!(&page.items[at].body, ScanBody::Entry(entry) if *entry == entries[at]),
        )
        .collect();
    assert!(damaged.contains(&victim) && damaged.len() < entries.len() / 2, "{damaged:?}");
    for &at in &damaged {
        assert!(matches!(&page.items[at].body, ScanBody::Header(_, PayloadState::Missing)));
    }

    // Looking at everything finds exactly these.
    let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
    let found: Vec<usize> = report
        .problems
        .iter()
        .filter(|problem| problem.kind == ProblemKind::Payload)
        .map(|problem| usize::try_from(problem.receipt.unwrap()).unwrap() - 1)
        .collect();
    assert_eq!(found, damaged);
    assert_eq!(report.quarantined, 0);
    let head = store.head(&cx()).await.unwrap();

    // Quarantined they are wanted, and given again they are whole.
    let report = spaces
        .verify(&VerifyOptions { quarantine: true, ..VerifyOptions::default() })
        .await
        .unwrap();
    assert_eq!(report.quarantined, u64::try_from(damaged.len()).unwrap());
    assert_eq!(store.has(&cx(), &[id]).await.unwrap(), [Has::PayloadMissing]);
    assert!(matches!(get_one(&store, id).await, GetItem::Header(_, PayloadState::Missing)));
    for (at, outcome) in put(&store, entries).await.into_iter().enumerate() {
        let receipt = u64::try_from(at).unwrap() + 1;
        let expected = if damaged.contains(&at) {
            PutOutcome::PayloadAdded(receipt)
        } else {
            PutOutcome::Duplicate(receipt)
        };
        assert_eq!(outcome, expected);
    }
    assert_eq!(get_one(&store, id).await, GetItem::Entry(entries[victim].clone()));
    assert_eq!(store.head(&cx()).await.unwrap(), head, "the set of entries is what it was");
    assert_eq!(store.status(&cx()).await.unwrap().entries, u64::try_from(entries.len()).unwrap());
}

/// Clauses: VER-8, GET-5.
#[test]
fn flipped_bit_in_a_payload_hits_that_block_only() {
    for victim in [1, 14, 24] {
        let folder = tempfile::tempdir().unwrap();
        let entries = in_table_files(folder.path(), 60);
        runtime().block_on(damaged_payload(folder.path(), &entries, victim));
    }
}

/// Clauses: VER-8, STO-1, SCAN-9, GET-5.
#[test]
fn flipped_bit_in_a_header_is_never_returned() {
    let folder = tempfile::tempdir().unwrap();
    // Enough headers for several blocks.
    let entries = in_table_files(folder.path(), 200);
    flip_where(folder.path(), ["sst", "blob"], &entries[120].verified_header().signature().0[..16]);
    runtime().block_on(async {
        let spaces = open(folder.path());
        let store = spaces.disk_store(world(7).space()).await.unwrap();
        assert_eq!(get_one(&store, entries[120].id()).await, GetItem::Corrupt);
        assert_eq!(get_one(&store, entries[0].id()).await, GetItem::Entry(entries[0].clone()));

        // A scan hands over what lies before the damage, then says so. It never skips it.
        let mut request = ScanRequest::everything();
        let mut next = 0;
        let error = loop {
            match store.scan(&cx(), request.clone()).await {
                Ok(page) => {
                    for item in &page.items {
                        assert_eq!(item.id, entries[next].id());
                        next += 1;
                    }
                    assert!(!page.end);
                    request.after = Some(page.cursor);
                }
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        assert!((1..=120).contains(&next), "{next}");

        let report = spaces.verify(&VerifyOptions::default()).await.unwrap();
        let headers = report.problems.iter().filter(|problem| problem.kind == ProblemKind::Header);
        assert!(headers.clone().any(|problem| problem.receipt == Some(121)));
        assert!(headers.count() < 100, "other blocks are not hit");
        // Writing goes on, and what is new is whole.
        let fresh = mixed(&mut world(7).author(1), 3);
        put(&store, &fresh).await;
        assert_eq!(get_one(&store, fresh[2].id()).await, GetItem::Entry(fresh[2].clone()));
    });
}

#[test]
fn damaged_engine_files_give_their_own_error() {
    for name in ["CURRENT", "MANIFEST"] {
        let folder = tempfile::tempdir().unwrap();
        let entries = in_table_files(folder.path(), 5);
        let files =
            fs::read_dir(folder.path().join("db")).unwrap().map(|entry| entry.unwrap().path());
        let victim = files
            .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name))
            .max()
            .unwrap();
        let whole = fs::read(&victim).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&victim, bytes).unwrap();
        let refused = open_with(folder.path(), options()).unwrap_err();
        assert!(
            matches!(refused, OpenError::Damaged { .. } | OpenError::Engine { .. }),
            "{name}: {refused:?}"
        );
        // Nothing was made worse by trying.
        fs::write(&victim, whole).unwrap();
        runtime().block_on(async {
            let spaces = open(folder.path());
            let store = spaces.disk_store(world(7).space()).await.unwrap();
            assert_eq!(get_one(&store, entries[4].id()).await, GetItem::Entry(entries[4].clone()));
            assert_clean(&spaces).await;
        });
    }
}
