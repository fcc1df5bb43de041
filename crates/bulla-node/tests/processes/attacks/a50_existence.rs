//! Somebody with a right in one space asks about the spaces of others: of a relay, through a passthrough and through a
//! cache. What comes back is the same to the byte whether the space and the entry are here, and nothing is asked upstream.

use std::net::SocketAddr;

use bulla_core::SpaceId;
use bulla_core::cbor::Encode as _;
use bulla_core::values::{GetRequest, ScanRequest, SummaryRequest};
use bulla_core::{EntryId, Verified, VerifiedEntry};
use bulla_wire::feed::FeedRequest;
use bulla_wire::get::GetMessage;
use bulla_wire::has::HasRequest;
use bulla_wire::route::{Method, SpaceRoute};
use bulla_wire::scan::ScanMessage;
use bulla_wire::summary::SummaryMessage;
use bulla_wire::{BodyEncoder, Form, Route, headers};

use crate::fronts::Scene;
use crate::raw::{self, Reply, exchange, request};
use crate::spaces::{found, judged, share};
use crate::support::{Running, cx, eventually, pull, upstream};

/// What is asked about; the entry is only put where it may be one of the space.
struct Probe<'a> {
    space: SpaceId,
    id: EntryId,
    entry: &'a VerifiedEntry,
}

impl Probe<'_> {
    fn body(&self, route: SpaceRoute) -> Vec<u8> {
        let ids = vec![self.id];
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
            SpaceRoute::Summary => {
                SummaryMessage(SummaryRequest::Bloom { salt: [0; 16] }).to_cbor()
            }
            SpaceRoute::Put => {
                let mut encoder = BodyEncoder::put(self.space, Form::Plain);
                encoder.verified(&Verified::from(self.entry.clone()));
                encoder.end();
                encoder.take(0).to_vec()
            }
        }
    }

    async fn ask(&self, address: SocketAddr, token: &str, route: SpaceRoute) -> Reply {
        let kind = match route {
            SpaceRoute::Put => headers::CONTENT_CBOR_SEQUENCE,
            _ => headers::CONTENT_CBOR,
        };
        let fields =
            [("authorization", token), ("content-type", kind), (headers::REQUEST_ID, "same")];
        let method = if route.method() == Method::Get { "GET" } else { "POST" };
        let path = Route::Space(self.space, route).path();
        let reply = exchange(address, &request(method, &path, &fields, &self.body(route))).await;
        blank(reply, &self.space)
    }

    async fn follow(&self, address: SocketAddr, token: &str) -> Reply {
        let fields = [
            ("authorization", token),
            ("content-type", headers::CONTENT_CBOR),
            (headers::REQUEST_ID, "same"),
        ];
        let feed = FeedRequest { spaces: vec![self.space], heartbeat_ms: 60_000, rider_bytes: 0 };
        let bytes = request("POST", "/v1/feed", &fields, &feed.to_cbor());
        blank(exchange(address, &bytes).await, &self.space)
    }
}

/// The answer names the space that was asked for; that much the asker knows.
fn blank(mut reply: Reply, space: &SpaceId) -> Reply {
    for at in 0..reply.body.len().saturating_sub(31) {
        if reply.body[at..at + 32] == space.0 {
            reply.body[at..at + 32].fill(0);
        }
    }
    reply
}

/// How many answers a node has given, of any kind.
async fn answers(node: &Running) -> u64 {
    let (_, text) = node.page("/metrics").await;
    let lines = text.lines().filter(|line| line.starts_with("bulla_answers_total"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

async fn tells_nothing(mode: &str) {
    let mut scene = Scene::new(if mode == "relay" { "passthrough" } else { mode }).await;
    let space = scene.owner.space();
    let note = scene.writer.write("note");
    share(&*scene.relay.store(&scene.writer.keys, space), &[&note]).await;
    // It is held wherever anything is held.
    assert_eq!(pull(&*scene.front.store(&scene.reader.keys, space)).await.len(), 5);

    // Somebody else's space at the same nodes gives the asker a right of its own.
    let (mut other, genesis) = found();
    let own = other.space();
    scene.relay_site.configure(&(judged(space, "'relay'") + &judged(own, "'relay'")));
    scene.relay.reload().await;
    let carries = other.grant_node(scene.front_site.id);
    share(&*scene.relay.store(&other.keys, own), &[&genesis, &carries]).await;
    if mode != "relay" {
        let bound = |space| judged(space, &format!("'{mode}'\nupstream = 'origin'"));
        let origin = upstream("origin", &scene.relay.url(), scene.relay.id, "");
        scene.front_site.configure(&(origin + &bound(space) + &bound(own)));
        scene.front.reload().await;
        let theirs = scene.front.store(&other.keys, own);
        eventually("the asker is let in", async || theirs.head(&cx()).await.ok()).await;
    }
    let asked = if mode == "relay" { &scene.relay } else { &scene.front };
    let address = asked.ready.listen;
    let token = raw::token(address, &*other.keys, &[]).await;
    let away = found().0.write("away");
    let unknown = away.verified_header().space();
    let absent = EntryId([0xab; 32]);
    let probes = [
        Probe { space, id: note.id(), entry: &note },
        Probe { space, id: absent, entry: &scene.owner.write("new") },
        Probe { space: unknown, id: absent, entry: &away },
    ];
    let before = answers(&scene.relay).await;
    for route in SpaceRoute::ALL {
        let mut replies = Vec::new();
        for probe in &probes {
            replies.push(probe.ask(address, &token, route).await);
        }
        assert_eq!((replies[0].status, replies[0].code().as_str()), (404, "space.not_served"));
        assert!(replies.windows(2).all(|pair| pair[0] == pair[1]), "{route:?}: {replies:?}");
    }
    let (held, none) =
        (probes[0].follow(address, &token).await, probes[2].follow(address, &token).await);
    assert_eq!(held.status, 200);
    assert_eq!(held, none, "the feed");
    if mode != "relay" {
        assert_eq!(answers(&scene.relay).await, before, "nothing was asked upstream");
    }
    // Its own is there all the same.
    let path = Route::Space(own, SpaceRoute::Head).path();
    assert_eq!(raw::get(address, &path, &[("authorization", &token)]).await.status, 200);
    scene.stop().await;
}

/// NODE-23.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a50_a_relay_tells_nothing_of_the_spaces_of_others() {
    tells_nothing("relay").await;
}

/// NODE-23, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a50_a_passthrough_tells_nothing_and_asks_nothing() {
    tells_nothing("passthrough").await;
}

/// NODE-23, NODE-26, NODE-29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a50_a_cache_tells_nothing_and_asks_nothing() {
    tells_nothing("cache").await;
}
