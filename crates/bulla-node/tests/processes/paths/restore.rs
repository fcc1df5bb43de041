//! Restore: a backup is put in the place of a database that was lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_store::MemoryBookmarks;
use bulla_sync::Options;

use super::{Home, Story, is_complete, listed, run};
use crate::spaces::judged;
use crate::support::{Bench, Site, code, cx, peer, relay};

/// Backs a node up, loses its database and puts the backup in its place.
fn lose_and_restore(bench: &Bench, site: &Site) {
    let backup = bench.path().join("backup");
    site.say(&["backup", backup.to_str().unwrap()]);
    std::fs::remove_dir_all(site.path("data")).unwrap();
    site.say(&["restore", backup.to_str().unwrap()]);
}

/// What was judged before comes back as it was, the quarantine too, and nothing gets in by that.
///
/// Clauses: ADM-5, QUAR-3, MARK-7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_judged_is_restored_as_it_was() {
    let (bench, mut story) = (Bench::new(), Story::new());
    let (site, space) = (bench.site("relay"), story.space());
    site.configure(&judged(space, "'relay'"));
    let node = site.start().await;
    let store = node.store(&story.owner.keys, space);
    store.put(&cx(), vec![story.counting[0].clone().into()]).await.unwrap();
    let (mine, bookmarks) = (story.everything().await, Arc::new(MemoryBookmarks::new()));
    is_complete(&run(&mine, &store, &bookmarks, Options::push()).await);
    node.stop().await;
    lose_and_restore(&bench, &site);
    assert_eq!(listed(&site, space), story.quarantined());
    let node = site.start().await;
    let store = node.store(&story.friend.keys, space);
    let held: BTreeSet<_> = crate::support::pull(&*store).await.into_iter().collect();
    assert_eq!(held, story.counting_ids());
    story.each_is_refused(&*store).await;
    is_complete(&run(&mine, &store, &bookmarks, Options::push()).await);
    node.stop().await;
    assert_eq!(listed(&site, space), story.quarantined());
}

/// A backup that was never judged, or was tampered with by somebody who adds genuine entries, is judged when it is opened:
/// what does not count is marked, and gives nobody a right.
///
/// Clauses: ADM-5, ADM-8, ADM-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_judged_is_judged_when_it_is_restored() {
    let (bench, mut story) = (Bench::new(), Story::new());
    let (site, space) = (bench.site("relay"), story.space());
    site.configure(&relay(space, &[peer(&story.friend.keys)]));
    let node = site.start().await;
    let store = node.store(&story.friend.keys, space);
    let bookmarks = Arc::new(MemoryBookmarks::new());
    is_complete(&run(&story.everything().await, &store, &bookmarks, Options::push()).await);
    node.stop().await;
    lose_and_restore(&bench, &site);
    site.configure(&judged(space, "'relay'"));
    let node = site.start().await;
    let store = node.store(&story.friend.keys, space);
    let head = store.head(&cx()).await.unwrap();
    let count = u64::try_from(story.counting.len()).unwrap();
    assert_eq!((head.counting_set().count, head.held.count), (count, count + 3));
    let stranger = crate::support::device();
    assert_eq!(code(node.store(&stranger, space).head(&cx()).await), "login.refused");
    // Whoever fetches from it judges for itself, and finds the same.
    let home = Home::new(space).await;
    let bookmarks = Arc::new(MemoryBookmarks::new());
    is_complete(&run(&store, &home.store(), &bookmarks, Options::pull()).await);
    home.is_as(&story).await;
    story.each_is_refused(&*home.store()).await;
    node.stop().await;
}
