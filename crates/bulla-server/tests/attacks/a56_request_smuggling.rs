//! Requests that a proxy in front of the node might cut elsewhere than the node does: 400, and the connection is closed,
//! so that nothing behind them is ever taken for a request.

use crate::support::{Wire, device, one_member, request, space};

const SMUGGLED: &str = "GET /v1/capabilities HTTP/1.1\r\nhost: node\r\n\r\n";

/// Heads that must be refused, each with what is wrong with it.
const HEADS: &[(&str, &str)] = &[
    ("length, then chunked", "content-length: 5\r\ntransfer-encoding: chunked\r\n"),
    ("chunked, then length", "transfer-encoding: chunked\r\ncontent-length: 5\r\n"),
    ("two lengths that differ", "content-length: 5\r\ncontent-length: 6\r\n"),
    ("the same length twice", "content-length: 5\r\ncontent-length: 5\r\n"),
    ("a list of lengths", "content-length: 5, 5\r\n"),
    ("a length with a sign", "content-length: +5\r\n"),
    ("a negative length", "content-length: -5\r\n"),
    ("a hexadecimal length", "content-length: 0x5\r\n"),
    ("two numbers", "content-length: 5 5\r\n"),
    ("no number", "content-length: \r\n"),
    ("a length beyond 64 bits", "content-length: 18446744073709551621\r\n"),
    ("an unknown coding", "transfer-encoding: xchunked\r\n"),
    ("identity", "transfer-encoding: identity\r\n"),
    ("chunked is not last", "transfer-encoding: chunked, identity\r\n"),
    ("a coding before chunked", "transfer-encoding: gzip, chunked\r\n"),
    ("chunked twice", "transfer-encoding: chunked, chunked\r\n"),
    ("two lines of chunked", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
    ("identity, then chunked", "transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n"),
    ("a vertical tab", "transfer-encoding: \x0bchunked\r\n"),
    ("a nul", "transfer-encoding: chunked\0\r\n"),
    ("a blank before the colon", "transfer-encoding : chunked\r\n"),
    ("a blank before the name", " transfer-encoding: chunked\r\n"),
    ("a folded line", "x: a\r\n transfer-encoding: chunked\r\n"),
    ("a bare line feed", "x: a\ntransfer-encoding: chunked\r\n"),
    ("a bare carriage return", "x: a\rtransfer-encoding: chunked\r\n"),
    ("a line without a colon", "transfer-encoding\r\n"),
    ("no name", ": chunked\r\n"),
    ("two hosts", "host: other\r\n"),
    ("an upgrade", "connection: upgrade\r\nupgrade: h2c\r\n"),
];

/// Request lines that must be refused.
const LINES: &[(&str, &str)] = &[
    ("HTTP/1.0", "POST /v1/login HTTP/1.0\r\nhost: node\r\n"),
    ("an absolute target", "POST http://node/v1/login HTTP/1.1\r\nhost: node\r\n"),
    ("another host in the target", "POST http://other/v1/login HTTP/1.1\r\nhost: node\r\n"),
    ("no host", "POST /v1/login HTTP/1.1\r\n"),
    ("bare line feeds", "POST /v1/login HTTP/1.1\nhost: node\n"),
    ("a version that is none", "POST /v1/login HTTP/1.1x\r\nhost: node\r\n"),
    ("no version", "POST /v1/login\r\nhost: node\r\n"),
    ("two blanks", "POST  /v1/login HTTP/1.1\r\nhost: node\r\n"),
    ("a tab", "POST\t/v1/login HTTP/1.1\r\nhost: node\r\n"),
];

/// Chunked bodies that are none.
const BODIES: &[(&str, &str)] = &[
    ("no size", "\r\nhello\r\n0\r\n\r\n"),
    ("a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a signed size", "+5\r\nhello\r\n0\r\n\r\n"),
    ("a size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("a size that ends in a line feed", "5\nhello\r\n0\r\n\r\n"),
    ("a line feed in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("more than its size", "3\r\nhello\r\n0\r\n\r\n"),
    ("other bytes after the data", "5\r\nhelloXX0\r\n\r\n"),
];

async fn assert_refused(node: &crate::support::Node, what: &str, bytes: &str) {
    let mut wire = Wire::connect(node.address).await;
    wire.send(format!("{bytes}{SMUGGLED}").as_bytes()).await;
    let reply = wire.reply().await.unwrap_or_else(|| panic!("{what}: no answer"));
    assert_eq!(reply.status, 400, "{what}: {reply:?}");
    assert!(wire.is_closed().await, "{what}: what follows must not be answered");
}

#[tokio::test]
async fn a56_ambiguous_requests_are_refused_and_the_connection_closed() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    for (what, line) in LINES {
        assert_refused(&node, what, &format!("{line}content-type: application/cbor\r\n\r\n")).await;
    }
    let start = "POST /v1/login HTTP/1.1\r\nhost: node\r\ncontent-type: application/cbor\r\n";
    for (what, head) in HEADS {
        assert_refused(&node, what, &format!("{start}{head}\r\n5\r\nhello\r\n0\r\n\r\n")).await;
    }
    for (what, body) in BODIES {
        let head = "transfer-encoding: chunked\r\n";
        assert_refused(&node, what, &format!("{start}{head}\r\n{body}")).await;
    }
    let prefix = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut wire = Wire::connect(node.address).await;
    wire.send(prefix.as_bytes()).await;
    assert!(
        wire.reply().await.is_none_or(|reply| reply.status == 400),
        "no HTTP/2 unless asked for"
    );
}

#[tokio::test]
async fn a56_an_honest_chunked_request_is_read() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let start = "POST /v1/login HTTP/1.1\r\nhost: node\r\ncontent-type: application/cbor\r\n";
    let mut wire = Wire::connect(node.address).await;
    wire.send(
        format!("{start}transfer-encoding: chunked\r\n\r\n1\r\n\u{1}\r\n0\r\n\r\n").as_bytes(),
    )
    .await;
    assert_eq!(wire.reply().await.unwrap().code(), "cbor.unexpected");
    wire.send(SMUGGLED.as_bytes()).await;
    assert_eq!(wire.reply().await.unwrap().status, 200, "the connection goes on");
}

#[tokio::test]
async fn a56_a_second_request_must_wait_for_the_first_answer() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let mut wire = Wire::connect(node.address).await;
    wire.send(SMUGGLED.repeat(3).as_bytes()).await;
    assert_eq!(wire.reply().await.unwrap().status, 200);
    let second = wire.reply().await.unwrap();
    assert_eq!((second.status, second.code().as_str()), (400, "request.header"));
    assert!(wire.is_closed().await);
}

/// An answer given before the body was read: the rest of the body is no request.
#[tokio::test]
async fn a56_what_is_left_of_a_body_is_never_a_request() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let path = bulla_wire::Route::Space(space(1), bulla_wire::route::SpaceRoute::Put).path();
    let fields = [("content-type", "application/cbor-seq")];
    let body = SMUGGLED.repeat(4_000);
    let mut wire = Wire::connect(node.address).await;
    wire.send(&request("POST", &path, &fields, body.as_bytes())).await;
    assert_eq!(wire.reply().await.unwrap().status, 401);
    assert!(wire.is_closed().await);
}
