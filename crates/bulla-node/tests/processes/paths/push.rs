//! Push: a member gives a relay all it has, what does not count included.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_store::MemoryBookmarks;
use bulla_sync::Options;

use super::{Story, is_complete, listed, run};
use crate::spaces::judged;
use crate::support::{Bench, cx};

/// Clauses: ADM-2, ADM-3, ADM-8, ADM-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_is_judged_by_the_relay() {
    let (bench, mut story) = (Bench::new(), Story::new());
    let (site, space) = (bench.site("relay"), story.space());
    site.configure(&judged(space, "'relay'"));
    let node = site.start().await;
    let genesis = vec![story.counting[0].clone().into()];
    node.store(&story.owner.keys, space).put(&cx(), genesis).await.unwrap();
    let relay = node.store(&story.owner.keys, space);
    let (mine, bookmarks) = (story.everything().await, Arc::new(MemoryBookmarks::new()));
    for _ in 0..2 {
        is_complete(&run(&mine, &relay, &bookmarks, Options::push()).await);
        let held: BTreeSet<_> = crate::support::pull(&*relay).await.into_iter().collect();
        assert_eq!(held, story.counting_ids());
    }
    story.each_is_refused(&*node.store(&story.friend.keys, space)).await;
    node.stop().await;
    assert_eq!(listed(&site, space), story.quarantined());
}
