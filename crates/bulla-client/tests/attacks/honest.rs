//! What a good node and a good link give.

use std::sync::Arc;
use std::time::Duration;

use bulla_client::{AcknowledgementFile, AcknowledgementSink, MemoryAcknowledgements};
use bulla_core::values::{
    GetItem, GetRequest, Has, PageLimit, PutOutcome, ScanBody, ScanRequest, Summary, SummaryRequest,
};
use bulla_core::{EntryId, NodeId, SpaceId, Verified};
use bulla_store::{
    Clock, ContentAddressedStore, Context, HopPath, Spaces, StoreError, SystemClock,
};
use futures_util::StreamExt;

use crate::support::{Node, SPACE, chain};

#[tokio::test]
async fn every_call_gives_what_the_store_behind_gives() {
    let node = Node::start().await;
    let acknowledgements = Arc::new(MemoryAcknowledgements::default());
    let client = node
        .builder()
        .with_acknowledgements(Arc::<MemoryAcknowledgements>::clone(&acknowledgements))
        .build()
        .unwrap();
    let (store, cx, entries) = (client.store(SPACE), Context::new(), chain(1, 40, 100));

    let report = store.put(&cx, entries.clone()).await.unwrap();
    assert!(report.outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Stored(_))));
    let kept = acknowledgements.batches();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].entries.len(), 40);
    assert_eq!(kept[0].acknowledgement.node, node.keys.node_id());

    assert_eq!(store.head(&cx).await.unwrap(), node.store.head(&cx).await.unwrap());
    let ids: Vec<EntryId> = entries.iter().map(Verified::id).chain([EntryId([9; 32])]).collect();
    let presence = store.has(&cx, &ids).await.unwrap();
    assert_eq!((presence[39], presence[40]), (Has::Yes, Has::No));
    let request = GetRequest { ids: ids.clone(), max_bytes: u32::MAX };
    let items = store.get(&cx, request).await.unwrap();
    assert!(
        items[..40]
            .iter()
            .zip(&ids)
            .all(|(item, id)| matches!(item, GetItem::Entry(entry) if entry.id() == *id))
    );
    assert_eq!(items[40], GetItem::Absent);
    let page = store.scan(&cx, ScanRequest::everything()).await.unwrap();
    assert_eq!(page, node.store.scan(&cx, ScanRequest::everything()).await.unwrap());
    let request = SummaryRequest::Bloom { salt: [7; 16] };
    let Summary::Bloom { bloom, .. } = store.summary(&cx, request).await.unwrap();
    assert!(ids[..40].iter().all(|id| bloom.may_hold(id)));
    let status = store.status(&cx).await.unwrap();
    assert_eq!((status.engine.as_str(), status.entries), ("network", 40));
    assert_eq!(status.upstream.unwrap().engine, "memory");

    let spaces = client.list(&cx, None, 10).await.unwrap();
    assert_eq!((spaces.spaces, spaces.end), (vec![SPACE], true));
    assert!(client.open(&cx, SPACE).await.is_ok());
    let other = SpaceId([1; 32]);
    assert!(matches!(client.open(&cx, other).await, Err(StoreError::NotServed(s)) if s == other));
    assert!(matches!(client.create(&cx, other).await, Err(StoreError::Unsupported { .. })));
    assert!(matches!(client.remove(&cx, SPACE).await, Err(StoreError::Unsupported { .. })));
    assert_eq!((node.count("/capabilities"), node.count("/login")), (1, 1));
}

#[tokio::test]
async fn a_first_pull_up_to_a_receipt_is_one_request() {
    let node = Node::start().await;
    node.fill(&chain(1, 300, 200)).await;
    let (client, cx) = (node.client(), Context::new());
    let store = client.store(SPACE);
    let until = Some(store.head(&cx).await.unwrap().last_receipt);
    let limit = PageLimit { max_bytes: 1 << 20, max_items: 32 };
    let mut request = ScanRequest { until, limit, ..ScanRequest::everything() };
    let (mut items, mut pages) = (Vec::new(), 0);
    loop {
        let page = store.scan(&cx, request.clone()).await.unwrap();
        items.extend(page.items);
        request.after = Some(page.cursor);
        pages += 1;
        if page.end {
            break;
        }
    }
    assert_eq!((items.len(), pages, node.count("/scan")), (300, 10, 1));
    assert!(items.iter().all(|item| matches!(item.body, ScanBody::Entry(_))));
    // Nothing new, and the cursor is known: one request, under 300 bytes of bodies.
    let before = client.traffic();
    let page = store.scan(&cx, ScanRequest { until: None, ..request }).await.unwrap();
    let after = client.traffic();
    assert!(page.items.is_empty() && page.end);
    assert_eq!(after.requests - before.requests, 1);
    let bytes = after.sent_bytes - before.sent_bytes + after.received_bytes - before.received_bytes;
    assert!(bytes <= 300, "{bytes} bytes");
}

#[tokio::test]
async fn without_a_receipt_to_stop_at_each_page_is_fresh() {
    let node = Node::start().await;
    let entries = chain(1, 3, 50);
    node.fill(&entries[..2]).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let limit = PageLimit { max_bytes: 1 << 20, max_items: 1 };
    let mut request = ScanRequest { limit, ..ScanRequest::everything() };
    let page = store.scan(&cx, request.clone()).await.unwrap();
    node.fill(&entries[2..]).await;
    request.after = Some(page.cursor);
    let page = store.scan(&cx, request.clone()).await.unwrap();
    assert!(!page.end, "an entry was added before this page was asked for");
}

#[tokio::test]
async fn what_travels_with_a_call_goes_into_headers() {
    let node = Node::start().await;
    let (client, clock) = (node.client(), Arc::new(SystemClock::new()));
    let hops = HopPath::new(vec![NodeId([1; 32]), NodeId([2; 32])]).unwrap();
    let mut cx = Context { hops, request_id: "abc-1".into(), ..Context::new() };
    cx.deadline = Some(clock.monotonic() + Duration::from_secs(600));
    client.store(SPACE).head(&cx).await.unwrap();
    client.store(SPACE).head(&Context::new()).await.unwrap();
    let calls = node.calls.lock().unwrap();
    let heads: Vec<_> = calls.iter().filter(|call| call.is("/head")).collect();
    let hops = format!("{},{}", NodeId([1; 32]), NodeId([2; 32]));
    assert_eq!(heads[0].header("bulla-hops"), Some(hops.as_str()));
    assert_eq!(heads[0].header("bulla-request-id"), Some("abc-1"));
    assert_eq!(heads[0].header("bulla-versions"), Some("1-1"));
    let left: u64 = heads[0].header("bulla-deadline-ms").unwrap().parse().unwrap();
    // In milliseconds, and less what the login before it took.
    assert!((60_000..=600_000).contains(&left), "{left}");
    assert_eq!((heads[1].header("bulla-hops"), heads[1].header("bulla-deadline-ms")), (None, None));
    assert!(heads[1].header("bulla-request-id").is_some_and(|id| id.len() > 16));
    let open = calls.iter().find(|call| call.is("/capabilities")).unwrap();
    assert_eq!(open.header("authorization"), None);
}

#[tokio::test]
async fn one_feed_carries_what_this_client_watches() {
    let node = Node::start().await;
    let entries = chain(1, 3, 50);
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let mut first = store.watch(&cx).await.unwrap();
    assert_eq!(first.next().await.unwrap().unwrap().last_receipt, 0);
    node.fill(&entries[..1]).await;
    assert_eq!(first.next().await.unwrap().unwrap().last_receipt, 1);
    let mut second = store.watch(&cx).await.unwrap();
    assert_eq!(second.next().await.unwrap().unwrap().last_receipt, 1);
    node.fill(&entries[1..2]).await;
    assert_eq!(first.next().await.unwrap().unwrap().last_receipt, 2);
    assert_eq!(second.next().await.unwrap().unwrap().last_receipt, 2);
    // A space that is not served ends alone.
    let other = store.client().store(SpaceId([1; 32]));
    assert!(matches!(other.watch(&cx).await, Err(StoreError::NotServed(_))));
    node.fill(&entries[2..]).await;
    assert_eq!(first.next().await.unwrap().unwrap().last_receipt, 3);
    // A feed that breaks ends every stream with an error, and only then.
    node.script(|_, mut reply| {
        reply.status = 503;
        reply
    });
    node.fill(&chain(2, 1, 50)).await;
    for stream in [&mut first, &mut second] {
        let mut last = stream.next().await;
        while let Some(Ok(_)) = last {
            last = stream.next().await;
        }
        assert!(matches!(last, Some(Err(StoreError::Unavailable { .. }))), "{last:?}");
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn acknowledgements_survive_in_a_file_also_when_its_end_was_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("acknowledgements");
    let node = Node::start().await;
    for entry in chain(1, 3, 50) {
        let file = Arc::new(AcknowledgementFile::open(&path).await.unwrap());
        let client = node
            .builder()
            .with_acknowledgements(Arc::<AcknowledgementFile>::clone(&file))
            .build()
            .unwrap();
        client.store(SPACE).put(&Context::new(), vec![entry]).await.unwrap();
    }
    let kept = AcknowledgementFile::open(&path).await.unwrap().read().await.unwrap();
    let receipts: Vec<u64> = kept.iter().map(|batch| batch.entries[0].0).collect();
    assert_eq!(receipts, [1, 2, 3]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let file = AcknowledgementFile::open(&path).await.unwrap();
    assert_eq!(file.read().await.unwrap(), kept[..2]);
    file.keep(kept[2].clone()).await.unwrap();
    assert_eq!(file.read().await.unwrap(), kept);
}
