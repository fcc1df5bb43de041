//! At trace level on every hop, with errors of every kind: no token, passphrase, key or payload stands in a log, a
//! figure, or what the program prints.

use bulla_conformance::suite::author::Draft;
use bulla_core::{PeerKey, SpaceId};
use bulla_wire::Route;
use bulla_wire::route::SpaceRoute;

use crate::raw;
use crate::support::{
    Bench, PASSPHRASE, Site, cache, code, cx, device, peer, pull, put, relay, upstream, world,
};

fn trace(site: &Site, sections: &str) {
    site.configure(sections);
    let text = std::fs::read_to_string(site.path("node.toml")).unwrap();
    std::fs::write(site.path("node.toml"), text.replace("'debug'", "'trace'")).unwrap();
}

/// The ways in which bytes may stand in a text.
fn forms(bytes: &[u8]) -> Vec<String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
    vec![hex.to_uppercase(), hex, list.join(", "), list.join(",")]
}

/// NODE-71.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a62_no_secret_and_no_payload_is_logged_at_any_level() {
    let (bench, laptop, stranger, world) = (Bench::new(), device(), device(), world(86));
    let (origin, site) = (bench.site("relay"), bench.site("cache"));
    trace(&origin, &relay(world.space(), &[PeerKey(site.id.0)]));
    let far = origin.start().await;
    let near = upstream("origin", &far.url(), far.id, "");
    trace(&site, &(near + &cache(world.space(), "origin", "", &[peer(&laptop)])));
    let node = site.start().await;
    let address = node.ready.listen;

    let mut author = world.author(0);
    let draft = Draft { payload_bytes: 400, content: 0xca11, ..Draft::default() };
    let entries = [author.write(draft).unwrap()];
    let store = node.store(&laptop, world.space());
    put(&*store, &entries).await;
    assert_eq!(pull(&*store).await.len(), 1);
    let token = raw::token(address, &*laptop, &[world.space()]).await;
    let secret = token.strip_prefix("Bearer ").unwrap().to_owned();
    let path = Route::Space(world.space(), SpaceRoute::Head).path();
    // A good one, in a wrong place, malformed, and with a body that is none.
    let good = [("authorization", token.as_str())];
    assert_eq!(raw::get(address, &path, &good).await.status, 200);
    let doubled = format!("{token}{secret}");
    assert_eq!(raw::get(address, &path, &[("authorization", doubled.as_str())]).await.status, 401);
    assert_eq!(raw::get(address, &format!("/v1/{secret}"), &good).await.status, 404);
    let scan = Route::Space(world.space(), SpaceRoute::Scan).path();
    let fields = [("authorization", token.as_str()), ("content-type", "application/cbor")];
    let canary = b"plaintext canary of a client that sends it by mistake";
    let reply = raw::exchange(address, &raw::request("POST", &scan, &fields, canary)).await;
    assert_eq!(reply.status, 400);
    assert!(node.store(&stranger, world.space()).head(&cx()).await.is_err());
    let elsewhere = node.store(&laptop, SpaceId([0xee; 32])).head(&cx()).await;
    assert_eq!(code(elsewhere), "space.not_served");
    let figures = node.page("/metrics").await.1 + &far.page("/metrics").await.1;
    far.stop().await;
    assert!(store.head(&cx()).await.is_ok(), "the cache goes on, and warns");

    let said = node.log() + &std::fs::read_to_string(origin.path("log")).unwrap() + &figures;
    assert!(said.contains("\"level\":\"WARN\""), "something was logged at all");
    let mut banned = vec![PASSPHRASE.to_owned(), secret.clone()];
    banned.push(String::from_utf8(canary.to_vec()).unwrap());
    banned.extend(forms(canary));
    let payload = entries[0].payload();
    for start in (0..payload.len() - 16).step_by(8) {
        banned.extend(forms(&payload[start..start + 16]));
    }
    for banned in banned {
        assert!(!said.contains(&banned), "{banned} stands in the logs");
    }
    // Whole ids of entries and spaces are for clients; logs have short ones.
    for id in [
        world.space().to_string(),
        SpaceId([0xee; 32]).to_string(),
        entries[0].id().to_string(),
        world.author(0).id().to_string(),
    ] {
        assert!(!said.contains(&id), "{id} stands whole in the logs");
    }
    node.stop().await;
}
