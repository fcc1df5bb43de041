//! How much an author and a space may have.

use std::collections::BTreeSet;

use bulla_admission::{AdmissionSettings, Totals, codes};
use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::values::PutOutcome;
use bulla_core::{KeyId, Verified};

use crate::engine::{Engine, Fault};
use crate::replica::Replica;
use crate::rules::{is_stored, pair, refused};
use crate::scene::{Writer, all, with_admin_and_writer};

/// Clauses: ADM-12.
#[tokio::test]
async fn each_quota_has_its_code_and_none_is_exceeded() {
    let cases = [
        (Policy { author_entries: Some(3), ..Policy::default() }, codes::AUTHOR_ENTRIES),
        (Policy { author_bytes: Some(50), ..Policy::default() }, codes::AUTHOR_BYTES),
        (Policy { space_entries: Some(3), ..Policy::default() }, codes::SPACE_ENTRIES),
        (Policy { space_bytes: Some(48), ..Policy::default() }, codes::SPACE_BYTES),
    ];
    for (policy, code) in cases {
        let (mut founder, mut writer, replica) = pair(policy).await;
        let entries: Vec<_> = (0..5).map(|_| writer.write()).collect();
        // The same entry twice is one entry.
        let mut batch = all(&entries);
        batch.insert(1, batch[0].clone());
        let outcomes = replica.put(&batch).await;
        assert!(is_stored(&outcomes[0]) && is_stored(&outcomes[2]) && is_stored(&outcomes[3]));
        assert!(matches!(outcomes[1], PutOutcome::Duplicate(_)));
        assert_eq!(outcomes[4..], [refused(code, true), refused(code, true)]);
        let used = Totals { entries: 3, bytes: 48 };
        assert_eq!(replica.admission.usage(&writer.device.key), used, "{code}");
        let replica = replica.reopen().await;
        assert_eq!(replica.admission.usage(&writer.device.key), used, "{code} opened again");
        assert_eq!(replica.put(&all(&entries[3..4])).await, [refused(code, true)]);
        // What was erased takes no bytes any more.
        let erasure = founder.erase_range(&writer.device, 2);
        replica.put(&all([&erasure])).await;
        let used = Totals { entries: 3, bytes: 16 };
        assert_eq!(replica.admission.usage(&writer.device.key), used, "{code} after an erasure");
        let is_bytes = code == codes::AUTHOR_BYTES || code == codes::SPACE_BYTES;
        let outcome = replica.put(&all(&entries[3..4])).await.remove(0);
        assert_eq!(is_stored(&outcome), is_bytes, "{code}: {outcome:?}");
        assert_eq!(
            replica.admission.usage(&writer.device.key),
            replica.reopen().await.admission.usage(&writer.device.key)
        );
    }
}

/// Clauses: ADM-12.
#[tokio::test]
async fn a_payload_that_comes_later_is_counted_too() {
    let policy = Policy { author_bytes: Some(20), ..Policy::default() };
    let (_, mut writer, replica) = pair(policy).await;
    let entries: Vec<_> = (0..2).map(|_| writer.write()).collect();
    let headers: Vec<Verified> =
        entries.iter().map(|entry| entry.verified_header().clone().into()).collect();
    assert!(replica.put(&headers).await.iter().all(is_stored));
    let outcomes = replica.put(&all(&entries)).await;
    assert!(matches!(outcomes[0], PutOutcome::PayloadAdded(_)), "{outcomes:?}");
    assert_eq!(outcomes[1], refused(codes::AUTHOR_BYTES, true));
    let used = Totals { entries: 2, bytes: 16 };
    assert_eq!(replica.admission.usage(&writer.device.key), used);
    assert_eq!(replica.reopen().await.admission.usage(&writer.device.key), used);
}

/// Clauses: ADM-12.
#[tokio::test]
async fn control_entries_are_counted_and_never_refused() {
    let policy = Policy { author_entries: Some(3), ..Policy::default() };
    let (mut founder, mut writer, replica) = pair(policy).await;
    let entry = writer.write();
    let erasures: Vec<_> = (0..5).map(|_| writer.erase(vec![entry.id()])).collect();
    assert!(is_stored(&replica.put(&all([&entry])).await[0]));
    let outcomes = replica.put(&all(&erasures)).await;
    assert!(outcomes.iter().all(is_stored), "{outcomes:?}");
    // What they take is taken from the rest.
    let rest = all([&writer.frontier(), &writer.write()]);
    assert_eq!(replica.put(&rest).await, vec![refused(codes::AUTHOR_ENTRIES, true); 2]);
    // An admin's take nothing, however many.
    let grants: Vec<_> = (20..30)
        .map(|number| founder.grant(&crate::entries::Device::new(number), Role::Reader))
        .collect();
    assert!(replica.put(&all(&grants)).await.iter().all(is_stored));
    assert_eq!(replica.admission.usage(&founder.device.key).entries, 0);
    let used = replica.admission.usage(&writer.device.key);
    assert_eq!(used.entries, 6);
    assert_eq!(replica.reopen().await.admission.usage(&writer.device.key), used);
}

/// A removal by an admin that is removed itself, with cuts that it lies within, is heard wherever its author's removal is
/// known before it: quotas of who is no admin any more refused it there, and nowhere else.
///
/// Clauses: ADM-12.
#[tokio::test]
async fn a_removal_by_who_was_an_admin_is_not_refused_for_a_quota() {
    let policy = Policy { author_entries: Some(3), ..Policy::default() };
    let (mut founder, _, replica) = pair(policy).await;
    let (mut admin, writer) = (Writer::new(3, founder.space()), Writer::new(4, founder.space()));
    let grant = founder.grant(&admin.device, Role::Admin);
    // A device granted later is junior to the admin.
    let junior = founder.grant(&writer.device, Role::Writer);
    admin.learn(&junior);
    let entries: Vec<_> = (0..3).map(|_| admin.write()).collect();
    let removal = admin.revoke_all(&writer.device);
    let epoch = admin.epoch(&[&founder.device], 1);
    let lowering = admin.role(&writer.device, Role::Reader, Some(writer.cuts()));
    let erasure = admin.erase(vec![entries[0].id()]);
    let revocation = founder.revoke(&admin);
    let before = all([&grant, &junior, &revocation]);
    assert!(replica.put(&before).await.iter().all(is_stored));
    assert!(replica.put(&all(&entries)).await.iter().all(is_stored));
    let late = all([&removal, &epoch, &lowering, &erasure]);
    assert!(replica.put(&late).await.iter().all(is_stored));
    let seen = replica.seen().await;
    for entry in &late {
        let word = seen.word(&entry.id());
        assert_eq!(word.as_deref(), Some("counts"), "{:?}", entry.header().kind);
    }
    assert_eq!(replica.admission.access().rights(&writer.device.key).role, None);
}

/// Clauses: ADM-10, ADM-12.
#[tokio::test]
async fn what_leaves_the_quarantine_keeps_to_quotas() {
    let policy = Policy { author_entries: Some(2), ..Policy::default() };
    let (mut founder, _, replica) = pair(policy).await;
    let mut admin = Writer::new(3, founder.space());
    let grant = founder.grant(&admin.device, Role::Admin);
    let mut writer = Writer::new(4, founder.space());
    let junior = founder.grant(&writer.device, Role::Writer);
    admin.learn(&junior);
    writer.learn(&junior);
    let entries: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let revocation = admin.revoke_all(&writer.device);
    replica.put(&all([&grant, &junior, &revocation])).await;
    assert_eq!(replica.put(&all(&entries)).await, vec![refused("directory.cut", false); 3]);
    let removal = founder.revoke_all(&admin.device);
    replica.put(&all([&removal])).await;
    let seen = replica.seen().await;
    assert_eq!((seen.held.len(), seen.kept.len()), (8, 1));
    assert_eq!(replica.admission.usage(&writer.device.key).entries, 2);
    let again: Replica = replica.reopen().await;
    assert_eq!(again.admission.usage(&writer.device.key).entries, 2);
}

/// Two puts of one author at once, the first of which waits in the middle of any of its calls: together they have what one
/// after the other would have, also where an entry is in both, once what was refused for now is offered again.
///
/// Clauses: ADM-12.
#[tokio::test]
async fn puts_at_the_same_time_keep_to_quotas_together() {
    let policy = Policy { author_entries: Some(3), ..Policy::default() };
    for in_both in [0, 1, 2] {
        for nth in 1.. {
            let (_, mut writer, replica) = pair(policy).await;
            let entries: Vec<_> = (0..5).map(|_| writer.write()).collect();
            let (first, second) = (all(&entries[..2]), all(&entries[2 - in_both..]));
            replica.engine.plan(nth, Fault::Wait);
            let (mut outcomes, others, ()) =
                tokio::join!(replica.put(&first), replica.put(&second), async {
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                    }
                    replica.engine.go_on();
                });
            let is_over = replica.engine.heal();
            let what = format!("call {nth}, {in_both} in both");
            outcomes.extend(others);
            // What is in both may take room twice for a moment; what was refused for that is offered again.
            outcomes.extend(replica.put(&second).await);
            let refusal = refused(codes::AUTHOR_ENTRIES, true);
            let is_stored = |outcome: &&PutOutcome| outcome.receipt().is_some();
            let (stored, rest): (Vec<_>, Vec<_>) = outcomes.iter().partition(is_stored);
            assert!(rest.into_iter().all(|outcome| *outcome == refusal), "{what}: {outcomes:?}");
            let receipts: BTreeSet<_> = stored.iter().filter_map(|one| one.receipt()).collect();
            assert_eq!(receipts, BTreeSet::from([3, 4, 5]), "{what}: {outcomes:?}");
            let used = Totals { entries: 3, bytes: 48 };
            assert_eq!(replica.admission.usage(&writer.device.key), used, "{what}");
            let again = replica.reopen().await;
            assert_eq!(again.admission.usage(&writer.device.key), used, "{what}, opened again");
            if is_over {
                assert!(nth > 2, "the puts make more calls than {nth}");
                break;
            }
        }
    }
}

/// Clauses: ADM-11, ADM-12.
#[tokio::test]
async fn what_was_set_aside_for_a_put_that_failed_is_given_back() {
    let policy = Policy { author_entries: Some(3), ..Policy::default() };
    for fault in Fault::ALL {
        for nth in 1.. {
            let (_, mut writer, replica) = pair(policy).await;
            let entries: Vec<_> = (0..3).map(|_| writer.write()).collect();
            replica.engine.plan(nth, fault);
            let _ = replica.try_put(&all(&entries)).await;
            let is_over = replica.engine.heal();
            replica.admission.settle(&replica.cx).await.unwrap();
            let used = replica.admission.usage(&writer.device.key);
            let held = replica.reopen().await.admission.usage(&writer.device.key);
            assert_eq!(used, held, "call {nth}, {fault:?}");
            let outcomes = replica.put(&all(&entries)).await;
            assert!(outcomes.iter().all(|outcome| outcome.receipt().is_some()), "{outcomes:?}");
            if is_over {
                break;
            }
        }
    }
}

/// What quotas keep in quarantine is not open in the store, and takes no branch from what is.
///
/// Clauses: ADM-9, ADM-12.
#[tokio::test]
async fn what_is_open_and_finds_no_room_is_no_branch() {
    let (mut founder, mut admin, mut writer, mut controls) =
        with_admin_and_writer(Policy { author_entries: Some(1), ..Policy::default() });
    let space = founder.space();
    let revocation = admin.revoke_all(&writer.device);
    let frontier = writer.frontier();
    let mut branch = writer.clone();
    let (first, second) = (writer.seal(KeyId([8; 32])), branch.seal(KeyId([9; 32])));
    // Nobody has what leads from the cut to these.
    writer.write();
    writer.write();
    let of_admin = founder.revoke_all(&admin.device);
    let cut = founder.revoke(&writer);
    let settings = AdmissionSettings { open_branches: 1, ..AdmissionSettings::default() };
    let replica = Replica::over(Engine::new(space, 1), settings).await.unwrap();
    controls.extend(all([&revocation]));
    replica.put(&controls).await;
    assert!(is_stored(&replica.put(&all([&frontier])).await[0]));
    assert_eq!(replica.put(&all([&first])).await, [refused("directory.cut", false)]);
    replica.put(&all([&of_admin, &cut])).await;
    assert_eq!(replica.kept().await.len(), 1, "there is no room");
    assert_eq!(replica.put(&all([&second])).await, [refused("quota.author_entries", true)]);
}
