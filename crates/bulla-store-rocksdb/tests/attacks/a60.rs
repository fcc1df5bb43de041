//! A60, a full disk: writes are refused before anything of them is written, reads go on, nothing is lost, and it works
//! again when there is room. Method: a small tmpfs where mounting is allowed; otherwise the low-water mark is raised
//! above what the device has free, which is the same to the store but leaves the device alone. The test says which.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_core::values::{GetItem, PutOutcome};
use bulla_core::{Verified, VerifiedEntry};
use bulla_store::{Bookmarks, ContentAddressedStore, Erasable, Erasure, StoreError};
use bulla_store_rocksdb::{DiskOptions, DiskStore};

use crate::support::{
    assert_clean, cx, get_one, is_impaired, mixed, open_with, options, put, runtime, scan_all,
    small, world,
};

const MIB: u64 = 1024 * 1024;
/// Size of the device, and what the store leaves free on it.
const DEVICE: u64 = 64 * MIB;
const RESERVE: u64 = 24 * MIB;

/// A tmpfs that goes when this goes.
struct Mounted {
    at: PathBuf,
    _folder: tempfile::TempDir,
}

impl Mounted {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("device");
        fs::create_dir(&at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={DEVICE}"), "tmpfs"])
            .arg(&at)
            .stderr(std::process::Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self { at, _folder: folder })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).status();
    }
}

fn small_memory() -> DiskOptions {
    DiskOptions { write_buffer_bytes: 4 * 1024 * 1024, ..options() }
}

async fn try_put(
    store: &DiskStore,
    entries: &[VerifiedEntry],
) -> Result<Vec<PutOutcome>, StoreError> {
    let batch: Vec<Verified> = entries.iter().cloned().map(Verified::from).collect();
    Ok(store.put(&cx(), batch).await?.outcomes)
}

/// Takes all but `left` bytes of the device away from the store.
fn fill(device: &Path, left: u64) -> PathBuf {
    let path = device.join("somebody elses");
    let free = rustix_free(device);
    let file = File::create(&path).unwrap();
    let chunk = vec![0x55; 1024 * 1024];
    for _ in 0..free.saturating_sub(left) / MIB {
        if std::io::Write::write_all(&mut &file, &chunk).is_err() {
            break;
        }
    }
    path
}

/// Free bytes, as `df` says.
fn rustix_free(device: &Path) -> u64 {
    let output = Command::new("df").args(["-B1", "--output=avail"]).arg(device).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn a60_full_device_refuses_writes_and_recovers() {
    let Some(device) = Mounted::new() else {
        eprintln!("a60: mounting is not allowed here; covered by the raised low-water mark alone");
        return;
    };
    eprintln!("a60: on a tmpfs of {DEVICE} bytes");
    let store_folder = device.at.join("store");
    runtime().block_on(async {
        let world = world(9);
        let spaces =
            open_with(&store_folder, small_memory().with_low_water_bytes(RESERVE)).unwrap();
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let mut author = world.author(0);
        let mut kept: Vec<VerifiedEntry> = Vec::new();
        for round in 0..100 {
            let other = fill(&device.at, RESERVE / 2);
            let entries = mixed(&mut author, 2);
            let before = store.head(&cx()).await.unwrap();
            let refused = try_put(&store, &entries).await.unwrap_err();
            assert!(
                matches!(refused, StoreError::Full) && refused.is_retryable(),
                "round {round}: {refused:?}"
            );
            assert!(is_impaired(&spaces, "store.full"));
            // Nothing changed, and reads go on.
            assert_eq!(store.head(&cx()).await.unwrap(), before);
            assert_eq!(get_one(&store, entries[0].id()).await, GetItem::Absent);
            if let Some(entry) = kept.last() {
                assert_eq!(get_one(&store, entry.id()).await, GetItem::Entry(entry.clone()));
            }
            fs::remove_file(other).unwrap();
            // The same batch goes through when there is room.
            let outcomes = try_put(&store, &entries).await.unwrap();
            assert!(
                outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Stored(_))),
                "round {round}"
            );
            assert!(!is_impaired(&spaces, "store.full"));
            kept.extend(entries);
        }
        let ids: Vec<_> = kept.iter().map(|entry| (entry.id(), true)).collect();
        assert_eq!(scan_all(&store).await, ids);
        assert_clean(&spaces).await;
        drop((store, spaces));
        let spaces =
            open_with(&store_folder, small_memory().with_low_water_bytes(RESERVE)).unwrap();
        assert_eq!(scan_all(&spaces.disk_store(world.space()).await.unwrap()).await, ids);
    });
}

#[test]
fn a60_store_that_fills_the_device_itself_stops_in_time() {
    let Some(device) = Mounted::new() else {
        eprintln!("a60: mounting is not allowed here; covered by the raised low-water mark alone");
        return;
    };
    let folder = device.at.join("store");
    runtime().block_on(async {
        let world = world(9);
        let spaces = open_with(&folder, small_memory().with_low_water_bytes(RESERVE)).unwrap();
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        let mut author = world.author(0);
        let mut kept = Vec::new();
        let refused = loop {
            let entries = mixed(&mut author, 50);
            match try_put(&store, &entries).await {
                Ok(_) => kept.extend(entries),
                Err(error) => break error,
            }
            assert!(kept.len() < 10_000, "the device never filled");
        };
        // The reserve was enough for everything the engine did on its own: it was never stopped by the device.
        assert!(matches!(refused, StoreError::Full), "{refused:?}");
        assert!(!is_impaired(&spaces, "store.read_only"));
        assert_clean(&spaces).await;
        let ids: Vec<_> = kept.iter().map(|entry| (entry.id(), true)).collect();
        assert_eq!(scan_all(&store).await, ids);
        // Erasing is how an operator makes room, so it works on a full device, and so do checkpoints.
        let ids = kept.iter().map(VerifiedEntry::id).collect();
        let erasure = Erasure { by: world.genesis().id(), is_prune: true, ids };
        assert_eq!(
            store.erase(&cx(), erasure).await.unwrap().dropped,
            u64::try_from(kept.len()).unwrap()
        );
        spaces.bookmarks().write(b"place", b"here").await.unwrap();
        spaces.compact().await.unwrap();
        put(&store, &small(&mut author, 1)).await;
        assert_clean(&spaces).await;
    });
}

#[test]
fn a60_below_the_low_water_mark_nothing_new_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(9);
        let entries = mixed(&mut world.author(0), 5);
        let spaces = open_with(folder.path(), options()).unwrap();
        let store = spaces.create_disk_store(world.space()).await.unwrap();
        put(&store, &entries[..3]).await;
        drop((store, spaces));

        let spaces = open_with(folder.path(), options().with_low_water_bytes(u64::MAX)).unwrap();
        let store = spaces.disk_store(world.space()).await.unwrap();
        assert!(matches!(try_put(&store, &entries).await, Err(StoreError::Full)));
        assert!(matches!(
            spaces.create_disk_store(crate::support::space_number(1)).await,
            Err(StoreError::Full)
        ));
        assert_eq!(scan_all(&store).await.len(), 3);
        drop((store, spaces));

        let spaces = open_with(folder.path(), options()).unwrap();
        let store = spaces.disk_store(world.space()).await.unwrap();
        put(&store, &entries).await;
        assert_eq!(scan_all(&store).await.len(), 5);
    });
}

/// Many wait for one commit, and there is no room for it: each of them is told, and the same entries go in later.
#[test]
fn a60_each_of_many_waiting_writers_is_told() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let world = world(9);
        let entries = small(&mut world.author(0), 64);
        drop(open_with(folder.path(), options()).unwrap().create_disk_store(world.space()).await);
        for (low_water, is_full) in [(u64::MAX, true), (0, false)] {
            let options = options().with_low_water_bytes(low_water);
            let spaces = open_with(folder.path(), options).unwrap();
            let store = spaces.disk_store(world.space()).await.unwrap();
            let writers: Vec<_> = entries
                .iter()
                .map(|entry| {
                    let (store, entry) = (store.clone(), entry.clone());
                    tokio::spawn(async move { try_put(&store, &[entry]).await })
                })
                .collect();
            for writer in writers {
                match writer.await.unwrap() {
                    Err(StoreError::Full) => assert!(is_full),
                    Ok(outcomes) => {
                        assert!(!is_full);
                        assert!(matches!(outcomes[..], [PutOutcome::Stored(_)]), "{outcomes:?}");
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            let held = if is_full { 0 } else { 64 };
            assert_eq!(scan_all(&store).await.len(), held);
        }
    });
}
