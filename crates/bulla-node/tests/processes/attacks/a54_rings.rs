//! Three nodes in a ring: a request goes round once and ends, also when many come at the same time and join each other.

use bulla_core::{EntryId, PeerKey, SpaceId};
use bulla_store::StoreExt as _;

use crate::support::{Bench, Running, cache, code, cx, device, passthrough, peer, upstream};

async fn ring(
    bench: &Bench,
    space: &dyn Fn(&[PeerKey]) -> String,
    device: PeerKey,
) -> Vec<Running> {
    let sites: Vec<_> = ["one", "two", "three"].iter().map(|name| bench.site(name)).collect();
    let keys: Vec<_> = sites.iter().map(|site| PeerKey(site.id.0)).collect();
    let peers = [keys[0], keys[1], keys[2], device];
    let mut nodes: Vec<Running> = Vec::new();
    let mut url = "http://127.0.0.1:1".to_owned();
    // Each points at the one before it; the first at nobody until the last is there.
    for (number, site) in sites.iter().enumerate() {
        let behind = sites[(number + 2) % 3].id;
        site.configure(&(upstream("next", &url, behind, "") + &space(&peers)));
        let node = site.start().await;
        url = node.url();
        nodes.push(node);
    }
    sites[0].configure(&(upstream("next", &url, sites[2].id, "") + &space(&peers)));
    nodes[0].reload().await;
    nodes
}

/// NODE-45.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a54_a_ring_of_passthroughs_ends_every_request() {
    let (bench, laptop, space) = (Bench::new(), device(), SpaceId([0x54; 32]));
    let nodes = ring(&bench, &|peers| passthrough(space, "next", peers), peer(&laptop)).await;
    let store = nodes[0].store(&laptop, space);
    assert_eq!(code(store.head(&cx()).await), "hop.loop");
    let id = EntryId([1; 32]);
    assert_eq!(code(store.get_one(&cx(), id).await), "hop.loop");
    for node in &nodes {
        let gets = node.figure("bulla_answers_total{route=\"get\",status=\"5xx\"}").await;
        let most = if node.id == nodes[0].id { 2 } else { 1 };
        assert!((1..=most).contains(&gets), "once round and no more: {gets}");
    }
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a54_a_ring_of_caches_never_waits_for_itself() {
    let (bench, laptop, space) = (Bench::new(), device(), SpaceId([0x55; 32]));
    let nodes = ring(&bench, &|peers| cache(space, "next", "", peers), peer(&laptop)).await;
    let id = EntryId([1; 32]);
    // At every node at once, so that each finds a question of another to join.
    let asking: Vec<_> = nodes
        .iter()
        .flat_map(|node| (0..8).map(|_| node.store(&laptop, space)))
        .map(|store| tokio::spawn(async move { code(store.get_one(&cx(), id).await) }))
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), "hop.loop");
    }
    for node in &nodes {
        assert_eq!(node.page("/ready").await.0, 200);
    }
    for node in nodes {
        node.stop().await;
    }
}
