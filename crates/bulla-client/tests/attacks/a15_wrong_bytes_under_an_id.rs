//! A15: the right id with other bytes, other entries than asked for, and entries by nobody.

use bulla_core::cbor::Decode;
use bulla_core::values::{GetItem, GetRequest, PayloadState, ScanBody, ScanRequest};
use bulla_core::{EntryId, RawEntry, Verified};
use bulla_store::{ContentAddressedStore, Context};
use bulla_wire::get::GetMessage;
use bulla_wire::scan::ScanMessage;
use bulla_wire::{BodyEncoder, Form};
use bytes::Bytes;

use crate::support::{Node, Reply, SPACE, chain, word};

/// Answers to `get` and `scan` with these entries in place of the real ones, in the form asked for.
fn serve(node: &Node, compact: Vec<RawEntry>, plain: Vec<RawEntry>) {
    node.script(move |call, honest| {
        let (form, mut body) = if call.is("/get") {
            let form = GetMessage::from_cbor(&call.body).unwrap().form;
            (form, BodyEncoder::get(SPACE, form))
        } else if call.is("/scan") {
            let form = ScanMessage::from_cbor(&call.body).unwrap().form;
            (form, BodyEncoder::scan(SPACE, form, None))
        } else {
            return honest;
        };
        let entries = if form == Form::Compact { &compact } else { &plain };
        if call.is("/get") {
            let asked = GetMessage::from_cbor(&call.body).unwrap().request.ids;
            // Asked for some of them, it gives the ones that stand for those.
            for raw in entries.iter().skip(entries.len() - asked.len()) {
                body.raw(0, raw, PayloadState::Missing);
            }
            body.end();
            return Reply::sequence(&body.take(0));
        }
        entries.iter().for_each(|raw| body.raw(1, raw, PayloadState::Missing));
        // The end of the page is the honest one: its last item, after the honest entries.
        let mut bytes = body.take(0).to_vec();
        bytes.extend_from_slice(&page_end(&honest.body));
        Reply::sequence(&bytes)
    });
}

/// The bytes of the last item of a body.
fn page_end(body: &[u8]) -> Vec<u8> {
    let mut at = 0;
    loop {
        let length = bulla_core::cbor::check_prefix(&body[at..]).unwrap();
        if at + length == body.len() {
            return body[at..].to_vec();
        }
        at += length;
    }
}

fn raws(entries: &[Verified]) -> Vec<RawEntry> {
    entries.iter().map(Verified::to_raw).collect()
}

async fn answers(node: &Node, ids: &[EntryId]) -> (Vec<GetItem>, Vec<String>) {
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let request = GetRequest { ids: ids.to_vec(), max_bytes: u32::MAX };
    let items = store.get(&cx, request).await.unwrap();
    let page = store.scan(&cx, ScanRequest::everything()).await.unwrap();
    (items, page.items.iter().map(|item| word(&item.body)).collect())
}

#[tokio::test]
async fn a15_wrong_payload_under_the_right_id_is_never_marked_present() {
    let node = Node::start().await;
    let entries = chain(1, 3, 64);
    node.fill(&entries).await;
    let mut wrong = raws(&entries);
    wrong[2].payload = Some(Bytes::from(vec![0; 64]));
    serve(&node, wrong.clone(), wrong);
    let ids: Vec<EntryId> = entries.iter().map(Verified::id).collect();
    let (items, words) = answers(&node, &ids).await;
    assert!(matches!(&items[0], GetItem::Entry(entry) if entry.id() == ids[0]));
    assert!(
        matches!(&items[2], GetItem::Header(header, PayloadState::Missing) if header.id() == ids[2])
    );
    assert_eq!(words, ["entry", "entry", "missing"]);
}

/// Clauses: WIRE-33, GET-5.
#[tokio::test]
async fn a15_other_entries_than_asked_for_are_corrupt() {
    let node = Node::start().await;
    let entries = chain(1, 3, 64);
    node.fill(&entries).await;
    let mut swapped = raws(&entries);
    swapped.swap(0, 2);
    serve(&node, swapped.clone(), swapped);
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let ids: Vec<EntryId> = entries.iter().map(Verified::id).collect();
    let items = store.get(&cx, GetRequest { ids, max_bytes: u32::MAX }).await.unwrap();
    assert_eq!((&items[0], &items[2]), (&GetItem::Corrupt, &GetItem::Corrupt));
    assert!(matches!(items[1], GetItem::Entry(_)));
    // In a scan the order decides the log hash.
    let page = store.scan(&cx, ScanRequest::everything()).await;
    assert_eq!(page.unwrap_err().code().as_str(), "peer.cursor");
}

#[tokio::test]
async fn a15_a_wrong_signature_in_the_middle_leaves_the_others() {
    let node = Node::start().await;
    let entries = chain(1, 3, 64);
    node.fill(&entries).await;
    let mut wrong = raws(&entries);
    wrong[1].signature.0[5] ^= 1;
    serve(&node, wrong.clone(), wrong);
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let page = store.scan(&cx, ScanRequest::everything()).await.unwrap();
    let words: Vec<String> = page.items.iter().map(|item| word(&item.body)).collect();
    assert_eq!(words, ["entry", "entry.signature", "entry"]);
    assert!(matches!(&page.items[2].body, ScanBody::Entry(entry) if entry.id() == entries[2].id()));
}

#[tokio::test]
async fn a15_what_only_the_compact_form_spoils_comes_whole_in_the_plain_form() {
    let node = Node::start().await;
    let entries = chain(1, 9, 64);
    node.fill(&entries).await;
    let mut wrong = raws(&entries);
    wrong[3].signature.0[5] ^= 1;
    serve(&node, wrong, raws(&entries));
    let ids: Vec<EntryId> = entries[6..].iter().map(Verified::id).collect();
    let (items, words) = answers(&node, &ids).await;
    assert!(items.iter().all(|item| matches!(item, GetItem::Entry(_))));
    assert_eq!(words, vec!["entry"; 9]);
}
