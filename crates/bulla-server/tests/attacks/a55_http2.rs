//! HTTP/2, where it is offered: a connection that asks for nothing is closed, however lively it is otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};
use hyper::body::Incoming;

use bulla_identity::{NodeKeys, OsRandomness};
use bulla_server::body::{AnswerBody, CutShort};
use bulla_server::{
    AccessList, AccessRules, Components, Figures, Handler, HttpApi, HttpSettings, Listener, Peer,
    Service, ServiceSettings, Tls, TlsFiles,
};
use bulla_store::{MemorySpaces, SystemClock};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::support::LONG;

/// The preface of a client and its empty SETTINGS frame (RFC 9113, sections 3.4 and 6.5).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const ACK: u8 = 1;

/// A node that offers HTTP/2, and a way to it.
struct Offered {
    address: std::net::SocketAddr,
    client: Arc<rustls::ClientConfig>,
    _folder: tempfile::TempDir,
}

async fn offered() -> Offered {
    let components = Components {
        keys: Arc::new(NodeKeys::generate(&OsRandomness).unwrap()),
        spaces: Arc::new(MemorySpaces::new()),
        access: AccessList::new(AccessRules::new()),
        clock: Arc::new(SystemClock::new()),
        randomness: Arc::new(OsRandomness),
    };
    let service = Service::new(components, ServiceSettings::default()).unwrap();
    offered_by(Arc::new(HttpApi::new(service, Figures::new()))).await
}

/// Answers everything with pieces without end.
#[derive(Debug)]
struct Endless;

#[async_trait]
impl Handler for Endless {
    async fn handle(&self, _: Request<Incoming>, _: Peer) -> Response<AnswerBody> {
        let piece = || Ok::<_, CutShort>(bytes::Bytes::from_static(&[0; 1024]));
        let pieces = futures_util::stream::repeat_with(piece);
        Response::new(AnswerBody::pieces(Box::pin(pieces)))
    }
}

async fn offered_by(handler: Arc<dyn Handler>) -> Offered {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("node.pem"), folder.path().join("node.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Tls::open(TlsFiles { certificate, key }, true).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let mut client =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];

    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let settings = HttpSettings {
        http2: true,
        // Long enough for a handshake on a busy machine.
        head_timeout_ms: 2_000,
        idle_timeout_ms: 2_000,
        stall_timeout_ms: 2_000,
        ..HttpSettings::default()
    };
    let listener = Listener::new(tcp, Some(tls), settings, handler);
    tokio::spawn(listener.serve(CancellationToken::new()));
    Offered { address, client: Arc::new(client), _folder: folder }
}

impl Offered {
    async fn connect(&self) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.client)).connect(name, tcp).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream
    }
}

/// SETTINGS that leave no room for any answer (RFC 9113, section 6.5.2), and a request.
fn no_room() -> Vec<u8> {
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
    let mut fields = Vec::new();
    let request = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/v1/capabilities"),
        (":authority", "localhost"),
    ];
    for (name, value) in request {
        // A literal field without an index and without Huffman coding (RFC 7541, section 6.2.2).
        fields.push(0);
        for text in [name, value] {
            fields.push(u8::try_from(text.len()).unwrap());
            fields.extend_from_slice(text.as_bytes());
        }
    }
    let length = u8::try_from(fields.len()).unwrap();
    let head = [0, 0, length, 1, 0x05, 0, 0, 0, 1];
    [&PREFACE[..24], settings, &head, &fields].concat()
}

/// Answers pings until the connection ends; the types of the frames that came.
async fn answer_pings(mut stream: TlsStream<TcpStream>) -> Vec<u8> {
    let mut types = Vec::new();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut content = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut content).await.is_err() {
            break;
        }
        types.push(head[3]);
        if head[3] == PING && head[4] & ACK == 0 {
            head[4] |= ACK;
            let frame = [&head[..], &content].concat();
            if stream.write_all(&frame).await.is_err() {
                break;
            }
        }
    }
    types
}

/// Clauses: NODE-10.
#[tokio::test]
async fn a55_http2_connections_that_ask_for_nothing_are_closed() {
    let node = offered().await;
    // Not a byte after the handshake.
    let mut silent = node.connect().await;
    let mut nothing = [0; 4096];
    let closed = async { while silent.read(&mut nothing).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(LONG, closed).await.expect("the silent one is closed");
    // A peer that answers every ping, and never asks anything.
    let mut idle = node.connect().await;
    idle.write_all(PREFACE).await.unwrap();
    tokio::time::timeout(LONG, answer_pings(idle)).await.expect("the idle one is closed");
    // One that is on time is served: its place was never taken away.
    let mut late = node.connect().await;
    late.write_all(PREFACE).await.unwrap();
    let mut head = [0; 9];
    late.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the node greets with its settings");
}

/// A request is under way for as long as its answer is not taken, and that must not be for ever.
/// Clauses: NODE-10.
#[tokio::test]
async fn a55_http2_answers_that_are_not_taken_are_given_up() {
    let node = offered_by(Arc::new(Endless)).await;
    let mut stuck = node.connect().await;
    stuck.write_all(&no_room()).await.unwrap();
    let types = tokio::time::timeout(LONG, answer_pings(stuck)).await.expect("it is closed");
    assert!(types.contains(&HEADERS) && !types.contains(&DATA), "{types:?}");
}
