//! A token is for one node: another refuses it, and a restarted one no longer knows it.

use bulla_core::PeerKey;
use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;

use crate::raw;
use crate::support::{Bench, device, passthrough, peer, upstream, world};

/// NODE-24.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a46_a_token_is_good_at_its_own_node_only() {
    let (bench, laptop, world) = (Bench::new(), device(), world(80));
    let site = bench.site("front");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    let space = passthrough(world.space(), "origin", &[peer(&laptop)]);
    site.configure(&(upstream("origin", &relay.url(), relay.id, "") + &space));
    let front = site.start().await;
    let token = raw::token(front.ready.listen, &*laptop, &[world.space()]).await;
    let path = Route::Space(world.space(), SpaceRoute::Head).path();
    let fields = [("authorization", token.as_str())];
    assert_eq!(raw::get(front.ready.listen, &path, &fields).await.status, 200);
    let stolen = raw::get(relay.ready.listen, &path, &fields).await;
    assert_eq!((stolen.status, stolen.code().as_str()), (401, "login.token"));
    front.stop().await;
    let front = site.start().await;
    let old = raw::get(front.ready.listen, &path, &fields).await;
    assert_eq!((old.status, old.code().as_str()), (401, "login.token"));
    front.stop().await;
    relay.stop().await;
}
