//! A source that judges nothing, or wants to be a nuisance, hands out a writer's entries before the grant that made it one.

use std::sync::Arc;

use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_store::{ContentAddressedStore, Context, MemoryBookmarks, MemoryStore};
use bulla_sync::{Options, replicate};

use crate::replica::Replica;
use crate::scene::{Writer, all, found};

/// Far more than one batch of a run, so that the grant comes long after them: what was refused for now is taken before the
/// run ends, and nothing is asked for again.
///
/// Clauses: ADM-2, ADM-8, SYN-18.
#[tokio::test]
async fn entries_before_their_grant_come_in_with_the_same_run() {
    const WRITTEN: usize = 9_000;
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut writer = Writer::new(2, space);
    let written = writer.write_many(WRITTEN);
    let grant = founder.grant(&writer.device, Role::Writer);
    let source = Arc::new(MemoryStore::new(space).unwrap());
    let cx = Context::new();
    source.put(&cx, all([&genesis])).await.unwrap();
    for batch in written.chunks(1_000) {
        source.put(&cx, batch.to_vec()).await.unwrap();
    }
    source.put(&cx, all([&grant])).await.unwrap();
    let home = Replica::open(space, 1).await;
    let bookmarks = Arc::new(MemoryBookmarks::new());
    let pull = async || {
        let target = Arc::clone(&home.store) as Arc<dyn ContentAddressedStore>;
        let source = Arc::clone(&source) as Arc<dyn ContentAddressedStore>;
        replicate(source, target, Arc::clone(&bookmarks) as _, Options::pull()).await
    };
    let first = pull().await;
    assert!(first.counts.refused > 0, "the grant came after them: {first}");
    assert!(first.verdict.is_complete() && first.exception_count == 0, "{first}");
    assert_eq!(home.head().await.held.count, WRITTEN as u64 + 2);
    let second = pull().await;
    assert!(second.verdict.is_complete() && second.counts.offered == 0, "{second}");
}
