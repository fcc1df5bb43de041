//! Caches: what they hold they give themselves, one question for all who ask, and they say when the origin is away.

use std::sync::Arc;

use bulla_core::PeerKey;
use bulla_core::values::{Freshness, GetItem, Has};
use bulla_store::StoreExt as _;

use crate::support::{
    Bench, Running, Site, cache, cx, device, eventually, peer, pull, put, upstream, world,
};

const ANSWERED_GETS: &str = "bulla_answers_total{route=\"get\",status=\"2xx\"}";
const ANSWERED_SCANS: &str = "bulla_answers_total{route=\"scan\",status=\"2xx\"}";

/// Writes the configuration of a cache in front of a relay.
pub(crate) fn cache_before(
    relay: &Running,
    site: &Site,
    space: bulla_core::SpaceId,
    settings: &str,
    peers: &[PeerKey],
) {
    let origin = upstream("origin", &relay.url(), relay.id, "");
    site.configure(&(origin + &cache(space, "origin", settings, peers)));
}

/// NODE-43.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_for_one_entry_cause_one_question_to_the_origin() {
    let (bench, laptop, world) = (Bench::new(), device(), world(40));
    let site = bench.site("cache");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    let entries = world.entries(0, 8).unwrap();
    put(&*relay.store(&laptop, world.space()), &entries).await;
    cache_before(&relay, &site, world.space(), "", &[peer(&laptop)]);
    let node = site.start().await;

    let wanted = entries[3].id();
    let clients: Vec<_> = (0..40).map(|_| node.client(&laptop)).collect();
    let asking: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let store = client.store(world.space());
            tokio::spawn(async move { store.get_one(&cx(), wanted).await.unwrap() })
        })
        .collect();
    for asked in asking {
        let item = asked.await.unwrap();
        assert!(matches!(item, GetItem::Entry(entry) if entry.id() == wanted));
    }
    assert_eq!(relay.figure(ANSWERED_GETS).await, 1, "one question for forty who ask");
    assert_eq!(node.figure(ANSWERED_GETS).await, 40);

    // A pull fills the cache; the next one asks the origin for no page.
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 8);
    let scans = relay.figure(ANSWERED_SCANS).await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 8);
    assert_eq!(relay.figure(ANSWERED_SCANS).await, scans);
    node.stop().await;
    relay.stop().await;
}

/// NODE-44.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_while_the_origin_is_away_and_say_so() {
    let (bench, laptop, world) = (Bench::new(), device(), world(41));
    let (origin, site) = (bench.site("relay"), bench.site("cache"));
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    origin.configure(&crate::support::relay(world.space(), &peers));
    let relay = origin.start().await;
    let entries = world.entries(0, 6).unwrap();
    put(&*relay.store(&laptop, world.space()), &entries[..4]).await;
    cache_before(&relay, &site, world.space(), "away_ms = 50", &[peer(&laptop)]);
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    assert_eq!(pull(&*store).await.len(), 4);
    let fresh = store.head(&cx()).await.unwrap();
    assert_eq!(fresh.freshness, Freshness::Fresh);
    relay.stop().await;

    let head = store.head(&cx()).await.unwrap();
    assert!(matches!(head.freshness, Freshness::StaleSince(_)), "{head:?}");
    assert_eq!((head.cursor(), head.counting), (fresh.cursor(), fresh.counting));
    assert_eq!(pull(&*store).await.len(), 4, "what is held is given");
    assert!(node.log().contains("the origin is away; what is held is given"), "{}", node.log());
    let status = store.status(&cx()).await.unwrap();
    let impaired: Vec<_> = status.impairments.iter().map(bulla_core::Code::as_str).collect();
    assert_eq!(impaired, ["upstream.unavailable"]);
    // Of what is not held it never says that there is none.
    assert_eq!(store.has_one(&cx(), entries[5].id()).await.unwrap(), Has::Unknown);
    assert!(matches!(store.get_one(&cx(), entries[5].id()).await.unwrap(), GetItem::Unavailable));
    let refused = store.put(&cx(), bulla_conformance::suite::author::whole(&entries[4..])).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        refused.code().as_str(),
        "upstream.unavailable",
        "never acknowledged for the origin"
    );
    assert!(refused.is_retryable());
    assert_eq!(node.page("/ready").await.0, 200);

    // The origin comes back, at another address.
    let relay = origin.start().await;
    cache_before(&relay, &site, world.space(), "away_ms = 50", &[peer(&laptop)]);
    node.reload().await;
    eventually("it is fresh again", async || {
        let head = store.head(&cx()).await.unwrap();
        (head.freshness == Freshness::Fresh).then_some(())
    })
    .await;
    put(&*store, &entries[4..]).await;
    assert_eq!(pull(&*store).await.len(), 6);
    node.stop().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_evicts_within_its_bound_and_loses_nothing() {
    use bulla_conformance::suite::author::Draft;
    let (bench, laptop, world) = (Bench::new(), device(), world(42));
    let site = bench.site("cache");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    let mut author = world.author(0);
    let draft = |content| Draft { payload_bytes: 500_000, content, ..Draft::default() };
    let entries: Vec<_> = (0..24).map(|n| author.write(draft(n)).unwrap()).collect();
    let direct = relay.store(&laptop, world.space());
    put(&*direct, &entries).await;
    cache_before(&relay, &site, world.space(), "", &[peer(&laptop)]);
    let mut text = std::fs::read_to_string(site.path("node.toml")).unwrap();
    text += "[cache]\nmax_bytes = 4_194_304\n";
    std::fs::write(site.path("node.toml"), text).unwrap();
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    for _ in 0..2 {
        assert_eq!(pull(&*store).await.len(), 24, "12 MB through a cache of 4");
    }
    let status = Arc::clone(&store).status(&cx()).await.unwrap();
    let held = status.upstream.unwrap();
    assert!(held.payload_bytes <= 4_194_304, "{held:?}");
    assert!(held.payload_bytes > 0, "{held:?}");
    node.stop().await;
    relay.stop().await;
}

/// NODE-43, NODE-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_cache_still_gives_what_it_held() {
    let (bench, laptop, world) = (Bench::new(), device(), world(43));
    let site = bench.site("cache");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    let entries = world.entries(0, 12).unwrap();
    put(&*relay.store(&laptop, world.space()), &entries).await;
    cache_before(&relay, &site, world.space(), "", &[peer(&laptop)]);
    let node = site.start().await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 12);
    node.stop().await;
    let node = site.start().await;
    let scans = relay.figure(ANSWERED_SCANS).await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 12);
    assert_eq!(relay.figure(ANSWERED_SCANS).await, scans, "no page was asked for again");

    // Two cannot have one folder, and the first goes on.
    let (exit, error) = site.fail(&["run"]);
    assert_eq!(exit, 1);
    assert!(error.contains("cache is open in another process"), "{error}");

    // Killed, with the origin away.
    node.kill().await;
    relay.stop().await;
    let node = site.start().await;
    let store = node.store(&laptop, world.space());
    assert_eq!(pull(&*store).await.len(), 12);
    let head = store.head(&cx()).await.unwrap();
    assert!(matches!(head.freshness, Freshness::StaleSince(_)), "{head:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_cache_begins_anew_and_is_filled_again() {
    let (bench, laptop, world) = (Bench::new(), device(), world(44));
    let site = bench.site("cache");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    put(&*relay.store(&laptop, world.space()), &world.entries(0, 12).unwrap()).await;
    cache_before(&relay, &site, world.space(), "", &[peer(&laptop)]);
    let node = site.start().await;
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 12);
    node.stop().await;
    let databases = std::fs::read_dir(site.path("data/cache")).unwrap();
    for folder in databases.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.file_name().unwrap().to_string_lossy().starts_with("MANIFEST") {
                std::fs::write(file, b"not a manifest").unwrap();
            }
        }
    }
    let node = site.start().await;
    assert!(node.log().contains("cache is damaged; it begins anew"), "{}", node.log());
    assert_eq!(pull(&*node.store(&laptop, world.space())).await.len(), 12);
    node.stop().await;
    relay.stop().await;
}
