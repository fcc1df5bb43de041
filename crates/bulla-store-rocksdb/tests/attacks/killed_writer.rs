//! A process killed while it writes: everything it acknowledged is there, in whole commits, under the same lineage.

use std::path::Path;

use bulla_core::values::PutOutcome;
use bulla_store::ContentAddressedStore;

use crate::child::Process;
use crate::support::{assert_clean, cx, is_impaired, mixed, open, put, runtime, scan_all, world};

const BATCH: u64 = 5;

/// Writes batches of one author after the other until it is killed, and says each receipt and id once it is told.
pub(crate) fn write(folder: &Path, say: fn(&str)) {
    runtime().block_on(async {
        let world = world(2);
        let spaces = open(folder);
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let first = store.head(&cx()).await.unwrap().last_receipt;
        let mut author = world.author(first);
        for _ in 0..10_000 {
            let entries = mixed(&mut author, BATCH);
            for (entry, outcome) in entries.iter().zip(put(&store, &entries).await) {
                let PutOutcome::Stored(receipt) = outcome else { panic!("{outcome:?}") };
                say(&format!("{receipt} {}", entry.id()));
            }
        }
    });
}

#[test]
fn killed_writer_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    let mut lineage = None;
    for round in 0..6_usize {
        let mut process = Process::start("write", folder.path());
        for _ in 0..23 * (round + 1) {
            acknowledged.push(process.next().expect("the writer goes on until it is killed"));
        }
        process.kill();
        acknowledged.extend(process.rest());

        runtime().block_on(async {
            let spaces = open(folder.path());
            assert!(!is_impaired(&spaces, "store.needs_audit"), "an honest crash is not a loss");
            let store = spaces.disk_store(world(2).space()).await.unwrap();
            let head = store.head(&cx()).await.unwrap();
            assert_eq!(*lineage.get_or_insert(head.lineage), head.lineage);
            let found = scan_all(&store).await;
            assert_eq!(u64::try_from(found.len()).unwrap(), head.last_receipt);
            assert!(found.iter().all(|(_, is_whole)| *is_whole));
            for line in &acknowledged {
                let (receipt, id) = line.split_once(' ').unwrap();
                let receipt: usize = receipt.parse().unwrap();
                assert_eq!(
                    found[receipt - 1].0.to_string(),
                    id,
                    "acknowledged under receipt {receipt}"
                );
            }
            // Whatever was not acknowledged came whole or not at all.
            assert_eq!(head.last_receipt % BATCH, 0, "a commit was torn");
            assert_clean(&spaces).await;
        });
    }
}
