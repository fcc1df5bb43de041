//! What a node in front of an upstream makes of control entries.

use std::sync::Arc;

use bulla_core::control::{Erase, Grant, GrantedDevice, Role};
use bulla_core::values::{GetItem, GetRequest, PayloadState, ScanBody, ScanRequest};
use bulla_core::{AuthorKey, NodeId, PeerKey, Verified, VerifiedEntry};
use bulla_crypto::{ChainEnd, EntryWriter};
use bulla_identity::{DeviceKeys, OsRandomness};
use bulla_server::Rights;
use bulla_store::cached::{CachedEntry, CachedPart};
use bulla_store::{
    CacheSettings, CacheStorage, CachedStore, ContentAddressedStore, Context, MemoryCacheStorage,
    MemoryStore, SystemClock,
};
use tokio::sync::watch;

use super::{ControlReplica, Front, JudgedStorage};
use crate::config::FollowConfig;
use crate::judged::{Judge, Judged};
use crate::owner::Owner;

mod away;

/// More control entries than any test has.
const MANY: usize = 100;

fn kept(entry: &VerifiedEntry) -> CachedEntry {
    CachedEntry { entry: entry.clone().into(), state: PayloadState::Present, generation: 0 }
}

#[tokio::test]
async fn rights_follow_from_control_entries_in_any_order_and_each_change_is_told() {
    let mut owner = Owner::new();
    let node = NodeId([7; 32]);
    let grant =
        owner.control(Grant { device: GrantedDevice::from(node), role: Role::Relay, label: None });
    let judged = Arc::<Judged>::default();
    let changes = judged.changes();
    let replica = ControlReplica::new(owner.space(), Arc::clone(&judged), None, MANY);
    assert!(replica.learn(&[grant]).await);
    let carrier = AuthorKey(node.0);
    assert_eq!(replica.rights(&carrier), Rights::NONE, "nobody is known before the genesis");
    assert!(replica.learn(std::slice::from_ref(&owner.genesis)).await);
    assert_eq!(replica.rights(&carrier), Rights { read: true, write: true, carry: true });
    let founder = replica.rights(&owner.keys.author());
    assert_eq!(founder, Rights { read: true, write: true, carry: false });
    assert!(changes.has_changed().unwrap());
}

/// Nobody follows the upstream here: what goes through is all that is heard.
///
/// Clauses: NODE-29.
#[tokio::test]
async fn what_is_stored_through_the_front_counts_there_before_its_sender_hears_of_it() {
    let mut owner = Owner::new();
    let node = NodeId([7; 32]);
    let grant =
        owner.control(Grant { device: GrantedDevice::from(node), role: Role::Relay, label: None });
    let upstream = MemoryStore::new(owner.space()).unwrap();
    let replica = Arc::new(ControlReplica::new(owner.space(), Arc::default(), None, MANY));
    let front = Front::new(Arc::new(upstream), Arc::clone(&replica));
    let batch = [owner.genesis.clone(), grant].map(Verified::from).to_vec();
    front.put(&Context::new(), batch).await.unwrap();
    let carrier = AuthorKey(node.0);
    assert_eq!(replica.rights(&carrier), Rights { read: true, write: true, carry: true });
}

/// An upstream that shows more than any space has is not believed, whichever way the entries come; and what it shows then takes
/// no more memory.
///
/// Clauses: NODE-29.
#[tokio::test]
async fn beyond_the_most_control_entries_nobody_is_served() {
    const MOST: usize = 3;
    let mut owner = Owner::new();
    let (space, founder) = (owner.space(), PeerKey(owner.keys.author().0));
    let nodes: Vec<NodeId> = (1..=4).map(|number| NodeId([number; 32])).collect();
    let grant = |node: &NodeId| {
        let device = GrantedDevice::from(*node);
        owner.control(Grant { device, role: Role::Relay, label: None })
    };
    let grants: Vec<VerifiedEntry> = nodes.iter().map(grant).collect();
    let judged = Arc::<Judged>::default();
    let replica = Arc::new(ControlReplica::new(space, Arc::clone(&judged), None, MOST));
    judged.enter(space, Judge::Front(Arc::clone(&replica)));
    assert!(replica.learn(&[owner.genesis.clone(), grants[0].clone()]).await);
    assert!(replica.learn(&grants[..2]).await, "twice the same is once");
    assert!(judged.rights(&founder, &space).any());

    let upstream: Arc<dyn ContentAddressedStore> = Arc::new(MemoryStore::new(space).unwrap());
    let front = Front::new(Arc::clone(&upstream), Arc::clone(&replica));
    let all = std::iter::once(&owner.genesis).chain(&grants);
    let batch = all.map(|entry| Verified::from(entry.clone())).collect();
    front.put(&Context::new(), batch).await.unwrap();
    assert!(!judged.rights(&founder, &space).any(), "nor is who was served before");
    let held = async |node: &NodeId| replica.rights(&AuthorKey(node.0)).any();
    let late = owner.control(Grant {
        device: GrantedDevice::from(NodeId([9; 32])),
        role: Role::Relay,
        label: None,
    });
    assert!(!replica.learn(&[late]).await);
    assert!(held(&nodes[3]).await && !held(&NodeId([9; 32])).await, "one batch more, and no other");

    // Nor does who follows the upstream from the beginning serve anybody.
    let replica = Arc::new(ControlReplica::new(space, Arc::clone(&judged), None, MOST));
    let (tried, mut was_tried) = watch::channel(false);
    let run = replica.run(upstream, nodes[0], FollowConfig::default(), tried);
    let following = tokio::spawn(run);
    was_tried.wait_for(|tried| *tried).await.unwrap();
    assert!(!judged.rights(&founder, &space).any());
    following.abort();
}

#[tokio::test]
async fn what_is_erased_leaves_the_cache_and_is_given_to_nobody() {
    let mut owner = Owner::new();
    let (space, cx) = (owner.space(), Context::new());
    let (secret, other) = (owner.write(), owner.write());
    let erase = owner.control(Erase { ids: vec![secret.id()], ranges: Vec::new() });
    let storage: Arc<dyn CacheStorage> = Arc::new(MemoryCacheStorage::new(1_000_000));
    storage.keep(&space, vec![kept(&secret), kept(&other)]).await.unwrap();
    let replica = ControlReplica::new(space, Arc::default(), Some(Arc::clone(&storage)), MANY);
    let replica = Arc::new(replica);
    assert!(replica.learn(&[owner.genesis.clone(), erase.clone()]).await);
    let ids = [secret.id(), other.id()];
    let held = async || {
        let found = storage.get(&space, &ids, CachedPart::Whole, u32::MAX).await.unwrap();
        found.iter().map(Option::is_some).collect::<Vec<bool>>()
    };
    assert_eq!(held().await, [false, true]);

    // It came from an upstream that had not heard of it, and is dropped again.
    storage.keep(&space, vec![kept(&secret)]).await.unwrap();
    let upstream = MemoryStore::new(space).unwrap();
    upstream.put(&cx, vec![secret.clone().into(), other.clone().into()]).await.unwrap();
    let front = Front::new(Arc::new(upstream), replica);
    let gone = PayloadState::Erased(erase.id());
    let request = GetRequest { ids: ids.to_vec(), max_bytes: u32::MAX };
    let items = front.get(&cx, request).await.unwrap();
    assert!(matches!(&items[0], GetItem::Header(_, state) if *state == gone), "{items:?}");
    assert!(matches!(&items[1], GetItem::Entry(_)), "{items:?}");
    assert_eq!(held().await, [false, true]);
    storage.keep(&space, vec![kept(&secret)]).await.unwrap();
    let page = front.scan(&cx, ScanRequest::everything()).await.unwrap();
    assert!(matches!(&page.items[0].body, ScanBody::Header(_, state) if *state == gone));
    assert!(matches!(&page.items[1].body, ScanBody::Entry(_)));
    assert_eq!(held().await, [false, true]);
}

/// An upstream that judges nothing, or helps a stranger, gives what it likes. It passes by and takes no room.
///
/// Clauses: NODE-29.
#[tokio::test]
async fn what_a_stranger_wrote_passes_through_a_cache_and_is_not_kept() {
    let mut owner = Owner::new();
    let (space, cx) = (owner.space(), Context::new());
    let keys = Arc::new(DeviceKeys::generate(&OsRandomness).unwrap());
    let writer = EntryWriter::new(Arc::clone(&keys), space, Arc::new(OsRandomness));
    let mut stranger =
        Owner { keys, writer, chain: ChainEnd::EMPTY, genesis: owner.genesis.clone() };
    let (ours, theirs) = (owner.write(), stranger.write());
    let junk = stranger.control(Erase { ids: vec![ours.id()], ranges: Vec::new() });
    let upstream = Arc::new(MemoryStore::new(space).unwrap());
    let everything = [&owner.genesis, &ours, &theirs, &junk];
    let batch = everything.into_iter().map(|entry| Verified::from(entry.clone())).collect();
    upstream.put(&cx, batch).await.unwrap();
    let storage: Arc<dyn CacheStorage> = Arc::new(MemoryCacheStorage::new(1_000_000));
    let replica = ControlReplica::new(space, Arc::default(), Some(Arc::clone(&storage)), MANY);
    let replica = Arc::new(replica);
    assert!(replica.learn(&[owner.genesis.clone(), junk.clone()]).await);
    let judged = JudgedStorage::over(Arc::clone(&storage), Arc::clone(&replica));
    let (node, clock) = (NodeId([7; 32]), Arc::new(SystemClock::new()));
    let settings = CacheSettings::default();
    let cache = CachedStore::open(upstream, judged, node, clock, settings).await.unwrap();
    let front = Front::new(Arc::new(cache), replica);
    for _ in 0..2 {
        let (mut given, mut request) = (Vec::new(), ScanRequest::everything());
        loop {
            let page = front.scan(&cx, request.clone()).await.unwrap();
            given.extend(page.items.iter().map(|item| item.id));
            if page.end {
                break;
            }
            request.after = Some(page.cursor);
        }
        assert_eq!(given, everything.map(|entry| entry.id()), "all of it passes by");
        let request = GetRequest { ids: vec![theirs.id()], max_bytes: u32::MAX };
        let items = front.get(&cx, request).await.unwrap();
        assert!(matches!(&items[0], GetItem::Entry(_)), "{items:?}");
    }
    let ids = everything.map(|entry| entry.id());
    let held = storage.get(&space, &ids, CachedPart::Whole, u32::MAX).await.unwrap();
    let held: Vec<bool> = held.iter().map(Option::is_some).collect();
    assert_eq!(held, [true, true, false, true]);
}
