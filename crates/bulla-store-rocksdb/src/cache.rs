//! Where a cache in front of another store keeps things on disk.

mod change;
mod contents;
mod database;
mod options;
mod read;
mod room;
mod rows;
mod touched;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bulla_core::{EntryId, SpaceId};
use bulla_store::cached::{CacheUsage, CachedEntry, CachedOrigin, CachedPart, CachedRow};
use bulla_store::{CacheStorage, Result, StoreError};

use crate::OpenError;
use crate::folder::{self, Kind, Lock};
use crate::shared::{blocking, free_bytes};
use contents::Contents;
use database::Database;

pub use options::DiskCacheOptions;

/// The layout of a cache that this crate reads and writes (DISK-20).
const FORMAT: u64 = 1;
const KIND: Kind = Kind { word: "cache", format: FORMAT };
/// Folders of databases are this and a number; only the newest counts.
const PREFIX: &str = "db-";

/// A cache's storage on disk, in a folder of its own; serves many spaces and many
/// [`CachedStore`](bulla_store::CachedStore)s at once.
///
/// - Bounded in bytes: the entries kept longest go first, those asked for since then get a second chance.
/// - Outlives its process. A crash of the machine may cost what was kept last, never what was kept before alone.
/// - Everything is computed anew on every read: headers their ids, payloads their hashes. What does not hold is dropped,
///   and the cache fetches it again. When the engine's own files turn out to be damaged, all of it is dropped, for all of
///   it can be fetched again.
/// - One process at a time: the folder is locked.
#[derive(Debug)]
pub struct DiskCacheStorage {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    options: DiskCacheOptions,
    current: RwLock<Current>,
    /// Held while the cache is open; the last field, so that it is given up after the database.
    _lock: Lock,
}

#[derive(Debug)]
struct Current {
    number: u64,
    contents: Arc<Contents>,
}

impl DiskCacheStorage {
    /// Opens the cache in a folder, or makes one there. Blocks while the engine replays its log.
    ///
    /// A cache whose files are damaged is replaced by an empty one, and the log says so.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] when another process has it open, [`OpenError::NewerFormat`], [`OpenError::NotAStore`] when
    /// the folder holds something else, [`OpenError::Io`] or [`OpenError::Engine`] when the device refuses.
    pub fn open(
        folder: impl AsRef<Path>,
        options: DiskCacheOptions,
    ) -> std::result::Result<Self, OpenError> {
        let folder = folder.as_ref();
        let lock = folder::lock(folder, true)?;
        folder::check_format(folder, KIND, true)?;
        let number = newest(folder).map_err(OpenError::io("cannot read the cache's folder"))?;
        let current = match open_contents(folder, number, &options) {
            Err(OpenError::Damaged { reason, .. }) => {
                tracing::error!(path = %folder.display(), reason, "cache is damaged; it begins anew");
                let number = number.saturating_add(1);
                Current { number, contents: Arc::new(open_contents(folder, number, &options)?) }
            }
            contents => Current { number, contents: Arc::new(contents?) },
        };
        drop_others(folder, current.number);
        let shared = Shared {
            folder: folder.to_owned(),
            options,
            current: RwLock::new(current),
            _lock: lock,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs something on the contents; with contents that turn out to be damaged the answer is that of an empty cache.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Contents) -> Result<T> + Send + 'static,
        nothing: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let (number, contents) = shared.contents();
            match work(&contents) {
                Err(StoreError::Corrupt { reason, .. }) => {
                    shared.begin_anew(number, &reason)?;
                    Ok(nothing())
                }
                outcome => outcome,
            }
        })
        .await
    }

    /// As [`run`](Self::run) for what keeps something: only while there is room on the device.
    async fn keep_something(
        &self,
        work: impl FnOnce(&Contents) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            if free_bytes(&shared.folder)? < shared.options.low_water_bytes {
                return Err(StoreError::Full);
            }
            let (number, contents) = shared.contents();
            if contents.has_failed.load(Ordering::Relaxed) {
                shared.begin_anew(number, "a write failed")?;
            }
            Ok(())
        })
        .await?;
        self.run(work, || ()).await
    }
}

impl Shared {
    fn contents(&self) -> (u64, Arc<Contents>) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        (current.number, Arc::clone(&current.contents))
    }

    /// Puts an empty database in the place of the one with this number, unless somebody did so already. Calls under way
    /// end with the old one.
    fn begin_anew(&self, number: u64, reason: &str) -> Result<()> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number != number {
            return Ok(());
        }
        tracing::error!(path = %self.folder.display(), reason, "cache is damaged; it begins anew");
        let next = number.saturating_add(1);
        let contents = open_contents(&self.folder, next, &self.options)?;
        *current = Current { number: next, contents: Arc::new(contents) };
        drop(current);
        drop_others(&self.folder, next);
        Ok(())
    }
}

fn name_of(number: u64) -> String {
    format!("{PREFIX}{number}")
}

/// The number of the newest database; 0 where there is none.
fn newest(folder: &Path) -> std::io::Result<u64> {
    let mut newest = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        newest = newest.max(number.unwrap_or(0));
    }
    Ok(newest)
}

/// Removes every other database. What cannot be removed now is removed at the next opening.
fn drop_others(folder: &Path, number: u64) {
    let keep = name_of(number);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_other = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name != keep);
        if is_other && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "could not remove a damaged cache");
        }
    }
}

fn open_contents(
    folder: &Path,
    number: u64,
    options: &DiskCacheOptions,
) -> std::result::Result<Contents, OpenError> {
    let path = folder.join(name_of(number));
    let damaged = |reason: String| OpenError::Damaged { path: path.clone(), reason };
    let database = Database::open(&path, options).map_err(|source| {
        // A file that is not there is damage too; whatever else the system refuses is not.
        let is_damage = source.kind() == rocksdb::ErrorKind::Corruption
            || source.as_ref().contains("No such file or directory");
        if is_damage {
            damaged(source.to_string())
        } else {
            OpenError::Engine { context: format!("cannot open {}", path.display()), source }
        }
    })?;
    Contents::new(database, options.max_bytes).map_err(|error| damaged(error.to_string()))
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CacheStorage for DiskCacheStorage {
    async fn origin(&self, space: &SpaceId) -> Result<Option<CachedOrigin>> {
        let space = *space;
        self.run(move |contents| contents.origin(&space), || None).await
    }

    async fn set_origin(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        let space = *space;
        self.keep_something(move |contents| contents.set_origin(&space, origin)).await
    }

    async fn restart_rows(&self, space: &SpaceId, origin: CachedOrigin) -> Result<()> {
        let space = *space;
        self.keep_something(move |contents| contents.restart_rows(&space, origin)).await
    }

    async fn rows(&self, space: &SpaceId, first: u64, limit: usize) -> Result<Vec<CachedRow>> {
        let space = *space;
        self.run(move |contents| contents.rows(&space, first, limit), Vec::new).await
    }

    async fn keep_rows(&self, space: &SpaceId, rows: &[CachedRow]) -> Result<()> {
        let (space, rows) = (*space, rows.to_vec());
        self.keep_something(move |contents| contents.keep_rows(&space, &rows)).await
    }

    async fn get(
        &self,
        space: &SpaceId,
        ids: &[EntryId],
        part: CachedPart,
        max_bytes: u32,
    ) -> Result<Vec<Option<CachedEntry>>> {
        let (space, ids, count) = (*space, ids.to_vec(), ids.len());
        let nothing = move || vec![None; count];
        self.run(move |contents| contents.get(&space, &ids, part, max_bytes), nothing).await
    }

    async fn keep(&self, space: &SpaceId, entries: Vec<CachedEntry>) -> Result<()> {
        let space = *space;
        self.keep_something(move |contents| contents.keep(&space, &entries)).await
    }

    async fn evict(&self, space: &SpaceId, ids: &[EntryId]) -> Result<()> {
        let (space, ids) = (*space, ids.to_vec());
        self.run(move |contents| contents.evict(&space, &ids), || ()).await
    }

    async fn ids(
        &self,
        space: &SpaceId,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<EntryId>> {
        let space = *space;
        self.run(move |contents| contents.ids(&space, after, limit), Vec::new).await
    }

    async fn usage(&self, space: &SpaceId) -> Result<CacheUsage> {
        let space = *space;
        self.run(move |contents| contents.usage(&space), CacheUsage::default).await
    }
}
