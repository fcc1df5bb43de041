//! Upstreams that are away, slow, strangers or traps: each has its own stable code, at the node that asks, and the node
//! goes on serving the rest.

use std::net::SocketAddr;

use bulla_core::{NodeId, SpaceId};
use bulla_identity::Initiator as _;
use bulla_store::ContentAddressedStore as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::reload::{Authority, start_tls};
use crate::support::{
    Bench, code, cx, device, passthrough, peer, pull, put, relay, section, upstream, world,
};

const STRANGER: NodeId = NodeId([0x11; 32]);

/// A server that gives everybody the same answer, or none.
async fn answers(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Some(answer) = answer {
                tokio::spawn(async move {
                    let mut head = [0; 1024];
                    // Whether there was a request or how it ends is of no interest.
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            } else {
                open.push(stream);
            }
        }
    });
    address
}

/// NODE-6, NODE-45, ERR-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_upstream_has_its_own_code_and_the_node_keeps_serving() {
    let (bench, laptop, world) = (Bench::new(), device(), world(30));
    let site = bench.site("node");
    let good = bench.relay("good", world.space(), &[peer(&laptop), site_peer(&site)]).await;
    // It runs, and does not let this node in: no client may take that for an answer to its own login.
    let closed = bench.relay("closed", world.space(), &[peer(&laptop)]).await;
    let redirect = answers(Some(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ))
    .await;
    let web =
        answers(Some("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi"))
            .await;
    let silent = answers(None).await;
    let cases = [
        // Nothing listens on port 1.
        ("unreachable", "http://127.0.0.1:1".to_owned(), STRANGER, "upstream.unavailable"),
        ("silent", format!("http://{silent}"), STRANGER, "upstream.timeout"),
        ("redirecting", format!("http://{redirect}"), STRANGER, "upstream.redirect"),
        ("website", format!("http://{web}"), STRANGER, "peer.answer"),
        ("impostor", good.url(), STRANGER, "peer.wrong_node"),
        ("plain", format!("https://{}", good.ready.listen), good.id, "upstream.tls"),
        ("closed", closed.url(), closed.id, "upstream.unavailable"),
    ];
    let mut sections = upstream("good", &good.url(), good.id, "");
    let mut ids = Vec::new();
    for (number, (name, url, node, _)) in cases.iter().enumerate() {
        let space = SpaceId([u8::try_from(number).unwrap() + 1; 32]);
        ids.push(space);
        let is_slow = *name == "silent";
        let more = if is_slow { "client = { response_header_ms = 300 }" } else { "" };
        sections = upstream(name, url, *node, more) + &sections;
        sections += &passthrough(space, name, &[peer(&laptop)]);
    }
    sections += &passthrough(world.space(), "good", &[peer(&laptop)]);
    site.configure(&sections);
    let node = site.start().await;
    let client = node.client(&laptop);
    let store = client.store(world.space());
    put(&*store, &world.entries(0, 3).unwrap()).await;
    for ((name, _, _, expected), space) in cases.iter().zip(&ids) {
        let store = client.store(*space);
        let error = store.head(&cx()).await.unwrap_err();
        assert_eq!(error.code().as_str(), *expected, "{name}: {error}");
        let may_help = matches!(*expected, "upstream.unavailable" | "upstream.timeout");
        assert_eq!(error.is_retryable(), may_help, "{name}");
        assert_eq!(code(store.put(&cx(), Vec::new()).await), *expected, "{name}");
        assert_eq!(pull(&*client.store(world.space())).await.len(), 3, "{name} disturbs nobody");
    }
    assert_eq!(node.page("/ready").await.0, 200);
    // What the operator reads says more than what the client may.
    assert!(node.log().contains(&format!("node key is {}, expected {STRANGER}", good.id)));
    for node in [node, good, closed] {
        node.stop().await;
    }
}

fn site_peer(site: &crate::support::Site) -> bulla_core::PeerKey {
    bulla_core::PeerKey(site.id.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_trusted_by_its_file() {
    let (bench, laptop, world) = (Bench::new(), device(), world(31));
    let (site, front, blind) = (bench.site("relay"), bench.site("front"), bench.site("blind"));
    let authority = Authority::new();
    authority.certify(&site);
    let peers = [peer(&laptop), site_peer(&front), site_peer(&blind)];
    let relay = start_tls(&site, &relay(world.space(), &peers)).await;
    let url = format!("https://{}", relay.ready.listen);

    std::fs::write(front.path("ca.pem"), authority.pem()).unwrap();
    let space = passthrough(world.space(), "origin", &[peer(&laptop)]);
    front.configure(&(upstream("origin", &url, relay.id, "ca_file = 'ca.pem'") + &space));
    blind.configure(&(upstream("origin", &url, relay.id, "") + &space));
    let (front, blind) = (front.start().await, blind.start().await);
    let store = front.store(&laptop, world.space());
    put(&*store, &world.entries(0, 2).unwrap()).await;
    assert_eq!(pull(&*store).await.len(), 2);
    let refused = blind.store(&laptop, world.space()).head(&cx()).await;
    assert_eq!(code(refused), "upstream.tls", "without the file it is a stranger's certificate");
    for node in [front, blind, relay] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_passthroughs_that_point_at_each_other_refuse_to_loop() {
    let (bench, laptop) = (Bench::new(), device());
    let space = SpaceId([0x77; 32]);
    let (here, there) = (bench.site("here"), bench.site("there"));
    let configure = |site: &crate::support::Site, url: &str, node, from| {
        let peers = [peer(&laptop), site_peer(from)];
        let text = upstream("other", url, node, "") + &passthrough(space, "other", &peers);
        site.configure(&text);
    };
    configure(&here, "http://127.0.0.1:1", there.id, &there);
    let first = here.start().await;
    configure(&there, &first.url(), here.id, &here);
    let second = there.start().await;
    configure(&here, &second.url(), there.id, &there);
    first.reload().await;

    for node in [&first, &second] {
        let store = node.store(&laptop, space);
        let error = store.head(&cx()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "hop.loop");
        assert!(!error.is_retryable());
        assert_eq!(node.page("/ready").await.0, 200);
    }
    for node in [first, second] {
        node.stop().await;
    }
}

/// A chain by `*`: spaces need not be named at the nodes in the middle (NODE-25, NODE-46).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_space_is_made_through_a_chain() {
    let (bench, laptop, world) = (Bench::new(), device(), world(32));
    let (origin, front) = (bench.site("origin"), bench.site("front"));
    origin.configure(&section("*", "'relay'", &[site_peer(&front)]));
    let relay = origin.start().await;
    let mode = "'passthrough'\nupstream = 'origin'";
    let text = upstream("origin", &relay.url(), relay.id, "");
    front.configure(&(text + &section("*", mode, &[laptop.peer_key()])));
    let front = front.start().await;
    let store = front.store(&laptop, world.space());
    put(&*store, &world.entries(0, 2).unwrap()).await;
    assert_eq!(pull(&*store).await.len(), 2);
    let page = bulla_store::Spaces::list(&front.client(&laptop), &cx(), None, 10).await.unwrap();
    assert_eq!(page.spaces, [world.space()]);
    front.stop().await;
    relay.stop().await;
}
