//! Erasures that count, and that do not any more.

use std::sync::Arc;

use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::{GetItem, Has, PayloadState, PutOutcome};
use bulla_core::{EntryId, VerifiedEntry};
use bulla_store::{ContentAddressedStore as _, MemoryBookmarks, Quarantine as _};

use crate::replica::{Replica, pull};
use crate::rules::{is_stored, pair};
use crate::scene::{Writer, all};

async fn state(replica: &Replica, entry: &VerifiedEntry) -> PayloadState {
    match replica.state_of(entry.id()).await {
        GetItem::Entry(_) => PayloadState::Present,
        GetItem::Header(_, state) => state,
        item => panic!("{item:?}"),
    }
}

async fn has(replica: &Replica, id: EntryId) -> Has {
    replica.store.has(&replica.cx, &[id]).await.unwrap()[0]
}

/// Clauses: ADM-13, ADM-14.
#[tokio::test]
async fn what_is_held_is_dropped_and_what_comes_later_never_kept() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let entries: Vec<_> = (0..6).map(|_| writer.write()).collect();
    replica.put(&all(&entries[..3])).await;
    let own = writer.device.clone();
    let erasure = writer.erase_range(&own, 5);
    let others = writer.erase(vec![founder.last()]);
    let named = founder.erase(vec![entries[5].id()]);
    replica.put(&all([&erasure, &others])).await;
    let outcomes = replica.put(&all(&entries[3..])).await;
    assert!(outcomes.iter().all(is_stored), "{outcomes:?}");
    for entry in &entries[..5] {
        assert_eq!(state(&replica, entry).await, PayloadState::Erased(erasure.id()));
    }
    assert_eq!(state(&replica, &entries[5]).await, PayloadState::Present);
    let status = replica.store.status(&replica.cx).await.unwrap();
    replica.put(&all([&named])).await;
    assert_eq!(state(&replica, &entries[5]).await, PayloadState::Erased(named.id()));
    assert_eq!(
        replica.store.status(&replica.cx).await.unwrap().payload_bytes,
        status.payload_bytes + u64::from(named.header().payload_length) - 16
    );
    // A writer erases nothing of others, and nothing of control kind is ever erased.
    let by_founder = founder.write();
    let control = founder.erase(vec![erasure.id(), named.id()]);
    let foreign = writer.erase(vec![by_founder.id()]);
    replica.put(&all([&by_founder, &foreign, &control])).await;
    assert_eq!(state(&replica, &by_founder).await, PayloadState::Present);
    assert_eq!(state(&replica, &erasure).await, PayloadState::Present);
    // Erased, never fetched and unknown are three answers.
    let header = writer.write();
    replica.put(&[header.verified_header().clone().into()]).await;
    assert_eq!(has(&replica, entries[0].id()).await, Has::Yes);
    assert_eq!(has(&replica, header.id()).await, Has::PayloadMissing);
    assert_eq!(has(&replica, EntryId([3; 32])).await, Has::No);
}

/// Clauses: ADM-13, ADM-14.
#[tokio::test]
async fn nothing_comes_back_from_a_replica_that_was_away() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let entries: Vec<_> = (0..5).map(|_| writer.write()).collect();
    replica.put(&all(&entries)).await;
    let away = Replica::open(founder.space(), 2).await;
    let bookmarks = Arc::new(MemoryBookmarks::new());
    assert!(pull(&replica.store, &away.store, &bookmarks).await.is_clean());
    let erasure = founder.erase_range(&writer.device, 4);
    replica.put(&all([&erasure])).await;
    // It pushes what it has, twice; then it hears of the erasure, and shrinks too.
    for _ in 0..2 {
        let report = pull(&away.store, &replica.store, &bookmarks).await;
        assert!(report.verdict.is_complete(), "{report}");
        assert_eq!(state(&replica, &entries[0]).await, PayloadState::Erased(erasure.id()));
    }
    assert!(pull(&replica.store, &away.store, &bookmarks).await.is_clean());
    for entry in &entries[..4] {
        assert_eq!(state(&away, entry).await, PayloadState::Erased(erasure.id()));
    }
    assert_eq!(state(&away, &entries[4]).await, PayloadState::Present);
    let (one, other) = (replica.head().await, away.head().await);
    assert_eq!(
        (one.control, one.counting, one.present),
        (other.control, other.counting, other.present)
    );
    // A third replica takes the headers alone.
    let third = Replica::open(founder.space(), 3).await;
    assert!(pull(&replica.store, &third.store, &bookmarks).await.is_clean());
    assert_eq!(state(&third, &entries[0]).await, PayloadState::Erased(erasure.id()));
    assert_eq!(third.head().await.counting, one.counting);
}

/// Clauses: ADM-15, ERA-8.
#[tokio::test]
async fn an_erasure_that_counts_no_more_leaves_payloads_missing() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let mut admin = Writer::new(3, founder.space());
    let grant = founder.grant(&admin.device, Role::Admin);
    admin.learn(&grant);
    let entries: Vec<_> = (0..4).map(|_| writer.write()).collect();
    replica.put(&all([&grant])).await;
    replica.put(&all(&entries[..3])).await;
    let all_of_them = entries.iter().map(VerifiedEntry::id).collect();
    let erasure = admin.erase(all_of_them);
    let own = writer.erase(vec![entries[0].id()]);
    replica.put(&all([&erasure])).await;
    replica.put(&all([&own])).await;
    let head = replica.head().await;
    let removal = founder.revoke_all(&admin.device);
    replica.put(&all([&removal])).await;
    assert_eq!(
        state(&replica, &entries[0]).await,
        PayloadState::Erased(own.id()),
        "another covers it"
    );
    for entry in &entries[1..3] {
        assert_eq!(state(&replica, entry).await, PayloadState::Missing);
        assert_eq!(has(&replica, entry.id()).await, Has::PayloadMissing);
    }
    assert_eq!(replica.head().await.held.count, head.held.count + 1);
    let outcomes = replica.put(&all(&entries)).await;
    assert!(matches!(outcomes[0], PutOutcome::Duplicate(_)), "{outcomes:?}");
    assert!(matches!(outcomes[1], PutOutcome::PayloadAdded(_)), "{outcomes:?}");
    assert!(is_stored(&outcomes[3]), "{outcomes:?}");
    assert_eq!(state(&replica, &entries[3]).await, PayloadState::Present);
}

/// Clauses: ADM-13, ADM-14.
#[tokio::test]
async fn what_is_in_quarantine_loses_its_payload_too() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let revocation = founder.revoke(&writer);
    let late: Vec<_> = (0..3).map(|_| writer.write()).collect();
    replica.put(&all([&revocation])).await;
    replica.put(&all(&late[..2])).await;
    let payloads = || async {
        let page = replica.engine.inner.kept(&replica.cx, None, 10).await.unwrap();
        page.facts.iter().filter(|facts| facts.has_payload).count()
    };
    assert_eq!(payloads().await, 2);
    let erasure = founder.erase_range(&writer.device, 100);
    replica.put(&all([&erasure])).await;
    assert_eq!(payloads().await, 0);
    replica.put(&all(&late)).await;
    assert_eq!((payloads().await, replica.seen().await.kept.len()), (0, 3));
}
