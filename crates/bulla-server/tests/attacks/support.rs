//! A node in this process and a client that can say anything over a socket.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bulla_core::cbor::{Decode, Encode};
use bulla_core::{LoginNonce, PeerKey, SpaceId};
use bulla_identity::{
    DeviceKeys, Initiator, LoginNonces, LoginTranscript, NodeKeys, Origin, OsRandomness,
};
use bulla_server::{
    Access, AccessList, AccessRules, Components, Figures, HttpApi, HttpSettings, Listener, Rights,
    Service, ServiceSettings,
};
use bulla_store::{Clock, Context, MemorySpaces, Spaces, SystemClock};
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use bulla_wire::{WireError, headers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const ALL: Rights = Rights { read: true, write: true, carry: true };
pub(crate) const READ_WRITE: Rights = Rights { read: true, write: true, carry: false };
pub(crate) const READ: Rights = Rights { read: true, write: false, carry: false };

/// No test waits longer for anything; what takes this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Runs the test of this name in a process of its own, where no other test takes memory or time; `true` inside it.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "BULLA_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{test} alone: {said}");
    false
}

pub(crate) fn device() -> Arc<DeviceKeys> {
    Arc::new(DeviceKeys::generate(&OsRandomness).unwrap())
}

pub(crate) fn space(byte: u8) -> SpaceId {
    SpaceId([byte; 32])
}

/// A node over memory.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) service: Arc<Service>,
    pub(crate) access: Arc<AccessList>,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<bulla_server::Drained>,
}

pub(crate) struct Setup {
    pub(crate) rules: AccessRules,
    pub(crate) http: HttpSettings,
    pub(crate) service: ServiceSettings,
    pub(crate) spaces: Arc<dyn Spaces>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What is asked for rights, made of the list.
    pub(crate) access: MakeAccess,
}

/// Makes what is asked for rights of a list and the spaces.
pub(crate) type MakeAccess = fn(Arc<AccessList>, Arc<dyn Spaces>) -> Arc<dyn Access>;

impl Setup {
    pub(crate) fn new(rules: AccessRules) -> Self {
        Self {
            rules,
            http: HttpSettings::default(),
            service: ServiceSettings::default(),
            spaces: Arc::new(MemorySpaces::new()),
            clock: Arc::new(SystemClock::new()),
            access: |list, _| list,
        }
    }

    pub(crate) async fn start(self) -> Node {
        let keys = Arc::new(NodeKeys::generate(&OsRandomness).unwrap());
        let access = AccessList::new(self.rules);
        let components = Components {
            keys,
            spaces: Arc::clone(&self.spaces),
            access: (self.access)(Arc::clone(&access), self.spaces),
            clock: self.clock,
            randomness: Arc::new(OsRandomness),
        };
        let service = Service::new(components, self.service).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        service.set_origins(vec![format!("http://{address}")]);
        let api = Arc::new(HttpApi::new(Arc::clone(&service), Figures::new()));
        let listener = Listener::new(tcp, None, self.http, api);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(listener.serve(stop.clone()));
        Node { address, service, access, stop, serving }
    }
}

/// A node where one device may do everything in one space, which exists.
pub(crate) async fn one_member(member: &DeviceKeys, space: SpaceId) -> Setup {
    let mut rules = AccessRules::new();
    rules.allow(space, member.author().into(), READ_WRITE);
    let setup = Setup::new(rules);
    setup.spaces.create(&Context::new(), space).await.unwrap();
    setup
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Without `date`, which is no part of any answer.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.iter().find_map(|line| line.strip_prefix(&prefix))
    }

    pub(crate) fn error(&self) -> WireError {
        WireError::from_cbor(&self.body).unwrap_or_else(|_| panic!("no error in {self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.error().code.to_string()
    }

    pub(crate) fn value<T: Decode>(&self) -> T {
        assert_eq!(self.status, 200, "{self:?}");
        T::from_cbor(&self.body).unwrap()
    }
}

/// A connection.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }

    /// A connection from another loopback address, so that limits per address can be seen.
    pub(crate) async fn connect_from(from: IpAddr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        Self { stream: socket.connect(address).await.unwrap(), buffer: Vec::new() }
    }

    /// Sends bytes; that the other side has gone already shows when reading.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads one answer; `None` when the connection ends before a whole one.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let (status, head) = self.head().await?;
        let mut reply = Reply { status, head, body: Vec::new() };
        if let Some(length) = reply.header("content-length") {
            let length = length.parse().unwrap();
            reply.body = self.take(length).await?;
        } else if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await? {
                reply.body.extend(chunk);
            }
        }
        Some(reply)
    }

    /// Reads status and headers.
    pub(crate) async fn head(&mut self) -> Option<(u16, Vec<String>)> {
        let end = self.until(b"\r\n\r\n").await?;
        let head = self.take(end).await?;
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        Some((status, lines.filter(|line| !line.starts_with("date: ")).collect()))
    }

    /// Reads one chunk; `Some(None)` is the last.
    pub(crate) async fn chunk(&mut self) -> Option<Option<Vec<u8>>> {
        let end = self.until(b"\r\n").await?;
        let line = String::from_utf8(self.take(end).await?).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let chunk = self.take(length).await?;
        self.take(2).await?;
        Some((length > 0).then_some(chunk))
    }

    /// Whether the other side closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.fill().await
    }

    async fn until(&mut self, end: &[u8]) -> Option<usize> {
        loop {
            let found = self.buffer.windows(end.len()).position(|window| window == end);
            if let Some(position) = found {
                return Some(position + end.len());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.buffer.drain(..length).collect())
    }

    async fn fill(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        let read = tokio::time::timeout(LONG, read).await.expect("the node hangs");
        matches!(read, Ok(bytes) if bytes > 0)
    }
}

/// Blots out the space that was asked for wherever an answer names it: that much the asker knows.
pub(crate) fn blank(answer: &mut [u8], space: &SpaceId) {
    for at in 0..answer.len().saturating_sub(31) {
        if answer[at..at + 32] == space.0 {
            answer[at..at + 32].fill(0);
        }
    }
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" {
        head += &format!("content-length: {}\r\n", body.len());
    }
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

impl Node {
    /// Sends one request over a connection of its own.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Reply {
        let mut wire = Wire::connect(self.address).await;
        wire.send(bytes).await;
        wire.reply().await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        let authorization = token.map(|token| ("authorization", token));
        let fields: Vec<_> =
            [("bulla-request-id", "test")].into_iter().chain(authorization).collect();
        self.exchange(&request("GET", path, &fields, &[])).await
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: &impl Encode) -> Reply {
        let authorization = token.map(|token| ("authorization", token));
        let fields: Vec<_> =
            [("bulla-request-id", "test"), ("content-type", headers::CONTENT_CBOR)]
                .into_iter()
                .chain(authorization)
                .collect();
        self.exchange(&request("POST", path, &fields, &body.to_cbor())).await
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Logs in, over one connection; the value for the `authorization` header.
    pub(crate) async fn token(&self, keys: &dyn Initiator, spaces: &[SpaceId]) -> String {
        let mut wire = Wire::connect(self.address).await;
        let mut ask = async |path: &str, body: Vec<u8>| {
            let fields = [("content-type", headers::CONTENT_CBOR)];
            wire.send(&request("POST", path, &fields, &body)).await;
            wire.reply().await.expect("an answer")
        };
        let hello = self.hello(keys.peer_key(), spaces);
        let challenge = ask("/v1/login/challenge", hello.to_cbor()).await.value();
        let login = sign(keys, hello, &challenge);
        let answer: LoginAnswer = ask("/v1/login", login.to_cbor()).await.value();
        headers::format_token(&answer.token)
    }

    /// A login that is signed and not yet sent.
    pub(crate) async fn signed_login(
        &self,
        keys: &dyn Initiator,
        spaces: &[SpaceId],
    ) -> LoginRequest {
        let request = self.hello(keys.peer_key(), spaces);
        let challenge: ChallengeAnswer =
            self.post("/v1/login/challenge", None, &request).await.value();
        sign(keys, request, &challenge)
    }

    pub(crate) fn hello(&self, client: PeerKey, spaces: &[SpaceId]) -> ChallengeRequest {
        let mut nonce = [0; 32];
        bulla_identity::Randomness::fill(&OsRandomness, &mut nonce).unwrap();
        ChallengeRequest {
            client,
            nonce: LoginNonce(nonce),
            origin: self.origin(),
            spaces: spaces.to_vec(),
        }
    }
}

/// Signs a challenge as an honest client does, the node's proof checked.
pub(crate) fn sign(
    keys: &dyn Initiator,
    request: ChallengeRequest,
    challenge: &ChallengeAnswer,
) -> LoginRequest {
    let transcript = transcript(&request, challenge);
    transcript.verify_responder(&challenge.signature).unwrap();
    LoginRequest {
        request,
        nonce: challenge.nonce,
        challenge_ms: challenge.challenge_ms,
        tag: challenge.tag,
        signature: keys.sign_login(&transcript).unwrap(),
    }
}

pub(crate) fn transcript(
    request: &ChallengeRequest,
    challenge: &ChallengeAnswer,
) -> LoginTranscript {
    let nonces = LoginNonces { initiator: request.nonce, responder: challenge.nonce };
    let origin = Origin::Address(request.origin.clone());
    let spaces = request.spaces.clone();
    LoginTranscript::new(
        request.client,
        challenge.node,
        origin,
        spaces,
        nonces,
        challenge.challenge_ms,
    )
    .unwrap()
}

/// A clock that a test sets.
#[derive(Debug)]
pub(crate) struct SetClock {
    unix_ms: std::sync::atomic::AtomicU64,
    monotonic_ms: std::sync::atomic::AtomicU64,
}

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { unix_ms: 1_800_000_000_000.into(), monotonic_ms: 5_000.into() })
    }

    /// Both clocks go on.
    pub(crate) fn advance(&self, milliseconds: u64) {
        use std::sync::atomic::Ordering::SeqCst;
        self.unix_ms.fetch_add(milliseconds, SeqCst);
        self.monotonic_ms.fetch_add(milliseconds, SeqCst);
    }

    /// The wall clock alone jumps.
    pub(crate) fn jump_to(&self, unix_ms: u64) {
        self.unix_ms.store(unix_ms, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(std::sync::atomic::Ordering::SeqCst)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.monotonic_ms.load(std::sync::atomic::Ordering::SeqCst))
    }
}
