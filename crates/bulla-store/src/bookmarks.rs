//! A caller's checkpoints. Not part of a store, and not on the wire.

use async_trait::async_trait;

use crate::Result;

/// Small values under a caller's own keys, durable when a call returns.
#[async_trait]
pub trait Bookmarks: std::fmt::Debug + Send + Sync + 'static {
    /// The value under `key` (at most 256 bytes), if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) of the engine, as for every method here.
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Keeps `value` (at most 64 KiB) under `key`, in place of any other.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    async fn write(&self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Forgets the value under `key`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    async fn remove(&self, key: &[u8]) -> Result<()>;
}
