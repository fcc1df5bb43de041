//! What an approver named when it let a device in, held against what that device is shown (PAIR-36).

use std::sync::Arc;

use bulla::sync::{self, Options, Reason, Report, Verdict};
use bulla::{EntryId, Role, Space};
use bulla_pairing::KnownHeads;
use bulla_store::MemoryBookmarks;

use crate::engine::spaces;
use crate::support::{Relay, device, found, note};

async fn pull(space: &Space, relay: &Relay, heads: &[EntryId]) -> Report {
    let bookmarks = Arc::new(MemoryBookmarks::new());
    sync::pull_expecting(space, relay.store(), bookmarks, Options::pull(), heads).await
}

/// The relay withholds everything since before the grant from a device that it lets in all the same: what it shows is whole.
///
/// Clauses: PAIR-35, PAIR-36.
#[tokio::test]
async fn a21_a_first_sync_that_lacks_what_the_approver_knew_is_incomplete() {
    let (owner, phone) = (device(), device());
    let mine = found(&owner).await;
    let relay = Relay::new(mine.id()).await;
    mine.write(note("old")).await.unwrap();
    sync::push(&mine, relay.store()).await;

    mine.grant(phone.joining_card(mine.id(), None), Role::Writer, "phone").await.unwrap();
    let newest = mine.write(note("new")).await.unwrap();
    let frontier = mine.frontier().await.unwrap();
    let told = KnownHeads::new([frontier, newest]).unwrap().to_bytes();

    let joined = Space::join(&phone, &spaces(), mine.id(), relay.store()).await;
    let (space, report) = joined.unwrap();
    assert!(report.verdict.is_complete(), "nothing that it was shown says otherwise: {report}");
    let heads: Vec<EntryId> = KnownHeads::from_bytes(&told).unwrap().ids().collect();
    let Verdict::Incomplete(incomplete) = pull(&space, &relay, &heads).await.verdict else {
        panic!("it knows better")
    };
    assert!(matches!(incomplete.reason, Reason::FrontierUnreached(2)), "{incomplete:?}");
    assert_eq!((incomplete.missing.ids, incomplete.missing.id_count), (heads.clone(), 2));
    assert_eq!(incomplete.reason.code().as_str(), "sync.frontier_unreached");
    assert_eq!(space.lacking(&heads).await.unwrap(), heads);

    // Once the source has them they are expected no longer, and a source set back later is told by other means.
    sync::push(&mine, relay.store()).await;
    let report = pull(&space, &relay, &heads).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(space.lacking(&heads).await.unwrap(), []);
}

/// What is held here already needs no source, and a run that failed for a reason of its own keeps it.
///
/// Clauses: PAIR-36.
#[tokio::test]
async fn what_is_expected_hides_no_other_reason() {
    let owner = device();
    let mine = found(&owner).await;
    let own = mine.write(note("own")).await.unwrap();
    let relay = Relay::new(mine.id()).await;
    sync::push(&mine, relay.store()).await;
    assert!(pull(&mine, &relay, &[own]).await.is_clean());

    let cancel = sync::CancellationToken::new();
    cancel.cancel();
    let options = Options::pull().with_cancel(cancel);
    let bookmarks = Arc::new(MemoryBookmarks::new());
    let expected = [EntryId([7; 32])];
    let report = sync::pull_expecting(&mine, relay.store(), bookmarks, options, &expected).await;
    let Verdict::Incomplete(incomplete) = report.verdict else { panic!("it was cancelled") };
    assert!(matches!(incomplete.reason, Reason::Cancelled), "{incomplete:?}");
    assert_eq!(incomplete.missing.ids, expected);
}
