//! What goes wrong while a removed device's chain is walked, or is made to: the walk ends where it does elsewhere all the same.

use std::sync::Arc;

use bulla_admission::{AdmissionSettings, codes};
use bulla_core::control::{Cut, Cuts, Revoke, Role};
use bulla_core::genesis::Policy;
use bulla_core::values::PayloadState;
use bulla_core::{EntryId, KeyId, VerifiedEntry};
use bulla_store::{KeptTotals, MemoryBookmarks, QuarantineBounds};

use crate::engine::{Engine, Fault};
use crate::replica::{Replica, pull};
use crate::rules::{is_stored, refused};
use crate::scene::{Writer, all, found, with_admin_and_writer};

/// A cut at an entry that never comes.
const fn never(number: u8) -> Cut {
    Cut { sequence: 50, id: EntryId([number; 32]), control: None }
}

fn cuts(mut cuts: Vec<Cut>) -> Cuts {
    cuts.sort_unstable_by_key(|cut| cut.id);
    Cuts(cuts)
}

/// Different entries in one place of a chain.
fn forks(writer: &Writer, count: u8) -> Vec<VerifiedEntry> {
    (0..count).map(|number| writer.clone().seal(KeyId([100 + number; 32]))).collect()
}

/// Both pull from each other until neither learns anything.
async fn exchange(one: &Replica, other: &Replica) {
    let bookmarks: [Arc<MemoryBookmarks>; 2] = Default::default();
    for round in 0.. {
        assert!(round < 12, "they go on for ever");
        let there = pull(&other.store, &one.store, &bookmarks[0]).await;
        let back = pull(&one.store, &other.store, &bookmarks[1]).await;
        if there.counts.stored + back.counts.stored == 0 {
            return;
        }
    }
}

async fn word(replica: &Replica, entry: &VerifiedEntry) -> Option<String> {
    replica.seen().await.word(&entry.id())
}

/// As many branches as may be open are, where an entry would find no room that leads to another, which counts.
///
/// Clauses: ADM-9.
#[tokio::test]
async fn open_branches_keep_no_chain_open() {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let mut writer = Writer::new(4, space);
    let grant = founder.grant(&writer.device, Role::Writer);
    writer.learn(&grant);
    let frontier = writer.frontier();
    let forks = forks(&writer, 16);
    let link = writer.write();
    let last = writer.write();
    let device = writer.device.key;
    // It keeps the frontier, and all else open; the other lets the frontier count that lies behind the link.
    let lowering = founder.role(&writer.device, Role::Reader, Some(cuts(vec![never(1)])));
    let at = Cut { sequence: 3, id: last.id(), control: None };
    let removal = founder.control(&Revoke { device, cuts: cuts(vec![at, never(2)]) }.into());
    let (one, other) = (Replica::open(space, 1).await, Replica::open(space, 2).await);
    for replica in [&one, &other] {
        replica.put(&all([&genesis, &grant, &lowering, &removal])).await;
    }
    one.put(&all([&frontier, &link, &last])).await;
    assert!(other.put(&all(&forks)).await.iter().all(is_stored));
    assert_eq!(other.put(&all([&link])).await, [refused(codes::BRANCHES, true)]);
    exchange(&one, &other).await;
    for replica in [&one, &other, &other.reopen().await] {
        assert_eq!(word(replica, &frontier).await.as_deref(), Some("counts"));
        assert_eq!(word(replica, &link).await.as_deref(), Some(codes::OPEN));
    }
}

/// Clauses: ADM-9, ADM-12.
#[tokio::test]
async fn what_is_refused_for_a_quota_takes_no_branch() {
    let (mut founder, genesis) = found(Policy { author_entries: Some(2), ..Policy::default() });
    let mut writer = Writer::new(4, founder.space());
    let grant = founder.grant(&writer.device, Role::Writer);
    let forks = forks(&writer, 40);
    let entry = writer.write();
    let device = writer.device.key;
    let removal = founder.control(&Revoke { device, cuts: cuts(vec![never(1)]) }.into());
    let replica = Replica::open(founder.space(), 1).await;
    replica.put(&all([&genesis, &grant, &removal])).await;
    for (at, fork) in forks.iter().chain([&entry]).enumerate() {
        let outcome = replica.put(&all([fork])).await.remove(0);
        let full = refused(codes::AUTHOR_ENTRIES, true);
        assert!(if at < 2 { is_stored(&outcome) } else { outcome == full }, "{at}: {outcome:?}");
    }
}

/// Somebody else's entry, where a chain ends, was refused: for want of room, for a quota, or as a stranger's by now.
///
/// Clauses: ADM-8, ADM-9, ADM-12.
#[tokio::test]
async fn a_header_of_another_author_is_stored_whatever_refuses_it() {
    let limited = Policy { author_entries: Some(2), ..Policy::default() };
    for (role, room, policy) in [
        (Some(Role::Reader), 0, Policy::default()),
        (Some(Role::Writer), 8, limited),
        (None, 8, Policy::default()),
    ] {
        let (mut founder, genesis) = found(policy);
        let space = founder.space();
        let (mut writer, mut other) = (Writer::new(2, space), Writer::new(5, space));
        let mut admin = Writer::new(3, space);
        let grant = founder.grant(&admin.device, Role::Admin);
        admin.learn(&grant);
        let mut control = vec![genesis, grant, founder.grant(&writer.device, Role::Writer)];
        let mut stranger = vec![];
        match role {
            Some(role) => control.push(founder.grant(&other.device, role)),
            None => {
                control.push(admin.grant(&other.device, Role::Writer));
                stranger.push(founder.revoke_all(&admin.device));
            }
        }
        let forks = forks(&other, 2);
        let entry = writer.write();
        let foreign = other.write();
        writer.continue_at(foreign.id(), 2);
        let last = writer.write();
        let removal = founder.revoke(&writer);
        let author = KeptTotals { entries: room, bytes: 1 << 20 };
        let bounds = QuarantineBounds { author, ..QuarantineBounds::default() };
        let engine = Engine::with_bounds(space, 2, bounds);
        let one = Replica::open(space, 1).await;
        let second = Replica::over(engine, AdmissionSettings::default()).await.unwrap();
        one.put(&all(&control)).await;
        one.put(&all([&foreign])).await;
        one.put(&all(stranger.iter().chain([&removal]))).await;
        one.put(&all([&last, &entry])).await;
        second.put(&all(&control)).await;
        second.put(&all(stranger.iter().chain([&removal]))).await;
        second.put(&all(&forks)).await;
        exchange(&one, &second).await;
        for replica in [&one, &second, &second.reopen().await] {
            let word = word(replica, &entry).await;
            assert_eq!(word.as_deref(), Some("directory.cut"), "{role:?}");
        }
    }
}

/// A writer, another one whose entry is where the writer's chain ends, and a removal that leads there.
struct Astray {
    founder: Writer,
    admin: Writer,
    writer: Writer,
    controls: Vec<VerifiedEntry>,
    entry: VerifiedEntry,
    foreign: VerifiedEntry,
    last: VerifiedEntry,
    /// The end of another branch, of which an entry is missing.
    end: VerifiedEntry,
}

fn astray() -> Astray {
    let (mut founder, genesis) = found(Policy::default());
    let space = founder.space();
    let (mut admin, mut writer) = (Writer::new(3, space), Writer::new(4, space));
    let mut other = Writer::new(5, space);
    let grants = [
        founder.grant(&admin.device, Role::Admin),
        founder.grant(&other.device, Role::Writer),
        founder.grant(&writer.device, Role::Writer),
    ];
    admin.learn(&grants[2]);
    let entry = writer.write();
    let mut fork = writer.clone();
    fork.seal(KeyId([9; 32]));
    let end = fork.write();
    let foreign = other.write();
    writer.continue_at(foreign.id(), 2);
    let last = writer.write();
    let controls = std::iter::once(genesis).chain(grants).collect();
    Astray { founder, admin, writer, controls, entry, foreign, last, end }
}

/// What a walk learnt is not forgotten with the `put` for which it went on.
///
/// Clauses: ADM-9, ADM-11.
#[tokio::test]
async fn a_walk_that_is_dropped_is_told_all_the_same() {
    for is_swapped in [false, true] {
        for nth in 1..14 {
            let Astray { mut founder, mut admin, writer, controls, entry, foreign, last, end } =
                astray();
            let (first, second) =
                if is_swapped { (&mut admin, &mut founder) } else { (&mut founder, &mut admin) };
            let device = writer.device.key;
            let cut = Cut { sequence: 3, id: end.id(), control: None };
            let near = first.revoke(&writer);
            let far = second.control(&Revoke { device, cuts: Cuts(vec![cut]) }.into());
            let replica = Replica::open(founder.space(), 1).await;
            replica.put(&all(controls.iter().chain([&near, &far]))).await;
            replica.put(&all([&last, &end])).await;
            replica.engine.plan(nth, Fault::HangBefore);
            replica.try_put(&all([&entry])).await;
            replica.engine.heal();
            replica.put(&all([&foreign])).await;
            replica.put(&all([&entry])).await;
            let word = word(&replica, &entry).await;
            let what = format!("call {nth}, swapped: {is_swapped}");
            assert_eq!(word.as_deref(), Some("directory.cut"), "{what}");
        }
    }
}

/// Clauses: ADM-9, ADM-11.
#[tokio::test]
async fn a_fault_when_a_header_of_another_author_comes_leaves_nothing_open() {
    for fault in Fault::ALL {
        for nth in 1..14 {
            let Astray { mut founder, writer, controls, entry, foreign, last, .. } = astray();
            let removal = founder.revoke(&writer);
            let replica = Replica::open(founder.space(), 1).await;
            replica.put(&all(controls.iter().chain([&removal]))).await;
            replica.put(&all([&last, &entry])).await;
            assert_eq!(word(&replica, &entry).await.as_deref(), Some(codes::OPEN));
            replica.engine.plan(nth, fault);
            replica.try_put(&all([&foreign])).await;
            replica.engine.heal();
            replica.put(&all([&foreign])).await;
            let word = word(&replica, &entry).await;
            assert_eq!(word.as_deref(), Some("directory.cut"), "call {nth}, {fault:?}");
        }
    }
}

/// An erasure that counts no more is forgotten by an entry in quarantine too, for which a dropped `put` had it remembered.
///
/// Clauses: ADM-10, ADM-11, ADM-15, ERA-8.
#[tokio::test]
async fn what_a_dropped_put_had_erased_is_whole_when_it_leaves_the_quarantine() {
    for nth in 1..12 {
        let (mut founder, genesis) = found(Policy::default());
        let space = founder.space();
        let (mut eraser, mut remover) = (Writer::new(3, space), Writer::new(5, space));
        let mut writer = Writer::new(6, space);
        let grants = [
            founder.grant(&eraser.device, Role::Admin),
            founder.grant(&remover.device, Role::Admin),
            founder.grant(&writer.device, Role::Writer),
        ];
        eraser.learn(&grants[2]);
        remover.learn(&grants[2]);
        let entry = writer.write();
        let erasure = eraser.erase(vec![entry.id()]);
        let removal = remover.revoke_all(&writer.device);
        let of_eraser = founder.revoke_all(&eraser.device);
        let of_remover = founder.revoke_all(&remover.device);
        let replica = Replica::open(space, 1).await;
        replica.put(&all([&genesis].into_iter().chain(&grants).chain([&erasure]))).await;
        replica.engine.plan(nth, Fault::HangBefore);
        replica.try_put(&all([&entry])).await;
        replica.engine.heal();
        replica.put(&all([&removal])).await;
        replica.put(&all([&of_eraser])).await;
        replica.put(&all([&entry])).await;
        replica.put(&all([&of_remover])).await;
        // If the first put was not dropped, its payload went with it and comes now.
        replica.put(&all([&entry])).await;
        let seen = replica.seen().await;
        assert_eq!(seen.held[&entry.id()], (None, PayloadState::Present), "call {nth}");
    }
}

/// A quarantine may be set to hold more than a request may name or a `put` may bring.
///
/// Clauses: ADM-9.
#[tokio::test]
async fn more_is_brought_out_than_a_request_may_name() {
    const COUNT: usize = 10_500;
    let (mut founder, mut admin, mut writer, mut controls) =
        with_admin_and_writer(Policy::default());
    let space = founder.space();
    let within = writer.write_many(1);
    let near = admin.revoke(&writer);
    let between = writer.write_many(COUNT);
    let far = founder.revoke(&writer);
    let author = KeptTotals { entries: 16_384, bytes: 64 << 20 };
    let bounds = QuarantineBounds { author, ..QuarantineBounds::default() };
    let engine = Engine::with_bounds(space, 1, bounds);
    let replica = Replica::over(engine, AdmissionSettings::default()).await.unwrap();
    controls.extend(all([&near, &far]));
    replica.put(&controls).await;
    for part in between.chunks(4_000) {
        replica.put(part).await;
    }
    assert!(is_stored(&replica.put(&within).await[0]));
    assert_eq!(replica.kept().await.len(), 0);
    assert_eq!(replica.seen().await.counting().len(), 6);
}
