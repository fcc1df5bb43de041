//! Cache fill: what a cache fetches for its members from a relay that judges nothing.

use std::sync::Arc;

use bulla_core::PeerKey;
use bulla_core::values::GetItem;
use bulla_store::{MemoryBookmarks, StoreExt as _};
use bulla_sync::Options;

use super::{Home, Story, is_complete, run};
use crate::fronts::configure_front;
use crate::support::{Bench, cx, peer};

/// The cache keeps what members wrote and lets pass what a stranger wrote; whoever fetches judges all of it.
///
/// Clauses: NODE-26, NODE-29, ADM-8, ADM-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fills_a_cache_is_judged_there_and_at_home() {
    let (bench, mut story) = (Bench::new(), Story::new());
    let (space, site) = (story.space(), bench.site("cache"));
    let peers = [peer(&story.friend.keys), PeerKey(site.id.0)];
    let relay = bench.relay("relay", space, &peers).await;
    let origin = relay.store(&story.friend.keys, space);
    let fill = Arc::new(MemoryBookmarks::new());
    is_complete(&run(&story.everything().await, &origin, &fill, Options::push()).await);
    configure_front(&site, &relay, space, "cache");
    let front = site.start().await;
    let cache = front.store(&story.friend.keys, space);

    let home = Home::new(space).await;
    let bookmarks = Arc::new(MemoryBookmarks::new());
    for _ in 0..2 {
        is_complete(&run(&cache, &home.store(), &bookmarks, Options::pull()).await);
        home.is_as(&story).await;
    }
    let strange = cache.get_one(&cx(), story.strange.id()).await.unwrap();
    assert!(matches!(strange, GetItem::Entry(_)), "it passes by: {strange:?}");
    relay.stop().await;
    for entry in &story.counting {
        let item = cache.get_one(&cx(), entry.id()).await.unwrap();
        assert!(matches!(item, GetItem::Entry(_)), "{item:?}");
    }
    let strange = cache.get_one(&cx(), story.strange.id()).await.unwrap();
    assert_eq!(strange, GetItem::Unavailable, "and is not kept");
    story.each_is_refused(&*home.store()).await;
    front.stop().await;
}
