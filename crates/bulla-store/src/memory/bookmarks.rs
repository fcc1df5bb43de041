//! Bookmarks in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::rules::{check_bookmark_key, check_bookmark_value};
use crate::{Bookmarks, Result};

/// Bookmarks that live in memory.
#[derive(Debug, Default)]
pub struct MemoryBookmarks {
    values: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryBookmarks {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn values(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Vec<u8>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bookmarks for MemoryBookmarks {
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        check_bookmark_key(key)?;
        Ok(self.values().get(key).cloned())
    }

    async fn write(&self, key: &[u8], value: &[u8]) -> Result<()> {
        check_bookmark_key(key)?;
        check_bookmark_value(value)?;
        self.values().insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    async fn remove(&self, key: &[u8]) -> Result<()> {
        check_bookmark_key(key)?;
        self.values().remove(key);
        Ok(())
    }
}
