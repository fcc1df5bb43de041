//! A57 and A58: answers without end, bodies cut anywhere, and noise.

use bulla_core::cbor::Decode;
use bulla_core::values::{GetRequest, PageLimit, ScanRequest};
use bulla_core::{EntryId, Verified};
use bulla_store::{ContentAddressedStore, Context, StoreError};
use bulla_wire::has::HasAnswer;
use bulla_wire::limits::{MAX_ITEM_BYTES, MAX_MESSAGE_BYTES};

use crate::support::{Delivery, Node, Reply, SPACE, chain};

/// More than hyper ever reads ahead on a connection (8 KiB + 100 × 4 KiB).
const CONNECTION_BUFFER_BYTES: usize = 512 * 1024;

#[tokio::test]
async fn a57_answers_without_end_are_cut_off() {
    let node = Node::start().await;
    node.fill(&chain(1, 3, 100)).await;
    let (client, cx) = (node.client(), Context::new());
    let store = client.store(SPACE);
    store.head(&cx).await.unwrap();
    let chunks = [
        vec![0x84; 4096],
        vec![0x00; 65_536],
        // A byte string of 4 GiB, and more of its kind.
        [vec![0x5a, 0xff, 0xff, 0xff, 0xff], vec![0; 65_536]].concat(),
        // Empty arrays for ever.
        vec![0x80; 65_536],
    ];
    // The longest thing a call may wait for, and one read of the connection's buffer beyond it; a call that cannot read
    // the compact form asks once more for the plain one.
    let most = 2 * (MAX_ITEM_BYTES.max(MAX_MESSAGE_BYTES) + CONNECTION_BUFFER_BYTES) as u64;
    let received = || client.traffic().received_bytes;
    for chunk in chunks {
        let endless = chunk.clone();
        node.script(move |_, mut reply| {
            reply.body = endless.clone();
            reply.delivered(Delivery::Endless)
        });
        let before = received();
        assert!(matches!(store.head(&cx).await, Err(StoreError::Peer { .. })));
        let after_head = received();
        let request = GetRequest { ids: vec![EntryId([1; 32])], max_bytes: 1000 };
        assert!(matches!(store.get(&cx, request).await, Err(StoreError::Peer { .. })));
        let after_get = received();
        let scan = store.scan(&cx, ScanRequest::everything()).await;
        assert!(matches!(scan, Err(StoreError::Peer { .. })), "{scan:?}");
        let taken = [after_head - before, after_get - after_head, received() - after_get];
        assert!(taken.iter().all(|bytes| *bytes <= most), "{taken:?} bytes were read, not {most}");
    }
}

/// Clauses: WIRE-27, WIRE-34.
#[tokio::test]
async fn a57_more_than_was_asked_for_is_refused() {
    let node = Node::start().await;
    let entries = chain(1, 20, 100);
    node.fill(&entries).await;
    let everything = node.client().store(SPACE);
    let cx = Context::new();
    // The node ignores the limit.
    let honest = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = std::sync::Arc::clone(&honest);
    node.script(move |call, reply| {
        if call.is("/scan") || call.is("/get") {
            *keep.lock().unwrap() = Some(reply.body.clone());
        }
        reply
    });
    everything.scan(&cx, ScanRequest::everything()).await.unwrap();
    let whole = honest.lock().unwrap().take().unwrap();
    node.script(move |call, reply| if call.is("/scan") { Reply::sequence(&whole) } else { reply });
    for (limit, code) in [
        (PageLimit { max_items: 19, max_bytes: 1 << 20 }, "wire.too_many_items"),
        (PageLimit { max_items: 20, max_bytes: 1000 }, "wire.too_many_bytes"),
    ] {
        let request = ScanRequest { limit, ..ScanRequest::everything() };
        assert_eq!(everything.scan(&cx, request).await.unwrap_err().code().as_str(), code);
    }
    let ids: Vec<EntryId> = entries.iter().map(Verified::id).collect();
    node.script(|_, reply| reply);
    let request = GetRequest { ids: ids.clone(), max_bytes: 1 << 20 };
    let store = node.client().store(SPACE);
    store.get(&cx, request).await.unwrap();
    node.script(|call, reply| {
        if !call.is("/has") {
            return reply;
        }
        let mut answer = HasAnswer::from_cbor(&reply.body).unwrap();
        answer.presence.pop();
        Reply::item(&answer)
    });
    assert_eq!(store.has(&cx, &ids).await.unwrap_err().code().as_str(), "peer.answer");
}

#[tokio::test]
async fn a57_requests_beyond_the_bounds_are_refused_before_they_are_sent() {
    let node = Node::start().await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let ids = vec![EntryId([1; 32]); 10_001];
    assert_eq!(store.has(&cx, &ids).await.unwrap_err().code().as_str(), "request.too_large");
    let request = GetRequest { ids, max_bytes: 1 };
    assert_eq!(store.get(&cx, request).await.unwrap_err().code().as_str(), "request.too_large");
    let entry = chain(1, 1, 32).remove(0);
    let put = store.put(&cx, vec![entry; 4_097]).await;
    assert_eq!(put.unwrap_err().code().as_str(), "request.too_large");
    assert!(node.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a58_a_body_cut_at_any_byte_is_an_error() {
    let node = Node::start().await;
    let entries = chain(1, 3, 40);
    node.fill(&entries).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let length = std::sync::Arc::new(std::sync::Mutex::new(0));
    let measured = std::sync::Arc::clone(&length);
    node.script(move |call, reply| {
        if call.is("/scan") {
            *measured.lock().unwrap() = reply.body.len();
        }
        reply
    });
    let whole = store.scan(&cx, ScanRequest::everything()).await.unwrap();
    let length = *length.lock().unwrap();
    for cut in 0..length {
        // As a proxy cuts it, with a length that fits: only the missing end item tells.
        node.script(move |call, mut reply| {
            if call.is("/scan") {
                reply.body.truncate(cut);
            }
            reply
        });
        let error = store.scan(&cx, ScanRequest::everything()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "wire.truncated", "cut at {cut}");
    }
    for cut in (0..length).step_by(37) {
        // As a connection breaks.
        node.script(
            move |call, reply| {
                if call.is("/scan") { reply.delivered(Delivery::Broken(cut)) } else { reply }
            },
        );
        let error = store.scan(&cx, ScanRequest::everything()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "upstream.unavailable", "broken at {cut}");
    }
    node.script(|_, reply| reply);
    assert_eq!(store.scan(&cx, ScanRequest::everything()).await.unwrap(), whole);
}

/// A shorter answer to `get` is an answer too, so only its end item tells that nothing was cut off.
#[tokio::test]
async fn a58_an_answer_to_get_cut_at_any_byte_is_an_error() {
    let node = Node::start().await;
    let entries = chain(1, 3, 40);
    node.fill(&entries).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let request = GetRequest { ids: entries.iter().map(Verified::id).collect(), max_bytes: 65_536 };
    let length = std::sync::Arc::new(std::sync::Mutex::new(0));
    let measured = std::sync::Arc::clone(&length);
    node.script(move |call, reply| {
        if call.is("/get") {
            *measured.lock().unwrap() = reply.body.len();
        }
        reply
    });
    assert_eq!(store.get(&cx, request.clone()).await.unwrap().len(), entries.len());
    let length = *length.lock().unwrap();
    assert!(length > 300, "{length} bytes");
    for cut in 0..length {
        node.script(move |call, mut reply| {
            if call.is("/get") {
                reply.body.truncate(cut);
            }
            reply
        });
        let error = store.get(&cx, request.clone()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "wire.truncated", "cut at {cut}");
    }
}

#[tokio::test]
async fn a58_noise_never_panics_and_never_passes_for_entries() {
    let node = Node::start().await;
    let entries = chain(1, 4, 60);
    node.fill(&entries).await;
    let (store, cx) = (node.client().store(SPACE), Context::new());
    let whole = store.scan(&cx, ScanRequest::everything()).await.unwrap();
    let known: Vec<EntryId> = entries.iter().map(Verified::id).collect();
    let mut state = 0x0123_4567_89ab_cdef_u64;
    for _ in 0..400 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state;
        node.script(move |call, mut reply| {
            if call.is("/scan") || call.is("/head") || call.is("/get") {
                let at = usize::try_from(random >> 16).unwrap() % reply.body.len();
                reply.body[at] ^= u8::try_from(random >> 8 & 0xff).unwrap() | 1;
            }
            reply
        });
        if let Ok(page) = store.scan(&cx, ScanRequest::everything()).await {
            for item in &page.items {
                if let bulla_core::values::ScanBody::Entry(entry) = &item.body {
                    assert!(known.contains(&entry.id()));
                }
            }
        }
        let request = GetRequest { ids: known.clone(), max_bytes: u32::MAX };
        if let Ok(items) = store.get(&cx, request).await {
            for (item, id) in items.iter().zip(&known) {
                if let bulla_core::values::GetItem::Entry(entry) = item {
                    assert_eq!(entry.id(), *id);
                }
            }
        }
        let _ = store.head(&cx).await;
    }
    node.script(|_, reply| reply);
    assert_eq!(store.scan(&cx, ScanRequest::everything()).await.unwrap(), whole);
}
