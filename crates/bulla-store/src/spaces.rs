//! Where stores come from.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::SpaceId;

use crate::{ContentAddressedStore, Context, Result};

/// A page of the spaces held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpacePage {
    /// Space ids, ascending.
    pub spaces: Vec<SpaceId>,
    /// Whether these are the last.
    pub end: bool,
}

/// A place that keeps stores, one per space.
#[async_trait]
pub trait Spaces: std::fmt::Debug + Send + Sync + 'static {
    /// The store of a space that exists here.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`](crate::StoreError::NotServed) when it does not.
    async fn open(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>>;

    /// The store of a space, made with a new lineage if there is none yet. Doing it twice gives the same store.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) of the engine.
    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>>;

    /// The spaces held whose id is greater than `after`, ascending, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) of the engine.
    async fn list(&self, cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage>;

    /// Removes a space and everything in it; `false` if there was none. A space made again has a new lineage.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) of the engine.
    async fn remove(&self, cx: &Context, space: SpaceId) -> Result<bool>;
}
