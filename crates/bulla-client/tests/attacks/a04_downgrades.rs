//! A04: a node that says it can do less, speaks another version, or says nothing.

use bulla_core::Code;
use bulla_core::cbor::Encode;
use bulla_store::{ContentAddressedStore, Context, StoreError};
use bulla_wire::{Capabilities, VersionRange, WireError, codes};

use crate::support::{Delivery, Node, Reply, SPACE};

async fn head_fails(node: &Node) -> StoreError {
    node.client().store(SPACE).head(&Context::new()).await.unwrap_err()
}

/// Clauses: WIRE-2, CAP-1, CAP-2.
#[tokio::test]
async fn a04_a_failing_capability_call_is_an_error_and_never_supports_nothing() {
    let node = Node::start().await;
    let garbage = Reply::new(200, "application/cbor", vec![0xff; 40]);
    let page = Reply::new(200, "text/html", b"<html>log in to the hotel</html>".to_vec());
    let broken =
        Reply::item(&Capabilities::new(node.keys.node_id())).delivered(Delivery::Broken(9));
    let empty = Reply::new(200, "application/cbor", vec![0xa0]);
    for (reply, code) in [
        (garbage, "peer.capabilities"),
        (page, "peer.answer"),
        (broken, "upstream.unavailable"),
        (empty, "peer.capabilities"),
        (Reply::error(&WireError::new(codes::BUSY, "later")), "node.busy"),
        (Reply::new(500, "text/plain", vec![]), "upstream.unavailable"),
        (Reply::new(404, "text/plain", vec![]), "peer.answer"),
    ] {
        node.script(
            move |call, honest| if call.is("/capabilities") { reply.clone() } else { honest },
        );
        assert_eq!(head_fails(&node).await.code().as_str(), code);
    }
    let calls = node.calls.lock().unwrap();
    assert!(
        calls.iter().all(|call| call.is("/capabilities")),
        "nothing was asked without an answer"
    );
}

#[tokio::test]
async fn a04_a_failure_is_not_remembered() {
    let node = Node::start().await;
    node.script(|_, reply| reply.delivered(Delivery::Broken(0)));
    let (store, cx) = (node.client().store(SPACE), Context::new());
    assert!(store.head(&cx).await.unwrap_err().is_retryable());
    node.script(|_, reply| reply);
    store.head(&cx).await.unwrap();
    store.head(&cx).await.unwrap();
    assert_eq!(node.count("/capabilities"), 2);
}

/// Clauses: WIRE-5.
#[tokio::test]
async fn a04_peers_without_a_shared_version_name_both_ranges() {
    let node = Node::start().await;
    let mut later = Capabilities::new(node.keys.node_id());
    later.versions = VersionRange::new(2, 3).unwrap();
    node.script(
        move |call, honest| if call.is("/capabilities") { Reply::item(&later) } else { honest },
    );
    let by_client = head_fails(&node).await;
    let refused =
        WireError::no_shared_version(VersionRange::new(2, 3).unwrap(), VersionRange::OURS);
    node.script(move |_, _| Reply::error(&refused));
    let by_node = head_fails(&node).await;
    for error in [by_client, by_node] {
        assert!(matches!(&error, StoreError::Peer { .. }), "{error:?}");
        assert_eq!(error.code(), codes::VERSION);
        let text = error.to_string();
        assert!(text.contains("2-3") && text.contains("1-1"), "{text}");
    }
}

/// Clauses: CAP-2.
#[tokio::test]
async fn a04_what_a_later_version_adds_is_passed_over() {
    let node = Node::start().await;
    let mut capabilities = Capabilities::new(node.keys.node_id());
    capabilities.versions = VersionRange::new(1, 9).unwrap();
    capabilities.features.push(Code::new("teleport"));
    let mut bytes = capabilities.to_cbor();
    // One more pair: key 9, an array.
    bytes[0] += 1;
    bytes.extend_from_slice(&[0x09, 0x82, 0x01, 0x41, 0x00]);
    node.script(move |call, honest| {
        if call.is("/capabilities") {
            Reply::new(200, "application/cbor", bytes.clone())
        } else {
            honest
        }
    });
    assert_eq!(node.client().capabilities(&Context::new()).await.unwrap(), capabilities);
}
