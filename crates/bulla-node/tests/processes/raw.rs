//! A client that says exactly what it is told, byte by byte if it must.

use std::net::SocketAddr;
use std::time::Duration;

use bulla_core::cbor::{Decode, Encode};
use bulla_core::{LoginNonce, SpaceId};
use bulla_identity::{Initiator, LoginNonces, LoginTranscript, Origin, OsRandomness, Randomness};
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use bulla_wire::{WireError, headers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Nothing is waited for longer.
const LONG: Duration = Duration::from_secs(300);

/// A connection.
#[derive(Debug)]
pub(crate) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Lines without `date`, which is no part of any answer.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The code of the error it is.
    pub(crate) fn code(&self) -> String {
        let error = WireError::from_cbor(&self.body);
        error.unwrap_or_else(|_| panic!("no error: {self:?}")).code.to_string()
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Reads one answer.
    pub(crate) async fn reply(&mut self) -> Reply {
        let (status, head) = self.head().await;
        let mut reply = Reply { status, head, body: Vec::new() };
        if let Some(length) = reply.header("content-length") {
            let length = length.parse().unwrap();
            reply.body = self.take(length).await;
        } else if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                reply.body.extend(chunk);
            }
        }
        reply
    }

    /// Reads status and headers.
    pub(crate) async fn head(&mut self) -> (u16, Vec<String>) {
        let end = self.until(b"\r\n\r\n").await;
        let head = String::from_utf8(self.take(end).await).unwrap();
        let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        (status, lines.filter(|line| !line.starts_with("date: ")).collect())
    }

    /// Reads one chunk of a body; `None` is the end.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = self.until(b"\r\n").await;
        let line = String::from_utf8(self.take(end).await).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let chunk = self.take(length).await;
        self.take(2).await;
        (length > 0).then_some(chunk)
    }

    /// Whether the node closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill().await
    }

    async fn until(&mut self, end: &[u8]) -> usize {
        loop {
            let mut windows = self.buffer.windows(end.len());
            if let Some(position) = windows.position(|window| window == end) {
                return position + end.len();
            }
            assert!(self.fill().await, "closed in the middle of an answer: {:?}", self.buffer);
        }
    }

    async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill().await, "closed in the middle of an answer");
        }
        self.buffer.drain(..length).collect()
    }

    async fn fill(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        let read = tokio::time::timeout(LONG, read).await.expect("the node hangs");
        matches!(read, Ok(bytes) if bytes > 0)
    }
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    if method == "POST" {
        head += &format!("content-length: {}\r\n", body.len());
    }
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut raw = Raw::connect(address).await;
    raw.send(bytes).await;
    raw.reply().await
}

pub(crate) async fn get(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Reply {
    exchange(address, &request("GET", path, fields, &[])).await
}

async fn post<T: Decode>(address: SocketAddr, path: &str, body: &impl Encode) -> T {
    let fields = [("content-type", headers::CONTENT_CBOR)];
    let reply = exchange(address, &request("POST", path, &fields, &body.to_cbor())).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    T::from_cbor(&reply.body).unwrap()
}

/// Logs in over plain HTTP; the value for the `authorization` header.
pub(crate) async fn token(address: SocketAddr, keys: &dyn Initiator, spaces: &[SpaceId]) -> String {
    let mut nonce = [0; 32];
    OsRandomness.fill(&mut nonce).unwrap();
    let request = ChallengeRequest {
        client: keys.peer_key(),
        nonce: LoginNonce(nonce),
        origin: format!("http://{address}"),
        spaces: spaces.to_vec(),
    };
    let challenge: ChallengeAnswer = post(address, "/v1/login/challenge", &request).await;
    let nonces = LoginNonces { initiator: request.nonce, responder: challenge.nonce };
    let transcript = LoginTranscript::new(
        request.client,
        challenge.node,
        Origin::Address(request.origin.clone()),
        request.spaces.clone(),
        nonces,
        challenge.challenge_ms,
    )
    .unwrap();
    transcript.verify_responder(&challenge.signature).unwrap();
    let login = LoginRequest {
        request,
        nonce: challenge.nonce,
        challenge_ms: challenge.challenge_ms,
        tag: challenge.tag,
        signature: keys.sign_login(&transcript).unwrap(),
    };
    let answer: LoginAnswer = post(address, "/v1/login", &login).await;
    headers::format_token(&answer.token)
}
