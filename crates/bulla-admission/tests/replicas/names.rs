//! What was refused and is named by what counts: it is stored, so that nobody misses what an honest entry was built on.

use std::sync::Arc;

use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::{SpaceId, Verified, VerifiedEntry};
use bulla_store::MemoryBookmarks;

use crate::crashes::survives;
use crate::replica::{Replica, pull};
use crate::rules::{is_stored, refused};
use crate::scene::{Writer, all, found};

/// A member that may not write did, and a writer built on it.
struct Built {
    space: SpaceId,
    founder: Writer,
    reader: Writer,
    writer: Writer,
    controls: Vec<Verified>,
    /// The reader's.
    late: Vec<VerifiedEntry>,
    /// Names the second of these.
    on_it: VerifiedEntry,
}

fn built(policy: Policy) -> Built {
    let (mut founder, genesis) = found(policy);
    let space = founder.space();
    let (mut reader, mut writer) = (Writer::new(3, space), Writer::new(4, space));
    let grants =
        [founder.grant(&reader.device, Role::Reader), founder.grant(&writer.device, Role::Writer)];
    let late: Vec<_> = (0..3).map(|_| reader.write()).collect();
    writer.learn(&late[1]);
    let on_it = writer.write();
    let controls = all([&genesis, &grants[0], &grants[1]]);
    Built { space, founder, reader, writer, controls, late, on_it }
}

/// What the second replica says after a run, and that it misses nothing of the writer's.
async fn assert_whole(first: &Replica, built: &Built) {
    let word = |seen: &crate::replica::Seen, at: usize| seen.word(&built.late[at].id());
    let seen = first.seen().await;
    assert_eq!(seen.word(&built.on_it.id()).as_deref(), Some("counts"));
    assert_eq!(word(&seen, 1).as_deref(), Some("directory.no_right"));
    assert!(seen.held.contains_key(&built.late[1].id()), "{seen:?}");
    assert!(!seen.held.contains_key(&built.late[0].id()), "nobody names it: {seen:?}");
    let second = Replica::open(built.space, 2).await;
    let report = pull(&first.store, &second.store, &Arc::new(MemoryBookmarks::new())).await;
    // The reader's own first entry is in quarantine, and so its second names what is not there.
    let text = report.to_string();
    assert!(!text.contains(&built.writer.device.key.short().to_string()), "{text}");
    assert_eq!(second.head().await.counting, first.head().await.counting);
    let theirs = second.seen().await;
    assert_eq!(word(&theirs, 1), word(&seen, 1));
    assert_eq!(theirs.word(&built.on_it.id()), seen.word(&built.on_it.id()));
}

/// Clauses: ADM-8.
#[tokio::test]
async fn what_counts_takes_what_it_names_out_of_quarantine() {
    for reopens in [false, true] {
        let built = built(Policy::default());
        let mut replica = Replica::open(built.space, 1).await;
        replica.put(&built.controls).await;
        let outcomes = replica.put(&all(&built.late)).await;
        assert_eq!(outcomes, vec![refused("directory.no_right", false); 3]);
        if reopens {
            replica = replica.reopen().await;
        }
        assert!(is_stored(&replica.put(&all([&built.on_it])).await[0]));
        assert_eq!(replica.kept().await.len(), 2);
        assert_whole(&replica, &built).await;
    }
}

/// Clauses: ADM-8.
#[tokio::test]
async fn what_counts_is_stored_with_what_it_names_of_its_batch() {
    let policies = [Policy::default(), Policy { author_entries: Some(9), ..Policy::default() }];
    for policy in policies {
        for is_reversed in [false, true] {
            let built = built(policy);
            let replica = Replica::open(built.space, 1).await;
            replica.put(&built.controls).await;
            let mut batch = all(built.late.iter().chain([&built.on_it]));
            if is_reversed {
                batch.reverse();
            }
            replica.put(&batch).await;
            assert_eq!(replica.kept().await.len(), 2);
            assert_whole(&replica, &built).await;
        }
    }
}

/// Clauses: ADM-8.
#[tokio::test]
async fn what_does_not_count_takes_nothing_out_of_quarantine() {
    let Built { space, mut founder, writer, controls, late, on_it, .. } = built(Policy::default());
    let revocation = founder.revoke_all(&writer.device);
    let replica = Replica::open(space, 1).await;
    replica.put(&controls).await;
    replica.put(&all([&revocation])).await;
    replica.put(&all(late.iter().chain([&on_it]))).await;
    assert_eq!(replica.kept().await.len(), 4);
}

/// Somebody builds on the reader's and was removed by an admin, whose own removal comes last.
fn built_and_removed(policy: Policy) -> (Built, [Vec<Verified>; 4]) {
    let mut built = built(policy);
    let mut admin = Writer::new(6, built.space);
    let mut junior = Writer::new(7, built.space);
    let grants = [
        built.founder.grant(&admin.device, Role::Admin),
        built.founder.grant(&junior.device, Role::Writer),
    ];
    admin.learn(&grants[1]);
    let revocation = admin.revoke_all(&junior.device);
    junior.learn(&built.late[1]);
    built.on_it = junior.write();
    built.writer = junior;
    let of_admin = built.founder.revoke_all(&admin.device);
    let batches = [
        built.controls.clone(),
        all([&grants[0], &grants[1], &revocation]),
        all(built.late.iter().chain([&built.on_it])),
        all([&of_admin]),
    ];
    (built, batches)
}

/// Clauses: ADM-8, ADM-10.
#[tokio::test]
async fn what_leaves_the_quarantine_takes_along_what_it_names() {
    let (built, [controls, removal, others, of_admin]) = built_and_removed(Policy::default());
    let replica = Replica::open(built.space, 1).await;
    replica.put(&controls).await;
    replica.put(&removal).await;
    replica.put(&others).await;
    assert_eq!(replica.kept().await.len(), 4);
    // The revocation falls with who signed it.
    replica.put(&of_admin).await;
    assert_eq!(replica.kept().await.len(), 2);
    assert_whole(&replica, &built).await;
}

/// Clauses: ADM-8, ADM-10, ADM-11.
#[tokio::test]
async fn a_fault_at_any_call_lets_nothing_leave_the_quarantine_without_what_it_names() {
    let policies = [
        Policy::default(),
        Policy { author_entries: Some(100), space_bytes: Some(10_000), ..Policy::default() },
    ];
    for (at, policy) in policies.into_iter().enumerate() {
        let (built, batches) = built_and_removed(policy);
        survives((built.space, batches.to_vec()), 20, 1 + at).await;
    }
}

/// Clauses: ADM-8, ADM-12.
#[tokio::test]
async fn what_is_named_and_finds_no_room_stays_in_quarantine() {
    let mut built = built(Policy { author_entries: Some(1), ..Policy::default() });
    let replica = Replica::open(built.space, 1).await;
    replica.put(&built.controls).await;
    replica.put(&all(&built.late)).await;
    // A frontier counts in its author's quota. It names the last of these, and finds room for itself alone.
    let outcomes = replica.put(&all([&built.reader.frontier()])).await;
    assert!(is_stored(&outcomes[0]), "{outcomes:?}");
    assert!(is_stored(&replica.put(&all([&built.on_it])).await[0]));
    assert_eq!(replica.kept().await.len(), 3);
    assert_eq!(replica.admission.usage(&built.reader.device.key).entries, 1);
}

/// Clauses: ADM-8, ADM-11.
#[tokio::test]
async fn a_fault_at_any_call_leaves_nothing_that_counts_without_what_it_names() {
    let policies = [
        Policy::default(),
        Policy { author_entries: Some(100), space_bytes: Some(10_000), ..Policy::default() },
    ];
    for (at, policy) in policies.into_iter().enumerate() {
        let Built { space, controls, late, on_it, .. } = built(policy);
        let together = vec![controls.clone(), all(late[..2].iter().chain([&on_it])), all(&late)];
        let batches = vec![controls.clone(), all(&late[..2]), all([&on_it]), all(&late), controls];
        survives((space, batches), 20, 1 + at).await;
        survives((space, together), 10, 1 + at).await;
    }
}
