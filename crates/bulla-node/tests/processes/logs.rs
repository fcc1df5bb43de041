//! Logs: JSON with the request ids that clients see, on every hop, and without anything that must not be there.

use bulla_core::PeerKey;
use bulla_wire::route::SpaceRoute;
use bulla_wire::{Route, headers};
use serde_json::Value;

use crate::raw;
use crate::support::{Bench, Running, device, eventually, passthrough, peer, put, upstream, world};

/// The lines about answers that carry this request id.
fn answered(node: &Running, id: &str) -> Vec<Value> {
    let log = node.log();
    // The last one may be half written.
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["message"] == "answered" && line["span"]["id"] == id).collect()
}

/// NODE-70, NODE-72.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_has_one_id_in_the_logs_of_every_hop() {
    let (bench, laptop, world) = (Bench::new(), device(), world(70));
    let site = bench.site("front");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    put(&*relay.store(&laptop, world.space()), &world.entries(0, 1).unwrap()).await;
    let space = passthrough(world.space(), "origin", &[peer(&laptop)]);
    site.configure(&(upstream("origin", &relay.url(), relay.id, "") + &space));
    let front = site.start().await;
    let token = raw::token(front.ready.listen, &*laptop, &[world.space()]).await;
    let path = Route::Space(world.space(), SpaceRoute::Head).path();
    let fields = [("authorization", token.as_str()), (headers::REQUEST_ID, "mine-17")];
    let reply = raw::get(front.ready.listen, &path, &fields).await;
    assert_eq!((reply.status, reply.header(headers::REQUEST_ID)), (200, Some("mine-17")));
    for node in [&front, &relay] {
        // What the node in front did for it, its own login among it, has the same id.
        let lines = eventually("it is logged", async || {
            let mut lines = answered(node, "mine-17");
            lines.retain(|line| line["route"] == "head");
            (!lines.is_empty()).then_some(lines)
        })
        .await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        assert_eq!(line["status"], 200, "{line}");
        assert_eq!(line["span"]["name"], "request");
        assert_eq!(line["span"]["peer"], "127.0.0.1");
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "{line}");
        }
    }
    // Without one, or with one that is none, the node makes one up and gives it back.
    for fields in [&[][..], &[(headers::REQUEST_ID, "two words")]] {
        let reply = raw::get(front.ready.listen, "/v1/capabilities", fields).await;
        let id = reply.header(headers::REQUEST_ID).unwrap().to_owned();
        assert!(headers::is_request_id(&id), "{id}");
        eventually("it is logged", async || (!answered(&front, &id).is_empty()).then_some(()))
            .await;
    }
    front.stop().await;
    relay.stop().await;
}
