//! How much a cache on disk keeps, and with how much memory.

/// How much a [`DiskCacheStorage`](super::DiskCacheStorage) keeps, and with how much memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskCacheOptions {
    /// Most bytes of entries and rows, all spaces together; 1 GiB by default, a quarter of it for rows. Each entry counts
    /// 256 bytes beside header, signature and payload, each row 128. The engine's files take about as much, and for
    /// moments, while it rewrites some of them, up to twice as much.
    pub max_bytes: u64,
    /// Memory for blocks read from disk, in bytes; 16 MiB by default.
    pub cache_bytes: usize,
    /// Memory for what is not yet in table files, in bytes; 16 MiB by default, and never more than an eighth of
    /// `max_bytes` or less than 256 KiB.
    pub write_buffer_bytes: usize,
    /// Nothing is kept while fewer bytes than this are free on the device; 128 MiB by default.
    pub low_water_bytes: u64,
    /// Most table files kept open at once; 256 by default.
    pub max_open_files: i32,
}

impl DiskCacheOptions {
    /// The defaults with another bound, in bytes.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, ..Self::default() }
    }

    /// The same with another low-water mark, in bytes.
    #[must_use]
    pub const fn with_low_water_bytes(mut self, bytes: u64) -> Self {
        self.low_water_bytes = bytes;
        self
    }

    /// A small cache has small buffers: otherwise its files would be larger than what it may keep.
    pub(super) fn write_buffer(&self) -> usize {
        let most = usize::try_from(self.max_bytes / 8).unwrap_or(usize::MAX);
        self.write_buffer_bytes.min(most).max(256 * 1024)
    }
}

impl Default for DiskCacheOptions {
    fn default() -> Self {
        Self {
            max_bytes: 1024 * MIB,
            cache_bytes: 16 * 1024 * 1024,
            write_buffer_bytes: 16 * 1024 * 1024,
            low_water_bytes: 128 * MIB,
            max_open_files: 256,
        }
    }
}

const MIB: u64 = 1024 * 1024;
