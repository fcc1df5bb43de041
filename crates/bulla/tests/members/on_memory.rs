//! The engine in memory.

use std::sync::Arc;

use bulla::{LocalSpaces, MemorySpaces, SpaceId};

pub(crate) type Engine = bulla_store::MemoryStore;

/// Room for spaces, empty.
pub(crate) fn spaces() -> MemorySpaces {
    MemorySpaces::new()
}

/// An engine of a space, empty.
pub(crate) async fn engine(space: SpaceId) -> Arc<Engine> {
    Arc::new(Engine::new(space).unwrap())
}

/// What stays of a device when its program ends: here the engines, while everything that was computed from them goes.
pub(crate) struct Kept(MemorySpaces);

impl Kept {
    pub(crate) fn new() -> Self {
        Self(spaces())
    }

    /// Begins the program again, does something, and ends it.
    pub(crate) async fn run<T>(&self, act: impl AsyncFnOnce(&dyn LocalSpaces) -> T) -> T {
        act(&self.0).await
    }
}
