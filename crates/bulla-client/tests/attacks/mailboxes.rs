//! Mailboxes, asked by devices that log in and by devices that nobody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bulla_client::{Client, Upstream};
use bulla_core::ids::MailboxAddress;
use bulla_core::values::{MailboxOperation, MailboxRequest};
use bulla_core::{Code, ContentHash, NodeId, Signature};
use bulla_store::{Clock, Context, StoreError, SystemClock};
use bulla_wire::mailbox::{FEATURE, MailboxReply};
use bulla_wire::{Capabilities, WireError};

use crate::support::{Call, Node, Reply, device};

/// What the node would check; the one of these tests does not.
const PROOF: Signature = Signature([7; 64]);

fn about(node: NodeId, operation: MailboxOperation) -> MailboxRequest {
    MailboxRequest { node, address: MailboxAddress([3; 32]), operation }
}

fn leave(message: &[u8]) -> MailboxOperation {
    MailboxOperation::Leave { slot: 1, content: ContentHash::of(message) }
}

/// Offers mailboxes, and answers what is asked of them like this.
fn offer(node: &Node, answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) {
    let mut capabilities = Capabilities::new(node.keys.node_id());
    capabilities.features.push(FEATURE);
    node.script(move |call, honest| match call {
        _ if call.is("/capabilities") => Reply::item(&capabilities),
        _ if call.path.contains("/mailbox") => answer(call),
        _ => honest,
    });
}

fn nothing(_: &Call) -> Reply {
    Reply::item(&MailboxReply(None))
}

/// Whoever runs the node must not learn from a token which device leaves and fetches.
/// Clauses: WIRE-43, WIRE-44.
#[tokio::test]
async fn only_opening_shows_who_asks() {
    let node = Node::start().await;
    offer(&node, nothing);
    let (client, cx, id) = (node.client(), Context::new(), node.keys.node_id());
    assert!(client.has_mailboxes(&cx).await.unwrap());
    let ask = async |operation, message: &[u8]| {
        client.ask_mailbox(&cx, &about(id, operation), &PROOF, message).await.unwrap()
    };
    assert_eq!(ask(MailboxOperation::Open, b"").await, None);
    assert_eq!(ask(leave(b"a message"), b"a message").await, None);
    assert_eq!(ask(MailboxOperation::Fetch { slot: 2 }, b"").await, None);
    assert_eq!(ask(MailboxOperation::Close, b"").await, None);
    let calls = node.calls.lock().unwrap().clone();
    let shown = |name: &str| -> Vec<bool> {
        let calls = calls.iter().filter(|call| call.is(name));
        calls.map(|call| call.header("authorization").is_some()).collect()
    };
    assert_eq!(shown("/v1/mailbox/open"), [true]);
    assert_eq!(shown("/v1/mailbox"), [false; 3]);
    let unnamed =
        |call: &&Call| call.is("/v1/mailbox") && call.header("bulla-request-id").is_none();
    assert_eq!(calls.iter().filter(unnamed).count(), 3, "nor by names that go on counting");
}

/// Clauses: WIRE-45.
#[tokio::test]
async fn a_message_is_taken_for_a_fetch_alone() {
    let node = Node::start().await;
    offer(&node, |_| Reply::item(&MailboxReply(Some(b"a message".to_vec()))));
    let (client, cx, id) = (node.client(), Context::new(), node.keys.node_id());
    for (operation, is_good) in [
        (MailboxOperation::Fetch { slot: 2 }, true),
        (MailboxOperation::Open, false),
        (leave(b"x"), false),
        (MailboxOperation::Close, false),
    ] {
        match client.ask_mailbox(&cx, &about(id, operation), &PROOF, b"x").await {
            Ok(message) => assert!(is_good && message.as_deref() == Some(b"a message")),
            Err(error) => assert!(!is_good && error.code().as_str() == "peer.answer", "{error}"),
        }
    }
    let long = Reply::item(&MailboxReply(Some(vec![7; 4_097])));
    offer(&node, move |_| long.clone());
    let fetch = about(id, MailboxOperation::Fetch { slot: 2 });
    let error = client.ask_mailbox(&cx, &fetch, &PROOF, b"").await.unwrap_err();
    assert_eq!(error.code().as_str(), "peer.answer");
}

#[tokio::test]
async fn a_node_without_mailboxes_is_asked_for_none() {
    let node = Node::start().await;
    let (client, cx) = (node.client(), Context::new());
    let close = about(node.keys.node_id(), MailboxOperation::Close);
    let error = client.ask_mailbox(&cx, &close, &PROOF, b"").await.unwrap_err();
    assert!(matches!(error, StoreError::Unsupported { .. }), "{error:?}");
    assert_eq!(node.count("/v1/mailbox"), 0);
}

#[tokio::test]
async fn a_message_is_waited_for_until_it_is_there_or_the_time_is_over() {
    let node = Node::start().await;
    let asked = AtomicUsize::new(0);
    offer(&node, move |_| {
        let is_there = asked.fetch_add(1, Ordering::SeqCst) >= 3;
        Reply::item(&MailboxReply(is_there.then(|| b"at last".to_vec())))
    });
    let (client, cx, id) = (node.client(), Context::new(), node.keys.node_id());
    let fetch = about(id, MailboxOperation::Fetch { slot: 2 });
    let message = client.await_mailbox(&cx, &fetch, &PROOF, 1).await.unwrap();
    assert_eq!((&message[..], node.count("/v1/mailbox")), (&b"at last"[..], 4));

    offer(&node, nothing);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let client = node.builder().with_clock(Arc::clone(&clock)).build().unwrap();
    client.capabilities(&cx).await.unwrap();
    let soon = clock.monotonic() + Duration::from_millis(50);
    let cx = Context { deadline: Some(soon), ..Context::new() };
    // The hour between two looks is not waited for.
    let error = client.await_mailbox(&cx, &fetch, &PROOF, 3_600_000).await.unwrap_err();
    assert!(matches!(error, StoreError::Deadline), "{error:?}");

    let gone = WireError::new(Code::new("mailbox.unknown"), "gone");
    offer(&node, move |_| Reply::error(&gone));
    let cx = Context::new();
    let error = client.await_mailbox(&cx, &fetch, &PROOF, 1).await.unwrap_err();
    assert_eq!(error.code().as_str(), "mailbox.unknown");
}

/// An invitation has the address of a node and its key. Whoever else answers there is left alone, also by a device that shows
/// nobody who it is.
/// Clauses: PAIR-10, CAP-3, WIRE-44.
#[tokio::test]
async fn nothing_is_left_with_a_node_that_has_another_key() {
    let node = Node::start().await;
    offer(&node, nothing);
    let upstream = Upstream::new(&node.address, NodeId([9; 32])).unwrap();
    let client = Client::builder(upstream, Arc::new(device(1))).build().unwrap();
    let (message, cx) = (&b"a message"[..], Context::new());
    let left = about(client.node(), leave(message));
    let error = client.ask_mailbox(&cx, &left, &PROOF, message).await.unwrap_err();
    assert!(matches!(error, StoreError::WrongNode { .. }), "{error:?}");
    assert!(node.calls.lock().unwrap().iter().all(|call| call.is("/v1/capabilities")));
}
