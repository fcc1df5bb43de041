//! A54 and A55: nodes that are slow, silent, away or in a ring.

use std::sync::Arc;
use std::time::Duration;

use bulla_client::{Client, ClientSettings, Upstream};
use bulla_core::NodeId;
use bulla_core::cbor::Encode;
use bulla_core::values::ScanRequest;
use bulla_store::{Clock, ContentAddressedStore, Context, StoreError, SystemClock};
use bulla_wire::feed::FeedItem;
use bulla_wire::{ErrorDetails, WireError};
use futures_util::StreamExt;
use tokio::net::TcpListener;

use crate::support::{Delivery, Node, Reply, SPACE, chain, device};

const SHORT: ClientSettings = ClientSettings {
    connect_ms: 200,
    response_header_ms: 100,
    idle_read_ms: 100,
    slowest_bytes_per_second: 1 << 30,
    pool_idle_ms: 1_000,
    feed_silence_ms: 150,
    pages_per_scan: 8,
    open_scan_ms: 1_000,
};

fn impatient(node: &Node) -> Client {
    node.builder().with_settings(SHORT).build().unwrap()
}

#[tokio::test]
async fn a55_a_node_that_says_nothing_or_stops_in_the_middle_is_given_up() {
    let node = Node::start().await;
    node.fill(&chain(1, 10, 100)).await;
    let (client, cx) = (impatient(&node), Context::new());
    let store = client.store(SPACE);
    store.head(&cx).await.unwrap();
    for delivery in [Delivery::Silent, Delivery::Stalled(0), Delivery::Stalled(500)] {
        node.script(
            move |call, reply| if call.is("/scan") { reply.delivered(delivery) } else { reply },
        );
        let error = store.scan(&cx, ScanRequest::everything()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "upstream.timeout", "{delivery:?}");
        assert!(error.is_retryable());
    }
    node.script(|_, reply| reply);
    assert_eq!(store.scan(&cx, ScanRequest::everything()).await.unwrap().items.len(), 10);
}

#[tokio::test]
async fn a55_the_callers_deadline_ends_a_call() {
    let node = Node::start().await;
    let clock = Arc::new(SystemClock::new());
    let settings = ClientSettings { response_header_ms: 60_000, ..SHORT };
    let builder =
        node.builder().with_settings(settings).with_clock(Arc::<SystemClock>::clone(&clock));
    let client = builder.build().unwrap();
    let store = client.store(SPACE);
    store.head(&Context::new()).await.unwrap();
    node.script(|_, reply| reply.delivered(Delivery::Silent));
    let cx = Context::new().with_deadline(clock.monotonic() + Duration::from_millis(50));
    assert!(matches!(store.head(&cx).await, Err(StoreError::Deadline)));
    let sent = node.count("/head");
    assert!(matches!(store.head(&cx).await, Err(StoreError::Deadline)));
    assert_eq!(node.count("/head"), sent, "nothing is sent after the deadline");
}

#[tokio::test]
async fn a55_a_node_that_is_away_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstream = Upstream::new(&address, NodeId([1; 32])).unwrap();
    let client = Client::builder(upstream, Arc::new(device(1))).build().unwrap();
    let error = client.store(SPACE).head(&Context::new()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "upstream.unavailable");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a55_a_feed_without_heartbeats_is_given_up() {
    let node = Node::start().await;
    let heartbeat = FeedItem::Heartbeat.to_cbor();
    node.script(move |_, reply| {
        let is_heartbeat = reply.body == heartbeat;
        if is_heartbeat { reply.delivered(Delivery::Silent) } else { reply }
    });
    let mut heads = impatient(&node).store(SPACE).watch(&Context::new()).await.unwrap();
    assert!(heads.next().await.unwrap().is_ok());
    let error = heads.next().await.unwrap().unwrap_err();
    assert_eq!(error.code().as_str(), "upstream.timeout");
    assert!(heads.next().await.is_none());
}

/// A node that keeps a feed alive and never says how a space stands must not hold up who asked.
/// Clauses: FEED-4.
#[tokio::test]
async fn a55_a_feed_that_beats_and_tells_no_head_is_given_up() {
    let node = Node::start().await;
    let heartbeat = FeedItem::Heartbeat.to_cbor();
    node.script(move |call, mut reply| {
        if call.is("/feed") {
            reply.body.clone_from(&heartbeat);
        }
        reply
    });
    let patience = Duration::from_secs(20);
    let clock = Arc::new(SystemClock::new());
    let builder = node.builder().with_settings(SHORT);
    let client = builder.with_clock(Arc::<SystemClock>::clone(&clock)).build().unwrap();
    let store = client.store(SPACE);
    let waited = tokio::time::timeout(patience, store.watch(&Context::new())).await;
    let Err(error) = waited.expect("given up") else { panic!("there was no head") };
    assert_eq!(error.code().as_str(), "upstream.timeout");

    let cx = Context::new().with_deadline(clock.monotonic() + Duration::from_millis(20));
    let waited = tokio::time::timeout(patience, store.watch(&cx)).await;
    assert!(matches!(waited.expect("given up"), Err(StoreError::Deadline)));
}

#[tokio::test]
async fn a54_a_loop_further_on_is_named() {
    let node = Node::start().await;
    let met = NodeId([4; 32]);
    node.script(move |call, honest| {
        if !call.is("/head") {
            return honest;
        }
        let details = ErrorDetails { node: Some(met), ..ErrorDetails::default() };
        let error =
            WireError::new(bulla_core::Code::new("hop.loop"), "loops").with_details(details);
        Reply::error(&error)
    });
    let error = node.client().store(SPACE).head(&Context::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Loop(node) if node == met));
}
