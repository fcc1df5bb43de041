//! How a database is opened.

use bulla_core::values::Durability;
use bulla_store::QuarantineBounds;

/// How a database is opened; every field has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskOptions {
    /// Whether a store is made where there is none; `true` by default.
    pub create: bool,
    /// When writes survive a crash; [`Durability::EveryCommit`] by default. [`Durability::Upstream`] is refused.
    pub durability: Durability,
    /// Memory for blocks read from disk, in bytes; 32 MiB by default.
    pub cache_bytes: usize,
    /// Memory for writes not yet in table files, in bytes; 24 MiB by default. While a full one is being written to files
    /// the next fills, so that up to twice as much is in use for a moment.
    pub write_buffer_bytes: usize,
    /// Memory for the state of spaces in use, in bytes; 32 MiB by default, some 3,500 spaces. Others cost disk only.
    pub active_bytes: usize,
    /// Memory for entries waiting to be written, in bytes; 32 MiB by default. A `put` beyond it waits.
    pub queue_bytes: usize,
    /// Writes are refused while fewer bytes than this are free on the device; 128 MiB by default. It leaves the engine
    /// room to move data from its log to table files, and to compact them.
    pub low_water_bytes: u64,
    /// Most milliseconds between two watermarks while there are commits; 5,000 by default (DISK-9).
    pub watermark_ms: u64,
    /// Receipts after which the digests of a space are written down again; 8,192 by default. Opening a space costs at
    /// most so many steps.
    pub checkpoint_every: u64,
    /// Most table files kept open at once; 512 by default.
    pub max_open_files: i32,
    /// How much the quarantine of each space takes (QUAR-4).
    pub quarantine: QuarantineBounds,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            create: true,
            durability: Durability::EveryCommit,
            cache_bytes: 32 * MIB,
            write_buffer_bytes: 24 * MIB,
            active_bytes: 32 * MIB,
            queue_bytes: 32 * MIB,
            low_water_bytes: 128 * MIB as u64,
            watermark_ms: 5_000,
            checkpoint_every: 8_192,
            max_open_files: 512,
            quarantine: QuarantineBounds::default(),
        }
    }
}

impl DiskOptions {
    /// The same for a store that must exist already.
    #[must_use]
    pub const fn existing(mut self) -> Self {
        self.create = false;
        self
    }

    /// The same with another durability.
    #[must_use]
    pub const fn with_durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The same with another low-water mark, in bytes.
    #[must_use]
    pub const fn with_low_water_bytes(mut self, bytes: u64) -> Self {
        self.low_water_bytes = bytes;
        self
    }

    /// The same with another bound on the state of spaces in use, in bytes.
    #[must_use]
    pub const fn with_active_bytes(mut self, bytes: usize) -> Self {
        self.active_bytes = bytes;
        self
    }

    /// The same with another longest time between two watermarks, in milliseconds.
    #[must_use]
    pub const fn with_watermark_ms(mut self, milliseconds: u64) -> Self {
        self.watermark_ms = milliseconds;
        self
    }
}

const MIB: usize = 1024 * 1024;
