//! Spaces that say themselves who may do what: what their directories say now (NODE-27).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bulla_admission::DirectoryAccess;
use bulla_core::control::Role;
use bulla_core::{AuthorKey, PeerKey, SpaceId};
use bulla_server::Rights;
use tokio::sync::watch;

use crate::fronts::ControlReplica;

/// The directories of the spaces that are served, to be asked before every request and every event of a feed. Asking takes
/// a look-up or two and never waits for a store.
#[derive(Debug)]
pub struct Judged {
    spaces: RwLock<HashMap<SpaceId, Judge>>,
    changes: watch::Sender<u64>,
}

/// Where the directory of a space is.
#[derive(Debug, Clone)]
pub(crate) enum Judge {
    /// Beside its store, here.
    Relay(DirectoryAccess),
    /// Read from the upstream.
    Front(Arc<ControlReplica>),
}

impl Default for Judged {
    fn default() -> Self {
        Self { spaces: RwLock::default(), changes: watch::Sender::new(0) }
    }
}

impl Judged {
    /// What a peer may do in a space now; nothing in one that is not judged here.
    #[must_use]
    pub fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        self.spaces().get(space).map_or(Rights::NONE, |judge| judge.rights(peer))
    }

    /// Whether a peer may do anything in any of these spaces.
    #[must_use]
    pub fn knows(&self, peer: &PeerKey) -> bool {
        self.spaces().values().any(|judge| judge.rights(peer).any())
    }

    /// A number that changes after any answer did.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Says that answers may have changed.
    pub(crate) fn tell(&self) {
        self.changes.send_modify(|number| *number = number.wrapping_add(1));
    }

    /// Asks this judge about a space from now on, instead of the one before.
    pub(crate) fn enter(&self, space: SpaceId, judge: Judge) {
        if let Judge::Relay(access) = &judge {
            let (mut generations, changes) = (access.watch(), self.changes.clone());
            // It ends when the last who holds the access is gone.
            tokio::spawn(async move {
                while generations.changed().await.is_ok() {
                    changes.send_modify(|number| *number = number.wrapping_add(1));
                }
            });
        }
        self.spaces.write().unwrap_or_else(PoisonError::into_inner).insert(space, judge);
        self.tell();
    }

    /// Nobody has a right in this space any more.
    pub(crate) fn leave(&self, space: &SpaceId) {
        self.spaces.write().unwrap_or_else(PoisonError::into_inner).remove(space);
        self.tell();
    }

    fn spaces(&self) -> RwLockReadGuard<'_, HashMap<SpaceId, Judge>> {
        self.spaces.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Judge {
    fn rights(&self, peer: &PeerKey) -> Rights {
        let device = AuthorKey(peer.0);
        match self {
            Self::Relay(access) => {
                let rights = access.rights(&device);
                // Whoever takes entries may hand on those of others: each is judged by its own author (ADM-6).
                rights_of(rights.carry, rights.role)
            }
            Self::Front(replica) => replica.rights(&device),
        }
    }
}

/// The rights of somebody who belongs to a space or does not. Members of every role carry entries from place to place, and
/// only nodes go between: they alone have a hop path (HOP-1).
pub(crate) fn rights_of(belongs: bool, role: Option<Role>) -> Rights {
    Rights { read: belongs, write: belongs, carry: role == Some(Role::Relay) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_read_and_put_and_only_nodes_go_between() {
        assert_eq!(rights_of(false, None), Rights::NONE);
        for role in Role::ALL {
            let rights = rights_of(true, Some(role));
            assert!(rights.read && rights.write);
            assert_eq!(rights.carry, role == Role::Relay);
        }
        // The recovery key in force has no role.
        assert_eq!(rights_of(true, None), Rights { read: true, write: true, carry: false });
    }
}
