//! The local store of a space: an engine behind the directory's admission, or any other store as it is.

use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bulla_admission::{AdmissionSettings, DirectoryAdmission, Engine, Tending};
use bulla_core::control::Control;
use bulla_core::genesis::Genesis;
use bulla_core::values::{
    GetItem, GetRequest, Head, Page, Presence, PutReport, Rule, ScanBody, ScanRequest, StoreStatus,
    Summary, SummaryRequest,
};
use bulla_core::{AuthorKey, EntryId, Kind, SpaceId, Verified, VerifiedEntry};
use bulla_store::{
    ContentAddressedStore, Context, GuardedStore, HeadStream, MemorySpaces, MemoryStore, Spaces,
    StoreError, StoreExt as _,
};
use tokio::sync::RwLock;

use super::learning::control_filter;

/// A store to open a space over. An engine, memory or disk, goes behind the admission of its space; any other store is
/// taken as it is and knows nothing of members.
#[derive(Debug, Clone)]
pub struct LocalStore(Kept);

#[derive(Debug, Clone)]
enum Kept {
    Plain(Arc<dyn ContentAddressedStore>),
    Judged(Arc<dyn Judging>),
}

impl LocalStore {
    /// An engine that can be judged, can keep what is refused, and can erase. Nobody else may write to it while the space
    /// is open: what does not come through the space's own store is judged only when the space is opened again.
    #[must_use]
    pub fn judged<E: Engine>(engine: Arc<E>) -> Self {
        Self(Kept::Judged(Arc::new(Typed(engine))))
    }
}

impl From<Arc<dyn ContentAddressedStore>> for LocalStore {
    fn from(store: Arc<dyn ContentAddressedStore>) -> Self {
        Self(Kept::Plain(store))
    }
}

impl From<Arc<MemoryStore>> for LocalStore {
    fn from(store: Arc<MemoryStore>) -> Self {
        Self::judged(store)
    }
}

#[cfg(feature = "disk")]
impl From<bulla_store_rocksdb::DiskStore> for LocalStore {
    fn from(store: bulla_store_rocksdb::DiskStore) -> Self {
        Self::judged(Arc::new(store))
    }
}

/// A place that keeps engines, one per space: memory and disk.
#[async_trait]
pub trait LocalSpaces: Spaces {
    /// The engine of a space that exists here.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] when it does not.
    async fn open_local(&self, space: SpaceId) -> Result<LocalStore, StoreError>;

    /// The engine of a space, made if there is none yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the engine.
    async fn create_local(&self, space: SpaceId) -> Result<LocalStore, StoreError>;
}

#[async_trait]
impl LocalSpaces for MemorySpaces {
    async fn open_local(&self, space: SpaceId) -> Result<LocalStore, StoreError> {
        // Asked first: taking it by its own type would make it.
        self.open(&Context::new(), space).await?;
        self.create_local(space).await
    }

    async fn create_local(&self, space: SpaceId) -> Result<LocalStore, StoreError> {
        Ok(self.memory_store(space)?.into())
    }
}

#[cfg(feature = "disk")]
#[async_trait]
impl LocalSpaces for bulla_store_rocksdb::DiskSpaces {
    async fn open_local(&self, space: SpaceId) -> Result<LocalStore, StoreError> {
        Ok(self.disk_store(space).await?.into())
    }

    async fn create_local(&self, space: SpaceId) -> Result<LocalStore, StoreError> {
        Ok(self.create_disk_store(space).await?.into())
    }
}

/// An engine whose own type is forgotten.
#[async_trait]
trait Judging: Debug + Send + Sync {
    fn engine(&self) -> Arc<dyn Engine>;
    fn store(&self) -> Arc<dyn ContentAddressedStore>;
    async fn guard(&self, cx: &Context) -> Result<Guard, StoreError>;
}

#[derive(Debug)]
struct Typed<E>(Arc<E>);

#[async_trait]
impl<E: Engine> Judging for Typed<E> {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::<E>::clone(&self.0) as _
    }

    fn store(&self) -> Arc<dyn ContentAddressedStore> {
        Arc::<E>::clone(&self.0) as _
    }

    async fn guard(&self, cx: &Context) -> Result<Guard, StoreError> {
        let settings = AdmissionSettings::default();
        let admission = DirectoryAdmission::open(cx, Arc::<E>::clone(&self.0), settings).await?;
        let admission = Arc::new(admission);
        let store = GuardedStore::judging(Arc::<E>::clone(&self.0), Arc::clone(&admission));
        let tending = Arc::new(admission.tend());
        Ok(Guard { engine: self.engine(), store: Arc::new(store), admission, _tending: tending })
    }
}

/// An engine under the directory.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) admission: Arc<DirectoryAdmission>,
    store: Arc<dyn ContentAddressedStore>,
    /// Finishes what a put left undone that was dropped or failed, as long as the space is open.
    _tending: Arc<Tending>,
}

/// A space's local store: as it is while the space has no members, behind the admission from the first control entry by
/// one of its founders on.
#[derive(Debug)]
pub(super) struct Gate {
    store: Arc<dyn ContentAddressedStore>,
    judging: Option<Arc<dyn Judging>>,
    /// Shared by what goes straight into the store, exclusive while it is brought under the directory.
    turn: RwLock<()>,
    guard: OnceLock<Guard>,
}

impl Gate {
    pub(super) async fn open(cx: &Context, local: LocalStore) -> Result<Self, StoreError> {
        let (store, judging) = match local.0 {
            Kept::Plain(store) => (store, None),
            Kept::Judged(judging) => (judging.store(), Some(judging)),
        };
        let gate = Self { store, judging, turn: RwLock::default(), guard: OnceLock::new() };
        let Some(judging) = &gate.judging else { return Ok(gate) };
        let is_governed = judging.engine().rule(cx).await? == Rule::Directory;
        if is_governed || gate.is_governed_by(cx, &gate.control_authors(cx).await?, None).await? {
            gate.enforce(cx).await?;
        }
        Ok(gate)
    }

    /// The admission and its engine, once the space has members.
    pub(super) fn guard(&self) -> Option<&Guard> {
        self.guard.get()
    }

    /// Brings the store under the directory, if it can be.
    pub(super) async fn enforce(&self, cx: &Context) -> Result<Option<&Guard>, StoreError> {
        let Some(judging) = &self.judging else { return Ok(None) };
        if self.guard.get().is_none() {
            let _turn = self.turn.write().await;
            if self.guard.get().is_none() {
                let guard = judging.guard(cx).await?;
                self.guard.get_or_init(|| guard);
            }
        }
        Ok(self.guard.get())
    }

    /// Whether one of these authors of control entries is somebody whom the genesis names. A control entry by anybody else
    /// says nothing yet, and must not bring a space under rules that its founders did not ask for.
    async fn is_governed_by(
        &self,
        cx: &Context,
        authors: &[AuthorKey],
        genesis: Option<&VerifiedEntry>,
    ) -> Result<bool, StoreError> {
        if authors.is_empty() {
            return Ok(false);
        }
        let held = match genesis {
            Some(genesis) => Some(genesis.clone()),
            None => match self.store.get_one(cx, EntryId(self.space().0)).await? {
                GetItem::Entry(entry) => Some(entry),
                _ => None,
            },
        };
        let Some(Control::Genesis(Genesis { founders, recovery, .. })) =
            held.as_ref().and_then(VerifiedEntry::control)
        else {
            return Ok(false);
        };
        let named = founders.iter().map(|founder| founder.author);
        let named: Vec<AuthorKey> = named.chain(recovery.map(|key| key.author)).collect();
        Ok(authors.iter().any(|author| named.contains(author)))
    }

    async fn control_authors(&self, cx: &Context) -> Result<Vec<AuthorKey>, StoreError> {
        let mut authors = Vec::new();
        let mut request = control_filter();
        loop {
            let page = self.store.scan(cx, request.clone()).await?;
            for item in page.items {
                if let ScanBody::Header(header, _) = item.body
                    && is_governing(header.header().kind)
                {
                    authors.push(header.header().author);
                }
            }
            if page.end {
                return Ok(authors);
            }
            request.after = Some(page.cursor);
        }
    }
}

fn is_governing(kind: Kind) -> bool {
    kind.is_control() && kind != Kind::GENESIS
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ContentAddressedStore for Gate {
    fn space(&self) -> SpaceId {
        self.store.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head, StoreError> {
        self.store.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport, StoreError> {
        if self.guard.get().is_none() && self.judging.is_some() {
            let governing = batch.iter().map(Verified::header);
            let governing = governing.filter(|header| is_governing(header.kind));
            let authors: Vec<AuthorKey> = governing.map(|header| header.author).collect();
            let genesis = batch.iter().find_map(|entry| match entry {
                Verified::Entry(entry) if entry.header().kind == Kind::GENESIS => Some(entry),
                _ => None,
            });
            if self.is_governed_by(cx, &authors, genesis).await? {
                self.enforce(cx).await?;
            }
        }
        let _turn = self.turn.read().await;
        match self.guard.get() {
            Some(guard) => guard.store.put(cx, batch).await,
            None => self.store.put(cx, batch).await,
        }
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>, StoreError> {
        self.store.get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence, StoreError> {
        self.store.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page, StoreError> {
        self.store.scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary, StoreError> {
        self.store.summary(cx, request).await
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream, StoreError> {
        self.store.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus, StoreError> {
        self.store.status(cx).await
    }
}
