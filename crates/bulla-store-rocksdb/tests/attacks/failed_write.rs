//! A write that fails: it was not accepted and does not come back, nothing is written until the store is opened anew,
//! reads go on, and everything acknowledged is there. Method: a process whose files may not grow beyond a size, so that
//! the engine's log refuses in the middle of a record.

use std::path::Path;

use bulla_core::values::{GetItem, PutOutcome};
use bulla_store::{ContentAddressedStore, StoreError};

use crate::child::Process;
use crate::support::{
    assert_clean, cx, get_one, is_impaired, mixed, open, put, runtime, scan_all, small, world,
};

/// Writes until it is refused, and says each id with what became of it.
pub(crate) fn write(folder: &Path, say: fn(&str)) {
    runtime().block_on(async {
        let world = world(8);
        let spaces = open(folder);
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let first = store.head(&cx()).await.unwrap().last_receipt;
        let mut author = world.author(first);
        let mut kept = Vec::new();
        for _ in 0..100_000 {
            let entries = mixed(&mut author, 5);
            let batch = entries.iter().cloned().map(Into::into).collect();
            match store.put(&cx(), batch).await {
                Ok(report) => {
                    assert!(
                        report
                            .outcomes
                            .iter()
                            .all(|outcome| matches!(outcome, PutOutcome::Stored(_)))
                    );
                    for entry in &entries {
                        say(&format!("stored {}", entry.id()));
                    }
                    kept.extend(entries);
                }
                Err(error) => {
                    assert!(
                        matches!(error, StoreError::ReadOnly { .. } | StoreError::Full),
                        "{error:?}"
                    );
                    for entry in &entries {
                        say(&format!("refused {}", entry.id()));
                    }
                    break;
                }
            }
        }
        assert!(is_impaired(&spaces, "store.read_only"));
        // Refused now whatever it is, and nothing of it is seen.
        let more = small(&mut author, 1);
        let refused =
            store.put(&cx(), more.iter().cloned().map(Into::into).collect()).await.unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");
        assert_eq!(get_one(&store, more[0].id()).await, GetItem::Absent);
        // Reads go on.
        for entry in &kept {
            assert_eq!(get_one(&store, entry.id()).await, GetItem::Entry(entry.clone()));
        }
        let found = scan_all(&store).await;
        assert_eq!(u64::try_from(found.len()).unwrap(), first + u64::try_from(kept.len()).unwrap());
        say("reads go on");
    });
}

/// Clauses: DISK-10.
#[test]
fn refused_write_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut stored = Vec::new();
    for round in 1..4_u64 {
        // Another limit each time, so that records are cut at other places.
        let mut process = Process::start_with_file_limit(
            "write until refused",
            folder.path(),
            300_000 * round + 7 * 512,
        );
        let said = process.rest();
        assert_eq!(said.last().map(String::as_str), Some("reads go on"), "{said:?}");
        let of = |what: &str| {
            said.iter().filter_map(|line| line.strip_prefix(what)).map(str::to_owned).collect()
        };
        let (new, refused): (Vec<String>, Vec<String>) = (of("stored "), of("refused "));
        assert!(!refused.is_empty());
        stored.extend(new);

        runtime().block_on(async {
            let spaces = open(folder.path());
            let store = spaces.disk_store(world(8).space()).await.unwrap();
            let found: Vec<String> =
                scan_all(&store).await.into_iter().map(|(id, _)| id.to_string()).collect();
            assert_eq!(found, stored, "all that was acknowledged, and nothing that was refused");
            assert_clean(&spaces).await;
            // Opened anew it takes writes again.
            let entries = small(&mut world(8).author(1_000 + round), 2);
            put(&store, &entries).await;
            stored.extend(entries.iter().map(|entry| entry.id().to_string()));
        });
    }
}
