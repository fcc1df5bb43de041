//! What a peer may do just now, for nodes to ask on every request and every event of a feed.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bulla_core::AuthorKey;
use bulla_core::control::Role;
use bulla_directory::Directory;
use tokio::sync::watch;

/// What a peer may do in a space (CTL-5). Nobody who is no member may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// Its present role; `None` for strangers and recovery keys.
    pub role: Option<Role>,
    /// Take entries and put those of others: from relay on.
    pub carry: bool,
    /// Read: from reader on.
    pub read: bool,
    /// Put control entries of its own: from reader on, and the recovery key in force.
    pub control: bool,
    /// Put application entries of its own: from writer on.
    pub write: bool,
}

impl Rights {
    /// The rights of a role.
    #[must_use]
    pub fn of(role: Option<Role>) -> Self {
        Self {
            role,
            carry: role >= Some(Role::Relay),
            read: role >= Some(Role::Reader),
            control: role >= Some(Role::Reader),
            write: role >= Some(Role::Writer),
        }
    }

    /// Those of the recovery key in force: it takes what it needs to sign its one entry, and puts that.
    const fn of_recovery_key() -> Self {
        Self { role: None, carry: true, read: true, control: true, write: false }
    }
}

/// Tells what peers may do, by the directory as it is now. Cheap to clone; asking takes one look-up, and waits for nothing
/// but a change of members being entered.
///
/// The generation rises with every change of members, once the control entries that say so are durable and before anything
/// is marked by them. A node that watches it asks again for every peer it serves, and cuts off those that may not any more.
#[derive(Debug, Clone)]
pub struct DirectoryAccess {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    peers: RwLock<Peers>,
    generation: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Peers {
    roles: HashMap<AuthorKey, Role>,
    recovery_key: Option<AuthorKey>,
}

impl DirectoryAccess {
    pub(crate) fn new() -> Self {
        let (peers, generation) = (RwLock::default(), watch::Sender::new(0));
        Self { shared: Arc::new(Shared { peers, generation }) }
    }

    /// What the peer with this key may do now.
    #[must_use]
    pub fn rights(&self, peer: &AuthorKey) -> Rights {
        let peers = self.shared.peers.read().unwrap_or_else(PoisonError::into_inner);
        match peers.roles.get(peer) {
            Some(role) => Rights::of(Some(*role)),
            None if peers.recovery_key == Some(*peer) => Rights::of_recovery_key(),
            None => Rights::default(),
        }
    }

    /// How often members changed since the admission was opened.
    #[must_use]
    pub fn generation(&self) -> u64 {
        *self.shared.generation.borrow()
    }

    /// The generation as it changes; a slow reader sees only the newest. It ends when the admission is gone and all its
    /// accesses with it.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.generation.subscribe()
    }

    /// Enters what these devices may do now; all of them where `changed` is `None`.
    pub(crate) fn enter(&self, directory: &Directory, changed: Option<&[AuthorKey]>) {
        let mut peers = self.shared.peers.write().unwrap_or_else(PoisonError::into_inner);
        let recovery_key = directory.recovery_key().map(|key| key.author);
        let is_same_key = peers.recovery_key == recovery_key;
        peers.recovery_key = recovery_key;
        match changed {
            Some([]) if is_same_key => return,
            Some(changed) => {
                for device in changed {
                    match directory.role(device) {
                        Some(role) => _ = peers.roles.insert(*device, role),
                        None => _ = peers.roles.remove(device),
                    }
                }
            }
            None => {
                let members = directory.members().into_iter();
                peers.roles = members.map(|member| (member.device, member.role)).collect();
            }
        }
        drop(peers);
        self.shared.generation.send_modify(|generation| *generation = generation.saturating_add(1));
    }
}
