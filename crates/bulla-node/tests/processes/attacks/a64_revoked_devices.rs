//! A feed ends with the role of the device that follows it, wherever it follows: at a relay, through a passthrough and
//! through a cache. Nothing comes after, and the next request of a token that is still good is refused.

use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;
use futures_util::StreamExt as _;

use crate::fronts::Scene;
use crate::raw;
use crate::spaces::share;
use crate::support::{Running, cx, eventually, rest};

/// Follows a space as the reader, at the relay or in front of it, and is revoked.
async fn revoked_at(mut scene: Scene, in_front: bool) {
    let space = scene.owner.space();
    let place: &Running = if in_front { &scene.front } else { &scene.relay };
    let address = place.ready.listen;
    let mut heads = place.store(&scene.reader.keys, space).watch(&cx()).await.unwrap();
    assert_eq!(heads.next().await.unwrap().unwrap().last_receipt, 4);
    let token = raw::token(address, &*scene.reader.keys, &[space]).await;
    let path = Route::Space(space, SpaceRoute::Head).path();
    let fields = [("authorization", token.as_str())];
    assert_eq!(raw::get(address, &path, &fields).await.status, 200);

    let revoked = scene.owner.revoke(&scene.reader);
    let late = [scene.owner.write("one"), scene.owner.write("two")];
    // By way of the relay; the node in front hears of it.
    let relay = scene.relay.store(&scene.owner.keys, space);
    share(&*relay, &[&revoked]).await;
    if in_front {
        eventually("the node in front heard of it", async || {
            (raw::get(address, &path, &fields).await.status == 404).then_some(())
        })
        .await;
    }
    share(&*relay, &[&late[0], &late[1]]).await;
    let after = raw::get(address, &path, &fields).await;
    assert_eq!((after.status, after.code().as_str()), (404, "space.not_served"));
    let (receipts, code) = rest(heads).await;
    assert!(receipts.iter().all(|receipt| *receipt <= 5), "{receipts:?}");
    assert_eq!(code, "space.not_served");
    // Those who stay go on.
    let store = place.store(&scene.writer.keys, space);
    assert_eq!(store.head(&cx()).await.unwrap().last_receipt, 7);
    scene.stop().await;
}

/// NODE-22, NODE-27.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_feed_at_a_relay_ends_with_the_role() {
    revoked_at(Scene::new("passthrough").await, false).await;
}

/// NODE-22, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_feed_through_a_passthrough_ends_with_the_role() {
    revoked_at(Scene::new("passthrough").await, true).await;
}

/// NODE-22, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_feed_through_a_cache_ends_with_the_role() {
    revoked_at(Scene::new("cache").await, true).await;
}

/// A revocation that goes through the node in front counts there before its sender hears that it is stored.
/// NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a64_a_revocation_by_way_of_a_front_counts_at_once() {
    for mode in ["passthrough", "cache"] {
        let mut scene = Scene::new(mode).await;
        let space = scene.owner.space();
        let address = scene.front.ready.listen;
        let token = raw::token(address, &*scene.reader.keys, &[space]).await;
        let path = Route::Space(space, SpaceRoute::Head).path();
        let fields = [("authorization", token.as_str())];
        assert_eq!(raw::get(address, &path, &fields).await.status, 200);
        let revoked = scene.owner.revoke(&scene.reader);
        share(&*scene.front.store(&scene.owner.keys, space), &[&revoked]).await;
        assert_eq!(raw::get(address, &path, &fields).await.status, 404);
        let path = Route::Space(space, SpaceRoute::Head).path();
        let at_relay = raw::get(scene.relay.ready.listen, &path, &fields).await;
        assert_eq!(at_relay.status, 401, "a token of another node");
        scene.stop().await;
    }
}
