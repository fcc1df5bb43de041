//! Who may bring a space learns nothing of those that are here: whatever is put, it is the same for a space that is here and
//! for one that is not, unless its founder brings its genesis.

use std::sync::Arc;

use async_trait::async_trait;
use bulla_conformance::suite::author::World;
use bulla_core::cbor::{Decode as _, Encode as _};
use bulla_core::control::{Control, Erase};
use bulla_core::{
    ContentHash, EntryId, Header, KeyId, Kind, NodeId, PeerKey, RawEntry, Salt, SpaceId, Topic,
    Verified, VerifiedEntry, Verifier,
};
use bulla_identity::DeviceKeys;
use bulla_server::{Access, AccessList, AccessRules, BodySource, Call, Rights};
use bulla_store::{Context, Result, Spaces, StoreError};
use bulla_wire::put::PutAnswer;
use bulla_wire::route::SpaceRoute;
use bulla_wire::spaces::SpacesAnswer;
use bulla_wire::{BodyEncoder, Form, Route, WireError, headers};
use bytes::Bytes;
use tokio::sync::watch;

use crate::support::{Node, READ_WRITE, Reply, Setup, blank, device, request};

/// Lets anybody bring a space that is not there.
#[derive(Debug)]
struct Founding {
    list: Arc<AccessList>,
    spaces: Arc<dyn Spaces>,
}

#[async_trait]
impl Access for Founding {
    fn rights(&self, peer: &PeerKey, space: &SpaceId) -> Rights {
        self.list.rights(peer, space)
    }

    fn is_known(&self, peer: &PeerKey) -> bool {
        self.list.is_known(peer)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.list.changes()
    }

    fn may_found(&self, _peer: &PeerKey) -> bool {
        true
    }

    async fn found(
        &self,
        cx: &Context,
        peer: &PeerKey,
        space: SpaceId,
        opening: Vec<VerifiedEntry>,
    ) -> Result<()> {
        assert!(opening.iter().all(|entry| entry.header().kind.is_control()));
        // Not more is judged of somebody without a right, however much they send.
        assert!(opening.len() <= 256, "{} entries of an opening", opening.len());
        assert_eq!(opening[0].verified_header().space(), space);
        // Only the founder may.
        if opening[0].header().author.0 != peer.0 || self.spaces.open(cx, space).await.is_ok() {
            return Err(StoreError::NotServed(space));
        }
        let store = self.spaces.create(cx, space).await?;
        store.put(cx, vec![opening[0].clone().into()]).await?;
        let mut rules = AccessRules::new();
        rules.allow(space, *peer, READ_WRITE);
        self.list.replace(rules);
        Ok(())
    }
}

fn body(space: SpaceId, entries: &[&VerifiedEntry]) -> Vec<u8> {
    let mut encoder = BodyEncoder::put(space, Form::Plain);
    for entry in entries {
        encoder.verified(&Verified::from((*entry).clone()));
    }
    encoder.end();
    encoder.take(0).to_vec()
}

async fn put(node: &Node, token: &str, space: SpaceId, entries: &[&VerifiedEntry]) -> Reply {
    let fields = [
        ("authorization", token),
        ("bulla-request-id", "test"),
        ("content-type", headers::CONTENT_CBOR_SEQUENCE),
    ];
    let path = Route::Space(space, SpaceRoute::Put).path();
    let mut reply = node.exchange(&request("POST", &path, &fields, &body(space, entries))).await;
    blank(&mut reply.body, &space);
    reply
}

fn world(seed: u8) -> World {
    World::new([seed; 32]).unwrap()
}

/// Clauses: NODE-23, NODE-28.
#[tokio::test]
async fn a50_who_may_bring_spaces_learns_nothing_of_those_here() {
    let (held, unknown, guest) = (world(1), world(2), device());
    let mut setup = Setup::new(AccessRules::new());
    setup.access = |list, spaces| Arc::new(Founding { list, spaces });
    let store = setup.spaces.create(&Context::new(), held.space()).await.unwrap();
    store.put(&Context::new(), vec![held.genesis().clone().into()]).await.unwrap();
    let node = setup.start().await;
    let token = node.token(&*guest, &[]).await;
    let probes = |world: &World| -> Vec<Vec<VerifiedEntry>> {
        let entries = world.entries(1, 2).unwrap();
        vec![
            Vec::new(),
            entries.clone(),
            // Genuine, and by somebody else.
            vec![world.genesis().clone()],
            vec![entries[0].clone(), world.genesis().clone()],
        ]
    };
    for (here, away) in probes(&held).iter().zip(probes(&unknown)) {
        let here = put(&node, &token, held.space(), &here.iter().collect::<Vec<_>>()).await;
        let away = put(&node, &token, unknown.space(), &away.iter().collect::<Vec<_>>()).await;
        assert_eq!((here.status, here.code().as_str()), (404, "space.not_served"));
        assert_eq!(here, away);
    }
}

/// The founder's put is taken whole, its genesis first, and from then on the founder has its rights.
///
/// Clauses: NODE-28.
#[tokio::test]
async fn a50_a_founder_brings_its_genesis() {
    let world = world(3);
    let founder = founder(3);
    let mut setup = Setup::new(AccessRules::new());
    setup.access = |list, spaces| Arc::new(Founding { list, spaces });
    let node = setup.start().await;
    let token = node.token(&founder, &[world.space()]).await;
    let entries = world.entries(1, 1).unwrap();
    // It is the genesis of its own space and of no other, and comes first.
    let wide = node.token(&founder, &[]).await;
    let elsewhere = put(&node, &wide, SpaceId([9; 32]), &[world.genesis()]).await;
    assert_eq!((elsewhere.status, elsewhere.code().as_str()), (404, "space.not_served"));
    let copied = put(&node, &wide, SpaceId([9; 32]), &[]).await;
    assert_eq!(copied.status, 404);
    // A token for other spaces brings none that it does not name.
    let other = node.token(&founder, &[SpaceId([9; 32])]).await;
    let uncovered = put(&node, &other, world.space(), &[world.genesis()]).await;
    assert_eq!((uncovered.status, uncovered.code().as_str()), (404, "space.not_served"));
    let late = put(&node, &token, world.space(), &[&entries[0], world.genesis()]).await;
    assert_eq!(late.status, 404);
    let reply = put(&node, &token, world.space(), &[world.genesis(), &entries[0]]).await;
    assert_eq!(reply.status, 200);
    let answer = PutAnswer::from_cbor(&reply.body).unwrap();
    let receipts: Vec<_> = answer.report.outcomes.iter().map(|o| o.receipt()).collect();
    assert_eq!(receipts, [Some(1), Some(2)]);
    let path = Route::Space(world.space(), SpaceRoute::Head).path();
    assert_eq!(node.get(&path, Some(&token)).await.status, 200);
}

/// What is judged before anything is known of the sender is bounded in number too; the rest is stored by the right that the
/// opening gave.
///
/// Clauses: NODE-28.
#[tokio::test]
async fn a50_an_opening_ends_after_256_entries() {
    let world = world(8);
    let mut setup = Setup::new(AccessRules::new());
    setup.access = |list, spaces| Arc::new(Founding { list, spaces });
    let node = setup.start().await;
    let token = node.token(&founder(8), &[world.space()]).await;
    let control = erasures(&founder(8), world.genesis(), 300);
    let entries: Vec<&VerifiedEntry> = std::iter::once(world.genesis()).chain(&control).collect();
    // They are few enough in bytes.
    assert!(body(world.space(), &entries).len() < 256 * 1024);
    let reply = put(&node, &token, world.space(), &entries).await;
    assert_eq!(reply.status, 200);
    let answer = PutAnswer::from_cbor(&reply.body).unwrap();
    let receipts: Vec<_> = answer.report.outcomes.iter().map(|o| o.receipt()).collect();
    assert_eq!(receipts, (1..=301).map(Some).collect::<Vec<_>>());
}

/// A key that nobody knows gets no further than to bring a space: what it asks of others looks like nothing.
///
/// Clauses: NODE-28.
#[tokio::test]
async fn a50_a_guest_that_brings_nothing_gets_nothing() {
    let (world, guest) = (world(4), device());
    let mut setup = Setup::new(AccessRules::new());
    setup.access = |list, spaces| Arc::new(Founding { list, spaces });
    setup.spaces.create(&Context::new(), world.space()).await.unwrap();
    let node = setup.start().await;
    // A token for another space brings none here either.
    let token = node.token(&*guest, &[SpaceId([9; 32])]).await;
    let founder = founder(4);
    let theirs = node.token(&founder, &[SpaceId([9; 32])]).await;
    for token in [token, theirs] {
        let reply = put(&node, &token, world.space(), &[world.genesis()]).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "space.not_served"));
        for route in [SpaceRoute::Head, SpaceRoute::Status] {
            let path = Route::Space(world.space(), route).path();
            assert_eq!(node.get(&path, Some(&token)).await.status, 404);
        }
        let listed: SpacesAnswer = node.get("/v1/spaces", Some(&token)).await.value();
        assert_eq!(listed, SpacesAnswer { spaces: Vec::new(), end: true });
    }
}

/// Nobody brings a space for others: a request that passed a node is like any without a right.
///
/// Clauses: NODE-28.
#[tokio::test]
async fn a50_no_space_comes_by_way_of_another_node() {
    let world = world(5);
    let mut setup = Setup::new(AccessRules::new());
    setup.access = |list, spaces| Arc::new(Founding { list, spaces });
    let node = setup.start().await;
    let token = node.token(&founder(5), &[]).await;
    let hops = headers::format_hops(&[NodeId([1; 32])]);
    let fields = [
        ("authorization", token.as_str()),
        ("content-type", headers::CONTENT_CBOR_SEQUENCE),
        ("bulla-hops", hops.as_str()),
    ];
    let path = Route::Space(world.space(), SpaceRoute::Put).path();
    let bytes = request("POST", &path, &fields, &body(world.space(), &[world.genesis()]));
    let reply = node.exchange(&bytes).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "space.not_served"));
}

/// A body whose first piece is waited for.
struct Waiting;

#[async_trait]
impl BodySource for Waiting {
    async fn piece(&mut self) -> std::result::Result<Option<Bytes>, WireError> {
        std::future::pending().await
    }
}

/// Those without a right hold few places, one each, and none of those that members have.
///
/// Clauses: NODE-28.
#[tokio::test]
async fn a50_guests_that_send_nothing_keep_no_member_out() {
    let (world, member) = (world(6), device());
    let mut rules = AccessRules::new();
    rules.allow(world.space(), member.author().into(), READ_WRITE);
    let mut setup = Setup::new(rules);
    setup.access = |list, spaces| Arc::new(Founding { list, spaces });
    setup.service.patience_ms = 50;
    setup.spaces.create(&Context::new(), world.space()).await.unwrap();
    let node = setup.start().await;
    let ask = |token: &str| {
        let (service, space) = (Arc::clone(&node.service), world.space());
        let call = Call { token: headers::parse_token(token), ..Call::default() };
        let route = Route::Space(space, SpaceRoute::Put);
        tokio::spawn(async move { service.answer(route, call, &mut Waiting).await })
    };
    let guests = [device(), device(), device(), device()];
    let mut held = Vec::new();
    for guest in &guests {
        let token = node.token(&**guest, &[]).await;
        held.push(ask(&token));
        // One each, although others are free.
        let busy = ask(&token).await.unwrap().unwrap_err();
        assert_eq!(busy.code.as_str(), "node.busy");
    }
    let busy = ask(&node.token(&*device(), &[]).await).await.unwrap().unwrap_err();
    assert_eq!(busy.code.as_str(), "node.busy");
    let token = node.token(&*member, &[]).await;
    let mine = world.entries(1, 1).unwrap();
    assert_eq!(put(&node, &token, world.space(), &[&mine[0]]).await.status, 200);
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

/// So many control entries by a founder, after its genesis.
fn erasures(founder: &DeviceKeys, genesis: &VerifiedEntry, count: u64) -> Vec<VerifiedEntry> {
    let space = SpaceId(genesis.id().0);
    let erase = Erase { ids: vec![EntryId([7; 32])], ranges: Vec::new() };
    let payload = Control::from(erase).to_cbor();
    let mut previous = genesis.id();
    let write = |sequence| {
        let header = Header {
            space,
            author: founder.author(),
            sequence,
            previous,
            timestamp: 0,
            kind: Kind::ERASE,
            topic: Topic::ZERO,
            dependencies: Vec::new(),
            key_id: KeyId::ZERO,
            salt: Salt([0x5a; 24]),
            payload_length: u32::try_from(payload.len()).unwrap(),
            content_hash: ContentHash::of(&payload),
        };
        let bytes = header.to_cbor();
        let signature = founder.sign_header(&Header::digest_of(&bytes));
        let payload = Some(payload.clone().into());
        let raw = RawEntry { header: bytes.into(), signature, payload };
        match Verifier::new([1; 32]).verify(&space, raw) {
            Ok(Verified::Entry(entry)) => {
                previous = entry.id();
                entry
            }
            other => panic!("{other:?}"),
        }
    };
    (2..2 + count).map(write).collect()
}

/// The device that founds the world of this seed.
fn founder(seed: u8) -> DeviceKeys {
    let mut hasher = blake3::Hasher::new_keyed(&[seed; 32]);
    hasher.update(&0_u64.to_le_bytes()).update(b"founder");
    DeviceKeys::dangerous_from_secrets(hasher.finalize().as_bytes(), &[0x55; 32])
}
