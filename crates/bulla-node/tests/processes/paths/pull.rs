//! Pull: a device fetches from a node that judges nothing, or helps the revoked device.

use std::sync::Arc;

use bulla_store::MemoryBookmarks;
use bulla_sync::Options;

use super::{Home, Story, is_complete, run};
use crate::support::{Bench, peer};

/// Clauses: ADM-2, ADM-3, ADM-8, ADM-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pulled_is_judged_at_home() {
    let (bench, mut story) = (Bench::new(), Story::new());
    let space = story.space();
    // Its configuration says who may put; what is put it takes as it comes.
    let node = bench.relay("relay", space, &[peer(&story.friend.keys)]).await;
    let relay = node.store(&story.friend.keys, space);
    let fill = Arc::new(MemoryBookmarks::new());
    is_complete(&run(&story.everything().await, &relay, &fill, Options::push()).await);
    assert_eq!(crate::support::pull(&*relay).await.len(), story.counting.len() + 3);

    let (home, bookmarks) = (Home::new(space).await, Arc::new(MemoryBookmarks::new()));
    for _ in 0..2 {
        is_complete(&run(&relay, &home.store(), &bookmarks, Options::pull()).await);
        home.is_as(&story).await;
    }
    story.each_is_refused(&*home.store()).await;
    home.is_as(&story).await;
    node.stop().await;
}
