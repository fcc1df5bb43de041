//! A cache gives nobody what only others may read, and shows its upstream nobody's token.

use std::sync::{Arc, Mutex};

use bulla_core::cbor::Encode as _;
use bulla_core::values::GetRequest;
use bulla_core::{PeerKey, SpaceId};
use bulla_wire::get::GetMessage;
use bulla_wire::route::SpaceRoute;
use bulla_wire::{Form, Route, headers};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::raw::{self, exchange, request};
use crate::support::{Bench, cache, device, peer, pull, put, upstream, world};

/// Passes on what comes, and remembers what went towards the node.
async fn recorder(to: std::net::SocketAddr) -> (std::net::SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let record = Arc::clone(&record);
            tokio::spawn(async move {
                let (mut from, mut back) = client.into_split();
                let (mut answers, mut onward) = TcpStream::connect(to).await.unwrap().into_split();
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
                let mut bytes = vec![0; 16 * 1024];
                while let Ok(count) = from.read(&mut bytes).await
                    && count > 0
                {
                    record.lock().unwrap().extend_from_slice(&bytes[..count]);
                    onward.write_all(&bytes[..count]).await.unwrap();
                }
            });
        }
    });
    (address, seen)
}

/// NODE-23, NODE-24, NODE-26.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a52_a_hit_is_judged_like_a_miss_and_tokens_stay_here() {
    let (bench, alice, bob) = (Bench::new(), device(), device());
    let (hers, his) = (world(81), world(82));
    let site = bench.site("cache");
    let relay = bench.site("relay");
    let carrier = PeerKey(site.id.0);
    let sections = crate::support::relay(hers.space(), &[carrier])
        + &crate::support::relay(his.space(), &[carrier]);
    relay.configure(&sections);
    let relay = relay.start().await;
    let (wire, seen) = recorder(relay.ready.listen).await;
    let url = format!("http://{wire}");
    let origin = upstream("origin", &url, relay.id, "");
    // The relay must know the name it is called by.
    let origin = origin + &cache(hers.space(), "origin", "", &[peer(&alice)]);
    site.configure(&(origin + &cache(his.space(), "origin", "", &[peer(&bob)])));
    let relay_site = crate::support::Site { folder: bench.path().join("relay"), id: relay.id };
    let listen = format!("address = '127.0.0.1:0'\norigins = ['{url}', '{}']", relay.url());
    relay_site.configure_listen(&listen, &sections);
    relay.reload().await;
    let node = site.start().await;

    // The cache is filled by the one who may.
    let store = node.store(&alice, hers.space());
    let entries = hers.entries(0, 3).unwrap();
    put(&*store, &entries).await;
    assert_eq!(pull(&*store).await.len(), 3);

    // The one who may not is told the same as of a space that nobody has, whatever is held.
    let unknown = SpaceId([0xee; 32]);
    let mut named = [hers.space(), his.space(), unknown];
    named.sort();
    let address = node.ready.listen;
    let token = raw::token(address, &*bob, &named).await;
    let get = GetMessage {
        request: GetRequest { ids: vec![entries[0].id()], max_bytes: u32::MAX },
        form: Form::Compact,
    };
    let fields = [
        ("authorization", token.as_str()),
        ("content-type", headers::CONTENT_CBOR),
        (headers::REQUEST_ID, "same"),
    ];
    let ask = async |space| {
        let path = Route::Space(space, SpaceRoute::Get).path();
        exchange(address, &request("POST", &path, &fields, &get.to_cbor())).await
    };
    let (forbidden, absent) = (ask(hers.space()).await, ask(unknown).await);
    assert_eq!((forbidden.status, forbidden.code().as_str()), (404, "space.not_served"));
    assert_eq!((forbidden.status, &forbidden.head), (absent.status, &absent.head));
    let ours = |bytes: &[u8], space: SpaceId| {
        let at = bytes.windows(32).position(|window| window == space.0);
        at.map(|at| [&bytes[..at], &bytes[at + 32..]].concat())
    };
    assert_eq!(
        ours(&forbidden.body, hers.space()),
        ours(&absent.body, unknown),
        "the same to the byte but for the id that was asked for"
    );
    assert!(ours(&forbidden.body, hers.space()).is_some());

    // No client's token went on.
    let hers_token = raw::token(address, &*alice, &[hers.space()]).await;
    let path = Route::Space(hers.space(), SpaceRoute::Status).path();
    let fields = [("authorization", hers_token.as_str())];
    assert_eq!(raw::get(address, &path, &fields).await.status, 200);
    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() > 1_000, "the recorder saw the cache ask");
    for token in [&token, &hers_token] {
        let secret = token.strip_prefix("Bearer ").unwrap();
        assert!(!seen.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    node.stop().await;
    relay.stop().await;
}
