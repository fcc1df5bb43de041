//! Spaces that lie here and are judged by their directories: a store behind an admission each (NODE-27).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_admission::{AdmissionSettings, DirectoryAdmission, Tending};
use bulla_core::{AuthorKey, SpaceId};
use bulla_store::{Context, GuardedStore, Result, StoreError};
use bulla_store_rocksdb::{DiskSpaces, DiskStore};
use tokio::sync::OnceCell;

use crate::judged::{Judge, Judged};

/// A space that lies here.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    /// What peers are given.
    pub(crate) store: Arc<GuardedStore<DiskStore, DirectoryAdmission>>,
    /// What judges.
    pub(crate) admission: Arc<DirectoryAdmission>,
    /// A put ends with the connection that it came by; what it left undone, such as a revocation that is stored and has taken
    /// no right yet, is finished all the same.
    _tending: Arc<Tending>,
}

/// The open ones. There is one admission a space, and it stays: what it knows is what peers may do.
#[derive(Debug)]
pub(crate) struct Relays {
    disk: DiskSpaces,
    judged: Arc<Judged>,
    open: Mutex<HashMap<SpaceId, Arc<OnceCell<Relay>>>>,
}

impl Relays {
    pub(crate) fn new(disk: DiskSpaces, judged: Arc<Judged>) -> Self {
        Self { disk, judged, open: Mutex::default() }
    }

    /// A space that is on the disk.
    pub(crate) async fn open(&self, cx: &Context, space: SpaceId) -> Result<Relay> {
        let cell = self.opened().get(&space).cloned();
        if let Some(relay) = cell.as_ref().and_then(|cell| cell.get()) {
            return Ok(relay.clone());
        }
        let engine = self.disk.disk_store(space).await?;
        self.begin(cx, space, engine).await
    }

    /// A space that is made unless it is on the disk.
    pub(crate) async fn create(&self, cx: &Context, space: SpaceId) -> Result<Relay> {
        let engine = self.disk.create_disk_store(space).await?;
        self.begin(cx, space, engine).await
    }

    async fn begin(&self, cx: &Context, space: SpaceId, engine: DiskStore) -> Result<Relay> {
        let cell = Arc::clone(self.opened().entry(space).or_default());
        let begin = async || {
            let engine = Arc::new(engine);
            let settings = AdmissionSettings::default();
            let admission = DirectoryAdmission::open(cx, Arc::clone(&engine), settings).await?;
            let admission = Arc::new(admission);
            self.judged.enter(space, Judge::Relay(admission.access().clone()));
            let store = Arc::new(GuardedStore::judging(engine, Arc::clone(&admission)));
            let tending = Arc::new(admission.tend());
            Ok::<_, StoreError>(Relay { store, admission, _tending: tending })
        };
        cell.get_or_try_init(begin).await.cloned()
    }

    /// The space, if it is open.
    pub(crate) fn get(&self, space: &SpaceId) -> Option<Relay> {
        self.opened().get(space)?.get().cloned()
    }

    /// Those for which this holds stay open.
    pub(crate) fn retain(&self, stays: impl Fn(&SpaceId) -> bool) {
        self.opened().retain(|space, _| {
            let stays = stays(space);
            if !stays {
                self.judged.leave(space);
            }
            stays
        });
    }

    /// Whether a space for which this holds has no genesis yet.
    pub(crate) fn awaits_genesis(&self, counts: impl Fn(&SpaceId) -> bool) -> bool {
        let open = self.opened();
        let relays = open.iter().filter(|(space, _)| counts(space));
        relays.filter_map(|(_, cell)| cell.get()).any(Relay::awaits_genesis)
    }

    /// How many of the spaces for which this holds are open, and how many of them this device founded.
    pub(crate) fn count(
        &self,
        founder: &AuthorKey,
        counts: impl Fn(&SpaceId) -> bool,
    ) -> (usize, usize) {
        let open = self.opened();
        let (mut all, mut theirs) = (0, 0);
        for (_, cell) in open.iter().filter(|(space, _)| counts(space)) {
            all += 1;
            let is_theirs = |relay: &Relay| {
                relay.admission.with_directory(|directory| {
                    let founders = directory.genesis().map(|genesis| genesis.founders.as_slice());
                    founders.and_then(<[_]>::first).is_some_and(|first| first.author == *founder)
                })
            };
            theirs += usize::from(cell.get().is_some_and(is_theirs));
        }
        (all, theirs)
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<SpaceId, Arc<OnceCell<Relay>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Relay {
    /// Whether nobody founded it yet.
    pub(crate) fn awaits_genesis(&self) -> bool {
        self.admission.with_directory(|directory| directory.genesis().is_none())
    }
}

#[cfg(test)]
mod tests;
