//! Where the caches of a node keep what they hold.

use std::ops::Range;

use serde::Deserialize;

use super::Fault;

/// Where the caches keep what they hold, all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// On disk or in memory. Default: on disk if there is a `data_dir`.
    pub storage: Option<CacheStorageKind>,
    /// Most bytes kept, at least 4 MiB. Default: 1 GiB on disk, 256 MiB in memory.
    pub max_bytes: Option<u64>,
}

/// Where a cache keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheStorageKind {
    /// In the folder `cache` of `data_dir`: there again after a restart.
    Disk,
    /// In memory: gone when the node stops.
    Memory,
}

impl CacheConfig {
    /// Most bytes kept there.
    #[must_use]
    pub fn max_bytes(&self, kind: CacheStorageKind) -> u64 {
        self.max_bytes.unwrap_or(match kind {
            CacheStorageKind::Disk => 1024 * MIB,
            CacheStorageKind::Memory => 256 * MIB,
        })
    }

    pub(super) fn check(&self, span: Range<usize>, has_data_dir: bool) -> Result<(), Fault> {
        if self.storage == Some(CacheStorageKind::Disk) && !has_data_dir {
            return Err(Fault::new(span, "a cache on disk needs data_dir"));
        }
        if self.max_bytes.is_some_and(|bytes| bytes < LEAST_BYTES) {
            return Err(Fault::new(span, "max_bytes must be at least 4 MiB"));
        }
        Ok(())
    }
}

const MIB: u64 = 1024 * 1024;
/// Less than a few of the largest entries would only churn.
const LEAST_BYTES: u64 = 4 * MIB;
