//! The engine's database with its column families, and typed reads of its rows.

use std::path::Path;

use bulla_core::ContentHash;
use bulla_store::{Result, StoreError};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBPinnableSlice, DBRecoveryMode, LogLevel, Options, ReadOptions, WriteBatch, WriteOptions,
};

use crate::DiskOptions;
use crate::error::{OpenError, damaged_row, read_error};
use crate::layout::{Family, Key, Row, hash_key};

/// An open database.
pub(crate) struct Database {
    db: DB,
    synced: WriteOptions,
    unsynced: WriteOptions,
    /// Kept for the engine's own count of its syncs.
    #[cfg(test)]
    options: Options,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.db.path().display())
    }
}

impl Database {
    /// Opens or creates the database in the folder `path`.
    pub(crate) fn open(path: &Path, options: &DiskOptions) -> std::result::Result<Self, OpenError> {
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let families = Family::ALL.map(|family| {
            ColumnFamilyDescriptor::new(family.name(), family_options(family, &cache, options))
        });
        let options = database_options(options);
        let db =
            DB::open_cf_descriptors(&options, path, families).map_err(|source| {
                match source.kind() {
                    rocksdb::ErrorKind::Corruption => {
                        OpenError::Damaged { path: path.to_owned(), reason: source.to_string() }
                    }
                    _ => OpenError::Engine {
                        context: format!("cannot open {}", path.display()),
                        source,
                    },
                }
            })?;
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        let mut unsynced = WriteOptions::default();
        unsynced.set_sync(false);
        for write in [&mut synced, &mut unsynced] {
            write.set_memtable_insert_hint_per_batch(true);
        }
        Ok(Self {
            db,
            synced,
            unsynced,
            #[cfg(test)]
            options,
        })
    }

    /// The engine itself.
    pub(crate) const fn raw(&self) -> &DB {
        &self.db
    }

    /// A column family.
    pub(crate) fn family(&self, family: Family) -> Result<&ColumnFamily> {
        self.db.cf_handle(family.name()).ok_or_else(|| StoreError::Internal {
            context: format!("column family {} is not open", family.name()),
            source: None,
        })
    }

    /// The bytes under a key.
    pub(crate) fn get(&self, family: Family, key: &Key) -> Result<Option<DBPinnableSlice<'_>>> {
        self.db.get_pinned_cf(self.family(family)?, key).map_err(read_error(family.name()))
    }

    /// The row under a key.
    pub(crate) fn row<R: Row>(&self, family: Family, key: &Key) -> Result<Option<R>> {
        self.get(family, key)?
            .map(|bytes| R::parse(&bytes).ok_or_else(|| damaged_row(family.name())))
            .transpose()
    }

    /// The bytes under each of many keys, in their order; faster than one by one.
    pub(crate) fn get_many<'k>(
        &self,
        family: Family,
        keys: impl IntoIterator<Item = &'k Key>,
        options: &ReadOptions,
    ) -> Result<Vec<Result<Option<DBPinnableSlice<'_>>>>> {
        let found = self.db.batched_multi_get_cf_opt(self.family(family)?, keys, false, options);
        Ok(found.into_iter().map(|one| one.map_err(read_error(family.name()))).collect())
    }

    /// Whether a long payload is claimed by an entry at any receipt other than those excepted.
    pub(crate) fn has_marker(
        &self,
        space: u32,
        hash: &ContentHash,
        except: impl Fn(u64) -> bool,
    ) -> Result<bool> {
        let prefix = hash_key(space, hash);
        let mut markers = self.db.raw_iterator_cf(self.family(Family::Markers)?);
        markers.seek(prefix);
        while let Some(key) = markers.key().filter(|key| key.starts_with(prefix.as_ref())) {
            let receipt = key.last_chunk().copied().map_or(0, u64::from_be_bytes);
            if !except(receipt) {
                return Ok(true);
            }
            markers.next();
        }
        markers.status().map_err(read_error("markers"))?;
        Ok(false)
    }

    /// Writes a batch as a whole; with `sync` it is on the device when this returns.
    pub(crate) fn write(
        &self,
        batch: WriteBatch,
        sync: bool,
    ) -> std::result::Result<(), rocksdb::Error> {
        self.db.write_opt(batch, if sync { &self.synced } else { &self.unsynced })
    }

    /// How often the engine itself synced its log, as it counts.
    #[cfg(test)]
    pub(crate) fn log_syncs(&self) -> u64 {
        self.options.get_ticker_count(rocksdb::statistics::Ticker::WalFileSynced)
    }

    /// An integer property of the engine, summed over the column families.
    pub(crate) fn property_sum(&self, name: &str) -> u64 {
        let values = Family::ALL.iter().filter_map(|family| {
            let handle = self.db.cf_handle(family.name())?;
            self.db.property_int_value_cf(handle, name).ok().flatten()
        });
        values.fold(0, u64::saturating_add)
    }
}

/// Additions to a batch by family.
pub(crate) struct Batch<'d> {
    database: &'d Database,
    inner: WriteBatch,
}

impl<'d> Batch<'d> {
    pub(crate) fn new(database: &'d Database) -> Self {
        Self { database, inner: WriteBatch::default() }
    }

    pub(crate) fn put(
        &mut self,
        family: Family,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<()> {
        self.inner.put_cf(self.database.family(family)?, key, value);
        Ok(())
    }

    pub(crate) fn delete(&mut self, family: Family, key: impl AsRef<[u8]>) -> Result<()> {
        self.inner.delete_cf(self.database.family(family)?, key);
        Ok(())
    }

    pub(crate) fn delete_range(&mut self, family: Family, range: (Key, Key)) -> Result<()> {
        self.inner.delete_range_cf(self.database.family(family)?, range.0, range.1);
        Ok(())
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.inner.size_in_bytes()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    pub(crate) fn into_inner(self) -> WriteBatch {
        self.inner
    }
}

fn database_options(options: &DiskOptions) -> Options {
    let mut db = Options::default();
    db.create_if_missing(true);
    db.create_missing_column_families(true);
    // The default mode is kept on purpose: the stricter ones refuse to open after an honest crash. What it may drop
    // silently, the watermark notices (DISK-9).
    db.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    db.set_track_and_verify_wals_in_manifest(true);
    db.set_paranoid_checks(true);
    // All families reach table files together. Otherwise a damaged log would leave some of them ahead of others, and the
    // engine would refuse to open at all.
    db.set_atomic_flush(true);
    db.set_db_write_buffer_size(options.write_buffer_bytes);
    // There is one writer; the machinery for several costs time for nothing.
    db.set_allow_concurrent_memtable_write(false);
    db.set_enable_write_thread_adaptive_yield(false);
    db.set_max_background_jobs(2);
    db.set_max_open_files(options.max_open_files);
    db.set_bytes_per_sync(1024 * 1024);
    db.set_log_level(LogLevel::Warn);
    db.set_max_log_file_size(1024 * 1024);
    db.set_keep_log_file_num(2);
    db.set_stats_dump_period_sec(0);
    #[cfg(test)]
    db.enable_statistics();
    db
}

fn family_options(family: Family, cache: &Cache, options: &DiskOptions) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    // Otherwise indexes and filters of all open files would lie in memory outside the bound of the cache.
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut cf = Options::default();
    cf.set_write_buffer_size(options.write_buffer_bytes);
    cf.set_arena_block_size(256 * 1024);
    cf.set_level_compaction_dynamic_level_bytes(true);
    cf.set_compression_type(DBCompressionType::None);
    match family {
        Family::Headers => {
            table.set_block_size(16 * 1024);
            table.set_bloom_filter(10.0, false);
            // Space, author and key id repeat from row to row.
            cf.set_compression_type(DBCompressionType::Lz4);
        }
        Family::Payloads => {
            table.set_block_size(16 * 1024);
            table.set_bloom_filter(10.0, false);
        }
        Family::Large => {
            table.set_bloom_filter(10.0, false);
            // Kept out of the tree, so that compaction does not copy them again and again.
            cf.set_enable_blob_files(true);
            cf.set_min_blob_size(4096);
            cf.set_enable_blob_gc(true);
        }
        Family::Ids => {
            table.set_block_size(4 * 1024);
            table.set_bloom_filter(10.0, false);
            // Nearly every look-up of the writer is for an id not held.
            cf.set_memtable_prefix_bloom_ratio(0.1);
            cf.set_memtable_whole_key_filtering(true);
        }
        Family::Removals
        | Family::Marks
        | Family::Quarantine
        | Family::Meta
        | Family::Bookmarks => table.set_bloom_filter(10.0, false),
        Family::Markers | Family::Authors => table.set_block_size(8 * 1024),
    }
    cf.set_block_based_table_factory(&table);
    cf
}

#[cfg(test)]
mod tests;
