//! A24: one bad entry on a page of 250. That every place gives the same is tested where entries are verified; here the
//! places are those where the client cuts the page, its ends, and some in between.

use bulla_core::cbor::Decode;
use bulla_core::values::{PayloadState, ScanRequest};
use bulla_core::{RawEntry, Verified};
use bulla_store::{ContentAddressedStore, Context};
use bulla_wire::BodyEncoder;
use bulla_wire::scan::ScanMessage;

use crate::support::{Node, Reply, SPACE, chain, word};

#[tokio::test]
async fn a24_one_bad_entry_leaves_249_good_ones_wherever_it_is() {
    let node = Node::start().await;
    let entries = chain(1, 250, 24);
    node.fill(&entries).await;
    let head = node.store.head(&Context::new()).await.unwrap();
    let (store, cx) = (node.client().store(SPACE), Context::new());
    for bad in [0, 1, 30, 63, 64, 127, 128, 200, 248, 249] {
        let mut raw: Vec<RawEntry> = entries.iter().map(Verified::to_raw).collect();
        raw[bad].signature.0[40] ^= 1;
        node.script(move |call, honest| {
            if !call.is("/scan") {
                return honest;
            }
            let form = ScanMessage::from_cbor(&call.body).unwrap().form;
            let mut body = BodyEncoder::scan(SPACE, form, None);
            raw.iter().for_each(|raw| body.raw(1, raw, PayloadState::Missing));
            body.page_end(&head.cursor(), true, false);
            Reply::sequence(&body.take(0))
        });
        let page = store.scan(&cx, ScanRequest::everything()).await.unwrap();
        let words: Vec<String> = page.items.iter().map(|item| word(&item.body)).collect();
        assert_eq!(words.iter().filter(|word| *word == "entry").count(), 249, "bad at {bad}");
        assert_eq!(words[bad], "entry.signature");
        assert_eq!(page.cursor, head.cursor());
    }
}
