//! Who may do what: by the lists of the configuration and by the directories of the spaces (NODE-20 to NODE-29).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bulla_core::control::Role;
use bulla_core::{AuthorKey, Code, PeerKey, SpaceId, Verified, VerifiedEntry};
use bulla_directory::Directory;
use bulla_server::{Access, AccessList, AccessRules, Rights};
use bulla_store::{ContentAddressedStore as _, Context, Result, StoreError};
use tokio::sync::{Mutex, watch};

use crate::config::{AcceptConfig, AcceptFrom, AccessKind, Config, SpacePattern};
use crate::relays::Relays;
use crate::stacks::Stacks;

/// The lists of who may do what.
#[must_use]
pub fn rules(config: &Config) -> AccessRules {
    let mut rules = AccessRules::new();
    for space in &config.spaces {
        if let SpacePattern::One(id) = space.id.get_ref() {
            // Its own list alone counts, also when it is empty.
            rules.close(*id);
        }
        for allow in space.allow() {
            match space.id.get_ref() {
                SpacePattern::One(id) => rules.allow(*id, allow.peer.0, allow.rights()),
                SpacePattern::Every => rules.allow_everywhere(allow.peer.0, allow.rights()),
            };
        }
    }
    rules
}

/// What a node goes by.
#[derive(Debug)]
pub struct NodeAccess {
    list: Arc<AccessList>,
    kinds: ArcSwap<Kinds>,
    stacks: Arc<Stacks>,
    /// One space is taken in at a time, so that their bounds hold.
    founding: Mutex<()>,
}

/// Which spaces are judged by what.
#[derive(Debug, Default)]
struct Kinds {
    named: HashMap<SpaceId, AccessKind>,
    rest: Option<AccessKind>,
    accept: Option<AcceptConfig>,
}

impl Kinds {
    fn new(config: &Config) -> Self {
        let mut kinds = Self::default();
        for space in &config.spaces {
            match space.id.get_ref() {
                SpacePattern::One(id) => _ = kinds.named.insert(*id, space.access()),
                SpacePattern::Every => {
                    kinds.rest = Some(space.access());
                    kinds.accept = space.accept.as_ref().map(|accept| *accept.get_ref());
                }
            }
        }
        kinds
    }

    fn is_judged(&self, space: &SpaceId) -> bool {
        let kind = self.named.get(space).copied().or(self.rest);
        kind == Some(AccessKind::Directory)
    }
}

impl NodeAccess {
    /// What a configuration says, over these spaces.
    #[must_use]
    pub fn new(config: &Config, stacks: Arc<Stacks>) -> Arc<Self> {
        Arc::new(Self {
            list: AccessList::new(rules(config)),
            kinds: ArcSwap::from_pointee(Kinds::new(config)),
            stacks,
            founding: Mutex::default(),
        })
    }

    /// Takes up another configuration. It counts from the next request on, and feeds under way are checked at once.
    pub fn replace(&self, config: &Config) {
        self.kinds.store(Arc::new(Kinds::new(config)));
        self.list.replace(rules(config));
        self.stacks.judged().tell();
    }

    /// The relays, if a space that is not here may come from this peer; it counts for the device that founded it.
    fn room_for(&self, peer: &PeerKey, founder: &AuthorKey, space: &SpaceId) -> Result<&Relays> {
        let not_served = StoreError::NotServed(*space);
        let Some(relays) = self.stacks.relays().filter(|_| self.stacks.is_judged_relay(space))
        else {
            return Err(not_served);
        };
        if let Some(relay) = relays.get(space) {
            let is_awaited = self.stacks.is_named(space) && relay.awaits_genesis();
            return if is_awaited { Ok(relays) } else { Err(not_served) };
        }
        let Some(accept) = self.kinds.load().accept.filter(|_| !self.stacks.is_named(space)) else {
            return Err(not_served);
        };
        if accept.from == AcceptFrom::Members && !self.is_known(peer) {
            return Err(not_served);
        }
        let is_unnamed = |space: &SpaceId| !self.stacks.is_named(space);
        let (all, theirs) = relays.count(founder, is_unnamed);
        if all >= accept.max_spaces || theirs >= accept.max_spaces_per_peer {
            tracing::warn!(all, theirs, "a space was sent away: there are as many as are accepted");
            let (code, reason) = (Code::new("node.busy"), "no further spaces are accepted".into());
            return Err(StoreError::Unavailable { code, reason, retry_after: None });
        }
        Ok(relays)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Access for NodeAccess {
    fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        if self.kinds.load().is_judged(space) {
            self.stacks.judged().rights(peer, space)
        } else {
            self.list.rights(peer, space)
        }
    }

    fn is_known(&self, peer: &PeerKey) -> bool {
        self.list.is_known(peer) || self.stacks.judged().knows(peer)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.stacks.judged().changes()
    }

    fn may_found(&self, peer: &PeerKey) -> bool {
        let accepts = match self.kinds.load().accept.map(|accept| accept.from) {
            Some(AcceptFrom::Anyone) => true,
            Some(AcceptFrom::Members) => self.is_known(peer),
            None => false,
        };
        let is_named = |space: &SpaceId| self.stacks.is_named(space);
        accepts || self.stacks.relays().is_some_and(|relays| relays.awaits_genesis(is_named))
    }

    async fn found(
        &self,
        cx: &Context,
        peer: &PeerKey,
        space: SpaceId,
        opening: Vec<VerifiedEntry>,
    ) -> Result<()> {
        // By what was brought alone, before anything is looked at that is here.
        let founder = opening.first().map(|genesis| genesis.header().author);
        let mut directory = Directory::new(space);
        directory.extend(&opening);
        let is_admin = directory.role(&AuthorKey(peer.0)) == Some(Role::Admin);
        let Some(founder) = founder.filter(|_| is_admin) else {
            return Err(StoreError::NotServed(space));
        };
        let _alone = self.founding.lock().await;
        let relays = self.room_for(peer, &founder, &space)?;
        let relay = relays.create(cx, space).await?;
        let batch = opening.into_iter().map(Verified::from).collect();
        let report = relay.store.put(cx, batch).await?;
        if report.outcomes.first().is_some_and(|outcome| outcome.receipt().is_some()) {
            tracing::info!(space = %space.short(), "a space was founded here");
            return Ok(());
        }
        let context = format!("a genesis was not stored: {:?}", report.outcomes);
        Err(StoreError::Internal { context, source: None })
    }
}
