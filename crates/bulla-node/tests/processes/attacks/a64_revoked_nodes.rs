//! A node that carries for others is cut off like any device: its requests, its feeds, and all who came by it, at the relay
//! and as many nodes further on as there are. And who is cut off at a node in front holds nothing open behind it.

use bulla_core::cbor::Encode as _;
use bulla_core::control::Role;
use bulla_identity::{NodeKeys, OsRandomness};
use bulla_wire::Route;
use bulla_wire::feed::{FeedDecoder, FeedItem, FeedRequest};
use bulla_wire::headers::{self, format_hops};
use bulla_wire::route::SpaceRoute;
use futures_util::StreamExt as _;

use crate::fronts::{Scene, configure_front};
use crate::raw::{self, Raw, request};
use crate::spaces::share;
use crate::support::{BEFORE_THE_HEARTBEAT, Running, code, cx, eventually, rest};

/// NODE-22, NODE-27.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_revoked_node_is_cut_off_at_the_relay() {
    let mut scene = Scene::new("passthrough").await;
    let (space, address) = (scene.owner.space(), scene.relay.ready.listen);
    let carrier = NodeKeys::generate(&OsRandomness).unwrap();
    let granted = scene.owner.grant_node(carrier.node_id());
    let store = scene.relay.store(&scene.owner.keys, space);
    share(&*store, &[&granted]).await;
    let token = raw::token(address, &carrier, &[space]).await;
    let hops = format_hops(&[carrier.node_id()]);
    let path = Route::Space(space, SpaceRoute::Head).path();
    let ask = async |by_others: bool| {
        let mut fields = vec![("authorization", token.as_str())];
        fields.extend(by_others.then_some(("bulla-hops", hops.as_str())));
        raw::get(address, &path, &fields).await
    };
    assert_eq!((ask(false).await.status, ask(true).await.status), (200, 200));
    let follow = async |by_others: bool| {
        let feed = FeedRequest { spaces: vec![space], heartbeat_ms: 60_000, rider_bytes: 0 };
        let mut fields =
            vec![("authorization", token.as_str()), ("content-type", headers::CONTENT_CBOR)];
        fields.extend(by_others.then_some(("bulla-hops", hops.as_str())));
        let mut wire = Raw::connect(address).await;
        wire.send(&request("POST", "/v1/feed", &fields, &feed.to_cbor())).await;
        assert_eq!(wire.head().await.0, 200);
        wire
    };
    let mut feeds = [follow(false).await, follow(true).await];
    for wire in &mut feeds {
        assert!(matches!(item(wire).await, Some(FeedItem::Head { .. })));
    }
    let revoked = scene.owner.revoke_node(carrier.node_id());
    let late = scene.owner.write("after");
    share(&*store, &[&revoked]).await;
    let (own, others) = (ask(false).await, ask(true).await);
    for reply in [own, others] {
        assert_eq!((reply.status, reply.code().as_str()), (404, "space.not_served"));
    }
    share(&*store, &[&late]).await;
    for wire in &mut feeds {
        let over = tokio::time::timeout(BEFORE_THE_HEARTBEAT, async {
            loop {
                match item(wire).await {
                    // What was told before the revocation may still be on its way.
                    Some(FeedItem::Head { head, .. }) => assert!(head.last_receipt <= 6),
                    other => break other,
                }
            }
        });
        let Ok(Some(FeedItem::SpaceOver { error, .. })) = over.await else { panic!("goes on") };
        assert_eq!(error.code.as_str(), "space.not_served");
        assert!(matches!(item(wire).await, Some(FeedItem::Over(_))));
        assert_eq!(item(wire).await, None);
    }
    scene.stop().await;
}

async fn item(wire: &mut Raw) -> Option<FeedItem> {
    let mut decoder = FeedDecoder::new();
    decoder.push(&wire.chunk().await?);
    decoder.next_item().unwrap()
}

/// Whoever follows the space at this node, or the one in front of the relay, and asks it, when a node on the way is revoked.
async fn cut_off_with(scene: &mut Scene, at: Option<&Running>, revoked: bulla_core::NodeId) {
    let space = scene.owner.space();
    let at = at.unwrap_or(&scene.front);
    let store = at.store(&scene.reader.keys, space);
    let mut heads = store.watch(&cx()).await.unwrap();
    let last = heads.next().await.unwrap().unwrap().last_receipt;
    let revocation = scene.owner.revoke_node(revoked);
    let relay = scene.relay.store(&scene.owner.keys, space);
    share(&*relay, &[&revocation]).await;
    let (receipts, told) = rest(heads).await;
    assert!(receipts.iter().all(|receipt| *receipt <= last + 1), "{receipts:?}");
    assert_eq!(told, "space.not_served");
    share(&*relay, &[&scene.owner.write("after")]).await;
    let answer = code(store.head(&cx()).await);
    assert!(matches!(answer.as_str(), "space.not_served" | "login.refused"), "{answer}");
    // At the relay itself nothing changed for them.
    let direct = scene.relay.store(&scene.reader.keys, space).head(&cx()).await.unwrap();
    assert_eq!(direct.last_receipt, last + 2);
}

/// NODE-22, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_who_follows_through_a_revoked_passthrough_is_cut_off_with_it() {
    revoked_front("passthrough").await;
}

/// NODE-22, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_who_follows_through_a_revoked_cache_is_cut_off_with_it() {
    revoked_front("cache").await;
}

async fn revoked_front(mode: &str) {
    let mut scene = Scene::new(mode).await;
    let revoked = scene.front_site.id;
    cut_off_with(&mut scene, None, revoked).await;
    scene.stop().await;
}

/// Two hops: the one that is revoked stands in the middle, and the one at the edge has its role still.
///
/// NODE-22, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_who_follows_through_a_chain_is_cut_off_with_its_middle() {
    let mut scene = Scene::new("passthrough").await;
    let (space, site) = (scene.owner.space(), scene.bench.site("edge"));
    configure_front(&site, &scene.front, space, "cache");
    let grant = scene.owner.grant_node(site.id);
    share(&*scene.relay.store(&scene.owner.keys, space), &[&grant]).await;
    let edge = site.start().await;
    let store = edge.store(&scene.reader.keys, space);
    eventually("the edge is let in", async || store.head(&cx()).await.ok()).await;
    let middle = scene.front_site.id;
    cut_off_with(&mut scene, Some(&edge), middle).await;
    edge.stop().await;
    scene.stop().await;
}

/// What a passthrough has open at the relay for somebody ends with the rights of that one.
///
/// NODE-22, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_nothing_stays_open_behind_a_front_for_who_was_revoked() {
    let mut scene = Scene::new("passthrough").await;
    let space = scene.owner.space();
    let open = async |scene: &Scene| scene.relay.figure("bulla_requests_in_flight").await;
    let quiet = open(&scene).await;
    let mut heads = scene.front.store(&scene.reader.keys, space).watch(&cx()).await.unwrap();
    heads.next().await.unwrap().unwrap();
    assert_eq!(open(&scene).await, quiet + 1, "one more feed at the relay");
    let revoked = scene.owner.revoke(&scene.reader);
    share(&*scene.relay.store(&scene.owner.keys, space), &[&revoked]).await;
    let (_, told) = rest(heads).await;
    assert_eq!(told, "space.not_served");
    eventually("the relay's feed is let go", async || (open(&scene).await == quiet).then_some(()))
        .await;
    scene.stop().await;
}

/// A node whose role is raised to a member's reads on for itself, and carries for nobody.
///
/// NODE-20, NODE-22, NODE-27.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_node_that_is_made_a_member_carries_no_more() {
    let mut scene = Scene::new("passthrough").await;
    let (space, address) = (scene.owner.space(), scene.relay.ready.listen);
    let carrier = scene.owner.beside();
    let granted = scene.owner.grant(&carrier, Role::Relay);
    let store = scene.relay.store(&scene.owner.keys, space);
    share(&*store, &[&granted]).await;
    let token = raw::token(address, &*carrier.keys, &[space]).await;
    let hops = format_hops(&[bulla_core::NodeId(carrier.author().0)]);
    let path = Route::Space(space, SpaceRoute::Head).path();
    let for_others = [("authorization", token.as_str()), ("bulla-hops", hops.as_str())];
    assert_eq!(raw::get(address, &path, &for_others).await.status, 200);
    let raised = scene.owner.raise(&carrier, Role::Reader);
    share(&*store, &[&raised]).await;
    assert_eq!(raw::get(address, &path, &for_others).await.code(), "hop.path");
    assert_eq!(raw::get(address, &path, &for_others[..1]).await.status, 200);
    scene.stop().await;
}
