//! What the suite asks of whoever brings a store.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use bulla_core::SpaceId;
use bulla_store::{Bookmarks, ContentAddressedStore, Erasable, JudgedEngine, Spaces};

/// Why a harness could not make what the suite asked for. Not a verdict about the store.
pub type HarnessError = Box<dyn std::error::Error + Send + Sync>;

/// Makes stores for the cases.
#[async_trait]
pub trait Harness: Debug + Send + Sync + 'static {
    /// A store of this space: empty, writable and independent of every store made before, also of those of the same
    /// space.
    ///
    /// # Errors
    ///
    /// Whatever kept the harness from making one; the case is then a harness error and not a failure.
    async fn fresh(&self, space: SpaceId) -> Result<Subject, HarnessError>;

    /// An empty place that keeps stores, if there is one to test.
    ///
    /// # Errors
    ///
    /// As [`fresh`](Self::fresh).
    async fn spaces(&self) -> Result<Option<Kept<dyn Spaces>>, HarnessError> {
        Ok(None)
    }

    /// An empty place that keeps bookmarks, if there is one to test.
    ///
    /// # Errors
    ///
    /// As [`fresh`](Self::fresh).
    async fn bookmarks(&self) -> Result<Option<Kept<dyn Bookmarks>>, HarnessError> {
        Ok(None)
    }
}

/// Closes a store and opens it again.
#[async_trait]
pub trait Reopen: Send + Sync {
    /// Called when the suite has let go of every handle it had. For a stack, what is restarted is the origin, and what
    /// is returned is the stack over it.
    ///
    /// # Errors
    ///
    /// Whatever kept the harness from it. A store that refuses to open after an orderly close is such an error too, and
    /// the report shows it.
    async fn reopen(self: Box<Self>) -> Result<Subject, HarnessError>;
}

/// Something under test, and what must live as long as it does.
pub struct Kept<T: ?Sized> {
    /// The thing.
    pub subject: Arc<T>,
    /// Servers, temporary directories and the like; dropped after the thing.
    pub guard: Option<Box<dyn Any + Send + Sync>>,
}

impl<T: ?Sized + Debug> Debug for Kept<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.subject.fmt(f)
    }
}

/// One store under test.
pub struct Subject {
    /// The store; for a stack, its top.
    pub store: Arc<dyn ContentAddressedStore>,
    /// The store that can erase: the engine itself, or the engine at the far end of a stack. `None` if there is none; the
    /// erasable table is then skipped.
    pub origin: Option<Arc<dyn Erasable>>,
    /// The engine that judges: the store itself. `None` if it cannot; the judged table is then skipped.
    pub judged: Option<Arc<dyn JudgedEngine>>,
    /// How to restart it. `None` for stores that do not outlive their process; the restart table is then skipped.
    pub reopen: Option<Box<dyn Reopen>>,
    /// Servers, temporary directories and the like; dropped after the store.
    pub guard: Option<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// A store that can neither erase nor restart.
    #[must_use]
    pub fn new(store: Arc<dyn ContentAddressedStore>) -> Self {
        Self { store, origin: None, judged: None, reopen: None, guard: None }
    }

    /// A store that can erase, tested as such.
    #[must_use]
    pub fn erasable<S: Erasable>(store: Arc<S>) -> Self {
        Self { origin: Some(Arc::clone(&store) as _), ..Self::new(store) }
    }

    /// An engine that can erase and judge, tested as such.
    #[must_use]
    pub fn engine<S: Erasable + JudgedEngine>(store: Arc<S>) -> Self {
        Self { judged: Some(Arc::clone(&store) as _), ..Self::erasable(store) }
    }

    /// The same with another store as the one that can erase.
    #[must_use]
    pub fn with_origin(mut self, origin: Arc<dyn Erasable>) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The same with a way to restart it.
    #[must_use]
    pub fn with_reopen(mut self, reopen: impl Reopen + 'static) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// The same with something that must live as long as the store.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }
}

impl Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject")
            .field("store", &self.store)
            .field("can_erase", &self.origin.is_some())
            .field("can_judge", &self.judged.is_some())
            .field("can_reopen", &self.reopen.is_some())
            .finish_non_exhaustive()
    }
}
