//! A caller's checkpoints, in the same database.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_store::{Bookmarks, Result, rules};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::error::read_error;
use crate::layout::Family;
use crate::queue::Bookmark;
use crate::shared::{answered, blocking};

/// A caller's checkpoints in the database of its stores, written in the same commits.
///
/// A bookmark written after a `put` was answered is never durable before the entries of that `put`.
#[derive(Debug, Clone)]
pub struct DiskBookmarks {
    engine: Arc<Engine>,
}

impl DiskBookmarks {
    pub(crate) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    async fn change(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.engine.shared().queue.bookmark(Bookmark { key: key.to_vec(), value, reply })?;
        answered(answer).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bookmarks for DiskBookmarks {
    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        rules::check_bookmark_key(key)?;
        let (shared, key) = (Arc::clone(self.engine.shared()), key.to_vec());
        blocking(move || {
            let family = shared.database.family(Family::Bookmarks)?;
            shared.database.raw().get_cf(family, key).map_err(read_error("bookmarks"))
        })
        .await
    }

    async fn write(&self, key: &[u8], value: &[u8]) -> Result<()> {
        rules::check_bookmark_key(key)?;
        rules::check_bookmark_value(value)?;
        self.change(key, Some(value.to_vec())).await
    }

    async fn remove(&self, key: &[u8]) -> Result<()> {
        rules::check_bookmark_key(key)?;
        self.change(key, None).await
    }
}
