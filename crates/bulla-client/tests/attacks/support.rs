//! A node in this process that answers as it should, and a script that changes its answers on their way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_client::{Client, ClientBuilder, Upstream};
use bulla_core::cbor::{Decode, Encode};
use bulla_core::values::{PayloadState, ScanBody};
use bulla_core::{
    ContentHash, EntryId, Header, KeyId, Kind, LoginNonce, RawEntry, Salt, SpaceId, Topic,
    Verified, Verifier,
};
use bulla_identity::{DeviceKeys, LoginNonces, LoginTranscript, NodeKeys, Origin};
use bulla_store::{ContentAddressedStore, Context, MemoryStore, StoreError};
use bulla_wire::feed::{FeedItem, FeedRequest};
use bulla_wire::get::GetMessage;
use bulla_wire::has::{HasAnswer, HasRequest};
use bulla_wire::headers::{CONTENT_CBOR, CONTENT_CBOR_SEQUENCE, format_token};
use bulla_wire::login::{ChallengeAnswer, ChallengeRequest, LoginAnswer, LoginRequest};
use bulla_wire::put::PutAnswer;
use bulla_wire::route::{Method, SpaceRoute};
use bulla_wire::scan::ScanMessage;
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::status::StatusAnswer;
use bulla_wire::stream::BodyItem;
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};
use bulla_wire::{BodyDecoder, BodyEncoder, Capabilities, ErrorDetails, Route, WireError, codes};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const SPACE: SpaceId = SpaceId([0x5a; 32]);

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) route: Option<Route>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.path.ends_with(name)
    }
}

/// An answer, and how it is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) delivery: Delivery,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Delivery {
    /// As it is.
    Whole,
    /// So many bytes of the body, then the connection closes.
    Broken(usize),
    /// So many bytes of the body, then nothing more.
    Stalled(usize),
    /// Nothing at all.
    Silent,
    /// The body again and again, for as long as it is taken.
    Endless,
    /// A byte of the body, then so long a silence, for as long as somebody listens.
    Dripping(Duration),
}

impl Reply {
    pub(crate) fn item(value: &impl Encode) -> Self {
        Self::new(200, CONTENT_CBOR, value.to_cbor())
    }

    pub(crate) fn sequence(bytes: &[u8]) -> Self {
        Self::new(200, CONTENT_CBOR_SEQUENCE, bytes.to_vec())
    }

    pub(crate) fn error(error: &WireError) -> Self {
        Self::new(error.status(), CONTENT_CBOR, error.to_cbor())
    }

    pub(crate) fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, location: None, body, delivery: Delivery::Whole }
    }

    pub(crate) fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}

type Script = Box<dyn Fn(&Call, Reply) -> Reply + Send + Sync>;

/// A node that serves [`SPACE`] from memory.
pub(crate) struct Node {
    pub(crate) address: String,
    pub(crate) keys: NodeKeys,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) calls: Mutex<Vec<Call>>,
    pub(crate) connections: AtomicUsize,
    token: Mutex<u8>,
    script: Mutex<Script>,
    verifier: Verifier,
}

impl Node {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let node = Self::new(address);
        let serving = Arc::clone(&node);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&serving).serve(stream));
            }
        });
        node
    }

    pub(crate) fn new(address: String) -> Arc<Self> {
        Arc::new(Self {
            address,
            keys: NodeKeys::dangerous_from_secret(&[77; 32]),
            store: Arc::new(MemoryStore::new(SPACE).unwrap()),
            calls: Mutex::default(),
            connections: AtomicUsize::new(0),
            token: Mutex::new(1),
            script: Mutex::new(Box::new(|_, reply| reply)),
            verifier: Verifier::new([5; 32]),
        })
    }

    /// Changes answers from now on.
    pub(crate) fn script(&self, script: impl Fn(&Call, Reply) -> Reply + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn upstream(&self) -> Upstream {
        Upstream::new(&self.address, self.keys.node_id()).unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(self.upstream(), Arc::new(device(1)))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// Requests so far whose path ends so.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| call.is(name)).count()
    }

    /// Forgets every token.
    pub(crate) fn expire_tokens(&self) {
        *self.token.lock().unwrap() += 1;
    }

    /// Stores entries directly.
    pub(crate) async fn fill(&self, entries: &[Verified]) {
        for chunk in entries.chunks(1000) {
            self.store.put(&Context::new(), chunk.to_vec()).await.unwrap();
        }
    }

    pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self: Arc<Self>, mut stream: S) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let mut buffer = Vec::new();
        while let Some(call) = read_call(&mut stream, &mut buffer).await {
            self.calls.lock().unwrap().push(call.clone());
            if call.route == Some(Route::Feed) && self.is_known(&call) {
                self.feed(&call, &mut stream).await;
                return;
            }
            let reply = self.answer(&call).await;
            let reply = (self.script.lock().unwrap())(&call, reply);
            if !send(&mut stream, reply).await {
                return;
            }
        }
    }

    fn is_known(&self, call: &Call) -> bool {
        let expected = format_token(&[*self.token.lock().unwrap(); 32]);
        call.header("authorization") == Some(expected.as_str())
    }

    async fn answer(&self, call: &Call) -> Reply {
        let not_found = || Reply::error(&WireError::new(codes::ROUTE, "no such path"));
        match call.route {
            Some(Route::Capabilities) => Reply::item(&Capabilities::new(self.keys.node_id())),
            Some(Route::LoginChallenge) => {
                let request = ChallengeRequest::from_cbor(&call.body).unwrap();
                let (nonce, challenge_ms) = (LoginNonce([6; 32]), 1);
                let transcript = self.transcript(&request, nonce, challenge_ms);
                Reply::item(&ChallengeAnswer {
                    node: self.keys.node_id(),
                    nonce,
                    challenge_ms,
                    tag: self.keys.challenge_key().tag(&transcript),
                    signature: self.keys.answer_login(&transcript).unwrap(),
                })
            }
            Some(Route::Login) => {
                let login = LoginRequest::from_cbor(&call.body).unwrap();
                let transcript = self.transcript(&login.request, login.nonce, login.challenge_ms);
                transcript.verify_initiator(&login.signature).unwrap();
                let token = [*self.token.lock().unwrap(); 32];
                Reply::item(&LoginAnswer { token, valid_ms: 900_000 })
            }
            _ if !self.is_known(call) => Reply::error(&WireError::new(codes::TOKEN, "log in")),
            Some(Route::Spaces { .. }) => {
                Reply::item(&SpacesAnswer { spaces: vec![SPACE], end: true })
            }
            Some(Route::Space(space, route)) if space == SPACE => {
                self.answer_space(route, &call.body).await.unwrap_or_else(|e| error_reply(&e))
            }
            Some(Route::Space(space, _)) => error_reply(&StoreError::NotServed(space)),
            _ => not_found(),
        }
    }

    fn transcript(
        &self,
        request: &ChallengeRequest,
        responder: LoginNonce,
        time: u64,
    ) -> LoginTranscript {
        let origin = Origin::Address(self.address.clone());
        let nonces = LoginNonces { initiator: request.nonce, responder };
        let spaces = request.spaces.clone();
        LoginTranscript::new(request.client, self.keys.node_id(), origin, spaces, nonces, time)
            .unwrap()
    }

    async fn answer_space(&self, route: SpaceRoute, body: &[u8]) -> Result<Reply, StoreError> {
        let (cx, store) = (Context::new(), self.store.as_ref());
        Ok(match route {
            SpaceRoute::Head => Reply::item(&store.head(&cx).await?),
            SpaceRoute::Status => Reply::item(&StatusAnswer(store.status(&cx).await?)),
            SpaceRoute::Has => {
                let HasRequest { ids } = HasRequest::from_cbor(body).unwrap();
                Reply::item(&HasAnswer { presence: store.has(&cx, &ids).await? })
            }
            SpaceRoute::Summary => {
                let SummaryMessage(request) = SummaryMessage::from_cbor(body).unwrap();
                Reply::item(&SummaryAnswer(store.summary(&cx, request).await?))
            }
            SpaceRoute::Get => {
                let GetMessage { request, form } = GetMessage::from_cbor(body).unwrap();
                let mut answer = BodyEncoder::get(SPACE, form);
                store.get(&cx, request).await?.iter().for_each(|item| answer.get_item(item));
                answer.end();
                Reply::sequence(&answer.take(0))
            }
            SpaceRoute::Scan => self.answer_scan(body).await?,
            SpaceRoute::Put => self.answer_put(body).await?,
        })
    }

    async fn answer_scan(&self, body: &[u8]) -> Result<Reply, StoreError> {
        let ScanMessage { mut request, form, pages } = ScanMessage::from_cbor(body).unwrap();
        let mut answer = BodyEncoder::scan(SPACE, form, request.after.as_ref());
        for page_number in 1..=pages {
            let page = self.store.scan(&Context::new(), request.clone()).await?;
            let more = page_number < pages && !page.end;
            answer.page(&page, more);
            request.after = Some(page.cursor);
            if !more {
                break;
            }
        }
        Ok(Reply::sequence(&answer.take(0)))
    }

    async fn answer_put(&self, body: &[u8]) -> Result<Reply, StoreError> {
        let mut decoder = BodyDecoder::put(SPACE);
        decoder.push(body);
        let mut batch = Vec::new();
        while let Some(item) = decoder.next_item().unwrap() {
            if let BodyItem::Entry(entry) = item {
                batch.push(self.verifier.verify(&SPACE, entry.raw).unwrap());
            }
        }
        decoder.finish().unwrap();
        let ids: Vec<EntryId> = batch.iter().map(Verified::id).collect();
        let report = self.store.put(&Context::new(), batch).await?;
        let held = report.outcomes.iter().zip(ids).filter_map(|(o, id)| Some((o.receipt()?, id)));
        let acknowledgement = self.keys.acknowledge(SPACE, report.lineage, held);
        Ok(Reply::item(&PutAnswer { report, acknowledgement }))
    }

    async fn feed<S: AsyncRead + AsyncWrite + Unpin>(&self, call: &Call, stream: &mut S) {
        let request = FeedRequest::from_cbor(&call.body).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_CBOR_SEQUENCE}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for space in request.spaces.iter().filter(|space| **space != SPACE) {
            let error = WireError::new(bulla_core::Code::new("space.not_served"), "no");
            if !send_chunk(stream, &FeedItem::SpaceOver { space: *space, error }).await {
                return;
            }
        }
        let mut heads = self.store.watch(&Context::new()).await.unwrap();
        loop {
            let heartbeat = Duration::from_millis(request.heartbeat_ms);
            let item = match tokio::time::timeout(heartbeat, heads.next()).await {
                Ok(Some(Ok(head))) => FeedItem::Head { space: SPACE, head, riders: vec![] },
                Ok(_) => return,
                Err(_) => FeedItem::Heartbeat,
            };
            let reply = (self.script.lock().unwrap())(call, Reply::item(&item));
            if reply.status != 200 {
                return;
            }
            let is_sent = !matches!(reply.delivery, Delivery::Silent);
            if is_sent && !send_bytes(stream, &reply.body).await {
                return;
            }
        }
    }
}

fn error_reply(error: &StoreError) -> Reply {
    let mut details = ErrorDetails::default();
    if let StoreError::Cursor(bulla_store::CursorRefusal::Lineage { cursor, store }) = error {
        (details.cursor_lineage, details.store_lineage) = (Some(*cursor), Some(*store));
    }
    Reply::error(&WireError::new(error.code(), error.to_string()).with_details(details))
}

async fn read_call<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Call> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let method = if first.next() == Some("GET") { Method::Get } else { Method::Post };
    let path = first.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < end + 4 + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[end + 4..end + 4 + length].to_vec();
    buffer.drain(..end + 4 + length);
    let (route_path, query) =
        path.split_once('?').map_or((path.as_str(), None), |(p, q)| (p, Some(q)));
    let route = Route::parse(method, route_path, query).ok();
    Some(Call { path, route, headers, body })
}

/// Whether the connection goes on.
async fn send<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, reply: Reply) -> bool {
    let Reply { status, content_type, location, body, delivery } = reply;
    if let Delivery::Silent = delivery {
        wait_until_closed(stream).await;
        return false;
    }
    let length = if let Delivery::Endless = delivery { usize::MAX >> 1 } else { body.len() };
    let location = location.map_or(String::new(), |to| format!("location: {to}\r\n"));
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         {location}\r\n"
    );
    let count = match delivery {
        Delivery::Broken(count) | Delivery::Stalled(count) => count,
        Delivery::Dripping(_) => 0,
        Delivery::Whole | Delivery::Silent | Delivery::Endless => body.len(),
    };
    // Head and body in one piece: two small ones would wait for each other's acknowledgement.
    if stream.write_all(&[head.as_bytes(), &body[..count]].concat()).await.is_err() {
        return false;
    }
    match delivery {
        Delivery::Whole => true,
        Delivery::Broken(_) => {
            let _ = stream.shutdown().await;
            false
        }
        Delivery::Stalled(_) => {
            wait_until_closed(stream).await;
            false
        }
        Delivery::Silent => false,
        Delivery::Endless => {
            while stream.write_all(&body).await.is_ok() {}
            false
        }
        Delivery::Dripping(silence) => {
            for byte in body {
                if stream.write_all(&[byte]).await.is_err() {
                    return false;
                }
                // As long as the closing leaves room for.
                if tokio::time::timeout(silence, wait_until_closed(stream)).await.is_ok() {
                    return false;
                }
            }
            true
        }
    }
}

async fn send_chunk<S: AsyncWrite + Unpin>(stream: &mut S, item: &impl Encode) -> bool {
    send_bytes(stream, &item.to_cbor()).await
}

async fn send_bytes<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> bool {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    stream.write_all(&chunk).await.is_ok()
}

async fn wait_until_closed<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut nothing = [0; 64];
    while stream.read(&mut nothing).await.is_ok_and(|count| count > 0) {}
}

pub(crate) fn device(seed: u8) -> DeviceKeys {
    DeviceKeys::dangerous_from_secrets(&[seed; 32], &[seed ^ 0xff; 32])
}

/// A chain of `count` entries of one device in [`SPACE`], with payloads of `payload` bytes that differ.
pub(crate) fn chain(seed: u8, count: u64, payload: usize) -> Vec<Verified> {
    let (keys, verifier) = (device(seed), Verifier::new([1; 32]));
    let mut previous = EntryId::ZERO;
    (1..=count)
        .map(|sequence| {
            let mut content = vec![seed; payload];
            content[..8].copy_from_slice(&sequence.to_le_bytes());
            let raw = sign(&keys, sequence, previous, &content);
            let verified = verifier.verify(&SPACE, raw).unwrap();
            previous = verified.id();
            verified
        })
        .collect()
}

pub(crate) fn sign(
    keys: &DeviceKeys,
    sequence: u64,
    previous: EntryId,
    payload: &[u8],
) -> RawEntry {
    let header = Header {
        space: SPACE,
        author: keys.author(),
        sequence,
        previous,
        timestamp: sequence << 16,
        kind: Kind::OPERATION,
        topic: Topic::ZERO,
        dependencies: Vec::new(),
        key_id: KeyId([3; 32]),
        salt: Salt([4; 24]),
        payload_length: u32::try_from(payload.len()).unwrap(),
        content_hash: ContentHash::of(payload),
    };
    let header = Bytes::from(header.to_cbor());
    let signature = keys.sign_header(&Header::digest_of(&header));
    RawEntry { header, signature, payload: Some(Bytes::copy_from_slice(payload)) }
}

/// What a page or an answer says of an entry, in a word.
pub(crate) fn word(body: &ScanBody) -> String {
    match body {
        ScanBody::Id(_) => "id".into(),
        ScanBody::Header(_, PayloadState::Missing) => "missing".into(),
        ScanBody::Header(..) => "header".into(),
        ScanBody::Entry(_) => "entry".into(),
        ScanBody::Invalid(code) => code.to_string(),
    }
}
