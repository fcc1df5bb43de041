//! A46 and A62: tokens that expire, that are refused for ever, and that must not be printed.

use bulla_store::{ContentAddressedStore, Context, StoreError};
use bulla_wire::headers::format_token;
use bulla_wire::{WireError, codes};

use crate::support::{Node, Reply, SPACE};

#[tokio::test]
async fn a46_an_expired_token_is_renewed_once_and_unnoticed() {
    let node = Node::start().await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    store.head(&cx).await.unwrap();
    node.expire_tokens();
    store.head(&cx).await.unwrap();
    store.head(&cx).await.unwrap();
    assert_eq!(node.count("/login"), 2);
}

#[tokio::test]
async fn a46_a_node_that_refuses_every_token_is_asked_twice_and_no_more() {
    let node = Node::start().await;
    node.script(|call, honest| {
        if call.is("/head") {
            Reply::error(&WireError::new(codes::TOKEN, "log in"))
        } else {
            honest
        }
    });
    let error = node.client().store(SPACE).head(&Context::new()).await.unwrap_err();
    assert_eq!(error.code(), codes::TOKEN);
    assert_eq!((node.count("/head"), node.count("/login")), (2, 2));
}

#[tokio::test]
async fn a46_many_calls_at_once_log_in_once() {
    let node = Node::start().await;
    let store = node.client().store(SPACE);
    let cx = Context::new();
    let calls = (0..16).map(|_| store.head(&cx));
    let heads = futures_util::future::join_all(calls).await;
    assert!(heads.iter().all(Result::is_ok));
    assert_eq!((node.count("/login"), node.count("/capabilities")), (1, 1));
}

#[tokio::test]
async fn a62_no_token_shows_in_what_a_client_prints() {
    let node = Node::start().await;
    let client = node.client();
    client.store(SPACE).head(&Context::new()).await.unwrap();
    let token = format_token(&[1; 32]).replace("Bearer ", "");
    let store = client.store(SPACE);
    let printed = format!("{client:?} {store:?}");
    assert!(!printed.contains(&token) && !printed.contains("AQEBAQEB"));
    node.script(|_, reply| Reply { status: 500, ..reply });
    let error: StoreError = store.head(&Context::new()).await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains(&token));
}
