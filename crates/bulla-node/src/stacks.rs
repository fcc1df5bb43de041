//! Which stack of stores serves a space: the part of a node that its configuration decides (NODE-40 to NODE-46).

mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bulla_core::{NodeId, SpaceId};
use bulla_identity::NodeKeys;
use bulla_store::{
    CacheStorage, CachedStore, Clock, ContentAddressedStore, Context, Result, SpacePage, Spaces,
    StoreError, rules,
};
use bulla_store_rocksdb::{DiskSpaces, DiskStore};
use tokio::sync::OnceCell;

use crate::config::{AccessKind, Config, Mode};
use crate::fronts::{Front, Fronts, JudgedStorage};
use crate::judged::Judged;
use crate::members::Membership;
use crate::passthrough::Passthrough;
use crate::relays::{Relay, Relays};
use plan::Plan;

pub(crate) use plan::{Binding, InFront};

pub use plan::PlanError;

/// The spaces of a node, each over the stack of stores that the configuration says.
#[derive(Debug)]
pub struct Stacks {
    keys: Arc<NodeKeys>,
    clock: Arc<dyn Clock>,
    disk: Option<DiskSpaces>,
    judged: Arc<Judged>,
    /// Relayed spaces that are judged by their directories; there as soon as there is a database.
    relays: Option<Relays>,
    fronts: Fronts,
    /// What all caches keep what they hold in; there from the moment that the first of them is configured.
    cache: OnceLock<Arc<dyn CacheStorage>>,
    plan: ArcSwap<Plan>,
    /// Stacks in use. A network store goes on with an answer where the last call stopped, and a cache coalesces, so
    /// everybody must get the same one.
    open: Mutex<HashMap<SpaceId, Opened>>,
}

#[derive(Debug, Clone)]
struct Opened {
    /// How the space was bound when this was opened; another binding makes another stack.
    binding: Arc<Binding>,
    store: Arc<OnceCell<Arc<dyn ContentAddressedStore>>>,
}

impl Stacks {
    /// Stacks as configured. Blocks while certificates are read.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when an upstream cannot be used.
    pub fn new(
        config: &Config,
        keys: Arc<NodeKeys>,
        clock: Arc<dyn Clock>,
        disk: Option<DiskSpaces>,
    ) -> std::result::Result<Self, PlanError> {
        let plan = Plan::new(config, &keys, &clock, None)?;
        let plan = ArcSwap::from_pointee(plan);
        let judged = Arc::<Judged>::default();
        let relays = disk.clone().map(|disk| Relays::new(disk, Arc::clone(&judged)));
        let fronts = Fronts::new(keys.node_id(), Arc::clone(&judged));
        let (cache, open) = (OnceLock::new(), Mutex::default());
        Ok(Self { keys, clock, disk, judged, relays, fronts, cache, plan, open })
    }

    /// What the directories of its spaces say.
    #[must_use]
    pub const fn judged(&self) -> &Arc<Judged> {
        &self.judged
    }

    /// Gives the caches something to keep what they hold in, unless they have it.
    #[must_use]
    pub fn with_cache(self, storage: Option<Arc<dyn CacheStorage>>) -> Self {
        storage.into_iter().for_each(|storage| self.set_cache(storage));
        self
    }

    pub(crate) fn set_cache(&self, storage: Arc<dyn CacheStorage>) {
        // The first one stays: what caches hold lies there.
        let _ = self.cache.set(storage);
    }

    pub(crate) fn has_cache(&self) -> bool {
        self.cache.get().is_some()
    }

    /// Takes up another configuration. Requests under way go on with what they began with; connections to upstreams whose
    /// part of the configuration stayed as it was are kept.
    ///
    /// # Errors
    ///
    /// [`PlanError`]; then everything stays as it was.
    pub fn reconfigure(&self, config: &Config) -> std::result::Result<(), PlanError> {
        let plan = Plan::new(config, &self.keys, &self.clock, Some(&self.plan.load()))?;
        if let Some(relays) = &self.relays {
            relays.retain(|space| plan.is_judged_relay(space));
        }
        self.plan.store(Arc::new(plan));
        Ok(())
    }

    /// Makes the stores of the relayed spaces that are named, so that their members find them; reads the directories of
    /// all spaces on the disk that are judged by them, and begins to follow those of spaces at upstreams.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of the database.
    pub async fn begin(&self) -> Result<()> {
        let (plan, cx) = (self.plan.load_full(), Context::new());
        self.fronts.follow(plan.judged_in_front(), self.cache.get());
        for space in plan.named(Mode::Relay) {
            match self.relays.as_ref().filter(|_| plan.is_judged(&space)) {
                Some(relays) => drop(relays.create(&cx, space).await?),
                None => drop(self.create(&cx, space).await?),
            }
        }
        let Some((disk, relays)) = self.disk.as_ref().zip(self.relays.as_ref()) else {
            return Ok(());
        };
        let mut after = None;
        loop {
            let page = disk.list(&cx, after, rules::clamp_space_limit(usize::MAX)).await?;
            for space in page.spaces.iter().filter(|space| plan.is_judged_relay(space)) {
                relays.open(&cx, *space).await?;
            }
            after = page.spaces.last().copied();
            if page.end || after.is_none() {
                return Ok(());
            }
        }
    }

    /// Waits until every upstream whose directories count here was asked for them once, though not for ever.
    pub(crate) async fn fronts_tried(&self) {
        // Whoever comes before an upstream has answered is sent away, and may come again.
        let _ = tokio::time::timeout(FRONTS_PATIENCE, self.fronts.tried()).await;
    }

    /// The open relays, if this node has a database.
    pub(crate) const fn relays(&self) -> Option<&Relays> {
        self.relays.as_ref()
    }

    /// Whether a space has a table of its own.
    pub(crate) fn is_named(&self, space: &SpaceId) -> bool {
        self.plan.load().is_named(space)
    }

    /// Whether a space, here or not, is one to be kept here and judged by its directory.
    pub(crate) fn is_judged_relay(&self, space: &SpaceId) -> bool {
        self.plan.load().is_judged_relay(space)
    }

    /// What the operator is told of who belongs to a space on the disk.
    pub(crate) async fn membership(&self, cx: &Context, store: &DiskStore) -> Result<Membership> {
        let space = store.space();
        let relay = self.relays.as_ref().and_then(|relays| relays.get(&space));
        match relay {
            Some(relay) => {
                let roles = relay.admission.with_directory(Membership::roles);
                Membership::of(cx, store, roles).await
            }
            None => {
                let is_served = self.plan.load().binding(&space).is_some();
                Membership::read(cx, store, is_served.then_some(AccessKind::List)).await
            }
        }
    }

    async fn relay(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        if !self.is_judged_relay(&space) {
            return self.disk(space)?.open(cx, space).await;
        }
        let relays = self.relays.as_ref().ok_or(StoreError::NotServed(space))?;
        let Relay { store, .. } = relays.open(cx, space).await?;
        Ok(store)
    }

    fn binding(&self, space: &SpaceId) -> Result<Arc<Binding>> {
        self.plan.load().binding(space).ok_or(StoreError::NotServed(*space))
    }

    fn disk(&self, space: SpaceId) -> Result<&DiskSpaces> {
        self.disk.as_ref().ok_or(StoreError::NotServed(space))
    }

    /// The stack in front of an upstream, the same for everybody who asks at the same time.
    async fn in_front(
        &self,
        space: SpaceId,
        binding: Arc<Binding>,
    ) -> Result<Arc<dyn ContentAddressedStore>> {
        let opened = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.len() >= MAX_OPEN {
                // Only those that nobody holds: whoever comes next opens them anew.
                open.retain(|_, opened| {
                    opened.store.get().is_none_or(|store| Arc::strong_count(store) > 1)
                });
            }
            let fresh = || Opened { binding: Arc::clone(&binding), store: Arc::default() };
            let opened = open.entry(space).or_insert_with(fresh);
            if !Arc::ptr_eq(&opened.binding, &binding) {
                *opened = fresh();
            }
            opened.clone()
        };
        let make = || self.make(space, &binding);
        opened.store.get_or_try_init(make).await.cloned()
    }

    async fn make(
        &self,
        space: SpaceId,
        binding: &Binding,
    ) -> Result<Arc<dyn ContentAddressedStore>> {
        let (node, replica) = (self.keys.node_id(), self.fronts.replica(&space));
        let store: Arc<dyn ContentAddressedStore> = match binding {
            Binding::Relay => return Err(StoreError::NotServed(space)),
            Binding::Passthrough(client) => Arc::new(Passthrough::new(client.store(space), node)),
            Binding::Cache { client, settings } => {
                let storage = self.cache.get().ok_or(StoreError::NotServed(space))?;
                let upstream = client.store(space);
                let storage = match &replica {
                    Some(replica) => JudgedStorage::over(Arc::clone(storage), Arc::clone(replica)),
                    None => Arc::clone(storage),
                };
                let clock = Arc::clone(&self.clock);
                Arc::new(CachedStore::open(upstream, storage, node, clock, *settings).await?)
            }
        };
        Ok(match replica {
            Some(replica) => Arc::new(Front::new(store, replica)),
            None => store,
        })
    }

    /// The key this node is known by.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.keys.node_id()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Spaces for Stacks {
    async fn open(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        let binding = self.binding(&space)?;
        match &*binding {
            Binding::Relay => self.relay(cx, space).await,
            Binding::Passthrough(_) | Binding::Cache { .. } => self.in_front(space, binding).await,
        }
    }

    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        let binding = self.binding(&space)?;
        match &*binding {
            // Who may do what in such a space says its directory, which a space that is made has not (NODE-28).
            Binding::Relay if self.is_judged_relay(&space) => self.relay(cx, space).await,
            Binding::Relay => self.disk(space)?.create(cx, space).await,
            Binding::Passthrough(_) | Binding::Cache { .. } => self.in_front(space, binding).await,
        }
    }

    /// Named spaces, those on disk, and those of an upstream that every other space is bound to.
    async fn list(&self, cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        let limit = rules::clamp_space_limit(limit);
        let plan = self.plan.load_full();
        let mut spaces = plan.named_in_front();
        spaces.retain(|space| after.is_none_or(|after| *space > after));
        let mut end = true;
        if let Some(disk) = &self.disk {
            let page = disk.list(cx, after, limit).await?;
            let is_relayed =
                |space: &SpaceId| matches!(plan.binding(space).as_deref(), Some(Binding::Relay));
            end &= page.end;
            // A page says nothing of what lies behind its last space, so nothing behind it may be told either.
            cut(&mut spaces, &page);
            spaces.extend(page.spaces.into_iter().filter(is_relayed));
        }
        if let Some(client) = plan.rest_in_front() {
            let onward = Context { hops: cx.hops.through(self.node_id())?, ..cx.clone() };
            let page = client.list(&onward, after, limit).await?;
            end &= page.end;
            cut(&mut spaces, &page);
            let is_theirs = |space: &SpaceId| !plan.is_named(space);
            spaces.extend(page.spaces.into_iter().filter(is_theirs));
        }
        spaces.sort_unstable();
        spaces.dedup();
        if spaces.len() > limit {
            spaces.truncate(limit);
            end = false;
        }
        Ok(SpacePage { spaces, end })
    }

    async fn remove(&self, cx: &Context, space: SpaceId) -> Result<bool> {
        match &*self.binding(&space)? {
            Binding::Relay => {
                if let Some(relays) = &self.relays {
                    relays.retain(|other| *other != space);
                }
                self.disk(space)?.remove(cx, space).await
            }
            Binding::Passthrough(_) | Binding::Cache { .. } => {
                Err(StoreError::Unsupported { what: "removing a space that is kept elsewhere" })
            }
        }
    }
}

/// Leaves out what lies behind a page that is not the last.
fn cut(spaces: &mut Vec<SpaceId>, page: &SpacePage) {
    if !page.end
        && let Some(last) = page.spaces.last()
    {
        spaces.retain(|space| space <= last);
    }
}

/// How long a node that starts waits for its upstreams.
const FRONTS_PATIENCE: Duration = Duration::from_secs(10);
/// Stacks in front of upstreams that are kept open; each costs little beside what a cache holds.
const MAX_OPEN: usize = 4_096;
