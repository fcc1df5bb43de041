//! Peers that send half a head, nothing at all, a byte now and then, half a body, or take no answer: each is gone in the
//! time the settings allow, and others are served meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bulla_conformance::suite::author::{Draft, World, whole};
use bulla_core::cbor::Encode;
use bulla_core::values::{PageLimit, ScanRequest};
use bulla_identity::Initiator;
use bulla_server::{HttpSettings, ServiceSettings};
use bulla_store::Context;
use bulla_wire::scan::ScanMessage;
use bulla_wire::{Form, Route, route::SpaceRoute};

use crate::support::{LONG, Setup, Wire, device, one_member, request, space};

const SLOW: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// How long slow peers are waited for: long enough for those that are not slow, on a machine that is.
const PATIENCE_MS: u64 = 2_000;

fn quick() -> HttpSettings {
    HttpSettings {
        head_timeout_ms: PATIENCE_MS,
        idle_timeout_ms: PATIENCE_MS,
        stall_timeout_ms: PATIENCE_MS,
        max_connections: 200,
        max_connections_per_address: 100,
        ..HttpSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a55_slow_peers_are_closed_and_others_served() {
    let member = device();
    let setup = one_member(&member, space(1)).await;
    let node = Setup { http: quick(), ..setup }.start().await;
    let body = request("POST", "/v1/login", &[("content-type", "application/cbor")], &[0; 1_000]);
    let mut slow = Vec::new();
    // More than one address may have: the rest are closed at once.
    for number in 0..150 {
        let mut wire = Wire::connect_from(SLOW, node.address).await;
        let body = body.clone();
        slow.push(tokio::spawn(async move {
            match number % 5 {
                0 => {}
                1 => {
                    wire.send(b"GET /v1/capabilities HTTP/1.1\r\nhost: no").await;
                }
                2 => {
                    // One byte, then as long a silence as the closing leaves room for.
                    for byte in b"GET /v1/capabilities HTTP/1.1\r\nhost: node\r\nx: ".iter().cycle()
                    {
                        wire.send(&[*byte]).await;
                        let silence = Duration::from_millis(20);
                        if tokio::time::timeout(silence, wire.is_closed()).await.is_ok() {
                            return true;
                        }
                    }
                }
                3 => {
                    wire.send(&body[..body.len() - 500]).await;
                    if let Some(reply) = wire.reply().await {
                        assert_eq!((reply.status, reply.code().as_str()), (408, "request.timeout"));
                        assert_eq!(reply.header("connection"), Some("close"));
                    }
                }
                _ => {
                    // A request, and then nothing more on a connection kept open.
                    wire.send(&request("GET", "/v1/capabilities", &[], &[])).await;
                    wire.reply().await;
                }
            }

            wire.is_closed().await
        }));
    }
    for _ in 0..20 {
        let token = node.token(&*member, &[space(1)]).await;
        let head = Route::Space(space(1), SpaceRoute::Head).path();
        assert_eq!(node.get(&head, Some(&token)).await.status, 200);
    }
    for task in slow {
        assert!(tokio::time::timeout(LONG, task).await.expect("closed in time").unwrap());
    }
    assert_eq!(node.get("/v1/capabilities", None).await.status, 200);
}

#[tokio::test]
async fn a55_connections_beyond_the_most_wait_for_one_to_end() {
    let setup = one_member(&device(), space(1)).await;
    let http = HttpSettings { max_connections: 2, ..HttpSettings::default() };
    let node = Setup { http, ..setup }.start().await;
    let ask = request("GET", "/v1/capabilities", &[], &[]);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut wire = Wire::connect_from(SLOW, node.address).await;
        wire.send(&ask).await;
        assert_eq!(wire.reply().await.unwrap().status, 200);
        held.push(wire);
    }
    let mut third = Wire::connect(node.address).await;
    third.send(&ask).await;
    let silence = Duration::from_millis(200);
    assert!(tokio::time::timeout(silence, third.reply()).await.is_err(), "there is no place");
    drop(held);
    assert_eq!(third.reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn a55_a_peer_that_takes_no_answer_loses_its_place() {
    let member = device();
    let world = World::new([5; 32]).unwrap();
    let setup = one_member(&member, world.space()).await;
    let store = setup.spaces.open(&Context::new(), world.space()).await.unwrap();
    let mut author = world.author(0);
    for content in 0..24 {
        let draft = Draft { payload_bytes: 1024 * 1024, content, ..Draft::default() };
        let entry = author.write(draft).unwrap();
        store.put(&Context::new(), whole([&entry])).await.unwrap();
    }
    // Only the peer that takes nothing is hurried.
    let http = HttpSettings {
        stall_timeout_ms: 300,
        max_connections_per_address: 1,
        ..HttpSettings::default()
    };
    let service =
        ServiceSettings { max_heavy: 1, max_heavy_per_peer: 1, ..ServiceSettings::default() };
    let node = Setup { http, service, ..setup }.start().await;
    let token = node.token(&*member, &[world.space()]).await;

    let scan = ScanMessage {
        request: ScanRequest {
            until: Some(24),
            limit: PageLimit { max_bytes: 4 * 1024 * 1024, max_items: 100 },
            ..ScanRequest::everything()
        },
        form: Form::Compact,
        pages: 24,
    };
    let path = Route::Space(world.space(), SpaceRoute::Scan).path();
    let fields = [("authorization", token.as_str()), ("content-type", "application/cbor")];
    let scan = request("POST", &path, &fields, &scan.to_cbor());
    let mut slow = Wire::connect_from(SLOW, node.address).await;
    slow.send(&scan).await;
    assert_eq!(slow.head().await.unwrap().0, 200);

    // While it holds the only place of its address, others from there are closed; once it is gone they are served.
    let freed = async {
        loop {
            let mut wire = Wire::connect_from(SLOW, node.address).await;
            wire.send(&request("GET", "/v1/capabilities", &[], &[])).await;
            if wire.reply().await.is_some() {
                return;
            }
        }
    };
    tokio::time::timeout(LONG, freed).await.expect("the place is freed");
    // Its place among the heavy requests is free too, and what it got cannot be taken for the whole.
    let mut other = Wire::connect(node.address).await;
    other.send(&scan).await;
    assert_eq!(other.head().await.unwrap().0, 200);
    loop {
        match slow.chunk().await {
            Some(Some(_)) => {}
            Some(None) => panic!("an answer that was cut must not end as if it were whole"),
            None => break,
        }
    }
}

#[tokio::test]
async fn a55_a_client_that_sends_byte_by_byte_is_served_if_it_keeps_going() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let hello = node.hello(member.peer_key(), &[space(1)]).to_cbor();
    let fields = [("content-type", "application/cbor")];
    let mut wire = Wire::connect(node.address).await;
    for byte in request("POST", "/v1/login/challenge", &fields, &hello) {
        assert!(wire.send(&[byte]).await);
    }
    assert_eq!(wire.reply().await.unwrap().status, 200);
    // And the connection goes on.
    wire.send(&request("GET", "/v1/capabilities", &[], &[])).await;
    assert_eq!(wire.reply().await.unwrap().status, 200);
}
