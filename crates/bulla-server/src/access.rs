//! Who may do what in which space (NODE-20 to NODE-29).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bulla_core::{PeerKey, SpaceId, VerifiedEntry};
use bulla_store::{Context, Result, StoreError};
use tokio::sync::watch;

/// What a peer may do in a space. Each right stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Rights {
    /// May fetch entries and see heads.
    pub read: bool,
    /// May put entries.
    pub write: bool,
    /// May ask on behalf of others: send a hop path.
    pub carry: bool,
}

impl Rights {
    /// No right.
    pub const NONE: Self = Self { read: false, write: false, carry: false };

    /// Whether there is any. Without one the peer does not learn that the space exists.
    #[must_use]
    pub const fn any(self) -> bool {
        self.read || self.write || self.carry
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
            carry: self.carry || other.carry,
        }
    }
}

/// Decides about every request and every event of a feed.
///
/// The answer must be ready at once: it is asked each time and never kept, so that taking a right away acts on the next
/// request, and on feeds under way as soon as [`changes`](Self::changes) moves.
#[async_trait]
pub trait Access: fmt::Debug + Send + Sync + 'static {
    /// What the peer with this key may do in the space; [`Rights::NONE`] for a space not known.
    fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights;

    /// Whether the key has any right in any space: only then is it worth remembering that it logged in.
    fn is_known(&self, peer: &PeerKey) -> bool;

    /// A number that changes whenever any answer may have changed.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Whether this peer, who has no right in it, may bring a space that is not here yet (NODE-28). It must not depend on
    /// what is here. Keys for which it holds may log in although they are not known.
    fn may_found(&self, _peer: &PeerKey) -> bool {
        false
    }

    /// Takes in a space that is not here, by the control entries that a put begins with, its genesis first. Whether this
    /// peer may bring it by them is decided before anything is looked at that is here. From then on the peer has the rights
    /// that they give it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotServed`] where the space may not come, not from this peer, or is here;
    /// [`StoreError::Unavailable`] where there is no room for another one; those of the store.
    async fn found(
        &self,
        _cx: &Context,
        _peer: &PeerKey,
        space: SpaceId,
        _opening: Vec<VerifiedEntry>,
    ) -> Result<()> {
        Err(StoreError::NotServed(space))
    }
}

/// Rights from a list, which can be replaced while requests go on.
#[derive(Debug)]
pub struct AccessList {
    rules: ArcSwap<AccessRules>,
    changes: watch::Sender<u64>,
}

/// The list itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRules {
    spaces: HashMap<SpaceId, HashMap<PeerKey, Rights>>,
    everywhere: HashMap<PeerKey, Rights>,
    known: HashSet<PeerKey>,
}

impl AccessRules {
    /// An empty list: nobody may do anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a peer rights in one space, beside those it has.
    pub fn allow(&mut self, space: SpaceId, peer: PeerKey, rights: Rights) -> &mut Self {
        let held = self.spaces.entry(space).or_default().entry(peer).or_default();
        *held = held.and(rights);
        self.know(peer, rights)
    }

    /// Gives a peer rights in every space, known or not, except those that [`close`](Self::close) names.
    pub fn allow_everywhere(&mut self, peer: PeerKey, rights: Rights) -> &mut Self {
        let held = self.everywhere.entry(peer).or_default();
        *held = held.and(rights);
        self.know(peer, rights)
    }

    /// Makes a space one whose own list alone counts, even if it is empty.
    pub fn close(&mut self, space: SpaceId) -> &mut Self {
        self.spaces.entry(space).or_default();
        self
    }

    fn know(&mut self, peer: PeerKey, rights: Rights) -> &mut Self {
        if rights.any() {
            self.known.insert(peer);
        }
        self
    }

    /// What the peer may do in the space.
    #[must_use]
    pub fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        let list = self.spaces.get(space).unwrap_or(&self.everywhere);
        list.get(peer).copied().unwrap_or_default()
    }
}

impl AccessList {
    /// A list in use.
    #[must_use]
    pub fn new(rules: AccessRules) -> Arc<Self> {
        Arc::new(Self { rules: ArcSwap::from_pointee(rules), changes: watch::Sender::new(0) })
    }

    /// Puts another list in its place. It counts from the next request on, and feeds under way are checked at once.
    pub fn replace(&self, rules: AccessRules) {
        self.rules.store(Arc::new(rules));
        self.changes.send_modify(|version| *version = version.wrapping_add(1));
    }
}

#[async_trait]
impl Access for AccessList {
    fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        self.rules.load().rights(peer, space)
    }

    fn is_known(&self, peer: &PeerKey) -> bool {
        self.rules.load().known.contains(peer)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Rights = Rights { read: true, write: false, carry: false };
    const WRITE: Rights = Rights { read: false, write: true, carry: false };

    #[test]
    fn nobody_may_do_anything_unless_it_says_so() {
        let rules = AccessRules::new();
        assert_eq!(rules.rights(&PeerKey([1; 32]), &SpaceId([2; 32])), Rights::NONE);
    }

    #[test]
    fn rights_add_up_and_stay_in_their_space() {
        let (alice, bob) = (PeerKey([1; 32]), PeerKey([2; 32]));
        let (here, there) = (SpaceId([3; 32]), SpaceId([4; 32]));
        let mut rules = AccessRules::new();
        rules.allow(here, alice, READ).allow(here, alice, WRITE).allow(there, bob, READ);
        assert_eq!(rules.rights(&alice, &here), READ.and(WRITE));
        assert_eq!(rules.rights(&alice, &there), Rights::NONE);
        assert_eq!(rules.rights(&bob, &here), Rights::NONE);
    }

    #[test]
    fn a_space_with_its_own_list_is_not_open_to_those_allowed_everywhere() {
        let alice = PeerKey([1; 32]);
        let (closed, other) = (SpaceId([3; 32]), SpaceId([4; 32]));
        let mut rules = AccessRules::new();
        rules.allow_everywhere(alice, READ).close(closed);
        assert_eq!(rules.rights(&alice, &closed), Rights::NONE);
        assert_eq!(rules.rights(&alice, &other), READ);
    }

    #[test]
    fn a_replaced_list_counts_at_once_and_is_told() {
        let (alice, space) = (PeerKey([1; 32]), SpaceId([3; 32]));
        let mut rules = AccessRules::new();
        rules.allow(space, alice, READ);
        let list = AccessList::new(rules);
        let changes = list.changes();
        assert!(list.is_known(&alice) && list.rights(&alice, &space).read);
        list.replace(AccessRules::new());
        assert!(!list.is_known(&alice) && !list.rights(&alice, &space).any());
        assert!(changes.has_changed().unwrap());
    }
}
