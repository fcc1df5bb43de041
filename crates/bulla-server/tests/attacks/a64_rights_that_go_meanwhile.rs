//! A right that goes while a request is under way: what the store gives in the end is for nobody, and an answer that has
//! begun goes no further.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bulla_conformance::suite::author::{Draft, World, whole};
use bulla_core::cbor::{Decode as _, Encode as _};
use bulla_core::values::{
    Cursor, GetItem, GetRequest, Head, Page, Presence, PutReport, ScanRequest, StoreStatus,
    Summary, SummaryRequest,
};
use bulla_core::{Bloom, EntryId, Lineage, LogHash, NodeId, PeerKey, SpaceId, Verified};
use bulla_server::{AccessList, AccessRules, Answer, BodySource, Call, Rights};
use bulla_store::{
    ContentAddressedStore, Context, HeadStream, MemorySpaces, Result, SpacePage, Spaces,
};
use bulla_wire::feed::{FeedDecoder, FeedItem, FeedRequest};
use bulla_wire::get::GetMessage;
use bulla_wire::has::HasRequest;
use bulla_wire::route::SpaceRoute;
use bulla_wire::scan::ScanMessage;
use bulla_wire::stream::{BodyDecoder, BodyItem, StreamError};
use bulla_wire::summary::{SummaryAnswer, SummaryMessage};
use bulla_wire::{Form, Route, WireError, headers};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::support::{ALL, LONG, Node, READ_WRITE, Setup, device};

/// What is asked for rights, once the node has it; what pages after the first wait for; and what the store says that it has.
#[derive(Debug)]
struct Stage {
    access: OnceLock<Arc<AccessList>>,
    pages: Semaphore,
    summary: OnceLock<Summary>,
}

type Shared = Arc<Stage>;

fn stage() -> Shared {
    let (access, summary) = (OnceLock::new(), OnceLock::new());
    Arc::new(Stage { access, pages: Semaphore::new(0), summary })
}

/// Stores that answer every question, and take every right away while they do.
#[derive(Debug)]
struct Revoking {
    inner: MemorySpaces,
    stage: Shared,
}

#[async_trait]
impl Spaces for Revoking {
    async fn open(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        let (inner, stage) = (self.inner.open(cx, space).await?, Arc::clone(&self.stage));
        Ok(Arc::new(RevokingStore { inner, stage }))
    }

    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.inner.create(cx, space).await
    }

    async fn list(&self, cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        self.inner.list(cx, after, limit).await
    }

    async fn remove(&self, cx: &Context, space: SpaceId) -> Result<bool> {
        self.inner.remove(cx, space).await
    }
}

#[derive(Debug)]
struct RevokingStore {
    inner: Arc<dyn ContentAddressedStore>,
    stage: Shared,
}

impl RevokingStore {
    fn revoke(&self) {
        if let Some(access) = self.stage.access.get() {
            access.replace(AccessRules::new());
        }
    }
}

#[async_trait]
impl ContentAddressedStore for RevokingStore {
    fn space(&self) -> SpaceId {
        self.inner.space()
    }

    async fn head(&self, cx: &Context) -> Result<Head> {
        self.revoke();
        self.inner.head(cx).await
    }

    async fn put(&self, cx: &Context, batch: Vec<Verified>) -> Result<PutReport> {
        self.inner.put(cx, batch).await
    }

    async fn get(&self, cx: &Context, request: GetRequest) -> Result<Vec<GetItem>> {
        self.revoke();
        self.inner.get(cx, request).await
    }

    async fn has(&self, cx: &Context, ids: &[EntryId]) -> Result<Presence> {
        self.revoke();
        self.inner.has(cx, ids).await
    }

    async fn scan(&self, cx: &Context, request: ScanRequest) -> Result<Page> {
        self.revoke();
        if request.after.is_some() {
            let _passed = self.stage.pages.acquire().await;
        }
        self.inner.scan(cx, request).await
    }

    async fn summary(&self, cx: &Context, request: SummaryRequest) -> Result<Summary> {
        self.revoke();
        match self.stage.summary.get() {
            Some(summary) => Ok(summary.clone()),
            None => self.inner.summary(cx, request).await,
        }
    }

    async fn watch(&self, cx: &Context) -> Result<HeadStream> {
        self.inner.watch(cx).await
    }

    async fn status(&self, cx: &Context) -> Result<StoreStatus> {
        self.revoke();
        self.inner.status(cx).await
    }
}

struct Body(Option<Bytes>);

#[async_trait]
impl BodySource for Body {
    async fn piece(&mut self) -> std::result::Result<Option<Bytes>, WireError> {
        Ok(self.0.take())
    }
}

fn call(token: &str, hops: Vec<NodeId>) -> Call {
    Call {
        token: headers::parse_token(token),
        hops,
        deadline_ms: None,
        request_id: "test".to_owned(),
        stopping: CancellationToken::new(),
    }
}

async fn ask(
    node: &Node,
    token: &str,
    route: Route,
    body: Vec<u8>,
) -> std::result::Result<Answer, WireError> {
    let mut body = Body(Some(body.into()));
    node.service.answer(route, call(token, Vec::new()), &mut body).await
}

fn get(ids: Vec<EntryId>) -> Vec<u8> {
    let request = GetRequest { ids, max_bytes: u32::MAX };
    GetMessage { request, form: Form::Plain }.to_cbor()
}

fn scan(pages: u32) -> Vec<u8> {
    ScanMessage { request: ScanRequest::everything(), form: Form::Plain, pages }.to_cbor()
}

/// Clauses: NODE-22.
#[tokio::test]
async fn a64_what_was_looked_up_while_the_right_went_is_given_to_nobody() {
    let (member, world) = (device(), World::new([70; 32]).unwrap());
    let space = world.space();
    let entry = world.author(0).write(Draft::default()).unwrap();
    let shared = stage();
    let spaces = MemorySpaces::new();
    let store = spaces.create(&Context::new(), space).await.unwrap();
    store.put(&Context::new(), vec![entry.clone().into()]).await.unwrap();
    let mut setup = Setup::new(rules(space, member.author().into(), READ_WRITE));
    setup.spaces = Arc::new(Revoking { inner: spaces, stage: Arc::clone(&shared) });
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let routes = [
        (SpaceRoute::Head, Vec::new()),
        (SpaceRoute::Status, Vec::new()),
        (SpaceRoute::Has, HasRequest { ids: vec![entry.id()] }.to_cbor()),
        (SpaceRoute::Get, get(vec![entry.id()])),
        (SpaceRoute::Scan, scan(1)),
        (SpaceRoute::Summary, SummaryMessage(SummaryRequest::Bloom { salt: [0; 16] }).to_cbor()),
    ];
    for (route, body) in &routes {
        ask(&node, &token, Route::Space(space, *route), body.clone()).await.unwrap();
    }
    shared.access.set(Arc::clone(&node.access)).unwrap();
    for (route, body) in routes {
        node.access.replace(rules(space, member.author().into(), READ_WRITE));
        let answer = ask(&node, &token, Route::Space(space, route), body).await;
        assert_eq!(answer.unwrap_err().code.as_str(), "space.not_served", "{route:?}");
    }
}

fn rules(space: SpaceId, peer: PeerKey, rights: Rights) -> AccessRules {
    let mut rules = AccessRules::new();
    rules.allow(space, peer, rights);
    rules
}

/// One page holds many pieces, and a slow peer takes them one by one for as long as it likes.
///
/// Clauses: NODE-22.
#[tokio::test]
async fn a64_an_answer_that_has_begun_goes_no_further() {
    let (member, world) = (device(), World::new([71; 32]).unwrap());
    let space = world.space();
    let mut author = world.author(0);
    let entries: Vec<_> = (0..20)
        .map(|content| {
            author.write(Draft { payload_bytes: 32 * 1024, content, ..Draft::default() }).unwrap()
        })
        .collect();
    let setup = Setup::new(rules(space, member.author().into(), READ_WRITE));
    let store = setup.spaces.create(&Context::new(), space).await.unwrap();
    store.put(&Context::new(), whole(&entries)).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let ids: Vec<_> = entries.iter().map(bulla_core::VerifiedEntry::id).collect();
    let request = GetRequest { ids: ids.clone(), max_bytes: u32::MAX };
    let everything = ScanRequest::everything();
    for (route, body) in [(SpaceRoute::Get, get(ids)), (SpaceRoute::Scan, scan(1))] {
        node.access.replace(rules(space, member.author().into(), READ_WRITE));
        let answer = ask(&node, &token, Route::Space(space, route), body).await.unwrap();
        let Answer::Sequence(mut pieces) = answer else { panic!("{answer:?}") };
        let mut decoder = match route {
            SpaceRoute::Get => BodyDecoder::get(space, &request),
            _ => BodyDecoder::scan(space, None, everything.limit),
        };
        decoder.push(&pieces.next().await.unwrap().unwrap());
        node.access.replace(AccessRules::new());
        decoder.push(&pieces.next().await.unwrap().unwrap());
        assert!(pieces.next().await.is_none(), "nothing after that");
        let mut given = 0;
        let code = loop {
            match decoder.next_item() {
                Ok(Some(_)) => given += 1,
                Err(StreamError::Peer(error)) => break error.code.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, "space.not_served", "{route:?}");
        assert!((1..=4).contains(&given), "{route:?}: {given} of 20 came before");
    }
}

/// A page that is waited for does not leave with the one before it.
///
/// Clauses: NODE-22.
#[tokio::test]
async fn a64_a_page_that_comes_after_the_right_went_stays_here() {
    let (member, world) = (device(), World::new([73; 32]).unwrap());
    let space = world.space();
    let (shared, spaces) = (stage(), MemorySpaces::new());
    let store = spaces.create(&Context::new(), space).await.unwrap();
    store.put(&Context::new(), whole(&world.entries(0, 2).unwrap())).await.unwrap();
    let mut setup = Setup::new(rules(space, member.author().into(), READ_WRITE));
    setup.spaces = Arc::new(Revoking { inner: spaces, stage: Arc::clone(&shared) });
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let mut request = ScanRequest::everything();
    (request.limit.max_items, request.until) = (1, Some(2));
    let body = ScanMessage { request: request.clone(), form: Form::Plain, pages: 2 }.to_cbor();
    let answer = ask(&node, &token, Route::Space(space, SpaceRoute::Scan), body).await;
    let Ok(Answer::Sequence(mut pieces)) = answer else { panic!("{answer:?}") };
    let revoke = async {
        node.access.replace(AccessRules::new());
        shared.pages.add_permits(1);
    };
    let (piece, ()) = tokio::join!(biased; pieces.next(), revoke);
    let mut decoder = BodyDecoder::scan(space, None, request.limit);
    decoder.push(&piece.unwrap().unwrap());
    let mut entries = 0;
    let code = loop {
        match decoder.next_item() {
            Ok(Some(item)) => entries += u32::from(matches!(item, BodyItem::Entry(_))),
            Err(StreamError::Peer(error)) => break error.code.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((entries, code.as_str()), (1, "space.not_served"));
    assert!(pieces.next().await.is_none());
}

/// A summary is one item of many pieces, and no error can stand in its middle: it breaks off, and nobody takes what came for
/// the whole of it.
///
/// Clauses: NODE-22.
#[tokio::test]
async fn a64_a_summary_breaks_off_between_its_pieces() {
    let (member, world) = (device(), World::new([74; 32]).unwrap());
    let space = world.space();
    let (shared, spaces) = (stage(), MemorySpaces::new());
    spaces.create(&Context::new(), space).await.unwrap();
    let salt = [5; 16];
    let upto = Cursor { lineage: Lineage([1; 16]), receipt: 1, log_hash: LogHash([2; 32]) };
    let summary = Summary::Bloom { upto, bloom: Bloom::for_count(200_000, salt) };
    shared.summary.set(summary.clone()).unwrap();
    let mut setup = Setup::new(rules(space, member.author().into(), READ_WRITE));
    setup.spaces = Arc::new(Revoking { inner: spaces, stage: Arc::clone(&shared) });
    let node = setup.start().await;
    let token = node.token(&*member, &[]).await;
    let begin = async || {
        let body = SummaryMessage(SummaryRequest::Bloom { salt }).to_cbor();
        let answer = ask(&node, &token, Route::Space(space, SpaceRoute::Summary), body).await;
        let Ok(Answer::Large(pieces)) = answer else { panic!("{answer:?}") };
        pieces
    };
    let mut whole = Vec::new();
    let mut pieces = begin().await;
    while let Some(piece) = pieces.next().await {
        whole.extend(piece.unwrap());
    }
    assert_eq!(SummaryAnswer::from_cbor(&whole).unwrap().0, summary);

    let mut pieces = begin().await;
    let first = pieces.next().await.unwrap().unwrap();
    assert!(first.len() < whole.len() / 2, "{} of {}", first.len(), whole.len());
    node.access.replace(AccessRules::new());
    assert!(pieces.next().await.unwrap().is_err(), "it is cut short, and says so");
    // Whoever is let in again asks again.
    node.access.replace(rules(space, member.author().into(), READ_WRITE));
    assert!(pieces.next().await.is_none(), "nothing after that");
    assert!(SummaryAnswer::from_cbor(&first).is_err());
}

/// A node that is made an ordinary member keeps the right to read, and has its feeds for others no longer.
///
/// Clauses: NODE-20, NODE-22.
#[tokio::test]
async fn a64_a_feed_for_others_ends_with_the_right_to_carry() {
    let (carrier, world) = (device(), World::new([72; 32]).unwrap());
    let (space, peer) = (world.space(), PeerKey::from(carrier.author()));
    let setup = Setup::new(rules(space, peer, ALL));
    let store = setup.spaces.create(&Context::new(), space).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*carrier, &[]).await;
    let feed = async |hops: Vec<NodeId>| {
        let request = FeedRequest { spaces: vec![space], heartbeat_ms: 60_000, rider_bytes: 0 };
        let mut body = Body(Some(request.to_cbor().into()));
        let answer = node.service.answer(Route::Feed, call(&token, hops), &mut body).await;
        let Ok(Answer::Sequence(pieces)) = answer else { panic!("{answer:?}") };
        pieces
    };
    let mut own = feed(Vec::new()).await;
    let mut for_others = feed(vec![NodeId(peer.0)]).await;
    let next = async |pieces: &mut bulla_server::body::Pieces| {
        let piece = tokio::time::timeout(LONG, pieces.next()).await.expect("an item");
        let mut decoder = FeedDecoder::new();
        decoder.push(&piece?.unwrap());
        decoder.next_item().unwrap()
    };
    assert!(matches!(next(&mut own).await, Some(FeedItem::Head { .. })));
    assert!(matches!(next(&mut for_others).await, Some(FeedItem::Head { .. })));
    node.access.replace(rules(space, peer, READ_WRITE));
    match next(&mut for_others).await {
        Some(FeedItem::SpaceOver { error, .. }) => assert_eq!(error.code.as_str(), "hop.path"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(next(&mut for_others).await, Some(FeedItem::Over(_))));
    assert!(next(&mut for_others).await.is_none());
    // Its own goes on.
    let entry = world.author(0).write(Draft::default()).unwrap();
    store.put(&Context::new(), vec![entry.into()]).await.unwrap();
    assert!(
        matches!(next(&mut own).await, Some(FeedItem::Head { head, .. }) if head.last_receipt == 1)
    );
}
