//! "Not held" is believed for a moment only: what comes to the origin by another way is soon seen through the cache, and
//! what comes through the cache at once.

use bulla_core::PeerKey;
use bulla_core::values::{GetItem, Has};
use bulla_store::StoreExt as _;

use crate::caches::cache_before;
use crate::support::{Bench, cx, device, eventually, peer, put, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a53_absent_does_not_outlive_the_arrival() {
    let (bench, laptop, world) = (Bench::new(), device(), world(83));
    let site = bench.site("cache");
    let peers = [peer(&laptop), PeerKey(site.id.0)];
    let relay = bench.relay("relay", world.space(), &peers).await;
    cache_before(&relay, &site, world.space(), "negative_ms = 2_000", &[peer(&laptop)]);
    let node = site.start().await;
    let (through, direct) =
        (node.store(&laptop, world.space()), relay.store(&laptop, world.space()));
    let entries = world.entries(0, 2).unwrap();
    for entry in &entries {
        assert_eq!(through.has_one(&cx(), entry.id()).await.unwrap(), Has::No);
        assert!(matches!(through.get_one(&cx(), entry.id()).await.unwrap(), GetItem::Absent));
    }
    put(&*through, &entries[..1]).await;
    assert_eq!(through.has_one(&cx(), entries[0].id()).await.unwrap(), Has::Yes, "at once");
    assert!(matches!(through.get_one(&cx(), entries[0].id()).await.unwrap(), GetItem::Entry(_)));

    assert_eq!(through.has_one(&cx(), entries[1].id()).await.unwrap(), Has::No);
    put(&*direct, &entries[1..]).await;
    eventually("it is seen when the time is over", async || {
        let item = through.get_one(&cx(), entries[1].id()).await.unwrap();
        matches!(item, GetItem::Entry(_)).then_some(())
    })
    .await;
    node.stop().await;
    relay.stop().await;
}
