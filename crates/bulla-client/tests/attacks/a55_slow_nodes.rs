//! A54 and A55: nodes that are slow, silent, away or in a ring.

use std::sync::Arc;
use std::time::Duration;

use bulla_client::{Client, ClientSettings, Upstream};
use bulla_core::NodeId;
use bulla_core::cbor::Encode;
use bulla_core::values::{GetRequest, ScanRequest};
use bulla_store::testing::ManualClock;
use bulla_store::{Clock, ContentAddressedStore, Context, HopPath, StoreError};
use bulla_wire::feed::FeedItem;
use bulla_wire::{ErrorDetails, WireError};
use futures_util::StreamExt;
use tokio::net::TcpSocket;

use crate::support::{Delivery, Node, Reply, SPACE, chain, device};

/// Short, and long enough for an honest node on a busy machine.
const SHORT: ClientSettings = ClientSettings {
    connect_ms: 10_000,
    response_header_ms: 1_000,
    idle_read_ms: 1_000,
    slowest_bytes_per_second: 1 << 30,
    pool_idle_ms: 1_000,
    feed_silence_ms: 1_500,
    pages_per_scan: 8,
    open_scan_ms: 1_000,
};

/// No test waits longer for anything; what takes this long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

fn impatient(node: &Node) -> Client {
    node.builder().with_settings(SHORT).build().unwrap()
}

/// What an honest node answers. That this machine was too busy for it now and then is no fault of the client.
async fn honest<T>(mut ask: impl AsyncFnMut() -> bulla_store::Result<T>) -> T {
    for _ in 0..20 {
        match ask().await {
            Err(error) if error.code().as_str() == "upstream.timeout" => {}
            answer => return answer.unwrap(),
        }
    }
    panic!("an honest node is never heard");
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: it hangs"))
}

/// Lets every task of this test run until `found`.
async fn eventually(what: &str, mut found: impl FnMut() -> bool) {
    let looking = async {
        while !found() {
            tokio::task::yield_now().await;
        }
    };
    in_time(what, looking).await;
}

#[tokio::test]
async fn a55_a_node_that_says_nothing_or_stops_in_the_middle_is_given_up() {
    let node = Node::start().await;
    node.fill(&chain(1, 10, 100)).await;
    let (client, cx) = (impatient(&node), Context::new());
    let store = client.store(SPACE);
    honest(async || store.head(&cx).await).await;
    for delivery in [Delivery::Silent, Delivery::Stalled(0), Delivery::Stalled(500)] {
        node.script(
            move |call, reply| if call.is("/scan") { reply.delivered(delivery) } else { reply },
        );
        let error = store.scan(&cx, ScanRequest::everything()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "upstream.timeout", "{delivery:?}");
        assert!(error.is_retryable());
    }
    node.script(|_, reply| reply);
    let page = honest(async || store.scan(&cx, ScanRequest::everything()).await).await;
    assert_eq!(page.items.len(), 10);
}

/// A caller without a deadline is not held by a node that never falls silent and never gets to the end: whatever was
/// asked, logging in among it.
#[tokio::test]
async fn a55_a_node_that_drips_is_given_up() {
    let node = Node::start().await;
    let entries = chain(1, 10, 100);
    node.fill(&entries).await;
    let (client, cx) = (impatient(&node), Context::new());
    let store = client.store(SPACE);
    honest(async || store.head(&cx).await).await;
    // Ten bytes in the longest silence allowed: the shortest of these answers would take many times as long.
    let silence = Duration::from_millis(SHORT.idle_read_ms / 10);
    node.script(move |_, reply| reply.delivered(Delivery::Dripping(silence)));
    let get = GetRequest { ids: vec![entries[0].id()], max_bytes: 1000 };
    let other = impatient(&node).store(SPACE);
    let dripped = [
        ("head", in_time("head", store.head(&cx)).await.err()),
        ("get", in_time("get", store.get(&cx, get)).await.err()),
        ("scan", in_time("scan", store.scan(&cx, ScanRequest::everything())).await.err()),
        ("capabilities", in_time("capabilities", other.head(&cx)).await.err()),
    ];
    for (what, error) in dripped {
        let error = error.unwrap_or_else(|| panic!("{what}: it was waited for"));
        assert_eq!(error.code().as_str(), "upstream.timeout", "{what}");
        assert!(error.is_retryable(), "{what}");
    }
    // An error that drips is none.
    node.script(move |_, reply| Reply {
        status: 503,
        ..reply.delivered(Delivery::Dripping(silence))
    });
    let error = in_time("error", store.head(&cx)).await.unwrap_err();
    assert_eq!(error.code().as_str(), "upstream.timeout");
}

#[tokio::test]
async fn a55_the_callers_deadline_ends_a_call() {
    let node = Node::start().await;
    let clock = Arc::new(ManualClock::new(1_800_000_000_000));
    let client = node.builder().with_clock(Arc::clone(&clock) as _).build().unwrap();
    let store = client.store(SPACE);
    store.head(&Context::new()).await.unwrap();
    node.script(|_, reply| reply.delivered(Delivery::Silent));
    let cx = Context::new().with_deadline(clock.monotonic() + Duration::from_millis(50));
    let waited = in_time("a silent node", store.head(&cx)).await;
    assert!(matches!(waited, Err(StoreError::Deadline)), "{waited:?}");
    clock.advance_ms(50);
    assert!(matches!(store.status(&cx).await, Err(StoreError::Deadline)));
    node.script(|_, reply| reply);
    store.head(&Context::new()).await.unwrap();
    assert_eq!(node.count("/status"), 0, "nothing is sent after the deadline");
}

/// Whoever waits for what another call has begun, its login or its question what the node can do, does not wait longer
/// than it would for its own.
#[tokio::test]
async fn a55_a_deadline_holds_while_another_call_logs_in() {
    for held in ["/capabilities", "/login/challenge"] {
        let node = Node::start().await;
        node.script(
            move |call, reply| {
                if call.is(held) { reply.delivered(Delivery::Silent) } else { reply }
            },
        );
        // As good as for ever.
        let settings = ClientSettings { response_header_ms: 86_400_000, ..SHORT };
        let clock = Arc::new(ManualClock::new(1_800_000_000_000));
        let builder = node.builder().with_settings(settings);
        let client = builder.with_clock(Arc::clone(&clock) as _).build().unwrap();
        let patient = client.store(SPACE);
        let waiting = tokio::spawn(async move { patient.head(&Context::new()).await });
        eventually("the first one asks", || node.count(held) == 1).await;

        let cx = Context::new().with_deadline(clock.monotonic() + Duration::from_millis(50));
        let store = client.store(SPACE);
        let waited = in_time("the second one", store.head(&cx)).await;
        assert!(matches!(waited, Err(StoreError::Deadline)), "{held}: {waited:?}");
        assert!(!waiting.is_finished());
        assert_eq!(node.count(held), 1, "one asks, the other waits for it");
        waiting.abort();
    }
}

#[tokio::test]
async fn a55_a_node_that_is_away_is_unavailable() {
    // Bound and not listening, so that nobody else gets the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
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
    let store = impatient(&node).store(SPACE);
    let mut heads = honest(async || store.watch(&Context::new()).await).await;
    assert!(heads.next().await.unwrap().is_ok());
    let error = in_time("a silent feed", heads.next()).await.unwrap().unwrap_err();
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
    let clock = Arc::new(ManualClock::new(1_800_000_000_000));
    let builder = node.builder().with_settings(SHORT);
    let client = builder.with_clock(Arc::clone(&clock) as _).build().unwrap();
    let store = client.store(SPACE);
    let waited = in_time("a feed without a head", store.watch(&Context::new())).await;
    let Err(error) = waited else { panic!("there was no head") };
    assert_eq!(error.code().as_str(), "upstream.timeout");

    let cx = Context::new().with_deadline(clock.monotonic() + Duration::from_millis(20));
    let waited = in_time("a feed without a head", store.watch(&cx)).await;
    assert!(matches!(waited, Err(StoreError::Deadline)));
}

/// Whoever may carry names the path, and each path has a feed of its own at the node: many paths must not take the places
/// of those who ask directly.
#[tokio::test]
async fn a55_made_up_paths_leave_room_for_other_feeds() {
    let node = Node::start().await;
    let store = node.client().store(SPACE);
    let here = NodeId([0xff; 32]);
    let by = |nodes: &[NodeId]| Context {
        hops: HopPath::new(nodes.to_vec()).unwrap(),
        ..Context::new()
    };
    let mut held = Vec::new();
    let refused = loop {
        let number = u8::try_from(held.len()).unwrap();
        match store.watch(&by(&[NodeId([number; 32]), here])).await {
            Ok(heads) => held.push(heads),
            Err(error) => break error,
        }
        // As many as a node allows one client if nothing else is set.
        assert!(held.len() < 64, "all places are taken");
    };
    assert_eq!((refused.code().as_str(), refused.is_retryable()), ("node.busy", true));
    // A path that has its feed already, our own, and no path at all.
    for path in [&[NodeId([0; 32]), here][..], &[here], &[]] {
        drop(store.watch(&by(path)).await.unwrap());
    }
    held.pop();
    drop(with_place(async || store.watch(&by(&[NodeId([0xfe; 32]), here])).await).await);
}

/// Asks until there is a place.
async fn with_place<T>(mut ask: impl AsyncFnMut() -> bulla_store::Result<T>) -> T {
    let asking = async {
        loop {
            match ask().await {
                Err(error) if error.code().as_str() == "node.busy" => {
                    tokio::task::yield_now().await;
                }
                answer => return answer.unwrap(),
            }
        }
    };
    in_time("a place", asking).await
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
