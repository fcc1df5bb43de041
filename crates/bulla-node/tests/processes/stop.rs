//! SIGTERM: requests under way are answered, feeds end, nothing new is taken, and the process ends with 0.

use bulla_conformance::suite::author::whole;
use bulla_core::cbor::{Decode as _, Encode as _};
use bulla_core::values::PutOutcome;
use bulla_wire::feed::{FeedDecoder, FeedItem, FeedRequest};
use bulla_wire::put::PutAnswer;
use bulla_wire::route::SpaceRoute;
use bulla_wire::{BodyEncoder, Form, Route, headers};
use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::raw::{self, Raw, request, token};
use crate::support::{Bench, device, eventually, peer, pull, relay, world};

/// The bytes of a put.
pub(crate) fn put_request(
    token: &str,
    world: &bulla_conformance::suite::author::World,
    entries: &[bulla_core::VerifiedEntry],
) -> Vec<u8> {
    let mut body = BodyEncoder::put(world.space(), Form::Compact);
    for entry in whole(entries) {
        body.verified(&entry);
    }
    body.end();
    let path = Route::Space(world.space(), SpaceRoute::Put).path();
    let fields = [("authorization", token), ("content-type", headers::CONTENT_CBOR_SEQUENCE)];
    request("POST", &path, &fields, &body.take(0))
}

/// NODE-53.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_answers_what_is_under_way_ends_feeds_and_exits_0() {
    let (bench, laptop, world) = (Bench::new(), device(), world(10));
    let site = bench.site("relay");
    site.configure(&relay(world.space(), &[peer(&laptop)]));
    let mut node = site.start().await;
    let address = node.ready.listen;
    let token = token(address, &*laptop, &[world.space()]).await;
    let entries = world.entries(0, 20).unwrap();

    let feed = FeedRequest { spaces: vec![world.space()], heartbeat_ms: 60_000, rider_bytes: 0 };
    let fields = [("authorization", token.as_str()), ("content-type", headers::CONTENT_CBOR)];
    let mut feeding = Raw::connect(address).await;
    feeding.send(&request("POST", "/v1/feed", &fields, &feed.to_cbor())).await;
    assert_eq!(feeding.head().await.0, 200);
    let mut items = FeedDecoder::new();
    items.push(&feeding.chunk().await.unwrap());
    assert!(matches!(items.next_item().unwrap(), Some(FeedItem::Head { .. })));

    // Half a request, so far that the node is reading its body.
    let put = put_request(&token, &world, &entries);
    let (first, second) = put.split_at(put.len() / 2);
    let mut putting = Raw::connect(address).await;
    putting.send(first).await;
    eventually("the put is being read", async || {
        (node.figure("bulla_requests_in_flight").await == 2).then_some(())
    })
    .await;

    node.signal(Signal::TERM);
    eventually("it is not ready any more", async || {
        (node.page("/ready").await.0 == 503).then_some(())
    })
    .await;
    assert_eq!(node.page("/live").await.0, 200, "alive until the end");
    eventually("no new connections", async || TcpStream::connect(address).await.err()).await;
    items.push(&feeding.chunk().await.unwrap());
    let Some(FeedItem::Over(error)) = items.next_item().unwrap() else { panic!("the feed ends") };
    assert_eq!(error.code.as_str(), "node.draining");
    assert!(error.is_retryable);

    putting.send(second).await;
    let reply = putting.reply().await;
    assert_eq!(reply.status, 200);
    let answer = PutAnswer::from_cbor(&reply.body).unwrap();
    assert!(answer.report.outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Stored(_))));
    assert!(putting.is_closed().await);
    assert_eq!(node.ended().await.code(), Some(0), "{}", node.log());
    assert!(node.log().contains("every request was answered"));

    let node = site.start().await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 20);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_ends_is_cut_when_the_drain_time_is_over() {
    let (bench, laptop, world) = (Bench::new(), device(), world(11));
    let site = bench.site("relay");
    let sections = relay(world.space(), &[peer(&laptop)]);
    site.configure(&format!("[http]\ndrain_timeout_ms = 100\n{sections}"));
    let mut node = site.start().await;
    let token = token(node.ready.listen, &*laptop, &[world.space()]).await;
    let put = put_request(&token, &world, &world.entries(0, 2).unwrap());
    let mut putting = Raw::connect(node.ready.listen).await;
    putting.send(&put[..put.len() - 1]).await;
    eventually("the put is being read", async || {
        (node.figure("bulla_requests_in_flight").await == 1).then_some(())
    })
    .await;
    node.signal(Signal::TERM);
    assert_eq!(node.ended().await.code(), Some(0));
    assert!(node.log().contains("connections were cut"), "{}", node.log());
}

/// A stop asked for twice waits for nobody (NODE-54).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigint_counts_as_sigterm_and_the_second_ends_at_once() {
    let (bench, laptop, world) = (Bench::new(), device(), world(12));
    let mut node = bench.relay("relay", world.space(), &[peer(&laptop)]).await;
    let token = token(node.ready.listen, &*laptop, &[world.space()]).await;
    let put = put_request(&token, &world, &world.entries(0, 2).unwrap());
    let mut putting = Raw::connect(node.ready.listen).await;
    putting.send(&put[..put.len() - 1]).await;
    eventually("the put is being read", async || {
        (node.figure("bulla_requests_in_flight").await == 1).then_some(())
    })
    .await;
    node.signal(Signal::INT);
    eventually("it stops", async || node.log().contains("stopping").then_some(())).await;
    node.signal(Signal::INT);
    assert_eq!(node.ended().await.code(), Some(0));
    assert!(node.log().contains("asked twice"), "{}", node.log());
}

/// NODE-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_its_request_byte_by_byte_is_served() {
    let (bench, laptop, world) = (Bench::new(), device(), world(13));
    let node = bench.relay("relay", world.space(), &[peer(&laptop)]).await;
    let token = token(node.ready.listen, &*laptop, &[world.space()]).await;
    let mut slow = Raw::connect(node.ready.listen).await;
    for byte in put_request(&token, &world, &world.entries(0, 3).unwrap()) {
        slow.send(&[byte]).await;
    }
    let reply = slow.reply().await;
    assert_eq!(reply.status, 200);
    assert_eq!(PutAnswer::from_cbor(&reply.body).unwrap().report.outcomes.len(), 3);
    // And one cut at some byte of its body loses nothing and holds up nobody.
    let put = put_request(&token, &world, &world.entries(1, 3).unwrap());
    let mut cut = Raw::connect(node.ready.listen).await;
    cut.send(&put[..put.len() - 100]).await;
    drop(cut);
    let head = Route::Space(world.space(), SpaceRoute::Head).path();
    let fields = [("authorization", token.as_str())];
    assert_eq!(raw::get(node.ready.listen, &head, &fields).await.status, 200);
    assert!(pull(&*node.store(&laptop, world.space())).await.len() >= 3);
    node.stop().await;
}
