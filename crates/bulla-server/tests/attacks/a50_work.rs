//! Without a right in a space nobody learns from what is done whether the space exists, or an entry in it: what is asked
//! of stores, what is asked of rights, what is read of a body and what is answered is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bulla_conformance::suite::author::{Draft, World};
use bulla_core::cbor::Encode as _;
use bulla_core::values::{GetRequest, ScanRequest, SummaryRequest};
use bulla_core::{PeerKey, SpaceId, Verified, VerifiedEntry};
use bulla_server::{Access, AccessList, Answer, BodySource, Call, Rights};
use bulla_store::{ContentAddressedStore, Context, MemorySpaces, Result, SpacePage, Spaces};
use bulla_wire::feed::FeedRequest;
use bulla_wire::get::GetMessage;
use bulla_wire::has::HasRequest;
use bulla_wire::route::SpaceRoute;
use bulla_wire::scan::ScanMessage;
use bulla_wire::summary::SummaryMessage;
use bulla_wire::{BodyEncoder, Form, Route, WireError, headers};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::{Node, READ, blank, device, one_member, space};

const OWN: u8 = 2;

/// Everything that a node does for a request, as far as it can be counted.
#[derive(Debug)]
struct Counters {
    spaces: AtomicU64,
    rights: AtomicU64,
    founded: AtomicU64,
    pieces: AtomicU64,
    body_bytes: AtomicU64,
}

/// What was counted for one request, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    spaces: u64,
    rights: u64,
    founded: u64,
    pieces: u64,
    body_bytes: u64,
    answer: Vec<u8>,
}

// The two tests below count apart; a set-up has no room for counters of its own.
static MEMBERS: Counters = Counters::new();
static FOUNDERS: Counters = Counters::new();

impl Counters {
    const fn new() -> Self {
        Self {
            spaces: AtomicU64::new(0),
            rights: AtomicU64::new(0),
            founded: AtomicU64::new(0),
            pieces: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
        }
    }

    fn take(&self, answer: Vec<u8>) -> Done {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        Done {
            spaces: take(&self.spaces),
            rights: take(&self.rights),
            founded: take(&self.founded),
            pieces: take(&self.pieces),
            body_bytes: take(&self.body_bytes),
            answer,
        }
    }
}

/// Counts what is asked of it: without a store that it gave out, no store can be read.
#[derive(Debug)]
struct CountedSpaces {
    inner: MemorySpaces,
    counters: &'static Counters,
}

impl CountedSpaces {
    fn count(&self) {
        self.counters.spaces.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Spaces for CountedSpaces {
    async fn open(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.count();
        self.inner.open(cx, space).await
    }

    async fn create(&self, cx: &Context, space: SpaceId) -> Result<Arc<dyn ContentAddressedStore>> {
        self.count();
        self.inner.create(cx, space).await
    }

    async fn list(&self, cx: &Context, after: Option<SpaceId>, limit: usize) -> Result<SpacePage> {
        self.count();
        self.inner.list(cx, after, limit).await
    }

    async fn remove(&self, cx: &Context, space: SpaceId) -> Result<bool> {
        self.count();
        self.inner.remove(cx, space).await
    }
}

/// Counts the questions about rights. Whoever founds a space brings it here, where that is counted too.
#[derive(Debug)]
struct CountedAccess {
    list: Arc<AccessList>,
    counters: &'static Counters,
    may_found: bool,
}

#[async_trait]
impl Access for CountedAccess {
    fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        self.counters.rights.fetch_add(1, Ordering::SeqCst);
        self.list.rights(peer, space)
    }

    fn is_known(&self, peer: &PeerKey) -> bool {
        self.list.is_known(peer)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.list.changes()
    }

    fn may_found(&self, _peer: &PeerKey) -> bool {
        self.may_found
    }

    async fn found(
        &self,
        _cx: &Context,
        _peer: &PeerKey,
        space: SpaceId,
        _opening: Vec<VerifiedEntry>,
    ) -> Result<()> {
        // As one does who finds that the asker is no admin: nothing is looked at.
        self.counters.founded.fetch_add(1, Ordering::SeqCst);
        Err(bulla_store::StoreError::NotServed(space))
    }
}

/// A body in pieces of 64 bytes, which counts those that are taken.
struct Body {
    rest: Bytes,
    counters: &'static Counters,
}

#[async_trait]
impl BodySource for Body {
    async fn piece(&mut self) -> std::result::Result<Option<Bytes>, WireError> {
        let piece = self.rest.split_to(self.rest.len().min(64));
        self.counters.pieces.fetch_add(1, Ordering::SeqCst);
        self.counters.body_bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok((!piece.is_empty()).then_some(piece))
    }
}

fn body(space: SpaceId, route: SpaceRoute, entry: &VerifiedEntry) -> Vec<u8> {
    let ids = vec![entry.id()];
    match route {
        SpaceRoute::Head | SpaceRoute::Status => Vec::new(),
        SpaceRoute::Has => HasRequest { ids }.to_cbor(),
        SpaceRoute::Get => {
            let request = GetRequest { ids, max_bytes: u32::MAX };
            GetMessage { request, form: Form::Compact }.to_cbor()
        }
        SpaceRoute::Scan => {
            let request = ScanRequest::everything();
            ScanMessage { request, form: Form::Compact, pages: 1 }.to_cbor()
        }
        SpaceRoute::Summary => SummaryMessage(SummaryRequest::Bloom { salt: [0; 16] }).to_cbor(),
        SpaceRoute::Put => {
            let mut encoder = BodyEncoder::put(space, Form::Plain);
            encoder.verified(&Verified::from(entry.clone()));
            encoder.end();
            encoder.take(0).to_vec()
        }
    }
}

/// Asks, and counts what is done for it.
async fn ask(
    node: &Node,
    counters: &'static Counters,
    token: &str,
    route: Route,
    body: Vec<u8>,
) -> Done {
    let named = match &route {
        Route::Space(space, _) => Some(*space),
        _ => None,
    };
    counters.take(Vec::new());
    let call = Call {
        token: headers::parse_token(token),
        hops: Vec::new(),
        deadline_ms: None,
        request_id: "test".to_owned(),
        stopping: CancellationToken::new(),
    };
    let mut source = Body { rest: body.into(), counters };
    let answer = node.service.answer(route, call, &mut source).await;
    let mut answer = match answer {
        Ok(Answer::Message(bytes)) => bytes.to_vec(),
        Ok(Answer::Large(mut pieces) | Answer::Sequence(mut pieces)) => {
            let mut bytes = Vec::new();
            while let Some(piece) = pieces.next().await {
                bytes.extend_from_slice(&piece.unwrap());
            }
            bytes
        }
        Err(error) => error.to_cbor(),
    };
    if let Some(space) = named {
        blank(&mut answer, &space);
    }
    counters.take(answer)
}

fn world(seed: u8) -> World {
    World::new([seed; 32]).unwrap()
}

/// A space that is here, with the entry, and one that is not.
async fn hold(spaces: &dyn Spaces, held: &World) -> VerifiedEntry {
    let store = spaces.create(&Context::new(), held.space()).await.unwrap();
    let entry = held.entries(0, 1).unwrap().remove(0);
    let batch = vec![held.genesis().clone().into(), entry.clone().into()];
    store.put(&Context::new(), batch).await.unwrap();
    entry
}

/// Clauses: NODE-23.
#[tokio::test]
async fn a50_without_a_right_what_is_done_is_the_same() {
    let (owner, asker) = (device(), device());
    let (held, unknown) = (world(50), world(51));
    let mut setup = one_member(&owner, held.space()).await;
    setup.rules.allow(space(OWN), asker.author().into(), READ);
    setup.spaces = Arc::new(CountedSpaces { inner: MemorySpaces::new(), counters: &MEMBERS }) as _;
    setup.access = |list, _| Arc::new(CountedAccess { list, counters: &MEMBERS, may_found: false });
    let entry = hold(&*setup.spaces, &held).await;
    setup.spaces.create(&Context::new(), space(OWN)).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*asker, &[]).await;
    let absent = [held.entries(7, 1).unwrap().remove(0), unknown.entries(0, 1).unwrap().remove(0)];
    for route in SpaceRoute::ALL {
        // An entry that is here, one that is not in a space that is, and one in a space that is not.
        let probes = [(&held, &entry), (&held, &absent[0]), (&unknown, &absent[1])];
        let mut done = Vec::new();
        for (world, entry) in probes {
            let body = body(world.space(), route, entry);
            let route = Route::Space(world.space(), route);
            done.push(ask(&node, &MEMBERS, &token, route, body).await);
        }
        assert_eq!((done[0].spaces, done[0].body_bytes), (0, 0), "{route:?}");
        assert!(done[0].rights > 0 && !done[0].answer.is_empty(), "{route:?}");
        assert!(done.windows(2).all(|pair| pair[0] == pair[1]), "{route:?}: {done:?}");
    }
    let mut fed = Vec::new();
    for space in [held.space(), unknown.space()] {
        let request = FeedRequest { spaces: vec![space], heartbeat_ms: 60_000, rider_bytes: 0 };
        let mut done = ask(&node, &MEMBERS, &token, Route::Feed, request.to_cbor()).await;
        blank(&mut done.answer, &space);
        assert_eq!(done.spaces, 0);
        fed.push(done);
    }
    assert_eq!(fed[0], fed[1]);
    // The counts count: with a right the store is asked, and the body is read.
    let own = Route::Space(space(OWN), SpaceRoute::Has);
    let body = body(space(OWN), SpaceRoute::Has, &entry);
    let done = ask(&node, &MEMBERS, &token, own, body.clone()).await;
    assert_eq!((done.spaces, done.body_bytes), (1, body.len() as u64));
}

/// Where anybody may bring a space, the beginning of a body is read, of a space that is here and of one that is not.
///
/// Clauses: NODE-23, NODE-28.
#[tokio::test]
async fn a50_what_is_done_for_those_who_may_bring_spaces_is_the_same() {
    let guest = device();
    let (held, unknown) = (world(52), world(53));
    let mut setup = one_member(&device(), held.space()).await;
    setup.spaces = Arc::new(CountedSpaces { inner: MemorySpaces::new(), counters: &FOUNDERS }) as _;
    setup.access = |list, _| Arc::new(CountedAccess { list, counters: &FOUNDERS, may_found: true });
    let entry = hold(&*setup.spaces, &held).await;
    let node = setup.start().await;
    let token = node.token(&*guest, &[]).await;
    let away = unknown.entries(0, 1).unwrap().remove(0);
    let genesis = [held.genesis().clone(), unknown.genesis().clone()];
    for (here, away) in [(&entry, &away), (&genesis[0], &genesis[1])] {
        let mut done = Vec::new();
        for (world, entry) in [(&held, here), (&unknown, away)] {
            let body = body(world.space(), SpaceRoute::Put, entry);
            let route = Route::Space(world.space(), SpaceRoute::Put);
            done.push(ask(&node, &FOUNDERS, &token, route, body).await);
        }
        assert!(done[0].body_bytes > 0);
        assert_eq!(done[0].spaces, 0);
        assert_eq!(done[0], done[1]);
    }
    // A long first entry is not read to its end.
    let draft = Draft { payload_bytes: 900_000, ..Draft::default() };
    let long = body(unknown.space(), SpaceRoute::Put, &unknown.author(0).write(draft).unwrap());
    let route = Route::Space(unknown.space(), SpaceRoute::Put);
    let done = ask(&node, &FOUNDERS, &token, route, long).await;
    assert!((255 * 1024..=257 * 1024).contains(&done.body_bytes), "{}", done.body_bytes);
    // Whatever else it asks for is nothing to it.
    for route in SpaceRoute::ALL.into_iter().filter(|route| *route != SpaceRoute::Put) {
        let mut done = Vec::new();
        for (world, id) in [(&held, &entry), (&unknown, &away)] {
            let body = body(world.space(), route, id);
            let route = Route::Space(world.space(), route);
            done.push(ask(&node, &FOUNDERS, &token, route, body).await);
        }
        assert_eq!((done[0].spaces, done[0].body_bytes), (0, 0), "{route:?}");
        assert_eq!(done[0], done[1], "{route:?}");
    }
}

/// Whether a key belongs here is told to nobody who has not its secret.
///
/// Clauses: LOGIN-9, NODE-23.
#[tokio::test]
async fn a50_a_key_is_known_or_not_only_to_who_holds_it() {
    let (member, stranger, thief) = (device(), device(), device());
    let node = one_member(&member, space(1)).await.start().await;
    let mut seen = Vec::new();
    for claimed in [&member, &stranger] {
        let hello = node.hello(claimed.author().into(), &[space(1)]);
        let challenge = node.post("/v1/login/challenge", None, &hello).await;
        // Signed by another key than the one it names.
        let mut login = crate::support::sign(&**claimed, hello, &challenge.value());
        let forged = node.signed_login(&*thief, &[space(1)]).await;
        login.signature = forged.signature;
        let answer = node.post("/v1/login", None, &login).await;
        seen.push((challenge.status, challenge.head, challenge.body.len(), answer));
    }
    assert_eq!(seen[0].3.status, 401);
    assert_eq!(seen[0], seen[1]);
}
