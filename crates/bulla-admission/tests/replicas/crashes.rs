//! Every call of the engine fails, or is never answered, before it did something or after: whatever happens, the replica ends
//! where one ends that nothing happened to.

use std::sync::Arc;

use bulla_admission::AdmissionSettings;
use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::{SpaceId, Verified, VerifiedEntry};

use crate::backend;
use crate::engine::{Engine, Fault};
use crate::entries::Device;
use crate::replica::{Replica, Seen};
use crate::rules::pair;
use crate::scene::{Writer, all, found};

/// A founder, three writers: one is revoked and its entries come late, in the wrong order; one is revoked by somebody whose
/// own revocation, and so everything, comes last; erasures that count, stop counting and count again.
fn story(policy: Policy) -> (SpaceId, Vec<Vec<Verified>>) {
    let (mut founder, genesis) = found(policy);
    let space = founder.space();
    let mut writers: Vec<Writer> = (2..6).map(|number| Writer::new(number, space)).collect();
    let grants: Vec<_> = writers
        .iter_mut()
        .enumerate()
        .map(|(at, writer)| {
            let role = if at == 0 { Role::Admin } else { Role::Writer };
            let grant = founder.grant(&writer.device.clone(), role);
            writer.learn(&grant);
            grant
        })
        .collect();
    let mut entries: Vec<Vec<Verified>> = Vec::new();
    let mut written: Vec<Vec<_>> = Vec::new();
    for writer in &mut writers[1..] {
        written.push((0..6).map(|_| writer.write()).collect());
    }
    let mut admin = writers[0].clone();
    let frontier = writers[2].frontier();
    let revocation = founder.revoke(&writers[1]);
    let beyond: Vec<_> = (0..3).map(|_| writers[1].write()).collect();
    let by_admin = admin.revoke_all(&writers[2].device);
    let erased_by_admin = admin.erase(vec![written[2][0].id(), written[2][1].id()]);
    let third = writers[3].device.clone();
    let erasure = writers[3].erase_range(&third, 4);
    let of_admin = founder.revoke_all(&admin.device);

    entries.push(all([&genesis]));
    entries.push(all(&grants));
    entries.push(all([&revocation]));
    // The revoked device's chain comes from its beginning, and only the last entry says what of it counts.
    entries.push(all(&written[0][..3]));
    entries.push(all(&beyond));
    entries.push(all(&written[0][3..]));
    entries.push(all(&written[1]));
    entries.push(all([&frontier]));
    entries.push(all(&written[2][..3]));
    entries.push(all([&by_admin, &erased_by_admin]));
    entries.push(all([&erasure]));
    entries.push(all(&written[2]));
    entries.push(all([&of_admin]));
    // What was missing in between is offered again.
    let everything = entries.concat();
    entries.push(everything.clone());
    entries.push(everything);
    (space, entries)
}

async fn undisturbed(space: SpaceId, batches: &[Vec<Verified>]) -> (Seen, u64) {
    let replica = Replica::open(space, 1).await;
    for batch in batches {
        replica.put(batch).await;
    }
    replica.assert_settled().await;
    (replica.seen().await, replica.engine.calls())
}

/// What a client does: it offers a batch until it is told what became of it.
async fn told(
    space: SpaceId,
    batches: &[Vec<Verified>],
    nth: u64,
    fault: Fault,
    reopens: bool,
) -> Replica {
    let engine = Engine::new(space, 1);
    let settings = AdmissionSettings::default();
    engine.plan(nth, fault);
    let open = || Replica::over(Arc::clone(&engine), settings);
    let mut replica = loop {
        if let Some(Ok(replica)) = engine.unless_hung(open()).await {
            break replica;
        }
    };
    for batch in batches {
        for attempt in 0.. {
            assert!(attempt < 3, "one fault was planned");
            match replica.try_put(batch).await {
                Some(Ok(_)) => break,
                // The answer never comes, or says that nothing is known: the batch is offered again.
                Some(Err(_)) | None if reopens => replica = open().await.unwrap(),
                Some(Err(_)) | None => {}
            }
        }
    }
    replica.admission.settle(&replica.cx).await.unwrap();
    replica
}

/// Whatever call fails, the story ends as it does undisturbed. It takes more calls than `least`.
pub(crate) async fn survives(
    (space, batches): (SpaceId, Vec<Vec<Verified>>),
    least: u64,
    step: usize,
) {
    let (expected, calls) = undisturbed(space, &batches).await;
    assert!(calls > least, "the story makes {calls} calls");
    for fault in Fault::ALL {
        for reopens in [true, false] {
            for nth in (1..=calls).step_by(step * backend::STEP) {
                let replica = told(space, &batches, nth, fault, reopens).await;
                let what = format!("call {nth} of {calls}, {fault:?}, reopens: {reopens}");
                assert_eq!(replica.seen().await, expected, "{what}");
                replica.assert_settled().await;
                let reopened = replica.reopen().await;
                assert_eq!(reopened.seen().await, expected, "{what}, opened again");
                for number in 1..6 {
                    let key = Device::new(number).key;
                    assert_eq!(
                        replica.admission.usage(&key),
                        reopened.admission.usage(&key),
                        "{what}: usage of {number}"
                    );
                }
            }
        }
    }
}

/// Clauses: ADM-5, ADM-11, MARK-6, QUAR-5.
#[tokio::test]
async fn a_fault_at_any_call_changes_nothing_in_the_end() {
    survives(story(Policy::default()), 90, 1).await;
}

/// Clauses: ADM-11, ADM-12.
#[tokio::test]
async fn quotas_are_counted_exactly_after_any_fault() {
    let policy =
        Policy { author_entries: Some(100), space_bytes: Some(10_000), ..Policy::default() };
    survives(story(policy), 90, 3).await;
}

/// An entry in quarantine was refused for good: who sent it does not offer it again.
///
/// Clauses: ADM-3, ADM-13, QUAR-8.
#[tokio::test]
async fn a_fault_at_any_call_loses_nothing_of_what_is_in_quarantine() {
    for fault in Fault::ALL {
        for reopens in [true, false] {
            for nth in 1.. {
                let (mut founder, mut writer, mut replica) = pair(Policy::default()).await;
                let revocation = founder.revoke(&writer);
                replica.put(&all([&revocation])).await;
                let late: Vec<_> = (0..3).map(|_| writer.write()).collect();
                replica.put(&all(&late)).await;
                let erasure = founder.erase(late[1..].iter().map(VerifiedEntry::id).collect());
                replica.engine.plan(nth, fault);
                let told = replica.try_put(&all([&erasure])).await;
                let is_over = replica.engine.heal();
                if reopens && !matches!(told, Some(Ok(_))) {
                    replica = replica.reopen().await;
                }
                replica.put(&all([&erasure])).await;
                replica.admission.settle(&replica.cx).await.unwrap();
                let what = format!("call {nth}, {fault:?}, reopens: {reopens}");
                let kept = replica.kept().await;
                let is_whole = |entry: &VerifiedEntry| {
                    kept.iter().find(|kept| kept.id == entry.id()).map(|kept| kept.has_payload)
                };
                let whole: Vec<Option<bool>> = late.iter().map(is_whole).collect();
                assert_eq!(whole, [Some(true), Some(false), Some(false)], "{what}");
                if is_over {
                    assert!(nth > 8, "an erasure takes more calls than {nth}");
                    break;
                }
            }
        }
    }
}
