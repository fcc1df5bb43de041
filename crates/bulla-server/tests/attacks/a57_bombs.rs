//! Small requests that promise or unfold to something large.

use bulla_core::cbor::{Encode, Writer};
use bulla_identity::Initiator;
use bulla_server::{BodySource, Call};
use bulla_wire::route::SpaceRoute;
use bulla_wire::{Route, WireError};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::support::{Node, Reply, Wire, device, is_alone, one_member, request, space};

/// A figure of this process, such as `VmRSS` (its memory now) and `VmHWM` (the most it ever had), in MiB.
fn process_mib(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    line.unwrap().trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

async fn post(node: &Node, path: &str, token: Option<&str>, kind: &str, body: &[u8]) -> Reply {
    let mut fields = vec![("content-type", kind)];
    fields.extend(token.map(|token| ("authorization", token)));
    node.exchange(&request("POST", path, &fields, body)).await
}

#[tokio::test]
async fn a57_bombs_are_refused_before_they_unfold() {
    // The memory of a process is that of all its tests.
    if !is_alone("a57_bombs::a57_bombs_are_refused_before_they_unfold") {
        return;
    }
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let token = node.token(&*member, &[space(1)]).await;
    let token = Some(token.as_str());
    let cbor = "application/cbor";
    let route = |route| Route::Space(space(1), route).path();
    let before = process_mib("VmRSS");

    let deep = vec![0x81; 1_000_000];
    let long = [0x5a, 0xff, 0xff, 0xff, 0xff, 0x00];
    let many = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
    assert_eq!(post(&node, "/v1/feed", token, cbor, &deep).await.code(), "cbor.depth");
    for path in ["/v1/feed".to_owned(), route(SpaceRoute::Has), route(SpaceRoute::Get)] {
        assert_eq!(post(&node, &path, token, cbor, &long).await.code(), "cbor.truncated");
        assert_eq!(post(&node, &path, token, cbor, &many).await.code(), "cbor.truncated");
    }
    let sequence = "application/cbor-seq";
    let put = route(SpaceRoute::Put);
    assert_eq!(post(&node, &put, token, sequence, &deep).await.code(), "cbor.depth");
    assert_eq!(post(&node, &put, token, sequence, &long).await.code(), "wire.truncated");
    // A filter of 32 MiB that is not there.
    let mut scan = Writer::new();
    scan.array(8).null().null();
    let scan =
        [scan.as_bytes(), &[0x84, 0x80, 0x80, 0x80, 0xf6, 0x83, 0x5a, 0x02, 0, 0, 0]].concat();
    assert_eq!(
        post(&node, &route(SpaceRoute::Scan), token, cbor, &scan).await.code(),
        "cbor.truncated"
    );

    let most = process_mib("VmHWM");
    assert!(most < before + 64, "memory grew by {} MiB", most - before);
}

#[tokio::test]
async fn a57_bodies_beyond_the_limit_of_their_route_are_refused() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let cbor = "application/cbor";
    // Declared: refused before a byte of it has come.
    for length in ["16385", "4294967295", "9223372036854775807"] {
        let head = format!(
            "POST /v1/login HTTP/1.1\r\nhost: node\r\ncontent-type: {cbor}\r\ncontent-length: {length}\r\n\r\n"
        );
        let mut wire = Wire::connect(node.address).await;
        wire.send(head.as_bytes()).await;
        let reply = wire.reply().await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (413, "request.too_large"), "{length}");
        assert_eq!(reply.header("connection"), Some("close"));
    }
    // Not declared: refused when it has come.
    let mut wire = Wire::connect(node.address).await;
    let head = format!(
        "POST /v1/login HTTP/1.1\r\nhost: node\r\ncontent-type: {cbor}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    wire.send(head.as_bytes()).await;
    let chunk = [b"1000\r\n".as_slice(), &[0x81; 4096], b"\r\n"].concat();
    for _ in 0..5 {
        wire.send(&chunk).await;
    }
    assert_eq!(wire.reply().await.unwrap().code(), "request.too_large");
    // GET has no body at all.
    let reply = node.exchange(&request("GET", "/v1/capabilities", &[], b"x")).await;
    assert_eq!(reply.code(), "request.too_large");
}

#[tokio::test]
async fn a57_nothing_is_decompressed() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    for coding in ["gzip", "zstd", "br", "identity"] {
        let fields = [("content-type", "application/cbor"), ("content-encoding", coding)];
        let reply =
            node.exchange(&request("POST", "/v1/login", &fields, &[0x28, 0xb5, 0x2f, 0xfd])).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (415, "request.content_type"),
            "{coding}"
        );
    }
}

#[tokio::test]
async fn a57_a_body_in_very_many_pieces_is_read_in_linear_time() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let hello = node.hello(member.peer_key(), &[space(1)]).to_cbor();
    let mut body = Vec::new();
    for byte in &hello {
        // As much as the limit on extensions allows, and a chunk for every byte.
        body.extend_from_slice(format!("1;{}\r\n", "x".repeat(40)).as_bytes());
        body.push(*byte);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let head = "POST /v1/login/challenge HTTP/1.1\r\nhost: node\r\ncontent-type: application/cbor\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut wire = Wire::connect(node.address).await;
    wire.send(&[head.as_bytes(), &body].concat()).await;
    assert_eq!(wire.reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn a57_heads_are_bounded() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let long = "x".repeat(20_000);
    for head in [
        format!("GET /v1/capabilities HTTP/1.1\r\nhost: node\r\nx: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\nhost: node\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: node\r\n{}\r\n", "x: y\r\n".repeat(100)),
    ] {
        let mut wire = Wire::connect(node.address).await;
        wire.send(head.as_bytes()).await;
        let status = wire.reply().await.unwrap().status;
        assert!([400, 414, 431].contains(&status), "{status}");
        assert!(wire.is_closed().await);
    }
}

/// A body that never ends, whatever brings it.
struct Endless {
    pieces: usize,
}

#[async_trait::async_trait]
impl BodySource for Endless {
    async fn piece(&mut self) -> Result<Option<Bytes>, WireError> {
        self.pieces += 1;
        assert!(self.pieces < 100, "it is read on and on");
        Ok(Some(Bytes::from_static(&[0x81; 4096])))
    }
}

/// The service holds the limits of its bodies itself, under any transport.
#[tokio::test]
async fn a57_a_body_without_end_is_refused_under_any_transport() {
    let node = one_member(&device(), space(1)).await.start().await;
    let call = Call {
        token: None,
        hops: Vec::new(),
        deadline_ms: None,
        request_id: "test".to_owned(),
        stopping: CancellationToken::new(),
    };
    let refused = node.service.answer(Route::Login, call, &mut Endless { pieces: 0 }).await;
    assert_eq!(refused.unwrap_err().code.as_str(), "request.too_large");
}
