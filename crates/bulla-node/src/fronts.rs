//! Spaces that lie at an upstream and are judged here by their directories: the control entries are followed, and nothing
//! else is held for it (NODE-29).

mod front;
mod replica;
mod storage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_core::{NodeId, SpaceId};
use bulla_store::{CacheStorage, ContentAddressedStore};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::judged::Judged;
use crate::stacks::{Binding, InFront};

pub(crate) use front::Front;
pub(crate) use replica::ControlReplica;
pub(crate) use storage::JudgedStorage;

/// The spaces followed.
#[derive(Debug)]
pub(crate) struct Fronts {
    node: NodeId,
    judged: Arc<Judged>,
    followed: Mutex<HashMap<SpaceId, Followed>>,
}

#[derive(Debug)]
struct Followed {
    /// How the space was bound when this began; another binding begins anew.
    binding: Arc<Binding>,
    replica: Arc<ControlReplica>,
    /// Whether the upstream has answered, or was found away.
    tried: watch::Receiver<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Fronts {
    pub(crate) fn new(node: NodeId, judged: Arc<Judged>) -> Self {
        Self { node, judged, followed: Mutex::default() }
    }

    /// Follows these spaces, each at its upstream, and no others.
    pub(crate) fn follow(&self, spaces: Vec<InFront>, storage: Option<&Arc<dyn CacheStorage>>) {
        let mut followed = self.followed();
        let mut before = std::mem::take(&mut *followed);
        for in_front in spaces {
            let InFront { space, binding, .. } = &in_front;
            let (space, kept) = (*space, before.remove(space));
            let kept = kept.filter(|kept| Arc::ptr_eq(&kept.binding, binding));
            let Some(kept) = kept.or_else(|| self.begin(in_front, storage)) else { continue };
            followed.insert(space, kept);
        }
        for space in before.keys() {
            self.judged.leave(space);
        }
    }

    fn begin(
        &self,
        in_front: InFront,
        storage: Option<&Arc<dyn CacheStorage>>,
    ) -> Option<Followed> {
        let InFront { space, binding, follow } = in_front;
        let (client, storage) = match &*binding {
            Binding::Relay => return None,
            Binding::Passthrough(client) => (client, None),
            Binding::Cache { client, .. } => (client, storage.cloned()),
        };
        // What another upstream said of the space counts no more.
        self.judged.leave(&space);
        let (sender, tried) = watch::channel(false);
        let upstream: Arc<dyn ContentAddressedStore> = client.store(space);
        let (judged, most) = (Arc::clone(&self.judged), follow.max_control_entries);
        let replica = Arc::new(ControlReplica::new(space, judged, storage, most));
        let run = Arc::clone(&replica).run(upstream, self.node, follow, sender);
        let task = AbortOnDropHandle::new(tokio::spawn(run));
        Some(Followed { binding, replica, tried, _task: task })
    }

    /// Waits until every upstream was asked once.
    pub(crate) async fn tried(&self) {
        let waiting: Vec<_> = self.followed().values().map(|kept| kept.tried.clone()).collect();
        for mut tried in waiting {
            // It ends without that only if the space is followed no more.
            let _ = tried.wait_for(|tried| *tried).await;
        }
    }

    /// What is known of a space that is followed.
    pub(crate) fn replica(&self, space: &SpaceId) -> Option<Arc<ControlReplica>> {
        self.followed().get(space).map(|followed| Arc::clone(&followed.replica))
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<SpaceId, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
