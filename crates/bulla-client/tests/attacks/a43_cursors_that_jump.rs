//! A42 and A43: cursors of other histories, pages that go round in circles, backwards or beyond.

use bulla_core::values::{Cursor, PageLimit, ScanRequest};
use bulla_core::{Lineage, LogHash};
use bulla_store::{ContentAddressedStore, Context, CursorRefusal, StoreError};
use bulla_wire::{BodyEncoder, Form};

use crate::support::{Node, Reply, SPACE, chain};

/// A page without items that ends like this.
fn empty_page(node: &Node, cursor: Cursor, end: bool, more: bool) {
    node.script(move |call, honest| {
        if !call.is("/scan") {
            return honest;
        }
        let mut body = BodyEncoder::scan(SPACE, Form::Compact, None);
        body.page_end(&cursor, end, more);
        Reply::sequence(&body.take(0))
    });
}

#[tokio::test]
async fn a43_cursors_that_do_not_follow_are_the_peers_fault() {
    let node = Node::start().await;
    node.fill(&chain(1, 10, 32)).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let limit = PageLimit { max_items: 5, ..PageLimit::MAX };
    let page = ScanRequest { limit, until: Some(8), ..ScanRequest::everything() };
    let after = node.store.scan(&cx, page.clone()).await.unwrap().cursor;
    let request = ScanRequest { after: Some(after), ..page };
    let same = after;
    let other_lineage = Cursor { lineage: Lineage([1; 16]), receipt: 8, ..after };
    let back = Cursor { receipt: 2, ..after };
    let beyond = Cursor { receipt: 9, ..after };
    let jump = Cursor { receipt: 1 << 60, ..after };
    for (what, cursor, end) in [
        ("stays", same, false),
        ("other lineage", other_lineage, true),
        ("back", back, false),
        ("beyond", beyond, true),
        ("jump", jump, false),
    ] {
        empty_page(&node, cursor, end, false);
        let error = store.scan(&cx, request.clone()).await.unwrap_err();
        let code = error.code();
        assert!(["peer.cursor", "wire.receipts"].contains(&code.as_str()), "{what}: {error}");
        assert!(matches!(error, StoreError::Peer { .. }), "{what}");
    }
    // An empty page that ends where it began is what "nothing new" looks like.
    empty_page(&node, same, true, false);
    assert!(store.scan(&cx, request).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a43_pages_whose_log_hash_does_not_follow_are_refused() {
    let node = Node::start().await;
    node.fill(&chain(1, 4, 32)).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let head = node.store.head(&cx).await.unwrap();
    let honest = node.store.scan(&cx, ScanRequest::everything()).await.unwrap();
    let forged = Cursor { log_hash: LogHash([9; 32]), ..head.cursor() };
    node.script(move |call, reply| {
        if !call.is("/scan") {
            return reply;
        }
        let mut body = BodyEncoder::scan(SPACE, Form::Compact, None);
        honest.items.iter().for_each(|item| body.scan_item(item));
        body.page_end(&forged, true, false);
        Reply::sequence(&body.take(0))
    });
    let error = store.scan(&cx, ScanRequest::everything()).await.unwrap_err();
    assert_eq!(error.code().as_str(), "peer.cursor");
}

#[tokio::test]
async fn a42_a_cursor_of_another_history_is_refused_by_name() {
    let node = Node::start().await;
    node.fill(&chain(1, 4, 32)).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let mut cursor = node.store.head(&cx).await.unwrap().cursor();
    cursor.lineage = Lineage([3; 16]);
    let request = ScanRequest { after: Some(cursor), ..ScanRequest::everything() };
    let error = store.scan(&cx, request).await.unwrap_err();
    let lineage = node.store.head(&cx).await.unwrap().lineage;
    assert!(
        matches!(error, StoreError::Cursor(CursorRefusal::Lineage { cursor: asked, store })
            if asked == cursor.lineage && store == lineage),
        "{error:?}"
    );
}
