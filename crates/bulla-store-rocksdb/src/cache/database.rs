//! The database of a cache: column families, typed reads, batches.

use std::path::Path;

use bulla_store::{Result, StoreError};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBPinnableSlice,
    DBRawIteratorWithThreadMode, DBRecoveryMode, LogLevel, Options, ReadOptions, WriteBatch,
    WriteOptions,
};

use super::DiskCacheOptions;
use crate::error::{damaged_row, is_full, read_error};
use crate::layout::{Key, Row};

/// The column families of a cache (DISK-20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Space numbers, origins, usage, totals.
    Meta,
    /// (space, receipt) to what the origin has there.
    Rows,
    /// (space, id) to sequence and what is known of the entry.
    Index,
    /// Sequence to header.
    Entries,
    /// Sequence to payload.
    Payloads,
}

impl Family {
    const ALL: [Self; 5] = [Self::Meta, Self::Rows, Self::Index, Self::Entries, Self::Payloads];

    const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Rows => "rows",
            Self::Index => "index",
            Self::Entries => "entries",
            Self::Payloads => "payloads",
        }
    }
}

/// An open database of a cache.
pub(super) struct Database {
    db: DB,
    unsynced: WriteOptions,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.db.path().display())
    }
}

pub(super) type Rows<'d> = DBRawIteratorWithThreadMode<'d, DB>;

impl Database {
    pub(super) fn open(
        path: &Path,
        options: &DiskCacheOptions,
    ) -> std::result::Result<Self, rocksdb::Error> {
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let families = Family::ALL.map(|family| {
            ColumnFamilyDescriptor::new(family.name(), family_options(family, &cache, options))
        });
        let db = DB::open_cf_descriptors(&database_options(options), path, families)?;
        // A cache may lose its newest writes, never its oldest alone: the log keeps their order without a sync.
        let mut unsynced = WriteOptions::default();
        unsynced.set_sync(false);
        unsynced.set_memtable_insert_hint_per_batch(true);
        Ok(Self { db, unsynced })
    }

    pub(super) fn family(&self, family: Family) -> Result<&ColumnFamily> {
        self.db.cf_handle(family.name()).ok_or_else(|| StoreError::Internal {
            context: format!("column family {} is not open", family.name()),
            source: None,
        })
    }

    pub(super) fn get(&self, family: Family, key: &Key) -> Result<Option<DBPinnableSlice<'_>>> {
        self.db.get_pinned_cf(self.family(family)?, key).map_err(read_error(family.name()))
    }

    /// The row under a key.
    pub(super) fn row<R: Row>(&self, family: Family, key: &Key) -> Result<Option<R>> {
        self.get(family, key)?
            .map(|bytes| R::parse(&bytes).ok_or_else(|| damaged_row(family.name())))
            .transpose()
    }

    /// The bytes under each of many keys, in their order.
    pub(super) fn get_many<'k>(
        &self,
        family: Family,
        keys: impl IntoIterator<Item = &'k Key>,
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>> {
        let options = ReadOptions::default();
        let found = self.db.batched_multi_get_cf_opt(self.family(family)?, keys, false, &options);
        found.into_iter().map(|one| one.map_err(read_error(family.name()))).collect()
    }

    /// Rows from a key up to, not including, another.
    pub(super) fn range(&self, family: Family, from: &Key, to: &Key) -> Result<Rows<'_>> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to.as_ref());
        let mut rows = self.db.raw_iterator_cf_opt(self.family(family)?, options);
        rows.seek(from);
        Ok(rows)
    }

    /// Gives table files back to the device that hold nothing outside this range, all of which was deleted.
    pub(super) fn drop_files(&self, family: Family, from: &Key, to: &Key) -> Result<()> {
        let dropped = self.db.delete_file_in_range_cf(self.family(family)?, from, to);
        dropped.map_err(read_error(family.name()))
    }

    pub(super) fn write(&self, batch: WriteBatch) -> Result<()> {
        self.db.write_opt(batch, &self.unsynced).map_err(|error| match error.kind() {
            rocksdb::ErrorKind::Corruption => read_error("write")(error),
            _ if is_full(&error) => StoreError::Full,
            _ => StoreError::ReadOnly { reason: error.to_string() },
        })
    }

    /// Bytes of table files and of what is not yet in them.
    pub(super) fn disk_bytes(&self) -> u64 {
        let of = |family: &Family, name: &str| {
            let handle = self.db.cf_handle(family.name())?;
            self.db.property_int_value_cf(handle, name).ok().flatten()
        };
        let names = ["rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"];
        let sizes =
            Family::ALL.iter().flat_map(|family| names.iter().filter_map(|name| of(family, name)));
        sizes.fold(0, u64::saturating_add)
    }
}

/// The bytes of an iterator's row, or nothing at its end.
pub(super) fn item<'r>(
    rows: &'r Rows<'_>,
    family: &'static str,
) -> Result<Option<(&'r [u8], &'r [u8])>> {
    match rows.item() {
        Some(item) => Ok(Some(item)),
        None => rows.status().map_err(read_error(family)).map(|()| None),
    }
}

fn database_options(options: &DiskCacheOptions) -> Options {
    let mut db = Options::default();
    db.create_if_missing(true);
    db.create_missing_column_families(true);
    db.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    db.set_paranoid_checks(true);
    db.set_atomic_flush(true);
    db.set_db_write_buffer_size(options.write_buffer());
    db.set_max_total_wal_size(2 * options.write_buffer() as u64);
    db.set_allow_concurrent_memtable_write(false);
    db.set_enable_write_thread_adaptive_yield(false);
    db.set_max_background_jobs(2);
    db.set_max_open_files(options.max_open_files);
    db.set_log_level(LogLevel::Warn);
    db.set_max_log_file_size(1024 * 1024);
    db.set_keep_log_file_num(2);
    db.set_stats_dump_period_sec(0);
    db
}

fn family_options(family: Family, cache: &Cache, options: &DiskCacheOptions) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut cf = Options::default();
    cf.set_write_buffer_size(options.write_buffer());
    cf.set_arena_block_size(64 * 1024);
    cf.set_level_compaction_dynamic_level_bytes(true);
    // What was evicted goes file by file, so a file is a small part of the whole.
    cf.set_target_file_size_base((options.write_buffer() as u64).min(32 * 1024 * 1024));
    match family {
        Family::Index => {
            table.set_block_size(4 * 1024);
            table.set_bloom_filter(10.0, false);
            cf.set_memtable_prefix_bloom_ratio(0.1);
            cf.set_memtable_whole_key_filtering(true);
        }
        Family::Entries | Family::Payloads => table.set_block_size(16 * 1024),
        Family::Meta | Family::Rows => {}
    }
    cf.set_compression_type(match family {
        // Space, author and key id repeat from row to row.
        Family::Entries => rocksdb::DBCompressionType::Lz4,
        _ => rocksdb::DBCompressionType::None,
    });
    cf.set_block_based_table_factory(&table);
    cf
}
