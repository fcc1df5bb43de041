//! The engine on disk.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use bulla::disk::{DiskOptions, DiskSpaces, DiskStore};
use bulla::{LocalSpaces, SpaceId};
use bulla_store::SystemClock;
use tempfile::TempDir;

pub(crate) type Engine = DiskStore;

thread_local! {
    /// A test runs in a thread of its own: its folders go when it ends.
    static FOLDERS: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

fn open(folder: &Path) -> DiskSpaces {
    let clock = Arc::new(SystemClock::new());
    DiskSpaces::open(folder.join("store"), DiskOptions::default(), clock).unwrap()
}

/// Room for spaces, empty.
pub(crate) fn spaces() -> DiskSpaces {
    let folder = tempfile::tempdir().unwrap();
    let spaces = open(folder.path());
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    spaces
}

/// An engine of a space, empty.
pub(crate) async fn engine(space: SpaceId) -> Arc<Engine> {
    Arc::new(spaces().create_disk_store(space).await.unwrap())
}

/// What stays of a device when its program ends: the files.
pub(crate) struct Kept(TempDir);

impl Kept {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Begins the program again, does something, and ends it.
    pub(crate) async fn run<T>(&self, act: impl AsyncFnOnce(&dyn LocalSpaces) -> T) -> T {
        let spaces = open(self.0.path());
        let done = act(&spaces).await;
        spaces.close().await;
        done
    }
}
