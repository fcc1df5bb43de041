//! How much work single entries make: it grows with what they concern, and not with what is held, or with how often they
//! name it.

use std::sync::Mutex;

use bulla_core::control::{
    Cut, Cuts, Epoch, Erase, ErasedRange, Group, Recipient, Revoke, Role, SEALED_KEY_BYTES,
};
use bulla_core::genesis::Policy;
use bulla_core::values::{PayloadState, PutOutcome};
use bulla_core::{EntryId, KeyId, Topic, Verified, VerifiedEntry};
use bulla_store::{Erasable as _, Erasure, Judged as _};

use crate::engine::Fault;
use crate::entries::Device;
use crate::random::Random;
use crate::replica::Replica;
use crate::rules::{is_stored, pair};
use crate::scene::{Writer, all, found};

/// Ranges that name one author again and again: of another length or of another topic, as many as an entry holds.
fn ranges(writer: &Writer, sequence: u64) -> Vec<ErasedRange> {
    let author = writer.device.key;
    let topic = |n: u64| (n > 0).then_some(Topic([n as u8; 16]));
    let all = (1..=1_024).flat_map(|back| (0..4).map(move |n| (sequence + back - 1_024, n)));
    all.map(|(sequence, n)| ErasedRange { author, sequence, topic: topic(n) }).collect()
}

async fn states(replica: &Replica, of: impl Fn(&PayloadState) -> bool) -> usize {
    replica.headers().await.iter().filter(|(_, state)| of(state)).count()
}

const fn is_erased(state: &PayloadState) -> bool {
    matches!(state, PayloadState::Erased(_))
}

/// Clauses: ADM-13.
#[tokio::test]
async fn an_erasure_is_one_pass_through_a_chain_however_often_it_names_it() {
    const COUNT: usize = 2_000;
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let entries = writer.write_many(COUNT);
    replica.put(&entries).await;
    let ranges = ranges(&writer, COUNT as u64);
    assert_eq!(ranges.len(), 4_096);
    let before = replica.engine.reads();
    let erasure = founder.control(&Erase { ids: vec![], ranges: ranges.clone() }.into());
    assert!(is_stored(&replica.put(&all([&erasure])).await[0]));
    let reads = replica.engine.reads() - before;
    assert!(reads < 2 * COUNT as u64, "{reads} headers read of {COUNT}");
    assert_eq!((states(&replica, is_erased).await, replica.engine.erased()), (COUNT, COUNT as u64));
    replica.assert_settled().await;
    // The same again changes nothing that is so already.
    let again = founder.control(&Erase { ids: vec![], ranges }.into());
    replica.put(&all([&again])).await;
    assert_eq!(replica.engine.erased(), COUNT as u64, "each is erased once");
}

/// Clauses: ADM-13.
#[tokio::test]
async fn an_erasure_without_the_right_reads_nothing() {
    const COUNT: usize = 2_000;
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let mut other = Writer::new(3, founder.space());
    let mut reader = Writer::new(4, founder.space());
    let grants =
        [founder.grant(&other.device, Role::Writer), founder.grant(&reader.device, Role::Reader)];
    other.learn(&grants[1]);
    reader.learn(&grants[1]);
    replica.put(&all(&grants)).await;
    let entries = writer.write_many(COUNT);
    replica.put(&entries).await;
    let before = replica.engine.reads();
    let mut ids: Vec<EntryId> = entries.iter().map(Verified::id).collect();
    ids.sort_unstable();
    for (by, ids) in [(&mut reader, ids), (&mut other, vec![])] {
        let ranges = ranges(&writer, COUNT as u64);
        let erasure = by.control(&Erase { ids, ranges }.into());
        replica.put(&all([&erasure])).await;
        replica.assert_settled().await;
    }
    let reads = replica.engine.reads() - before;
    assert!(reads < 20, "{reads} headers read for what nobody may erase");
    assert_eq!(states(&replica, is_erased).await, 0);
}

/// Clauses: ADM-13, ADM-14.
#[tokio::test]
async fn other_entries_come_in_between_the_parts_of_an_erasure() {
    const COUNT: usize = 12_000;
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let entries = writer.write_many(COUNT);
    for batch in entries[..COUNT - 1].chunks(4_000) {
        replica.put(batch).await;
    }
    // The last one is held without its payload.
    replica.put(&[entries[COUNT - 1].verified_header().clone().into()]).await;
    let erasure = founder.erase_range(&writer.device, COUNT as u64);
    let other = founder.write();
    let order = Mutex::new(Vec::new());
    // The erasure is stored and its first parts are done; in one of the others the disk is slow.
    let slow = replica.engine.calls() + CALLS;
    replica.engine.plan(CALLS, Fault::Wait);
    let erase = async {
        replica.put(&all([&erasure])).await;
        order.lock().unwrap().push("erasure");
    };
    let write = async {
        while replica.engine.calls() < slow {
            tokio::task::yield_now().await;
        }
        let waiting = [other.clone().into(), entries[COUNT - 1].clone()];
        let put = async {
            let outcomes = replica.put(&waiting).await;
            order.lock().unwrap().push("write");
            outcomes
        };
        let (outcomes, ()) = tokio::join!(put, async { replica.engine.go_on() });
        assert!(is_stored(&outcomes[0]), "{outcomes:?}");
        assert!(matches!(outcomes[1], PutOutcome::Duplicate(_)), "{outcomes:?}");
    };
    tokio::join!(erase, write);
    assert_eq!(*order.lock().unwrap(), ["write", "erasure"]);
    assert_eq!(states(&replica, is_erased).await, COUNT);
    replica.assert_settled().await;
}

/// A call in the midst of an erasure of 12,000 entries.
const CALLS: u64 = 25;

/// Clauses: ADM-5, ADM-13.
#[tokio::test]
async fn an_erasure_goes_on_where_it_was_dropped() {
    const COUNT: usize = 12_000;
    for reopens in [true, false] {
        let (mut founder, mut writer, replica) = pair(Policy::default()).await;
        for batch in writer.write_many(COUNT).chunks(4_000) {
            replica.put(batch).await;
        }
        let erasure = founder.erase_range(&writer.device, COUNT as u64);
        replica.engine.plan(CALLS, Fault::HangBefore);
        assert!(replica.try_put(&all([&erasure])).await.is_none(), "it is dropped half-way");
        let done = replica.engine.erased();
        assert!(done > 3_000 && done < COUNT as u64, "{done} erased");
        let by = replica.engine.inner.judged_by(&replica.cx).await.unwrap();
        assert_ne!(by, Some(replica.head().await.control.digest));
        let replica = if reopens { replica.reopen().await } else { replica };
        if !reopens {
            // Each entry that comes brings a part of it.
            let reads = replica.engine.reads();
            assert!(is_stored(&replica.put(&all([&founder.write()])).await[0]));
            let reads = replica.engine.reads() - reads;
            assert!(reads < 1_200, "{reads} headers read for one entry");
            assert!(replica.engine.erased() > done);
            // Who offers the erasure again brings it to its end.
            assert!(matches!(replica.put(&all([&erasure])).await[0], PutOutcome::Duplicate(_)));
        }
        assert_eq!(states(&replica, is_erased).await, COUNT);
        assert_eq!(replica.engine.erased(), COUNT as u64, "nothing is erased twice");
        replica.assert_settled().await;
    }
}

/// Clauses: ADM-15, ERA-8.
#[tokio::test]
async fn what_an_operator_pruned_is_not_taken_back() {
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let mut admin = Writer::new(3, founder.space());
    let grant = founder.grant(&admin.device, Role::Admin);
    admin.learn(&grant);
    let entries: Vec<_> = (0..3).map(|_| writer.write()).collect();
    let foreign = founder.write();
    replica.put(&all([&grant])).await;
    replica.put(&all(&entries)).await;
    replica.put(&all([&foreign])).await;
    let pruned = PayloadState::Pruned(grant.id());
    let prune =
        Erasure { by: grant.id(), is_prune: true, ids: vec![entries[0].id(), foreign.id()] };
    replica.engine.inner.erase(&replica.cx, prune).await.unwrap();
    // One that may not, one that names another topic, and one of its neighbour that stops counting.
    let by_writer = writer.erase(vec![foreign.id()]);
    let topic = Some(Topic([5; 16]));
    let range = ErasedRange { author: writer.device.key, sequence: 3, topic };
    let by_topic = admin.control(&Erase { ids: vec![], ranges: vec![range] }.into());
    let by_id = admin.erase(vec![entries[1].id()]);
    let removal = founder.revoke_all(&admin.device);
    for entry in [&by_writer, &by_topic, &by_id, &removal] {
        replica.put(&all([entry])).await;
    }
    for replica in [&replica, &replica.reopen().await] {
        let held = replica.seen().await.held;
        assert_eq!(held[&entries[0].id()].1, pruned);
        assert_eq!(held[&foreign.id()].1, pruned);
        assert_eq!(held[&entries[1].id()].1, PayloadState::Missing);
        assert_eq!(held[&entries[2].id()].1, PayloadState::Present);
    }
}

/// Clauses: ADM-9.
#[tokio::test]
async fn a_cut_that_never_comes_does_not_wake_the_chain_again_and_again() {
    const COUNT: usize = 1_000;
    let (mut founder, genesis) = found(Policy::default());
    let mut admin = Writer::new(3, founder.space());
    let mut writer = Writer::new(4, founder.space());
    let grants =
        [founder.grant(&admin.device, Role::Admin), founder.grant(&writer.device, Role::Writer)];
    admin.learn(&grants[1]);
    writer.learn(&grants[1]);
    let entries = writer.write_many(COUNT);
    // Two removals at once: an entry counts that lies within the cuts of both, and the cut of the second never comes.
    let cut = Cut { sequence: COUNT as u64 + 7, id: EntryId([9; 32]), control: None };
    let never = Revoke { device: writer.device.key, cuts: Cuts(vec![cut]) };
    let removals = [founder.revoke(&writer), admin.control(&never.into())];
    for order in 0..3 {
        let replica = Replica::open(founder.space(), 1).await;
        replica.put(&all([&genesis].into_iter().chain(&grants).chain(&removals))).await;
        let mut entries = entries.clone();
        match order {
            0 => {}
            // All below wait for each of these headers in turn.
            1 => entries[COUNT / 2..].reverse(),
            _ => Random::new(7).shuffle(&mut entries),
        }
        for entry in &entries {
            assert!(is_stored(&replica.put(std::slice::from_ref(entry)).await[0]));
        }
        let judged = replica.admission.chain_judgements().await;
        assert!(
            judged <= 4 * COUNT as u64,
            "{judged} judgements of {COUNT} entries, order {order}"
        );
        let seen = replica.seen().await;
        let open = seen.held.values().filter(|(code, _)| code.as_deref() == Some("directory.open"));
        assert_eq!(open.count(), COUNT, "order {order}");
    }
}

fn epoch(by: &mut Writer, group: EntryId, parents: Vec<EntryId>, key_id: KeyId) -> Verified {
    let device = by.device.key;
    let recipients = vec![Recipient { device, sealed: [3; SEALED_KEY_BYTES] }];
    by.control(&Epoch { group, parents, key_id, recipients, inherited: vec![0; 16] }.into()).into()
}

/// Founds a group of its author alone, or adds another device to one.
fn group(by: &mut Writer, group: EntryId, added: &Device) -> VerifiedEntry {
    by.control(&Group { group, label: None, added: vec![added.key], removed: vec![] }.into())
}

/// Clauses: ADM-10.
#[tokio::test]
async fn an_epoch_of_a_group_concerns_what_its_key_sealed() {
    const COUNT: usize = 20_000;
    let (mut founder, mut writer, replica) = pair(Policy::default()).await;
    let own = founder.device.clone();
    let founding = group(&mut founder, EntryId::ZERO, &own);
    for batch in writer.write_many(COUNT).chunks(4_000) {
        replica.put(batch).await;
    }
    replica.put(&all([&founding])).await;
    let mut parents = vec![];
    for (number, is_reopened) in [(1, false), (2, false), (3, true), (4, true)] {
        let replica = if is_reopened { replica.reopen().await } else { replica.clone() };
        // Who was opened anew looks once which keys are in use.
        for most in [if is_reopened { COUNT as u64 + 100 } else { 100 }, 100] {
            let before = replica.engine.reads();
            let key_id = KeyId([number + most as u8; 32]);
            let epoch = epoch(&mut founder, founding.id(), parents, key_id);
            assert!(is_stored(&replica.put(std::slice::from_ref(&epoch)).await[0]));
            assert_eq!(replica.seen().await.word(&epoch.id()).as_deref(), Some("counts"));
            parents = vec![epoch.id()];
            let reads = replica.engine.reads() - before;
            assert!(reads < most, "{reads} headers read for an epoch, {most} are enough");
            replica.assert_settled().await;
        }
    }
}

/// Clauses: ADM-10.
#[tokio::test]
async fn what_the_key_of_a_group_sealed_is_judged_again() {
    const KEY: KeyId = KeyId([0x33; 32]);
    for is_reopened in [false, true] {
        let (mut founder, mut writer, replica) = pair(Policy::default()).await;
        let own = founder.device.clone();
        let entries = [writer.seal(KEY), writer.write(), writer.seal(KEY), founder.seal(KEY)];
        replica.put(&all(&entries)).await;
        let replica = if is_reopened { replica.reopen().await } else { replica };
        let founding = group(&mut founder, EntryId::ZERO, &own);
        replica.put(&all([&founding])).await;
        assert_eq!(replica.seen().await.counting().len(), 7);
        replica.put(&[epoch(&mut founder, founding.id(), vec![], KEY)]).await;
        let seen = replica.seen().await;
        let words: Vec<_> = entries.iter().map(|entry| seen.word(&entry.id()).unwrap()).collect();
        let no_right = "directory.no_right";
        assert_eq!(words, [no_right, "counts", no_right, "counts"], "reopened: {is_reopened}");
        // An epoch of the space's own under the same key: nobody loses a right by a lie, in quarantine neither (DIR-30).
        let late = writer.seal(KEY);
        replica.put(&all([&late])).await;
        assert!(replica.seen().await.kept.contains_key(&late.id()));
        replica.put(&[epoch(&mut founder, EntryId::ZERO, vec![], KEY)]).await;
        let seen = replica.seen().await;
        for entry in entries.iter().chain([&late]) {
            assert_eq!(seen.word(&entry.id()).as_deref(), Some("counts"));
        }
        replica.assert_settled().await;
    }
}
