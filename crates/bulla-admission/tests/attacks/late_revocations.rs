//! Relays that do not know of a removal yet, or that withhold, repeat and reorder control entries.

use std::sync::Arc;

use bulla_core::Verified;
use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::PutOutcome;
use bulla_store::MemoryBookmarks;

use crate::random::Random;
use crate::replica::{Replica, pull};
use crate::scene::{Writer, all, found};

/// Clauses: ADM-8, ADM-9, ADM-10.
#[tokio::test]
async fn a_removed_device_pushes_through_a_relay_that_does_not_know_yet() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut writer = Writer::new(2, space);
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let before: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let (home, relay) = (Replica::open(space, 1).await, Replica::open(space, 2).await);
    for replica in [&home, &relay] {
        replica.put(&all([&genesis, &grant])).await;
        replica.put(&all(&before)).await;
    }
    let revocation = founder.revoke(&writer);
    home.put(&all([&revocation])).await;
    let after: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let outcomes = relay.put(&all(&after)).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, PutOutcome::Stored(_))));
    // The relay's entries come home and are refused there, with their reason; nothing is held up.
    let bookmarks = Arc::new(MemoryBookmarks::new());
    for _ in 0..2 {
        let report = pull(&relay.store, &home.store, &bookmarks).await;
        assert!(report.verdict.is_complete(), "{report}");
    }
    let seen = home.seen().await;
    assert!(after.iter().all(|entry| seen.kept[&entry.id()] == "directory.cut"));
    // The relay hears of the removal, and marks what it holds.
    assert!(pull(&home.store, &relay.store, &bookmarks).await.verdict.is_complete());
    let seen = relay.seen().await;
    for entry in &after {
        assert_eq!(seen.held[&entry.id()].0.as_deref(), Some("directory.cut"));
    }
    let (one, other) = (home.head().await, relay.head().await);
    assert_eq!((one.control, one.counting), (other.control, other.counting));
    let report = pull(&relay.store, &home.store, &bookmarks).await;
    assert!(report.verdict.is_complete(), "{report}");
}

/// Clauses: ADM-5, ADM-6, ADM-10.
#[tokio::test]
async fn withheld_and_reordered_control_entries_change_nothing_in_the_end() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut admin = Writer::new(2, space);
    let mut writers: Vec<Writer> = (3..6).map(|number| Writer::new(number, space)).collect();
    let mut control = vec![genesis, founder.grant(&admin.device, Role::Admin)];
    admin.learn(&control[1]);
    let mut operations: Vec<Verified> = Vec::new();
    for writer in &mut writers {
        let grant = admin.grant(&writer.device, Role::Writer);
        writer.learn(&grant);
        control.push(grant);
        operations.extend(all(&(0..4).map(|_| writer.write()).collect::<Vec<_>>()));
    }
    control.push(admin.revoke(&writers[0]));
    let second = writers[1].device.clone();
    control.push(writers[1].erase_range(&second, 2));
    control.push(founder.revoke(&admin));
    control.push(founder.role(&writers[2].device, Role::Reader, Some(writers[2].cuts())));
    let expected = Replica::open(space, 1).await;
    for entry in &control {
        expected.put(&all([entry])).await;
    }
    expected.put(&operations).await;
    for withheld in 0..control.len() {
        let replica = Replica::open(space, 2).await;
        let mut given: Vec<Verified> = operations.clone();
        given.extend(all(control
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != withheld)
            .map(|(_, e)| e)));
        let mut random = Random::new(withheld as u64);
        random.shuffle(&mut given);
        for entry in given.iter().chain(&given) {
            replica.put(std::slice::from_ref(entry)).await;
        }
        // It arrives in the end, by another path; what was refused for now is offered again.
        replica.put(&all([&control[withheld]])).await;
        for _ in 0..control.len() {
            replica.put(&given).await;
        }
        assert_eq!(replica.seen().await, expected.seen().await, "withheld {withheld}");
        assert_eq!(replica.head().await.counting, expected.head().await.counting);
    }
}
