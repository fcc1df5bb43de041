//! A feed tells nothing after the right to it, or the token it was begun with, is gone, and nobody can hold feeds without
//! bound.

use std::sync::Arc;

use bulla_conformance::suite::author::{World, whole};
use bulla_core::cbor::Encode;
use bulla_core::{NodeId, PeerKey, SpaceId};
use bulla_server::{Access, AccessList, AccessRules, Rights, ServiceSettings};
use bulla_store::Context;
use bulla_wire::Capabilities;
use bulla_wire::feed::{FeedDecoder, FeedItem, FeedRequest};
use bulla_wire::headers::format_hops;
use tokio::sync::watch;

use crate::support::{
    ALL, LONG, Node, READ, SetClock, Setup, Wire, device, one_member, request, space,
};

struct Feed {
    wire: Wire,
    decoder: FeedDecoder,
}

impl Feed {
    async fn begin(node: &Node, token: &str, spaces: &[SpaceId], heartbeat_ms: u64) -> Self {
        let body = FeedRequest { spaces: spaces.to_vec(), heartbeat_ms, rider_bytes: 0 };
        let fields = [("authorization", token), ("content-type", "application/cbor")];
        let mut wire = Wire::connect(node.address).await;
        wire.send(&request("POST", "/v1/feed", &fields, &body.to_cbor())).await;
        assert_eq!(wire.head().await.unwrap().0, 200);
        Self { wire, decoder: FeedDecoder::new() }
    }

    /// The next item; `None` when the feed has ended.
    async fn next(&mut self) -> Option<FeedItem> {
        loop {
            if let Some(item) = self.decoder.next_item().unwrap() {
                return Some(item);
            }
            let chunk = tokio::time::timeout(LONG, self.wire.chunk()).await.expect("an item");
            self.decoder.push(&chunk??);
        }
    }

    /// The next item that is no heartbeat.
    async fn event(&mut self) -> Option<FeedItem> {
        loop {
            match self.next().await {
                Some(FeedItem::Heartbeat) => {}
                other => return other,
            }
        }
    }
}

fn code(item: Option<FeedItem>) -> String {
    match item {
        Some(FeedItem::Over(error) | FeedItem::SpaceOver { error, .. }) => error.code.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A list that tells nobody that it changed.
#[derive(Debug)]
struct Untold(Arc<AccessList>, watch::Sender<u64>);

impl Access for Untold {
    fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        self.0.rights(peer, space)
    }

    fn is_known(&self, peer: &PeerKey) -> bool {
        self.0.is_known(peer)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }
}

/// Rights may be gone a moment before it is told; not even a heartbeat may come in that moment.
///
/// Clauses: NODE-22.
#[tokio::test]
async fn a64_no_heartbeat_comes_after_a_right_is_gone() {
    let member = device();
    let world = World::new([65; 32]).unwrap();
    let mut setup = one_member(&member, world.space()).await;
    setup.access = |list, _| Arc::new(Untold(list, watch::Sender::new(0)));
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let mut feed = Feed::begin(&node, &token, &[world.space()], 1_000).await;
    assert!(matches!(feed.next().await, Some(FeedItem::Head { .. })));
    assert!(matches!(feed.next().await, Some(FeedItem::Heartbeat)), "it may still");
    node.access.replace(AccessRules::new());
    assert_eq!(code(feed.next().await), "space.not_served");
    assert_eq!(code(feed.next().await), "space.not_served");
    assert!(feed.next().await.is_none());
}

#[tokio::test]
async fn a64_a_feed_ends_with_the_right_to_it() {
    let member = device();
    let world = World::new([64; 32]).unwrap();
    let setup = one_member(&member, world.space()).await;
    let spaces = Arc::clone(&setup.spaces);
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    // A heartbeat so rare that nothing but the loss of the right can wake this feed.
    let mut feed = Feed::begin(&node, &token, &[world.space()], 60_000).await;
    assert!(
        matches!(feed.next().await, Some(FeedItem::Head { head, .. }) if head.last_receipt == 0)
    );
    let store = spaces.open(&Context::new(), world.space()).await.unwrap();
    let entries = world.entries(0, 3).unwrap();
    store.put(&Context::new(), whole(&entries[..1])).await.unwrap();
    assert!(
        matches!(feed.next().await, Some(FeedItem::Head { head, .. }) if head.last_receipt == 1)
    );

    node.access.replace(AccessRules::new());
    store.put(&Context::new(), whole(&entries[1..])).await.unwrap();
    assert_eq!(code(feed.next().await), "space.not_served");
    assert_eq!(code(feed.next().await), "space.not_served");
    assert_eq!(feed.next().await, None, "nothing after that");
}

#[tokio::test]
async fn a64_a_feed_goes_on_for_the_spaces_that_are_left() {
    let member = device();
    let mut setup = one_member(&member, space(1)).await;
    setup.rules.allow(space(2), member.author().into(), READ);
    setup.spaces.create(&Context::new(), space(2)).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let mut feed = Feed::begin(&node, &token, &[space(1), space(2), space(3)], 60_000).await;
    let mut heads = Vec::new();
    for _ in 0..3 {
        match feed.next().await {
            Some(FeedItem::Head { space, .. }) => heads.push(space),
            Some(FeedItem::SpaceOver { space: over, .. }) => assert_eq!(over, space(3)),
            other => panic!("{other:?}"),
        }
    }
    heads.sort_unstable();
    assert_eq!(heads, [space(1), space(2)]);
    let mut rules = AccessRules::new();
    rules.allow(space(2), member.author().into(), READ);
    node.access.replace(rules);
    assert!(
        matches!(feed.next().await, Some(FeedItem::SpaceOver { space: over, .. }) if over == space(1))
    );
}

#[tokio::test]
async fn a64_a_feed_does_not_outlive_its_token() {
    let (member, clock) = (device(), SetClock::new());
    let setup = one_member(&member, space(1)).await;
    let node = Setup { clock: Arc::clone(&clock) as _, ..setup }.start().await;
    let token = node.token(&*member, &[]).await;
    let mut feed = Feed::begin(&node, &token, &[space(1)], 100).await;
    assert!(matches!(feed.next().await, Some(FeedItem::Head { .. })));
    assert_eq!(feed.next().await, Some(FeedItem::Heartbeat));
    clock.advance(15 * 60 * 1000);
    assert_eq!(code(feed.event().await), "login.token");
    assert_eq!(feed.next().await, None);
}

#[tokio::test]
async fn a64_feeds_are_counted_per_key() {
    let (greedy, other) = (device(), device());
    let mut setup = one_member(&greedy, space(1)).await;
    setup.rules.allow(space(1), other.author().into(), READ);
    let service =
        ServiceSettings { max_feeds: 10, max_feeds_per_peer: 2, ..ServiceSettings::default() };
    let node = Setup { service, ..setup }.start().await;
    // A second token of the same key is no second allowance.
    let (first, second) = (node.token(&*greedy, &[]).await, node.token(&*greedy, &[]).await);
    let mut held = vec![Feed::begin(&node, &first, &[space(1)], 60_000).await];
    held.push(Feed::begin(&node, &second, &[space(1)], 60_000).await);
    let body = FeedRequest { spaces: vec![space(1)], heartbeat_ms: 60_000, rider_bytes: 0 };
    let refused = node.post("/v1/feed", Some(&first), &body).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "node.busy"));
    let token = node.token(&*other, &[]).await;
    Feed::begin(&node, &token, &[space(1)], 60_000).await;
    drop(held.pop());
    // The place is free once the node has seen that the connection is gone.
    let freed = async {
        while node
            .post("/v1/feed", Some(&first), &FeedRequest { spaces: vec![space(9)], ..body.clone() })
            .await
            .status
            != 200
        {}
    };
    tokio::time::timeout(LONG, freed).await.expect("the place is freed");
}

/// The feeds that a proxy has at the node behind are one for each hop path, and few: a peer that makes up paths gets no
/// more than its share of them.
///
/// Clauses: NODE-30.
#[tokio::test]
async fn a64_feeds_by_made_up_paths_are_bounded() {
    let (greedy, other) = (device(), device());
    let mut setup = one_member(&greedy, space(1)).await;
    for carrier in [&greedy, &other] {
        setup.rules.allow(space(1), carrier.author().into(), ALL);
    }
    let service = ServiceSettings { max_feed_paths_per_peer: 2, ..ServiceSettings::default() };
    let node = Setup { service, ..setup }.start().await;
    let token = node.token(&*greedy, &[]).await;
    let ask = async |token: &str, hops: &[NodeId]| {
        let body = FeedRequest { spaces: vec![space(1)], heartbeat_ms: 60_000, rider_bytes: 0 };
        let hops = format_hops(hops);
        let mut fields = vec![("authorization", token), ("content-type", "application/cbor")];
        if !hops.is_empty() {
            fields.push(("bulla-hops", hops.as_str()));
        }
        let mut wire = Wire::connect(node.address).await;
        wire.send(&request("POST", "/v1/feed", &fields, &body.to_cbor())).await;
        (wire.head().await.unwrap().0, wire)
    };
    let path = |byte| [NodeId([byte; 32]), NodeId([0xff; 32])];
    let (first, one) = ask(&token, &path(1)).await;
    let (second, two) = ask(&token, &path(2)).await;
    assert_eq!((first, second), (200, 200));
    assert_eq!(ask(&token, &path(3)).await.0, 429, "node.busy");
    let (again, three) = ask(&token, &path(2)).await;
    assert_eq!(again, 200, "a path that is in use costs nothing more");
    assert_eq!(ask(&token, &[]).await.0, 200, "nor does a feed that passed no other node");
    let others = node.token(&*other, &[]).await;
    assert_eq!(ask(&others, &path(3)).await.0, 200, "others have their own share");
    drop((one, two, three));
    let freed = async { while ask(&token, &path(3)).await.0 != 200 {} };
    tokio::time::timeout(LONG, freed).await.expect("the paths are free again");
}

/// What a node announces it also keeps to, however far the format goes.
///
/// Clauses: NODE-30, CAP-5.
#[tokio::test]
async fn a57_a_feed_of_more_spaces_than_announced_is_refused() {
    let member = device();
    let setup = one_member(&member, space(1)).await;
    let service = ServiceSettings { max_feed_spaces: 2, ..ServiceSettings::default() };
    let node = Setup { service, ..setup }.start().await;
    let announced: Capabilities = node.get("/v1/capabilities", None).await.value();
    assert_eq!(announced.limits.feed_spaces, 2);
    let token = node.token(&*member, &[]).await;
    let body = |count: u8| FeedRequest {
        spaces: (1..=count).map(space).collect(),
        heartbeat_ms: 60_000,
        rider_bytes: 0,
    };
    let refused = node.post("/v1/feed", Some(&token), &body(3)).await;
    assert_eq!((refused.status, refused.code().as_str()), (413, "request.too_large"));
    Feed::begin(&node, &token, &body(2).spaces, 60_000).await;
}

#[tokio::test]
async fn a64_a_feed_ends_when_the_node_stops() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let token = node.token(&*member, &[]).await;
    let mut feed = Feed::begin(&node, &token, &[space(1)], 60_000).await;
    assert!(matches!(feed.next().await, Some(FeedItem::Head { .. })));
    node.stop.cancel();
    assert_eq!(code(feed.next().await), "node.draining");
    assert_eq!(feed.next().await, None);
    assert_eq!(node.serving.await.unwrap(), bulla_server::Drained::Clean);
}
