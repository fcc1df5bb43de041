//! Many memory stores, one per space.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bulla_core::{Lineage, SpaceId};

use super::{MemoryStore, random_lineage};
use crate::{ContentAddressedStore, Context, Result, SpacePage, Spaces, StoreError};

/// Where the lineages of new stores come from.
type Lineages = dyn Fn() -> Result<Lineage> + Send + Sync;

/// Stores in memory, one per space.
pub struct MemorySpaces {
    stores: Mutex<BTreeMap<SpaceId, Arc<MemoryStore>>>,
    lineages: Box<Lineages>,
}

impl MemorySpaces {
    /// No spaces yet; lineages come from the operating system's randomness.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lineages(random_lineage)
    }

    /// No spaces yet; `lineages` gives a fresh lineage each time it is called.
    pub fn with_lineages(lineages: impl Fn() -> Result<Lineage> + Send + Sync + 'static) -> Self {
        Self { stores: Mutex::default(), lineages: Box::new(lineages) }
    }

    /// The store of a space, made if there is none, by its own type: what can erase.
    ///
    /// # Errors
    ///
    /// What the source of lineages returns.
    pub fn memory_store(&self, space: SpaceId) -> Result<Arc<MemoryStore>> {
        let mut stores = self.stores();
        if let Some(store) = stores.get(&space) {
            return Ok(Arc::clone(store));
        }
        let store = Arc::new(MemoryStore::with_lineage(space, (self.lineages)()?));
        stores.insert(space, Arc::clone(&store));
        Ok(store)
    }

    fn stores(&self) -> MutexGuard<'_, BTreeMap<SpaceId, Arc<MemoryStore>>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemorySpaces {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MemorySpaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemorySpaces").field("spaces", &self.stores().len()).finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Spaces for MemorySpaces {
    async fn open(&self, _cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        match self.stores().get(&space) {
            Some(store) => Ok(Arc::clone(store) as _),
            None => Err(StoreError::NotServed(space)),
        }
    }

    async fn create(
        &self,
        _cx: &Context,
        space: SpaceId,
    ) -> Result<Arc<dyn ContentAddressedStore>> {
        Ok(self.memory_store(space)?)
    }

    async fn list(&self, _cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        let limit = crate::rules::clamp_space_limit(limit);
        let stores = self.stores();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = stores.range((start, Bound::Unbounded)).map(|(space, _)| *space);
        let spaces: Vec<_> = rest.by_ref().take(limit).collect();
        Ok(SpacePage { spaces, end: rest.next().is_none() })
    }

    async fn remove(&self, _cx: &Context, space: SpaceId) -> Result<bool> {
        let removed = self.stores().remove(&space);
        if let Some(store) = &removed {
            store.remove();
        }
        Ok(removed.is_some())
    }
}
