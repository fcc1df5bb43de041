//! A valid writer, and strangers, who fill the disk.

use bulla_admission::{AdmissionSettings, codes};
use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::{PutOutcome, Refusal};
use bulla_core::{Code, Verified};

use crate::engine::Engine;
use crate::entries::Device;
use crate::replica::Replica;
use crate::scene::{Writer, all, found};

/// Clauses: ADM-7, ADM-12.
#[tokio::test]
async fn a59_a_writer_at_its_quota_is_refused_and_nobody_else() {
    let policy = Policy {
        author_entries: Some(50),
        author_bytes: Some(100_000),
        space_entries: Some(120),
        ..Policy::default()
    };
    let (mut founder, genesis) = found(policy);
    let space = founder.space();
    let (mut writer, mut other) = (Writer::new(2, space), Writer::new(3, space));
    let grants =
        [founder.grant(&writer.device, Role::Writer), founder.grant(&other.device, Role::Writer)];
    let replica = Replica::open(space, 1).await;
    replica.put(&all([&genesis])).await;
    replica.put(&all(&grants)).await;
    let flood = writer.write_many(400);
    let mut codes_seen = Vec::new();
    for batch in flood.chunks(33) {
        codes_seen.extend(replica.put(batch).await);
    }
    let stored = codes_seen.iter().filter(|outcome| matches!(outcome, PutOutcome::Stored(_)));
    assert_eq!(stored.count(), 50);
    for outcome in &codes_seen[50..] {
        let PutOutcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!((refusal.code.as_str(), refusal.is_retryable), (codes::AUTHOR_ENTRIES, true));
    }
    // Others go on, up to what is left of the space.
    let theirs = replica.put(&other.write_many(50)).await;
    assert!(theirs.iter().all(|outcome| matches!(outcome, PutOutcome::Stored(_))));
    let mut admin = founder.clone();
    let outcomes = replica.put(&founder.write_many(30)).await;
    let refused = outcomes.iter().filter(|outcome| match outcome {
        PutOutcome::Refused(refusal) => refusal.code.as_str() == codes::SPACE_ENTRIES,
        _ => false,
    });
    assert_eq!(refused.count(), 10, "{outcomes:?}");
    // A removal is taken all the same, and at once.
    let removal = admin.revoke_all(&writer.device);
    assert!(matches!(replica.put(&all([&removal])).await[0], PutOutcome::Stored(_)));
    assert_eq!(replica.admission.access().rights(&writer.device.key).role, None);
}

/// Clauses: ADM-6, ADM-7, ADM-8, QUAR-4.
#[tokio::test]
async fn a59_strangers_and_removed_devices_leave_bounded_traces() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut removed = Writer::new(2, space);
    let grant = founder.grant(&removed.device, Role::Writer);
    let revocation = founder.revoke_all(&removed.device);
    let settings = AdmissionSettings::default().with_refused(16, 64);
    let replica = Replica::over(Engine::new(space, 1), settings).await.unwrap();
    replica.put(&all([&genesis, &grant, &revocation])).await;
    let held = replica.head().await.last_receipt;
    let refused =
        |code, is_retryable| PutOutcome::Refused(Refusal { code: Code::new(code), is_retryable });
    for number in 100..120 {
        let mut stranger = Writer::new(number, space);
        let mut batch: Vec<Verified> = all([&stranger.grant(&Device::new(99), Role::Admin)]);
        batch.extend(stranger.write_many(20));
        assert_eq!(replica.put(&batch).await, vec![refused(codes::STRANGER, true); 21]);
    }
    assert_eq!(replica.head().await.last_receipt, held);
    assert_eq!(replica.seen().await.kept.len(), 0);
    let mut forks = removed.clone();
    let mut outcomes = Vec::new();
    for batch in removed.write_many(3_000).chunks(1_000) {
        outcomes.extend(replica.put(batch).await);
    }
    // What is kept is not to be offered again; what finds no room may be.
    let beyond = outcomes.split_off(1_024);
    assert_eq!(outcomes, vec![refused("directory.cut", false); 1_024]);
    assert_eq!(beyond, vec![refused("quarantine.author_full", true); 3_000 - 1_024]);
    assert_eq!(replica.seen().await.kept.len(), 1_024);
    let mut outcomes = Vec::new();
    for _ in 0..40 {
        let frontier = forks.frontier();
        outcomes.extend(replica.put(&all([&frontier])).await);
    }
    assert_eq!(replica.head().await.last_receipt, held + 16);
    assert_eq!(outcomes[16..], vec![refused(codes::CONTROL, true); 24]);
}
