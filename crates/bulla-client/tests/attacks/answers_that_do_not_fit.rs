//! Answers that are well formed and do not answer what was asked.

use bulla_core::values::{Cursor, ScanRequest, Summary, SummaryRequest};
use bulla_core::{Bloom, LogHash, SpaceId};
use bulla_store::{ContentAddressedStore, Context, Spaces, StoreError};
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::summary::SummaryAnswer;
use bulla_wire::{BodyEncoder, Form};

use crate::support::{Node, Reply, SPACE, chain};

/// A filter under a salt that the node chose could be made of ids that collide under it.
/// Clauses: WIRE-38, BLM-7.
#[tokio::test]
async fn a_filter_with_another_salt_is_refused() {
    let node = Node::start().await;
    let upto =
        Cursor { lineage: bulla_core::Lineage([1; 16]), receipt: 0, log_hash: LogHash::ZERO };
    let bloom = Bloom::for_count(10, [8; 16]);
    node.script(move |call, honest| {
        let answer = SummaryAnswer(Summary::Bloom { upto, bloom: bloom.clone() });
        if call.is("/summary") { Reply::item(&answer) } else { honest }
    });
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let error = store.summary(&cx, SummaryRequest::Bloom { salt: [7; 16] }).await.unwrap_err();
    assert_eq!(error.code().as_str(), "peer.answer");
    assert!(store.summary(&cx, SummaryRequest::Bloom { salt: [8; 16] }).await.is_ok());
}

/// A list that starts again, or goes on for ever without naming a space.
/// Clauses: WIRE-40.
#[tokio::test]
async fn a_list_of_spaces_that_does_not_go_on_is_refused() {
    let node = Node::start().await;
    let (client, cx) = (node.client(), Context::new());
    let space = |byte| SpaceId([byte; 32]);
    for (spaces, end, is_good) in [
        (vec![space(6), space(7)], false, true),
        (vec![], true, true),
        (vec![space(5)], true, false),
        (vec![space(4), space(9)], true, false),
        (vec![], false, false),
    ] {
        node.script(move |call, honest| {
            let answer = SpacesAnswer { spaces: spaces.clone(), end };
            if call.path.contains("/v1/spaces?after=") { Reply::item(&answer) } else { honest }
        });
        let listed = client.list(&cx, Some(space(5)), 100).await;
        match listed {
            Ok(_) => assert!(is_good),
            Err(error) => {
                assert!(!is_good, "{error}");
                assert_eq!(error.code().as_str(), "peer.answer");
            }
        }
    }
}

/// A page that is the last and announces another.
/// Clauses: WIRE-36, WIRE-41.
#[tokio::test]
async fn a_last_page_with_more_to_come_is_refused() {
    let node = Node::start().await;
    node.fill(&chain(1, 3, 32)).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let request = ScanRequest { until: Some(3), ..ScanRequest::everything() };
    let end = store.scan(&cx, request.clone()).await.unwrap().cursor;
    for (more, is_good) in [(false, true), (true, false)] {
        node.script(move |call, honest| {
            if !call.is("/scan") {
                return honest;
            }
            let mut body = BodyEncoder::scan(SPACE, Form::Compact, None);
            body.page_end(&end, true, more);
            if more {
                body.page_end(&end, true, false);
            }
            Reply::sequence(&body.take(0))
        });
        let request = ScanRequest { after: Some(end), ..request.clone() };
        match store.scan(&cx, request).await {
            Ok(page) => assert!(is_good && page.items.is_empty()),
            Err(error) => assert!(!is_good && matches!(error, StoreError::Peer { .. }), "{error}"),
        }
    }
}
