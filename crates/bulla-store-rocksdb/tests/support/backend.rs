//! Engines on disk, for the tests of admissions: a database each, which is used again, since a new one takes its time.

use std::sync::{Mutex, PoisonError};

use bulla_core::SpaceId;
use bulla_core::values::Durability;
use bulla_store::{Context, QuarantineBounds, Spaces as _};
use bulla_store_rocksdb::{DiskOptions, DiskSpaces, DiskStore};
use tempfile::TempDir;

use super::support::{open_with, options};

pub(crate) type Store = DiskStore;

/// One fault in so many, and one history.
pub(crate) const STEP: usize = 8;

/// Databases that nobody uses now.
static IDLE: Mutex<Vec<Database>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Database {
    spaces: DiskSpaces,
    bounds: QuarantineBounds,
    _folder: TempDir,
}

/// Where a store lies.
#[derive(Debug)]
pub(crate) struct Place(Option<Database>);

impl Drop for Place {
    fn drop(&mut self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).extend(self.0.take());
    }
}

/// An empty store of the space. Its lineage is the disk's own affair.
pub(crate) fn open(space: SpaceId, _number: u8, bounds: QuarantineBounds) -> (Store, Place) {
    let idle = || {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().position(|database| database.bounds == bounds)?;
        Some(idle.swap_remove(at))
    };
    let database = idle().unwrap_or_else(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = DiskOptions { quarantine: bounds, ..options() };
        let spaces = open_with(folder.path(), options.with_durability(Durability::None)).unwrap();
        Database { spaces, bounds, _folder: folder }
    });
    // Tests open engines in async functions too, where nothing may block; another thread has its own runtime.
    let store = std::thread::scope(|scope| {
        let open = async {
            let spaces = &database.spaces;
            spaces.remove(&Context::new(), space).await.unwrap();
            spaces.create_disk_store(space).await.unwrap()
        };
        scope.spawn(|| super::support::runtime().block_on(open)).join().unwrap()
    });
    (store, Place(Some(database)))
}
