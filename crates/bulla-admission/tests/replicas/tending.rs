//! A put that was dropped or failed is brought to its end by nobody but the admission itself, if it is tended.

use std::time::Duration;

use bulla_core::control::Role;
use bulla_core::genesis::Policy;
use bulla_core::{EntryId, Verified};
use bulla_store::Judged as _;
use tokio::time::Instant;

use crate::engine::Fault;
use crate::replica::Replica;
use crate::rules::pair;
use crate::scene::all;

/// How often others are let go on before something has not happened. Engines in memory wait for nothing.
const TURNS: usize = 10_000;

async fn others_go_on() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

async fn is_settled(replica: &Replica) -> bool {
    let by = replica.engine.inner.judged_by(&replica.cx).await.unwrap();
    by == Some(replica.head().await.control.digest)
}

async fn holds(replica: &Replica, id: EntryId) -> bool {
    replica.engine.inner.facts(&replica.cx, &[id]).await.unwrap()[0].is_some()
}

/// Puts this until the put is dropped at each of its calls in turn, over what `prepare` makes, and lets the admission go on by
/// itself. How often the entry was held after that.
async fn dropped_anywhere(
    prepare: impl AsyncFn() -> (Replica, Vec<Verified>),
    check: impl AsyncFn(&Replica, &str),
) -> usize {
    let mut held = 0;
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::After, Fault::Before] {
        for nth in 1.. {
            let (replica, entries) = prepare().await;
            let _tending = replica.admission.tend();
            // It looks once, because of what was put before, and then waits to be told.
            others_go_on().await;
            replica.engine.plan(nth, fault);
            let told = replica.try_put(&entries).await;
            if replica.engine.heal() {
                assert!(nth > 3, "{nth} calls");
                break;
            }
            if matches!(told, Some(Ok(_))) {
                // It was the task that met the fault.
                continue;
            }
            others_go_on().await;
            if holds(&replica, entries[entries.len() - 1].id()).await {
                check(&replica, &format!("call {nth}, {fault:?}")).await;
                held += 1;
            }
        }
    }
    held
}

/// A device that was revoked is out, whatever became of whoever brought the revocation.
///
/// Clauses: ADM-11.
#[tokio::test(start_paused = true)]
async fn a_revocation_takes_rights_though_its_put_was_dropped() {
    let prepare = async || {
        let (mut founder, writer, replica) = pair(Policy::default()).await;
        assert_eq!(replica.admission.access().rights(&writer.device.key).role, Some(Role::Writer));
        (replica, all([&founder.revoke(&writer)]))
    };
    let check = async |replica: &Replica, what: &str| {
        // The founder's alone are left.
        let members = replica.admission.with_directory(|directory| directory.members().len());
        assert_eq!(members, 1, "{what}");
        let first = crate::entries::Device::new(2).key;
        assert_eq!(replica.admission.access().rights(&first).role, None, "{what}");
        assert!(is_settled(replica).await, "{what}");
    };
    let held = dropped_anywhere(prepare, check).await;
    assert!(held > 4, "{held} times it was stored and not told");
}

/// Nor does an erasure wait for anybody.
///
/// Clauses: ADM-11, ADM-13.
#[tokio::test]
async fn an_erasure_is_carried_out_though_its_put_was_dropped() {
    const COUNT: usize = 12_000;
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    for batch in writer.write_many(COUNT).chunks(4_000) {
        replica.put(batch).await;
    }
    let _tending = replica.admission.tend();
    let erasure = founder.erase_range(&writer.device, COUNT as u64);
    // In the midst of it.
    replica.engine.plan(25, Fault::HangBefore);
    assert!(replica.try_put(&all([&erasure])).await.is_none(), "it is dropped half-way");
    let done = replica.engine.erased();
    assert!(done > 3_000 && done < COUNT as u64, "{done} erased");
    others_go_on().await;
    assert_eq!(replica.engine.erased(), COUNT as u64);
    assert!(is_settled(&replica).await);
}

/// What waits for a header hears of it, though whoever brought it was dropped before it was told.
///
/// Clauses: ADM-9, ADM-11.
#[tokio::test(start_paused = true)]
async fn what_waits_for_headers_is_judged_though_their_put_was_dropped() {
    let prepare = async || {
        let (mut founder, mut writer, replica) = pair(Policy::default()).await;
        let entries = writer.write_many(4);
        let revocation = founder.revoke(&writer);
        replica.put(&all([&revocation])).await;
        replica.put(&entries[..1]).await;
        let word = replica.seen().await.word(&entries[0].id());
        assert_eq!(word.as_deref(), Some("directory.open"));
        (replica, entries[1..].to_vec())
    };
    let check = async |replica: &Replica, what: &str| {
        let seen = replica.seen().await;
        let open = seen.held.values().filter(|(code, _)| code.is_some());
        assert_eq!(open.count(), 0, "{what}");
    };
    let held = dropped_anywhere(prepare, check).await;
    assert!(held > 1, "{held} times they were stored and not told");
}

/// A disk that fails for a while is asked again, and ever more rarely.
///
/// Clauses: ADM-11.
#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_after_a_while() {
    let (mut founder, writer, replica) = pair(Policy::default()).await;
    let _tending = replica.admission.tend();
    let mut changes = replica.admission.access().watch();
    changes.mark_unchanged();
    // The revocation is stored, and nothing follows from it; nor does the first try to make it follow.
    let mut nth = 1;
    let revocation = founder.revoke(&writer);
    loop {
        replica.engine.plan(nth, Fault::After);
        let told = replica.try_put(&all([&revocation])).await;
        assert!(matches!(told, Some(Err(_))), "call {nth}: {told:?}");
        if holds(&replica, revocation.id()).await {
            break;
        }
        nth += 1;
        assert!(nth < 20);
    }
    let begun = Instant::now();
    let mut tries = 0;
    // Each try begins with one call, which fails.
    while tries < 7 {
        let before = replica.engine.calls();
        replica.engine.plan(1, Fault::Before);
        // In the time of this test, which costs nothing.
        for look in 0.. {
            if replica.engine.calls() > before {
                break;
            }
            assert!(look < 1_000, "{tries} tries, and then none for 100 s");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tries += 1;
    }
    assert!(replica.admission.access().rights(&writer.device.key).role.is_some());
    let hour = Duration::from_secs(3_600);
    tokio::time::timeout(hour, changes.changed()).await.unwrap().unwrap();
    assert!(replica.admission.access().rights(&writer.device.key).role.is_none());
    others_go_on().await;
    assert!(is_settled(&replica).await);
    // 1 + 2 + 4 + 8 + 16 + 32 + 60 seconds, and the time between two looks of this test.
    let took = begun.elapsed().as_secs();
    assert!((120..=130).contains(&took), "{took} s");
}

/// Whoever does not tend an admission any more may open another one: nothing goes on behind its back.
#[tokio::test(start_paused = true)]
async fn nothing_goes_on_once_the_tending_is_dropped() {
    let (mut founder, writer, replica) = pair(Policy::default()).await;
    let tending = replica.admission.tend();
    others_go_on().await;
    drop(tending);
    let revocation = founder.revoke(&writer);
    for nth in 1..20 {
        replica.engine.plan(nth, Fault::HangAfter);
        assert!(replica.try_put(&all([&revocation])).await.is_none());
        if holds(&replica, revocation.id()).await {
            break;
        }
    }
    let calls = replica.engine.calls();
    others_go_on().await;
    assert_eq!(replica.engine.calls(), calls);
    assert!(!is_settled(&replica).await);
}
